//! Speed of the store beside the bare statements: `cargo bench -p countersign-redis --bench store`.
//!
//! Starts a private `redis-server` from the `PATH`, and prints operations per second of 64 tasks on
//! one connection, medians of rounds that take turns, and their ratios.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints")]
#![allow(clippy::unwrap_used, reason = "a bench may stop")]
#![allow(unreachable_pub, reason = "the helpers are a library elsewhere")]

use core::time::Duration;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use countersign_core::{
    Claim, ClaimRequest, DedupStore, DeliveryKey, Fenced, OnRepeat, Owner, Subject,
};
use countersign_redis::{
    RedisStore,
    redis::{
        Cmd, Script, Value,
        aio::{ConnectionManager, ConnectionManagerConfig},
    },
};
use tokio::runtime::Runtime;

use self::{keys::key_of, redis_server::RedisServer};

// The helpers of the workspace's tests, without the servers and frameworks that those build.
#[path = "../../../tests/support/engines.rs"]
mod engines;
#[path = "../../../tests/support/keys.rs"]
mod keys;
#[allow(dead_code, reason = "a bench kills nothing")]
#[path = "../../../tests/support/redis_server.rs"]
mod redis_server;

const TASKS: usize = 64;
const ROUNDS: usize = 31;
const OPERATIONS: u64 = 10_000;
const LEASE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3_600);
const COMPLETE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then \
    return redis.call('SET', KEYS[1], 'done', 'PX', ARGV[2]) end";

#[derive(Clone, Copy)]
enum Kind {
    BareClaim,
    BareCycle,
    Claim,
    AliasedClaim,
    Cycle,
    AliasedCycle,
    SubjectCycle,
}

const KINDS: [(&str, Kind); 7] = [
    ("SET NX PX", Kind::BareClaim),
    ("claim", Kind::Claim),
    ("claim with an alias", Kind::AliasedClaim),
    ("SET NX PX, Lua compare and set", Kind::BareCycle),
    ("claim, complete", Kind::Cycle),
    ("the same with an alias", Kind::AliasedCycle),
    ("the same with a subject, too", Kind::SubjectCycle),
];

