//! The store against a model: whatever is asked in whatever order, and whenever the process dies,
//! both answer the same.

use core::time::Duration;
use std::collections::BTreeMap;

use countersign_core::{
    Claim, ClaimRequest, Claimed, DedupStore, DeliveryKey, Fence, Fenced, KeyState, OnAlias, Owner,
};
use countersign_sqlite::SqliteStore;
use countersign_testkit::ManualClock;
use proptest::{collection::vec, prelude::*};

use crate::support::{Place, key, now};

const KEYS: u8 = 3;
const ALIASES: u8 = 2;

#[derive(Clone, Debug)]
enum Op {
    Claim {
        key: u8,
        owner: u128,
        aliases: Vec<u8>,
        run: bool,
        lease: u64,
        fingerprint: Option<u64>,
    },
    /// Settling picks one of the fences that the key ever had.
    Extend(u8, prop::sample::Index, u64),
    Complete(u8, prop::sample::Index, u64),
    Release(u8, prop::sample::Index),
    Forget(u8),
    ForgetAlias(u8),
    Advance(u64),
    Purge(usize),
    /// The process dies, holding what it holds, and another one comes.
    Crash,
}

fn op() -> impl Strategy<Value = Op> {
    let time = || prop_oneof![1_u64..20, 1_000_u64..5_000];
    let fence = any::<prop::sample::Index>;
    let claim = (
        0..KEYS,
        0_u128..3,
        vec(0..ALIASES, 0..3),
        any::<bool>(),
        time(),
        any::<Option<u64>>(),
    );
    prop_oneof![
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
        1 => Just(Op::Crash),
    ]
}

/// What a store should hold, in the plainest form.
#[derive(Default)]
struct Model {
    now: u64,
    rows: BTreeMap<u8, Row>,
    /// The primary key of each alias.
    aliases: BTreeMap<u8, u8>,
    /// All fences that a key ever had.
    fences: BTreeMap<u8, Vec<Fence>>,
}

struct Row {
    done: bool,
    until: u64,
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
    fn expire(&mut self) {
        let now = self.now;
        self.rows.retain(|_, row| !row.done || now < row.until);
        let rows = &self.rows;
        self.aliases.retain(|_, on| rows.contains_key(on));
    }

    /// All leases end: nobody is there who could hold them.
    fn crash(&mut self) {
        let now = self.now;
        for row in self.rows.values_mut().filter(|row| !row.done) {
            row.until = row.until.min(now);
        }
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
            on: primary(on),
            remaining: Duration::from_millis(row.until - self.now),
        }
    }

    fn claim(&mut self, key: u8, aliases: &[u8], row: Row) {
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

    fn fence(&self, key: u8, at: prop::sample::Index) -> Fence {
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
                remaining: Duration::from_millis(row.until.saturating_sub(self.now)),
            },
        }
    }
}

fn primary(n: u8) -> DeliveryKey {
    key(n.into())
}

fn alias(n: u8) -> DeliveryKey {
    key(100 + usize::from(n))
}

fn fenced(applied: bool) -> Fenced {
    if applied {
        Fenced::Applied
    } else {
        Fenced::Lost
    }
}

struct Tried {
    place: Place,
    clock: ManualClock,
    store: SqliteStore,
}

impl Tried {
    fn new() -> Self {
        let (place, clock) = (Place::new(), ManualClock::new());
        let store = place.open(&clock);
        Self {
            place,
            clock,
            store,
        }
    }

    /// Ends without settling. The file has to be closed, because this process goes on.
    fn crash(&mut self) {
        now(self.store.close());
        self.store = self.place.open(&self.clock);
    }
}

fn step(model: &mut Model, tried: &mut Tried, op: Op) {
    let store = &tried.store;
    match op {
        Op::Claim {
            key,
            owner,
            aliases,
            run,
            lease,
            fingerprint,
        } => {
            let names: Vec<DeliveryKey> = aliases.iter().map(|n| alias(*n)).collect();
            let on_alias = if run { OnAlias::Run } else { OnAlias::Suppress };
            let request = ClaimRequest::new(
                primary(key),
                Owner::from_u128(owner),
                Duration::from_millis(lease),
            )
            .with_aliases(&names, on_alias)
            .with_fingerprint(fingerprint);
            let expected = model.expected(key, owner, &aliases, run);
            let answer = now(store.claim(request)).unwrap();
            match (expected, answer) {
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
                        until: model.now + lease,
                        owner,
                        claimed,
                        fingerprint,
                    };
                    model.claim(key, &aliases, row);
                }
                (expected, answer) => panic!("{answer:?}, expected {expected:?}"),
            }
        }
        Op::Extend(key, at, lease) => {
            let (fence, until) = (model.fence(key, at), model.now + lease);
            let row = model.settles(key, fence).filter(|row| !row.done);
            let applied = row.map(|row| row.until = until).is_some();
            let lease = Duration::from_millis(lease);
            let answer = now(store.extend(&primary(key), fence, lease));
            assert_eq!(answer.unwrap(), fenced(applied));
        }
        Op::Complete(key, at, retention) => {
            let (fence, until) = (model.fence(key, at), model.now + retention);
            let row = model.settles(key, fence);
            let applied = row
                .map(|row| (row.done, row.until) = (true, until))
                .is_some();
            let retention = Duration::from_millis(retention);
            let answer = now(store.complete(&primary(key), fence, retention));
            assert_eq!(answer.unwrap(), fenced(applied));
        }
        Op::Release(key, at) => {
            let fence = model.fence(key, at);
            let applied = model.settles(key, fence).is_some_and(|row| !row.done);
            if applied {
                model.remove(key);
            }
            let answer = now(store.release(&primary(key), fence));
            assert_eq!(answer.unwrap(), fenced(applied));
        }
        Op::Forget(key) => {
            let there = model.rows.contains_key(&key);
            model.remove(key);
            assert_eq!(now(store.forget(&primary(key))).unwrap(), there);
        }
        Op::ForgetAlias(n) => {
            let there = model.aliases.remove(&n).is_some();
            assert_eq!(now(store.forget(&alias(n))).unwrap(), there);
        }
        Op::Advance(millis) => {
            tried.clock.advance(Duration::from_millis(millis));
            model.now += millis;
            model.expire();
        }
        Op::Purge(limit) => {
            assert!(now(store.purge(limit)).unwrap() <= limit);
        }
        Op::Crash => {
            model.crash();
            tried.crash();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_answers_as_the_model_does(ops in vec(op(), 1..80)) {
        let mut tried = Tried::new();
        let mut model = Model::default();
        for op in ops {
            step(&mut model, &mut tried, op);
            for key in 0..KEYS {
                let state = now(tried.store.state(&primary(key))).unwrap();
                prop_assert_eq!(state, model.state(key));
            }
        }
        // When all has ended, nothing is left behind.
        tried.clock.advance(Duration::from_secs(4_000));
        while now(tried.store.purge(2)).unwrap() > 0 {}
        prop_assert_eq!(tried.place.rows(), (0, 0, 0));
    }
}
