//! What only the memory store promises; the rest is in the testkit's store suite and in the model.

use core::{
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
    thread,
};

use super::{
    super::{MemoryStore, Occupancy},
    support::{StepClock, claim, complete, hold, key, now, request, try_claim},
};
use crate::{
    clock::{Clock, Sleep, SystemClock},
    key::DeliveryKey,
    store::{Claim, DedupStore, Fenced, KeyState, Owner, StoreErrorKind},
};

const LEASE: Duration = Duration::from_secs(10);

fn with_clock(capacity: usize) -> (MemoryStore, StepClock) {
    let clock = StepClock::default();
    let builder = MemoryStore::builder().capacity(capacity);
    (builder.with_clock(clock.clone()).build(), clock)
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

type Waiting<'a> = Pin<&'a mut dyn Future<Output = Result<KeyState, crate::store::StoreError>>>;

fn poll(mut waiting: Waiting<'_>, woken: &Arc<Count>) -> Option<KeyState> {
    let waker = Waker::from(Arc::clone(woken));
    match waiting.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(state) => Some(state.unwrap()),
        Poll::Pending => None,
    }
}

#[test]
fn handles_share_rows_and_debug_shows_no_key() {
    let store = MemoryStore::with_capacity(8);
    let name = format!("{:?}", key(1));
    hold(&store.clone(), key(1), &[key(2)]);
    assert_eq!(store.len(), 2);
    assert!(!store.is_empty());
    let text = format!("{store:?}");
    assert_eq!(text, "MemoryStore { len: 2, capacity: 8, refused: 0, .. }");
    assert!(!text.contains(&name));
    assert_eq!(MemoryStore::default().capacity(), 2_000_000);
}

#[test]
fn nothing_is_done_before_the_first_poll() {
    let store = MemoryStore::new();
    drop(store.claim(request(key(1), 1)));
    assert!(store.is_empty());
}

#[test]
fn keys_are_compared_to_their_128th_bit() {
    let near = |n: u8| {
        let mut bytes = [7; 32];
        bytes[15] = n;
        DeliveryKey::from_bytes(bytes)
    };
    let store = MemoryStore::new();
    for n in 0..=255 {
        let claimed = hold(&store, near(n), &[]);
        complete(&store, &near(n), claimed, 60);
    }
    assert_eq!(store.len(), 256);
    for n in 0..=255 {
        assert_eq!(
            claim(&store, near(n), 2),
            Claim::Completed { fingerprint: 0 }
        );
    }
}

#[test]
fn a_full_store_counts_refusals_and_keeps_all_rows() {
    let (store, clock) = with_clock(3);
    let done = hold(&store, key(1), &[]);
    complete(&store, &key(1), done, 60);
    hold(&store, key(2), &[]);
    // One row is free; a key with an alias needs two, and takes neither.
    let refused = try_claim(&store, key(3), 1, &[key(4)]).unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Full);
    assert_eq!((store.len(), store.refused()), (2, 1));
    hold(&store, key(3), &[]);
    try_claim(&store, key(5), 1, &[]).unwrap_err();
    assert_eq!(store.refused(), 2);
    assert_eq!(
        claim(&store, key(1), 2),
        Claim::Completed { fingerprint: 0 }
    );
    // The done row has ended: its room is found at once, without a purge.
    clock.advance(60_000);
    hold(&store, key(5), &[]);
    assert_eq!(store.len(), 3);
}

#[test]
fn a_store_of_no_rows_refuses_all() {
    try_claim(&MemoryStore::with_capacity(0), key(1), 1, &[]).unwrap_err();
}

#[test]
fn nearly_full_is_told_once_each_time() {
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let store = MemoryStore::builder()
        .capacity(20)
        .nearly_full(move |occupancy| tell.lock().unwrap().push(occupancy))
        .build();
    let held: Vec<_> = (0..20)
        .map(|n| (key(n), hold(&store, key(n), &[])))
        .collect();
    let first = Occupancy {
        rows: 15,
        capacity: 20,
    };
    assert_eq!(*told.lock().unwrap(), [first]);
    let release = |from: usize, to: usize| {
        for (key, claimed) in &held[from..to] {
            let released = now(store.release(key, claimed.fence));
            assert_eq!(released.unwrap(), Fenced::Applied);
        }
    };
    // Down to 60 % and up again is still the same moment.
    release(0, 8);
    for n in 100..108 {
        hold(&store, key(n), &[]);
    }
    assert_eq!(told.lock().unwrap().len(), 1);
    release(8, 17);
    for n in 200..206 {
        hold(&store, key(n), &[]);
    }
    assert_eq!(told.lock().unwrap().len(), 2);
}

