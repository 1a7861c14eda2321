//! One shard: rows and their index, which one lock guards. The order in which rows end is in `due.rs`, what is
//! remembered of entities in `subject.rs`.

use core::{cmp::Reverse, time::Duration};
use std::collections::BinaryHeap;

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::{
    hold::{Hold, Holds},
    place::{Place, Placer},
    row::{Body, Kind, MAX_SLOTS, Packed, Pointer, Row, Run, Slab, Slot, millis, millis_after},
};
use crate::store::rule::Found;

/// Everything that one lock guards.
pub(super) struct Shard {
    placer: Placer,
    /// Rows of all kinds: one table that is well filled takes less than three that are not.
    index: HashTable<Slot>,
    pub(super) slab: Slab,
    pub(super) holds: Holds,
    /// When to look at a row, soonest first: a time in milliseconds above 24 bits of slot. An entry
    /// whose row has another time by now is stale and skipped.
    pub(super) due: BinaryHeap<Reverse<u64>>,
    fence: u64,
    pub(super) runs: u32,
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
    Completed { fingerprint: u64 },
    /// Not there, or past its time.
    Absent,
}

impl Shard {
    pub(super) fn new(placer: Placer, fence: u64) -> Self {
        Self {
            placer,
            index: HashTable::new(),
            slab: Slab::default(),
            holds: Holds::default(),
            due: BinaryHeap::new(),
            fence,
            runs: 0,
        }
    }

    /// The primary row of a key, whatever its state.
    pub(super) fn find(&self, place: &Place) -> Option<Slot> {
        self.find_kind(place, Kind::Delivery)
    }

    pub(super) fn find_kind(&self, place: &Place, kind: Kind) -> Option<Slot> {
        let name = place.name();
        let same = |slot: &Slot| {
            let row = self.slab.get(*slot);
            row.is_some_and(|row| row.name == name && row.body.kind() == Some(kind))
        };
        self.index.find(place.hash, same).copied()
    }

    /// Every row of an alias, where it points, and the run that it is of.
    pub(super) fn aliases(&self, place: &Place) -> SmallVec<[(Slot, Pointer, Run); 2]> {
        let name = place.name();
        let slots = self.index.iter_hash(place.hash);
        slots
            .filter_map(|slot| {
                let row = self.slab.get(*slot)?;
                match row.body {
                    Body::Alias { to, run, .. } if row.name == name => Some((*slot, to, run)),
                    _ => None,
                }
            })
            .collect()
    }

    /// The row of an alias that points to a row.
    pub(super) fn find_alias(&self, place: &Place, to: Pointer) -> Option<Slot> {
        let aliases = self.aliases(place);
        let found = aliases.iter().find(|(_, pointer, _)| *pointer == to);
        found.map(|(slot, ..)| *slot)
    }

    /// What is under a key.
    pub(super) fn find_body(&self, place: &Place) -> Option<Body> {
        self.body(self.find(place)?)
    }

    pub(super) fn body(&self, slot: Slot) -> Option<Body> {
        self.slab.get(slot).map(|row| row.body)
    }

    /// Whether the row that a pointer names is still that row.
    pub(super) fn is_target(&self, pointer: Pointer) -> bool {
        self.body(pointer.slot()).and_then(Body::fence) == Some(pointer.fence())
    }

    /// What a row says to a claim.
    pub(super) fn found(&self, slot: Slot, now: Duration) -> Found {
        match self.state(slot, now) {
            State::Held {
                fence,
                hold,
                remaining,
            } => Found::Held {
                key: hold.key,
                owner: hold.owner,
                claimed: hold.claimed(fence),
                remaining,
                fingerprint: hold.fingerprint,
            },
            State::Lapsed { at, .. } => match self.hold(at) {
                Some(hold) => Found::Lapsed {
                    attempt: hold.attempt,
                    recurrence: hold.recurrence,
                },
                None => Found::Nothing,
            },
            State::Completed { fingerprint } => Found::Completed { fingerprint },
            State::Absent => Found::Nothing,
        }
    }

