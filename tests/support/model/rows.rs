//! What a store should hold, in the plainest form.

use std::{array, collections::BTreeMap, time::Duration};

use countersign_core::{Claim, Claimed, DeliveryKey, Fence, KeyState};
use proptest::sample::Index;

use super::{
    Crash, Rules,
    ops::{ALIASES, Claiming, KEYS, Op},
};

/// All rows at one moment.
#[derive(Debug)]
pub(super) struct Rows {
    rules: Rules,
    primaries: [DeliveryKey; KEYS as usize],
    names: [DeliveryKey; ALIASES as usize],
    now: u32,
    rows: BTreeMap<u8, Row>,
    /// The primary key of each alias.
    aliases: BTreeMap<u8, u8>,
    /// Aliases whose row ended by time: the store may still count them, but must not believe them.
    ended: usize,
    /// All fences that a key ever had.
    fences: BTreeMap<u8, Vec<Fence>>,
}

#[derive(Debug)]
struct Row {
    done: bool,
    until: u32,
    owner: u128,
    claimed: Claimed,
    fingerprint: Option<u64>,
}

/// What is expected of a claim; a fence is the store's to choose.
#[derive(Debug, PartialEq)]
pub(super) enum Expected {
    Answer(Claim),
    New { attempt: u32, alias_known: bool },
}

impl Rows {
    pub(super) fn new(rules: &Rules, case: u32) -> Self {
        let scope = format!("case {case}");
        let key = |kind, n: usize| DeliveryKey::for_id(&scope, kind, &n.to_string());
        Self {
            rules: rules.clone(),
            primaries: array::from_fn(|n| key(None, n)),
            names: array::from_fn(|n| key(Some("alias"), n)),
            now: 0,
            rows: BTreeMap::new(),
            aliases: BTreeMap::new(),
            ended: 0,
            fences: BTreeMap::new(),
        }
    }

    /// What the store has to answer.
    pub(super) fn expected(&self, asked: &Claiming) -> Expected {
        let Claiming { key, run, .. } = *asked;
        if let Some(row) = self.live(key) {
            return Expected::Answer(match row {
                row if row.done => Claim::Completed {
                    fingerprint: row.fingerprint,
                },
                row if row.owner == asked.owner => Claim::Claimed(row.claimed),
                row => self.in_flight(key, row),
            });
        }
        let others: Vec<(u8, &Row)> = asked
            .aliases
            .iter()
            .filter_map(|alias| self.aliases.get(alias))
            .filter(|on| **on != key)
            .filter_map(|on| Some((*on, self.live(*on)?)))
            .collect();
        if !run && others.iter().any(|(_, row)| row.done) {
            return Expected::Answer(Claim::Suppressed);
        }
        if !run && let Some((on, row)) = others.first() {
            return Expected::Answer(self.in_flight(*on, row));
        }
        Expected::New {
            attempt: self.rows.get(&key).map_or(1, |row| row.claimed.attempt + 1),
            alias_known: !others.is_empty(),
        }
    }

    /// The store granted a claim.
    pub(super) fn claim(&mut self, asked: &Claiming, claimed: Claimed) {
        let key = asked.key;
        let fences = self.fences.entry(key).or_default();
        assert!(fences.last() < Some(&claimed.fence), "fences grow");
        fences.push(claimed.fence);
        let row = Row {
            done: false,
            until: self.now + asked.lease,
            owner: asked.owner,
            claimed,
            fingerprint: asked.fingerprint,
        };
        self.rows.insert(key, row);
        for alias in &asked.aliases {
            let on = self.aliases.get(alias);
            if on.is_none_or(|on| self.live(*on).is_none()) {
                self.aliases.insert(*alias, key);
            }
        }
    }

    /// How many rows a store has after a claim: at least, and at most.
    pub(super) fn count_with(&self, asked: &Claiming) -> (usize, usize) {
        let mut names = asked.aliases.clone();
        names.extend(self.aliases.keys());
        names.sort_unstable();
        names.dedup();
        let new = usize::from(!self.rows.contains_key(&asked.key));
        let rows = self.rows.len() + new + names.len();
        (rows, rows + self.ended)
    }

