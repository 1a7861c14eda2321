//! Completing inside the caller's own transaction.

use std::time::{Duration, Instant};

use countersign_core::{Claim, Completion, DedupStore, Fence, Fenced, KeyState, StoreErrorKind};
use countersign_postgres::{Table, deadpool_postgres::Object, sql, tokio_postgres::Client};
use countersign_tests::postgres_server::PostgresServer;

use crate::help::{LEASE, WEEK, age, claim_by, hold, new_key, store};

/// Longer than any statement takes, and shorter than any lock is waited for.
const SOON: Duration = Duration::from_millis(900);

async fn paid(client: &Client, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM {table}_paid");
    client.query_one(&count, &[]).await.unwrap().get(0)
}

fn pay(table: &str) -> String {
    format!("INSERT INTO {table}_paid VALUES (1)")
}

async fn business(server: &PostgresServer, table: &str) -> Object {
    let client = server.pool(4).get().await.unwrap();
    let create = format!("CREATE TABLE {table}_paid (id int)");
    client.batch_execute(&create).await.unwrap();
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn what_commits_is_done_and_what_rolls_back_is_not() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "tx", 4).await;
    let mut client = business(&server, "tx").await;
    let key = new_key();
    let held = hold(&store, key, 1).await;

    let transaction = client.transaction().await.unwrap();
    transaction.execute(&pay("tx"), &[]).await.unwrap();
    let done = store
        .complete_in(&transaction, &Completion::new(key, held.fence, WEEK))
        .await;
    assert_eq!(done.unwrap(), Fenced::Applied);
    transaction.rollback().await.unwrap();
    assert!(matches!(
        store.state(&key).await.unwrap(),
        KeyState::InFlight { .. }
    ));
    assert_eq!(paid(&client, "tx").await, 0);

    let transaction = client.transaction().await.unwrap();
    transaction.execute(&pay("tx"), &[]).await.unwrap();
    let done = store
        .complete_in(&transaction, &Completion::new(key, held.fence, WEEK))
        .await;
    assert_eq!(done.unwrap(), Fenced::Applied);
    transaction.commit().await.unwrap();
    assert_eq!(store.state(&key).await.unwrap(), KeyState::Completed);
    assert_eq!(paid(&client, "tx").await, 1);
    let completed = Claim::Completed { fingerprint: 0 };
    assert_eq!(claim_by(&store, key, 2).await, completed);
    // The receiver completes once more when the handler has answered.
    let again = store.complete(&key, held.fence, WEEK).await.unwrap();
    assert_eq!(again, Fenced::Applied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_holder_is_told_to_roll_back() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "late", 4).await;
    let mut client = business(&server, "late").await;
    let key = new_key();
    let late = hold(&store, key, 1).await;
    age(&server, "late", LEASE + LEASE).await;
    let current = hold(&store, key, 2).await;

    for settled in [false, true] {
        let transaction = client.transaction().await.unwrap();
        transaction.execute(&pay("late"), &[]).await.unwrap();
        let done = store
            .complete_in(&transaction, &Completion::new(key, late.fence, WEEK))
            .await;
        assert_eq!(
            done.unwrap(),
            Fenced::Lost,
            "after the other one was done: {settled}"
        );
        transaction.rollback().await.unwrap();
        let applied = store.complete(&key, current.fence, WEEK).await.unwrap();
        assert_eq!(applied, Fenced::Applied);
    }
    assert_eq!(paid(&client, "late").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_holds_up_nobody() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "open", 4).await;
    let mut client = server.pool(1).get().await.unwrap();
    let key = new_key();
    let held = hold(&store, key, 1).await;
    let transaction = client.transaction().await.unwrap();
    let done = store
        .complete_in(&transaction, &Completion::new(key, held.fence, WEEK))
        .await;
    assert_eq!(done.unwrap(), Fenced::Applied);

    // The heartbeat.
    let begin = Instant::now();
    let extended = store.extend(&key, held.fence, LEASE).await.unwrap();
    assert_eq!(extended, Fenced::Applied);
    // A copy.
    let copy = claim_by(&store, key, 2).await;
    assert!(
        matches!(copy, Claim::InFlight { on, .. } if on == key),
        "{copy:?}"
    );
    assert!(matches!(
        store.state(&key).await.unwrap(),
        KeyState::InFlight { .. }
    ));
    store.purge(1_000).await.unwrap();
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());

    // A stale fence is told so all the same.
    let stale = Fence::from_u64(held.fence.as_u64() - 1);
    assert_eq!(
        store.extend(&key, stale, LEASE).await.unwrap(),
        Fenced::Lost
    );

    // What must change the row says in time that it could not.
    let hasty = store.clone().with_time_limit(Duration::from_millis(200));
    let refused = hasty.complete(&key, held.fence, WEEK).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Timeout);
    let refused = hasty.release(&key, held.fence).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Timeout);

    transaction.commit().await.unwrap();
    assert_eq!(store.state(&key).await.unwrap(), KeyState::Completed);
}

