//! Speed and size of the memory store: `cargo bench -p countersign-core --bench memory_store`.
//!
//! Prints claim+complete per second on one and two threads, bytes per done key, and how many
//! duplicates were wrongly admitted, which must be none. `COUNTERSIGN_BENCH_KEYS=10000000` adds a
//! run of that many keys.

#![allow(clippy::print_stdout, reason = "a bench prints")]
#![allow(clippy::unwrap_used, reason = "a bench may stop")]
#![allow(unreachable_pub, reason = "the helpers are a library elsewhere")]

use core::time::Duration;
use std::{alloc::System, env, thread, time::Instant};

use cap::Cap;
use countersign_core::{
    Claim, ClaimRequest, DedupStore, DeliveryKey, Fenced, MemoryStore, OnRepeat, Owner, Subject,
};
use futures_util::FutureExt;

use self::keys::key_of;

// A helper of the workspace's tests, without the servers and frameworks that those build.
#[path = "../../../tests/support/keys.rs"]
mod keys;

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const LEASE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(72 * 3600);
const MILLION: u64 = 1_000_000;
const ROUNDS: usize = 5;

fn main() {
    speed("claim+complete", 1, |store, key, _| {
        run_one(store, key, &[], None)
    });
    speed("claim+complete", 2, |store, key, _| {
        run_one(store, key, &[], None)
    });
    speed("claim+complete, one alias each", 2, |store, key, n| {
        run_one(store, key, &[key_of(!n)], None);
    });
    speed("the same, and a subject each", 2, |store, key, n| {
        run_one(store, key, &[key_of(!n)], Some(subject(n)));
    });
    speed("claim+release", 2, |store, key, n| {
        let Claim::Claimed(claimed) = claim(store, key, &[], None, n) else {
            panic!("a fresh key is free");
        };
        let released = store.release(&key, claimed.fence).now_or_never();
        assert_eq!(released.unwrap().unwrap(), Fenced::Applied);
    });
    size(MILLION, Names::None);
    size(MILLION, Names::Alias);
    let bytes = size(MILLION, Names::Subject);
    assert!(bytes < 160.0, "more than 160 bytes a delivery");
    if let Some(keys) = env::var("COUNTERSIGN_BENCH_KEYS")
        .ok()
        .and_then(|keys| keys.parse().ok())
    {
        size(keys, Names::None);
    }
}

/// Times one million operations, each on a key of its own, spread over threads.
fn speed(name: &str, threads: u64, operation: impl Fn(&MemoryStore, DeliveryKey, u64) + Sync) {
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let store = MemoryStore::with_capacity(3_500_000);
            let begin = Instant::now();
            thread::scope(|scope| {
                for thread in 0..threads {
                    let (store, operation) = (store.clone(), &operation);
                    scope.spawn(move || {
                        for n in (thread..MILLION).step_by(usize::try_from(threads).unwrap()) {
                            operation(&store, key_of(n), n);
                        }
                    });
                }
            });
            1.0 / begin.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    println!(
        "{name:<32} {threads} thread(s)  {:>6.2} M/s  (of {ROUNDS} rounds: {:.2} to {:.2})",
        rates[ROUNDS / 2],
        rates[0],
        rates[ROUNDS - 1]
    );
}

/// What a delivery has beside its key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    None,
    Alias,
    /// An alias, and an entity of its own.
    Subject,
}

fn subject(n: u64) -> Subject {
    Subject::new(key_of(n ^ (1 << 62)), OnRepeat::Suppress, RETENTION)
}

/// Weighs done keys, then sends each a second time. Bytes a key.
fn size(keys: u64, names: Names) -> f64 {
    let alias = |n: u64| match names {
        Names::None => Vec::new(),
        Names::Alias | Names::Subject => vec![key_of(!n)],
    };
    let about = |n: u64| (names == Names::Subject).then(|| subject(n));
    let rows = usize::try_from(keys).unwrap() * (names as usize + 1);
    let before = HEAP.allocated();
    let store = MemoryStore::with_capacity(rows);
    let begin = Instant::now();
    for n in 0..keys {
        run_one(&store, key_of(n), &alias(n), about(n));
    }
    let rate = keys as f64 / begin.elapsed().as_secs_f64() / 1e6;
    let bytes = (HEAP.allocated() - before) as f64 / keys as f64;
    let wrong = (0..keys)
        .filter(|n| {
            let again = claim(&store, key_of(*n), &alias(*n), about(*n), !n);
            !matches!(again, Claim::Completed { .. })
        })
        .count();
    let name = match names {
        Names::None => "",
        Names::Alias => "with an alias each",
        Names::Subject => "with an alias and a subject each",
    };
    println!(
        "{keys} done keys {name}: {bytes:.1} bytes a key, filled at {rate:.2} M/s, \
         wrongly admitted duplicates: {wrong}"
    );
    assert_eq!(wrong, 0);
    assert_eq!(store.len(), rows);
    bytes
}

fn run_one(
    store: &MemoryStore,
    key: DeliveryKey,
    aliases: &[DeliveryKey],
    subject: Option<Subject>,
) {
    let Claim::Claimed(claimed) = claim(store, key, aliases, subject, 1) else {
        panic!("a fresh key is free");
    };
    let done = store
        .complete(&key, claimed.fence, RETENTION)
        .now_or_never();
    assert_eq!(done.unwrap().unwrap(), Fenced::Applied);
}

fn claim(
    store: &MemoryStore,
    key: DeliveryKey,
    aliases: &[DeliveryKey],
    subject: Option<Subject>,
    owner: u64,
) -> Claim {
    let request = ClaimRequest::new(key, Owner::from_u128(u128::from(owner)), LEASE)
        .with_aliases(aliases)
        .with_subject(subject)
        .with_fingerprint(owner);
    store.claim(request).now_or_never().unwrap().unwrap()
}
