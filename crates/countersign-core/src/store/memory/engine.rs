//! The operations of the store over its shards, each in one step under locks.

use core::time::Duration;
use std::{sync::Arc, time::Instant};

use super::{
    claim::{Attempt, Decision},
    hold::Waiters,
    locked::{Locked, Missing},
    occupancy::Rows,
    place::{Place, Placer, SHARDS},
    row::{Body, Pointer},
    shard::{Shard, State},
    sync::{AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, lock, try_lock},
};
use crate::{
    Claim, ClaimRequest, Clock, DeliveryKey, Fence, Fenced, KeyState, StoreError, clock::system_now,
};

/// How many rows a claim looks at that may have ended, besides two for each of its aliases.
const STEPS: usize = 4;

/// How many ended rows one refused claim removes at most, and one lock of a purge.
const BATCH: usize = 64;

/// What all handles of a store share.
pub(super) struct Engine {
    shards: Box<[Mutex<Shard>]>,
    placer: Placer,
    time: Time,
    waiters: AtomicU64,
    next_purge: AtomicUsize,
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
        let seconds = u64::try_from(system_now().unix_seconds()).unwrap_or(0);
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

    pub(super) fn release(&self, key: &DeliveryKey, fence: Fence) -> Fenced {
        let place = self.placer.place(key);
        let Some(mut shard) = self.lock(place.shard) else {
            return Fenced::Lost;
        };
        let Some(slot) = shard.find(&place) else {
            return Fenced::Lost;
        };
        match shard.body(slot) {
            Some(Body::InFlight { fence: held, .. }) if held.get() == fence.as_u64() => {}
            _ => return Fenced::Lost,
        }
        let hold = shard.remove(slot);
        drop(shard);
        self.rows.give_back(1);
        // From here on the aliases point to nothing and count as absent; a claim that comes first
        // points them elsewhere, and they are left to it.
        let pointer = Pointer::new(place.shard, slot, fence.as_u64());
        if let Some(hold) = hold {
            self.remove_aliases(&hold.aliases, pointer);
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

    pub(super) fn forget(&self, key: &DeliveryKey) -> bool {
        let place = self.placer.place(key);
        // Both are done, whatever the first finds: a key may be a row and another row's alias.
        let row = self.forget_row(&place);
        let alias = self.forget_alias(&place);
        row || alias
    }

    pub(super) fn purge(&self, limit: usize) -> usize {
        let mut removed = 0_usize;
        let first = self.next_purge.fetch_add(1, Ordering::Relaxed);
        for id in 0..usize::from(SHARDS) {
            let id = (first.wrapping_add(id)) % usize::from(SHARDS);
            let Ok(id) = u8::try_from(id) else { continue };
            loop {
                let steps = BATCH.min(limit.saturating_sub(removed));
                if steps == 0 {
                    return removed;
                }
                let Some(shard) = self.lock(id) else { break };
                let reclaimed = self.reclaim(shard, id, self.now(), steps);
                removed = removed.saturating_add(reclaimed.removed);
                if reclaimed.done {
                    break;
                }
            }
        }
        removed
    }

    /// Looks at a key for the task behind `waker`, and has it woken when the key is settled.
    pub(super) fn watch(&self, place: &Place, id: u64, waker: &core::task::Waker) -> Watch {
        // Cloned before the lock: it is somebody else's code.
        let waker = waker.clone();
        let now = self.now();
        let Some(mut shard) = self.lock(place.shard) else {
            return Watch::Over(KeyState::Absent);
        };
        let KeyState::InFlight { remaining } = key_state(&shard, place, now) else {
            return Watch::Over(key_state(&shard, place, now));
        };
        if let Some(Body::InFlight { hold, .. }) = shard.find_body(place)
            && !remaining.is_zero()
            && let Some(hold) = shard.hold_mut(hold.get_u32())
        {
            hold.waiters.register(id, waker);
            return Watch::Waiting { remaining };
        }
        Watch::Over(KeyState::InFlight { remaining })
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

    /// Removes ended rows of a shard, looking at no more than `steps`, and unlocks it.
    fn reclaim(
        &self,
        mut shard: MutexGuard<'_, Shard>,
        id: u8,
        now: Duration,
        steps: usize,
    ) -> Reclaimed {
        let mut removed = 0_usize;
        let mut done = false;
        for _ in 0..steps {
            let Some(slot) = shard.pop_due(now) else {
                done = true;
                break;
            };
            let again = match shard.body(slot) {
                Some(Body::Alias { to, .. }) => self.look_again(&shard, id, to, now),
                _ => None,
            };
            match again {
                Some(time) => shard.put_off(slot, time),
                None => {
                    shard.remove(slot);
                    removed = removed.saturating_add(1);
                }
            }
        }
        let mut waiters = Waiters::default();
        while removed < steps
            && let Some(slot) = shard.pop_lapsed(now, steps)
        {
            if let Some(hold) = shard.remove(slot) {
                waiters.append(hold.waiters);
            }
            removed = removed.saturating_add(1);
        }
        drop(shard);
        self.rows.give_back(removed);
        waiters.wake();
        Reclaimed { removed, done }
    }

    /// When to look at an alias again, `None` when its row has ended. The row may be in another
    /// shard, which is only tried: it may come before this one in the lock order.
    fn look_again(
        &self,
        shard: &Shard,
        id: u8,
        pointer: Pointer,
        now: Duration,
    ) -> Option<Duration> {
        if pointer.shard() == id {
            return shard.look_again(pointer, now);
        }
        let other = self.shards.get(usize::from(pointer.shard()))?;
        match try_lock(other) {
            Some(other) => other.look_again(pointer, now),
            None => Some(now.saturating_add(Duration::from_secs(1))),
        }
    }

    fn forget_row(&self, place: &Place) -> bool {
        let now = self.now();
        let Some(mut shard) = self.lock(place.shard) else {
            return false;
        };
        let Some(slot) = shard.find(place) else {
            return false;
        };
        let there = !matches!(shard.state(slot, now), State::Absent);
        let body = shard.body(slot);
        let hold = shard.remove(slot);
        drop(shard);
        self.rows.give_back(1);
        let fence = body.and_then(Body::fence).unwrap_or(0);
        let pointer = Pointer::new(place.shard, slot, fence);
        if let Some(hold) = hold {
            self.remove_aliases(&hold.aliases, pointer);
            hold.waiters.wake();
        } else if let Some(Body::Completed { aliased: true, .. }) = body {
            // A done row does not keep the names of its aliases: forgetting is rare, rows are many.
            for shard in &self.shards {
                let removed = lock(shard).remove_aliases_of(pointer);
                self.rows.give_back(removed);
            }
        }
        there
    }

    fn forget_alias(&self, place: &Place) -> bool {
        let Some(mut shard) = self.lock(place.shard) else {
            return false;
        };
        let Some((slot, pointer)) = shard.find_alias(place) else {
            return false;
        };
        shard.remove(slot);
        drop(shard);
        self.rows.give_back(1);
        let now = self.now();
        self.lock(pointer.shard())
            .is_some_and(|shard| shard.look_again(pointer, now).is_some())
    }

    fn remove_aliases(&self, aliases: &[DeliveryKey], pointer: Pointer) {
        for alias in aliases {
            let place = self.placer.place(alias);
            if let Some(mut shard) = self.lock(place.shard)
                && shard.remove_alias(&place, pointer)
            {
                drop(shard);
                self.rows.give_back(1);
            }
        }
    }

    /// The store's time, read before a lock is taken. A stale one errs towards keeping rows.
    fn now(&self) -> Duration {
        match &self.time {
            Time::System(origin) => origin.elapsed(),
            Time::Clock(clock, origin) => clock.elapsed().saturating_sub(*origin),
        }
    }

    fn lock(&self, shard: u8) -> Option<MutexGuard<'_, Shard>> {
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

/// What one look through a shard's ended rows did.
struct Reclaimed {
    removed: usize,
    /// There are no more.
    done: bool,
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
