//! Opening a database file: whose it is, how it syncs, and who was left in flight.

use core::time::Duration;
use std::{path::Path, thread, time::Instant};

use rusqlite::{Connection, OpenFlags, params};

use crate::{
    OpenError, OpenErrorKind,
    builder::{Options, Synchronous},
    error::is_busy,
    lock::{Company, LockFile},
    schema::{self, Origin, number},
    time::Millis,
};

/// How long SQLite itself polls a lock; longer waits are ours, so that polling stays frequent.
const SLICE: Duration = Duration::from_millis(5);

/// A database that is ready for the writer, and the lock that says that it is in use.
pub(crate) struct Database {
    // In this order: the lock is given up after the connection is closed.
    pub(crate) connection: Connection,
    pub(crate) lock: LockFile,
}

impl Database {
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |error| OpenError::sqlite(path, error);
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(SLICE).map_err(failed)?;

        let patience = options.busy_timeout;
        let origin = patiently(patience, || schema::origin(&connection)).map_err(failed)?;
        match origin {
            Origin::Ours => {}
            Origin::Foreign => return Err(OpenError::new(OpenErrorKind::Foreign, path)),
            Origin::TooNew => return Err(OpenError::new(OpenErrorKind::TooNew, path)),
        }
        let durable = patiently(patience, || configure(&connection, options)).map_err(failed)?;
        if !durable {
            return Err(OpenError::new(OpenErrorKind::NotDurable, path));
        }

        let (lock, company) = LockFile::open(path)?;
        let now = options.time.now();
        patiently(patience, || prepare(&connection, &company, now)).map_err(failed)?;
        let lock = lock.share(&company, patience)?;
        Ok(Self { connection, lock })
    }
}

/// Sets the connection up; false when the database cannot be in WAL mode.
fn configure(connection: &Connection, options: &Options) -> rusqlite::Result<bool> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| {
        row.get::<_, String>(0)
    })?;
    if mode != "wal" {
        return Ok(false);
    }
    // `fullfsync` is for macOS, where fsync alone leaves data in the drive's cache.
    connection.execute_batch(match options.synchronous {
        Synchronous::Full => "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON",
        Synchronous::Normal => "PRAGMA synchronous = NORMAL",
    })?;
    // Keys are hashes, so each claim touches another page: 16 MiB keep those of some 200,000
    // deliveries at hand.
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA cache_size = -16384")?;
    Ok(true)
}

/// Brings the tables up to date and, when this process is alone, ends the leases of those that died.
fn prepare(connection: &Connection, company: &Company, now: Millis) -> rusqlite::Result<()> {
    let transaction = begin(connection)?;
    schema::migrate(connection)?;
    if let Company::Alone = company {
        connection.execute(
            "UPDATE holds SET since = min(since, ?1), until = min(until, ?1)",
            params![now],
        )?;
    }
    // Starting at the time of day keeps fences growing when the file was lost or restored.
    let seconds = now.max(0) / 1_000;
    connection.execute(
        "UPDATE fence SET last = max(last, ?1)",
        params![seconds.saturating_mul(1 << 16)],
    )?;
    transaction.commit()
}

fn begin(connection: &Connection) -> rusqlite::Result<rusqlite::Transaction<'_>> {
    rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)
}

/// The most pages that a database may have.
pub(crate) fn limit_size(connection: &Connection, bytes: u64) -> rusqlite::Result<i64> {
    let page = number(connection, "PRAGMA page_size")?.max(1);
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let pages = bytes.checked_div(page).unwrap_or(0).max(1);
    // SQLite answers with the limit in effect, which is never below what the file has already.
    number(connection, &format!("PRAGMA max_page_count = {pages}"))
}

/// Tries again for as long as somebody else has the database locked and patience lasts.
pub(crate) fn patiently<T>(
    patience: Duration,
    mut attempt: impl FnMut() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let begin = Instant::now();
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && begin.elapsed() < patience => {
                thread::sleep(Duration::from_millis(1));
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SqliteStore, SqliteStoreBuilder};

    fn synchronous(builder: &SqliteStoreBuilder) -> i64 {
        let database = Database::open(builder.path(), builder.options()).unwrap();
        let mode = "PRAGMA journal_mode";
        let mode = database
            .connection
            .query_row(mode, [], |row| row.get::<_, String>(0));
        assert_eq!(mode.unwrap(), "wal");
        number(&database.connection, "PRAGMA synchronous").unwrap()
    }

    // That an fsync was made cannot be seen without taking the power away.
    #[test]
    fn a_commit_reaches_the_disk_unless_told_otherwise() {
        let directory = tempfile::tempdir().unwrap();
        let builder = || SqliteStore::builder(directory.path().join("deliveries.db"));
        assert_eq!(synchronous(&builder()), 2);
        assert_eq!(synchronous(&builder().synchronous(Synchronous::Normal)), 1);
    }
}
