//! The suite passes what is right and catches what is wrong.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod reference;

use core::time::Duration;
use std::{thread, time::Instant};

use countersign_core::{Clock, MemoryStore, Sleep, SystemClock};
use countersign_testkit::{
    ManualClock,
    store_suite::{self, Fixture, Report},
};
use futures_util::FutureExt;
use reference::{Flaw, ReferenceStore};

const CAPACITY: usize = 40;

#[test]
fn the_memory_store_keeps_all_rules() {
    let report = block_on(store_suite::run(|| async {
        let clock = ManualClock::new();
        let store = MemoryStore::builder()
            .capacity(CAPACITY)
            .with_clock(clock.clone())
            .build();
        Fixture::manual(store, clock).with_capacity(CAPACITY)
    }));
    all_kept(report);
}

#[test]
fn the_memory_store_keeps_all_rules_on_threads_in_real_time() {
    let report = block_on(store_suite::run(|| async {
        let clock = SystemClock::new(sleep_on_a_thread);
        Fixture::real_time(MemoryStore::with_capacity(CAPACITY), clock)
            .with_unit(Duration::from_millis(20))
            .with_capacity(CAPACITY)
            .with_spawner(|future| {
                thread::spawn(|| block_on(future));
            })
    }));
    all_kept(report);
}

#[test]
fn the_reference_store_keeps_all_rules() {
    all_kept(judge(Flaw::None));
}

#[test]
fn each_flaw_is_caught_by_name() {
    let table = [
        (Flaw::ChecksThenActs, "one_of_many_gets_the_claim"),
        (Flaw::ChecksThenActs, "one_of_many_takes_over"),
        (Flaw::ChecksThenActs, "one_of_many_gets_a_shared_alias"),
        (Flaw::IgnoresFences, "a_stale_fence_changes_nothing"),
        (Flaw::EvictsWhenFull, "a_full_store_refuses"),
        (Flaw::TrustsAliases, "an_alias_ends_with_its_row"),
        (Flaw::ForgetsEarly, "a_completed_key_outlives_its_lease"),
        (Flaw::ForgetsEarly, "an_alias_lives_as_long_as_its_row"),
        (Flaw::ReusesFences, "fences_only_grow"),
        (
            Flaw::WritesSuppressed,
            "an_alias_of_a_completed_key_suppresses",
        ),
        (
            Flaw::SuppressesByAliasAlone,
            "a_return_runs_and_is_said_to_be_one",
        ),
        (
            Flaw::SuppressesByAliasAlone,
            "several_types_of_one_body_are_one_run",
        ),
        (Flaw::OneSubjectForAll, "subjects_are_apart"),
        (
            Flaw::SubjectAtCompletion,
            "a_subject_is_written_when_it_is_claimed",
        ),
        (Flaw::SubjectNotAtomic, "of_two_at_once_none_goes_unnoticed"),
        (Flaw::SubjectEndsWithFirstRow, "a_subject_outlives_its_rows"),
        (
            Flaw::KeepsReleasedAliases,
            "a_released_return_returns_again",
        ),
        (Flaw::OneRowAnAlias, "a_released_return_returns_again"),
        (Flaw::OneRowAnAlias, "what_runs_beside_a_return_stays_known"),
        (
            Flaw::FirstRowOfAnAlias,
            "bytes_are_known_as_long_as_any_row_of_theirs",
        ),
        (Flaw::SubjectsAreFree, "a_full_store_refuses_a_new_subject"),
        (
            Flaw::KeepsForTheLatest,
            "a_later_claim_keeps_a_subject_for_longer_and_never_for_less",
        ),
        (Flaw::ForgetsRecurrence, "a_takeover_stays_what_it_was"),
    ];
    for (flaw, rule) in table {
        let report = judge(flaw);
        assert!(report.broke(rule), "{flaw:?} should break {rule}: {report}");
        assert!(report.to_string().contains(rule));
        assert!(report.into_result().is_err());
    }
}

fn judge(flaw: Flaw) -> Report {
    block_on(store_suite::run(|| async move {
        let clock = ManualClock::new();
        let store = ReferenceStore::new(flaw, clock.clone(), CAPACITY);
        Fixture::manual(store, clock).with_capacity(CAPACITY)
    }))
}

fn all_kept(report: Report) {
    assert!(report.skipped().is_empty(), "{report}");
    assert!(report.passed().len() > 50, "{report}");
    report.into_result().unwrap();
}

fn sleep_on_a_thread(duration: Duration) -> Sleep {
    let (send, done) = futures_channel::oneshot::channel();
    thread::spawn(move || {
        thread::sleep(duration);
        let _ = send.send(());
    });
    Box::pin(done.map(|_| ()))
}

/// Polls a future until it is done, looking again every so often.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(thread::current())).into();
    let mut cx = core::task::Context::from_waker(&waker);
    let mut future = core::pin::pin!(future);
    loop {
        if let core::task::Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
        thread::park();
    }
}

#[test]
fn the_clock_of_a_real_time_fixture_moves() {
    let clock = SystemClock::new(sleep_on_a_thread);
    let begin = Instant::now();
    block_on(clock.sleep(Duration::from_millis(5)));
    assert!(begin.elapsed() >= Duration::from_millis(5));
}
