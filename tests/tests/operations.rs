//! What an application changes while a receiver runs: keys, tenants, what is forgotten, statuses.

use core::time::Duration;
use std::sync::Arc;

use axum::{Router, extract::State, routing::post};
use countersign_axum::{Delivery, ReceiverLayer};
use countersign_core::{
    ConfigError, Keyring, KeyringSource, LookupError, RejectionClass, RejectionKind, Secret,
    Tenant, TenantAt,
};
use countersign_senders::rebill_za;
use countersign_testkit::Sender;
use countersign_tests::{
    handler::TestHandler,
    kit::{Kit, Tested, said, send},
    servers::PATH,
};
use futures_util::FutureExt;
use http::StatusCode;
use serde_json::json;

const QUIET: [&str; 0] = [];

/// An application whose handler works at the desk.
fn app(kit: &Kit) -> Router {
    async fn handle(State(desk): State<TestHandler>, delivery: Delivery) -> StatusCode {
        let answered = desk.run(&delivery).await;
        StatusCode::from_u16(answered.status).unwrap_or_default()
    }
    let route = || post(handle).layer(ReceiverLayer::new(&kit.receiver));
    Router::new()
        .route(PATH, route())
        .route("/hook/{tenant}", route())
        .with_state(kit.desk.clone())
}

#[tokio::test]
async fn an_old_key_is_accepted_until_its_time_and_the_label_says_which() -> Tested {
    async fn handle(delivery: Delivery) -> String {
        delivery.matched_key().to_owned()
    }
    let kit = Kit::rebill()?;
    let layer = ReceiverLayer::new(&kit.receiver);
    let app: Router = Router::new().route(PATH, post(handle).layer(layer));
    let new = Sender::with_secret(rebill_za::SCHEME, "new");
    let send = async |sender: &Sender, id: &str| {
        let delivery = sender.raw("invoice.sent", id, format!("\"{id}\"")).to(PATH);
        let reply = sender.send(&app, &delivery).await;
        (
            reply.status(),
            String::from_utf8_lossy(reply.body()).into_owned(),
        )
    };
    let refused = (401, "refused\n".to_owned());
    assert_eq!(send(&kit.sender, "1").await, (200, "key-1".to_owned()));
    assert_eq!(send(&new, "2").await, refused);
    let kept = Duration::from_secs(3_600);
    kit.receiver
        .rotate(Secret::new("new")?.labelled("2026-11"), kept)?;
    assert_eq!(send(&kit.sender, "3").await, (200, "key-1".to_owned()));
    assert_eq!(send(&new, "4").await, (200, "2026-11".to_owned()));
    kit.clock.advance(kept);
    assert_eq!(send(&kit.sender, "5").await, (200, "key-1".to_owned()));
    kit.clock.advance(Duration::from_millis(1));
    assert_eq!(send(&kit.sender, "6").await, refused);
    assert_eq!(send(&new, "7").await, (200, "2026-11".to_owned()));
    Ok(())
}