#[test]
fn claims_reclaim_what_has_ended() {
    let (store, clock) = with_clock(1_000_000);
    for n in 0..20_000_u32 {
        let key = DeliveryKey::for_id("steady", None, &n.to_string());
        let alias = DeliveryKey::for_id("steady alias", None, &n.to_string());
        let claimed = hold(&store, key, &[alias]);
        complete(&store, &key, claimed, 1);
        clock.advance(1);
    }
    // 1,000 deliveries are live at any time; aliases are looked at when a lease would have ended.
    assert!(store.len() < 16_000, "{}", store.len());
    assert!(
        store.engine.due_entries() < 40_000,
        "{}",
        store.engine.due_entries()
    );
}

#[test]
fn giving_up_leaves_nothing_behind() {
    let (store, _clock) = with_clock(4);
    for round in 0..10_000 {
        let claimed = hold(&store, key(1), &[key(2), key(3)]);
        if round % 2 == 0 {
            let _ = now(store.release(&key(1), claimed.fence)).unwrap();
        } else {
            complete(&store, &key(1), claimed, 60);
            complete(&store, &key(1), claimed, 61);
            assert!(now(store.forget(&key(1))).unwrap());
        }
        assert!(store.is_empty());
    }
    let entries = store.engine.due_entries();
    assert!(entries < 64 * 70, "{entries} entries for no rows");
}

#[test]
fn a_row_long_past_its_lease_goes() {
    let (store, clock) = with_clock(10);
    let lost = hold(&store, key(1), &[key(2)]);
    clock.advance(3_600_000);
    assert_eq!(now(store.purge(10)).unwrap(), 0);
    clock.advance(11_000);
    assert!(now(store.purge(10)).unwrap() > 0);
    clock.advance(3_600_000);
    let _ = now(store.purge(10)).unwrap();
    assert!(store.is_empty());
    let late = now(store.complete(&key(1), lost.fence, LEASE)).unwrap();
    assert_eq!(late, Fenced::Lost);
    assert_eq!(hold(&store, key(1), &[]).attempt, 1);
}

#[test]
fn a_poisoned_lock_is_taken_as_it_is() {
    let store = MemoryStore::new();
    let held = hold(&store, key(1), &[]);
    store.engine.poison();
    complete(&store, &key(1), held, 60);
    assert_eq!(
        claim(&store, key(1), 2),
        Claim::Completed { fingerprint: 0 }
    );
}

#[test]
fn whatever_settles_a_key_wakes_who_waits() {
    type Change = fn(&MemoryStore, &StepClock, crate::store::Claimed);
    let table: [(&str, Change, Option<KeyState>); 5] = [
        (
            "complete",
            |store, _, held| complete(store, &key(1), held, 60),
            Some(KeyState::Completed),
        ),
        (
            "release",
            |store, _, held| {
                let _ = now(store.release(&key(1), held.fence)).unwrap();
            },
            Some(KeyState::Absent),
        ),
        (
            "forget",
            |store, _, _| assert!(now(store.forget(&key(1))).unwrap()),
            Some(KeyState::Absent),
        ),
        (
            // In flight again: there is somebody to wait for.
            "takeover",
            |store, clock, _| {
                clock.advance(10_000);
                assert!(matches!(claim(store, key(1), 2), Claim::Claimed(_)));
            },
            None,
        ),
        (
            "a shorter lease",
            |store, _, held| {
                let extended = now(store.extend(&key(1), held.fence, Duration::from_secs(1)));
                assert_eq!(extended.unwrap(), Fenced::Applied);
            },
            None,
        ),
    ];
    for (name, change, then) in table {
        let (store, clock) = with_clock(10);
        let held = hold(&store, key(1), &[]);
        let first = key(1);
        let mut waiting = pin!(store.wait(&first, LEASE * 10, &clock));
        let woken = Arc::new(Count::default());
        assert_eq!(poll(waiting.as_mut(), &woken), None, "{name}");
        assert_eq!(poll(waiting.as_mut(), &woken), None, "{name}");
        assert_eq!(store.engine.waiting(), 1, "{name}");
        change(&store, &clock, held);
        assert_eq!(woken.get(), 1, "{name}");
        assert_eq!(poll(waiting.as_mut(), &woken), then, "{name}");
        assert_eq!(
            store.engine.waiting(),
            usize::from(then.is_none()),
            "{name}"
        );
    }
}

