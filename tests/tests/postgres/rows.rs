//! What is left in the tables, and whose clock counts.

use std::time::Duration;

use countersign_core::{Claim, ClaimRequest, DedupStore, DeliveryKey, Fence, Fenced, Owner};
use countersign_postgres::PostgresStore;
use countersign_tests::claims::AboutOne;
use countersign_tests::postgres_server::PostgresServer;

use crate::help::{LEASE, age, claim_by, hold, new_key, store};

async fn count(server: &PostgresServer, table: &str) -> i64 {
    let client = server.pool(1).get().await.unwrap();
    let count = format!("SELECT count(*) FROM {table}");
    client.query_one(&count, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn purges_are_bounded_and_take_aliases_along() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "purged", 4).await;
    for _ in 0..1_100 {
        let (key, alias) = (new_key(), [new_key()]);
        let request = ClaimRequest::new(key, Owner::from_u128(1), LEASE);
        let request = request.about_one(&alias);
        let Claim::Claimed(claimed) = store.claim(request).await.unwrap() else {
            panic!("a fresh key is free");
        };
        let done = store.complete(&key, claimed.fence, LEASE).await.unwrap();
        assert_eq!(done, Fenced::Applied);
    }
    assert_eq!(store.purge(5_000).await.unwrap(), 0);
    age(&server, "purged", LEASE).await;
    hold(&store, new_key(), 1).await;
    assert_eq!(store.purge(30).await.unwrap(), 30);
    assert_eq!(count(&server, "purged").await, 1_071);
    assert_eq!(count(&server, "purged_aliases").await, 1_070);

    // A row that somebody is writing is left for another time.
    let mut client = server.pool(1).get().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    let lock = "SELECT FROM purged WHERE completed ORDER BY until LIMIT 1 FOR UPDATE";
    transaction.execute(lock, &[]).await.unwrap();
    assert_eq!(store.purge(5_000).await.unwrap(), 1_069);
    transaction.rollback().await.unwrap();
    assert_eq!(store.purge(5_000).await.unwrap(), 1);
    assert_eq!(count(&server, "purged_aliases").await, 0);

    // A row in flight stays for an hour after its lease.
    age(&server, "purged", LEASE + Duration::from_secs(3_500)).await;
    assert_eq!(store.purge(5_000).await.unwrap(), 0);
    age(&server, "purged", Duration::from_secs(200)).await;
    assert_eq!(store.purge(5_000).await.unwrap(), 1);
    assert_eq!(count(&server, "purged").await, 0);
}

// What is suppressed leaves no row behind, not of those of its aliases either that nobody knew.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_claimed_writes_nothing() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "refused", 4).await;
    let known = new_key();
    for (aliases, claimed) in [([known, new_key()], true), ([new_key(), known], false)] {
        let request = ClaimRequest::new(new_key(), Owner::from_u128(1), LEASE);
        let claim = store.claim(request.about_one(&aliases));
        assert_eq!(matches!(claim.await.unwrap(), Claim::Claimed(_)), claimed);
        assert_eq!(count(&server, "refused").await, 1);
        assert_eq!(count(&server, "refused_aliases").await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_back_leaves_nothing_behind() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "given_back", 4).await;
    let aliases: Vec<DeliveryKey> = (0..3).map(|_| new_key()).collect();
    for round in 0..4 {
        let key = new_key();
        let mut fence = None;
        // A takeover that brings other aliases along.
        for part in aliases.chunks(2) {
            let request = ClaimRequest::new(key, Owner::from_u128(round), LEASE);
            let request = request.with_aliases(part);
            let Claim::Claimed(claimed) = store.claim(request).await.unwrap() else {
                panic!("free or lapsed");
            };
            fence = Some(claimed.fence);
            age(&server, "given_back", LEASE).await;
        }
        assert_eq!(count(&server, "given_back_aliases").await, 3);
        if round % 2 == 0 {
            let released = store.release(&key, fence.unwrap()).await.unwrap();
            assert_eq!(released, Fenced::Applied);
        } else {
            assert!(store.forget(&key).await.unwrap());
        }
        assert_eq!(count(&server, "given_back").await, 0);
        assert_eq!(count(&server, "given_back_aliases").await, 0);
    }
}

