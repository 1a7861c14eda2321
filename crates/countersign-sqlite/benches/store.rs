//! Speed and size of the SQLite store beside a bare `INSERT OR IGNORE`:
//! `cargo bench -p countersign-sqlite`.
//!
//! All insert distinct keys into a new file with the same journal, sync and cache settings. The bare table
//! is what a hand-written deduplication needs at least: a key, an end and an index to purge by.
//!
//! * `one by one`: a transaction each, as who shares a connection behind a lock gets.
//! * `64 a transaction`: the same connection with all of 64 callers in one commit, without callers.
//! * `64 callers`: 64 concurrent tasks whose inserts reach a thread through a queue and share
//!   commits; the same concurrency as the store's.
//!
//! `COUNTERSIGN_BENCH_DIR` says on which disk.

#![allow(clippy::print_stdout, reason = "a bench prints")]
#![allow(clippy::unwrap_used, reason = "a bench may stop")]

use core::{
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};
use std::{
    env, fs,
    sync::{Arc, mpsc},
    task::Wake,
    thread::{self, Thread},
    time::Instant,
};

use countersign_core::{
    Claim, ClaimRequest, Claimed, DedupStore, DeliveryKey, Fenced, OnRepeat, Owner, Subject,
};
use countersign_sqlite::{SqliteStore, Synchronous, rusqlite::Connection};
use futures_channel::oneshot;
use futures_util::{StreamExt, stream::FuturesUnordered};
use tempfile::TempDir;

const CALLERS: u64 = 64;
const LEASE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3_600);
const ROUNDS: usize = 3;

fn main() {
    for (synchronous, keys) in [(Synchronous::Full, 20_000), (Synchronous::Normal, 60_000)] {
        println!("synchronous = {synchronous:?}, {keys} keys, median of {ROUNDS} rounds (range)");
        let mut rates = Rates::default();
        for _ in 0..ROUNDS {
            rates.add("bare, one by one", bare(synchronous, keys, 1));
            rates.add("bare, 64 a transaction", bare(synchronous, keys, CALLERS));
            rates.add("bare, 64 callers", bare_with_callers(synchronous, keys));
            let place = Place::new();
            let store = place.open(synchronous);
            let (claims, claimed) = claims(&store, keys);
            rates.add("claim, 64 callers", claims);
            rates.add("duplicate claim", duplicates(&store, keys));
            rates.add("complete", completes(&store, &claimed));
            let place = Place::new();
            let store = place.open(synchronous);
            rates.add("claim + complete", cycles(&store, keys, Names::None));
            let place = Place::new();
            let store = place.open(synchronous);
            rates.add(
                "the same, one alias each",
                cycles(&store, keys, Names::Alias),
            );
            let place = Place::new();
            let store = place.open(synchronous);
            rates.add("and a subject", cycles(&store, keys, Names::Subject));
        }
        rates.print();
    }
    size();
}

#[derive(Default)]
struct Rates(Vec<(&'static str, Vec<f64>)>);

impl Rates {
    fn add(&mut self, name: &'static str, rate: f64) {
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, rates)) => rates.push(rate),
            None => self.0.push((name, vec![rate])),
        }
    }

    fn print(mut self) {
        for (name, rates) in &mut self.0 {
            rates.sort_by(f64::total_cmp);
            let (low, high) = (rates[0], rates[ROUNDS - 1]);
            println!(
                "  {name:<26}{:>9.0}/s  ({low:.0} to {high:.0})",
                rates[ROUNDS / 2]
            );
        }
        let median =
            |name: &str| self.0.iter().find(|(other, _)| *other == name).unwrap().1[ROUNDS / 2];
        for bare in [
            "bare, one by one",
            "bare, 64 callers",
            "bare, 64 a transaction",
        ] {
            println!(
                "  claim is {:.2} of {bare}; claim + complete {:.2}",
                median("claim, 64 callers") / median(bare),
                median("claim + complete") / median(bare),
            );
        }
    }
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(match env::var_os("COUNTERSIGN_BENCH_DIR") {
            Some(directory) => tempfile::tempdir_in(directory).unwrap(),
            None => tempfile::tempdir().unwrap(),
        })
    }

    fn open(&self, synchronous: Synchronous) -> SqliteStore {
        let builder = SqliteStore::builder(self.0.path().join("deliveries.db"));
        builder.synchronous(synchronous).open().unwrap()
    }

    fn bare(&self, synchronous: Synchronous) -> Connection {
        let connection = Connection::open(self.0.path().join("bare.db")).unwrap();
        let synchronous = match synchronous {
            Synchronous::Full => "FULL",
            _ => "NORMAL",
        };
        let setup = format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
            PRAGMA cache_size = -16384;
            CREATE TABLE keys (key BLOB PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
            CREATE INDEX keys_until ON keys (until);"
        );
        connection.execute_batch(&setup).unwrap();
        connection
    }
}

const INSERT: &str = "INSERT OR IGNORE INTO keys VALUES (?1, ?2)";

fn bare(synchronous: Synchronous, keys: u64, batch: u64) -> f64 {
    let place = Place::new();
    let connection = place.bare(synchronous);
    let mut insert = connection.prepare(INSERT).unwrap();
    let begin = Instant::now();
    for from in (0..keys).step_by(usize::try_from(batch).unwrap()) {
        if batch > 1 {
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        }
        for n in from..keys.min(from + batch) {
            let fresh = insert.execute((key(n).as_bytes(), until(n))).unwrap();
            assert_eq!(fresh, 1);
        }
        if batch > 1 {
            connection.execute_batch("COMMIT").unwrap();
        }
    }
    rate(keys, begin)
}

