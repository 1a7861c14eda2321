//! The lock file: who is alone with a database, and who is not.

// docs/decisions.md: D35.

use core::time::Duration;
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use crate::{OpenError, OpenErrorKind};

/// The lock that a process holds for as long as it has a database open.
///
/// It is on a file of its own: closing any handle of the database file would drop the locks that
/// SQLite has on it.
#[derive(Debug)]
pub(crate) struct LockFile {
    file: File,
    path: PathBuf,
}

/// Whether other processes have the database open.
pub(crate) enum Company {
    /// No, and none can open it before [`LockFile::share`].
    Alone,
    /// Yes, or the file system has no locks to tell by.
    Others,
}

impl LockFile {
    /// Opens the lock file of a database that exists, and finds out whether this process is alone.
    pub(crate) fn open(database: &Path) -> Result<(Self, Company), OpenError> {
        // Two ways to the same database must meet in one lock file.
        let database =
            fs::canonicalize(database).map_err(|error| OpenError::io(database, error))?;
        let mut name = OsString::from(database.file_name().unwrap_or_default());
        name.push("-lock");
        let path = database.with_file_name(name);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| OpenError::io(&path, error))?;
        let company = match file.try_lock() {
            Ok(()) => Company::Alone,
            Err(TryLockError::WouldBlock) => Company::Others,
            Err(TryLockError::Error(error)) if is_unsupported(&error) => Company::Others,
            Err(TryLockError::Error(error)) => return Err(OpenError::io(&path, error)),
        };
        Ok((Self { file, path }, company))
    }

    /// Holds the lock together with all others that have the database open, until it is dropped.
    ///
    /// Has to come before the first claim: from then on nobody is alone.
    pub(crate) fn share(self, company: &Company, patience: Duration) -> Result<Self, OpenError> {
        let error = |error| OpenError::io(&self.path, error);
        if let Company::Alone = company {
            // Turning one lock into the other is not one step anywhere. Who slips in between finds
            // no claim of ours yet.
            self.file.unlock().map_err(error)?;
        }
        let begin = Instant::now();
        loop {
            match self.file.try_lock_shared() {
                Ok(()) => return Ok(self),
                Err(TryLockError::WouldBlock) if begin.elapsed() < patience => {
                    thread::sleep(Duration::from_millis(2));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(OpenError::new(OpenErrorKind::Busy, &self.path));
                }
                // Nobody can be alone then, so nobody takes our claims over early.
                Err(TryLockError::Error(reason)) if is_unsupported(&reason) => return Ok(self),
                Err(TryLockError::Error(reason)) => return Err(error(reason)),
            }
        }
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}
