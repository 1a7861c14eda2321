//! What these tests share.

use core::time::Duration;
use std::path::PathBuf;

use countersign_core::{
    Claim, ClaimRequest, Claimed, DedupStore, DeliveryKey, Fenced, KeyState, Owner, StoreErrorKind,
};
use countersign_sqlite::{SqliteStore, SqliteStoreBuilder, Synchronous, rusqlite::Connection};
use countersign_testkit::ManualClock;
use countersign_tests::claims::AboutOne;
use tempfile::TempDir;

pub(crate) const LEASE: Duration = Duration::from_secs(30);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A directory for one database.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.path().join("deliveries.db")
    }

    /// A store that does not wait for the disk, since no test here takes the power away.
    pub(crate) fn builder(&self) -> SqliteStoreBuilder {
        SqliteStore::builder(self.database()).synchronous(Synchronous::Normal)
    }

    /// How many deliveries, holders, aliases and subjects are in the database.
    pub(crate) fn rows(&self) -> [i64; 4] {
        let connection = Connection::open(self.database()).unwrap();
        let count = "SELECT (SELECT count(*) FROM deliveries), (SELECT count(*) FROM holds), \
            (SELECT count(*) FROM aliases), (SELECT count(*) FROM subjects)";
        connection
            .query_row(count, [], |row| {
                Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
            })
            .unwrap()
    }

    pub(crate) fn open(&self, clock: &ManualClock) -> SqliteStore {
        self.builder().with_clock(clock.clone()).open().unwrap()
    }
}

/// Runs a future to its end on this thread.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

pub(crate) fn key(n: usize) -> DeliveryKey {
    DeliveryKey::for_id("test", None, &n.to_string())
}

pub(crate) fn request(key: DeliveryKey, owner: u128) -> ClaimRequest<'static> {
    ClaimRequest::new(key, Owner::from_u128(owner), LEASE)
}

pub(crate) async fn claim(store: &SqliteStore, key: DeliveryKey, owner: u128) -> Claim {
    store.claim(request(key, owner)).await.unwrap()
}

pub(crate) async fn hold(store: &SqliteStore, key: DeliveryKey, owner: u128) -> Claimed {
    match claim(store, key, owner).await {
        Claim::Claimed(claimed) => claimed,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn complete(store: &SqliteStore, key: DeliveryKey, claimed: Claimed) {
    let applied = store.complete(&key, claimed.fence, DAY).await.unwrap();
    assert_eq!(applied, Fenced::Applied);
}

pub(crate) async fn done(store: &SqliteStore, key: DeliveryKey) {
    let claimed = hold(store, key, 1).await;
    complete(store, key, claimed).await;
}

pub(crate) async fn done_as(store: &SqliteStore, key: DeliveryKey, aliases: &[DeliveryKey]) {
    let request = request(key, 1).about_one(aliases);
    let Claim::Claimed(claimed) = store.claim(request).await.unwrap() else {
        panic!("a fresh key is free");
    };
    complete(store, key, claimed).await;
}

pub(crate) async fn state(store: &SqliteStore, key: DeliveryKey) -> KeyState {
    store.state(&key).await.unwrap()
}

pub(crate) async fn refusal(store: &SqliteStore, key: DeliveryKey) -> StoreErrorKind {
    store.claim(request(key, 9)).await.unwrap_err().kind()
}

pub(crate) fn is_running(claim: Claim, on: DeliveryKey) -> bool {
    matches!(claim, Claim::InFlight { on: other, remaining, .. } if other == on && remaining <= LEASE)
}
