//! A receiver under test with everything around it, and time that stands still.

use std::{error::Error, io, net::SocketAddr};

use countersign_core::{MemoryStore, Receiver, ReceiverBuilder, Scheme};
use countersign_senders::rebill_za;
use countersign_testkit::{ManualClock, Sender, SignedDelivery};
use serde_json::{Value, json};

use crate::{
    handler::TestHandler,
    notices::Notices,
    servers::{PATH, Place},
    spy_store::SpyStore,
};

/// What a test returns.
pub type Tested = Result<(), Box<dyn Error>>;

/// A receiver, its sender, and what tests look at.
#[derive(Clone, Debug)]
pub struct Kit {
    /// The sender that the receiver trusts.
    pub sender: Sender,
    /// The clock of both; it only moves when told to.
    pub clock: ManualClock,
    /// The rows.
    pub rows: MemoryStore,
    /// The same rows, and what was asked of them.
    pub store: SpyStore,
    /// What the receiver sent notice of.
    pub notices: Notices,
    /// The handler.
    pub desk: TestHandler,
    /// The receiver.
    pub receiver: Receiver,
}

impl Kit {
    /// A receiver for Rebill.
    ///
    /// # Errors
    ///
    /// When the configuration cannot work.
    pub fn rebill() -> Result<Self, Box<dyn Error>> {
        Self::new(rebill_za::SCHEME, |builder| builder)
    }

    /// A receiver with changes to its configuration.
    ///
    /// # Errors
    ///
    /// When the configuration cannot work.
    pub fn new(
        scheme: Scheme,
        change: impl FnOnce(ReceiverBuilder) -> ReceiverBuilder,
    ) -> Result<Self, Box<dyn Error>> {
        let secret = Sender::new(scheme).secret()?;
        Self::without_secret(scheme, |builder| change(builder.secret(secret)))
    }

    /// A receiver whose keys come from the changes to its configuration.
    ///
    /// # Errors
    ///
    /// When the configuration cannot work.
    pub fn without_secret(
        scheme: Scheme,
        change: impl FnOnce(ReceiverBuilder) -> ReceiverBuilder,
    ) -> Result<Self, Box<dyn Error>> {
        let clock = ManualClock::new();
        let sender = Sender::new(scheme).with_clock(clock.clone());
        let rows = MemoryStore::builder().with_clock(clock.clone()).build();
        let store = SpyStore::over(rows.clone());
        let notices = Notices::default();
        let builder = Receiver::builder(scheme)
            .endpoint("test")
            .store(store.clone())
            .clock(clock.clone())
            .on_notice(notices.listener());
        Ok(Self {
            receiver: change(builder).build()?,
            desk: TestHandler::default(),
            sender,
            clock,
            rows,
            store,
            notices,
        })
    }

    /// Puts the receiver before the handler, in a server.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn serve(&self, place: Place) -> io::Result<SocketAddr> {
        place.start(&self.receiver, &self.desk).await
    }

    /// A delivery to the server.
    #[must_use]
    pub fn delivery(&self, event: &str, id: &str, body: Value) -> SignedDelivery {
        self.sender.delivery_with_id(event, id, body).to(PATH)
    }

    /// A delivery of a paid invoice that tells the handler how to behave.
    #[must_use]
    pub fn paid(&self, id: &str, told: &str) -> SignedDelivery {
        let body = json!({"id": "inv_1", "status": "paid", "told": told});
        self.delivery("invoice.paid", id, body)
    }
}

/// Sends to an app without a socket: the status, and what was said of earlier copies.
pub async fn send(
    kit: &Kit,
    app: &axum::Router,
    delivery: &SignedDelivery,
) -> (u16, Option<String>) {
    let reply = kit.sender.send(app, delivery).await;
    (reply.status(), reply.dedup().map(str::to_owned))
}

/// What [`send`] gives; nothing is said of earlier copies when that is empty.
#[must_use]
pub fn said(status: u16, dedup: &str) -> (u16, Option<String>) {
    let dedup = Some(dedup.to_owned());
    (status, dedup.filter(|dedup| !dedup.is_empty()))
}

/// Waits for what somebody else's task does, by looking again and again.
///
/// # Panics
///
/// When it has not happened after a minute.
pub async fn until(mut happened: impl FnMut() -> bool) {
    let looking = async {
        while !happened() {
            tokio::task::yield_now().await;
        }
    };
    in_time(looking).await;
}

/// Waits for something that happens in a test that passes, and not for ever in one that fails.
///
/// # Panics
///
/// When it has not happened after a minute.
pub async fn in_time<F: Future>(what: F) -> F::Output {
    let limit = core::time::Duration::from_secs(60);
    match tokio::time::timeout(limit, what).await {
        Ok(output) => output,
        Err(_) => panic!("it did not happen"),
    }
}
