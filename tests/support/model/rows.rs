//! What a store should hold, in the plainest form.

use std::{array, collections::BTreeMap, time::Duration};

use countersign_core::{Claim, Claimed, DeliveryKey, Fence, KeyState, Recurrence};
use proptest::sample::Index;

use super::{
    Crash, Rules,
    ops::{ALIASES, Claiming, KEYS, Op, SUBJECTS},
};

/// All rows at one moment.
#[derive(Debug)]
pub(super) struct Rows {
    rules: Rules,
    primaries: [DeliveryKey; KEYS as usize],
    names: [DeliveryKey; ALIASES as usize],
    entities: [DeliveryKey; SUBJECTS as usize],
    now: u32,
    rows: BTreeMap<u8, Row>,
    /// The rows that have an alias, each with the run in which it was claimed with it.
    aliases: BTreeMap<u8, BTreeMap<u8, Option<u32>>>,
    subjects: BTreeMap<u8, Last>,
    /// How many runs there were, of any entity.
    runs: u32,
    /// Aliases whose row ended by time, and subjects that did: the store may still count them, but must
    /// not believe them.
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
    fingerprint: u64,
}

/// What was claimed last of an entity.
#[derive(Clone, Copy, Debug)]
struct Last {
    fingerprint: u64,
    run: u32,
    until: u32,
}

/// What is expected of a claim; a fence is the store's to choose.
#[derive(Debug, PartialEq)]
pub(super) enum Expected {
    Answer(Claim),
    /// One of these: several rows with one alias may be in flight.
    InFlight(Vec<Claim>),
    New {
        attempt: u32,
        recurrence: Recurrence,
    },
}

impl Rows {
    pub(super) fn new(rules: &Rules, case: u32) -> Self {
        let scope = format!("case {case}");
        let key = |kind, n: usize| DeliveryKey::for_id(&scope, kind, &n.to_string());
        Self {
            rules: rules.clone(),
            primaries: array::from_fn(|n| key(None, n)),
            names: array::from_fn(|n| key(Some("alias"), n)),
            entities: array::from_fn(|n| key(Some("subject"), n)),
            now: 0,
            rows: BTreeMap::new(),
            aliases: BTreeMap::new(),
            subjects: BTreeMap::new(),
            runs: 0,
            ended: 0,
            fences: BTreeMap::new(),
        }
    }

    /// What the store has to answer.
    pub(super) fn expected(&self, asked: &Claiming) -> Expected {
        let key = asked.key;
        if let Some(row) = self.live(key) {
            return Expected::Answer(match row {
                row if row.done => Claim::Completed {
                    fingerprint: row.fingerprint,
                },
                row if row.owner == asked.owner => Claim::Claimed(row.claimed),
                row => self.in_flight(key, row),
            });
        }
        let repeats = self.repeats(asked);
        if asked.subject.is_some_and(|about| !about.run) && !repeats.is_empty() {
            return match repeats.iter().any(|(_, row)| row.done) {
                true => Expected::Answer(Claim::Suppressed),
                false => Expected::InFlight(
                    repeats
                        .iter()
                        .map(|(on, row)| self.in_flight(*on, row))
                        .collect(),
                ),
            };
        }
        let known = !self.known(asked).is_empty();
        let lapsed = self.rows.get(&key);
        Expected::New {
            attempt: lapsed.map_or(1, |row| row.claimed.attempt + 1),
            recurrence: match known {
                true if !repeats.is_empty() || asked.subject.is_none() => Recurrence::Repeat,
                true => Recurrence::Return,
                false => lapsed.map_or(Recurrence::None, |row| row.claimed.recurrence),
            },
        }
    }

    /// The run that a claim goes on with.
    fn run(&self, asked: &Claiming) -> Option<u32> {
        let last = self.subjects.get(&asked.subject?.subject)?;
        (last.fingerprint == asked.fingerprint).then_some(last.run)
    }