// Statements are planned once for a connection. What is planned for empty tables must do for full ones.
#[tokio::test(flavor = "multi_thread")]
async fn no_prepared_statement_scans_a_table() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let pool = server.pool(1);
    let store = PostgresStore::new(pool.clone()).with_table("planned".parse().unwrap());
    store.migrate().await.unwrap();
    let (key, alias) = (new_key(), [new_key()]);
    for owner in [1, 2] {
        let request = ClaimRequest::new(key, Owner::from_u128(owner), LEASE);
        store.claim(request.clone()).await.unwrap();
        let aliased = request.about_one(&alias);
        store.claim(aliased).await.unwrap();
    }
    for _new_then_known in 0..2 {
        let request = ClaimRequest::new(new_key(), Owner::from_u128(1), LEASE);
        let aliased = request.about_one(&alias);
        store.claim(aliased).await.unwrap();
    }
    let fence = Fence::from_u64(1);
    let _extended = store.extend(&key, fence, LEASE).await.unwrap();
    let _done = store.complete(&key, fence, LEASE).await.unwrap();
    let _state = store.state(&key).await.unwrap();

    let client = pool.get().await.unwrap();
    let generic = "SET plan_cache_mode = force_generic_plan";
    client.batch_execute(generic).await.unwrap();
    let prepared = "SELECT name, statement, cardinality(parameter_types) \
        FROM pg_prepared_statements WHERE statement LIKE '%planned%' AND parameter_types <> '{}'";
    let rows = client.query(prepared, &[]).await.unwrap();
    assert!(rows.len() >= 7, "{}", rows.len());
    for row in rows {
        let (name, text, parameters): (&str, &str, i32) = (row.get(0), row.get(1), row.get(2));
        let nulls = vec!["NULL"; usize::try_from(parameters).unwrap()].join(", ");
        let explain = format!("EXPLAIN EXECUTE {name} ({nulls})");
        let plan = client.simple_query(&explain).await.unwrap();
        let plan = format!("{plan:?}");
        assert!(plan.contains("Index"), "{text}: {plan}");
        assert!(!plan.contains("Seq Scan on planned"), "{text}: {plan}");
    }
}

// The server's clock is the only one: nothing that a client sends says what time it is. That holds
// if no parameter of a statement can carry a time, and durations cannot.
#[tokio::test(flavor = "multi_thread")]
async fn no_statement_takes_a_time() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let pool = server.pool(1);
    let store = PostgresStore::new(pool.clone()).with_table("clockless".parse().unwrap());
    store.migrate().await.unwrap();
    let (key, alias) = (new_key(), [new_key()]);
    let held = hold(&store, key, 1).await;
    assert!(matches!(
        claim_by(&store, key, 2).await,
        Claim::InFlight { .. }
    ));
    for _new_then_known in 0..2 {
        let aliased = ClaimRequest::new(new_key(), Owner::from_u128(1), LEASE);
        let _claim = store.claim(aliased.with_aliases(&alias)).await.unwrap();
    }
    let _extended = store.extend(&key, held.fence, LEASE).await.unwrap();
    let _done = store.complete(&key, held.fence, LEASE).await.unwrap();
    let _lost = store.release(&key, held.fence).await.unwrap();
    let _state = store.state(&key).await.unwrap();
    store.purge(1).await.unwrap();
    store.forget(&key).await.unwrap();

    let client = pool.get().await.unwrap();
    let prepared = "SELECT statement, parameter_types::text[] FROM pg_prepared_statements";
    let rows = client.query(prepared, &[]).await.unwrap();
    assert!(rows.len() >= 8, "{}", rows.len());
    for row in rows {
        let types: Vec<String> = row.get(1);
        let plain =
            |name: &String| matches!(name.trim_end_matches("[]"), "bytea" | "bigint" | "boolean");
        assert!(
            types.iter().all(plain),
            "{types:?} of {}",
            row.get::<_, &str>(0)
        );
        // `now()` stands still in a transaction, `clock_timestamp()` does not.
        let text: &str = row.get(0);
        assert!(
            !text.contains("now()") && !text.contains("current_timestamp"),
            "{text}"
        );
    }
}
