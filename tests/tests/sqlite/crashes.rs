//! Processes that are killed, and processes that overlap, on one file.

use core::time::Duration;
use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
};

use countersign_core::{Claim, DedupStore, KeyState};

use crate::{
    child::{ALIASES, Process, Said, Work},
    help::{Place, claim, hold, key, now, request, state},
};
use countersign_tests::claims::AboutOne;

/// Some number below `below`, another each time.
fn random(below: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};

    RandomState::new().hash_one(below) % below
}

#[test]
fn what_was_acknowledged_outlives_a_kill_and_nothing_is_run_again() {
    let place = Place::new();
    let mut run = BTreeSet::new();
    let mut done = BTreeSet::new();
    for round in 0..12 {
        let first = done.len().saturating_sub(3_000);
        let work = Work {
            first,
            last: 1_000_000,
            handler: Duration::from_micros(random(2_000)),
            again: false,
        };
        let process = Process::start(&place.database(), &work);
        assert_eq!(process.said.recv().unwrap(), Said::Opened);
        thread::sleep(Duration::from_millis(20 + random(150)));
        for said in process.kill() {
            match said {
                Said::Run(n) => {
                    assert!(
                        !done.contains(&n),
                        "round {round}: {n} was done, and is run again"
                    );
                    run.insert(n);
                }
                Said::Done(n) => assert!(done.insert(n), "round {round}: {n} was done twice"),
                Said::Opened | Said::Ended => {}
            }
        }
        now(async {
            let store = place.builder().open().unwrap();
            for n in &done {
                let state = state(&store, key(*n)).await;
                assert_eq!(state, KeyState::Completed, "round {round}: {n}");
                let aliases = [key(ALIASES + n)];
                let replay = request(key(2 * ALIASES + n), 1);
                let replay = replay.about_one(&aliases);
                assert_eq!(store.claim(replay).await.unwrap(), Claim::Suppressed);
            }
            // Claimed and not done: the row is there, and the lease is over with its process.
            for n in run.difference(&done) {
                let state = state(&store, key(*n)).await;
                let left = KeyState::InFlight {
                    remaining: Duration::ZERO,
                };
                assert!(
                    state == left || state == KeyState::Completed,
                    "{n}: {state:?}"
                );
            }
            store.close().await;
        });
    }
    assert!(done.len() > 200, "{}", done.len());
}

fn count(runs: &mut BTreeMap<usize, u32>, said: &[Said]) {
    for said in said {
        if let Said::Run(n) = said {
            *runs.entry(*n).or_default() += 1;
        }
    }
}

#[test]
fn restarts_that_overlap_run_nothing_twice() {
    const LAST: usize = 3_000;
    let place = Place::new();
    let mut runs = BTreeMap::new();
    let work = |again| Work {
        first: 0,
        last: LAST,
        handler: Duration::from_millis(20),
        again,
    };
    let start = || {
        let process = Process::start(&place.database(), &work(true));
        assert_eq!(process.said.recv().unwrap(), Said::Opened);
        process
    };
    let mut old = start();
    for round in 0..6 {
        thread::sleep(Duration::from_millis(100));
        // The new one opens while the old one has claims in flight, and goes on after it.
        let new = start();
        thread::sleep(Duration::from_millis(60));
        // One that dies leaves claims that wait for their lease, since others live.
        let said = if round % 3 == 2 {
            old.kill()
        } else {
            old.end()
        };
        count(&mut runs, &said);
        old = new;
    }
    count(&mut runs, &old.end());
    let last = Process::start(&place.database(), &work(false));
    while last.said.recv().is_ok_and(|said| {
        count(&mut runs, &[said]);
        said != Said::Ended
    }) {}
    last.end();
    let twice: Vec<_> = runs.iter().filter(|(_, runs)| **runs > 1).collect();
    // What a killed process was running when it died is run again by whoever is alone, once.
    assert!(twice.len() <= 2 * 16, "{}: {twice:?}", twice.len());
    assert!(twice.iter().all(|(_, runs)| **runs == 2), "{twice:?}");
    assert_eq!(runs.len(), LAST);
}

#[test]
fn the_claims_of_a_living_process_are_safe_from_those_that_open_later() {
    let place = Place::new();
    let work = |n| Work {
        first: n,
        last: n + 1,
        handler: Duration::from_secs(600),
        again: false,
    };
    let started = |n| {
        let process = Process::start(&place.database(), &work(n));
        assert_eq!(process.said.recv().unwrap(), Said::Opened);
        assert_eq!(process.said.recv().unwrap(), Said::Run(n));
        process
    };
    let opened = || place.builder().open().unwrap();
    let is_held =
        |claim| matches!(claim, Claim::InFlight { remaining, .. } if !remaining.is_zero());
    let (first, second) = (started(1), started(2));
    first.kill();
    now(async {
        for _ in 0..3 {
            // The one that had the lock to itself at first is gone, and the other lives.
            let store = opened();
            assert!(is_held(claim(&store, key(2), 1).await));
            assert!(is_held(claim(&store, key(1), 1).await));
            store.close().await;
        }
        let store = opened();
        second.kill();
        assert!(is_held(claim(&store, key(2), 1).await));
        store.close().await;
        let store = opened();
        assert!(hold(&store, key(1), 1).await.takeover);
        assert!(hold(&store, key(2), 1).await.takeover);
    });
}
