//! Copies that come while this process runs the first one join it, and leave the store alone.

use super::*;

#[test]
fn copies_of_a_running_delivery_are_answered_without_the_store() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    let delivery = bench.delivery();
    let run = bench.admit(&delivery).unwrap();
    assert_eq!(bench.store.calls(), ["claim"]);
    let mut copies: Vec<_> = (0..100).map(|_| Box::pin(bench.ask(&delivery))).collect();
    for copy in &mut copies {
        assert!(copy.as_mut().now_or_never().is_none());
    }
    assert_eq!(bench.receiver.health().waiting, 100);
    assert_eq!(bench.receiver.running(), 1);
    assert_eq!(
        bench.receiver.health().buffered_bytes,
        delivery.body().len()
    );
    assert_eq!(bench.finish(run, 200), 200);
    for copy in copies {
        let answer = copy.now_or_never().unwrap().unwrap_err();
        assert_eq!((answer.status(), dedup(&answer)), (200, Some("duplicate")));
    }
    assert_eq!(bench.store.calls(), ["complete"]);
    assert_eq!(bench.receiver.health().waiting, 0);
    // What comes later asks the store.
    assert_eq!(bench.admit(&delivery).unwrap_err().status(), 200);
    assert_eq!(bench.store.calls(), ["claim"]);
    Ok(())
}

#[test]
fn copies_under_other_ids_ask_the_store_and_wait_for_the_first() -> Tested {
    let bench = rebill()?;
    let delivery = bench.delivery();
    let other = delivery.with_header("X-Rebill-Delivery", "another");
    let run = bench.admit(&delivery).unwrap();
    let mut copy = pin!(bench.ask(&other));
    begun!(copy);
    assert_eq!(bench.finish(run, 200), 200);
    let answer = bench.drive(copy).unwrap_err();
    assert_eq!((answer.status(), dedup(&answer)), (200, Some("suppressed")));
    let calls = bench.store.calls();
    assert_eq!(calls[..2], ["claim"; 2]);
    assert_eq!(calls.iter().filter(|call| **call == "claim").count(), 2);
    Ok(())
}

// What else was claimed of the entity, in this process or in another, only the store knows.
#[test]
fn a_return_does_not_wait_for_the_first_time() -> Tested {
    let bench = rebill()?;
    let paid = bench.delivery();
    let run = bench.admit(&paid).unwrap();
    let unmarked = bench
        .sender
        .delivery("invoice.updated", serde_json::json!({"id": "inv_1"}));
    let between = bench.another()?.admit(&unmarked).unwrap();
    let again = paid.with_header("X-Rebill-Delivery", "again");
    let second = bench.admit(&again).unwrap();
    assert!(second.admitted().is_return() && !second.admitted().is_repeat());
    assert_eq!(bench.finish(run, 200), 200);
    assert_eq!(bench.finish(second, 200), 200);
    drop(between);
    Ok(())
}

// A row of its own goes before the alias: what is in flight or done under an id decides for that id.
#[test]
fn a_copy_under_an_id_that_is_known_asks_for_that_id() -> Tested {
    let bench = rebill()?;
    let other = bench.another()?;
    let delivery = bench.delivery();
    let known = delivery.with_header("X-Rebill-Delivery", "known");
    let before = other.admit(&other_bytes(&bench, &known)).unwrap();
    let run = bench.admit(&delivery).unwrap();

    let mut copy = pin!(bench.ask(&known));
    begun!(copy);
    assert_eq!(bench.store.calls(), ["claim", "claim", "state"]);
    assert_eq!(bench.finish(run, 200), 200);
    begun!(copy);
    assert_eq!(other.finish(before, 500), 500);
    let refused = bench.drive(copy).unwrap_err();
    assert_eq!(kind(&refused), Some(RejectionKind::InFlight));

    let again = other.admit(&other_bytes(&bench, &known)).unwrap();
    assert_eq!(other.finish(again, 200), 200);
    let body = serde_json::json!({"id": "inv_2", "status": "paid"});
    let delivery = bench.sender.delivery("invoice.paid", body);
    let run = bench.admit(&delivery).unwrap();
    let known = delivery.with_header("X-Rebill-Delivery", "known");
    let answer = bench.ask(&known).now_or_never().unwrap().unwrap_err();
    assert_eq!((answer.status(), dedup(&answer)), (200, Some("duplicate")));
    assert_eq!(bench.finish(run, 500), 500);
    Ok(())
}

// Another process cannot tell this one that somebody had the delivery forgotten.
#[test]
fn a_copy_that_comes_while_the_store_is_told_asks_the_store() -> Tested {
    for in_transaction in [false, true] {
        let bench = OneProcess::new(|builder| builder)?;
        let delivery = bench.delivery();
        let run = bench.admit(&delivery).unwrap();
        let key = run.admitted().key();
        if in_transaction {
            let Completion {
                fence, retention, ..
            } = run.admitted().completion();
            let rows = &bench.store.rows;
            let _done = bench.drive(rows.complete(&key, fence, retention))?;
        }
        bench.store.next(&[Fate::AnswerLost]);
        let (mut task, _handle) = start(run, 200);
        assert!(task.as_mut().now_or_never().is_none());
        assert!(bench.drive(bench.store.rows.forget(&key))?);
        let again = bench.ask(&delivery).now_or_never().unwrap().unwrap();
        assert_eq!(again.admitted().dedup().as_str(), "fresh");
        assert_eq!(bench.finish(again, 200), 200);
    }
    Ok(())
}

