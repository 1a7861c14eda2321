//! Files that are locked, read-only, damaged, missing or of something else.

use core::{error::Error, time::Duration};
use std::{fs, io::Write, path::Path};

use countersign_core::{Claim, DedupStore, KeyState, StoreErrorKind};
use countersign_sqlite::{OpenError, OpenErrorKind, SqliteStore, rusqlite::Connection};
use countersign_testkit::ManualClock;

use crate::help::{Place, done, hold, key, now, refusal, request, state};

const PATIENCE: Duration = Duration::from_millis(30);

fn refused(path: &Path) -> OpenError {
    let builder = SqliteStore::builder(path).busy_timeout(PATIENCE);
    let error = builder.open().unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(path.file_name().unwrap().to_str().unwrap()),
        "{text}"
    );
    error
}

#[test]
fn a_missing_directory_is_named() {
    let place = Place::new();
    let path = place
        .database()
        .with_file_name("missing")
        .join("deliveries.db");
    let error = refused(&path);
    assert_eq!(error.kind(), OpenErrorKind::CannotOpen);
    assert_eq!(error.path(), path);
    assert!(error.to_string().contains("make its directory"), "{error}");
    assert!(error.source().is_some());
    assert!(!path.exists());
}

#[test]
fn a_directory_is_no_database() {
    let place = Place::new();
    let error = refused(place.database().parent().unwrap());
    assert_eq!(error.kind(), OpenErrorKind::CannotOpen);
}

#[test]
fn memory_is_no_place_to_remember() {
    let error = SqliteStore::open(":memory:").unwrap_err();
    assert_eq!(error.kind(), OpenErrorKind::NotDurable);
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let place = Place::new();
    let text = "not a database\n".repeat(1_000);
    fs::write(place.database(), &text).unwrap();
    let error = refused(&place.database());
    assert_eq!(error.kind(), OpenErrorKind::Corrupt);
    assert!(error.to_string().contains("backup"), "{error}");
    assert_eq!(fs::read_to_string(place.database()).unwrap(), text);
}

#[test]
fn a_database_of_something_else_is_left_alone() {
    let place = Place::new();
    let connection = Connection::open(place.database()).unwrap();
    let table = "CREATE TABLE invoices (id INTEGER PRIMARY KEY)";
    connection.execute_batch(table).unwrap();
    drop(connection);
    let before = fs::read(place.database()).unwrap();
    assert_eq!(refused(&place.database()).kind(), OpenErrorKind::Foreign);
    assert_eq!(fs::read(place.database()).unwrap(), before);
}

#[test]
fn a_later_version_is_left_alone() {
    let place = Place::new();
    drop(place.open(&ManualClock::new()));
    let connection = Connection::open(place.database()).unwrap();
    connection
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    assert_eq!(refused(&place.database()).kind(), OpenErrorKind::TooNew);
}

#[cfg(unix)]
#[test]
fn a_read_only_file_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let path = place.database();
    now(place.open(&ManualClock::new()).close());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    if fs::OpenOptions::new().write(true).open(&path).is_ok() {
        // The super-user writes to anything.
        return;
    }
    let error = refused(&path);
    assert_eq!(error.kind(), OpenErrorKind::ReadOnly, "{error:?}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let directory = path.parent().unwrap();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o555)).unwrap();
    let error = refused(&path);
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(
        matches!(
            error.kind(),
            OpenErrorKind::ReadOnly | OpenErrorKind::CannotOpen
        ),
        "{error:?}"
    );
}

