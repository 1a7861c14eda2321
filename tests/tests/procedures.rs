//! Senders whose signed bytes are code, over a socket: what is not signed makes no other delivery, and what is not
//! proved reaches neither handler nor store.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;

use bytes::Bytes;
use countersign_core::{MemoryStore, Receiver, Scheme, scheme::Unproved};
use countersign_senders::{adyen, procedures};
use countersign_testkit::{Sender, SignedDelivery};
use countersign_tests::{
    handler::TestHandler,
    handshakes::{Taker, configure},
    raw,
    request::URL,
    servers::{self, PATH},
    spy_store::SpyStore,
};
use serde_json::{Value, json};

struct Desk {
    sender: Sender,
    store: SpyStore<MemoryStore>,
    handler: TestHandler,
    receiver: Receiver,
}

impl Desk {
    fn of(scheme: Scheme) -> Self {
        let sender = Sender::new(scheme).with_url(URL);
        let store = SpyStore::over(MemoryStore::new());
        let builder = Receiver::builder(scheme)
            .endpoint("test")
            .secret(sender.secret().unwrap())
            .store(store.clone());
        let builder = match scheme.signs_url() {
            true => builder.url(URL),
            false => builder,
        };
        let receiver = configure(&scheme, &Taker::default(), builder)
            .build()
            .unwrap();
        Self {
            sender,
            store,
            handler: TestHandler::default(),
            receiver,
        }
    }

    async fn start(&self, place: servers::Place) -> SocketAddr {
        place.start(&self.receiver, &self.handler).await.unwrap()
    }
}

async fn send(delivery: &SignedDelivery, to: SocketAddr) -> (u16, Option<String>) {
    let request = raw::Request::of(&delivery.clone().to(PATH));
    let answer = request.send(to).await.unwrap();
    let dedup = answer.header("countersign-dedup").map(str::to_owned);
    (answer.status, dedup)
}

fn due(status: u16, dedup: &str) -> (u16, Option<String>) {
    (status, Some(dedup.to_owned()))
}

/// A delivery with something else at a pointer, and the signature as it was.
fn forged(delivery: &SignedDelivery, pointer: &str, value: Value) -> SignedDelivery {
    let mut body: Value = serde_json::from_slice(delivery.body()).unwrap();
    *body.pointer_mut(pointer).unwrap() = value;
    delivery.with_body(body.to_string())
}

#[tokio::test]
async fn one_signature_of_mailguns_is_one_delivery() {
    for place in servers::Place::ALL {
        let desk = Desk::of(procedures::MAILGUN);
        let addr = desk.start(place).await;
        let body = json!({"signature": {"token": "a".repeat(50)}, "event-data": {"id": "1"}});
        let delivery = desk.sender.delivery("delivered", body);
        assert_eq!(send(&delivery, addr).await, due(200, "fresh"));
        // Whoever captured it writes another event, and another id.
        for (pointer, value) in [
            ("/event-data/event", json!("failed")),
            ("/event-data/id", json!("2")),
            ("/event-data", json!({"id": "3", "event": "opened"})),
        ] {
            let forged = forged(&delivery, pointer, value);
            assert_eq!(send(&forged, addr).await, due(200, "duplicate"));
        }
        assert_eq!(desk.handler.begun(), 1);
        // Another token is another signature, which nobody but Mailgun has.
        let claims = desk.store.count("claim");
        for (pointer, value) in [
            ("/signature/token", json!("b".repeat(50))),
            ("/signature/signature", json!("00".repeat(32))),
            ("/signature/timestamp", json!("1000000000")),
            ("/signature", json!({})),
        ] {
            let forged = forged(&delivery, pointer, value);
            assert_eq!(send(&forged, addr).await.0, 401, "{pointer}");
        }
        assert_eq!(desk.handler.begun(), 1);
        assert_eq!(desk.store.count("claim"), claims);
    }
}

#[tokio::test]
async fn an_item_of_adyens_is_the_same_delivery_in_whatever_company() {
    let desk = Desk::of(adyen::SCHEME);
    let addr = desk.start(servers::Place::ALL[0]).await;
    let item = |reference: &str| {
        json!({"NotificationRequestItem": {
            "pspReference": reference, "merchantAccountCode": "Test", "eventCode": "AUTHORISATION", "success": "true",
            "amount": {"currency": "EUR", "value": 1130}, "paymentMethod": "visa",
        }})
    };
    let both = json!({"notificationItems": [item("1"), item("2")]});
    let both = desk.sender.delivery("AUTHORISATION", both);
    assert_eq!(send(&both, addr).await.0, 200);
    assert_eq!(desk.handler.begun(), 2);
    // Each alone, in another order, and with what is not signed changed.
    let items: Value = serde_json::from_slice(both.body()).unwrap();
    let items = items["notificationItems"].as_array().unwrap().clone();
    let with = |items: &[&Value]| both.with_body(json!({ "notificationItems": items }).to_string());
    let mut other = items[0].clone();
    other["NotificationRequestItem"]["paymentMethod"] = "mc".into();
    for items in [
        &[&items[0]][..],
        &[&items[1], &items[0]],
        &[&other],
        &[&items[1], &items[1]],
    ] {
        assert_eq!(send(&with(items), addr).await.0, 200);
    }
    assert_eq!(desk.handler.begun(), 2);
    // One that is not proved spoils the others, which are not run.
    let claims = desk.store.count("claim");
    let mut wrong = items[0].clone();
    wrong["NotificationRequestItem"]["amount"]["value"] = 1131.into();
    for items in [
        &[&wrong][..],
        &[&items[0], &wrong],
        &[&wrong, &items[1]],
        &[],
    ] {
        assert_eq!(send(&with(items), addr).await.0, 401);
    }
    assert_eq!(desk.handler.begun(), 2);
    assert_eq!(desk.store.count("claim"), claims);
}

#[tokio::test]
async fn mandrill_is_asked_by_head_and_each_event_is_a_delivery() {
    for place in servers::Place::ALL {
        let desk = Desk::of(procedures::MANDRILL);
        let addr = desk.start(place).await;
        let asked = raw::Request::new("HEAD", PATH, &[], "")
            .send(addr)
            .await
            .unwrap();
        assert_eq!((asked.status, desk.handler.begun()), (200, 0));
        let events = json!([{"_id": "1"}, {"_id": "2", "event": "open"}]);
        let delivery = desk.sender.delivery("send", events);
        assert_eq!(send(&delivery, addr).await.0, 200);
        assert_eq!(desk.handler.begun(), 2);
        // Escaped otherwise, it is the same form.
        let body = String::from_utf8(delivery.body().to_vec()).unwrap();
        let escaped = body.replace("%5B", "%5b").replace("events", "%65vents");
        assert_ne!(escaped, body);
        assert_eq!(send(&delivery.with_body(escaped), addr).await.0, 200);
        assert_eq!(desk.handler.begun(), 2);
        assert_eq!(send(&delivery.tampered(), addr).await.0, 401);
        assert_eq!(send(&delivery.with_body(Bytes::new()), addr).await.0, 401);
        assert_eq!(desk.handler.begun(), 2);
    }
}

/// What the testkit signs is what a procedure says; a request that it cannot read is signed by nobody.
#[test]
fn nothing_is_signed_of_what_cannot_be_read() {
    let unreadable = Unproved::new("", None, &[], b"{}");
    assert!(adyen::SCHEME.messages(&unreadable).is_err());
    let delivery = Sender::new(adyen::SCHEME).delivery("AUTHORISATION", json!({}));
    assert_eq!(delivery.body(), "{}");
}
