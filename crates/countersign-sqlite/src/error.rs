//! Why a database could not be opened, and what an operation's failure is to the receiver.

// docs/decisions.md: D38.

use core::{error::Error, fmt};
use std::{
    io,
    path::{Path, PathBuf},
};

use countersign_core::StoreError;
use rusqlite::ErrorCode;

type BoxError = Box<dyn Error + Send + Sync>;

/// A database could not be opened as a store.
///
/// Its text names the file and what to do about it.
#[derive(Debug)]
pub struct OpenError {
    kind: OpenErrorKind,
    path: PathBuf,
    source: Option<BoxError>,
}

/// What kind of failure an [`OpenError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpenErrorKind {
    /// The file cannot be made or opened: its directory is missing, or access is denied.
    CannotOpen,
    /// Another process kept the database, or its lock file, to itself for longer than the store
    /// waits.
    Busy,
    /// The file, or its directory, cannot be written to.
    ReadOnly,
    /// The file is no database, or a damaged one.
    Corrupt,
    /// The file is a database of something else.
    Foreign,
    /// The file was written by a later version of this crate.
    TooNew,
    /// The place of the file cannot keep deliveries: it is in memory, or a file system without
    /// shared memory.
    NotDurable,
    /// The disk is full, or the file as large as it may be.
    Full,
    /// Anything else; see the source.
    Other,
}

impl OpenError {
    pub(crate) fn new(kind: OpenErrorKind, path: &Path) -> Self {
        Self {
            kind,
            path: path.to_owned(),
            source: None,
        }
    }

    pub(crate) fn sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => OpenErrorKind::CannotOpen,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenErrorKind::Busy,
            Some(ErrorCode::ReadOnly) => OpenErrorKind::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => OpenErrorKind::Corrupt,
            Some(ErrorCode::DiskFull) => OpenErrorKind::Full,
            _ => OpenErrorKind::Other,
        };
        Self {
            source: Some(Box::new(error)),
            ..Self::new(kind, path)
        }
    }

    pub(crate) fn io(path: &Path, error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => OpenErrorKind::CannotOpen,
            io::ErrorKind::ReadOnlyFilesystem => OpenErrorKind::ReadOnly,
            io::ErrorKind::StorageFull => OpenErrorKind::Full,
            _ => OpenErrorKind::Other,
        };
        Self {
            source: Some(Box::new(error)),
            ..Self::new(kind, path)
        }
    }

    /// What kind of failure it is.
    #[must_use]
    pub const fn kind(&self) -> OpenErrorKind {
        self.kind
    }

    /// The file that could not be opened: the database or its lock file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.kind {
            OpenErrorKind::CannotOpen => write!(
                f,
                "cannot open {path}: make its directory and let this user write to it"
            ),
            OpenErrorKind::Busy => write!(
                f,
                "{path} is locked by another process: end what keeps it locked (a backup, a shell) \
                 or wait longer with `busy_timeout`"
            ),
            OpenErrorKind::ReadOnly => write!(
                f,
                "{path} cannot be written to: let this user write to the file and its directory"
            ),
            OpenErrorKind::Corrupt => write!(
                f,
                "{path} is damaged or no SQLite database: restore it from a backup, or move it away \
                 to begin with an empty store, which lets deliveries that were done run again"
            ),
            OpenErrorKind::Foreign => write!(
                f,
                "{path} is a database of something else: give the store a file of its own"
            ),
            OpenErrorKind::TooNew => write!(
                f,
                "{path} was written by a later version of countersign-sqlite: use that version"
            ),
            OpenErrorKind::NotDurable => write!(
                f,
                "{path} cannot be kept in WAL mode: use a file on a disk of this machine"
            ),
            OpenErrorKind::Full => write!(
                f,
                "there is no room for {path}: free some of the disk, or raise `max_bytes`"
            ),
            OpenErrorKind::Other => write!(f, "cannot use {path} as a store"),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

/// What a failed operation is to who asked for it.
pub(crate) fn store_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::full(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::unavailable(error),
        _ => StoreError::backend(error),
    }
}

pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// The same failure for another operation of the batch that it stopped.
pub(crate) fn same(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, text) => {
            rusqlite::Error::SqliteFailure(*code, text.clone())
        }
        other => rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR),
            Some(other.to_string()),
        ),
    }
}