fn main() {
    for durable in ["no", "yes"] {
        let Some(server) = RedisServer::start(&["--appendonly", durable]).unwrap() else {
            return;
        };
        println!("appendonly {durable}, {TASKS} tasks, one connection, medians of {ROUNDS}");
        let runtime = Runtime::new().unwrap();
        let connection = runtime.block_on(connect(&server));
        let store = RedisStore::new(connection.clone()).with_time_limit(Duration::from_secs(60));
        let mut rounds = Vec::new();
        for round in 0..=ROUNDS {
            let mut rates = [0.0; KINDS.len()];
            for ((_, kind), rate) in KINDS.iter().zip(&mut rates) {
                *rate = runtime.block_on(measure(&connection, &store, *kind));
            }
            // The first round warms up.
            if round > 0 {
                rounds.push(rates);
            }
        }
        for (at, (name, _)) in KINDS.iter().enumerate() {
            // Compared within a round: other load comes and goes.
            let bare = if at < 3 { 0 } else { 3 };
            println!(
                "{name:<32} {:>7.1} k/s, {:.2} of the bare statement",
                median(rounds.iter().map(|rates| rates[at])) / 1e3,
                median(rounds.iter().map(|rates| rates[at] / rates[bare])),
            );
        }
        for (name, kind) in [
            ("without an alias", Kind::Cycle),
            ("with one alias", Kind::AliasedCycle),
            (
                "with one alias and a subject of its own",
                Kind::SubjectCycle,
            ),
        ] {
            let bytes = runtime.block_on(bytes_of(&connection, &store, kind));
            println!("{bytes:.0} bytes a done delivery {name}");
        }
    }
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Bytes that the server holds for each delivery.
async fn bytes_of(connection: &ConnectionManager, store: &RedisStore, kind: Kind) -> f64 {
    // Also flushes what was there, with all keys that the server was to free later.
    measure(connection, store, Kind::Cycle).await;
    let flushed = Cmd::new().arg("FLUSHALL").arg("SYNC").to_owned();
    let _: Value = flushed.query_async(&mut connection.clone()).await.unwrap();
    let before = used_memory(connection).await;
    measure(connection, store, kind).await;
    (used_memory(connection).await - before) / OPERATIONS as f64
}

async fn used_memory(connection: &ConnectionManager) -> f64 {
    let info = Cmd::new().arg("INFO").arg("memory").to_owned();
    let info: String = info.query_async(&mut connection.clone()).await.unwrap();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    line.unwrap().trim().parse().unwrap()
}

/// Operations per second, each on a key of its own.
async fn measure(connection: &ConnectionManager, store: &RedisStore, kind: Kind) -> f64 {
    let flushed = Cmd::new().arg("FLUSHALL").arg("ASYNC").to_owned();
    let _: Value = flushed.query_async(&mut connection.clone()).await.unwrap();
    let next = Arc::new(AtomicU64::new(0));
    let complete = Script::new(COMPLETE);
    let begin = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (store, next) = (store.clone(), Arc::clone(&next));
            let (mut connection, complete) = (connection.clone(), complete.clone());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= OPERATIONS {
                        return;
                    }
                    let key = key_of(n);
                    match kind {
                        Kind::BareClaim => bare_claim(&mut connection, &key, n).await,
                        Kind::BareCycle => {
                            bare_claim(&mut connection, &key, n).await;
                            let mut call = complete.key(key.as_bytes());
                            call.arg(n).arg(RETENTION.as_millis().to_string());
                            let _: Value = call.invoke_async(&mut connection).await.unwrap();
                        }
                        Kind::Claim => {
                            claim(&store, key, &[], None, n).await;
                        }
                        Kind::AliasedClaim => {
                            claim(&store, key, &[key_of(!n)], None, n).await;
                        }
                        Kind::Cycle => cycle(&store, key, &[], None, n).await,
                        Kind::AliasedCycle => cycle(&store, key, &[key_of(!n)], None, n).await,
                        Kind::SubjectCycle => {
                            let subject = key_of(n ^ (1 << 62));
                            let subject = Subject::new(subject, OnRepeat::Suppress, RETENTION);
                            cycle(&store, key, &[key_of(!n)], Some(subject), n).await;
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    OPERATIONS as f64 / begin.elapsed().as_secs_f64()
}

async fn cycle(
    store: &RedisStore,
    key: DeliveryKey,
    aliases: &[DeliveryKey],
    subject: Option<Subject>,
    n: u64,
) {
    let Claim::Claimed(held) = claim(store, key, aliases, subject, n).await else {
        panic!("a fresh key is free");
    };
    let done = store.complete(&key, held.fence, RETENTION).await;
    assert_eq!(done.unwrap(), Fenced::Applied);
}

async fn bare_claim(connection: &mut ConnectionManager, key: &DeliveryKey, owner: u64) {
    let mut set = Cmd::with_capacity(6, 96);
    set.arg("SET")
        .arg(key.as_bytes())
        .arg(owner)
        .arg("NX")
        .arg("PX");
    set.arg(LEASE.as_millis().to_string());
    let set: Value = set.query_async(connection).await.unwrap();
    assert_eq!(set, Value::Okay);
}

async fn claim(
    store: &RedisStore,
    key: DeliveryKey,
    aliases: &[DeliveryKey],
    subject: Option<Subject>,
    n: u64,
) -> Claim {
    let request = ClaimRequest::new(key, Owner::from_u128(u128::from(n)), LEASE)
        .with_aliases(aliases)
        .with_subject(subject)
        .with_fingerprint(n);
    let claim = store.claim(request).await.unwrap();
    assert!(matches!(claim, Claim::Claimed(_)));
    claim
}

async fn connect(server: &RedisServer) -> ConnectionManager {
    // A loaded machine is not what is measured.
    let config = ConnectionManagerConfig::new().set_response_timeout(None);
    ConnectionManager::new_with_config(server.client().unwrap(), config)
        .await
        .unwrap()
}
