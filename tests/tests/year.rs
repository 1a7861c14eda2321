//! A sender's year in virtual time: no honest event is lost, none is completed twice, and an attacker
//! causes no run that nothing honest made possible.
//!
//! `COUNTERSIGN_YEARS=10000 cargo test --release -p countersign-tests --test year -- --nocapture` runs
//! as many years of each sender, and prints what was counted.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "tests"
)]

use std::{env, time::Duration};

use countersign_core::MemoryStore;
use countersign_sqlite::{SqliteStore, Synchronous};
use countersign_testkit::ManualClock;
use countersign_tests::year::{CHANGES, Ground, House, Off, Story, live, runtime, shorten, tell};
use tempfile::TempDir;

struct Memory(MemoryStore);

impl Ground for Memory {
    type Store = MemoryStore;

    fn store(&self) -> MemoryStore {
        self.0.clone()
    }

    /// Its clock is the world's.
    async fn advance(&mut self, _: Duration) {}

    fn outlives(&self) -> bool {
        false
    }
}

async fn memory(clock: ManualClock) -> Memory {
    Memory(MemoryStore::builder().with_clock(clock).build())
}

struct File {
    store: SqliteStore,
    _place: TempDir,
}

impl Ground for File {
    type Store = SqliteStore;

    fn store(&self) -> SqliteStore {
        self.store.clone()
    }

    async fn advance(&mut self, _: Duration) {}

    fn outlives(&self) -> bool {
        true
    }
}

async fn file(clock: ManualClock) -> File {
    let place = tempfile::tempdir().unwrap();
    let builder = SqliteStore::builder(place.path().join("year.db"));
    // No power fails here, so it need not wait for the disk.
    let builder = builder.synchronous(Synchronous::Normal);
    let store = builder.with_clock(clock).open().unwrap();
    File {
        store,
        _place: place,
    }
}

/// How many years of each sender.
fn years(or: u64) -> u64 {
    let asked = env::var("COUNTERSIGN_YEARS").ok();
    asked.and_then(|years| years.parse().ok()).unwrap_or(or)
}

#[test]
fn no_event_is_lost_in_memory() {
    live(years(150), memory);
}

#[test]
fn no_event_is_lost_in_a_file() {
    live(years(20).min(200), file);
}

// A simulation that goes well whatever is left out would show nothing.
#[test]
fn each_rule_is_needed() {
    let runtime = runtime();
    for off in Off::ALL {
        let story = (0..400)
            .flat_map(|seed| House::ALL.map(|house| Story::new(house, seed, CHANGES)))
            .find(|story| runtime.block_on(tell(story, Some(off), memory)).is_err());
        let story = story.unwrap_or_else(|| panic!("nothing goes wrong without {off:?}"));
        let told = shorten(story, Some(off), memory);
        println!("Without {off:?}:\n{told}\n");
        let lines = told.lines().count();
        assert!((2..=20).contains(&lines), "{lines} lines:\n{told}");
    }
}
