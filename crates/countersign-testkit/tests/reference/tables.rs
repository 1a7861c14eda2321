//! What the reference store remembers.

use core::time::Duration;
use std::collections::HashMap;

use countersign_core::{Claim, Claimed, DeliveryKey, Owner};

use super::Flaw;

#[derive(Default)]
pub(super) struct Tables {
    pub(super) rows: HashMap<DeliveryKey, Row>,
    /// The rows that have an alias, and the run in which each was claimed with it.
    pub(super) aliases: HashMap<DeliveryKey, Vec<(DeliveryKey, Option<u64>)>>,
    pub(super) subjects: HashMap<DeliveryKey, Last>,
    pub(super) fence: u64,
}

/// What was claimed last of an entity.
#[derive(Clone, Copy)]
pub(super) struct Last {
    pub(super) fingerprint: u64,
    pub(super) run: u64,
    pub(super) until: Duration,
    pub(super) first: DeliveryKey,
}

#[derive(Clone)]
pub(super) struct Row {
    pub(super) done: bool,
    pub(super) until: Duration,
    pub(super) owner: Owner,
    pub(super) claimed: Claimed,
    pub(super) fingerprint: u64,
    /// What becomes of the subject at the completion.
    pub(super) later: Option<(DeliveryKey, Last)>,
}

impl Row {
    pub(super) fn live(&self, now: Duration) -> bool {
        now < self.until
    }

    pub(super) fn in_flight(&self, on: DeliveryKey, now: Duration) -> Claim {
        Claim::InFlight {
            on,
            remaining: self.until - now,
            fingerprint: self.fingerprint,
        }
    }
}

impl Tables {
    pub(super) fn count(&self, flaw: Flaw) -> usize {
        let subjects = match flaw {
            Flaw::SubjectsAreFree => 0,
            _ => self.subjects.len(),
        };
        self.rows.len() + self.aliases.values().map(Vec::len).sum::<usize>() + subjects
    }

    pub(super) fn has(&self, key: &DeliveryKey, alias: &DeliveryKey) -> bool {
        let rows = self.aliases.get(alias);
        rows.is_some_and(|rows| rows.iter().any(|(on, _)| on == key))
    }

    pub(super) fn remove(&mut self, key: &DeliveryKey) {
        self.rows.remove(key);
        self.end_aliases();
    }

    pub(super) fn sweep(&mut self, now: Duration, flaw: Flaw) {
        self.rows.retain(|_, row| !row.done || row.live(now));
        self.end_aliases();
        let rows = &self.rows;
        self.subjects.retain(|_, last| {
            let first = flaw != Flaw::SubjectEndsWithFirstRow || rows.contains_key(&last.first);
            now < last.until && first
        });
    }

    pub(super) fn end_aliases(&mut self) {
        for named in self.aliases.values_mut() {
            named.retain(|(on, _)| self.rows.contains_key(on));
        }
        self.aliases.retain(|_, rows| !rows.is_empty());
    }
}
