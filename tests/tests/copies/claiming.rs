//! Copies that come while a claim is being asked for, or while another process runs the first one.

use super::*;

#[test]
fn copies_share_a_claim_that_is_being_asked_for() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    let delivery = bench.delivery();
    bench.store.next(&[Fate::AnswerLost]);
    let mut first = pin!(bench.ask(&delivery));
    let mut copy = pin!(bench.ask(&delivery));
    begun!(first, copy);
    // It is asked again after a second and a half.
    let run: Run = bench.drive(first).unwrap();
    begun!(copy);
    assert_eq!(bench.store.calls(), ["claim", "claim"]);
    assert_eq!(bench.finish(run, 200), 200);
    let answer = bench.drive(copy).unwrap_err();
    assert_eq!((answer.status(), dedup(&answer)), (200, Some("duplicate")));
    assert_eq!(bench.store.calls(), ["complete"]);
    Ok(())
}

// One failure is one request's: FailOpen must not run all copies for it, and none is refused for it.
#[test]
fn a_claim_that_fails_fails_for_one_and_the_next_copy_asks() -> Tested {
    for outage in [StoreOutage::FailClosed, StoreOutage::FailOpen] {
        let bench = OneProcess::new(|builder| builder.on_store_outage(outage))?;
        let delivery = bench.delivery();
        bench.store.next(&[Fate::Lost, Fate::Fails]);
        let mut first = Box::pin(bench.ask(&delivery));
        assert!(first.as_mut().now_or_never().is_none());
        let mut copies: Vec<_> = (0..10).map(|_| Box::pin(bench.ask(&delivery))).collect();
        for copy in &mut copies {
            assert!(copy.as_mut().now_or_never().is_none());
        }
        // The claim is asked again, and refused.
        bench.clock.advance(Duration::from_millis(1_500));
        let first = first.now_or_never().unwrap();
        match outage {
            StoreOutage::FailOpen => {
                let run = first.unwrap();
                assert_eq!(run.admitted().dedup().as_str(), "unavailable");
            }
            _ => {
                let refused = first.unwrap_err();
                assert_eq!(kind(&refused), Some(RejectionKind::StoreUnavailable));
            }
        }
        let mut runs = Vec::new();
        copies.retain_mut(|copy| match copy.as_mut().now_or_never() {
            Some(begun) => {
                runs.push(begun.unwrap());
                false
            }
            None => true,
        });
        assert_eq!((runs.len(), copies.len()), (1, 9), "{outage:?}");
        assert_eq!(bench.store.calls(), ["claim"; 3], "{outage:?}");
        for run in runs {
            assert_eq!(run.admitted().dedup().as_str(), "fresh");
            assert_eq!(bench.finish(run, 200), 200);
        }
        for copy in copies {
            let answer = bench.drive(copy).unwrap_err();
            assert_eq!((answer.status(), dedup(&answer)), (200, Some("duplicate")));
        }
    }
    Ok(())
}

#[test]
fn the_next_copy_asks_when_the_first_went_away_before_it_was_answered() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    let delivery = bench.delivery();
    bench.store.next(&[Fate::Lost]);
    let mut first = Box::pin(bench.ask(&delivery));
    let mut copies = [bench.ask(&delivery), bench.ask(&delivery)].map(Box::pin);
    assert!(first.as_mut().now_or_never().is_none());
    for copy in &mut copies {
        assert!(copy.as_mut().now_or_never().is_none());
    }
    drop(first);
    let [second, mut third] = copies;
    let run = bench.drive(second).unwrap();
    assert!(third.as_mut().now_or_never().is_none());
    assert_eq!(bench.store.calls(), ["claim", "claim"]);
    assert_eq!(bench.finish(run, 200), 200);
    assert_eq!(bench.drive(third).unwrap_err().status(), 200);
    Ok(())
}

#[test]
fn copies_of_what_another_process_runs_share_one_claim_and_one_wait() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    let other = bench.another()?;
    let delivery = bench.delivery();
    let run = other.admit(&delivery).unwrap();
    bench.store.next(&[Fate::AnswerLost]);
    let mut copies: Vec<_> = (0..100).map(|_| Box::pin(bench.ask(&delivery))).collect();
    for _ in 0..2 {
        for copy in &mut copies {
            assert!(copy.as_mut().now_or_never().is_none());
        }
        // The claim is asked again.
        bench.clock.advance(Duration::from_millis(1_500));
    }
    assert_eq!(other.finish(run, 200), 200);
    let calls = bench.store.calls();
    assert_eq!(calls.iter().filter(|call| **call == "claim").count(), 2);
    let looks = calls.iter().filter(|call| **call == "state").count();
    assert!((1..=20).contains(&looks), "{looks}");
    for copy in copies {
        let answer = bench.drive(copy).unwrap_err();
        assert_eq!((answer.status(), dedup(&answer)), (200, Some("duplicate")));
    }
    Ok(())
}

#[test]
fn a_copy_that_comes_later_asks_what_became_of_another_process() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    let other = bench.another()?;
    let delivery = bench.delivery();
    let run = other.admit(&delivery).unwrap();
    let mut early = pin!(bench.ask(&delivery));
    begun!(early);
    assert_eq!(other.finish(run, 500), 500);
    let late = bench.ask(&delivery).now_or_never().unwrap().unwrap();
    assert_eq!(bench.finish(late, 200), 200);
    assert_eq!(bench.drive(early).unwrap_err().status(), 200);
    Ok(())
}

