//! What becomes of a run when its sender hangs up, its time ends, it panics, or the process stops.

use core::time::Duration;

use bytes::Bytes;
use countersign_core::{Clock, DedupStore, DeliveryKey, KeyState};
use countersign_testkit::SignedDelivery;
use countersign_tests::{
    kit::{Kit, Tested, in_time, until},
    raw::{self, Request, Response},
    servers::{Place, REFUSED},
};
use futures_util::{FutureExt, stream};
use tokio::{io::AsyncWriteExt, task::JoinHandle};

type Sent = JoinHandle<std::io::Result<Response>>;

fn send(addr: std::net::SocketAddr, delivery: &SignedDelivery) -> Sent {
    let request = Request::of(delivery);
    tokio::spawn(async move { request.send(addr).await })
}

fn said(response: &Response) -> (u16, Option<&str>, bool) {
    let comes_again = response.header("retry-after").is_some();
    (
        response.status,
        response.header("countersign-dedup"),
        comes_again,
    )
}

const FRESH: (u16, Option<&str>, bool) = (200, Some("fresh"), false);
const DUPLICATE: (u16, Option<&str>, bool) = (200, Some("duplicate"), false);
const IN_FLIGHT: (u16, Option<&str>, bool) = (503, Some("in-flight"), true);
const LATER: (u16, Option<&str>, bool) = (503, None, true);

async fn state(kit: &Kit, id: &str) -> KeyState {
    let key = DeliveryKey::for_id("test", None, id);
    kit.rows.state(&key).await.unwrap_or(KeyState::Absent)
}

