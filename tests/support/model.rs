#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "tests"
)]
//! A store against a model: whatever is asked in whatever order, both answer the same.
//!
//! Time is counted in units. The store measures it by itself, so what it says is left of a lease may
//! be less than the model says, by less than a unit.

use std::{collections::BTreeMap, time::Duration};

use countersign_core::{
    Claim, ClaimRequest, Claimed, DedupStore, DeliveryKey, Fence, Fenced, KeyState, OnAlias, Owner,
};
use proptest::{collection::vec, prelude::*, sample::Index};

const KEYS: u8 = 3;
const ALIASES: u8 = 2;

/// What is asked of a store. Settling picks one of the fences that the key ever had.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "named as the operations")]
pub enum Op {
    Claim {
        key: u8,
        owner: u128,
        aliases: Vec<u8>,
        run: bool,
        lease: u32,
        fingerprint: Option<u64>,
    },
    Extend(u8, Index, u32),
    Complete(u8, Index, u32),
    Release(u8, Index),
    Forget(u8),
    ForgetAlias(u8),
    Advance(u32),
    Purge(usize),
}

/// Any operations in any order.
pub fn ops() -> impl Strategy<Value = Vec<Op>> {
    let time = || prop_oneof![1_u32..20, 1_000_u32..5_000];
    let fence = any::<Index>;
    let claim = (
        0..KEYS,
        0_u128..3,
        vec(0..ALIASES, 0..3),
        any::<bool>(),
        time(),
        any::<Option<u64>>(),
    );
    let op = prop_oneof![
        8 => claim.prop_map(|(key, owner, aliases, run, lease, fingerprint)| Op::Claim {
            key, owner, aliases, run, lease, fingerprint,
        }),
        1 => (0..KEYS, fence(), time()).prop_map(|(key, at, lease)| Op::Extend(key, at, lease)),
        3 => (0..KEYS, fence(), time()).prop_map(|(key, at, time)| Op::Complete(key, at, time)),
        2 => (0..KEYS, fence()).prop_map(|(key, at)| Op::Release(key, at)),
        1 => (0..KEYS).prop_map(Op::Forget),
        1 => (0..ALIASES).prop_map(Op::ForgetAlias),
        4 => time().prop_map(Op::Advance),
        1 => (0_usize..4).prop_map(Op::Purge),
    ];
    vec(op, 1..80)
}

/// What a store should hold, in the plainest form.
#[derive(Debug)]
pub struct Model {
    unit: Duration,
    /// How long a row in flight is kept after its lease.
    lapsed_for: u32,
    scope: String,
    now: u32,
    rows: BTreeMap<u8, Row>,
    /// The primary key of each alias.
    aliases: BTreeMap<u8, u8>,
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

/// What a model expects of a claim; a fence is the store's to choose.
#[derive(Debug, PartialEq)]
enum Expected {
    Answer(Claim),
    New { attempt: u32, alias_known: bool },
}

impl Model {
    /// An empty model, whose keys are in a scope of their own.
    #[must_use]
    pub const fn new(scope: String, unit: Duration, lapsed_for: u32) -> Self {
        Self {
            unit,
            lapsed_for,
            scope,
            now: 0,
            rows: BTreeMap::new(),
            aliases: BTreeMap::new(),
            fences: BTreeMap::new(),
        }
    }

    /// Asks both, and compares all that can be seen.
    ///
    /// # Panics
    ///
    /// When they differ, or the store fails.
    pub async fn step<S: DedupStore>(
        &mut self,
        store: &S,
        op: Op,
        advance: impl AsyncFnOnce(Duration),
    ) {
        match op {
            Op::Advance(units) => {
                advance(self.units(units)).await;
                self.now += units;
                self.expire();
            }
            Op::Claim { .. } => self.claim(store, op).await,
            op => self.settle(store, op).await,
        }
        for key in 0..KEYS {
            let state = store.state(&self.primary(key)).await.unwrap();
            match (state, self.state(key)) {
                (
                    KeyState::InFlight { remaining },
                    KeyState::InFlight {
                        remaining: expected,
                    },
                ) => {
                    self.assert_left(remaining, expected);
                }
                (state, expected) => assert_eq!(state, expected, "{key}"),
            }
        }
    }

    async fn claim<S: DedupStore>(&mut self, store: &S, op: Op) {
        let Op::Claim {
            key,
            owner,
            aliases,
            run,
            lease,
            fingerprint,
        } = op
        else {
            return;
        };
        let names: Vec<DeliveryKey> = aliases.iter().map(|n| self.alias(*n)).collect();
        let on_alias = if run { OnAlias::Run } else { OnAlias::Suppress };
        let owned = Owner::from_u128(owner);
        let request = ClaimRequest::new(self.primary(key), owned, self.units(lease))
            .with_aliases(&names, on_alias)
            .with_fingerprint(fingerprint);
        let expected = self.expected(key, owner, &aliases, run);
        match (expected, store.claim(request).await.unwrap()) {
            (
                Expected::Answer(Claim::InFlight {
                    on: expected,
                    remaining: most,
                }),
                Claim::InFlight { on, remaining },
            ) => {
                assert_eq!(on, expected);
                self.assert_left(remaining, most);
            }
            (Expected::Answer(expected), answer) => assert_eq!(answer, expected),
            (
                Expected::New {
                    attempt,
                    alias_known,
                },
                Claim::Claimed(claimed),
            ) => {
                assert_eq!(claimed.attempt, attempt);
                assert_eq!(claimed.takeover, attempt > 1);
                assert_eq!(claimed.alias_known, alias_known);
                let row = Row {
                    done: false,
                    until: self.now + lease,
                    owner,
                    claimed,
                    fingerprint,
                };
                self.claimed(key, &aliases, row);
            }
            (expected, answer) => panic!("{answer:?}, expected {expected:?}"),
        }
    }