    /// What the row that a pointer names says to a claim, and until when it is remembered.
    pub(super) fn found_behind(&self, pointer: Pointer, now: Duration) -> (Found, u64) {
        match self.body(pointer.slot()) {
            Some(body) if body.fence() == Some(pointer.fence()) => {
                let until = match body {
                    Body::Completed { until, .. } => until.get(),
                    _ => u64::MAX,
                };
                (self.found(pointer.slot(), now), until)
            }
            _ => (Found::Nothing, 0),
        }
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
                fingerprint: fingerprint.get(),
            },
            Some(_) | None => State::Absent,
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
            None => self.insert(place, Body::Free { next: None })?,
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

    /// Gives a row an alias, or lets it be of another run.
    pub(super) fn point(&mut self, place: &Place, to: Pointer, run: Run, look: Duration) {
        if let Some(slot) = self.find_alias(place, to) {
            if let Some(Row {
                body: Body::Alias { run: old, .. },
                ..
            }) = self.slab.get_mut(slot)
            {
                *old = run;
            }
            return;
        }
        let due = millis_after(look);
        let body = Body::Alias {
            to,
            run,
            due: Packed::new(due),
        };
        if let Some(slot) = self.insert(place, body) {
            self.push_due(slot, due);
        }
    }

    /// Lets an alias of a row that got a new fence follow it.
    pub(super) fn follow(&mut self, place: &Place, from: Pointer, to: Pointer) {
        if let Some(slot) = self.find_alias(place, from)
            && let Some(Row {
                body: Body::Alias { to: old, .. },
                ..
            }) = self.slab.get_mut(slot)
        {
            *old = to;
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
                    fingerprint: Packed::new(hold.fingerprint),
                    aliased: !hold.aliases.is_empty(),
                };
                (Some(hold), true)
            }
            Body::Completed { until: old, .. } => {
                let changed = old.get() != until;
                *old = Packed::new(until);
                (None, changed)
            }
            Body::Free { .. } | Body::Alias { .. } | Body::Subject { .. } => return None,
        };
        if changed {
            self.push_due(slot, until);
        }
        hold
    }

    /// Removes a row and hands out what was held.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Hold> {
        let row = *self.slab.get(slot)?;
        let hash = self.placer.hash(&row.name);
        if let Ok(entry) = self.index.find_entry(hash, |other| *other == slot) {
            entry.remove();
        }
        self.slab.remove(slot);
        match row.body {
            Body::InFlight { hold, .. } => self.holds.take(hold.get_u32()),
            _ => None,
        }
    }

    /// Takes an alias from a row; true when it had it.
    pub(super) fn remove_alias(&mut self, place: &Place, to: Pointer) -> bool {
        let found = self.find_alias(place, to);
        if let Some(slot) = found {
            self.remove(slot);
        }
        found.is_some()
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

    pub(super) fn insert(&mut self, place: &Place, body: Body) -> Option<Slot> {
        let name = place.name();
        let slot = self.slab.insert(Row { name, body })?;
        let (slab, placer) = (&self.slab, self.placer);
        self.index.insert_unique(place.hash, slot, |slot| {
            slab.get(*slot).map_or(0, |row| placer.hash(&row.name))
        });
        Some(slot)
    }

    #[cfg(test)]
    pub(super) fn waiters(&self) -> usize {
        self.slab
            .iter()
            .filter_map(|(_, row)| match row.body {
                Body::InFlight { hold, .. } => self.holds.get(hold.get_u32()),
                _ => None,
            })
            .map(|hold| hold.waiters.len())
            .sum()
    }
}

impl Body {
    /// The fence of a primary row.
    pub(super) fn fence(self) -> Option<u64> {
        match self {
            Self::InFlight { fence, .. } | Self::Completed { fence, .. } => Some(fence.get()),
            Self::Free { .. } | Self::Alias { .. } | Self::Subject { .. } => None,
        }
    }
}
