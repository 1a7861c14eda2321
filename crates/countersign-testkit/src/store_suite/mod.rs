//! The suite that every deduplication store must pass, ours or anybody's.
//!
//! Each rule gets a store of its own from the fixture, so rules cannot hide each other's failures.
//! Keys are random, so the stores may share one server. A broken rule is reported by name, and the
//! others still run.
//!
//! ```
//! use countersign_core::MemoryStore;
//! use countersign_testkit::{ManualClock, store_suite::{self, Fixture, Report}};
//!
//! // Under your runtime's test attribute.
//! async fn the_store_keeps_all_rules() -> Result<(), Report> {
//!     let report = store_suite::run(|| async {
//!         let clock = ManualClock::new();
//!         let store = MemoryStore::builder().capacity(100).with_clock(clock.clone()).build();
//!         Fixture::manual(store, clock).with_capacity(100)
//!     });
//!     report.await.into_result()
//! }
//! ```

use core::{future::Future, panic::AssertUnwindSafe, time::Duration};
use std::{fmt, sync::Arc};

use countersign_core::{Clock, DedupStore, DeliveryKey};
use futures_util::{FutureExt, future::BoxFuture};

use self::report::Stop;
pub use self::report::{Failure, Report};
use crate::ManualClock;

mod aliases;
mod bounds;
mod claims;
mod helpers;
mod report;
mod settling;
mod subjects;
mod waiting;

type Advance = Box<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;
type Spawn = Box<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// A store to try, and how time passes for it.
pub struct Fixture<S> {
    store: Arc<S>,
    clock: Arc<dyn Clock>,
    advance: Advance,
    unit: Duration,
    capacity: Option<usize>,
    spawn: Option<Spawn>,
    /// The entity that a rule is about when it is about one.
    subject: DeliveryKey,
}

impl<S: DedupStore> Fixture<S> {
    /// A store whose leases and retentions are measured by this clock.
    pub fn manual(store: S, clock: ManualClock) -> Self {
        let hand = clock.clone();
        Self {
            store: Arc::new(store),
            clock: Arc::new(clock),
            advance: Box::new(move |duration| {
                hand.advance(duration);
                Box::pin(core::future::ready(()))
            }),
            unit: Duration::from_secs(1),
            capacity: None,
            spawn: None,
            subject: helpers::new_key(),
        }
    }

    /// A store that measures time by itself, such as a server; time passes by waiting.
    ///
    /// The rules count in units of 100 ms; see [`with_unit`](Self::with_unit).
    pub fn real_time(store: S, clock: impl Clock) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let timer = Arc::clone(&clock);
        Self {
            store: Arc::new(store),
            clock,
            advance: Box::new(move |duration| timer.sleep(duration)),
            unit: Duration::from_millis(100),
            capacity: None,
            spawn: None,
            subject: helpers::new_key(),
        }
    }

    /// Another way to let time pass.
    #[must_use]
    pub fn with_advance<F, A>(mut self, advance: F) -> Self
    where
        F: Fn(Duration) -> A + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        self.advance = Box::new(move |duration| Box::pin(advance(duration)));
        self
    }

    /// How long the unit is that leases and retentions are multiples of. Longer than the store takes
    /// to answer a handful of calls.
    #[must_use]
    pub fn with_unit(mut self, unit: Duration) -> Self {
        self.unit = unit;
        self
    }

    /// Says that the store is empty and takes this many rows, so that being full is tried. At least
    /// 40, which is more than any other rule writes.
    #[must_use]
    pub fn with_capacity(mut self, rows: usize) -> Self {
        self.capacity = Some(rows);
        self
    }

    /// How to run futures on several threads. Without it the concurrency rules poll them in turn.
    #[must_use]
    pub fn with_spawner<F>(mut self, spawn: F) -> Self
    where
        F: Fn(BoxFuture<'static, ()>) + Send + Sync + 'static,
    {
        self.spawn = Some(Box::new(spawn));
        self
    }
}

