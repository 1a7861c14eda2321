//! Claims that are held: what only a row in flight needs, kept apart so that done rows stay small.

use core::{task::Waker, time::Duration};

use smallvec::SmallVec;

use super::row::Slot;
use crate::{
    key::DeliveryKey,
    store::{Claimed, Fence, Owner, Recurrence},
};

/// One claim that is held, or whose lease has run out without anybody taking over.
pub(super) struct Hold {
    pub(super) slot: Slot,
    pub(super) key: DeliveryKey,
    pub(super) owner: Owner,
    pub(super) lease_until: Duration,
    pub(super) fingerprint: u64,
    pub(super) attempt: u32,
    pub(super) recurrence: Recurrence,
    /// All that the row was claimed with, by anybody who held it.
    pub(super) aliases: SmallVec<[DeliveryKey; 1]>,
    pub(super) waiters: Waiters,
}

impl Hold {
    /// The claim as it was granted.
    pub(super) const fn claimed(&self, fence: u64) -> Claimed {
        Claimed {
            fence: Fence::from_u64(fence),
            attempt: self.attempt,
            takeover: self.attempt > 1,
            recurrence: self.recurrence,
        }
    }

    /// Adds the aliases of an earlier holder.
    pub(super) fn adopt(&mut self, aliases: &[DeliveryKey]) {
        for alias in aliases {
            if !self.aliases.contains(alias) {
                self.aliases.push(*alias);
            }
        }
    }
}

/// Holds in a slab of their own; the slots of finished ones are used again first, so that under
/// load a few of them stay in the processor's cache.
#[derive(Default)]
pub(super) struct Holds {
    entries: Vec<Option<Hold>>,
    free: Vec<u32>,
    hand: usize,
}

impl Holds {
    pub(super) fn get(&self, at: u32) -> Option<&Hold> {
        self.entries.get(usize::try_from(at).ok()?)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut Hold> {
        self.entries.get_mut(usize::try_from(at).ok()?)?.as_mut()
    }

    pub(super) fn insert(&mut self, hold: Hold) -> Option<u32> {
        if let Some(at) = self.free.pop() {
            *self.entries.get_mut(usize::try_from(at).ok()?)? = Some(hold);
            return Some(at);
        }
        let at = u32::try_from(self.entries.len()).ok()?;
        self.entries.push(Some(hold));
        Some(at)
    }

    pub(super) fn take(&mut self, at: u32) -> Option<Hold> {
        let hold = self.entries.get_mut(usize::try_from(at).ok()?)?.take()?;
        self.free.push(at);
        Some(hold)
    }

    /// The row of a hold whose lease ended before `before`, looking at `steps` holds from where the
    /// last look ended.
    pub(super) fn sweep(&mut self, before: Duration, steps: usize) -> Option<Slot> {
        for _ in 0..steps.min(self.entries.len()) {
            self.hand = match self.hand.checked_sub(1) {
                Some(hand) => hand.min(self.entries.len().saturating_sub(1)),
                None => self.entries.len().saturating_sub(1),
            };
            if let Some(Some(hold)) = self.entries.get(self.hand)
                && hold.lease_until < before
            {
                return Some(hold.slot);
            }
        }
        None
    }
}

/// The tasks that wait for a row to be settled.
#[derive(Default)]
pub(super) struct Waiters(Vec<(u64, Waker)>);

impl Waiters {
    /// Adds a task, or says anew how to wake one that is here.
    pub(super) fn register(&mut self, id: u64, waker: Waker) {
        match self.0.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = waker,
            None => self.0.push((id, waker)),
        }
    }

    pub(super) fn unregister(&mut self, id: u64) {
        if let Some(at) = self.0.iter().position(|(known, _)| *known == id) {
            self.0.swap_remove(at);
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn take(&mut self) -> Self {
        core::mem::take(self)
    }

    /// Wakes all. Not under a lock: a waker is somebody else's code.
    pub(super) fn wake(self) {
        for (_, waker) in self.0 {
            waker.wake();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
