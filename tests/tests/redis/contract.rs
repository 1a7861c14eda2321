//! The store contract: the published suite, and many claims at once.

use std::time::Duration;

use countersign_core::{Claim, ClaimRequest, DedupStore, Fence, Fenced, Owner, SystemClock};
use countersign_redis::{RedisStore, redis::Value};
use countersign_testkit::store_suite::{self, Fixture};
use countersign_tests::claims::AboutOne;
use tokio::task::JoinSet;

use super::help::{LEASE, WEEK, granted, key, request, run, server, shift, store};

fn clock() -> SystemClock<impl Fn(Duration) -> countersign_core::Sleep + Send + Sync + 'static> {
    SystemClock::new(|duration| Box::pin(tokio::time::sleep(duration)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_keeps_all_rules() {
    let server = server!();
    let all = store(&server);
    let client = server.client().unwrap();
    // Rows are made older instead of waiting, so that a busy machine does not end leases too early.
    let report = store_suite::run(|| async {
        let (client, prefix) = (client.clone(), all.prefix().to_owned());
        Fixture::real_time(all.clone(), clock())
            .with_unit(Duration::from_secs(2))
            .with_advance(move |by| {
                let (client, prefix) = (client.clone(), prefix.clone());
                async move { shift(&client, &prefix, by).await }
            })
            .with_spawner(|future| drop(tokio::spawn(future)))
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_a_thousand_gets_the_claim() {
    let server = server!();
    let client = server.client().unwrap();
    // Several connections, as several processes have.
    let stores: Vec<RedisStore> = (0..8).map(|_| store(&server)).collect();
    for round in 0..3 {
        let key = key(round);
        let mut fence = Fence::from_u64(0);
        for attempt in 1..=3 {
            let mut claims = JoinSet::new();
            for owner in 0..1_000_u128 {
                let store = stores[usize::try_from(owner).unwrap() % stores.len()].clone();
                claims.spawn(async move { store.claim(request(key, owner)).await.unwrap() });
            }
            let mut holders = Vec::new();
            for claim in claims.join_all().await {
                match claim {
                    Claim::Claimed(claimed) => holders.push(claimed),
                    Claim::InFlight { on, .. } => assert_eq!(on, key),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(holders.len(), 1, "holders of 1,000");
            assert_eq!(holders[0].attempt, attempt);
            assert!(fence < holders[0].fence, "fences grow");
            fence = holders[0].fence;
            // The lease ends; the next thousand find it lapsed.
            shift(&client, stores[0].prefix(), LEASE).await;
        }
        let late = stores[0].complete(&key, fence, WEEK).await.unwrap();
        assert_eq!(late, Fenced::Applied, "nobody took over since");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_a_thousand_copies_under_other_ids_runs() {
    let server = server!();
    let store = store(&server);
    let alias = [key(0)];
    let mut claims = JoinSet::new();
    for n in 1..=1_000 {
        let store = store.clone();
        claims.spawn(async move {
            let request = request(key(n), n.into()).about_one(&alias);
            matches!(store.claim(request).await.unwrap(), Claim::Claimed(_))
        });
    }
    let holders = claims
        .join_all()
        .await
        .into_iter()
        .filter(|held| *held)
        .count();
    assert_eq!(holders, 1);
}

#[tokio::test]
async fn fences_grow_though_the_server_forgets() {
    let server = server!();
    let (client, first, other) = (server.client().unwrap(), store(&server), store(&server));
    let mut last = None;
    for round in 0..8_u128 {
        // Two processes take turns; neither knows what the other was given.
        let store = if round % 2 == 0 { &first } else { &other };
        let held = granted(store.claim(request(key(1), round)).await.unwrap());
        assert!(last < Some(held.fence), "round {round}");
        assert_eq!(held.attempt, 1);
        if let Some(last) = last {
            let late = store.complete(&key(1), last, WEEK).await.unwrap();
            assert_eq!(late, Fenced::Lost, "the forgotten holder");
        }
        last = Some(held.fence);
        run(&client, &["FLUSHALL"]).await;
        // The server's time is known here up to how long its answer took.
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

#[tokio::test]
async fn fences_grow_though_a_clock_was_ahead() {
    let server = server!();
    let (client, store) = (server.client().unwrap(), store(&server));
    for (n, end) in ["release", "complete", "forget", "lapse"]
        .into_iter()
        .enumerate()
    {
        let key = key(u64::try_from(n).unwrap());
        let held = granted(store.claim(request(key, 1)).await.unwrap());
        // As if whoever claimed it had a server whose clock was an hour ahead.
        let ahead = held.fence.as_u64() + 3_600_000_000;
        let name = [b"{countersign}:d:", &key.as_bytes()[..]].concat();
        let mut set = countersign_redis::redis::cmd("SETRANGE");
        set.arg(name).arg(1).arg(format!("{ahead:016}{ahead:016}"));
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        set.exec_async(&mut connection).await.unwrap();
        let fence = Fence::from_u64(ahead);
        let ended = match end {
            "release" => store.release(&key, fence).await.unwrap(),
            "complete" => store.complete(&key, fence, LEASE).await.unwrap(),
            "forget" => {
                assert!(store.forget(&key).await.unwrap());
                Fenced::Applied
            }
            _ => Fenced::Applied,
        };
        assert_eq!(ended, Fenced::Applied);
        shift(&client, store.prefix(), LEASE).await;
        let next = granted(store.claim(request(key, 2)).await.unwrap());
        assert_eq!(next.fence.as_u64(), ahead + 1, "after {end}");
    }
}

#[tokio::test]
async fn everything_expires() {
    let server = server!();
    let (client, store) = (server.client().unwrap(), store(&server));
    let aliases = [key(10), key(11)];
    let held = request(key(1), 1).about_one(&aliases);
    granted(store.claim(held).await.unwrap());
    let done = granted(store.claim(request(key(2), 1)).await.unwrap());
    let _ = store.complete(&key(2), done.fence, WEEK).await.unwrap();
    let back = granted(store.claim(request(key(3), 1)).await.unwrap());
    let _ = store.release(&key(3), back.fence).await.unwrap();
    assert_eq!(run(&client, &["DBSIZE"]).await, Value::Int(6));
    shift(&client, store.prefix(), WEEK + Duration::from_secs(3_600)).await;
    // What was claimed last of an entity is kept for longer.
    assert_eq!(run(&client, &["DBSIZE"]).await, Value::Int(1));
    shift(&client, store.prefix(), 30 * WEEK).await;
    assert_eq!(run(&client, &["DBSIZE"]).await, Value::Int(0));
}

#[tokio::test]
async fn aliases_last_as_long_as_their_row() {
    let server = server!();
    let (client, store) = (server.client().unwrap(), store(&server));
    let (early, late) = ([key(10)], [key(11)]);
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    let aliased = |n, aliases| request(key(n), n.into()).about_one(aliases);
    granted(store.claim(aliased(1, &early)).await.unwrap());
    shift(&client, store.prefix(), LEASE).await;
    let held = granted(store.claim(aliased(1, &late)).await.unwrap());
    assert!(held.takeover);
    for _ in 0..3 {
        let extended = store.extend(&key(1), held.fence, hours(3)).await.unwrap();
        assert_eq!(extended, Fenced::Applied);
        shift(&client, store.prefix(), hours(2)).await;
        for alias in [&early, &late] {
            let twin = store.claim(aliased(2, alias)).await.unwrap();
            assert!(
                matches!(twin, Claim::InFlight { on, .. } if on == key(1)),
                "{twin:?}"
            );
        }
    }
    for _ in 0..2 {
        let done = store.complete(&key(1), held.fence, hours(6)).await.unwrap();
        assert_eq!(done, Fenced::Applied);
        shift(&client, store.prefix(), hours(5)).await;
        for alias in [&early, &late] {
            let twin = store.claim(aliased(2, alias)).await.unwrap();
            assert_eq!(twin, Claim::Suppressed);
        }
    }
    shift(&client, store.prefix(), hours(1)).await;
    let next = granted(store.claim(aliased(2, &early)).await.unwrap());
    assert_eq!(next.recurrence, countersign_core::Recurrence::None);
}

#[tokio::test]
async fn any_duration_and_fence_is_taken() {
    let server = server!();
    let store = store(&server);
    for (n, lease) in [
        (1, Duration::ZERO),
        (2, Duration::from_nanos(1)),
        (3, Duration::MAX),
    ] {
        let asked = ClaimRequest::new(key(n), Owner::from_u128(1), lease);
        let claimed = granted(store.claim(asked).await.unwrap());
        let extended = store.extend(&key(n), claimed.fence, lease).await.unwrap();
        assert_eq!(extended, Fenced::Applied);
        let done = store.complete(&key(n), claimed.fence, lease).await.unwrap();
        assert_eq!(done, Fenced::Applied);
    }
    for fence in [0, u64::MAX] {
        let lost = store
            .release(&key(3), Fence::from_u64(fence))
            .await
            .unwrap();
        assert_eq!(lost, Fenced::Lost);
    }
}

#[tokio::test]
async fn stores_with_other_prefixes_are_apart() {
    let server = server!();
    let (shop, desk) = (
        store(&server).with_prefix("shop"),
        store(&server).with_prefix("desk"),
    );
    granted(shop.claim(request(key(1), 1)).await.unwrap());
    granted(desk.claim(request(key(1), 2)).await.unwrap());
    let same = store(&server).with_prefix("{shop}");
    assert!(matches!(
        same.claim(request(key(1), 3)).await.unwrap(),
        Claim::InFlight { .. }
    ));
}
