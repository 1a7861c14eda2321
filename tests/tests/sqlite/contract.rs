//! The rules of every store, also with everything at once.

use core::{future::ready, task::Poll, time::Duration};
use std::{collections::BTreeSet, path::Path, sync::Arc};

use countersign_core::{
    Claim, Clock, DedupStore, DeliveryKey, KeyState, StoreErrorKind, SystemClock,
};
use countersign_sqlite::{SqliteStore, rusqlite::Connection};
use countersign_testkit::{
    ManualClock,
    store_suite::{self, Fixture},
};
use countersign_tests::claims::AboutOne;
use tokio::task::JoinSet;

use crate::help::{LEASE, Place, claim, complete, hold, key, request, state};

#[tokio::test(flavor = "multi_thread")]
async fn the_store_keeps_all_rules() {
    let place = Place::new();
    let report = store_suite::run(|| async {
        let clock = ManualClock::new();
        let store = place.open(&clock);
        Fixture::manual(store, clock).with_spawner(|future| drop(tokio::spawn(future)))
    });
    let report = report.await;
    assert_eq!(
        report.skipped(),
        [
            "a_full_store_refuses_a_new_subject",
            "a_full_store_refuses",
            "a_full_store_makes_room"
        ]
    );
    report.into_result().unwrap();
}

/// Rows are made older instead of waiting, so that a busy machine does not end leases too early.
#[tokio::test]
async fn it_keeps_them_by_the_machines_clock_and_on_one_thread() {
    let place = Place::new();
    let report = store_suite::run(|| async {
        let store = SqliteStore::open(place.database()).unwrap();
        let clock = SystemClock::new(|time| Box::pin(tokio::time::sleep(time)));
        let database = place.database();
        Fixture::real_time(store, clock)
            .with_unit(Duration::from_secs(2))
            .with_advance(move |by| {
                age(&database, by);
                ready(())
            })
    });
    report.await.into_result().unwrap();
}

fn age(database: &Path, by: Duration) {
    let by = i64::try_from(by.as_millis()).unwrap();
    let older = format!(
        "BEGIN IMMEDIATE;
        UPDATE deliveries SET until = until - {by} WHERE until > 0;
        UPDATE holds SET since = since - {by}, until = until - {by};
        UPDATE subjects SET until = until - {by};
        COMMIT"
    );
    let connection = Connection::open(database).unwrap();
    connection.execute_batch(&older).unwrap();
}

async fn claims_at_once(store: &SqliteStore, one_key: bool, aliases: &[DeliveryKey]) -> usize {
    let mut tasks = JoinSet::new();
    let aliases: Arc<[DeliveryKey]> = aliases.into();
    for by in 0..1_000_usize {
        let (store, aliases) = (store.clone(), Arc::clone(&aliases));
        let key = if one_key { key(0) } else { key(by) };
        tasks.spawn(async move {
            let request = request(key, by as u128).about_one(&aliases);
            store.claim(request).await.unwrap()
        });
    }
    let claims = tasks.join_all().await;
    let held = |claim: &&Claim| matches!(claim, Claim::Claimed(_));
    assert!(
        claims
            .iter()
            .all(|claim| matches!(claim, Claim::Claimed(_) | Claim::InFlight { .. }))
    );
    claims.iter().filter(held).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_a_thousand_gets_the_claim() {
    for aliases in [&[][..], &[key(5_000)]] {
        let place = Place::new();
        let clock = ManualClock::new();
        let store = place.open(&clock);
        assert_eq!(claims_at_once(&store, aliases.is_empty(), aliases).await, 1);
        clock.advance(LEASE);
        assert_eq!(claims_at_once(&store, aliases.is_empty(), aliases).await, 1);
    }
}

#[tokio::test]
async fn operations_beyond_the_bound_are_refused_and_the_rest_applied() {
    let place = Place::new();
    let store = place.builder().max_pending(4).open().unwrap();
    let mut claims: Vec<_> = (0..2_000)
        .map(|n| Box::pin(store.claim(request(key(n), 1))))
        .collect();
    let (mut refused, mut pending) = (BTreeSet::new(), Vec::new());
    // All are asked before any is awaited.
    for (n, claim) in claims.iter_mut().enumerate() {
        match futures_poll(claim) {
            Poll::Ready(Err(error)) => {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                refused.insert(n);
            }
            Poll::Ready(Ok(claim)) => assert!(matches!(claim, Claim::Claimed(_))),
            Poll::Pending => pending.push(n),
        }
    }
    assert!(!refused.is_empty());
    for (n, claim) in claims.into_iter().enumerate() {
        if pending.contains(&n) {
            assert!(matches!(claim.await, Ok(Claim::Claimed(_))));
        }
    }
    for n in 0..2_000 {
        let absent = state(&store, key(n)).await == KeyState::Absent;
        assert_eq!(absent, refused.contains(&n), "{n}");
    }
}

fn futures_poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    let waker = core::task::Waker::noop();
    core::pin::Pin::new(future).poll(&mut core::task::Context::from_waker(waker))
}

