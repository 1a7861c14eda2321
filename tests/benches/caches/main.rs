//! The memory store beside maps and caches: `cargo bench -p countersign-tests --bench caches`.
//!
//! Each is used as one would use it to remember deliveries: a claim inserts a key of 32 bytes unless
//! it is there, and completing sets its state to done. Printed are
//!
//! - **claims per second** on two threads; half the claims are duplicates, the others are completed;
//! - **bytes a key** of a million done ones;
//! - **duplicates run again** where there is room for 100,000 keys and a million flow through, each
//!   with a duplicate when 1,000, 50,000 or 150,000 more have come.
//!
//! The flow is one new key a second by a manual clock. The memory store goes through it twice: with
//! the longest retention that it has room for, and with one of 72 hours, for which it has no room and
//! refuses. The others forget nothing by time here, which is in their favour.
//!
//! All take turns, and medians of the turns are shown. Every allocation is counted, also while
//! claims are timed. Five to ten minutes on two cores.

#![allow(clippy::print_stdout, reason = "a bench prints")]
#![allow(clippy::unwrap_used, reason = "a bench may stop")]

use std::{
    alloc::System,
    thread,
    time::{Duration, Instant},
};

use cap::Cap;
use countersign_testkit::ManualClock;
use countersign_tests::keys::key_of;

use self::contestants::{Answer, CONTESTANTS, Contestant, Keeps, Kind};

mod contestants;

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const MILLION: u64 = 1_000_000;
const THREADS: u64 = 2;
const TURNS: usize = 3;
const SPEED_TURNS: usize = 9;
const SPEED_KEYS: u64 = 250_000;
const ROOM: usize = 100_000;
/// How many new keys come between a key and its duplicate.
const DISTANCES: [u64; 3] = [1_000, 50_000, 150_000];

/// What was measured of one contestant, an entry a turn.
#[derive(Default)]
struct Figures {
    rates: Vec<f64>,
    bytes: Vec<f64>,
    flows: [Vec<Flow>; DISTANCES.len()],
}

/// What became of a flow.
struct Flow {
    /// Of the duplicates whose original ran, the share that ran as well.
    again: f64,
    /// Of all claims, the share that was refused.
    refused: f64,
}

fn main() {
    let mut figures: Vec<Figures> = CONTESTANTS.iter().map(|_| Figures::default()).collect();
    for at in turns(SPEED_TURNS) {
        if CONTESTANTS[at].is_timed {
            figures[at].rates.push(speed(&CONTESTANTS[at]));
        }
    }
    for at in turns(TURNS) {
        let (kind, figures) = (&CONTESTANTS[at], &mut figures[at]);
        if kind.is_timed {
            figures.bytes.push(size(kind));
        }
        for (flows, distance) in figures.flows.iter_mut().zip(DISTANCES) {
            if kind.keeps.is_tried_at(distance) {
                let flow = flow(kind, distance);
                let remembers = matches!(kind.keeps, Keeps::Seconds(_));
                assert!(!remembers || flow.again == 0.0, "{} forgot", kind.name);
                flows.push(flow);
            }
        }
    }
    println!(
        "{:>40} {:>7}   duplicates run again (claims refused), of a key that came",
        "claims", "bytes"
    );
    let [near, far, farther] = DISTANCES.map(|distance| format!("{distance} before"));
    println!(
        "{:<31} {:>8} {:>7}   {near:<18} {far:<18} {farther}",
        "", "a second", "a key"
    );
    for (kind, figures) in CONTESTANTS.iter().zip(figures) {
        print(kind, figures);
    }
}

/// Everybody once a turn; whoever goes first has the colder caches, so that changes.
fn turns(turns: usize) -> impl Iterator<Item = usize> {
    let all = CONTESTANTS.len();
    (0..turns).flat_map(move |turn| (0..all).map(move |step| (turn + step) % all))
}

fn print(kind: &Kind, figures: Figures) {
    let rate =
        median(figures.rates).map_or_else(String::new, |rate| format!("{:.2} M", rate / 1e6));
    let bytes = median(figures.bytes).map_or_else(String::new, |bytes| format!("{bytes:.0}"));
    let [near, far, farther] = figures.flows.map(|flows| {
        let (again, refused) = flows.iter().map(|flow| (flow.again, flow.refused)).unzip();
        match (median(again), median(refused)) {
            (Some(again), Some(refused)) if refused > 0.0 => {
                format!("{:.1} % ({:.0} %)", again * 100.0, refused * 100.0)
            }
            (Some(again), _) => format!("{:.1} %", again * 100.0),
            _ => kind.keeps.reason().to_owned(),
        }
    });
    println!(
        "{:<31} {rate:>8} {bytes:>7}   {near:<18} {far:<18} {farther}",
        kind.name
    );
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Claims per second; each thread has keys of its own, and there is room for twice as many.
fn speed(kind: &Kind) -> f64 {
    let room = usize::try_from(2 * SPEED_KEYS).unwrap();
    let contestant = (kind.new)(room, None);
    let begin = Instant::now();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let contestant = &*contestant;
            scope.spawn(move || {
                let back = DISTANCES[0] * THREADS;
                for n in (thread..SPEED_KEYS).step_by(usize::try_from(THREADS).unwrap()) {
                    assert_eq!(run(contestant, n), Outcome::Ran);
                    // The first few have nothing before them, and repeat themselves.
                    let earlier = n.checked_sub(back).unwrap_or(n);
                    assert_eq!(run(contestant, earlier), Outcome::Known, "{}", kind.name);
                }
            });
        }
    });
    (2 * SPEED_KEYS) as f64 / begin.elapsed().as_secs_f64()
}

fn size(kind: &Kind) -> f64 {
    let before = HEAP.allocated();
    let contestant = (kind.new)(usize::try_from(MILLION).unwrap(), None);
    for n in 0..MILLION {
        assert_eq!(run(&*contestant, n), Outcome::Ran);
    }
    // Some caches forget keys already when they are as many as there is room for.
    let keys = contestant.keys();
    (HEAP.allocated() - before) as f64 / keys as f64
}

fn flow(kind: &Kind, distance: u64) -> Flow {
    let clock = ManualClock::new();
    let contestant = (kind.new)(ROOM, Some(&clock));
    let mut ran = vec![false; usize::try_from(MILLION).unwrap()];
    let (mut duplicates, mut again, mut refused, mut claims) = (0_u64, 0_u64, 0_u64, 0_u64);
    for n in 0..MILLION {
        clock.advance(Duration::from_secs(1));
        for (n, is_duplicate) in [(Some(n), false), (n.checked_sub(distance), true)] {
            let Some(n) = n else { continue };
            let ran = &mut ran[usize::try_from(n).unwrap()];
            claims += 1;
            duplicates += u64::from(is_duplicate && *ran);
            match run(&*contestant, n) {
                Outcome::Ran => {
                    again += u64::from(*ran);
                    *ran = true;
                }
                Outcome::Known => assert!(*ran, "{} knows what it was not given", kind.name),
                Outcome::Refused => refused += 1,
            }
        }
    }
    Flow {
        again: again as f64 / duplicates as f64,
        refused: refused as f64 / claims as f64,
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Ran,
    Known,
    Refused,
}

/// A delivery: claimed, and completed if it may run.
fn run(contestant: &dyn Contestant, n: u64) -> Outcome {
    let key = *key_of(n).as_bytes();
    match contestant.claim(key) {
        Answer::Claimed(fence) => {
            contestant.complete(key, fence);
            Outcome::Ran
        }
        Answer::Known => Outcome::Known,
        Answer::Refused => Outcome::Refused,
    }
}
