//! The store against a model: whatever is asked in whatever order, both answer the same.
//!
//! Time passes by moving all ends in the table closer, in steps that are long beside what a case
//! takes.

use std::{collections::BTreeMap, time::Duration};

use countersign_core::{
    Claim, ClaimRequest, Claimed, DedupStore, DeliveryKey, Fence, Fenced, KeyState, OnAlias, Owner,
};
use countersign_postgres::PostgresStore;
use countersign_tests::postgres_server::PostgresServer;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::{age, store};

const KEYS: u8 = 3;
const ALIASES: u8 = 2;
/// How far the store's time may have gone on since the model's stood still.
const DRIFT: Duration = Duration::from_secs(8);
/// Rows that were in flight are purged an hour after their lease; the model keeps them.
const LONGEST: u64 = 3_500;

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
}

fn op() -> impl Strategy<Value = Op> {
    let time = || (1_u64..20).prop_map(|tens| tens * 10);
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
    ]
}

/// What a store should hold, in the plainest form. Times in seconds.
#[derive(Default)]
struct Model {
    case: u64,
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
    fn key(&self, n: u8) -> DeliveryKey {
        DeliveryKey::for_id("model", None, &format!("{} {n}", self.case))
    }

    fn alias(&self, n: u8) -> DeliveryKey {
        self.key(100 + n)
    }

    fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        let now = self.now;
        self.rows.retain(|_, row| !row.done || now < row.until);
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
            on: self.key(on),
            remaining: Duration::from_secs(row.until - self.now),
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
            Some(fences) => fences[at.index(fences.len())],
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
                remaining: Duration::from_secs(row.until.saturating_sub(self.now)),
            },
        }
    }
}

fn fenced(applied: bool) -> Fenced {
    if applied {
        Fenced::Applied
    } else {
        Fenced::Lost
    }
}

/// Whether what is left of a lease is what the model says, but for the drift.
fn close(left: Duration, model: Duration) -> bool {
    left <= model && model <= left + DRIFT
}

fn same_claim(answer: Claim, expected: Claim) -> bool {
    match (answer, expected) {
        (
            Claim::InFlight { on, remaining },
            Claim::InFlight {
                on: key,
                remaining: model,
            },
        ) => on == key && close(remaining, model),
        (answer, expected) => answer == expected,
    }
}

fn same_state(answer: KeyState, expected: KeyState) -> bool {
    match (answer, expected) {
        (KeyState::InFlight { remaining }, KeyState::InFlight { remaining: model }) => {
            close(remaining, model)
        }
        (answer, expected) => answer == expected,
    }
}

async fn step(model: &mut Model, store: &PostgresStore, server: &PostgresServer, op: Op) {
    match op {
        Op::Claim {
            key,
            owner,
            aliases,
            run,
            lease,
            fingerprint,
        } => {
            let names: Vec<DeliveryKey> = aliases.iter().map(|n| model.alias(*n)).collect();
            let on_alias = if run { OnAlias::Run } else { OnAlias::Suppress };
            let request = ClaimRequest::new(
                model.key(key),
                Owner::from_u128(owner),
                Duration::from_secs(lease),
            )
            .with_aliases(&names, on_alias)
            .with_fingerprint(fingerprint);
            let expected = model.expected(key, owner, &aliases, run);
            match (expected, store.claim(request).await.unwrap()) {
                (Expected::Answer(expected), answer) => {
                    assert!(
                        same_claim(answer, expected),
                        "{answer:?}, expected {expected:?}"
                    );
                }
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
                    let until = model.now + lease;
                    model.claim(
                        key,
                        &aliases,
                        Row {
                            done: false,
                            until,
                            owner,
                            claimed,
                            fingerprint,
                        },
                    );
                }
                (expected, answer) => panic!("{answer:?}, expected {expected:?}"),
            }
        }
        Op::Extend(key, at, lease) => {
            let (fence, until) = (model.fence(key, at), model.now + lease);
            let row = model.settles(key, fence).filter(|row| !row.done);
            let applied = row.map(|row| row.until = until).is_some();
            let answer = store
                .extend(&model.key(key), fence, Duration::from_secs(lease))
                .await;
            assert_eq!(answer.unwrap(), fenced(applied));
        }
        Op::Complete(key, at, retention) => {
            let (fence, until) = (model.fence(key, at), model.now + retention);
            let row = model.settles(key, fence);
            let applied = row
                .map(|row| (row.done, row.until) = (true, until))
                .is_some();
            let answer = store
                .complete(&model.key(key), fence, Duration::from_secs(retention))
                .await;
            assert_eq!(answer.unwrap(), fenced(applied));
        }
        Op::Release(key, at) => {
            let fence = model.fence(key, at);
            let applied = model.settles(key, fence).is_some_and(|row| !row.done);
            if applied {
                model.remove(key);
            }
            assert_eq!(
                store.release(&model.key(key), fence).await.unwrap(),
                fenced(applied)
            );
        }
        Op::Forget(key) => {
            let there = model.rows.contains_key(&key);
            model.remove(key);
            assert_eq!(store.forget(&model.key(key)).await.unwrap(), there);
        }
        Op::ForgetAlias(n) => {
            let there = model.aliases.remove(&n).is_some();
            assert_eq!(store.forget(&model.alias(n)).await.unwrap(), there);
        }
        Op::Advance(seconds) if model.now + seconds > LONGEST => {}
        Op::Advance(seconds) => {
            age(server, "model", Duration::from_secs(seconds)).await;
            model.pass(seconds);
        }
        Op::Purge(limit) => assert!(store.purge(limit).await.unwrap() <= limit),
    }
}

#[test]
fn the_store_answers_as_the_model_does() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let store = runtime.block_on(store(&server, "model", 1));
    let case = std::cell::Cell::new(0);
    let config = Config {
        cases: 64,
        failure_persistence: None,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&vec(op(), 1..60), |ops| {
        case.set(case.get() + 1);
        let mut model = Model {
            case: case.get(),
            ..Model::default()
        };
        runtime.block_on(async {
            for op in ops {
                step(&mut model, &store, &server, op).await;
                for key in 0..KEYS {
                    let (state, expected) = (
                        store.state(&model.key(key)).await.unwrap(),
                        model.state(key),
                    );
                    prop_assert!(
                        same_state(state, expected),
                        "{:?}, expected {:?}",
                        state,
                        expected
                    );
                }
            }
            Ok(())
        })
    });
    outcome.unwrap();
}
