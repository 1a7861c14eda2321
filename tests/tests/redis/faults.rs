//! Servers that end, and replies that do not come.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use countersign_core::{Claim, DedupStore, Fenced, KeyState, StoreErrorKind};
use countersign_redis::{
    RedisStore,
    redis::aio::{ConnectionManager, ConnectionManagerConfig},
};
use countersign_tests::proxy::{Fault, Proxy};
use tokio::task::JoinSet;

use super::help::{LEASE, WEEK, granted, key, request, run, server, store, store_at};

const LIMIT: Duration = Duration::from_millis(400);

/// Has the server told all scripts, so that each operation is one request.
async fn warm_up(store: &RedisStore) {
    for n in [u64::MAX, u64::MAX - 1] {
        let held = granted(store.claim(request(key(n), 1)).await.unwrap());
        let _ = store.extend(&key(n), held.fence, LEASE).await.unwrap();
        if n == u64::MAX {
            let _ = store.complete(&key(n), held.fence, WEEK).await.unwrap();
        } else {
            let _ = store.release(&key(n), held.fence).await.unwrap();
        }
        store.state(&key(n)).await.unwrap();
        store.forget(&key(n)).await.unwrap();
    }
}

/// Waits until the server has read its file.
async fn loaded(store: &RedisStore) {
    let begin = Instant::now();
    while store.state(&key(0)).await.is_err() {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "the server does not load"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An operation's result, unless it took longer than it may.
async fn in_time<T>(future: impl Future<Output = T>) -> T {
    let begin = Instant::now();
    let result = future.await;
    let took = begin.elapsed();
    assert!(took < LIMIT + Duration::from_millis(600), "{took:?}");
    result
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable_within_the_time_limit() {
    let mut server = server!();
    let store = store(&server).with_time_limit(LIMIT);
    granted(store.claim(request(key(1), 1)).await.unwrap());
    server.kill().unwrap();
    // The call that finds the connection lost cannot know whether the server saw it.
    let _ = in_time(store.claim(request(key(2), 1))).await.unwrap_err();
    for n in 2..6 {
        let fence = countersign_core::Fence::from_u64(1);
        let errors = [
            in_time(store.claim(request(key(n), 1))).await.unwrap_err(),
            in_time(store.extend(&key(n), fence, LEASE))
                .await
                .unwrap_err(),
            in_time(store.complete(&key(n), fence, WEEK))
                .await
                .unwrap_err(),
            in_time(store.release(&key(n), fence)).await.unwrap_err(),
            in_time(store.state(&key(n))).await.unwrap_err(),
            in_time(store.forget(&key(n))).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        }
    }
    server.resume().unwrap();
    granted(in_time(store.claim(request(key(2), 1))).await.unwrap());

    // Without persistence, all is forgotten; `check` warns of it.
    assert_eq!(store.state(&key(1)).await.unwrap(), KeyState::Absent);
}

#[tokio::test]
async fn a_lost_idle_connection_is_not_noticed() {
    let mut server = server!("--appendonly", "yes");
    let store = store(&server);
    let held = granted(store.claim(request(key(1), 1)).await.unwrap());
    server.kill().unwrap();
    server.resume().unwrap();
    loaded(&store_at(server.addr())).await;
    let done = store.complete(&key(1), held.fence, WEEK).await.unwrap();
    assert_eq!(done, Fenced::Applied);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again() {
    let server = server!();
    let direct = store(&server);
    let proxy = Proxy::start(server.addr()).await.unwrap();
    let store = store_at(proxy.addr());
    warm_up(&store).await;

    proxy.set(Fault::ResetReplyOnce);
    let held = granted(store.claim(request(key(1), 1)).await.unwrap());
    assert_eq!(held.attempt, 1, "the claim that was asked for twice is one");
    let other = direct.claim(request(key(1), 2)).await.unwrap();
    assert!(matches!(other, Claim::InFlight { .. }), "{other:?}");

    proxy.set(Fault::ResetReplyOnce);
    let extended = store.extend(&key(1), held.fence, LEASE).await.unwrap();
    assert_eq!(extended, Fenced::Applied);
    proxy.set(Fault::ResetReplyOnce);
    let done = store.complete(&key(1), held.fence, WEEK).await.unwrap();
    assert_eq!(done, Fenced::Applied);
    assert_eq!(direct.state(&key(1)).await.unwrap(), KeyState::Completed);
}

#[tokio::test]
async fn a_lost_answer_to_giving_back_is_in_doubt_and_not_lost() {
    let server = server!();
    let proxy = Proxy::start(server.addr()).await.unwrap();
    let store = store_at(proxy.addr());
    warm_up(&store).await;
    let held = granted(store.claim(request(key(1), 1)).await.unwrap());
    proxy.set(Fault::ResetReplyOnce);
    let error = store.release(&key(1), held.fence).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    assert_eq!(store.state(&key(1)).await.unwrap(), KeyState::Absent);
}

#[tokio::test]
async fn a_claim_without_an_answer_is_the_same_claim_when_asked_again() {
    let server = server!();
    let direct = store(&server);
    let proxy = Proxy::start(server.addr()).await.unwrap();
    let store = store_at(proxy.addr()).with_time_limit(LIMIT);
    warm_up(&store).await;

    proxy.set(Fault::DropReplies);
    let error = in_time(store.claim(request(key(1), 1))).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    let state = direct.state(&key(1)).await.unwrap();
    assert!(
        matches!(state, KeyState::InFlight { .. }),
        "it was applied: {state:?}"
    );

    proxy.set(Fault::None);
    let held = granted(store.claim(request(key(1), 1)).await.unwrap());
    assert_eq!((held.attempt, held.takeover), (1, false));
    let done = store.complete(&key(1), held.fence, WEEK).await.unwrap();
    assert_eq!(done, Fenced::Applied);
}

#[tokio::test]
async fn every_operation_ends_within_the_time_limit() {
    let server = server!();
    let proxy = Proxy::start(server.addr()).await.unwrap();
    let store = store_at(proxy.addr()).with_time_limit(LIMIT);
    let fence = granted(store.claim(request(key(1), 1)).await.unwrap()).fence;
    for fault in [
        Fault::Delay(2 * LIMIT),
        Fault::DropReplies,
        Fault::Silence,
        Fault::Reset,
    ] {
        proxy.set(fault);
        let errors = [
            in_time(store.claim(request(key(2), 1))).await.unwrap_err(),
            in_time(store.extend(&key(1), fence, LEASE))
                .await
                .unwrap_err(),
            in_time(store.complete(&key(1), fence, WEEK))
                .await
                .unwrap_err(),
            in_time(store.release(&key(3), fence)).await.unwrap_err(),
            in_time(store.state(&key(1))).await.unwrap_err(),
            in_time(store.forget(&key(3))).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(
                error.kind(),
                StoreErrorKind::Timeout,
                "{fault:?}: {error:?}"
            );
        }
        proxy.set(Fault::None);
        tokio::time::sleep(5 * LIMIT).await;
        store.state(&key(1)).await.unwrap();
    }
    // The first claim asks twice, and both together are within the limit.
    let fresh = store_at(proxy.addr()).with_time_limit(LIMIT);
    fresh.state(&key(1)).await.unwrap();
    proxy.set(Fault::Delay(LIMIT * 2 / 3));
    let error = in_time(fresh.claim(request(key(9), 1))).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    // A little delay is no failure.
    proxy.set(Fault::Delay(LIMIT / 8));
    in_time(store.state(&key(1))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_missing_after_a_crash() {
    // With `everysec` a busy disk makes the server answer before it writes, up to two seconds.
    let mut server = server!("--appendonly", "yes", "--appendfsync", "always");
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_response_timeout(None);
    let manager = ConnectionManager::new_lazy_with_config(server.client().unwrap(), config);
    let store = RedisStore::new(manager.unwrap()).with_time_limit(Duration::from_secs(20));
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for task in 0..32_u64 {
        let (store, acknowledged) = (store.clone(), Arc::clone(&acknowledged));
        let stop = Arc::clone(&stop);
        tasks.spawn(async move {
            let mut n = task * 1_000_000;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                let Ok(claim) = store.claim(request(key(n), n.into())).await else {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                };
                let held = granted(claim);
                assert_eq!(held.attempt, 1);
                let done = n % 2 == 0
                    && store
                        .complete(&key(n), held.fence, WEEK)
                        .await
                        .is_ok_and(|fenced| {
                            assert_eq!(fenced, Fenced::Applied);
                            true
                        });
                acknowledged.lock().unwrap().push((n, done, held.fence));
            }
        });
    }
    for round in 1..=4 {
        // A kill amid traffic, however fast the disk is.
        let begin = Instant::now();
        while acknowledged.lock().unwrap().len() < round * 200 {
            assert!(begin.elapsed() < Duration::from_secs(60), "no progress");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if round < 4 {
            server.kill().unwrap();
            server.resume().unwrap();
        }
    }
    server.kill().unwrap();
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    server.resume().unwrap();
    loaded(&store).await;
    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    let (mut missing, mut last) = (0, None);
    for (n, done, fence) in &acknowledged {
        match store.state(&key(*n)).await.unwrap() {
            KeyState::Completed => {}
            KeyState::InFlight { .. } if !done => {}
            _ => missing += 1,
        }
        last = last.max(Some(*fence));
    }
    assert_eq!(missing, 0, "of {}", acknowledged.len());
    let next = granted(store.claim(request(key(u64::MAX), 1)).await.unwrap());
    assert!(last < Some(next.fence), "fences grow over crashes");
}

#[tokio::test]
async fn what_a_lost_store_knew_runs_again() {
    let server = server!();
    let (client, store) = (server.client().unwrap(), store(&server));
    let held = granted(store.claim(request(key(1), 1)).await.unwrap());
    let _ = store.complete(&key(1), held.fence, WEEK).await.unwrap();
    run(&client, &["FLUSHALL"]).await;
    // Scripts are told anew as well.
    run(&client, &["SCRIPT", "FLUSH"]).await;
    let again = granted(store.claim(request(key(1), 2)).await.unwrap());
    assert!(again.fence > held.fence, "the user's own guard still holds");
}