    /// Rows that have not ended.
    pub(super) fn count(&self) -> usize {
        self.rows.len() + self.aliases.len()
    }

    /// Does what is neither a claim nor needs an answer of the store; true when it took effect.
    pub(super) fn settle(&mut self, op: &Op) -> bool {
        let now = self.now;
        match *op {
            Op::Extend(key, at, lease) => {
                let row = self.settles(key, at).filter(|row| !row.done);
                row.map(|row| row.until = now + lease).is_some()
            }
            Op::Complete(key, at, retention) => {
                let row = self.settles(key, at);
                row.map(|row| (row.done, row.until) = (true, now + retention))
                    .is_some()
            }
            Op::Release(key, at) => {
                self.settles(key, at).is_some_and(|row| !row.done) && self.remove(key)
            }
            Op::Forget(key) => self.remove(key),
            Op::ForgetAlias(alias) => self.aliases.remove(&alias).is_some(),
            Op::Claim(_) | Op::Advance(_) | Op::Purge(_) | Op::Crash => false,
        }
    }

    /// Time goes on, and what has ended is gone.
    pub(super) fn advance(&mut self, units: u32) {
        self.now += units;
        let (now, rules) = (self.now, &self.rules);
        self.rows.retain(|_, row| {
            if row.done {
                now < row.until
            } else {
                !(rules.expires && row.has_lapsed(now, rules))
            }
        });
        self.end_aliases();
    }

    /// The process dies; what becomes of its leases is the rules'.
    pub(super) fn crash(&mut self) {
        if self.rules.crash == Crash::EndsLeases {
            let now = self.now;
            for row in self.rows.values_mut().filter(|row| !row.done) {
                row.until = row.until.min(now);
            }
        }
    }

    /// A purge may have deleted a row: believes it where the row has lapsed for so long.
    pub(super) fn purged(&mut self, key: u8) {
        let lapsed = |row: &Row| !row.done && row.has_lapsed(self.now, &self.rules);
        if self.rows.get(&key).is_some_and(lapsed) {
            self.rows.remove(&key);
            self.end_aliases();
        }
    }

    pub(super) fn fence(&self, key: u8, at: Index) -> Fence {
        match self.fences.get(&key) {
            Some(fences) => *at.get(fences),
            None => Fence::from_u64(0),
        }
    }

    pub(super) fn state(&self, key: u8) -> KeyState {
        match self.rows.get(&key) {
            None => KeyState::Absent,
            Some(row) if row.done => KeyState::Completed,
            Some(row) => KeyState::InFlight {
                remaining: self.units(row.until.saturating_sub(self.now)),
            },
        }
    }

    pub(super) fn units(&self, units: u32) -> Duration {
        self.rules.unit * units
    }

    pub(super) fn primary(&self, n: u8) -> DeliveryKey {
        self.primaries[usize::from(n)]
    }

    pub(super) fn alias(&self, n: u8) -> DeliveryKey {
        self.names[usize::from(n)]
    }

    fn live(&self, key: u8) -> Option<&Row> {
        self.rows.get(&key).filter(|row| self.now < row.until)
    }

    /// The row that this fence may settle.
    fn settles(&mut self, key: u8, at: Index) -> Option<&mut Row> {
        let fence = self.fence(key, at);
        self.rows
            .get_mut(&key)
            .filter(|row| row.claimed.fence == fence)
    }

    fn in_flight(&self, on: u8, row: &Row) -> Claim {
        Claim::InFlight {
            on: self.primary(on),
            remaining: self.units(row.until - self.now),
            fingerprint: row.fingerprint,
        }
    }

    fn remove(&mut self, key: u8) -> bool {
        self.aliases.retain(|_, on| *on != key);
        self.rows.remove(&key).is_some()
    }

    fn end_aliases(&mut self) {
        let (rows, before) = (&self.rows, self.aliases.len());
        self.aliases.retain(|_, on| rows.contains_key(on));
        self.ended += before - self.aliases.len();
    }
}

impl Row {
    /// Whether the lease ended so long ago that nobody is waited for.
    fn has_lapsed(&self, now: u32, rules: &Rules) -> bool {
        now >= self.until + rules.lapsed_for()
    }
}
