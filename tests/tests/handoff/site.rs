//! A receiver whose handler is a hand-off.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, routing::post};
use countersign_axum::ReceiverLayer;
use countersign_core::{MemoryStore, Receiver, Secret};
use countersign_handoff::{Envelope, HandOff, HandOffBuilder, Publisher, axum::hand_off};
use countersign_senders::rebill_za;
use countersign_testkit::{Sender, SignedDelivery};
use tower::ServiceExt;

pub(crate) const SECRET: &str = "secret";

/// What a busy machine may add to any time.
pub(crate) const MARGIN: Duration = Duration::from_secs(1);

/// What the sender waits for, and the hand-off.
pub(crate) const BUDGET: Duration = Duration::from_millis(2_000);
pub(crate) const LIMIT: Duration = Duration::from_millis(1_000);

#[derive(Clone)]
pub(crate) struct Site<P> {
    pub(crate) receiver: Receiver,
    pub(crate) queue: HandOff<P>,
    app: Router,
}

impl<P: Publisher> Site<P> {
    /// A process with a store of its own, which forgets with it.
    pub(crate) fn new(publisher: P) -> Self {
        Self::with(publisher, MemoryStore::new(), |builder| builder)
    }

    pub(crate) fn with(
        publisher: P,
        store: impl countersign_core::DedupStore,
        change: impl FnOnce(HandOffBuilder<P>) -> HandOffBuilder<P>,
    ) -> Self {
        let receiver = Receiver::builder(rebill_za::SCHEME)
            .endpoint("rebill")
            .secret(Secret::new(SECRET).unwrap().labelled("first"))
            .store(store)
            .limits(|limits| {
                limits.response_budget = BUDGET;
                limits.wait = BUDGET;
            })
            .build()
            .unwrap();
        let queue = HandOff::builder(publisher)
            .receiver(&receiver)
            .time_limit(LIMIT);
        let queue = change(queue).build().unwrap();
        let layer = ReceiverLayer::new(&receiver);
        let app = Router::new().route("/hook", post(hand_off(&queue)).layer(layer));
        Self {
            receiver,
            queue,
            app,
        }
    }

    pub(crate) async fn send(&self, delivery: &SignedDelivery) -> u16 {
        let mut request = http::Request::post("/hook");
        for (name, value) in delivery.headers() {
            request = request.header(name.as_str(), value.as_str());
        }
        let request = request.body(Body::from(delivery.body().clone())).unwrap();
        let answer = self.app.clone().oneshot(request).await.unwrap();
        answer.status().as_u16()
    }

    /// Sends it as a sender does, until it is answered 200.
    pub(crate) async fn insist(&self, delivery: &SignedDelivery) {
        let begin = Instant::now();
        while self.send(delivery).await != 200 {
            assert!(
                begin.elapsed() < Duration::from_secs(30),
                "it is never taken"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub(crate) fn paid(id: &str) -> SignedDelivery {
    let body = format!(r#"{{"id":"inv_{id}","status":"paid"}}"#);
    Sender::with_secret(rebill_za::SCHEME, SECRET).raw("invoice.paid", id, body)
}

/// The sender's ids of messages, each of which must be there once.
pub(crate) fn ids(messages: &[Envelope]) -> HashSet<String> {
    let ids: HashSet<String> = messages
        .iter()
        .map(|message| message.id().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), messages.len(), "a message is there twice");
    ids
}