/// Anna and Bob have a keyring; one lookup fails, one never ends.
struct Shops(Arc<[(&'static str, Keyring)]>);

impl KeyringSource for Shops {
    async fn keyring(&self, tenant: &str) -> Result<Option<Tenant>, LookupError> {
        match tenant {
            "broken" => return Err(LookupError::new("secret address")),
            "slow" => core::future::pending().await,
            _ => {}
        }
        let mut shops = self.0.iter();
        let shop = shops.find(|(name, _)| *name == tenant);
        Ok(shop.map(|(name, keyring)| Tenant::new(format!("shop of {name}"), keyring.clone())))
    }
}

#[tokio::test]
async fn tenants_are_apart_and_a_lookup_that_fails_refuses_for_now() -> Tested {
    let scheme = rebill_za::SCHEME;
    let bob = Sender::with_secret(scheme, "the secret of bob");
    let anna = Sender::new(scheme);
    let shops = Shops(Arc::new([
        ("anna", Keyring::new(&scheme, anna.secret()?)?),
        ("bob", Keyring::new(&scheme, bob.secret()?)?),
    ]));
    let kit = Kit::without_secret(scheme, |builder| {
        builder.tenants(TenantAt::LastPathSegment, shops)
    })?;
    let app = app(&kit);
    let of = |sender: &Sender, shop: &str| {
        let body = json!({"id": "inv_1", "status": "paid"});
        sender
            .delivery_with_id("invoice.paid", "dlv_1", body)
            .to(&format!("/hook/{shop}"))
    };
    // The same id and the same bytes are another delivery for each.
    for (sender, shop) in [(&anna, "anna"), (&bob, "bob")] {
        assert_eq!(
            send(&kit, &app, &of(sender, shop)).await,
            said(200, "fresh"),
            "{shop}"
        );
        assert_eq!(
            send(&kit, &app, &of(sender, shop)).await,
            said(200, "duplicate"),
            "{shop}"
        );
    }
    assert_eq!(kit.desk.begun(), 2);
    // One's secret opens no other's door.
    for (sender, shop) in [
        (&anna, "bob"),
        (&bob, "anna"),
        (&anna, "eve"),
        (&anna, "Anna"),
    ] {
        assert_eq!(
            send(&kit, &app, &of(sender, shop)).await,
            said(401, ""),
            "{shop}"
        );
    }
    assert_eq!(kit.notices.take(), QUIET);
    let broken = kit.sender.send(&app, &of(&anna, "broken")).await;
    let kind = broken.rejection().map(|rejection| rejection.kind());
    assert_eq!(
        (broken.status(), kind),
        (503, Some(RejectionKind::KeyringUnavailable))
    );
    assert_eq!(
        kit.notices.take(),
        ["lookup failed: the tenant lookup failed"]
    );
    let slow = of(&anna, "slow");
    let mut slow = Box::pin(send(&kit, &app, &slow));
    assert!((&mut slow).now_or_never().is_none());
    kit.clock
        .advance(kit.receiver.limits().lookup_time - Duration::from_millis(1));
    assert!((&mut slow).now_or_never().is_none());
    kit.clock.advance(Duration::from_millis(1));
    assert_eq!(slow.await, said(503, ""));
    assert_eq!(
        kit.notices.take(),
        ["lookup failed: the tenant lookup failed"]
    );
    // Forgetting is for one tenant.
    assert!(kit.receiver.forget(Some("shop of anna"), "dlv_1").await?);
    assert_eq!(
        send(&kit, &app, &of(&anna, "anna")).await,
        said(200, "fresh")
    );
    assert_eq!(
        send(&kit, &app, &of(&bob, "bob")).await,
        said(200, "duplicate")
    );
    assert_eq!(kit.desk.begun(), 3);
    Ok(())
}

#[tokio::test]
async fn a_forgotten_delivery_runs_again() -> Tested {
    let kit = Kit::rebill()?;
    let app = app(&kit);
    let delivery = kit.paid("dlv_1", "");
    assert!(!kit.receiver.forget(None, "dlv_1").await?);
    assert_eq!(send(&kit, &app, &delivery).await, said(200, "fresh"));
    assert!(!kit.receiver.forget(None, "dlv_2").await?);
    assert_eq!(send(&kit, &app, &delivery).await, said(200, "duplicate"));
    assert!(kit.receiver.forget(None, "dlv_1").await?);
    assert_eq!(send(&kit, &app, &delivery).await, said(200, "fresh"));
    assert_eq!(kit.desk.begun(), 2);
    Ok(())
}

#[tokio::test]
async fn a_status_changes_within_its_class_only() -> Tested {
    let kit = Kit::new(rebill_za::SCHEME, |builder| {
        builder
            .status(RejectionKind::SignatureMismatch, 404)
            .status(RejectionKind::Draining, 500)
    })?;
    let app = app(&kit);
    let delivery = kit.paid("dlv_1", "");
    assert_eq!(send(&kit, &app, &delivery.tampered()).await, said(404, ""));
    assert_eq!(send(&kit, &app, &delivery.unsigned()).await, said(401, ""));
    kit.receiver.drain(Duration::ZERO).await;
    assert_eq!(send(&kit, &app, &delivery).await, said(500, ""));
    for kind in RejectionKind::ALL {
        let others = match kind.class() {
            RejectionClass::Refused => [200, 302, 500],
            _ => [200, 302, 409],
        };
        for status in others {
            let clock = countersign_testkit::ManualClock::new();
            let refused = countersign_core::Receiver::builder(rebill_za::SCHEME)
                .endpoint("test")
                .clock(clock)
                .secret(kit.sender.secret()?)
                .store(kit.rows.clone())
                .status(*kind, status)
                .build();
            let due = ConfigError::StatusOfAnotherClass(*kind, kind.class());
            assert_eq!(refused.err(), Some(due), "{kind:?} {status}");
        }
    }
    Ok(())
}