#[tokio::test]
async fn an_operation_is_applied_once_it_was_polled() {
    let place = Place::new();
    let store = place.open(&ManualClock::new());
    let claimed = hold(&store, key(1), 1).await;
    let released = key(1);
    let mut release = Box::pin(store.release(&released, claimed.fence));
    let _queued = futures_poll(&mut release);
    drop(release);
    assert_eq!(state(&store, key(1)).await, KeyState::Absent);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_all_handles_writes_what_is_queued_and_closes_the_file() {
    let place = Place::new();
    let clock = ManualClock::new();
    let store = place.open(&clock);
    let held = hold(&store, key(1), 1).await;
    for n in 2..200 {
        let mut claim = Box::pin(store.claim(request(key(n), 1)));
        let _queued = futures_poll(&mut claim);
    }
    let other = store.clone();
    drop(store);
    complete(&other, key(1), held).await;
    drop(other);
    // The write-ahead log goes when the last connection is closed.
    let log = place.database().with_file_name("deliveries.db-wal");
    while log.exists() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let store = place.open(&clock);
    assert_eq!(state(&store, key(1)).await, KeyState::Completed);
    for n in 2..200 {
        assert!(matches!(
            state(&store, key(n)).await,
            KeyState::InFlight { .. }
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_refuses_and_can_be_opened_at_once() {
    let place = Place::new();
    let clock = ManualClock::new();
    let store = place.open(&clock);
    let other = store.clone();
    hold(&store, key(1), 1).await;
    store.close().await;
    other.close().await;
    assert!(other.claim(request(key(2), 1)).await.is_err());
    let store = place.open(&clock);
    assert!(hold(&store, key(1), 2).await.takeover);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_writes_what_is_queued() {
    let place = Place::new();
    let store = place.open(&ManualClock::new());
    let mut claims: Vec<_> = (0..2_000)
        .map(|n| Box::pin(store.claim(request(key(n), 1))))
        .collect();
    for claim in &mut claims {
        let _queued = futures_poll(claim);
    }
    drop(claims);
    store.close().await;
    assert_eq!(place.rows(), [2_000, 2_000, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_sees_what_another_process_does() {
    let place = Place::new();
    let (here, there) = (
        place.builder().open().unwrap(),
        place.builder().open().unwrap(),
    );
    let clock = SystemClock::new(|time| Box::pin(tokio::time::sleep(time)));
    let held = hold(&there, key(1), 1).await;
    let waiting = key(1);
    let settle = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        complete(&there, key(1), held).await;
    };
    let begin = clock.elapsed();
    let (state, ()) = tokio::join!(here.wait(&waiting, LEASE, &clock), settle);
    assert_eq!(state.unwrap(), KeyState::Completed);
    assert!(clock.elapsed().saturating_sub(begin) < Duration::from_secs(3));
    assert!(matches!(
        claim(&here, key(1), 2).await,
        Claim::Completed { .. }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_is_woken_by_whoever_settles_here() {
    let place = Place::new();
    // Nothing but a wake-up ends the waiting: no timer of this clock does.
    let clock = ManualClock::new();
    let store = place.open(&clock);
    let waiting = key(1);
    for by in ["complete", "release", "forget"] {
        let held = hold(&store, key(1), 1).await;
        let settle = async {
            while clock.sleepers() == 0 {
                tokio::task::yield_now().await;
            }
            match by {
                "complete" => complete(&store, key(1), held).await,
                "release" => drop(store.release(&key(1), held.fence).await.unwrap()),
                _ => assert!(store.forget(&key(1)).await.unwrap()),
            }
        };
        let both = async { tokio::join!(store.wait(&waiting, LEASE, &clock), settle) };
        let (said, ()) = tokio::time::timeout(LEASE, both).await.expect(by);
        assert!(!matches!(said.unwrap(), KeyState::InFlight { .. }), "{by}");
        assert_eq!(clock.sleepers(), 0);
        store.forget(&key(1)).await.unwrap();
    }
}