#[test]
fn copies_of_a_type_that_may_repeat_run_under_other_ids() -> Tested {
    let bench = rebill()?;
    let body = serde_json::json!({"id": "inv_1"});
    let delivery = bench.sender.delivery("invoice.updated", body);
    let other = delivery.with_header("X-Rebill-Delivery", "another");
    let run = bench.admit(&delivery).unwrap();
    let second = bench.admit(&other).unwrap();
    assert_eq!(second.admitted().dedup().as_str(), "fresh");
    assert_eq!(bench.finish(run, 200), 200);
    assert_eq!(bench.finish(second, 200), 200);
    Ok(())
}

#[test]
fn copies_of_a_run_that_fails_are_told_to_come_again() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    let delivery = bench.delivery();
    for handler in [500, 200] {
        let run = bench.admit(&delivery).unwrap();
        let mut copy = pin!(bench.ask(&delivery));
        begun!(copy);
        let _ = bench.store.calls();
        assert_eq!(bench.finish(run, handler), handler);
        let answer = copy.now_or_never().unwrap().unwrap_err();
        let (status, call) = match handler {
            200 => (200, "complete"),
            _ => (503, "release"),
        };
        assert_eq!(answer.status(), status);
        assert_eq!(bench.store.calls(), [call]);
    }
    Ok(())
}

// The store does not know that it is done, so nothing may say so.
#[test]
fn copies_of_a_run_that_could_not_be_completed_are_told_to_come_again() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    let delivery = bench.delivery();
    let run = bench.admit(&delivery).unwrap();
    let mut copy = pin!(bench.ask(&delivery));
    begun!(copy);
    bench.store.henceforth(Fate::Fails);
    assert_eq!(bench.finish(run, 200), 200);
    let answer = bench.drive(copy).unwrap_err();
    assert_eq!(kind(&answer), Some(RejectionKind::InFlight));
    Ok(())
}

#[test]
fn copies_hear_of_a_completion_that_came_late() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    let delivery = bench.delivery();
    let run = bench.admit(&delivery).unwrap();
    let mut copy = pin!(bench.ask(&delivery));
    begun!(copy);
    bench.store.next(&[Fate::Fails, Fate::Fails]);
    let _ = bench.store.calls();
    assert_eq!(bench.finish(run, 200), 200);
    let answer = copy.now_or_never().unwrap().unwrap_err();
    assert_eq!((answer.status(), dedup(&answer)), (200, Some("duplicate")));
    assert_eq!(bench.store.calls(), ["complete"; 3]);
    Ok(())
}

#[test]
fn copies_hear_of_a_transaction_that_committed() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    let delivery = bench.delivery();
    for (commits, status) in [(false, 503), (true, 200)] {
        let run = bench.admit(&delivery).unwrap();
        let mut copy = pin!(bench.ask(&delivery));
        begun!(copy);
        let completion = run.admitted().completion();
        if commits {
            // What `complete_in` and a commit come to.
            let Completion {
                key,
                fence,
                retention,
                ..
            } = completion;
            let rows = &bench.store.rows;
            assert_eq!(
                bench.drive(rows.complete(&key, fence, retention))?,
                Fenced::Applied
            );
        }
        assert_eq!(bench.finish(run, 200), status);
        let answer = copy.now_or_never().unwrap().unwrap_err();
        assert_eq!(answer.status(), status);
    }
    Ok(())
}

#[test]
fn a_copy_waits_for_as_long_as_it_may_and_no_longer() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    let delivery = bench.delivery();
    let run = bench.admit(&delivery).unwrap();
    let mut copy = pin!(bench.ask(&delivery));
    begun!(copy);
    bench.clock.advance(Duration::from_millis(2_999));
    begun!(copy);
    bench.clock.advance(Duration::from_millis(1));
    let answer = copy.now_or_never().unwrap().unwrap_err();
    assert_eq!(kind(&answer), Some(RejectionKind::InFlight));
    assert_eq!(bench.finish(run, 200), 200);
    Ok(())
}

#[test]
fn there_are_no_more_waiting_copies_than_allowed() -> Tested {
    let bench = OneProcess::new(|builder| builder.limits(|limits| limits.waiters = 1))?;
    let delivery = bench.delivery();
    let run = bench.admit(&delivery).unwrap();
    let mut copy = pin!(bench.ask(&delivery));
    begun!(copy);
    let refused = bench.ask(&delivery).now_or_never().unwrap().unwrap_err();
    assert_eq!(kind(&refused), Some(RejectionKind::InFlight));
    assert_eq!(bench.store.calls(), ["claim"]);
    assert_eq!(bench.finish(run, 200), 200);
    assert_eq!(bench.drive(copy).unwrap_err().status(), 200);
    Ok(())
}