// The lock of an open transaction stands in for a lease that ran out: nobody takes the key over, and
// the heartbeat does not wait.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_outlives_the_lease() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "outlive", 4).await;
    let mut client = server.pool(1).get().await.unwrap();
    for commits in [true, false] {
        let key = new_key();
        let held = hold(&store, key, 1).await;
        age(&server, "outlive", LEASE + LEASE).await;
        let transaction = client.transaction().await.unwrap();
        let done = store
            .complete_in(&transaction, &Completion::new(key, held.fence, WEEK))
            .await;
        assert_eq!(done.unwrap(), Fenced::Applied);

        let begin = Instant::now();
        let copy = claim_by(&store, key, 2).await;
        assert!(
            matches!(copy, Claim::InFlight { on, .. } if on == key),
            "{copy:?}"
        );
        let extended = store.extend(&key, held.fence, LEASE).await.unwrap();
        assert_eq!(extended, Fenced::Applied);
        assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());

        if commits {
            transaction.commit().await.unwrap();
            let completed = Claim::Completed { fingerprint: 0 };
            assert_eq!(claim_by(&store, key, 2).await, completed);
        } else {
            transaction.rollback().await.unwrap();
            assert_eq!(hold(&store, key, 2).await.attempt, 2);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_waited_for_a_second_at_most() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "locked", 4).await;
    let (mut client, mut other) = (
        business(&server, "locked").await,
        server.pool(1).get().await.unwrap(),
    );
    let key = new_key();
    let held = hold(&store, key, 1).await;
    let first = other.transaction().await.unwrap();
    assert_eq!(
        store
            .complete_in(&first, &Completion::new(key, held.fence, WEEK))
            .await
            .unwrap(),
        Fenced::Applied
    );

    let transaction = client.transaction().await.unwrap();
    transaction
        .batch_execute("SET LOCAL lock_timeout = '17s'")
        .await
        .unwrap();
    let completion = Completion::new(key, held.fence, WEEK);
    let waiting = store.complete_in(&transaction, &completion);
    let waited = tokio::time::timeout(Duration::from_secs(5), waiting).await;
    let refused = waited.expect("a second and no more").unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Timeout);
    transaction.rollback().await.unwrap();
    first.commit().await.unwrap();

    // The caller's own setting is there again.
    let transaction = client.transaction().await.unwrap();
    transaction
        .batch_execute("SET LOCAL lock_timeout = '17s'")
        .await
        .unwrap();
    assert_eq!(
        store
            .complete_in(&transaction, &Completion::new(key, held.fence, WEEK))
            .await
            .unwrap(),
        Fenced::Applied
    );
    let row = transaction
        .query_one("SHOW lock_timeout", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0), "17s");
}

// What a user of sqlx or diesel sends.
#[tokio::test(flavor = "multi_thread")]
async fn the_statement_alone_completes() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "alone", 4).await;
    let client = server.pool(1).get().await.unwrap();
    let table: Table = "alone".parse().unwrap();
    let complete = table.apply(sql::COMPLETE_IN);
    let key = new_key();
    let held = hold(&store, key, 1).await;
    let fence = i64::try_from(held.fence.as_u64()).unwrap();
    for (fence, changed) in [(fence + 1, 0), (fence, 1), (fence, 1)] {
        let key = key.as_bytes().as_slice();
        let rows = client
            .execute(&complete, &[&key, &fence, &60_000_000_i64])
            .await
            .unwrap();
        assert_eq!(rows, changed);
    }
    assert_eq!(store.state(&key).await.unwrap(), KeyState::Completed);
}
