//! A receiver in a server, and a sender that measures every answer.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use countersign_core::{DedupStore, DeliveryKey, KeyState, Receiver, StoreOutage};
use countersign_senders::invoice_maker;
use countersign_testkit::{Sender, SignedDelivery};
use countersign_tests::{
    handler::TestHandler,
    kit::in_time,
    raw::{Request, Response},
    servers::{PATH, Place},
    spy_store::SpyStore,
};
use serde_json::json;

use crate::engine::Engine;

/// What a busy machine may add to any time.
pub(crate) const MARGIN: Duration = Duration::from_secs(1);

/// For how long a receiver leaves a store alone that failed five times in a row.
pub(crate) const PAUSE: Duration = Duration::from_secs(5);

/// The limits of a site.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    /// Of one call to the store.
    pub(crate) store: Duration,
    /// Of a copy that waits for a running one.
    pub(crate) wait: Duration,
    /// Of any answer.
    pub(crate) budget: Duration,
    /// Of a claim that nobody prolongs.
    pub(crate) lease: Duration,
}

impl Times {
    /// The budget is two claims, a handler that is done at once, and a completion.
    pub(crate) const SHORT: Self = Self {
        store: Duration::from_secs(1),
        wait: Duration::from_secs(1),
        budget: Duration::from_millis(3_500),
        lease: Duration::from_secs(2),
    };
}

/// A receiver over an engine, behind real HTTP.
#[derive(Clone)]
pub(crate) struct Site<S> {
    pub(crate) receiver: Receiver,
    pub(crate) desk: TestHandler,
    pub(crate) store: SpyStore<S>,
    pub(crate) addr: SocketAddr,
    sender: Sender,
    times: Times,
}

impl<S: DedupStore + Clone> Site<S> {
    /// A site with a name of its own over the engine, which it reaches at `at`.
    pub(crate) async fn open(
        name: &str,
        engine: &impl Engine<Store = S>,
        at: SocketAddr,
        outage: StoreOutage,
        times: Times,
    ) -> Self {
        let sender = Sender::new(invoice_maker::SCHEME);
        let store = SpyStore::over(engine.store(at, times.store)).that_looks();
        let receiver = Receiver::builder(invoice_maker::SCHEME)
            .endpoint(name)
            .secret(sender.secret().unwrap())
            .store(store.clone())
            .on_store_outage(outage)
            .limits(|limits| {
                limits.store_time = times.store;
                limits.wait = times.wait;
                limits.response_budget = times.budget;
                limits.lease = times.lease;
            })
            .build()
            .unwrap();
        let desk = TestHandler::default();
        Self {
            addr: Place::AxumMethodRouter
                .start(&receiver, &desk)
                .await
                .unwrap(),
            receiver,
            desk,
            store,
            sender,
            times,
        }
    }

    /// A delivery of a paid invoice, with words for the handler.
    pub(crate) fn delivery(&self, id: &str, told: &str) -> SignedDelivery {
        let body = json!({"id": id, "data": {"id": format!("inv_of_{id}"), "told": told}});
        let delivery = self.sender.delivery_with_id("invoice.paid", id, body);
        delivery.to(PATH)
    }

    /// The key of a delivery.
    pub(crate) fn key(&self, id: &str) -> DeliveryKey {
        DeliveryKey::for_id(self.receiver.endpoint(), None, id)
    }

    /// How often a delivery was run.
    pub(crate) fn runs(&self, id: &str) -> usize {
        let runs = self.desk.runs();
        runs.iter().filter(|(of, _)| of == id).count()
    }

    /// Sends a delivery, stamped and signed anew, and holds the answer to its budget.
    pub(crate) async fn send(&self, delivery: &SignedDelivery) -> Answer {
        let request = Request::of(&self.sender.retry(delivery));
        let begin = Instant::now();
        let response = request.send(self.addr).await.unwrap();
        let took = begin.elapsed();
        assert!(took < self.times.budget + MARGIN, "{took:?}: {response:?}");
        Answer { response, took }
    }

    /// Sends a delivery as its sender does, again and again until it is answered 200.
    pub(crate) async fn insist(&self, delivery: &SignedDelivery) -> Answer {
        self.insist_on(delivery, |_| true).await
    }

    /// Goes on after that, until the answer does not come from a run without a claim.
    pub(crate) async fn insist_on_a_claim(&self, delivery: &SignedDelivery) -> Answer {
        let claimed = |answer: &Answer| answer.is().1 != Some("unavailable");
        self.insist_on(delivery, claimed).await
    }

    async fn insist_on(&self, delivery: &SignedDelivery, due: impl Fn(&Answer) -> bool) -> Answer {
        let insisting = async {
            loop {
                let answer = self.send(delivery).await;
                match answer.response.status {
                    200 if due(&answer) => return answer,
                    200 | 503 => tokio::time::sleep(Duration::from_millis(50)).await,
                    _ => panic!("{answer:?}"),
                }
            }
        };
        in_time(insisting).await
    }
}

/// An answer and how long it took.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    response: Response,
    pub(crate) took: Duration,
}

impl Answer {
    /// The status, and what deduplication made of the delivery.
    pub(crate) fn is(&self) -> (u16, Option<&str>) {
        let dedup = self.response.header("countersign-dedup");
        (self.response.status, dedup)
    }

    /// Refused because of the store, with a time to come again.
    pub(crate) fn is_refused(&self) -> bool {
        self.is() == (503, None) && self.response.header("retry-after").is_some()
    }
}

/// Waits for what takes long, without keeping a processor busy.
pub(crate) async fn until(happened: impl Fn() -> bool) {
    let looking = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    in_time(looking).await;
}

/// Looks at a key until something holds of its state, by the side of any fault.
pub(crate) async fn until_state(
    store: &impl DedupStore,
    key: &DeliveryKey,
    holds: impl Fn(KeyState) -> bool,
) {
    let looking = async {
        while !store.state(key).await.is_ok_and(&holds) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time(looking).await;
}
