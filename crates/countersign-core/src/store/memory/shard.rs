//! One shard: rows, their two indexes, and the order in which they end.

use core::{cmp::Reverse, time::Duration};
use std::collections::BinaryHeap;

use hashbrown::HashTable;

use super::{
    hold::{Hold, Holds},
    place::{Place, Placer},
    row::{Body, MAX_MILLIS, MAX_SLOTS, Packed, Pointer, Row, Slab, Slot, millis, millis_after},
};
use crate::DeliveryKey;

/// How long after its lease a row in flight is kept, so that a takeover can count attempts and a
/// late holder can still settle.
pub(super) const LAPSED_FOR: Duration = Duration::from_secs(3_600);

/// Everything that one lock guards.
pub(super) struct Shard {
    placer: Placer,
    rows: HashTable<Slot>,
    aliases: HashTable<Slot>,
    slab: Slab,
    holds: Holds,
    /// When to look at a row, soonest first: a time in milliseconds above 24 bits of slot. An entry
    /// whose row has another time by now is stale and skipped.
    due: BinaryHeap<Reverse<u64>>,
    fence: u64,
}

/// What a primary row says at some moment.
pub(super) enum State<'a> {
    /// In flight, and the lease runs.
    Held {
        fence: u64,
        hold: &'a Hold,
        remaining: Duration,
    },
    /// In flight, but the lease has run out.
    Lapsed { fence: u64, at: u32 },
    /// Done and remembered.
    Completed { fingerprint: Option<u64> },
    /// Not there, or past its time.
    Absent,
}

impl Shard {
    pub(super) fn new(placer: Placer, fence: u64) -> Self {
        Self {
            placer,
            rows: HashTable::new(),
            aliases: HashTable::new(),
            slab: Slab::default(),
            holds: Holds::default(),
            due: BinaryHeap::new(),
            fence,
        }
    }

    /// The primary row of a key, whatever its state.
    pub(super) fn find(&self, place: &Place) -> Option<Slot> {
        let same = |slot: &Slot| self.slab.get(*slot).is_some_and(|row| row.key == place.key);
        self.rows.find(place.hash, same).copied()
    }

    /// The alias row of a key, and where it points.
    pub(super) fn find_alias(&self, place: &Place) -> Option<(Slot, Pointer)> {
        let same = |slot: &Slot| self.slab.get(*slot).is_some_and(|row| row.key == place.key);
        let slot = *self.aliases.find(place.hash, same)?;
        match self.slab.get(slot)?.body {
            Body::Alias { to, .. } => Some((slot, to)),
            Body::Free { .. } | Body::InFlight { .. } | Body::Completed { .. } => None,
        }
    }

    /// What is under a key.
    pub(super) fn find_body(&self, place: &Place) -> Option<Body> {
        self.body(self.find(place)?)
    }

    pub(super) fn body(&self, slot: Slot) -> Option<Body> {
        self.slab.get(slot).map(|row| row.body)
    }

    /// The key of the row that a pointer names, if it is still that row.
    pub(super) fn target(&self, pointer: Pointer) -> Option<DeliveryKey> {
        let row = self.slab.get(pointer.slot())?;
        (row.body.fence()? == pointer.fence()).then_some(row.key)
    }