#[test]
fn waiting_is_bounded_by_the_lease_and_by_at_most() {
    let (store, clock) = with_clock(10);
    hold(&store, key(1), &[]);
    let first = key(1);
    let woken = Arc::new(Count::default());
    {
        let mut waiting = pin!(store.wait(&first, Duration::from_secs(3), &clock));
        assert_eq!(poll(waiting.as_mut(), &woken), None);
        clock.advance(3_000);
        let remaining = Duration::from_secs(7);
        let state = poll(waiting.as_mut(), &woken);
        assert_eq!(state, Some(KeyState::InFlight { remaining }));
    }
    {
        let mut waiting = pin!(store.wait(&first, Duration::from_secs(100), &clock));
        assert_eq!(poll(waiting.as_mut(), &woken), None);
        clock.advance(7_000);
        let remaining = Duration::ZERO;
        let state = poll(waiting.as_mut(), &woken);
        assert_eq!(state, Some(KeyState::InFlight { remaining }));
    }
    let sleeps = clock.sleeps.lock().unwrap().clone();
    assert_eq!(sleeps, [Duration::from_secs(3), Duration::from_secs(7)]);
    assert_eq!(store.engine.waiting(), 0);
}

#[test]
fn a_wait_that_is_dropped_is_forgotten() {
    let (store, clock) = with_clock(10);
    hold(&store, key(1), &[]);
    let first = key(1);
    let woken = Arc::new(Count::default());
    let mut waiting = Box::pin(store.wait(&first, LEASE, &clock));
    assert_eq!(poll(waiting.as_mut(), &woken), None);
    assert_eq!(store.engine.waiting(), 1);
    drop(waiting);
    assert_eq!(store.engine.waiting(), 0);
    assert_eq!(woken.get(), 0);
}

#[test]
fn a_timer_that_ends_at_once_does_not_spin() {
    let store = MemoryStore::new();
    hold(&store, key(1), &[]);
    let clock = SystemClock::new(|_| -> Sleep { Box::pin(async {}) });
    let first = key(1);
    let mut waiting = pin!(store.wait(&first, LEASE, &clock));
    let woken = Arc::new(Count::default());
    assert_eq!(poll(waiting.as_mut(), &woken), None);
    assert_eq!(woken.get(), 1);
    assert!(clock.elapsed() < LEASE);
}

#[test]
fn threads_that_claim_the_same_keys_never_share_one() {
    const THREADS: u128 = 4;
    const KEYS: u32 = 5_000;
    let name = |n: u32| DeliveryKey::for_id("race", None, &n.to_string());
    // Aliases of neighbours, so that claims lock overlapping sets of shards.
    let aliases =
        |n: u32| [n / 3, n / 5, n / 7].map(|n| DeliveryKey::for_id("a", None, &n.to_string()));
    let store = MemoryStore::new();
    let granted = AtomicUsize::new(0);
    let run = AtomicUsize::new(0);
    thread::scope(|scope| {
        for owner in 0..THREADS {
            let (store, granted, run) = (store.clone(), &granted, &run);
            scope.spawn(move || {
                for n in 0..KEYS {
                    let claim = claim(&store, name(n), owner);
                    if let Claim::Claimed(claimed) = claim {
                        granted.fetch_add(1, Ordering::SeqCst);
                        complete(&store, &name(n), claimed, 60);
                    }
                    let key = DeliveryKey::for_id("aliased", None, &n.to_string());
                    let asked =
                        crate::store::ClaimRequest::new(key, Owner::from_u128(owner), LEASE);
                    let aliases = aliases(n);
                    let asked = asked.with_aliases(&aliases);
                    match now(store.claim(asked)).unwrap() {
                        Claim::Claimed(claimed) if owner % 2 == 0 => {
                            let _ = now(store.release(&key, claimed.fence)).unwrap();
                        }
                        Claim::Claimed(claimed) => {
                            run.fetch_add(1, Ordering::SeqCst);
                            complete(&store, &key, claimed, 60);
                        }
                        _ => {}
                    }
                }
            });
        }
    });
    let keys = usize::try_from(KEYS).unwrap();
    assert_eq!(granted.into_inner(), keys);
    assert!(run.into_inner() <= keys);
}
