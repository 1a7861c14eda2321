//! A sender that countersign has no preset for: one constant.
//!
//! ```text
//! cargo run --example custom_scheme
//! ```

use std::{error::Error, time::Duration};

use axum::{Router, routing::post};
use countersign::{
    MemoryStore, Receiver, Scheme,
    axum::{Delivery, ReceiverLayer},
    scheme::{EventRule, IdenticalBodies, Part, RetryTime, SchemeError},
};
use countersign_testkit::Sender;
use serde::Deserialize;
use serde_json::json;

/// Acme signs `<time>.<body>`, sends several signatures while a key is rotated, has its id and type
/// in the body, and stamps retries anew. A scheme that could not prove anything, or would drop honest
/// events, does not compile.
const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
    .name("acme")
    .pairs(';', &["h1"])
    .time_key("ts")
    .tolerance(Duration::from_secs(60))
    .retry_time(RetryTime::Renewed)
    .signed(&[Part::Timestamp, Part::Literal("."), Part::Body])
    .id_pointer("/id")
    .event_pointer("/type")
    .subject_pointer("/order")
    .events(&[EventRule::once("order.paid")])
    .retry_span(Duration::from_secs(48 * 60 * 60))
    .evidence("docs.acme.example/webhooks")
    .declare();

#[derive(Debug, Deserialize)]
struct AcmeEvent {
    r#type: String,
    order: String,
}

async fn on_acme(delivery: Delivery<AcmeEvent>) {
    let AcmeEvent { r#type, order } = delivery.event();
    println!(
        "handler: {type} for {order}, matched {}",
        delivery.matched_key()
    );
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The commonest kind is shorter. Without the body among the signed parts it is refused.
    let _brief = Scheme::body_hmac("X-Acme-Signature")
        .prefix("sha256=")
        .id_header("X-Acme-Delivery")
        .build()?;
    let open = Scheme::body_hmac("X-Acme-Signature").signed(&[Part::Literal("v1")]);
    assert_eq!(open.build(), Err(SchemeError::BodyNotSigned));

    // Without ids, two equal bodies are a retry or two events. The sender knows; here they are events,
    // and every request runs.
    let nameless = Scheme::body_hmac("X-Acme-Signature").prefix("sha256=");
    assert_eq!(nameless.build(), Err(SchemeError::NoIdUndecided));
    let _decided = nameless.identical_bodies(IdenticalBodies::Events).build()?;

    let sender = Sender::new(ACME);
    let receiver = Receiver::builder(ACME)
        .endpoint("acme")
        .secret(sender.secret()?)
        .store(MemoryStore::new())
        .build()?;
    let app: Router = Router::new().route("/", post(on_acme).layer(ReceiverLayer::new(&receiver)));

    let paid = sender.delivery("order.paid", json!({"order": "A-17"}));
    let stale = sender.clone().behind(Duration::from_secs(61)).retry(&paid);
    for (sent, delivery, status) in [
        ("valid", &paid, 200),
        ("the same again", &paid, 200),
        ("stamped anew", &sender.retry(&paid), 200),
        ("tampered", &paid.tampered(), 401),
        ("stale", &stale, 401),
    ] {
        let reply = sender.send(&app, delivery).await;
        println!(
            "{sent}: {} {}",
            reply.status(),
            reply.dedup().unwrap_or("-")
        );
        assert_eq!(reply.status(), status);
    }
    Ok(())
}
