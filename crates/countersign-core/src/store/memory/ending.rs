//! How rows end: given back, forgotten, or past their time.

use core::time::Duration;

use super::{
    engine::Engine,
    hold::Waiters,
    place::{Place, SHARDS},
    row::{Body, Pointer, millis},
    shard::{Shard, State},
    sync::{MutexGuard, Ordering, lock, try_lock},
};
use crate::{
    key::DeliveryKey,
    store::{Fence, Fenced},
};

/// How many rows of a shard are looked at under one lock of a purge.
pub(super) const BATCH: usize = 64;

/// What one look through a shard's ended rows did.
pub(super) struct Reclaimed {
    removed: usize,
    /// There are no more.
    done: bool,
}

impl Engine {
    pub(super) fn release(&self, key: &DeliveryKey, fence: Fence) -> Fenced {
        let place = self.placer.place(key);
        let Some(mut shard) = self.lock(place.shard) else {
            return Fenced::Lost;
        };
        let Some(slot) = shard.find(&place) else {
            return Fenced::Lost;
        };
        let pointer = Pointer::new(place.shard, slot, fence.as_u64());
        let held = matches!(shard.body(slot),
            Some(Body::InFlight { fence: held, .. }) if held.get() == fence.as_u64());
        if !held {
            return Fenced::Lost;
        }
        let hold = shard.remove(slot);
        drop(shard);
        self.rows.give_back(1);
        // From here on the aliases point to nothing and count as absent.
        if let Some(hold) = hold {
            self.remove_aliases(&hold.aliases, pointer);
            hold.waiters.wake();
        }
        Fenced::Applied
    }

    pub(super) fn forget(&self, key: &DeliveryKey) -> bool {
        let place = self.placer.place(key);
        // All are done, whatever the first finds: a key may be a row and another row's alias.
        let row = self.forget_row(&place);
        let alias = self.forget_alias(&place);
        let subject = self.forget_subject(&place);
        row || alias || subject
    }

    pub(super) fn purge(&self, limit: usize) -> usize {
        let mut removed = 0_usize;
        let first = self.next_purge.fetch_add(1, Ordering::Relaxed);
        for id in 0..usize::from(SHARDS) {
            let id = first.wrapping_add(id).checked_rem(usize::from(SHARDS));
            let Some(Ok(id)) = id.map(u8::try_from) else {
                continue;
            };
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

    /// Removes ended rows of a shard, looking at no more than `steps`, and unlocks it.
    pub(super) fn reclaim(
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
                Some(Body::Subject { until, .. }) if millis(now) < until.get() => {
                    Some(Duration::from_millis(until.get()))
                }
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
        let aliases = shard.aliases(place);
        for (slot, ..) in &aliases {
            shard.remove(*slot);
        }
        drop(shard);
        self.rows.give_back(aliases.len());
        let now = self.now();
        aliases.iter().any(|(_, pointer, _)| {
            self.lock(pointer.shard())
                .is_some_and(|shard| shard.look_again(*pointer, now).is_some())
        })
    }

    fn forget_subject(&self, place: &Place) -> bool {
        let now = self.now();
        let forgotten = self
            .lock(place.shard)
            .and_then(|mut shard| shard.forget_subject(place, now));
        self.rows.give_back(usize::from(forgotten.is_some()));
        forgotten.unwrap_or(false)
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
}
