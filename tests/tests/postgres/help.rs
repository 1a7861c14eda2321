//! A store in a table of its own, and what is done with it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use countersign_core::{Claim, ClaimRequest, Claimed, DedupStore, DeliveryKey, Owner};
use countersign_postgres::{PostgresStore, Table};
use countersign_tests::postgres_server::PostgresServer;

pub(crate) const LEASE: Duration = Duration::from_secs(60);
pub(crate) const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A store in a table of its own.
pub(crate) async fn store(
    server: &PostgresServer,
    table: &str,
    connections: usize,
) -> PostgresStore {
    let table: Table = table.parse().unwrap();
    let store = PostgresStore::new(server.pool(connections))
        .with_table(table)
        .with_time_limit(Duration::from_secs(20));
    store.migrate().await.unwrap();
    store
}

pub(crate) fn new_key() -> DeliveryKey {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    DeliveryKey::for_id("postgres", None, &next.to_string())
}

pub(crate) async fn claim_by(store: &PostgresStore, key: DeliveryKey, owner: u128) -> Claim {
    let request = ClaimRequest::new(key, Owner::from_u128(owner), LEASE);
    store.claim(request).await.unwrap()
}

/// A claim that must be granted.
pub(crate) async fn hold(store: &PostgresStore, key: DeliveryKey, owner: u128) -> Claimed {
    match claim_by(store, key, owner).await {
        Claim::Claimed(claimed) => claimed,
        other => panic!("{other:?}"),
    }
}

/// Lets time pass for all rows of a table.
pub(crate) async fn age(server: &PostgresServer, table: &str, by: Duration) {
    let client = server.pool(1).get().await.unwrap();
    let millis = i64::try_from(by.as_millis()).unwrap();
    for table in [table, &format!("{table}_subjects")] {
        let older =
            format!("UPDATE {table} SET until = until - $1::bigint * interval '1 millisecond'");
        client.execute(&older, &[&millis]).await.unwrap();
    }
}
