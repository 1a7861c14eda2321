//! A receiver over a store whose calls fail as told, in time that stands still.

use core::{future::Future, pin::Pin, time::Duration};
use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use countersign_core::{
    Answer, Handle, Receiver, ReceiverBuilder, RejectionKind, Reply, Run, Scheme, Verdict,
};
use countersign_senders::invoice_maker;
use countersign_testkit::{ManualClock, Sender, SignedDelivery};
use futures_util::{FutureExt, future::BoxFuture, stream};
use serde_json::json;

use crate::spy_store::SpyStore;

/// One process: a receiver, its store, and the loop that it put into the background.
pub struct OneProcess {
    /// The clock of all.
    pub clock: ManualClock,
    /// The store.
    pub store: SpyStore,
    /// The sender that the receiver trusts.
    pub sender: Sender,
    /// The receiver.
    pub receiver: Receiver,
    background: Arc<Mutex<Option<BoxFuture<'static, ()>>>>,
}

/// The task of a run, and what its request waits on.
pub type Started = (Pin<Box<dyn Future<Output = ()> + Send>>, Handle<u16>);

impl OneProcess {
    /// A receiver for a sender whose ids and times are signed, with changes to its configuration.
    ///
    /// # Errors
    ///
    /// When the configuration cannot work.
    pub fn new(
        configure: impl FnOnce(ReceiverBuilder) -> ReceiverBuilder,
    ) -> Result<Self, Box<dyn Error>> {
        let clock = ManualClock::new();
        let store = SpyStore::durable(&clock);
        Self::over(invoice_maker::SCHEME, &clock, store, configure)
    }

    /// A receiver over a store that others may use, too.
    ///
    /// # Errors
    ///
    /// When the configuration cannot work.
    pub fn over(
        scheme: Scheme,
        clock: &ManualClock,
        store: SpyStore,
        configure: impl FnOnce(ReceiverBuilder) -> ReceiverBuilder,
    ) -> Result<Self, Box<dyn Error>> {
        let sender = Sender::new(scheme).with_clock(clock.clone());
        let builder = Receiver::builder(scheme)
            .endpoint("test")
            .secret(sender.secret()?)
            .store(store.clone())
            .clock(clock.clone());
        let receiver = configure(builder).build()?;
        let background: Arc<Mutex<Option<BoxFuture<'static, ()>>>> = Arc::default();
        let put = Arc::clone(&background);
        receiver.attach(clock.clone(), move |future| {
            *lock(&put) = Some(future);
            true
        });
        Ok(Self {
            clock: clock.clone(),
            store,
            sender,
            receiver,
            background,
        })
    }

    /// Another process over the same rows. Its calls are not among this one's.
    ///
    /// # Errors
    ///
    /// When the configuration cannot work.
    pub fn another(&self) -> Result<Self, Box<dyn Error>> {
        let store = SpyStore::durable_over(self.store.rows.clone());
        Self::over(*self.receiver.scheme(), &self.clock, store, |builder| {
            builder
        })
    }

    /// A delivery with an id of its own.
    #[must_use]
    pub fn delivery(&self) -> SignedDelivery {
        let mut body = json!({"status": "paid", "data": {"id": "inv_1"}});
        if self.receiver.scheme().subject_pointer() == Some("/id") {
            body["id"] = json!("inv_1");
        }
        self.sender.delivery("invoice.paid", body)
    }

    /// A request up to the store's word.
    pub async fn ask(&self, delivery: &SignedDelivery) -> Result<Run, Answer> {
        let chunk = Ok::<Bytes, ()>(delivery.body().clone());
        let request = delivery.request();
        let received = self
            .receiver
            .receive(&request, stream::iter([chunk]))
            .await?;
        self.receiver.admit(received).await
    }

    /// Takes a delivery to its claim. Where the store keeps it waiting, time goes on.
    ///
    /// # Errors
    ///
    /// When it is not to run.
    pub fn admit(&self, delivery: &SignedDelivery) -> Result<Run, Answer> {
        self.drive(self.ask(delivery))
    }

    /// Polls to the end, moving the clock half a second on whenever nothing happens.
    ///
    /// # Panics
    ///
    /// When that does not come.
    pub fn drive<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = core::pin::pin!(future);
        for _ in 0..200 {
            for _ in 0..3 {
                if let Some(output) = future.as_mut().now_or_never() {
                    return output;
                }
            }
            self.clock.advance(Duration::from_millis(500));
        }
        panic!("it never ends");
    }

    /// Lets the background loop do what is due.
    ///
    /// # Panics
    ///
    /// When the loop ends.
    pub fn beat(&self) {
        if let Some(future) = lock(&self.background).as_mut() {
            for _ in 0..3 {
                assert!(future.as_mut().now_or_never().is_none());
            }
        }
    }

    /// Runs a handler that answers this status, and says what the request is answered.
    pub fn finish(&self, run: Run, handler: u16) -> u16 {
        let (task, handle) = start(run, handler);
        self.drive(task);
        status(self.drive(handle))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for OneProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneProcess")
            .field("receiver", &self.receiver)
            .finish_non_exhaustive()
    }
}

/// Starts a run whose handler answers this status.
pub fn start(run: Run, status: u16) -> Started {
    let (task, handle) = run.start(async move { status }, |status| {
        Verdict::answered(*status, None)
    });
    (Box::pin(task), handle)
}

/// The status of an answer.
#[must_use]
pub fn status(reply: Reply<u16>) -> u16 {
    match reply {
        Reply::Handled(status, _) => status,
        Reply::Answer(answer) => answer.status(),
    }
}

/// Why a delivery was refused.
#[must_use]
pub fn kind(answer: &Answer) -> Option<RejectionKind> {
    answer.rejection().map(|rejection| rejection.kind())
}