    async fn settle<S: DedupStore>(&mut self, store: &S, op: Op) {
        match op {
            Op::Extend(key, at, lease) => {
                let (fence, until) = (self.fence(key, at), self.now + lease);
                let row = self.settles(key, fence).filter(|row| !row.done);
                let applied = row.map(|row| row.until = until).is_some();
                let answer = store
                    .extend(&self.primary(key), fence, self.units(lease))
                    .await;
                assert_eq!(answer.unwrap(), fenced(applied));
            }
            Op::Complete(key, at, retention) => {
                let (fence, until) = (self.fence(key, at), self.now + retention);
                let row = self.settles(key, fence);
                let applied = row
                    .map(|row| (row.done, row.until) = (true, until))
                    .is_some();
                let retention = self.units(retention);
                let answer = store.complete(&self.primary(key), fence, retention).await;
                assert_eq!(answer.unwrap(), fenced(applied));
            }
            Op::Release(key, at) => {
                let fence = self.fence(key, at);
                let applied = self.settles(key, fence).is_some_and(|row| !row.done);
                if applied {
                    self.remove(key);
                }
                let answer = store.release(&self.primary(key), fence).await;
                assert_eq!(answer.unwrap(), fenced(applied));
            }
            Op::Forget(key) => {
                let there = self.rows.contains_key(&key);
                self.remove(key);
                assert_eq!(store.forget(&self.primary(key)).await.unwrap(), there);
            }
            Op::ForgetAlias(n) => {
                let there = self.aliases.remove(&n).is_some();
                assert_eq!(store.forget(&self.alias(n)).await.unwrap(), there);
            }
            Op::Purge(limit) => assert!(store.purge(limit).await.unwrap() <= limit),
            Op::Claim { .. } | Op::Advance(_) => {}
        }
    }

    fn expire(&mut self) {
        let (now, lapsed_for) = (self.now, self.lapsed_for);
        self.rows.retain(|_, row| {
            now < if row.done {
                row.until
            } else {
                row.until + lapsed_for
            }
        });
        let rows = &self.rows;
        self.aliases.retain(|_, on| rows.contains_key(on));
    }

    fn remove(&mut self, key: u8) {
        self.rows.remove(&key);
        self.aliases.retain(|_, on| *on != key);
    }

    fn live(&self, key: u8) -> Option<&Row> {
        self.rows.get(&key).filter(|row| self.now < row.until)
    }

    fn expected(&self, key: u8, owner: u128, aliases: &[u8], run: bool) -> Expected {
        if let Some(row) = self.live(key) {
            return Expected::Answer(match row {
                row if row.done => Claim::Completed {
                    fingerprint: row.fingerprint,
                },
                row if row.owner == owner => Claim::Claimed(row.claimed),
                row => self.in_flight(key, row),
            });
        }
        let others: Vec<(u8, &Row)> = aliases
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

    fn in_flight(&self, on: u8, row: &Row) -> Claim {
        Claim::InFlight {
            on: self.primary(on),
            remaining: self.units(row.until - self.now),
        }
    }

    fn claimed(&mut self, key: u8, aliases: &[u8], row: Row) {
        let fences = self.fences.entry(key).or_default();
        assert!(fences.last() < Some(&row.claimed.fence), "fences grow");
        fences.push(row.claimed.fence);
        self.rows.insert(key, row);
        for alias in aliases {
            let on = self.aliases.get(alias);
            if on.is_none_or(|on| self.live(*on).is_none()) {
                self.aliases.insert(*alias, key);
            }
        }
    }

    fn fence(&self, key: u8, at: Index) -> Fence {
        match self.fences.get(&key) {
            Some(fences) => *at.get(fences),
            None => Fence::from_u64(0),
        }
    }

    /// The row that this fence may settle.
    fn settles(&mut self, key: u8, fence: Fence) -> Option<&mut Row> {
        self.rows
            .get_mut(&key)
            .filter(|row| row.claimed.fence == fence)
    }

    fn state(&self, key: u8) -> KeyState {
        match self.rows.get(&key) {
            None => KeyState::Absent,
            Some(row) if row.done => KeyState::Completed,
            Some(row) => KeyState::InFlight {
                remaining: self.units(row.until.saturating_sub(self.now)),
            },
        }
    }

    fn assert_left(&self, left: Duration, expected: Duration) {
        assert!(left <= expected, "{left:?} of {expected:?} left");
        assert!(left + self.unit > expected, "{left:?} of {expected:?} left");
    }

    fn units(&self, units: u32) -> Duration {
        self.unit * units
    }

    fn primary(&self, n: u8) -> DeliveryKey {
        DeliveryKey::for_id(&self.scope, None, &n.to_string())
    }

    fn alias(&self, n: u8) -> DeliveryKey {
        DeliveryKey::for_id(&self.scope, Some("alias"), &n.to_string())
    }
}

const fn fenced(applied: bool) -> Fenced {
    if applied {
        Fenced::Applied
    } else {
        Fenced::Lost
    }
}
