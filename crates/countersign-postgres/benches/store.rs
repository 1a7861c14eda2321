//! Speed of the store against a server of its own: `cargo bench -p countersign-postgres`.
//!
//! Beside each other in the same rounds: the bare `INSERT .. ON CONFLICT DO NOTHING` through the
//! same pool, a claim of a new key, of a held one and with an alias, and claim with complete. Prints
//! medians, also of the ratios to the bare insert of the same round. Needs Postgres' `initdb` and
//! `postgres`; says so where they are not.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints")]
#![allow(clippy::unwrap_used, reason = "a bench may stop")]
#![allow(unreachable_pub, reason = "the helpers are a library elsewhere")]

use core::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use std::{sync::Arc, time::Instant};

use countersign_core::{
    Claim, ClaimRequest, DedupStore, DeliveryKey, Fenced, OnRepeat, Owner, Subject,
};
use countersign_postgres::{PostgresStore, deadpool_postgres::Pool};
use tokio::task::JoinSet;

use self::{keys::key_of, postgres_server::PostgresServer};

// The helpers of the workspace's tests, without the servers and frameworks that those build.
#[path = "../../../tests/support/engines.rs"]
mod engines;
#[path = "../../../tests/support/keys.rs"]
mod keys;
#[allow(dead_code, reason = "a bench kills nothing")]
#[path = "../../../tests/support/postgres_server.rs"]
mod postgres_server;

const TASKS: u64 = 64;
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 9;
const OPERATIONS: u64 = 6_000;
const LEASE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3_600);

const BARE_TABLE: &str =
    "CREATE TABLE bare (key bytea PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())";
const BARE_INSERT: &str = "INSERT INTO bare (key) VALUES ($1) ON CONFLICT DO NOTHING";

#[derive(Clone, Copy)]
enum Work {
    Bare,
    Claim,
    ClaimAgain,
    ClaimComplete,
    ClaimAliased,
    ClaimAliasedComplete,
    ClaimSubjectComplete,
}

const WORKS: [(Work, &str); 7] = [
    (Work::Bare, "bare insert"),
    (Work::Claim, "claim"),
    (Work::ClaimAgain, "claim of a held key"),
    (Work::ClaimComplete, "claim+complete"),
    (Work::ClaimAliased, "claim with an alias"),
    (Work::ClaimAliasedComplete, "the same+complete"),
    (Work::ClaimSubjectComplete, "and a subject"),
];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let Some(server) = PostgresServer::start() else {
        return;
    };
    runtime.block_on(run(&server));
}

async fn run(server: &PostgresServer) {
    let pool = server.pool(CONNECTIONS);
    pool.get()
        .await
        .unwrap()
        .batch_execute(BARE_TABLE)
        .await
        .unwrap();
    let store = PostgresStore::new(pool.clone()).with_time_limit(Duration::from_secs(30));
    store.migrate().await.unwrap();

    let mut rates = WORKS.map(|_| Vec::new());
    // The works take turns, so that a machine that slows down slows all of them down. The first
    // turn prepares statements and is not counted.
    for round in 0..=ROUNDS {
        for ((work, _), rates) in WORKS.iter().zip(&mut rates) {
            let rate = rate_of(*work, &pool, &store).await;
            if round > 0 {
                rates.push(rate);
            }
        }
    }
    let bare = rates[0].clone();
    for ((_, name), rates) in WORKS.iter().zip(&mut rates) {
        let mut ratios: Vec<f64> = rates
            .iter()
            .zip(&bare)
            .map(|(rate, bare)| rate / bare)
            .collect();
        ratios.sort_by(f64::total_cmp);
        rates.sort_by(f64::total_cmp);
        println!(
            "{name:<20} {:>8.0} /s  ({:.2} of the bare insert; {ROUNDS} rounds: {:.0} to {:.0})",
            rates[ROUNDS / 2],
            ratios[ROUNDS / 2],
            rates[0],
            rates[ROUNDS - 1]
        );
    }
    for (work, name) in [
        (Work::ClaimComplete, "without an alias"),
        (Work::ClaimAliasedComplete, "with one alias"),
        (
            Work::ClaimSubjectComplete,
            "with one alias and a subject of its own",
        ),
    ] {
        let bytes = bytes_of(work, &pool, &store).await;
        println!("{bytes:.0} bytes a done delivery {name}, tables and indexes");
    }
}

