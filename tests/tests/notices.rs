//! What an application is told beside its handlers.

use core::time::Duration;

use axum::{Router, extract::State, routing::post};
use countersign_axum::{Delivery, ReceiverLayer};
use countersign_core::{FromDelivery, Secret, StoreError, scheme::IdenticalBodies};
use countersign_senders::{invoice_maker, rebill_za};
use countersign_tests::{
    handler::TestHandler,
    kit::{Kit, Tested, said, send},
    servers::PATH,
    table::OWN,
};
use futures_util::FutureExt;
use http::StatusCode;
use serde_json::{Value, json};

const QUIET: [&str; 0] = [];

/// An application whose handler reads the body as `T` and then works at the desk.
fn app<T: FromDelivery + Send + Sync + 'static>(kit: &Kit) -> Router {
    async fn handle<T: FromDelivery>(
        State(desk): State<TestHandler>,
        delivery: Delivery<T>,
    ) -> StatusCode {
        let answered = desk.run(&delivery).await;
        StatusCode::from_u16(answered.status).unwrap_or_default()
    }
    let route = post(handle::<T>).layer(ReceiverLayer::new(&kit.receiver));
    Router::new()
        .route(PATH, route)
        .with_state(kit.desk.clone())
}

#[tokio::test]
async fn of_a_ping() -> Tested {
    let kit = Kit::rebill()?;
    let app = app::<Value>(&kit);
    let ping = kit.delivery("ping", "dlv_1", json!({}));
    assert_eq!(send(&kit, &app, &ping).await, said(200, "ping"));
    assert_eq!(kit.notices.take(), ["ping test"]);
    assert_eq!(send(&kit, &app, &ping.tampered()).await, said(401, ""));
    assert_eq!(
        send(&kit, &app, &kit.paid("dlv_1", "")).await,
        said(200, "fresh")
    );
    assert_eq!(kit.notices.take(), QUIET);
    Ok(())
}

