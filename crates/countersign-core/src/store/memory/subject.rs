//! What a shard remembers of entities: which bytes were claimed last of each, and in which run.

use core::time::Duration;

use super::{
    place::Place,
    row::{Body, Kind, Packed, Run, millis, millis_after},
    shard::Shard,
};

/// What was claimed last of an entity.
#[derive(Clone, Copy)]
pub(super) struct Last {
    pub(super) fingerprint: u64,
    pub(super) run: Run,
}

impl Shard {
    /// What was claimed last of a subject, while that is remembered.
    pub(super) fn last(&self, place: &Place, now: Duration) -> Option<Last> {
        match self.body(self.find_kind(place, Kind::Subject)?)? {
            Body::Subject {
                fingerprint,
                run,
                until,
            } if millis(now) < until.get() => Some(Last {
                fingerprint: fingerprint.get(),
                run,
            }),
            _ => None,
        }
    }

    /// Whether there is a row of a subject, ended or not.
    pub(super) fn has_subject(&self, place: &Place) -> bool {
        self.find_kind(place, Kind::Subject).is_some()
    }

    /// Writes down what is claimed of a subject, remembered until `keep`, and says of which run it is.
    pub(super) fn claim_subject(
        &mut self,
        place: &Place,
        fingerprint: u64,
        now: Duration,
        keep: Duration,
    ) -> Run {
        let last = self.last(place, now);
        let run = match last {
            Some(last) if last.fingerprint == fingerprint => last.run,
            Some(_) | None => self.next_run(),
        };
        let until = millis_after(keep);
        let body = |until| Body::Subject {
            fingerprint: Packed::new(fingerprint),
            run,
            until: Packed::new(until),
        };
        if let Some(slot) = self.find_kind(place, Kind::Subject) {
            if let Some(row) = self.slab.get_mut(slot)
                && let Body::Subject { until: old, .. } = row.body
            {
                row.body = body(until.max(old.get()));
            }
        } else if let Some(slot) = self.insert(place, body(until)) {
            self.push_due(slot, until);
        }
        run
    }

    /// Forgets what was claimed last of a subject; true when there was a row, and whether it lived.
    pub(super) fn forget_subject(&mut self, place: &Place, now: Duration) -> Option<bool> {
        let slot = self.find_kind(place, Kind::Subject)?;
        let lived = self.last(place, now).is_some();
        self.remove(slot);
        Some(lived)
    }

    /// A number for a run. That they begin anew after four thousand million of them is harmless: an
    /// alias of so long ago is gone.
    fn next_run(&mut self) -> Run {
        self.runs = self.runs.wrapping_add(1).max(1);
        Packed::new(u64::from(self.runs))
    }
}
