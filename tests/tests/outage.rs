//! What a receiver does while its store misbehaves: retries, limits, the breaker, both policies,
//! heartbeats, and transactions of the handler's own. Time is manual throughout.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use countersign_core::{
    Admitted, Answer, Clock, ConfigError, DedupStore, Fenced, MemoryStore, Notice, Receiver,
    RejectionKind, Reply, StoreOutage,
};
use countersign_senders::rebill_za;
use countersign_testkit::Sender;
use countersign_tests::{
    kit::Tested,
    one_process::{OneProcess, kind, start, status},
    spy_store::Fate,
};
use futures_util::FutureExt;

#[test]
fn a_claim_whose_answer_was_lost_is_asked_again_by_the_same_owner() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    bench.store.next(&[Fate::AnswerLost]);
    let run = bench.admit(&bench.delivery()).unwrap();
    assert_eq!(bench.store.calls(), ["claim", "claim"]);
    let owners = bench.store.owners();
    assert_eq!(owners[0], owners[1]);
    assert_eq!(run.admitted().attempt(), 1);
    Ok(())
}

#[test]
fn a_store_that_does_not_answer_refuses_within_its_time() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    bench.store.henceforth(Fate::Lost);
    let began = bench.clock.now();
    let refused = bench.admit(&bench.delivery()).unwrap_err();
    assert_eq!(kind(&refused), Some(RejectionKind::StoreUnavailable));
    assert_eq!(refused.status(), 503);
    // Twice the limit of one call, and no more.
    let took = bench.clock.now().saturating_since(began);
    assert!(took <= Duration::from_millis(3_500), "{took:?}");
    assert_eq!(bench.store.calls(), ["claim", "claim"]);
    Ok(())
}

#[test]
fn a_store_that_fails_in_a_row_is_left_alone_and_tried_again() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    bench.store.henceforth(Fate::Fails);
    for _ in 0..5 {
        bench.admit(&bench.delivery()).unwrap_err();
    }
    assert_eq!(bench.store.calls().len(), 5);
    assert!(bench.receiver.health().store_failing);
    assert!(!bench.receiver.health().is_ready());
    for _ in 0..100 {
        let refused = bench.admit(&bench.delivery()).unwrap_err();
        assert_eq!(kind(&refused), Some(RejectionKind::StoreUnavailable));
    }
    assert_eq!(bench.store.calls().len(), 0, "it is left alone");

    bench.clock.advance(Duration::from_secs(5));
    bench.store.henceforth(Fate::Answered);
    assert!(bench.admit(&bench.delivery()).is_ok());
    assert!(bench.receiver.health().is_ready());
    Ok(())
}

#[test]
fn a_full_store_refuses_under_every_policy_and_is_not_down() -> Tested {
    for outage in [StoreOutage::FailClosed, StoreOutage::FailOpen] {
        let bench = OneProcess::new(|builder| builder.on_store_outage(outage))?;
        bench.store.henceforth(Fate::Full);
        for _ in 0..10 {
            let refused = bench.admit(&bench.delivery()).unwrap_err();
            assert_eq!(kind(&refused), Some(RejectionKind::StoreFull));
        }
        assert_eq!(bench.store.calls().len(), 10);
        assert!(bench.receiver.health().is_ready());
    }
    Ok(())
}

#[test]
fn failing_open_runs_unclaimed_and_says_so() -> Tested {
    let bench = OneProcess::new(|builder| builder.on_store_outage(StoreOutage::FailOpen))?;
    bench.store.henceforth(Fate::Fails);
    let delivery = bench.delivery();
    for _ in 0..2 {
        let run = bench.admit(&delivery).unwrap();
        assert_eq!(run.admitted().dedup().as_str(), "unavailable");
        assert_eq!(run.admitted().fence().as_u64(), 0);
        bench.store.calls();
        let (task, handle) = start(run, 200);
        bench.drive(task);
        assert_eq!(status(bench.drive(handle)), 200);
        assert!(bench.store.calls().is_empty(), "there is nothing to settle");
    }
    // Unproved requests get nowhere, whatever the store does.
    let refused = bench.admit(&delivery.tampered()).unwrap_err();
    assert_eq!(kind(&refused), Some(RejectionKind::SignatureMismatch));
    Ok(())
}