#[tokio::test]
async fn of_a_suppressed_repeat_as_a_whole_even_when_it_waited() -> Tested {
    let kit = Kit::rebill()?;
    let app = app::<Value>(&kit);
    let first = kit.paid("dlv_1", "do:wait");
    let replay = |id| first.with_header("X-Rebill-Delivery", id);
    let mut running = Box::pin(kit.sender.send(&app, &first));
    assert!((&mut running).now_or_never().is_none());
    kit.desk.entered().await;
    let waiting = replay("dlv_2");
    let mut waiting = Box::pin(send(&kit, &app, &waiting));
    assert!((&mut waiting).now_or_never().is_none());
    assert_eq!(kit.notices.take(), QUIET);
    kit.desk.open(1);
    assert_eq!(running.await.dedup(), Some("fresh"));
    assert_eq!(waiting.await, said(200, "suppressed"));
    let length = first.body().len();
    let expected = format!(r#"suppressed Some("dlv_2") Some("invoice.paid") {length}"#);
    assert_eq!(kit.notices.take(), std::slice::from_ref(&expected));
    assert_eq!(
        send(&kit, &app, &replay("dlv_3")).await,
        said(200, "suppressed")
    );
    assert_eq!(kit.notices.take(), [expected.replace("dlv_2", "dlv_3")]);
    assert_eq!(send(&kit, &app, &first).await, said(200, "duplicate"));
    assert_eq!(kit.notices.take(), QUIET);
    Ok(())
}

#[tokio::test]
async fn of_other_bytes_under_a_known_id() -> Tested {
    let kit = Kit::rebill()?;
    let app = app::<Value>(&kit);
    let sent = |body: &'static str| kit.sender.raw("invoice.sent", "dlv_1", body).to(PATH);
    assert_eq!(send(&kit, &app, &sent("{}")).await, said(200, "fresh"));
    assert_eq!(send(&kit, &app, &sent("{}")).await, said(200, "duplicate"));
    // A retry under a new key has another signature and is the same delivery.
    kit.receiver
        .rotate(Secret::new("new")?, Duration::from_secs(60))?;
    assert_eq!(send(&kit, &app, &sent("{}")).await, said(200, "duplicate"));
    assert_eq!(kit.notices.take(), QUIET);
    assert_eq!(send(&kit, &app, &sent("{ }")).await, said(200, "duplicate"));
    assert_eq!(kit.notices.take(), [r#"mismatch Some("dlv_1") 3"#]);
    Ok(())
}

// Also where a time is signed, and each retry has another signature.
#[tokio::test]
async fn of_other_bytes_under_a_known_signed_id() -> Tested {
    let kit = Kit::new(invoice_maker::SCHEME, |builder| builder)?;
    let app = app::<Value>(&kit);
    let sent = |status: &str| {
        let body = json!({"data": {"id": "inv_1", "status": status}});
        kit.delivery("invoice.updated", "evt_1", body)
    };
    let first = sent("sent");
    assert_eq!(send(&kit, &app, &first).await, said(200, "fresh"));
    kit.clock.advance(Duration::from_secs(60));
    let retry = kit.sender.retry(&first);
    assert_eq!(send(&kit, &app, &retry).await, said(200, "duplicate"));
    assert_eq!(kit.notices.take(), QUIET);
    assert_eq!(
        send(&kit, &app, &sent("paid")).await,
        said(200, "duplicate")
    );
    let length = sent("paid").body().len();
    let expected = format!(r#"mismatch Some("evt_1") {length}"#);
    assert_eq!(kit.notices.take(), [expected]);
    Ok(())
}

#[tokio::test]
async fn of_a_body_that_is_known_as_a_whole_even_when_it_waited() -> Tested {
    let scheme = OWN.identical_bodies(IdenticalBodies::Copies {
        within: Duration::from_secs(3_600),
    });
    let kit = Kit::new(scheme.declare(), |builder| builder)?;
    let app = app::<Value>(&kit);
    let first = kit.delivery("", "", json!({"told": "do:wait"}));
    let mut running = Box::pin(kit.sender.send(&app, &first));
    assert!((&mut running).now_or_never().is_none());
    kit.desk.entered().await;
    let mut waiting = Box::pin(send(&kit, &app, &first));
    assert!((&mut waiting).now_or_never().is_none());
    kit.desk.open(1);
    assert_eq!(running.await.dedup(), Some("fresh"));
    assert_eq!(waiting.await, said(200, "duplicate"));
    let expected = format!("known by body {}", first.body().len());
    assert_eq!(kit.notices.take(), std::slice::from_ref(&expected));
    assert_eq!(send(&kit, &app, &first).await, said(200, "duplicate"));
    assert_eq!(kit.notices.take(), [expected]);
    // After that time the same body is news.
    kit.clock.advance(Duration::from_secs(3_600));
    kit.desk.open(1);
    assert_eq!(send(&kit, &app, &first).await, said(200, "fresh"));
    Ok(())
}

#[tokio::test]
async fn of_discarded_bodies_where_they_are_discarded() -> Tested {
    for discards in [true, false] {
        let kit = Kit::new(rebill_za::SCHEME, |builder| match discards {
            true => builder.discard_unexpected_bodies(),
            false => builder,
        })?;
        let app = app::<Vec<u8>>(&kit);
        let odd = kit.paid("dlv_1", "an object");
        let even = kit.sender.raw("invoice.sent", "dlv_2", "[1, 2]").to(PATH);
        let (status, dedup, notice) = match discards {
            true => (200, "discarded", vec![r#"discarded Some("dlv_1")"#]),
            false => (422, "fresh", vec![]),
        };
        assert_eq!(send(&kit, &app, &odd).await, said(status, dedup));
        assert_eq!(kit.notices.take(), notice);
        assert_eq!(send(&kit, &app, &even).await, said(200, "fresh"));
        assert_eq!(kit.notices.take(), QUIET);
    }
    Ok(())
}

#[tokio::test]
async fn of_half_the_failures_that_switch_an_endpoint_off_once_a_streak() -> Tested {
    for (scheme, half) in [(rebill_za::SCHEME, 10_u32), (invoice_maker::SCHEME, 50)] {
        let kit = Kit::new(scheme, |builder| builder)?;
        let app = app::<Value>(&kit);
        let fails = |number: u32| {
            let id = format!("dlv_{number}");
            kit.delivery("invoice.sent", &id, json!({"do:404": number}))
        };
        let works = kit.delivery("invoice.sent", "works", json!({"works": true}));
        let limit = scheme.switch_off_after();
        assert_eq!(limit, Some(half * 2));
        for round in 0..2 {
            for number in 1..=half * 2 {
                let answer = send(&kit, &app, &fails(number)).await;
                assert_eq!(answer, said(404, "fresh"), "{round} {number}");
                let failed = format!("streak failed {half} refused 0 of {limit:?}");
                let due = if number == half { vec![failed] } else { vec![] };
                assert_eq!(kit.notices.take(), due, "{round} {number}");
            }
            for number in 1..=half * 2 {
                let answer = send(&kit, &app, &fails(number).tampered()).await;
                assert_eq!(answer.0, 401, "{round} {number}");
                let refused = format!("streak failed {} refused {half} of {limit:?}", half * 2);
                let due = if number == half {
                    vec![refused]
                } else {
                    vec![]
                };
                assert_eq!(kit.notices.take(), due, "{round} {number}");
            }
            // A duplicate is a success, too.
            let dedup = if round == 0 { "fresh" } else { "duplicate" };
            assert_eq!(send(&kit, &app, &works).await, said(200, dedup));
            assert_eq!(kit.notices.take(), QUIET);
            let streak = kit.receiver.failure_streak();
            assert_eq!((streak.failed, streak.refused), (0, 0));
        }
        // What no true sender runs into is not counted.
        for _ in 0..half * 2 {
            assert_eq!(send(&kit, &app, &works.unsigned()).await.0, 401);
        }
        assert_eq!(kit.receiver.failure_streak().refused, 0);
    }
    Ok(())
}

#[tokio::test]
async fn of_a_claim_that_was_lost() -> Tested {
    let kit = Kit::rebill()?;
    let app = app::<Value>(&kit);
    for (id, told, status) in [("dlv_1", "do:wait", 200), ("dlv_2", "do:wait do:404", 404)] {
        let delivery = kit.paid(id, told);
        let mut running = Box::pin(send(&kit, &app, &delivery));
        assert!((&mut running).now_or_never().is_none());
        kit.desk.entered().await;
        assert_eq!(kit.notices.take(), QUIET);
        assert!(kit.receiver.forget(None, id).await?);
        kit.desk.open(1);
        assert_eq!(running.await, said(status, "fresh"));
        assert_eq!(kit.notices.take(), [format!("claim lost Some({id:?})")]);
    }
    Ok(())
}

#[tokio::test]
async fn of_a_store_that_fails() -> Tested {
    let kit = Kit::rebill()?;
    let app = app::<Value>(&kit);
    let delivery = kit.paid("dlv_1", "");
    for (error, text) in [
        (
            StoreError::full as fn() -> _,
            "the deduplication store is full of live deliveries",
        ),
        (
            StoreError::timeout,
            "the deduplication store did not answer in time",
        ),
        (
            || StoreError::unavailable("secret address"),
            "the deduplication store cannot be reached",
        ),
        (
            || StoreError::backend("secret table"),
            "the deduplication store failed",
        ),
    ] {
        kit.store.fail("claim", error);
        assert_eq!(send(&kit, &app, &delivery).await, said(503, ""));
        assert_eq!(kit.notices.take(), [format!("store failed: {text}")]);
        kit.store.repair();
    }
    assert_eq!(kit.desk.begun(), 0);
    // The handler has run: its answer is sent, and nothing is given back.
    kit.store.fail("complete", StoreError::timeout);
    let _claims = kit.store.calls();
    assert_eq!(send(&kit, &app, &delivery).await, said(200, "fresh"));
    let text = "the deduplication store did not answer in time";
    assert_eq!(
        kit.notices.take(),
        [format!("complete failed Some(\"dlv_1\"): {text}")]
    );
    assert_eq!(kit.store.calls(), ["claim", "complete"]);
    kit.store.repair();
    // A failure stays one when the store cannot be told; the lease ends by itself.
    kit.store.fail("release", StoreError::timeout);
    let fails = kit.paid("dlv_2", "do:404");
    assert_eq!(send(&kit, &app, &fails).await, said(404, "fresh"));
    assert_eq!(kit.notices.take(), [format!("store failed: {text}")]);
    Ok(())
}