impl<S> fmt::Debug for Fixture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture")
            .field("unit", &self.unit)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// Tries all rules, each on a fixture of its own, and says which were kept.
pub async fn run<S, M, F>(make: M) -> Report
where
    S: DedupStore,
    M: Fn() -> F,
    F: Future<Output = Fixture<S>>,
{
    let mut report = Report::default();
    macro_rules! run {
        ($($module:ident: $($rule:ident),+;)+) => {$($({
            let fixture = make().await;
            // In a box: all rules in one future would be too much for a thread's stack.
            let kept = Box::pin($module::$rule(&fixture));
            let outcome = AssertUnwindSafe(kept).catch_unwind().await;
            note(&mut report, stringify!($rule), outcome);
        })+)+};
    }
    run! {
        claims: a_fresh_key_is_claimed, a_held_key_is_in_flight, the_same_owner_gets_the_same_claim,
            a_lapsed_claim_is_taken_over, one_of_many_gets_the_claim, one_of_many_takes_over;
        settling: a_completed_key_is_remembered, a_completed_key_outlives_its_lease,
            retention_ends, retention_is_chosen_by_each_completion, completing_twice_is_applied_again,
            a_released_key_can_be_claimed, releasing_never_touches_a_completed_key,
            a_stale_fence_changes_nothing, a_late_holder_may_settle, extending_moves_the_end,
            fences_only_grow;
        aliases: an_alias_of_a_completed_key_suppresses, an_alias_of_a_key_in_flight_says_which,
            an_alias_may_be_run_all_the_same, the_own_row_decides_before_aliases,
            any_of_several_aliases_is_known, an_alias_lives_as_long_as_its_row,
            an_alias_ends_with_its_row, an_alias_of_a_lapsed_claim_is_free,
            a_takeover_keeps_aliases, a_late_release_leaves_others_aliases,
            one_of_many_gets_a_shared_alias;
        subjects: a_return_runs_and_is_said_to_be_one, several_types_of_one_body_are_one_run,
            without_a_subject_a_known_alias_runs, a_repeat_that_may_run_is_said_to_be_one,
            a_subject_is_written_when_it_is_claimed, what_is_suppressed_moves_no_subject,
            a_released_return_returns_again, a_released_first_claim_leaves_nothing_known,
            a_lapsed_return_leaves_its_bytes_known, what_runs_beside_a_return_stays_known,
            bytes_are_known_as_long_as_any_row_of_theirs, many_rows_of_one_alias_stay_known,
            a_takeover_stays_what_it_was,
            a_subject_outlives_its_rows, a_subject_ends_with_its_time,
            a_later_claim_keeps_a_subject_for_longer_and_never_for_less,
            a_forgotten_subject_makes_a_repeat_a_return, subjects_are_apart,
            one_of_many_repeats_gets_the_claim, of_two_at_once_none_goes_unnoticed,
            a_full_store_refuses_a_new_subject;
        bounds: a_forgotten_key_can_be_claimed, forgetting_takes_aliases_along,
            an_alias_can_be_forgotten, purging_keeps_what_lives, a_full_store_refuses,
            a_full_store_makes_room;
        waiting: waiting_for_nothing_ends_at_once, waiting_ends_when_it_is_completed,
            waiting_ends_when_it_is_released, waiting_ends_with_the_lease,
            waiting_is_bounded;
    }
    report
}

fn note(report: &mut Report, rule: &'static str, outcome: std::thread::Result<Result<(), Stop>>) {
    let message = match outcome {
        Ok(Ok(())) => return report.passed.push(rule),
        Ok(Err(Stop::Skipped)) => return report.skipped.push(rule),
        Ok(Err(Stop::Broken(message))) => message,
        Err(panic) => match panic.downcast_ref::<&str>() {
            Some(text) => format!("panicked: {text}"),
            None => panic
                .downcast_ref::<String>()
                .map_or_else(|| "panicked".to_owned(), |text| format!("panicked: {text}")),
        },
    };
    report.failures.push(Failure { rule, message });
}