#[test]
fn failing_open_needs_a_signed_time() -> Tested {
    let sender = Sender::new(rebill_za::SCHEME);
    let refused = Receiver::builder(rebill_za::SCHEME)
        .endpoint("test")
        .secret(sender.secret().unwrap())
        .store(MemoryStore::new())
        .on_store_outage(StoreOutage::FailOpen)
        .build();
    assert_eq!(refused.unwrap_err(), ConfigError::FailOpenWithoutTime);
    Ok(())
}

#[test]
fn a_running_claim_is_prolonged_until_it_is_settled() -> Tested {
    let bench =
        OneProcess::new(|builder| builder.limits(|limits| limits.lease = Duration::from_secs(30)))?;
    let delivery = bench.delivery();
    let run = bench.admit(&delivery).unwrap();
    let fence = run.admitted().fence();
    for _ in 0..30 {
        bench.beat();
        bench.clock.advance(Duration::from_secs(10));
    }
    bench.beat();
    // Five minutes later nobody else can have it.
    let refused = bench.another()?.admit(&delivery).unwrap_err();
    assert_eq!(kind(&refused), Some(RejectionKind::InFlight));
    assert!(
        bench
            .store
            .calls()
            .iter()
            .filter(|call| **call == "extend")
            .count()
            >= 29
    );

    let (task, handle) = start(run, 200);
    bench.drive(task);
    assert_eq!(status(bench.drive(handle)), 200);
    bench.store.calls();
    bench.clock.advance(Duration::from_secs(10));
    bench.beat();
    assert!(!bench.store.calls().contains(&"extend"), "it is settled");
    let duplicate = bench.admit(&bench.sender.retry(&delivery)).unwrap_err();
    assert_eq!(duplicate.status(), 200);
    assert!(fence.as_u64() > 0);
    Ok(())
}

#[test]
fn without_heartbeats_the_lease_frees_the_delivery() -> Tested {
    let bench =
        OneProcess::new(|builder| builder.limits(|limits| limits.lease = Duration::from_secs(30)))?;
    let delivery = bench.delivery();
    let run = bench.admit(&delivery).unwrap();
    // The process stands still: its loop does not run.
    bench.clock.advance(Duration::from_secs(31));
    let other = bench.another()?;
    let second = other.admit(&bench.sender.retry(&delivery)).unwrap();
    assert_eq!(second.admitted().attempt(), 2);
    assert!(second.admitted().is_takeover());
    assert!(second.admitted().fence() > run.admitted().fence());

    // The first comes back, and cannot settle what the second holds.
    let (task, handle) = start(run, 200);
    bench.drive(task);
    assert_eq!(status(bench.drive(handle)), 200);
    let refused = bench.admit(&bench.sender.retry(&delivery)).unwrap_err();
    assert_eq!(kind(&refused), Some(RejectionKind::InFlight));
    assert_eq!(other.finish(second, 200), 200);
    let done = bench.admit(&bench.sender.retry(&delivery)).unwrap_err();
    assert_eq!(done.status(), 200);
    Ok(())
}

#[test]
fn a_complete_that_fails_is_answered_and_tried_again() -> Tested {
    let told: Arc<Mutex<u32>> = Arc::default();
    let count = Arc::clone(&told);
    let bench = OneProcess::new(|builder| {
        builder.on_notice(move |notice| {
            if matches!(notice, Notice::CompleteFailed { .. }) {
                *count.lock().unwrap() += 1;
            }
        })
    })?;
    let delivery = bench.delivery();
    let run = bench.admit(&delivery).unwrap();
    bench.store.calls();
    bench.store.next(&[Fate::Fails, Fate::Lost, Fate::Fails]);
    let (mut task, handle) = start(run, 200);
    assert!(task.as_mut().now_or_never().is_none());
    assert_eq!(status(bench.drive(handle)), 200, "the handler succeeded");
    bench.drive(task);
    assert_eq!(bench.store.calls(), ["complete"; 4]);
    assert_eq!(*told.lock().unwrap(), 1);
    assert_eq!(bench.admit(&delivery).unwrap_err().status(), 200);
    Ok(())
}

