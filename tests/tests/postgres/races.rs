//! Many at once: one gets the key.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use countersign_core::{Claim, ClaimRequest, Claimed, DedupStore, DeliveryKey, Fenced, Owner};
use countersign_postgres::{PostgresStore, deadpool_postgres::Transaction};
use countersign_tests::claims::{AboutOne, entity};
use countersign_tests::postgres_server::PostgresServer;
use tokio::task::JoinSet;

use crate::help::{LEASE, age, claim_by, hold, new_key, store};

const CALLERS: u128 = 1_000;
const ROUNDS: u128 = 3;

/// The granted claims among a thousand at once, each of an owner of its own.
async fn race(
    store: &PostgresStore,
    key: impl Fn() -> DeliveryKey,
    aliases: &[DeliveryKey],
) -> Vec<(DeliveryKey, Claimed)> {
    let mut tasks = JoinSet::new();
    for owner in 1..=CALLERS {
        let (store, key, aliases) = (store.clone(), key(), aliases.to_vec());
        tasks.spawn(async move {
            let request =
                ClaimRequest::new(key, Owner::from_u128(owner), LEASE).about_one(&aliases);
            (key, store.claim(request).await.unwrap())
        });
    }
    let mut granted = Vec::new();
    for (key, claim) in tasks.join_all().await {
        match claim {
            Claim::Claimed(claimed) => granted.push((key, claimed)),
            Claim::InFlight { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    granted
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_thousand_gets_a_key() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "raced", 16).await;
    for _ in 0..ROUNDS {
        let key = new_key();
        let granted = race(&store, || key, &[]).await;
        assert_eq!(granted.len(), 1);
        assert_eq!(granted[0].1.attempt, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_thousand_takes_a_key_over() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "lapsed", 16).await;
    let key = new_key();
    let mut last = hold(&store, key, u128::MAX).await;
    for attempt in 2..5 {
        age(&server, "lapsed", LEASE + LEASE).await;
        let granted = race(&store, || key, &[]).await;
        assert_eq!(granted.len(), 1);
        let (_, claimed) = granted[0];
        assert_eq!((claimed.attempt, claimed.takeover), (attempt, true));
        assert!(claimed.fence > last.fence);
        last = claimed;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_thousand_keys_gets_a_shared_alias() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "shared", 16).await;
    for _ in 0..ROUNDS {
        let aliases = [new_key(), new_key()];
        let granted = race(&store, new_key, &aliases).await;
        assert_eq!(granted.len(), 1);
        let (key, claimed) = granted[0];
        let _applied = store.complete(&key, claimed.fence, LEASE).await.unwrap();
        let late = ClaimRequest::new(new_key(), Owner::from_u128(1), LEASE);
        let late = late.about_one(&aliases);
        assert_eq!(store.claim(late).await.unwrap(), Claim::Suppressed);
    }
}

// Claims that name each other's aliases in other orders, releases and purges between them: the
// server would end one of two that wait for each other, and the store would say so.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_in_a_circle() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "circle", 16).await;
    let names: Vec<DeliveryKey> = (0..6).map(|_| new_key()).collect();
    let mut tasks = JoinSet::new();
    for task in 0..32_usize {
        let (store, names) = (store.clone(), names.clone());
        tasks.spawn(async move {
            for round in 0..40_usize {
                let at = |n: usize| names[(task + round * n) % names.len()];
                let aliases = [at(1), at(5), at(2), at(3)];
                let owner = Owner::from_u128((task * 1_000 + round) as u128);
                let request = ClaimRequest::new(at(7), owner, Duration::from_millis(2))
                    .with_aliases(&aliases);
                let claim = store.claim(request).await.unwrap();
                if let Claim::Claimed(claimed) = claim {
                    let _either = store.release(&at(7), claimed.fence).await.unwrap();
                }
                if round % 8 == 0 {
                    store.purge(10).await.unwrap();
                    store.forget(&at(2)).await.unwrap();
                }
            }
        });
    }
    tasks.join_all().await;
    let client = server.pool(1).get().await.unwrap();
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let row = client.query_one(deadlocks, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}

// A key that is claimed and given back all the time by many: whoever holds it has the highest fence
// so far, although fences are drawn before rows are written.
#[tokio::test(flavor = "multi_thread")]
async fn fences_grow_across_releases() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "fences", 16).await;
    let key = new_key();
    let last = Arc::new(Mutex::new(0));
    let mut tasks = JoinSet::new();
    for owner in 0..32 {
        let (store, last) = (store.clone(), Arc::clone(&last));
        tasks.spawn(async move {
            for round in 0..60 {
                let owner = Owner::from_u128(owner * 1_000 + round);
                let request = ClaimRequest::new(key, owner, LEASE);
                if let Claim::Claimed(claimed) = store.claim(request).await.unwrap() {
                    let fence = claimed.fence.as_u64();
                    // Between claim and release nobody else gets here.
                    let before = std::mem::replace(&mut *last.lock().unwrap(), fence);
                    assert!(before < fence, "{fence} after {before}");
                    let _applied = store.release(&key, claimed.fence).await.unwrap();
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

// A late holder that completes while somebody takes the key over: one of the two is told no.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_holder_and_a_takeover_do_not_both_win() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "duel", 4).await;
    for round in 0..100_u64 {
        let key = new_key();
        let late = hold(&store, key, 1).await;
        age(&server, "duel", LEASE + LEASE).await;
        let pause = Duration::from_micros(round * 40);
        let (done, claim) = tokio::join!(
            async {
                tokio::time::sleep(pause).await;
                store.complete(&key, late.fence, LEASE).await.unwrap()
            },
            claim_by(&store, key, 2),
        );
        match (done, claim) {
            (Fenced::Applied, Claim::Completed { .. } | Claim::InFlight { .. }) => {}
            (Fenced::Lost, Claim::Claimed(claimed)) if claimed.takeover => {}
            both => panic!("round {round}: {both:?}"),
        }
    }
}

/// What the store locks while it decides about a name.
fn lock_of(name: &DeliveryKey) -> i64 {
    let first = u64::from_be_bytes(name.as_bytes()[..8].try_into().unwrap());
    (first ^ 0x636f_756e_7465_7273).cast_signed()
}

// A twin whose row is not committed yet cannot be seen, and is no reason to think that there is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_waits_for_a_twin_that_is_being_decided() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "twins", 4).await;
    let mut client = server.pool(1).get().await.unwrap();
    for (locks, commits) in [(false, true), (false, false), (true, true), (true, false)] {
        let key = new_key();
        let transaction = client.transaction().await.unwrap();
        if locks {
            let take = "SELECT pg_advisory_xact_lock($1)";
            transaction.execute(take, &[&lock_of(&key)]).await.unwrap();
        }
        let insert = "INSERT INTO twins (key, fence, born, attempt, until, owner, fingerprint) \
            SELECT $1, f, f, 1, clock_timestamp() + interval '1 minute', '\\x00', 0 \
            FROM nextval('twins_fence') AS f";
        let bytes = key.as_bytes().as_slice();
        transaction.execute(insert, &[&bytes]).await.unwrap();
        let claiming = tokio::spawn({
            let store = store.clone();
            async move { claim_by(&store, key, 2).await }
        });
        is_waited_for(&server, &transaction).await;
        if commits {
            transaction.commit().await.unwrap();
            let claim = claiming.await.unwrap();
            assert!(matches!(claim, Claim::InFlight { .. }), "{claim:?}");
        } else {
            transaction.rollback().await.unwrap();
            let claim = claiming.await.unwrap();
            assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
        }
    }
}

// The same with a twin that has another key and the same alias.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_waits_for_an_alias_that_is_being_decided() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "alias_twins", 4).await;
    let mut client = server.pool(1).get().await.unwrap();
    for (completed, commits) in [(false, true), (true, true), (true, false)] {
        let (twin, key, alias) = (new_key(), new_key(), new_key());
        let transaction = client.transaction().await.unwrap();
        let insert = "WITH row AS ( \
                INSERT INTO alias_twins \
                    (key, fence, born, attempt, until, owner, fingerprint, completed, aliases) \
                SELECT $1, f, f, 1, clock_timestamp() + interval '1 minute', '\\x00', 0, $3, \
                    ARRAY[$2::bytea] \
                FROM nextval('alias_twins_fence') AS f RETURNING born), \
            subject AS ( \
                INSERT INTO alias_twins_subjects AS last (subject, fingerprint, run, until) \
                SELECT $4, 0, born, clock_timestamp() + interval '1 day' FROM row \
                ON CONFLICT (subject) DO UPDATE SET until = excluded.until) \
            INSERT INTO alias_twins_aliases (alias, entries) \
            SELECT $2, ARRAY[$1 || int8send(born) || int8send(born)] FROM row";
        let entity = entity();
        let entity = entity.as_bytes().as_slice();
        let (twin_bytes, alias_bytes) = (twin.as_bytes().as_slice(), alias.as_bytes().as_slice());
        transaction
            .execute(insert, &[&twin_bytes, &alias_bytes, &completed, &entity])
            .await
            .unwrap();
        let claiming = tokio::spawn({
            let store = store.clone();
            async move { claim_aliased(&store, key, &[alias]).await }
        });
        is_waited_for(&server, &transaction).await;
        if commits {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
        match (claiming.await.unwrap(), completed, commits) {
            (Claim::InFlight { on, .. }, false, true) if on == twin => {}
            (Claim::Suppressed, true, true) | (Claim::Claimed(_), _, false) => {}
            other => panic!("{other:?}"),
        }
    }
}

// The aliases of a claim are written before its row. Where that was somebody else's in the end, they go.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_comes_second_leaves_no_alias() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "second", 4).await;
    let mut client = server.pool(1).get().await.unwrap();
    let (key, alias) = (new_key(), new_key());
    let transaction = client.transaction().await.unwrap();
    let insert = "INSERT INTO second (key, fence, born, attempt, until, owner, fingerprint) \
        SELECT $1, f, f, 1, clock_timestamp() + interval '1 minute', '\\x00', 0 \
        FROM nextval('second_fence') AS f";
    let bytes = key.as_bytes().as_slice();
    transaction.execute(insert, &[&bytes]).await.unwrap();
    let claiming = tokio::spawn({
        let store = store.clone();
        async move { claim_aliased(&store, key, &[alias]).await }
    });
    is_waited_for(&server, &transaction).await;
    transaction.commit().await.unwrap();
    let claim = claiming.await.unwrap();
    assert!(matches!(claim, Claim::InFlight { .. }), "{claim:?}");
    let left = "SELECT count(*) FROM second_aliases";
    let left: i64 = client.query_one(left, &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

// Whoever holds the lock of a name has perhaps drawn a fence already, and not written it yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_waits_for_the_lock_of_each_of_its_names() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let store = store(&server, "locked_names", 4).await;
    let mut client = server.pool(1).get().await.unwrap();
    for of_alias in [false, true] {
        let (key, aliases) = (new_key(), [new_key(), new_key()]);
        let name = if of_alias { aliases[1] } else { key };
        let transaction = client.transaction().await.unwrap();
        let take = "SELECT pg_advisory_xact_lock($1)";
        transaction.execute(take, &[&lock_of(&name)]).await.unwrap();
        let claiming = tokio::spawn({
            let store = store.clone();
            async move { claim_aliased(&store, key, &aliases).await }
        });
        is_waited_for(&server, &transaction).await;
        transaction.rollback().await.unwrap();
        let claim = claiming.await.unwrap();
        assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
    }
}

async fn claim_aliased(store: &PostgresStore, key: DeliveryKey, aliases: &[DeliveryKey]) -> Claim {
    let request = ClaimRequest::new(key, Owner::from_u128(2), LEASE);
    let request = request.about_one(aliases);
    store.claim(request).await.unwrap()
}

/// Waits until somebody waits for a transaction.
async fn is_waited_for(server: &PostgresServer, transaction: &Transaction<'_>) {
    let pid = "SELECT pg_backend_pid()";
    let pid: i32 = transaction.query_one(pid, &[]).await.unwrap().get(0);
    let client = server.pool(1).get().await.unwrap();
    let blocked = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))";
    let begin = std::time::Instant::now();
    while client
        .query_one(blocked, &[&pid])
        .await
        .unwrap()
        .get::<_, i64>(0)
        == 0
    {
        assert!(begin.elapsed() < Duration::from_secs(10), "nobody waits");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
