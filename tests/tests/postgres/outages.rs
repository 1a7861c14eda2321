//! A server that goes away.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use countersign_core::{
    Claim, ClaimRequest, DedupStore, DeliveryKey, KeyState, Owner, StoreErrorKind,
};
use countersign_postgres::PostgresStore;
use countersign_tests::postgres_server::PostgresServer;
use tokio::task::JoinSet;

use crate::help::{LEASE, WEEK, claim_by, hold, new_key};

const LIMIT: Duration = Duration::from_millis(1_000);

async fn default_store(server: &PostgresServer) -> PostgresStore {
    let store = PostgresStore::new(server.pool(8)).with_time_limit(LIMIT);
    store.migrate().await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_crash() {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    let store = default_store(&server).await;
    let acknowledged: Arc<Mutex<Vec<(DeliveryKey, bool)>>> = Arc::default();
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let (store, acknowledged) = (store.clone(), Arc::clone(&acknowledged));
        tasks.spawn(async move {
            loop {
                let key = new_key();
                let request = ClaimRequest::new(key, Owner::from_u128(1), LEASE);
                let Ok(Claim::Claimed(claimed)) = store.claim(request).await else {
                    return;
                };
                acknowledged.lock().unwrap().push((key, false));
                if store.complete(&key, claimed.fence, WEEK).await.is_err() {
                    return;
                }
                acknowledged.lock().unwrap().push((key, true));
            }
        });
    }
    while acknowledged.lock().unwrap().len() < 2_000 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.kill();
    tasks.join_all().await;
    server.resume();

    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    let newest = hold(&store, new_key(), 1).await.fence;
    println!(
        "{} acknowledged, newest fence {newest:?}",
        acknowledged.len()
    );
    for (key, done) in acknowledged {
        match store.state(&key).await.unwrap() {
            KeyState::Completed => {}
            KeyState::InFlight { .. } if !done => {}
            state => panic!("{key:?} done {done}: {state:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_unavailable_in_time() {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    let store = default_store(&server).await;
    let held = hold(&store, new_key(), 1).await;
    server.kill();
    // The pool still has the old connection, and notices in a moment that it is closed.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let key = new_key();
    let begin = Instant::now();
    let request = ClaimRequest::new(key, Owner::from_u128(1), LEASE);
    let errors = [
        store.claim(request).await.unwrap_err(),
        store.extend(&key, held.fence, LEASE).await.unwrap_err(),
        store.complete(&key, held.fence, WEEK).await.unwrap_err(),
        store.release(&key, held.fence).await.unwrap_err(),
        store.state(&key).await.unwrap_err(),
        store.forget(&key).await.unwrap_err(),
        store.purge(1).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
    assert!(begin.elapsed() < LIMIT * 7, "{:?}", begin.elapsed());
    server.resume();
    assert!(matches!(claim_by(&store, key, 1).await, Claim::Claimed(_)));
}

// A port that takes connections and never says anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_is_unavailable_in_time() {
    use countersign_postgres::{
        deadpool_postgres::{Manager, Pool},
        tokio_postgres::{Config, NoTls},
    };

    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(silent.local_addr().unwrap().port())
        .user("postgres");
    let pool = Pool::builder(Manager::new(config, NoTls))
        .max_size(1)
        .build()
        .unwrap();
    let store = PostgresStore::new(pool).with_time_limit(Duration::from_millis(200));
    let begin = Instant::now();
    let error = store.state(&new_key()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
}

// An operation that is out of time gives its connection up: the next one does not wait behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_operation_does_not_stop_the_next() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let pool = server.pool(1);
    let limit = Duration::from_millis(300);
    let [stuck, free] = ["stuck", "not_stuck"].map(|table| {
        PostgresStore::new(pool.clone())
            .with_table(table.parse().unwrap())
            .with_time_limit(limit)
    });
    stuck.migrate().await.unwrap();
    free.migrate().await.unwrap();
    let mut client = server.pool(1).get().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    transaction.batch_execute("LOCK TABLE stuck").await.unwrap();
    let error = stuck.state(&new_key()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error:?}");
    assert_eq!(free.state(&new_key()).await.unwrap(), KeyState::Absent);
}