#[test]
fn a_transaction_of_the_handlers_own_decides() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    let delivery = bench.delivery();
    let run = |status: u16, commits: bool| {
        let run = bench.admit(&delivery)?;
        let admitted: Admitted = run.admitted().clone();
        let completion = admitted.completion();
        if commits {
            // What `complete_in` and a commit come to.
            let completed =
                bench
                    .store
                    .rows
                    .complete(&completion.key, completion.fence, completion.retention);
            assert_eq!(bench.drive(completed).unwrap(), Fenced::Applied);
        }
        bench.store.calls();
        let (task, handle) = start(run, status);
        bench.drive(task);
        Ok::<_, Answer>(match bench.drive(handle) {
            Reply::Handled(status, _) => (status, None),
            Reply::Answer(answer) => (answer.status(), kind(&answer)),
        })
    };
    // It said 200 and rolled back: the delivery is given back.
    let rolled_back = run(200, false).unwrap();
    assert_eq!(rolled_back, (503, Some(RejectionKind::NotCommitted)));
    assert_eq!(bench.store.calls(), ["state", "release"]);
    // It failed and rolled back.
    assert_eq!(run(500, false).unwrap(), (500, None));
    // It committed: the receiver only looks.
    assert_eq!(run(200, true).unwrap(), (200, None));
    assert_eq!(bench.store.calls(), ["state"]);
    let duplicate = run(200, false).unwrap_err();
    assert_eq!(duplicate.status(), 200);
    Ok(())
}

#[test]
fn a_transaction_that_committed_stands_whatever_the_handler_answers() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    let delivery = bench.delivery();
    let run = bench.admit(&delivery).unwrap();
    let completion = run.admitted().completion();
    let store = bench.store.rows.clone();
    let completed = store.complete(&completion.key, completion.fence, completion.retention);
    assert_eq!(bench.drive(completed).unwrap(), Fenced::Applied);
    let (task, handle) = start(run, 500);
    bench.drive(task);
    assert_eq!(status(bench.drive(handle)), 500);
    assert_eq!(bench.admit(&delivery).unwrap_err().status(), 200);
    Ok(())
}

#[test]
fn every_call_that_fails_is_told() -> Tested {
    let told: Arc<Mutex<u32>> = Arc::default();
    let count = Arc::clone(&told);
    let bench = OneProcess::new(|builder| {
        builder.on_notice(move |notice| {
            if matches!(notice, Notice::StoreFailed(_)) {
                *count.lock().unwrap() += 1;
            }
        })
    })?;
    let told = || core::mem::take(&mut *told.lock().unwrap());
    bench.store.next(&[Fate::Fails]);
    bench.admit(&bench.delivery()).unwrap_err();
    assert_eq!(told(), 1, "a claim");

    let run = bench.admit(&bench.delivery()).unwrap();
    bench.beat();
    bench.clock.advance(bench.receiver.limits().lease / 3);
    bench.store.next(&[Fate::Fails]);
    bench.beat();
    assert_eq!(told(), 1, "an extension");
    bench.store.next(&[Fate::Fails]);
    assert_eq!(bench.finish(run, 500), 500);
    assert_eq!(told(), 1, "a release");

    let run = bench.admit(&bench.delivery()).unwrap();
    let _ = run.admitted().completion();
    bench.store.next(&[Fate::Fails]);
    assert_eq!(bench.finish(run, 200), 503);
    assert_eq!(told(), 1, "a look at what a transaction came to");
    Ok(())
}