fn bare_with_callers(synchronous: Synchronous, keys: u64) -> f64 {
    let place = Place::new();
    let connection = place.bare(synchronous);
    let (send, queue) = mpsc::sync_channel::<(u64, oneshot::Sender<usize>)>(4_096);
    let writer = thread::spawn(move || {
        let mut insert = connection.prepare(INSERT).unwrap();
        let mut jobs = Vec::new();
        while let Ok(job) = queue.recv() {
            jobs.push(job);
            jobs.extend(queue.try_iter().take(255));
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            let fresh: Vec<usize> = jobs
                .iter()
                .map(|(n, _)| insert.execute((key(*n).as_bytes(), until(*n))).unwrap())
                .collect();
            connection.execute_batch("COMMIT").unwrap();
            for ((_, reply), fresh) in jobs.drain(..).zip(fresh) {
                let _ = reply.send(fresh);
            }
        }
    });
    let rate = with_callers(keys, async |n| {
        let (reply, answer) = oneshot::channel();
        send.send((n, reply)).unwrap();
        assert_eq!(answer.await.unwrap(), 1);
    });
    drop(send);
    writer.join().unwrap();
    rate
}

fn claims(store: &SqliteStore, keys: u64) -> (f64, Vec<(u64, Claimed)>) {
    let claimed = std::sync::Mutex::new(Vec::new());
    let rate = with_callers(keys, async |n| {
        let one = claim(store, n, &[], None).await;
        claimed.lock().unwrap().push((n, one));
    });
    (rate, claimed.into_inner().unwrap())
}

fn duplicates(store: &SqliteStore, keys: u64) -> f64 {
    with_callers(keys, async |n| {
        let request = ClaimRequest::new(key(n), Owner::from_u128(1 << 64), LEASE);
        let claim = store.claim(request).await.unwrap();
        assert!(matches!(claim, Claim::InFlight { .. }));
    })
}

fn completes(store: &SqliteStore, claimed: &[(u64, Claimed)]) -> f64 {
    let keys = claimed.len() as u64;
    with_callers(keys, async |at| {
        let (n, claimed) = claimed[usize::try_from(at).unwrap()];
        complete(store, n, claimed).await;
    })
}

/// What a delivery has beside its key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    None,
    Alias,
    /// An alias, and an entity of its own.
    Subject,
}

fn cycles(store: &SqliteStore, keys: u64, names: Names) -> f64 {
    with_callers(keys, async |n| {
        let alias = [key(!n)];
        let aliases = match names {
            Names::None => &[],
            Names::Alias | Names::Subject => &alias[..],
        };
        let subject = Subject::new(key(n ^ (1 << 62)), OnRepeat::Suppress, RETENTION);
        let subject = (names == Names::Subject).then_some(subject);
        let claimed = claim(store, n, aliases, subject).await;
        complete(store, n, claimed).await;
    })
}

async fn claim(
    store: &SqliteStore,
    n: u64,
    aliases: &[DeliveryKey],
    subject: Option<Subject>,
) -> Claimed {
    let request = ClaimRequest::new(key(n), Owner::from_u128(n.into()), LEASE)
        .with_aliases(aliases)
        .with_subject(subject);
    match store.claim(request).await.unwrap() {
        Claim::Claimed(claimed) => claimed,
        other => panic!("{other:?}"),
    }
}

async fn complete(store: &SqliteStore, n: u64, claimed: Claimed) {
    let applied = store
        .complete(&key(n), claimed.fence, RETENTION)
        .await
        .unwrap();
    assert_eq!(applied, Fenced::Applied);
}

/// Bytes a delivery in the file, when all are done.
fn size() {
    const KEYS: u64 = 200_000;
    let place = Place::new();
    let connection = place.bare(Synchronous::Normal);
    connection.execute_batch("BEGIN").unwrap();
    let mut insert = connection.prepare(INSERT).unwrap();
    for n in 0..KEYS {
        insert.execute((key(n).as_bytes(), until(n))).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    drop(insert);
    connection.close().unwrap();
    let bytes = |name| fs::metadata(place.0.path().join(name)).unwrap().len() as f64 / KEYS as f64;
    println!("bytes a key, {KEYS} keys: bare {:.0}", bytes("bare.db"));
    for names in [Names::None, Names::Alias, Names::Subject] {
        let place = Place::new();
        let store = place.open(Synchronous::Normal);
        cycles(&store, KEYS, names);
        block_on(store.close());
        let file = fs::metadata(store.path()).unwrap().len();
        let of = match names {
            Names::None => "without aliases",
            Names::Alias => "with one alias",
            Names::Subject => "with one alias and a subject of its own",
        };
        println!("  done delivery {of}: {:.0}", file as f64 / KEYS as f64);
    }
}

/// Runs something for each of `0..keys` in 64 concurrent tasks.
fn with_callers(keys: u64, work: impl AsyncFn(u64)) -> f64 {
    let begin = Instant::now();
    let callers: FuturesUnordered<_> = (0..CALLERS)
        .map(|caller| {
            let work = &work;
            async move {
                let mut n = caller;
                while n < keys {
                    work(n).await;
                    n += CALLERS;
                }
            }
        })
        .collect();
    block_on(callers.collect::<()>());
    rate(keys, begin)
}

fn rate(keys: u64, begin: Instant) -> f64 {
    keys as f64 / begin.elapsed().as_secs_f64()
}

fn key(n: u64) -> DeliveryKey {
    DeliveryKey::for_id("bench", None, &n.to_string())
}

fn until(n: u64) -> i64 {
    1_800_000_000_000 + i64::try_from(n).unwrap()
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
