//! The order in which a shard's rows end.

use core::{cmp::Reverse, time::Duration};

use super::{
    row::{Body, MAX_MILLIS, Packed, Pointer, Slab, Slot, millis, millis_after},
    shard::Shard,
};
use crate::store::KEPT_AFTER_LEASE;

impl Shard {
    /// When to look at an alias of this row again; `None` when the row has ended.
    pub(super) fn look_again(&self, pointer: Pointer, now: Duration) -> Option<Duration> {
        let soon = now.saturating_add(Duration::from_secs(1));
        if !self.is_target(pointer) {
            return None;
        }
        match self.slab.get(pointer.slot())?.body {
            Body::InFlight { hold, .. } => {
                let hold = self.holds.get(hold.get_u32())?;
                Some(hold.lease_until.max(soon))
            }
            Body::Completed { until, .. } if millis(now) < until.get() => {
                Some(Duration::from_millis(until.get()))
            }
            _ => None,
        }
    }

    /// Looks at an alias or a subject again at this time.
    pub(super) fn put_off(&mut self, slot: Slot, until: Duration) {
        let at = millis_after(until);
        match self.slab.get_mut(slot).map(|row| &mut row.body) {
            Some(Body::Alias { due, .. }) => *due = Packed::new(at),
            Some(Body::Subject { .. }) => {}
            _ => return,
        }
        self.push_due(slot, at);
    }

    /// The next row whose time has come, taken off the order of ends.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<Slot> {
        loop {
            let Reverse(entry) = *self.due.peek()?;
            let (at, slot) = unpack(entry);
            if at > millis(now) {
                return None;
            }
            self.due.pop();
            if is_current(&self.slab, at, slot) {
                return Some(slot);
            }
        }
    }

    /// The row of a hold that is so long past its lease that it can go, looking at `steps` holds.
    pub(super) fn pop_lapsed(&mut self, now: Duration, steps: usize) -> Option<Slot> {
        self.holds.sweep(now.checked_sub(KEPT_AFTER_LEASE)?, steps)
    }

    pub(super) fn push_due(&mut self, slot: Slot, at: u64) {
        if self.due.len() == self.due.capacity() {
            // By a quarter, not by as much again: there are as many entries as rows.
            self.due.reserve_exact((self.due.len() / 4).max(16));
        }
        self.due.push(Reverse(pack(at, slot)));
        // Entries of rows that were given up early are stale, or the same as one of the row that came
        // after them; they may not outnumber the rest.
        if self.due.len() > self.slab.len().saturating_mul(2).saturating_add(64) {
            let mut entries = core::mem::take(&mut self.due).into_vec();
            entries.retain(|Reverse(entry)| {
                let (at, slot) = unpack(*entry);
                is_current(&self.slab, at, slot)
            });
            entries.sort_unstable();
            entries.dedup();
            self.due = entries.into();
        }
    }

    #[cfg(test)]
    pub(super) fn due_entries(&self) -> usize {
        self.due.len()
    }
}

/// Whether an entry of the order of ends speaks of the row as it is now.
fn is_current(slab: &Slab, at: u64, slot: Slot) -> bool {
    match slab.get(slot).map(|row| row.body) {
        Some(Body::Completed { until, .. }) => until.get() == at,
        Some(Body::Alias { due, .. }) => due.get() == at,
        // Its end is put off by every claim; the entry stays where it is and is looked at in time.
        Some(Body::Subject { until, .. }) => at <= until.get(),
        Some(Body::InFlight { .. } | Body::Free { .. }) | None => false,
    }
}

const fn pack(at: u64, slot: Slot) -> u64 {
    let at = if at < MAX_MILLIS { at } else { MAX_MILLIS };
    (at << 24) | slot as u64
}

fn unpack(entry: u64) -> (u64, Slot) {
    (entry >> 24, Packed::<3>::new(entry).get_u32())
}
