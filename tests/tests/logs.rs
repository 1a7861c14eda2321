//! What is logged: one span a delivery, one event a refusal or a copy, by these names, and nothing
//! that a sender wrote or that is secret.

use std::time::Duration;

use axum::{Router, routing::post};
use countersign_axum::{Delivery, ReceiverLayer};
use countersign_core::{
    Keyring, KeyringSource, LookupError, Outcome, Scheme, Secret, StoreError, Tenant, TenantAt,
};
use countersign_senders::{invoice_maker, rebill_za};
use countersign_testkit::{Sender, SignedDelivery};
use countersign_tests::{
    kit::{Kit, Tested},
    log::{capture, log},
    table::OWN,
};
use futures_util::FutureExt;
use serde_json::{Value, json};
use tracing::Level;

/// What a sender writes here, and what is secret, all of it easy to find.
const MARK: &str = "QZX";

struct Shops(Keyring);

impl KeyringSource for Shops {
    async fn keyring(&self, tenant: &str) -> Result<Option<Tenant>, LookupError> {
        match tenant {
            "QZX-broken" => Err(LookupError::new("QZX-address")),
            "QZX-shop" => Ok(Some(Tenant::new("shop-7", self.0.clone()))),
            _ => Ok(None),
        }
    }
}

fn app(kit: &Kit) -> Router {
    async fn handle(
        delivery: Delivery<Value>,
    ) -> (axum::Extension<Option<Outcome>>, axum::response::Response) {
        use axum::response::IntoResponse;
        tracing::info!(target: "handler", "begun");
        tokio::task::yield_now().await;
        tracing::info!(target: "handler", "ended");
        let outcome = delivery.event().get("outcome").map(|_| Outcome::Retry);
        let mut response = "ok".into_response();
        if let Some(outcome) = outcome {
            response.extensions_mut().insert(outcome);
        }
        assert!(delivery.event().get("panic").is_none(), "told to panic");
        (axum::Extension(None), response)
    }
    let layer = ReceiverLayer::new(&kit.receiver);
    let handler = async |delivery: Delivery<Value>| handle(delivery).await.1;
    Router::new().route("/hook/{tenant}", post(handler).layer(layer))
}

/// A receiver of two shops, one of which cannot be looked up.
fn kit(scheme: Scheme) -> Result<(Kit, Sender), Box<dyn std::error::Error>> {
    capture();
    let secret = "QZX-secret";
    let clock = countersign_testkit::ManualClock::new();
    let sender = Sender::with_secret(scheme, secret).with_clock(clock);
    let keyring = Keyring::new(&scheme, Secret::new(secret)?.labelled("label-3"))?;
    let kit = Kit::without_secret(scheme, |builder| {
        builder.tenants(TenantAt::LastPathSegment, Shops(keyring))
    })?;
    let sender = sender.with_clock(kit.clock.clone());
    Ok((kit, sender))
}

fn delivery(sender: &Sender, id: &str, more: Value) -> SignedDelivery {
    let mut body = json!({"QZX-field": "QZX-value", "status": "paid"});
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    let id = format!("QZX-{id}");
    sender
        .delivery_with_id("QZX.event", &id, body)
        .to("/hook/QZX-shop")
}

#[tokio::test]
async fn one_span_a_delivery_and_the_handler_runs_inside() -> Tested {
    let (kit, sender) = kit(rebill_za::SCHEME)?;
    let app = app(&kit);
    let reply = sender.send(&app, &delivery(&sender, "1", json!({}))).await;
    assert_eq!(reply.status(), 200);
    let log = log();
    let [span, begun, ended] = log.as_slice() else {
        return Err(format!("{log:#?}").into());
    };
    assert_eq!(
        (span.kind, span.says("endpoint")),
        ("span", (Level::INFO, "delivery", Some("test")))
    );
    let names = [
        "endpoint",
        "tenant",
        "key",
        "matched_key",
        "fence",
        "attempt",
        "recurrence",
    ];
    assert_eq!(span.names(), names);
    let values = ["tenant", "matched_key", "attempt", "recurrence"].map(|name| span.field(name));
    assert_eq!(values, ["shop-7", "label-3", "1", "none"].map(Some));
    for (event, name) in [(begun, "begun"), (ended, "ended")] {
        assert_eq!(
            (event.name.as_str(), event.within.as_deref()),
            (name, Some("delivery"))
        );
    }
    Ok(())
}