    pub(super) fn state(&self, slot: Slot, now: Duration) -> State<'_> {
        match self.slab.get(slot).map(|row| row.body) {
            Some(Body::InFlight { fence, hold: at }) => {
                let Some(hold) = self.holds.get(at.get_u32()) else {
                    return State::Absent;
                };
                let remaining = hold.lease_until.saturating_sub(now);
                let fence = fence.get();
                if remaining.is_zero() {
                    let at = at.get_u32();
                    State::Lapsed { fence, at }
                } else {
                    State::Held {
                        fence,
                        hold,
                        remaining,
                    }
                }
            }
            Some(Body::Completed {
                until, fingerprint, ..
            }) if millis(now) < until.get() => State::Completed {
                fingerprint: fingerprint.map(Packed::get),
            },
            Some(Body::Completed { .. } | Body::Alias { .. } | Body::Free { .. }) | None => {
                State::Absent
            }
        }
    }

    pub(super) fn hold(&self, at: u32) -> Option<&Hold> {
        self.holds.get(at)
    }

    pub(super) fn hold_mut(&mut self, at: u32) -> Option<&mut Hold> {
        self.holds.get_mut(at)
    }

    /// Whether `more` rows can be addressed, and a fence be given.
    pub(super) fn has_room(&self, more: usize) -> bool {
        self.slab.len().saturating_add(more) <= MAX_SLOTS && self.fence < Packed::<6>::MAX
    }

    /// The next fence. They are never used twice in a shard, so those of a key grow even after its
    /// row was given up.
    pub(super) fn next_fence(&mut self) -> u64 {
        self.fence = self.fence.saturating_add(1);
        self.fence
    }

    /// Puts a key in flight: in its old row when there is one that has ended, else in a new one.
    pub(super) fn put_in_flight(
        &mut self,
        place: &Place,
        old: Option<Slot>,
        fence: u64,
        mut hold: Hold,
    ) -> Option<Slot> {
        let slot = match old {
            Some(slot) => slot,
            None => self.insert(place, Body::Free { next: None }, false)?,
        };
        hold.slot = slot;
        let at = self.holds.insert(hold)?;
        self.slab.get_mut(slot)?.body = Body::InFlight {
            fence: Packed::new(fence),
            hold: Packed::new(u64::from(at)),
        };
        Some(slot)
    }

    /// Gives a row in flight a new fence.
    pub(super) fn set_fence(&mut self, slot: Slot, to: u64) {
        if let Some(Row {
            body: Body::InFlight { fence, .. },
            ..
        }) = self.slab.get_mut(slot)
        {
            *fence = Packed::new(to);
        }
    }

    /// Lets an alias point to a row; true when it is a new alias.
    pub(super) fn point(&mut self, place: &Place, to: Pointer, look: Duration) {
        if let Some((slot, _)) = self.find_alias(place) {
            if let Some(Row {
                body: Body::Alias { to: old, .. },
                ..
            }) = self.slab.get_mut(slot)
            {
                *old = to;
            }
            return;
        }
        let due = millis_after(look);
        let body = Body::Alias {
            to,
            due: Packed::new(due),
        };
        if let Some(slot) = self.insert(place, body, true) {
            self.push_due(slot, due);
        }
    }

    /// Marks a row as done, or as done for another while, and hands out what was held.
    pub(super) fn complete(
        &mut self,
        slot: Slot,
        now: Duration,
        retention: Duration,
    ) -> Option<Hold> {
        let until = millis_after(now.saturating_add(retention));
        let row = self.slab.get_mut(slot)?;
        let (hold, changed) = match &mut row.body {
            Body::InFlight { fence, hold } => {
                let hold = self.holds.take(hold.get_u32())?;
                row.body = Body::Completed {
                    fence: *fence,
                    until: Packed::new(until),
                    fingerprint: hold.fingerprint.map(Packed::new),
                    aliased: !hold.aliases.is_empty(),
                };
                (Some(hold), true)
            }
            Body::Completed { until: old, .. } => {
                let changed = old.get() != until;
                *old = Packed::new(until);
                (None, changed)
            }
            Body::Free { .. } | Body::Alias { .. } => return None,
        };
        if changed {
            self.push_due(slot, until);
        }
        hold
    }

    /// Removes a row and hands out what was held.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Hold> {
        let row = *self.slab.get(slot)?;
        let hash = self.placer.hash(&row.key);
        let index = match row.body {
            Body::Alias { .. } => &mut self.aliases,
            Body::InFlight { .. } | Body::Completed { .. } | Body::Free { .. } => &mut self.rows,
        };
        if let Ok(entry) = index.find_entry(hash, |other| *other == slot) {
            entry.remove();
        }
        self.slab.remove(slot);
        match row.body {
            Body::InFlight { hold, .. } => self.holds.take(hold.get_u32()),
            Body::Alias { .. } | Body::Completed { .. } | Body::Free { .. } => None,
        }
    }

    /// Removes an alias if it still points where the caller thinks; true when it did.
    pub(super) fn remove_alias(&mut self, place: &Place, to: Pointer) -> bool {
        match self.find_alias(place) {
            Some((slot, pointer)) if pointer == to => {
                self.remove(slot);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Removes all aliases that point to a row, and says how many.
    pub(super) fn remove_aliases_of(&mut self, target: Pointer) -> usize {
        let found: Vec<Slot> = self
            .slab
            .iter()
            .filter(|(_, row)| matches!(row.body, Body::Alias { to, .. } if to == target))
            .map(|(slot, _)| slot)
            .collect();
        for slot in &found {
            self.remove(*slot);
        }
        found.len()
    }

    /// When to look at an alias of this row again; `None` when the row has ended.
    pub(super) fn look_again(&self, pointer: Pointer, now: Duration) -> Option<Duration> {
        let soon = now.saturating_add(Duration::from_secs(1));
        self.target(pointer)?;
        match self.slab.get(pointer.slot())?.body {
            Body::InFlight { hold, .. } => {
                let hold = self.holds.get(hold.get_u32())?;
                Some(hold.lease_until.max(soon))
            }
            Body::Completed { until, .. } if millis(now) < until.get() => {
                Some(Duration::from_millis(until.get()))
            }
            Body::Completed { .. } | Body::Alias { .. } | Body::Free { .. } => None,
        }
    }

    /// Looks at an alias again at this time.
    pub(super) fn put_off(&mut self, slot: Slot, until: Duration) {
        let at = millis_after(until);
        if let Some(Row {
            body: Body::Alias { due, .. },
            ..
        }) = self.slab.get_mut(slot)
        {
            *due = Packed::new(at);
            self.push_due(slot, at);
        }
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
        self.holds.sweep(now.checked_sub(LAPSED_FOR)?, steps)
    }

    fn insert(&mut self, place: &Place, body: Body, alias: bool) -> Option<Slot> {
        let slot = self.slab.insert(Row {
            key: place.key,
            body,
        })?;
        let index = if alias {
            &mut self.aliases
        } else {
            &mut self.rows
        };
        let (slab, placer) = (&self.slab, self.placer);
        index.insert_unique(place.hash, slot, |slot| {
            slab.get(*slot).map_or(0, |row| placer.hash(&row.key))
        });
        Some(slot)
    }

    fn push_due(&mut self, slot: Slot, at: u64) {
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
    pub(super) fn waiters(&self) -> usize {
        self.slab
            .iter()
            .filter_map(|(_, row)| match row.body {
                Body::InFlight { hold, .. } => self.holds.get(hold.get_u32()),
                Body::Free { .. } | Body::Completed { .. } | Body::Alias { .. } => None,
            })
            .map(|hold| hold.waiters.len())
            .sum()
    }

    #[cfg(test)]
    pub(super) fn due_entries(&self) -> usize {
        self.due.len()
    }
}

impl Body {
    /// The fence of a primary row.
    pub(super) fn fence(self) -> Option<u64> {
        match self {
            Self::InFlight { fence, .. } | Self::Completed { fence, .. } => Some(fence.get()),
            Self::Free { .. } | Self::Alias { .. } => None,
        }
    }
}

/// Whether an entry of the order of ends speaks of the row as it is now.
fn is_current(slab: &Slab, at: u64, slot: Slot) -> bool {
    match slab.get(slot).map(|row| row.body) {
        Some(Body::Completed { until, .. }) => until.get() == at,
        Some(Body::Alias { due, .. }) => due.get() == at,
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