/// Bytes of all tables for each delivery. Room is used again as autovacuum gives it back.
async fn bytes_of(work: Work, pool: &Pool, store: &PostgresStore) -> f64 {
    const TIMES: u64 = 8;
    let client = pool.get().await.unwrap();
    let empty = "TRUNCATE countersign, countersign_aliases, countersign_subjects";
    client.batch_execute(empty).await.unwrap();
    for _ in 0..TIMES {
        rate_of(work, pool, store).await;
        for table in ["countersign", "countersign_aliases", "countersign_subjects"] {
            let vacuum = format!("VACUUM ANALYZE {table}");
            client.batch_execute(&vacuum).await.unwrap();
        }
    }
    let size = "SELECT pg_total_relation_size('countersign') \
        + pg_total_relation_size('countersign_aliases') \
        + pg_total_relation_size('countersign_subjects')";
    let bytes: i64 = client.query_one(size, &[]).await.unwrap().get(0);
    bytes as f64 / (OPERATIONS * TIMES) as f64
}

async fn rate_of(work: Work, pool: &Pool, store: &PostgresStore) -> f64 {
    static FRESH: AtomicU64 = AtomicU64::new(0);
    let first = FRESH.fetch_add(OPERATIONS, Ordering::Relaxed);
    let next = Arc::new(AtomicU64::new(first));
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (next, pool, store) = (Arc::clone(&next), pool.clone(), store.clone());
        tasks.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= first + OPERATIONS {
                    return;
                }
                once(work, &pool, &store, n).await;
            }
        });
    }
    tasks.join_all().await;
    OPERATIONS as f64 / begin.elapsed().as_secs_f64()
}

async fn once(work: Work, pool: &Pool, store: &PostgresStore, n: u64) {
    let key = key_of(n);
    match work {
        Work::Bare => {
            let client = pool.get().await.unwrap();
            let statement = client.prepare_cached(BARE_INSERT).await.unwrap();
            let inserted = client
                .execute(&statement, &[&key.as_bytes().as_slice()])
                .await;
            assert_eq!(inserted.unwrap(), 1);
        }
        Work::Claim => drop(claim(store, key, &[], None).await),
        Work::ClaimAgain => {
            // Keys of the turn before, which were claimed and not completed.
            let claim = claim_by(store, key_of(n - OPERATIONS), &[], None, 2).await;
            assert!(matches!(claim, Claim::InFlight { .. }));
        }
        Work::ClaimComplete => claim_and_complete(store, key, &[], None).await,
        Work::ClaimAliased => drop(claim(store, key, &[key_of(!n)], None).await),
        Work::ClaimAliasedComplete => claim_and_complete(store, key, &[key_of(!n)], None).await,
        Work::ClaimSubjectComplete => {
            let subject = key_of(n ^ (1 << 62));
            let subject = Subject::new(subject, OnRepeat::Suppress, RETENTION);
            claim_and_complete(store, key, &[key_of(!n)], Some(subject)).await;
        }
    }
}

async fn claim_and_complete(
    store: &PostgresStore,
    key: DeliveryKey,
    aliases: &[DeliveryKey],
    subject: Option<Subject>,
) {
    let Claim::Claimed(claimed) = claim(store, key, aliases, subject).await else {
        panic!("a fresh key is free");
    };
    let done = store.complete(&key, claimed.fence, RETENTION).await;
    assert_eq!(done.unwrap(), Fenced::Applied);
}

async fn claim(
    store: &PostgresStore,
    key: DeliveryKey,
    aliases: &[DeliveryKey],
    subject: Option<Subject>,
) -> Claim {
    let claim = claim_by(store, key, aliases, subject, 1).await;
    assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
    claim
}

async fn claim_by(
    store: &PostgresStore,
    key: DeliveryKey,
    aliases: &[DeliveryKey],
    subject: Option<Subject>,
    owner: u128,
) -> Claim {
    let request = ClaimRequest::new(key, Owner::from_u128(owner), LEASE)
        .with_aliases(aliases)
        .with_subject(subject)
        .with_fingerprint(1);
    store.claim(request).await.unwrap()
}
