//! The memory store under schedules that a controlled scheduler chooses:
//! `RUSTFLAGS="--cfg shuttle" cargo test -p countersign-core --lib interleavings`.
//!
//! A deadlock fails a test by itself. Timers never end here, so a wake-up that is missed is one.

use core::time::Duration;

use shuttle::{future, thread};

use super::{
    super::MemoryStore,
    support::{StepClock, claim, complete, entity, key, now, request},
};
use crate::{
    key::DeliveryKey,
    store::{Claim, Claimed, DedupStore, Fenced, KeyState, Recurrence, StoreError},
};

const RANDOM: usize = 4_000;
const GUIDED: usize = 2_000;

fn check(test: impl Fn(u8) + Send + Sync + Copy + 'static) {
    // Keys from several places, so that they meet in one shard and are spread over several.
    for base in [0, 20, 40] {
        shuttle::check_random(move || test(base), RANDOM);
        shuttle::check_pct(move || test(base), GUIDED, 3);
    }
}

fn store(capacity: usize) -> (MemoryStore, StepClock) {
    let clock = StepClock::default();
    let builder = MemoryStore::builder().capacity(capacity);
    (builder.with_clock(clock.clone()).build(), clock)
}

fn granted(claim: Claim) -> Option<Claimed> {
    match claim {
        Claim::Claimed(claimed) => Some(claimed),
        _ => None,
    }
}

/// A claim about the one entity where there are aliases, so that a repeat is not run.
fn try_claim(
    store: &MemoryStore,
    key: DeliveryKey,
    owner: u128,
    aliases: &[DeliveryKey],
) -> Result<Claim, StoreError> {
    let subject = (!aliases.is_empty()).then(entity);
    let request = request(key, owner).with_aliases(aliases);
    now(store.claim(request.with_subject(subject)))
}

fn hold(store: &MemoryStore, key: DeliveryKey, aliases: &[DeliveryKey]) -> Claimed {
    granted(try_claim(store, key, 1, aliases).unwrap()).unwrap()
}

/// Claims with this alias list, completes, and says whether the completion counted.
fn run(store: &MemoryStore, key: DeliveryKey, owner: u128, aliases: &[DeliveryKey]) -> bool {
    let Some(claimed) = granted(try_claim(store, key, owner, aliases).unwrap()) else {
        return false;
    };
    let retention = Duration::from_secs(1_000_000);
    now(store.complete(&key, claimed.fence, retention)).unwrap() == Fenced::Applied
}

#[test]
fn a_lapsed_claim_gets_one_new_holder() {
    check(|base| {
        let (store, clock) = store(10);
        let first = hold(&store, key(base), &[]);
        clock.advance(10_000);
        let threads: Vec<_> = (2..5)
            .map(|owner| {
                let store = store.clone();
                thread::spawn(move || granted(claim(&store, key(base), owner)))
            })
            .collect();
        let granted: Vec<_> = threads
            .into_iter()
            .filter_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(granted.len(), 1);
        assert!(granted[0].fence > first.fence);
        let late = now(store.complete(&key(base), first.fence, Duration::from_secs(1)));
        assert_eq!(late.unwrap(), Fenced::Lost);
    });
}

#[test]
fn one_run_counts_while_leases_end() {
    check(|base| {
        let (store, clock) = store(10);
        let threads: Vec<_> = (1..4)
            .map(|owner| {
                let (store, clock) = (store.clone(), clock.clone());
                thread::spawn(move || {
                    let counted = run(&store, key(base), owner, &[]);
                    clock.advance(10_000);
                    counted
                })
            })
            .collect();
        let counted = threads
            .into_iter()
            .map(|thread| usize::from(thread.join().unwrap()))
            .sum::<usize>();
        assert_eq!(counted, 1);
    });
}

#[test]
fn purging_and_filling_up_lose_no_done_row() {
    check(|base| {
        let (store, clock) = store(4);
        let old = hold(&store, key(base + 9), &[key(base + 8)]);
        complete(&store, &key(base + 9), old, 1);
        clock.advance(1_000);
        let purging = store.clone();
        let purge = thread::spawn(move || now(purging.purge(10)).unwrap());
        let threads: Vec<_> = (1..3)
            .map(|owner| {
                let store = store.clone();
                thread::spawn(move || run(&store, key(base), owner, &[key(base + 8)]))
            })
            .collect();
        purge.join().unwrap();
        let counted = threads
            .into_iter()
            .map(|thread| usize::from(thread.join().unwrap()))
            .sum::<usize>();
        assert_eq!(counted, 1);
        let again = claim(&store, key(base), 7);
        assert_eq!(again, Claim::Completed { fingerprint: 0 });
        let replay = try_claim(&store, key(base + 7), 7, &[key(base + 8)]);
        assert_eq!(replay.unwrap(), Claim::Suppressed);
    });
}