#[tokio::test]
async fn one_event_a_copy_that_did_not_run() -> Tested {
    let (kit, sender) = kit(rebill_za::SCHEME)?;
    let app = app(&kit);
    let paid = sender
        .raw("invoice.paid", "QZX-1", r#"{"id":"QZX","status":"paid"}"#)
        .to("/hook/QZX-shop");
    let ping = sender.raw("ping", "QZX-2", "{}").to("/hook/QZX-shop");
    assert_eq!(sender.send(&app, &paid).await.status(), 200);
    assert_eq!(log().len(), 3);
    for (dedup, copy) in [("duplicate", paid.clone()), ("ping", ping)] {
        assert_eq!(sender.send(&app, &copy).await.dedup(), Some(dedup));
        let log = log();
        assert_eq!(log.len(), 1, "{log:#?}");
        assert_eq!(
            log[0].says("dedup"),
            (Level::DEBUG, "answered without a run", Some(dedup))
        );
        assert_eq!(log[0].names(), ["dedup", "endpoint", "tenant", "key"]);
        assert_eq!(
            (log[0].field("endpoint"), log[0].field("tenant")),
            (Some("test"), Some("shop-7"))
        );
    }
    // What is answered without a run on another ground than the sender's id is a warning.
    let names = ["endpoint", "tenant", "key"];
    let repeat = paid.with_header("X-Rebill-Delivery", "QZX-3");
    assert_eq!(sender.send(&app, &repeat).await.dedup(), Some("suppressed"));
    let text =
        "a repeat was not run: the same bytes were the last about this entity, under another id";
    one_event(Level::WARN, text, &names);
    let nameless = sender.raw("invoice.sent", "", "{}").to("/hook/QZX-shop");
    let nameless = nameless.without_header("X-Rebill-Delivery");
    assert_eq!(sender.send(&app, &nameless).await.dedup(), Some("fresh"));
    assert_eq!(log().len(), 3);
    assert!(sender.send(&app, &nameless).await.is_duplicate());
    let log = log();
    assert_eq!(log.len(), 2, "{log:#?}");
    let text = "a delivery without an id was not run: its body was handled before";
    assert_eq!(log[0].says("tenant"), (Level::WARN, text, Some("shop-7")));
    Ok(())
}

#[tokio::test]
async fn an_id_that_is_none_is_a_question_first_and_then_an_error() -> Tested {
    let scheme = OWN.id_pointer("/data/id").declare();
    let (kit, sender) = kit(scheme)?;
    let app = app(&kit);
    let event = |name: &str| {
        let body = json!({"event": name, "data": {"id": "QZX-1"}});
        sender.delivery("", body).to("/hook/QZX-shop")
    };
    assert_eq!(
        sender.send(&app, &event("created")).await.dedup(),
        Some("fresh")
    );
    let _ran = log();
    let names = ["endpoint", "tenant", "key", "id_at"];
    let question =
        "other bytes under a known id were not run: is this header or field new for every event?";
    let text = "three different bodies under one id: this header or field does not identify \
                deliveries, and events are lost";
    for (event, is_error) in [
        (event("paid"), false),
        (event("paid"), false),
        (event("deleted"), true),
        (event("restored"), false),
    ] {
        assert!(sender.send(&app, &event).await.is_duplicate());
        let mut log = log();
        log.retain(|entry| entry.level != Level::DEBUG);
        assert_eq!(log.len(), 1 + usize::from(is_error), "{log:#?}");
        assert_eq!(
            log[0].says("id_at"),
            (Level::WARN, question, Some("/data/id"))
        );
        assert_eq!(log[0].names(), names);
        if let Some(error) = log.get(1) {
            assert_eq!(error.says("id_at"), (Level::ERROR, text, Some("/data/id")));
            assert_eq!(error.names(), names);
        }
        assert!(!format!("{log:?}").contains(MARK), "{log:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_handler_should_know_is_one_event_before_it_runs() -> Tested {
    let (kit, sender) = kit(rebill_za::SCHEME)?;
    let app = app(&kit);
    let sent = |event: &str, id: &str, body: &'static str| {
        sender.raw(event, id, body).to("/hook/QZX-shop")
    };
    let paid = |id| sent("invoice.paid", id, r#"{"id":"QZX","status":"paid"}"#);
    let updated = |id| sent("invoice.updated", id, r#"{"id":"QZX","status":"sent"}"#);
    for (delivery, text) in [
        (paid("QZX-1"), None),
        (updated("QZX-2"), None),
        (
            updated("QZX-3"),
            Some("a repeat runs: its bytes are known under another id"),
        ),
        (
            paid("QZX-4"),
            Some(
                "a return runs: its bytes are known, and something else about this entity came since",
            ),
        ),
    ] {
        assert_eq!(sender.send(&app, &delivery).await.dedup(), Some("fresh"));
        let mut log = log();
        assert!(!format!("{log:?}").contains(MARK), "{log:#?}");
        log.retain(|entry| entry.kind == "event" && entry.target == "countersign");
        let texts: Vec<_> = log.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(texts, text.as_slice());
        assert!(log.iter().all(|entry| entry.level == Level::INFO));
    }

    let (kit, sender) = self::kit(invoice_maker::SCHEME)?;
    let app = self::app(&kit);
    let delivery = delivery(&sender, "1", json!({}));
    kit.clock
        .advance(core::time::Duration::from_secs(2 * 3_600));
    assert_eq!(sender.send(&app, &delivery).await.dedup(), Some("fresh"));
    let mut log = log();
    log.retain(|entry| entry.kind == "event" && entry.target == "countersign");
    assert_eq!(log.len(), 1, "{log:#?}");
    let text = "a late delivery runs: its time is older than usual";
    assert_eq!(log[0].says("age"), (Level::INFO, text, Some("7200")));
    Ok(())
}

/// The one event since the last time that is more than the answer's own.
fn one_event(level: Level, text: &str, names: &[&str]) {
    let log = log();
    assert_eq!(log.len(), 2, "{log:#?}");
    assert_eq!(log[1].name, "answered without a run");
    assert_eq!(log[0].says("tenant"), (level, text, Some("shop-7")));
    assert_eq!(log[0].names(), names);
}

#[tokio::test]
async fn one_event_a_refusal() -> Tested {
    let (kit, sender) = kit(invoice_maker::SCHEME)?;
    let app = app(&kit);
    let good = delivery(&sender, "1", json!({}));
    let stale = sender.sign_with_time(&good, "1000000000");
    let unreadable = sender.raw("QZX.event", "QZX-2", "QZX").to("/hook/QZX-shop");
    let unreadable = unreadable
        .without_header("X-Webhook-Event-ID")
        .without_header("X-Webhook-Event");
    let (refused, not_yet) = ((Level::INFO, "refused"), (Level::WARN, "not yet"));
    let signature = Some("X-Webhook-Signature");
    let rows = [
        (
            good.tampered(),
            401,
            refused,
            "no key matches the signature",
            None,
        ),
        (
            good.unsigned(),
            401,
            refused,
            "header is missing",
            signature,
        ),
        (
            good.with_header("X-Webhook-Signature", "QZX"),
            401,
            refused,
            "header is malformed",
            signature,
        ),
        (
            good.with_header("X-Webhook-Event-ID", "QZX-2"),
            401,
            refused,
            "header disagrees with the signed body",
            Some("X-Webhook-Event-ID"),
        ),
        (
            good.with_header("content-type", "QZX/plain"),
            415,
            refused,
            "content type is not the scheme's",
            None,
        ),
        (
            good.clone().to("/hook/QZX-nobody"),
            401,
            refused,
            "tenant is unknown",
            None,
        ),
        (
            stale,
            401,
            refused,
            "signed time is too old",
            Some("X-Webhook-Timestamp"),
        ),
        (
            unreadable,
            422,
            refused,
            "body is not of the expected form",
            None,
        ),
        (
            delivery(&sender, "3", json!({"outcome": "retry"})),
            503,
            not_yet,
            "handler asked for a retry",
            None,
        ),
        (
            delivery(&sender, "4", json!({"panic": true})),
            500,
            not_yet,
            "handler panicked",
            None,
        ),
    ];
    for (delivery, status, (level, name), kind, header) in rows {
        assert_eq!(
            sender.send(&app, &delivery).await.status(),
            status,
            "{kind}"
        );
        let mut log = log();
        log.retain(|entry| entry.kind == "event" && entry.target == "countersign");
        assert_eq!(log.len(), 1, "{kind}: {log:#?}");
        assert_eq!(log[0].says("kind"), (level, name, Some(kind)));
        assert_eq!(log[0].field("endpoint"), Some("test"), "{kind}");
        assert_eq!(log[0].field("header"), header, "{kind}");
        let proved = [422, 500, 503].contains(&status);
        assert_eq!(log[0].field("tenant"), proved.then_some("shop-7"), "{kind}");
        // More than the kind is said of times, of values and of content types.
        let detailed = ["too old", "malformed", "repeated", "content type"];
        let due = detailed.iter().any(|word| kind.contains(word));
        assert_eq!(log[0].field("detail").is_some(), due, "{kind}");
        assert!(!format!("{log:?}").contains(MARK), "{kind}: {log:#?}");
    }
    assert_eq!(sender.send(&app, &good).await.status(), 200);
    let log = log();
    assert_eq!(log.len(), 3, "{log:#?}");
    Ok(())
}

#[tokio::test]
async fn failures_of_stores_and_lookups_are_errors() -> Tested {
    let (kit, sender) = kit(rebill_za::SCHEME)?;
    let app = app(&kit);
    let expect = async |delivery: SignedDelivery, status: u16, text: &str, names: &[&str]| {
        assert_eq!(
            sender.send(&app, &delivery).await.status(),
            status,
            "{text}"
        );
        let mut log = log();
        assert!(!format!("{log:?}").contains(MARK), "{log:#?}");
        log.retain(|entry| entry.kind == "event" && entry.level == Level::ERROR);
        assert_eq!(log.len(), 1, "{text}: {log:#?}");
        assert_eq!(log[0].says("endpoint"), (Level::ERROR, text, Some("test")));
        assert_eq!(log[0].names(), names, "{text}");
    };
    let of = |id| delivery(&sender, id, json!({}));
    let failed = ["endpoint", "error"];
    kit.store.fail("claim", || StoreError::backend("QZX-table"));
    expect(of("1"), 503, "the deduplication store failed", &failed).await;
    kit.store.repair();
    kit.store
        .fail("complete", || StoreError::backend("QZX-table"));
    let names = ["endpoint", "key", "error"];
    expect(
        of("2"),
        200,
        "the handler succeeded, but the store could not be told",
        &names,
    )
    .await;
    kit.store.repair();
    let broken = of("3").to("/hook/QZX-broken");
    expect(broken, 503, "the tenant lookup failed", &failed).await;
    // Eleven failures in a row, the tenth of which is half of what the sender allows.
    for number in 0..9 {
        let fails = delivery(&sender, &format!("r{number}"), json!({"outcome": "retry"}));
        assert_eq!(sender.send(&app, &fails).await.status(), 503);
    }
    let _before = log();
    let names = ["endpoint", "failed", "refused", "limit"];
    let text = "half of the failures in a row after which the sender switches the endpoint off";
    let fails = delivery(&sender, "r9", json!({"outcome": "retry"}));
    expect(fails, 503, text, &names).await;
    // A run that lost its claim.
    let lost = delivery(&sender, "4", json!({}));
    let mut running = Box::pin(sender.send(&app, &lost));
    // The handler begins at the first poll, and waits for its second.
    assert!((&mut running).now_or_never().is_none());
    assert!(kit.receiver.forget(Some("shop-7"), "QZX-4").await?);
    assert_eq!(running.await.status(), 200);
    let log = log();
    let text = "a run outlived its claim and may have run twice";
    let lost = log
        .iter()
        .find(|entry| entry.level == Level::ERROR)
        .ok_or("no error")?;
    assert_eq!(lost.says("endpoint"), (Level::ERROR, text, Some("test")));
    assert_eq!(lost.names(), ["endpoint", "key"]);
    Ok(())
}

#[tokio::test]
async fn nothing_that_a_sender_wrote_and_nothing_secret_is_logged() -> Tested {
    for scheme in [rebill_za::SCHEME, invoice_maker::SCHEME] {
        let (kit, sender) = kit(scheme)?;
        let app = app(&kit);
        let good = delivery(&sender, "1", json!({}));
        let signature = good
            .header(good.signature_header())
            .unwrap_or_default()
            .to_owned();
        let tag = signature.trim_start_matches("sha256=").to_owned();
        let attempts = [
            good.clone(),
            good.clone(),
            good.tampered(),
            good.with_header(good.signature_header(), "QZX"),
            good.with_added_header(good.signature_header(), &signature),
            good.with_header("X-Rebill-Delivery", "QZX-other")
                .with_header("X-Webhook-Event-ID", "QZX-other"),
            good.with_header("X-Rebill-Event", "QZX-other")
                .with_header("X-Webhook-Event", "QZX-other"),
            good.with_header("X-Webhook-ID", "QZX-attempt"),
            good.with_header("X-Webhook-Timestamp", "QZX"),
            good.with_header("content-type", "QZX"),
            good.with_header("content-encoding", "QZX"),
            good.with_header("QZX", "QZX"),
            good.clone().to("/hook/QZX-nobody?QZX=QZX"),
            good.clone().to("/hook/QZX-broken"),
            sender.raw("QZX", "QZX", "QZX").to("/hook/QZX-shop"),
            delivery(&sender, "2", json!({"outcome": "retry"})),
            delivery(&sender, "3", json!({"panic": true})),
        ];
        for delivery in &attempts {
            let _answer = sender.send(&app, delivery).await;
        }
        kit.receiver.drain(core::time::Duration::ZERO).await;
        let _answer = sender.send(&app, &good).await;
        let log = log();
        assert!(log.len() > attempts.len(), "{}", log.len());
        for entry in &log {
            let text = format!("{entry:?}");
            assert!(!text.contains(MARK), "{text}");
            assert!(!text.contains(&tag), "{text}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_old_key_that_ends_before_the_last_retry_is_a_warning() -> Tested {
    let kit = Kit::new(invoice_maker::SCHEME, |builder| builder)?;
    capture();
    let span = invoice_maker::SCHEME.retry_span();
    let second = Duration::from_secs(1);
    for (keep, warns) in [(span, false), (span.saturating_sub(second), true)] {
        kit.receiver
            .rotate(Secret::new(format!("QZX {warns}"))?, keep)?;
        let log = log();
        let told = log.iter().find(|entry| entry.field("kept").is_some());
        assert_eq!(told.is_some(), warns, "{log:#?}");
        if let Some(told) = told {
            assert_eq!(told.level, Level::WARN);
            let seconds = span.as_secs().to_string();
            assert_eq!(told.field("retries"), Some(&*seconds));
        }
        assert!(!format!("{log:?}").contains(MARK), "{log:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_overlap_is_never_too_short_and_what_is_shorter_is_told_of() -> Tested {
    use countersign_senders::{payments::RAZORPAY, stripe};
    // Razorpay signs the retries of older requests with the old secret; Stripe stamps them anew, and might.
    for scheme in [RAZORPAY, stripe::SCHEME] {
        let kit = Kit::new(scheme, |builder| builder)?;
        capture();
        let secret = |name: &str| {
            let prefix = if scheme == RAZORPAY { "" } else { "whsec_" };
            Secret::new(format!("{prefix}{name}"))
        };
        let told = || {
            log()
                .iter()
                .filter(|entry| entry.field("kept").is_some())
                .count()
        };
        let rotation = kit.receiver.rotate_with_overlap(secret("first")?)?;
        assert_eq!(rotation.kept(), scheme.overlap());
        assert_eq!(
            (rotation.ends_early(), told()),
            (None, 0),
            "{}",
            scheme.name()
        );
        // Each one that is too short is told of, once.
        for name in ["second", "third"] {
            let rotation = kit
                .receiver
                .rotate(secret(name)?, Duration::from_secs(600))?;
            assert_eq!(rotation.ends_early(), Some(scheme.retry_span()));
            assert_eq!(told(), 1, "{}", scheme.name());
        }
    }
    Ok(())
}