#[test]
fn a_locked_file_is_refused_at_first_and_later() {
    let place = Place::new();
    let path = place.database();
    let store = place.builder().busy_timeout(PATIENCE).open().unwrap();
    let other = Connection::open(&path).unwrap();
    now(async {
        done(&store, key(1)).await;
        let held = hold(&store, key(2), 1).await;
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(refusal(&store, key(3)).await, StoreErrorKind::Unavailable);
        let lost = store.release(&key(2), held.fence).await.unwrap_err();
        assert_eq!(lost.kind(), StoreErrorKind::Unavailable);
        let error = refused(&path);
        assert_eq!(error.kind(), OpenErrorKind::Busy);
        assert!(error.to_string().contains("another process"), "{error}");
        other.execute_batch("ROLLBACK").unwrap();
        // Nothing of what was refused was done, and nothing was lost.
        assert_eq!(state(&store, key(3)).await, KeyState::Absent);
        assert!(matches!(
            state(&store, key(2)).await,
            KeyState::InFlight { .. }
        ));
        assert_eq!(state(&store, key(1)).await, KeyState::Completed);
        hold(&store, key(3), 1).await;
    });
}

#[test]
fn a_lock_that_is_given_up_in_time_is_waited_for() {
    let place = Place::new();
    let store = place.builder().open().unwrap();
    let other = Connection::open(place.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            other.execute_batch("ROLLBACK").unwrap();
        });
        let second = scope.spawn(|| place.builder().open());
        now(hold(&store, key(1), 1));
        second.join().unwrap().unwrap();
    });
}

/// Damage is noticed or does no harm: a key that was done is never handed out again.
#[test]
fn a_damaged_file_loses_no_key() {
    const KEYS: usize = 400;
    let (mut noticed, mut went_on) = (0, 0);
    for page in 1..24 {
        let place = Place::new();
        let clock = ManualClock::new();
        now(async {
            let store = place.open(&clock);
            for n in 0..KEYS {
                done(&store, key(n)).await;
            }
            store.close().await;
            let mut bytes = fs::read(place.database()).unwrap();
            let Some(damaged) = bytes.get_mut(page * 4_096..(page + 1) * 4_096) else {
                return;
            };
            damaged.fill(if page % 2 == 0 { 0xff } else { 0 });
            fs::write(place.database(), bytes).unwrap();

            let store = match place.builder().with_clock(clock).open() {
                Ok(store) => store,
                Err(error) => {
                    assert_eq!(error.kind(), OpenErrorKind::Corrupt, "{error:?}");
                    noticed += 1;
                    return;
                }
            };
            let mut failed = false;
            for n in 0..KEYS {
                match store.claim(request(key(n), 7)).await {
                    Ok(claim) => {
                        assert!(matches!(claim, Claim::Completed { .. }), "{n}");
                        went_on += usize::from(failed);
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), StoreErrorKind::Backend);
                        noticed += 1;
                        failed = true;
                    }
                }
            }
        });
    }
    assert!(noticed > KEYS, "{noticed}");
    // A failure is undone, and the next operation is another matter.
    assert!(went_on > KEYS, "{went_on}");
}

#[test]
fn a_truncated_file_is_refused() {
    let place = Place::new();
    let clock = ManualClock::new();
    now(async {
        let store = place.open(&clock);
        for n in 0..400 {
            done(&store, key(n)).await;
        }
        store.close().await;
    });
    let file = fs::OpenOptions::new()
        .write(true)
        .open(place.database())
        .unwrap();
    file.set_len(3 * 4_096).unwrap();
    match place.builder().open() {
        Err(error) => assert_eq!(error.kind(), OpenErrorKind::Corrupt, "{error:?}"),
        Ok(store) => now(async {
            let error = store.claim(request(key(1), 1)).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Backend, "{error:?}");
        }),
    }
}

#[test]
fn errors_name_no_row() {
    let place = Place::new();
    let clock = ManualClock::new();
    now(async {
        let store = place.open(&clock);
        done(&store, key(1)).await;
        store.close().await;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .open(place.database())
            .unwrap();
        file.write_all(&[0; 4_096]).unwrap();
        let error = refused(&place.database());
        let shown = format!("{error} {error:?} {}", error.source().unwrap());
        let hex: String = key(1)
            .as_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert!(!shown.contains(&hex[..8]), "{shown}");
    });
}