#[test]
fn reclaiming_aliases_takes_no_lock_out_of_order() {
    check(|base| {
        let (store, clock) = store(20);
        for n in 0..4 {
            let held = hold(&store, key(base + n), &[key(base + 10 + n)]);
            complete(&store, &key(base + n), held, 1);
        }
        clock.advance(11_000);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let store = store.clone();
                thread::spawn(move || now(store.purge(20)).unwrap())
            })
            .collect();
        let counted = run(&store, key(base), 2, &[key(base + 11), key(base + 12)]);
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(counted);
    });
}

#[test]
fn two_keys_with_two_aliases_run_once() {
    check(|base| {
        let (store, clock) = store(20);
        // A lapsed third owner of both aliases, who gives up meanwhile.
        let aliases = [key(base + 5), key(base + 6)];
        let late = hold(&store, key(base + 2), &aliases);
        clock.advance(10_000);
        let releasing = store.clone();
        let release = thread::spawn(move || now(releasing.release(&key(base + 2), late.fence)));
        let threads: Vec<_> = [[0, 5, 6], [1, 6, 5]]
            .map(|[name, first, second]| {
                let store = store.clone();
                let aliases = [key(base + first), key(base + second)];
                thread::spawn(move || run(&store, key(base + name), u128::from(name), &aliases))
            })
            .into_iter()
            .collect();
        assert_eq!(release.join().unwrap().unwrap(), Fenced::Applied);
        let counted = threads
            .into_iter()
            .map(|thread| usize::from(thread.join().unwrap()))
            .sum::<usize>();
        assert_eq!(counted, 1);
        for alias in aliases {
            let replay = try_claim(&store, key(base + 7), 7, &[alias]).unwrap();
            assert_eq!(replay, Claim::Suppressed);
        }
    });
}

#[test]
fn giving_up_takes_no_alias_from_the_next_claim() {
    check(|base| {
        let (store, _clock) = store(20);
        let alias = key(base + 5);
        let first = hold(&store, key(base), &[alias]);
        let releasing = store.clone();
        let release = thread::spawn(move || now(releasing.release(&key(base), first.fence)));
        let running = store.clone();
        let next = thread::spawn(move || run(&running, key(base), 2, &[alias]));
        assert_eq!(release.join().unwrap().unwrap(), Fenced::Applied);
        if next.join().unwrap() {
            let replay = try_claim(&store, key(base + 1), 3, &[alias]).unwrap();
            assert_eq!(replay, Claim::Suppressed);
            assert_eq!(store.len(), 3, "the key, the alias and the entity");
        } else {
            assert_eq!(store.len(), 1, "what was claimed last of an entity stays");
        }
    });
}

#[test]
fn no_wake_up_is_missed() {
    type Settle = fn(&MemoryStore, DeliveryKey, Claimed);
    let table: [(Settle, KeyState); 4] = [
        (
            |store, key, held| complete(store, &key, held, 60),
            KeyState::Completed,
        ),
        (
            |store, key, held| {
                let _ = now(store.release(&key, held.fence)).unwrap();
            },
            KeyState::Absent,
        ),
        (
            |store, key, _| drop(now(store.forget(&key)).unwrap()),
            KeyState::Absent,
        ),
        (
            // Waiting goes on across an extension and ends with what follows.
            |store, key, held| {
                let lease = Duration::from_secs(5);
                let _ = now(store.extend(&key, held.fence, lease)).unwrap();
                complete(store, &key, held, 60);
            },
            KeyState::Completed,
        ),
    ];
    for (settle, then) in table {
        shuttle::check_random(
            move || {
                let (store, clock) = store(10);
                let held = hold(&store, key(0), &[]);
                let waiting: Vec<_> = (0..2)
                    .map(|_| {
                        let (store, clock) = (store.clone(), clock.clone());
                        thread::spawn(move || {
                            let first = key(0);
                            let at_most = Duration::from_secs(100);
                            future::block_on(store.wait(&first, at_most, &clock)).unwrap()
                        })
                    })
                    .collect();
                settle(&store, key(0), held);
                for thread in waiting {
                    assert_eq!(thread.join().unwrap(), then);
                }
            },
            RANDOM,
        );
    }
}

