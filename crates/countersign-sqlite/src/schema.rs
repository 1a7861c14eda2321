//! The tables, and how an older database becomes a current one.

use rusqlite::Connection;

/// Marks a database as ours: "csgn".
const APPLICATION: i64 = 0x6373_676e;

/// Each step takes a database from the version of its index to the next. Never changed once
/// released; `PRAGMA user_version` counts the steps that were taken.
const STEPS: [&str; 1] = ["
    -- A delivery. `id` is the fence of the claim that holds it or completed it, so a takeover gives
    -- it a new one. `until` is until when it is remembered, and negative while it is in flight: a
    -- number of the same width, so that completing does not make the row grow. `aliases` lists the
    -- names, of 32 bytes each, that were claimed with it.
    CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        until INTEGER NOT NULL,
        fingerprint INTEGER NOT NULL,
        aliases BLOB
    );
    CREATE INDEX deliveries_until ON deliveries (until) WHERE until > 0;

    -- Who runs a delivery: a few rows, apart from the many that are done.
    CREATE TABLE holds (
        id INTEGER PRIMARY KEY,
        owner BLOB NOT NULL,
        since INTEGER NOT NULL,
        until INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        recurrence INTEGER NOT NULL
    );

    -- Another name of a delivery, which several may have, and the run of the subject that it was claimed
    -- in; 0 is none. One whose delivery is gone, or taken over by another, is not left.
    CREATE TABLE aliases (
        name BLOB NOT NULL,
        id INTEGER NOT NULL,
        run INTEGER NOT NULL,
        PRIMARY KEY (name, id)
    ) WITHOUT ROWID;

    -- What was claimed last of an entity. A run is named by the fence of the claim that began it.
    CREATE TABLE subjects (
        name BLOB PRIMARY KEY,
        fingerprint INTEGER NOT NULL,
        run INTEGER NOT NULL,
        until INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX subjects_until ON subjects (until);

    -- The last fence that was given, to any delivery.
    CREATE TABLE fence (last INTEGER NOT NULL);
    INSERT INTO fence VALUES (0);
"];

/// Whose a database is.
pub(crate) enum Origin {
    Ours,
    Foreign,
    TooNew,
}

/// Looks at a database without changing it; an empty one is ours.
pub(crate) fn origin(connection: &Connection) -> rusqlite::Result<Origin> {
    let application = number(connection, "PRAGMA application_id")?;
    let version = version(connection)?;
    let tables = number(connection, "SELECT count(*) FROM sqlite_master")?;
    let empty = application == 0 && version == 0 && tables == 0;
    Ok(if !empty && application != APPLICATION {
        Origin::Foreign
    } else if usize::try_from(version).is_ok_and(|version| version > STEPS.len()) {
        Origin::TooNew
    } else {
        Origin::Ours
    })
}

/// Takes the steps that are missing. The caller has begun a transaction.
pub(crate) fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let taken = usize::try_from(version(connection)?).unwrap_or(usize::MAX);
    for (step, to) in STEPS.iter().zip(1..).skip(taken) {
        connection.execute_batch(step)?;
        connection.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {to}"
        ))?;
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    number(connection, "PRAGMA user_version")
}

pub(crate) fn number(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
    connection.query_row(sql, [], |row| row.get(0))
}
