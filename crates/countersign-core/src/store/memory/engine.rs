//! The operations of the store over its shards, each in one step under locks.

use core::time::Duration;
use std::{sync::Arc, time::Instant};

use super::{
    claim::{Attempt, Decision},
    ending::BATCH,
    hold::Waiters,
    locked::{Locked, Missing},
    occupancy::Rows,
    place::{Place, Placer, SHARDS},
    row::Body,
    shard::{Shard, State},
    sync::{AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, lock},
};
use crate::{
    clock::{Clock, Timestamp},
    key::DeliveryKey,
    store::{Claim, ClaimRequest, Fence, Fenced, KeyState, StoreError},
};

/// How many rows a claim looks at that may have ended, besides two for each of its aliases.
const STEPS: usize = 4;

/// What all handles of a store share.
pub(super) struct Engine {
    pub(super) shards: Box<[Mutex<Shard>]>,
    pub(super) placer: Placer,
    time: Time,
    waiters: AtomicU64,
    pub(super) next_purge: AtomicUsize,
    pub(super) rows: Rows,
}

/// The store's own clock, counted from when the store was made.
pub(super) enum Time {
    System(Instant),
    Clock(Arc<dyn Clock>, Duration),
}

/// What one look at a key that is waited for said.
pub(super) enum Watch {
    /// Not in flight, or its lease has run out.
    Over(KeyState),
    /// In flight; the task is woken when that changes.
    Waiting { remaining: Duration },
}

impl Engine {
    pub(super) fn new(rows: Rows, time: Time) -> Self {
        let placer = Placer::new();
        // Starting at the time of day keeps fences growing across restarts of the process too, for
        // as long as a shard grants fewer than 65,536 claims a second on average.
        let seconds = u64::try_from(Timestamp::now().unix_seconds()).unwrap_or(0);
        let fence = seconds.saturating_mul(1 << 16);
        Self {
            shards: (0..SHARDS)
                .map(|_| Mutex::new(Shard::new(placer, fence)))
                .collect(),
            placer,
            time,
            waiters: AtomicU64::new(0),
            next_purge: AtomicUsize::new(0),
            rows,
        }
    }

    pub(super) fn claim(&self, request: &ClaimRequest<'_>) -> Result<Claim, StoreError> {
        let attempt = Attempt::new(request, self.placer, self.now());
        match self.decide(&attempt) {
            Decision::Answer(claim) => Ok(claim),
            Decision::Claimed(claimed, waiters) => {
                waiters.wake();
                self.rows.warn_if_crossed();
                Ok(Claim::Claimed(claimed))
            }
            Decision::Full => {
                self.rows.refuse();
                Err(StoreError::full())
            }
        }
    }

    pub(super) fn extend(&self, key: &DeliveryKey, fence: Fence, lease: Duration) -> Fenced {
        let place = self.placer.place(key);
        let until = self.now().saturating_add(lease);
        let Some(mut shard) = self.lock(place.shard) else {
            return Fenced::Lost;
        };
        let Some(Body::InFlight { fence: held, hold }) = shard.find_body(&place) else {
            return Fenced::Lost;
        };
        let Some(hold) = shard.hold_mut(hold.get_u32()) else {
            return Fenced::Lost;
        };
        if held.get() != fence.as_u64() {
            return Fenced::Lost;
        }
        let sooner = until < hold.lease_until;
        hold.lease_until = until;
        // Who waits has a timer for the old end, and must set it anew when the new one is sooner.
        let waiters = if sooner {
            hold.waiters.take()
        } else {
            Waiters::default()
        };
        drop(shard);
        waiters.wake();
        Fenced::Applied
    }

    pub(super) fn complete(&self, key: &DeliveryKey, fence: Fence, retention: Duration) -> Fenced {
        let place = self.placer.place(key);
        let now = self.now();
        let Some(mut shard) = self.lock(place.shard) else {
            return Fenced::Lost;
        };
        let Some(slot) = shard.find(&place) else {
            return Fenced::Lost;
        };
        let same = shard.body(slot).and_then(Body::fence) == Some(fence.as_u64());
        if !same || matches!(shard.state(slot, now), State::Absent) {
            return Fenced::Lost;
        }
        let hold = shard.complete(slot, now, retention);
        drop(shard);
        if let Some(hold) = hold {
            hold.waiters.wake();
        }
        Fenced::Applied
    }