    /// Live rows of other keys that have one of the aliases, each with the run of that alias.
    fn known(&self, asked: &Claiming) -> Vec<(u8, &Row, Option<u32>)> {
        let rows = asked
            .aliases
            .iter()
            .filter_map(|alias| self.aliases.get(alias));
        rows.flatten()
            .filter(|(on, _)| **on != asked.key)
            .filter_map(|(on, run)| Some((*on, self.live(*on)?, *run)))
            .collect()
    }

    /// Those with nothing in between as far as it is known.
    fn repeats(&self, asked: &Claiming) -> Vec<(u8, &Row)> {
        let now = self.run(asked);
        let known = self.known(asked).into_iter();
        known
            .filter(|(_, _, run)| asked.subject.is_none() || (now.is_some() && *run == now))
            .map(|(on, row, _)| (on, row))
            .collect()
    }

    /// The store granted a claim.
    pub(super) fn claim(&mut self, asked: &Claiming, claimed: Claimed) {
        let key = asked.key;
        let fences = self.fences.entry(key).or_default();
        assert!(fences.last() < Some(&claimed.fence), "fences grow");
        fences.push(claimed.fence);
        let run = asked.subject.map(|about| {
            let run = self.run(asked).unwrap_or_else(|| {
                self.runs += 1;
                self.runs
            });
            let keep = self.now + about.keep;
            let known = self.subjects.get(&about.subject);
            let last = Last {
                fingerprint: asked.fingerprint,
                run,
                until: known.map_or(keep, |known| known.until.max(keep)),
            };
            self.subjects.insert(about.subject, last);
            run
        });
        for alias in &asked.aliases {
            self.aliases.entry(*alias).or_default().insert(key, run);
        }
        let row = Row {
            done: false,
            until: self.now + asked.lease,
            owner: asked.owner,
            claimed,
            fingerprint: asked.fingerprint,
        };
        self.rows.insert(key, row);
    }

    /// How many rows a store has after a claim: at least, and at most.
    pub(super) fn count_with(&self, asked: &Claiming) -> (usize, usize) {
        let mut names = asked.aliases.clone();
        names.sort_unstable();
        names.dedup();
        let has = |alias: &u8| {
            let rows = self.aliases.get(alias);
            rows.is_some_and(|rows| rows.contains_key(&asked.key))
        };
        names.retain(|alias| !has(alias));
        let names = names.len() + self.named();
        let new = usize::from(!self.rows.contains_key(&asked.key));
        let subject = asked.subject.map(|about| about.subject);
        let unknown = subject.is_some_and(|subject| !self.subjects.contains_key(&subject));
        let rows = self.rows.len() + new + names + self.subjects.len() + usize::from(unknown);
        (rows, rows + self.ended)
    }

    /// Rows that have not ended.
    pub(super) fn count(&self) -> usize {
        self.rows.len() + self.named() + self.subjects.len()
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
                let held = self.settles(key, at).is_some_and(|row| !row.done);
                held && self.remove(key)
            }
            Op::Forget(key) => self.remove(key),
            Op::ForgetAlias(alias) => self.aliases.remove(&alias).is_some(),
            Op::ForgetSubject(subject) => self.subjects.remove(&subject).is_some(),
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
        let before = self.subjects.len();
        self.subjects.retain(|_, last| now < last.until);
        self.ended += before - self.subjects.len();
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

    pub(super) fn entity(&self, n: u8) -> DeliveryKey {
        self.entities[usize::from(n)]
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
        for rows in self.aliases.values_mut() {
            rows.remove(&key);
        }
        self.aliases.retain(|_, rows| !rows.is_empty());
        self.rows.remove(&key).is_some()
    }

    /// How many aliases all rows have.
    fn named(&self) -> usize {
        self.aliases.values().map(BTreeMap::len).sum()
    }

    fn end_aliases(&mut self) {
        let before = self.named();
        for named in self.aliases.values_mut() {
            named.retain(|on, _| self.rows.contains_key(on));
        }
        self.aliases.retain(|_, rows| !rows.is_empty());
        self.ended += before - self.named();
    }
}

impl Row {
    /// Whether the lease ended so long ago that nobody is waited for.
    fn has_lapsed(&self, now: u32, rules: &Rules) -> bool {
        now >= self.until + rules.lapsed_for()
    }
}
