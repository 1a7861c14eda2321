//! What a store can be told.

use core::time::Duration;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign_core::Clock;

use crate::{OpenError, SqliteStore, time::Time};

/// When a commit is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Synchronous {
    /// When it is on the disk: what was acknowledged survives a loss of power.
    #[default]
    Full,
    /// When it is with the operating system: it survives the process, but a loss of power can take
    /// the last moments away, and the deliveries in them run again when they are sent again.
    Normal,
}

/// Builds a [`SqliteStore`].
///
/// ```
/// use core::time::Duration;
/// use countersign_sqlite::{SqliteStore, Synchronous};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("deliveries.db");
/// let store = SqliteStore::builder(path)
///     .synchronous(Synchronous::Normal)
///     .busy_timeout(Duration::from_millis(500))
///     .open()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SqliteStoreBuilder {
    path: PathBuf,
    options: Options,
}

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) synchronous: Synchronous,
    pub(crate) busy_timeout: Duration,
    pub(crate) max_pending: usize,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) time: Time,
}

impl SqliteStoreBuilder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            options: Options {
                synchronous: Synchronous::Full,
                busy_timeout: Duration::from_secs(1),
                max_pending: 4_096,
                max_bytes: None,
                time: Time::System,
            },
        }
    }

    /// Sets when a commit is acknowledged. The default is [`Synchronous::Full`].
    pub const fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.options.synchronous = synchronous;
        self
    }

    /// Sets how long to wait for another process that has the database locked. Operations fail after that,
    /// and so does opening. The default is one second.
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.options.busy_timeout = timeout;
        self
    }

    /// Sets how many operations may wait for the writer. Those beyond are refused at once, with an error of
    /// the kind `Unavailable`. The default is 4,096.
    pub const fn max_pending(mut self, operations: usize) -> Self {
        self.options.max_pending = operations;
        self
    }

    /// Sets how large the database may get, in bytes, at about 140 a delivery. There is no limit by default.
    ///
    /// A store that is nearly as large as it may be refuses claims with an error of the kind `Full`,
    /// which leaves 64 KiB to settle a thousand running deliveries in. Nothing that is remembered is
    /// given up. The log of recent changes beside the database is not counted.
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.options.max_bytes = Some(bytes);
        self
    }

    /// The clock that leases and retentions are judged by; only [`Clock::now`] is used.
    ///
    /// Without one it is the machine's wall clock, and all processes that share the file have to
    /// agree on it.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.options.time = Time::Clock(Arc::new(clock));
        self
    }

    /// Opens the database, or makes it.
    ///
    /// Blocks on the disk, and on other processes for as long as
    /// [`busy_timeout`](Self::busy_timeout) says: call it before serving begins, or on a thread that
    /// may block.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, is locked, read-only, damaged, of something else or of a
    /// later version, or cannot be kept durably.
    pub fn open(self) -> Result<SqliteStore, OpenError> {
        SqliteStore::with_options(&self.path, &self.options)
    }

    #[cfg(test)]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    #[cfg(test)]
    pub(crate) const fn options(&self) -> &Options {
        &self.options
    }
}