// A captured body under the id of a true event must not have the true one suppressed.
#[test]
fn what_is_in_flight_elsewhere_says_nothing_of_other_bytes() -> Tested {
    let bench = rebill()?;
    let other = bench.another()?;
    let known = bench.delivery().with_header("X-Rebill-Delivery", "known");
    let run = other.admit(&known).unwrap();
    let captured = known.with_header("X-Rebill-Delivery", "due");
    let due = other_bytes(&bench, &captured);
    bench.store.next(&[Fate::AnswerLost]);
    let mut replay = pin!(bench.ask(&captured));
    let mut first = pin!(bench.ask(&due));
    begun!(replay, first);
    bench.clock.advance(Duration::from_millis(1_500));
    begun!(replay);
    let due = first.now_or_never().unwrap().unwrap();
    assert_eq!(bench.finish(due, 200), 200);
    assert_eq!(other.finish(run, 200), 200);
    let replay = bench.drive(replay).unwrap_err();
    assert_eq!((replay.status(), dedup(&replay)), (200, Some("suppressed")));
    Ok(())
}

// A true event must not wait for other bytes under an id that its copy was given.
#[test]
fn what_is_in_flight_under_one_id_says_nothing_of_another() -> Tested {
    let bench = rebill()?;
    let other = bench.another()?;
    let due = bench.delivery().with_header("X-Rebill-Delivery", "due");
    let captured = due.with_header("X-Rebill-Delivery", "known");
    let known = other_bytes(&bench, &captured);
    let run = other.admit(&known).unwrap();
    bench.store.next(&[Fate::AnswerLost]);
    let mut replay = pin!(bench.ask(&captured));
    begun!(replay);
    let due = bench.ask(&due).now_or_never().unwrap().unwrap();
    bench.clock.advance(Duration::from_millis(1_500));
    begun!(replay);
    assert_eq!(bench.finish(due, 200), 200);
    assert_eq!(other.finish(run, 200), 200);
    assert_eq!(bench.drive(replay).unwrap_err().status(), 200);
    Ok(())
}

// Whether this process runs the delivery, another one does, or it is done.
#[test]
fn other_bytes_under_the_same_id_are_told() -> Tested {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let listener = Arc::clone(&told);
    let clock = ManualClock::new();
    let bench = OneProcess::over(
        rebill_za::SCHEME,
        &clock,
        SpyStore::durable(&clock),
        |builder| {
            builder.on_notice(move |notice| {
                if let Notice::FingerprintMismatch(delivery) = notice {
                    let body = String::from_utf8_lossy(delivery.body()).into_owned();
                    listener.lock().unwrap().push(body);
                }
            })
        },
    )?;
    let told = || core::mem::take(&mut *told.lock().unwrap());
    let delivery = bench.delivery();
    let other = other_bytes(&bench, &delivery);
    let body = String::from_utf8(other.body().to_vec())?;

    for process in [&bench, &bench.another()?] {
        let run = process.admit(&delivery).unwrap();
        for (copy, expected) in [(&delivery, None), (&other, Some(&body))] {
            let mut waiting = pin!(bench.ask(copy));
            begun!(waiting);
            assert_eq!(told().first(), expected);
        }
        assert_eq!(process.finish(run, 500), 500);
    }
    let run = bench.admit(&delivery).unwrap();
    assert_eq!(bench.finish(run, 200), 200);
    assert_eq!(bench.admit(&other).unwrap_err().status(), 200);
    assert_eq!(told(), [body]);
    Ok(())
}

#[test]
fn what_was_forgotten_runs_again_at_once() -> Tested {
    let bench = OneProcess::new(|builder| builder)?;
    let delivery = bench.delivery();
    let first = bench.admit(&delivery).unwrap();
    let id = first.admitted().id().unwrap_or_default().to_owned();
    assert!(bench.drive(bench.receiver.forget(None, &id))?);
    let second = bench.admit(&delivery).unwrap();
    assert_eq!(bench.finish(first, 200), 200);
    let _ = bench.store.calls();
    // The end of the first is not that of the second.
    let mut copy = pin!(bench.ask(&delivery));
    begun!(copy);
    assert!(bench.store.calls().is_empty());
    assert_eq!(bench.finish(second, 200), 200);
    assert_eq!(bench.drive(copy).unwrap_err().status(), 200);
    Ok(())
}

#[test]
fn a_claim_that_was_lost_is_not_waited_for() -> Tested {
    let bench =
        OneProcess::new(|builder| builder.limits(|limits| limits.lease = Duration::from_secs(30)))?;
    let other = bench.another()?;
    let delivery = bench.delivery();
    let stuck = bench.admit(&delivery).unwrap();
    bench.beat();
    // The loop stood still for longer than the lease.
    bench.clock.advance(Duration::from_secs(31));
    let again = bench.sender.retry(&delivery);
    let run = other.admit(&again).unwrap();
    assert_eq!(other.finish(run, 200), 200);
    bench.beat();
    let answer = bench.ask(&again).now_or_never().unwrap().unwrap_err();
    assert_eq!((answer.status(), dedup(&answer)), (200, Some("duplicate")));
    assert_eq!(bench.finish(stuck, 200), 200);
    Ok(())
}