#[tokio::test]
async fn a_hang_up_does_not_end_the_run() -> Tested {
    for place in Place::ADAPTERS {
        let kit = Kit::rebill()?;
        let addr = place
            .start_noticing_hang_ups(&kit.receiver, &kit.desk)
            .await?;
        let delivery = kit.paid("dlv_1", "do:wait");
        let connection = Request::of(&delivery).begin(addr).await?;
        kit.desk.entered().await;
        drop(connection);
        // hyper looks for hang-ups too, unless half-closed connections are allowed, as in its server here.
        if place != Place::Hyper {
            until(|| kit.receiver.failure_streak().failed == 1).await;
        }
        assert_eq!(
            (kit.receiver.running(), kit.desk.ended()),
            (1, 0),
            "{place:?}"
        );
        kit.desk.open(1);
        kit.store.settled(1).await;
        assert_eq!(kit.desk.ended(), 1, "{place:?}");
        assert_eq!(kit.store.calls(), ["claim", "complete"], "{place:?}");
        let next = send(addr, &delivery).await??;
        assert_eq!(said(&next), DUPLICATE, "{place:?}");
        assert_eq!(kit.desk.begun(), 1, "{place:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_sender_that_closes_its_half_still_gets_the_answer() -> Tested {
    // axum's own server takes a half-closed connection for a closed one.
    for place in [Place::Hyper, Place::ActixResource] {
        let kit = Kit::rebill()?;
        let addr = kit.serve(place).await?;
        let request = Request::of(&kit.paid("dlv_1", "do:wait"));
        let mut connection = request.begin(addr).await?;
        kit.desk.entered().await;
        connection.shutdown().await?;
        kit.desk.open(1);
        assert_eq!(said(&raw::answer(connection).await?), FRESH, "{place:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_slow_run_is_answered_within_the_budget_and_goes_on() -> Tested {
    for place in Place::ALL {
        let kit = Kit::rebill()?;
        let addr = kit.serve(place).await?;
        let limits = *kit.receiver.limits();
        let delivery = kit.paid("dlv_1", "do:wait");
        let mut first = send(addr, &delivery);
        kit.desk.entered().await;
        kit.clock
            .advance(limits.response_budget - Duration::from_millis(1));
        assert!((&mut first).now_or_never().is_none(), "{place:?}");
        kit.clock.advance(Duration::from_millis(1));
        let first = first.await??;
        assert_eq!(said(&first), IN_FLIGHT, "{place:?}");
        let why = first.header(REFUSED);
        assert_eq!(why, Some("handler is still running"), "{place:?}");
        kit.store.claimed(1).await;
        let copy = send(addr, &delivery);
        kit.store.claimed(1).await;
        kit.clock.advance(limits.wait);
        assert_eq!(said(&copy.await??), IN_FLIGHT, "{place:?}");
        assert_eq!((kit.desk.begun(), kit.desk.ended()), (1, 0), "{place:?}");
        kit.desk.open(1);
        kit.store.settled(1).await;
        let last = send(addr, &delivery).await??;
        assert_eq!(said(&last), DUPLICATE, "{place:?}");
        assert_eq!((kit.desk.begun(), kit.desk.ended()), (1, 1), "{place:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_run_over_its_total_time_is_ended_and_given_back() -> Tested {
    for place in Place::ADAPTERS {
        for minutes in [15, 0] {
            // Longer than the response budget, or shorter.
            let total = Duration::from_secs(minutes * 60 + 2);
            let kit = Kit::new(countersign_senders::rebill_za::SCHEME, |builder| {
                builder.limits(|limits| limits.total_run = total)
            })?;
            let addr = kit.serve(place).await?;
            let delivery = kit.paid("dlv_1", "do:wait");
            let mut first = Some(send(addr, &delivery));
            kit.desk.entered().await;
            let budget = kit.receiver.limits().response_budget;
            if let Some(first) = first.take_if(|_| budget < total) {
                kit.clock.advance(budget);
                assert_eq!(said(&first.await??), IN_FLIGHT, "{place:?}");
            }
            let left = total.saturating_sub(kit.clock.elapsed());
            kit.clock.advance(left - Duration::from_millis(1));
            assert_eq!(kit.store.calls(), ["claim"], "{place:?}");
            kit.clock.advance(Duration::from_millis(1));
            kit.store.settled(1).await;
            assert_eq!(kit.store.calls(), ["release"], "{place:?}");
            if let Some(first) = first {
                let first = first.await??;
                assert_eq!(said(&first), LATER, "{place:?}");
                let why = first.header(REFUSED);
                assert_eq!(why, Some("handler ran too long"), "{place:?}");
            }
            kit.desk.open(1);
            let next = send(addr, &delivery).await??;
            assert_eq!(said(&next), FRESH, "{place:?}");
            assert_eq!((kit.desk.begun(), kit.desk.ended()), (2, 1), "{place:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn draining_lets_a_run_come_to_its_end_and_begins_no_other() -> Tested {
    for place in Place::ALL {
        let kit = Kit::rebill()?;
        let addr = kit.serve(place).await?;
        let running = send(addr, &kit.paid("dlv_1", "do:wait"));
        kit.desk.entered().await;
        let mut drain = Box::pin(kit.receiver.drain(Duration::from_secs(20)));
        assert!((&mut drain).now_or_never().is_none(), "{place:?}");
        let refused = send(addr, &kit.paid("dlv_2", "other")).await??;
        assert_eq!(said(&refused), LATER, "{place:?}");
        kit.desk.open(1);
        assert_eq!(in_time(drain).await, 0, "{place:?}");
        assert_eq!(said(&running.await??), FRESH, "{place:?}");
        assert_eq!(
            (kit.desk.begun(), kit.receiver.running()),
            (1, 0),
            "{place:?}"
        );
        assert_eq!(kit.store.calls(), ["claim", "complete"], "{place:?}");
    }
    Ok(())
}

#[tokio::test]
async fn draining_ends_what_runs_for_too_long_and_gives_it_back() -> Tested {
    for place in Place::ALL {
        let kit = Kit::rebill()?;
        let addr = kit.serve(place).await?;
        let running = send(addr, &kit.paid("dlv_1", "do:wait"));
        kit.desk.entered().await;
        let grace = Duration::from_secs(5);
        let mut drain = Box::pin(kit.receiver.drain(grace));
        assert!((&mut drain).now_or_never().is_none(), "{place:?}");
        kit.clock.advance(grace - Duration::from_millis(1));
        assert!((&mut drain).now_or_never().is_none(), "{place:?}");
        assert_eq!(kit.receiver.running(), 1, "{place:?}");
        kit.clock.advance(Duration::from_millis(1));
        assert_eq!(in_time(drain).await, 1, "{place:?}");
        assert_eq!(state(&kit, "dlv_1").await, KeyState::Absent, "{place:?}");
        assert_eq!(kit.store.calls(), ["claim", "release"], "{place:?}");
        let running = running.await??;
        assert_eq!(said(&running), LATER, "{place:?}");
        let why = running.header(REFUSED);
        assert_eq!(why, Some("handler was dropped"), "{place:?}");
        assert_eq!((kit.desk.begun(), kit.desk.ended()), (1, 0), "{place:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_panic_is_a_failure_and_the_next_copy_runs() -> Tested {
    for place in Place::ALL {
        let kit = Kit::rebill()?;
        let addr = kit.serve(place).await?;
        let delivery = kit.paid("dlv_1", "do:panic");
        // The same worker takes the sender's next attempt, even on the same connection.
        let request = Request::of(&delivery).keeping_alive();
        let mut connection = request.begin(addr).await?;
        let first = raw::answer_on(&mut connection).await?;
        assert_eq!(said(&first), (500, None, false), "{place:?}");
        assert_eq!(state(&kit, "dlv_1").await, KeyState::Absent, "{place:?}");
        assert_eq!(kit.receiver.running(), 0, "{place:?}");
        let next = request.send_on(&mut connection).await?;
        assert_eq!(said(&next), FRESH, "{place:?}");
        assert_eq!(state(&kit, "dlv_1").await, KeyState::Completed, "{place:?}");
    }
    Ok(())
}

#[test]
fn a_run_that_dies_with_its_runtime_is_given_back_at_once() -> Tested {
    let client = tokio::runtime::Runtime::new()?;
    for place in [Place::AxumMethodRouter, Place::Hyper] {
        let kit = Kit::rebill()?;
        let server = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let addr = server.block_on(kit.serve(place))?;
        let connection = client.block_on(async {
            let connection = Request::of(&kit.paid("dlv_1", "do:wait"))
                .begin(addr)
                .await?;
            kit.desk.entered().await;
            Ok::<_, std::io::Error>(connection)
        })?;
        let held = client.block_on(state(&kit, "dlv_1"));
        assert!(
            matches!(held, KeyState::InFlight { .. }),
            "{place:?}: {held:?}"
        );
        drop(server);
        // Not read through the spy, which the dropped release did reach as well.
        assert_eq!(
            client.block_on(state(&kit, "dlv_1")),
            KeyState::Absent,
            "{place:?}"
        );
        assert_eq!(kit.receiver.running(), 0, "{place:?}");
        assert_eq!(kit.store.calls(), ["claim", "release"], "{place:?}");
        let answer = client.block_on(raw::answer(connection))?;
        assert_eq!(answer.status, 0, "{place:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_never_started_is_given_back() -> Tested {
    let kit = Kit::rebill()?;
    let delivery = kit.paid("dlv_1", "");
    let body = || stream::iter([Ok::<_, std::io::Error>(Bytes::clone(delivery.body()))]);
    let admit = async || {
        let received = kit.receiver.receive(&delivery.request(), body()).await;
        kit.receiver.admit(received?).await
    };
    let run = admit().await.map_err(|answer| format!("{answer:?}"))?;
    assert!(matches!(
        state(&kit, "dlv_1").await,
        KeyState::InFlight { .. }
    ));
    assert_eq!(kit.receiver.running(), 1);
    drop(run);
    assert_eq!(state(&kit, "dlv_1").await, KeyState::Absent);
    assert_eq!(kit.receiver.running(), 0);
    // A task that is dropped unpolled is no better.
    let run = admit().await.map_err(|answer| format!("{answer:?}"))?;
    let judge = |status: &u16| countersign_core::Verdict::answered(*status, None);
    let (task, handle) = run.start(async { 200 }, judge);
    drop(task);
    assert!(matches!(
        handle.await,
        countersign_core::Reply::Answer(answer) if answer.status() == 503
    ));
    assert_eq!(state(&kit, "dlv_1").await, KeyState::Absent);
    // One that is polled completes.
    let run = admit().await.map_err(|answer| format!("{answer:?}"))?;
    let (task, handle) = run.start(async { 200 }, judge);
    task.await;
    assert!(matches!(
        handle.await,
        countersign_core::Reply::Handled(200, _)
    ));
    assert_eq!(state(&kit, "dlv_1").await, KeyState::Completed);
    Ok(())
}