/// Claims an event of the one entity: an alias, and the mark of its bytes.
fn tell(store: &MemoryStore, key: DeliveryKey, alias: DeliveryKey, bytes: u64) -> Claim {
    let aliases = [alias];
    let request = request(key, 1)
        .with_aliases(&aliases)
        .with_fingerprint(bytes);
    now(store.claim(request.with_subject(Some(entity())))).unwrap()
}

fn handled(store: &MemoryStore, key: DeliveryKey, alias: DeliveryKey, bytes: u64) {
    let claimed = granted(tell(store, key, alias, bytes)).unwrap();
    complete(store, &key, claimed, 1_000_000);
}

/// Paid, and unmarked: their aliases.
fn back_and_forth(store: &MemoryStore, base: u8) -> [DeliveryKey; 2] {
    let aliases = [key(base + 10), key(base + 11)];
    handled(store, key(base), aliases[0], 1);
    handled(store, key(base + 1), aliases[1], 2);
    aliases
}

#[test]
fn of_two_events_of_one_entity_at_once_none_goes_unnoticed() {
    check(|base| {
        let (store, _) = store(20);
        let (paid, received, unmarked) = (key(base + 10), key(base + 11), key(base + 12));
        handled(&store, key(base), paid, 1);
        // One goes on with the run of the first, the other ends it.
        let threads: Vec<_> = [(1, received, 1), (2, unmarked, 2)]
            .into_iter()
            .map(|(n, alias, bytes)| {
                let store = store.clone();
                thread::spawn(move || tell(&store, key(base + n), alias, bytes))
            })
            .collect();
        for thread in threads {
            let claimed = granted(thread.join().unwrap()).unwrap();
            assert_eq!(claimed.recurrence, Recurrence::None);
        }
        let again = granted(tell(&store, key(base + 3), paid, 1)).unwrap();
        assert_eq!(again.recurrence, Recurrence::Return);
    });
}

#[test]
fn of_returns_at_once_one_runs_and_the_others_are_repeats() {
    check(|base| {
        let (store, _) = store(20);
        let [paid, _] = back_and_forth(&store, base);
        let threads: Vec<_> = (2..4)
            .map(|n| {
                let store = store.clone();
                thread::spawn(move || (key(base + n), tell(&store, key(base + n), paid, 1)))
            })
            .collect();
        let claims = threads.into_iter().map(|thread| thread.join().unwrap());
        let claims: Vec<_> = claims.collect();
        let runs: Vec<_> = claims
            .iter()
            .filter_map(|(key, claim)| Some((*key, granted(*claim)?)))
            .collect();
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].1.recurrence, Recurrence::Return);
        let waits = |claim: &Claim| matches!(claim, Claim::InFlight { on, .. } if *on == runs[0].0);
        assert_eq!(claims.iter().filter(|(_, claim)| waits(claim)).count(), 1);
    });
}

#[test]
fn a_replay_that_meets_the_release_of_a_return_is_no_news() {
    check(|base| {
        let (store, _) = store(20);
        let [paid, _] = back_and_forth(&store, base);
        let (returned, replayed) = (key(base + 2), key(base + 3));
        let held = granted(tell(&store, returned, paid, 1)).unwrap();
        let releasing = store.clone();
        let release = thread::spawn(move || now(releasing.release(&returned, held.fence)).unwrap());
        let replay = tell(&store, replayed, paid, 1);
        assert_eq!(release.join().unwrap(), Fenced::Applied);
        let retry = tell(&store, returned, paid, 1);
        match granted(replay) {
            Some(replay) => {
                assert_eq!(replay.recurrence, Recurrence::Return);
                assert!(matches!(retry, Claim::InFlight { on, .. } if on == replayed));
            }
            None => {
                assert!(matches!(replay, Claim::InFlight { on, .. } if on == returned));
                assert_eq!(granted(retry).unwrap().recurrence, Recurrence::Return);
            }
        }
    });
}