    pub(super) fn state(&self, key: &DeliveryKey) -> KeyState {
        let place = self.placer.place(key);
        let now = self.now();
        self.lock(place.shard)
            .map_or(KeyState::Absent, |shard| key_state(&shard, &place, now))
    }

    /// Looks at a key for the task behind `waker`, and has it woken when the key is settled.
    pub(super) fn watch(&self, place: &Place, id: u64, waker: &core::task::Waker) -> Watch {
        // Cloned before the lock: it is somebody else's code.
        let waker = waker.clone();
        let now = self.now();
        let Some(mut shard) = self.lock(place.shard) else {
            return Watch::Over(KeyState::Absent);
        };
        let state = key_state(&shard, place, now);
        if let KeyState::InFlight { remaining } = state
            && !remaining.is_zero()
            && let Some(Body::InFlight { hold, .. }) = shard.find_body(place)
            && let Some(hold) = shard.hold_mut(hold.get_u32())
        {
            hold.waiters.register(id, waker);
            return Watch::Waiting { remaining };
        }
        Watch::Over(state)
    }

    pub(super) fn unwatch(&self, place: &Place, id: u64) {
        if let Some(mut shard) = self.lock(place.shard)
            && let Some(Body::InFlight { hold, .. }) = shard.find_body(place)
            && let Some(hold) = shard.hold_mut(hold.get_u32())
        {
            hold.waiters.unregister(id);
        }
    }

    pub(super) fn next_waiter(&self) -> u64 {
        self.waiters.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn place(&self, key: &DeliveryKey) -> Place {
        self.placer.place(key)
    }

    fn decide(&self, attempt: &Attempt<'_>) -> Decision {
        let mut set = attempt.shards();
        // Each round reclaims rows; others may take them, so it is not tried for ever.
        let mut rounds = 3_u8;
        loop {
            let mut locked = Locked::new(&self.shards, set);
            match attempt.decide(&mut locked, self.placer, &self.rows) {
                Err(Missing(shard)) => set = set.with(shard),
                Ok(Decision::Full) => {
                    drop(locked);
                    rounds = rounds.saturating_sub(1);
                    if rounds == 0 || self.purge(BATCH) == 0 {
                        return Decision::Full;
                    }
                }
                Ok(decision) => {
                    let id = attempt.key().shard;
                    if let Decision::Claimed(..) = decision
                        && let Some(shard) = locked.keep(id)
                    {
                        self.reclaim(shard, id, attempt.now(), attempt.steps(STEPS));
                    }
                    return decision;
                }
            }
        }
    }

    /// The store's time, read before a lock is taken. A stale one errs towards keeping rows.
    pub(super) fn now(&self) -> Duration {
        match &self.time {
            Time::System(origin) => origin.elapsed(),
            Time::Clock(clock, origin) => clock.elapsed().saturating_sub(*origin),
        }
    }

    pub(super) fn lock(&self, shard: u8) -> Option<MutexGuard<'_, Shard>> {
        self.shards.get(usize::from(shard)).map(lock)
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).waiters()).sum()
    }

    /// Poisons all locks, as a panic under them would.
    #[cfg(test)]
    pub(super) fn poison(&self) {
        for shard in &self.shards {
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _guard = lock(shard);
                panic!("under the lock");
            }));
        }
    }

    #[cfg(test)]
    pub(super) fn due_entries(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| lock(shard).due_entries())
            .sum()
    }
}

fn key_state(shard: &Shard, place: &Place, now: Duration) -> KeyState {
    let Some(slot) = shard.find(place) else {
        return KeyState::Absent;
    };
    match shard.state(slot, now) {
        State::Held { remaining, .. } => KeyState::InFlight { remaining },
        State::Lapsed { .. } => KeyState::InFlight {
            remaining: Duration::ZERO,
        },
        State::Completed { .. } => KeyState::Completed,
        State::Absent => KeyState::Absent,
    }
}
