#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "tests"
)]
//! A store against a model: whatever is asked in whatever order, and whenever the process dies, both
//! answer the same.
//!
//! One model serves all stores. Time is counted in units; how it passes, what a crash is and how rows
//! are counted is an [`Engine`]'s own.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use countersign_core::DedupStore;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use self::{ops::ops, trial::Trial};

mod ops;
mod rows;
mod trial;

/// How long every store keeps a row in flight after its lease.
const LAPSED_FOR: Duration = Duration::from_secs(3_600);

/// A store with what is behind it.
pub trait Engine {
    /// The store's type.
    type Store: DedupStore;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// Lets time pass for all that the store remembers.
    fn advance(&mut self, by: Duration) -> impl Future<Output = ()>;

    /// Ends the process that has the store, which settles nothing, and lets another one begin.
    fn crash(&mut self) -> impl Future<Output = ()> {
        async {}
    }

    /// How many rows there are of any kind, those included that have ended.
    fn rows(&self) -> impl Future<Output = usize>;
}

/// In what stores differ.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What a unit of time is.
    pub unit: Duration,
    /// By how much the store's time goes on at most while the model's stands still; less than a unit.
    pub drift: Duration,
    /// Whether rows whose lease ended an hour ago are gone by themselves, and not only when purged.
    pub expires: bool,
    /// What a crash does to leases.
    pub crash: Crash,
    /// How many rows there may be; more are refused.
    pub room: Option<usize>,
}

/// What a crash of the process does to the claims that it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Everything is forgotten, so there is nothing to compare: none happens.
    Forgets,
    /// Their leases end there and then.
    EndsLeases,
    /// Their leases run on.
    KeepsLeases,
}

impl Rules {
    /// Rules of a store with a clock of its own that a test moves: answers are exact.
    #[must_use]
    pub const fn exact(crash: Crash) -> Self {
        Self {
            unit: Duration::from_millis(1),
            drift: Duration::ZERO,
            expires: false,
            crash,
            room: None,
        }
    }

    /// Rules of a store behind a server, whose time goes on by itself. Units are longer than any
    /// case takes, so that it does not count.
    #[must_use]
    pub const fn served(expires: bool) -> Self {
        Self {
            unit: Duration::from_secs(10),
            drift: Duration::from_secs(8),
            expires,
            crash: Crash::KeepsLeases,
            room: None,
        }
    }

    /// How many units a row in flight is kept after its lease.
    fn lapsed_for(&self) -> u32 {
        u32::try_from(LAPSED_FOR.as_millis() / self.unit.as_millis()).unwrap()
    }
}

/// Runs cases, the same ones every time, each on what `open` gives for its number.
///
/// # Panics
///
/// When store and model differ, with the shortest operations that show it.
pub fn check<E: Engine>(cases: u32, rules: &Rules, open: impl AsyncFn(u32) -> E) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_time: 60_000,
        rng_seed: RngSeed::Fixed(4_231),
        ..Config::default()
    };
    let case = AtomicU32::new(0);
    let outcome = TestRunner::new(config).run(&ops(), |ops| {
        let case = case.fetch_add(1, Ordering::Relaxed);
        runtime.block_on(async {
            let mut engine = open(case).await;
            let mut trial = Trial::new(rules, case);
            for op in ops {
                trial.step(&mut engine, op).await;
            }
            trial.end(&mut engine).await;
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
