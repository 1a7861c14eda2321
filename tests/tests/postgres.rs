//! The Postgres store against a real server.
//!
//! Where Postgres is not installed the tests say so and pass; `COUNTERSIGN_REQUIRE_SERVERS=1` makes
//! them fail instead.

use std::time::Duration;

use countersign_core::SystemClock;
use countersign_postgres::{PostgresStore, Table};
use countersign_testkit::store_suite::{self, Fixture};
use countersign_tests::postgres_server::PostgresServer;

async fn store(server: &PostgresServer, table: &str, connections: usize) -> PostgresStore {
    let table: Table = table.parse().unwrap();
    let store = PostgresStore::new(server.pool(connections)).with_table(table);
    store.migrate().await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_keeps_all_rules() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "rules", 16).await;
    let report = store_suite::run(|| async {
        let clock = SystemClock::new(|time| Box::pin(tokio::time::sleep(time)));
        Fixture::real_time(store.clone(), clock).with_spawner(|future| drop(tokio::spawn(future)))
    });
    let report = report.await;
    println!("{report}");
    assert_eq!(
        report.skipped(),
        ["a_full_store_refuses", "a_full_store_makes_room"]
    );
    report.into_result().unwrap();
}
