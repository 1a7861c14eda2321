//! The rules of every store, over each kind of table.

use std::{sync::Arc, time::Duration};

use countersign_core::{Claim, DedupStore, DeliveryKey, KeyState, SystemClock};
use countersign_postgres::{
    PostgresStore, Table,
    deadpool_postgres::{Manager, Pool},
    tokio_postgres::NoTls,
};
use countersign_testkit::store_suite::{self, Fixture};
use countersign_tests::postgres_server::PostgresServer;
use tokio::task::JoinSet;

use crate::help::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_store_keeps_all_rules() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "rules", 16).await;
    keeps_all_rules(server, "rules", store).await;
}

// Whatever an application's database takes for the default.
#[tokio::test(flavor = "multi_thread")]
async fn the_store_keeps_all_rules_where_transactions_are_serializable() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let mut config = server.config();
    config.options("-c default_transaction_isolation=serializable");
    let pool = Pool::builder(Manager::new(config, NoTls))
        .max_size(16)
        .build()
        .unwrap();
    let store = PostgresStore::new(pool)
        .with_table("serial".parse().unwrap())
        .with_time_limit(Duration::from_secs(20));
    store.migrate().await.unwrap();
    keeps_all_rules(Arc::clone(&server), "serial", store.clone()).await;

    // Losing a race is no failure: what reads and what deletes is asked again.
    let keys: [DeliveryKey; 3] = core::array::from_fn(|_| new_key());
    let mut tasks = JoinSet::new();
    for owner in 0..16 {
        let store = store.clone();
        tasks.spawn(async move {
            for round in 0..40_u128 {
                let key = keys[(round % 3) as usize];
                let owner = owner * 1_000 + round;
                if let Claim::Claimed(claimed) = claim_by(&store, key, owner).await {
                    let _done = store.complete(&key, claimed.fence, LEASE).await.unwrap();
                }
                store.state(&key).await.unwrap();
                if round % 5 == 0 {
                    store.forget(&key).await.unwrap();
                    store.purge(10).await.unwrap();
                }
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partitioned_store_keeps_all_rules() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let table: Table = "parted".parse().unwrap();
    let mut schema = table.apply(countersign_postgres::sql::MIGRATION);
    schema = schema.replace("bytea[]\n);", "bytea[]\n) PARTITION BY HASH (key);");
    for n in 0..4 {
        let part = format!(
            "\nCREATE TABLE parted_{n} PARTITION OF parted FOR VALUES WITH (MODULUS 4, REMAINDER {n});"
        );
        schema.push_str(&part);
    }
    let client = server.pool(1).get().await.unwrap();
    client.batch_execute(&schema).await.unwrap();
    let store = store(&server, "parted", 16).await;
    keeps_all_rules(server, "parted", store).await;
}

/// Rows are made older instead of waiting, so that a busy machine does not end leases too early.
async fn keeps_all_rules(server: Arc<PostgresServer>, table: &'static str, store: PostgresStore) {
    let report = store_suite::run(|| async {
        let clock = SystemClock::new(|time| Box::pin(tokio::time::sleep(time)));
        let server = Arc::clone(&server);
        Fixture::real_time(store.clone(), clock)
            .with_unit(Duration::from_secs(2))
            .with_advance(move |by| {
                let server = Arc::clone(&server);
                async move { age(&server, table, by).await }
            })
            .with_spawner(|future| drop(tokio::spawn(future)))
    });
    let report = report.await;
    let unbounded = [
        "a_full_store_refuses_a_new_subject",
        "a_full_store_refuses",
        "a_full_store_makes_room",
    ];
    assert_eq!(report.skipped(), unbounded);
    report.into_result().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_migrate_at_once() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = PostgresStore::new(server.pool(1)).with_table("migrated".parse().unwrap());
        tasks.spawn(async move { store.migrate().await });
    }
    for migrated in tasks.join_all().await {
        migrated.unwrap();
    }
    let store = store(&server, "migrated", 1).await;
    assert_eq!(store.state(&new_key()).await.unwrap(), KeyState::Absent);
}
