//! A store whose calls fail as told, and a receiver over it in time that stands still.

use core::{
    future::{Future, pending},
    pin::Pin,
    time::Duration,
};
use std::{
    collections::VecDeque,
    error::Error,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use countersign_core::{
    Answer, Capabilities, Claim, ClaimRequest, DedupStore, DeliveryKey, Fence, Fenced, Handle,
    KeyState, MemoryStore, Owner, Receiver, ReceiverBuilder, RejectionKind, Reply, Run, Scheme,
    StoreError, Verdict,
};
use countersign_senders::invoice_maker;
use countersign_testkit::{ManualClock, Sender, SignedDelivery};
use futures_util::{FutureExt, future::BoxFuture, stream};
use serde_json::json;

/// What becomes of one call.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// It is applied and answered.
    Answered,
    /// It is not applied, and fails.
    Fails,
    /// It is applied, and the answer is lost.
    AnswerLost,
    /// It is neither applied nor answered.
    Lost,
    /// The store is full.
    Full,
}

/// A durable store over a memory store, whose next calls have fates.
#[derive(Clone, Debug)]
pub struct Fickle {
    /// The rows; what is done here is not a call.
    pub rows: MemoryStore,
    fates: Arc<Mutex<VecDeque<Fate>>>,
    rest: Arc<Mutex<Fate>>,
    owners: Arc<Mutex<Vec<Owner>>>,
    calls: Arc<Mutex<Vec<&'static str>>>,
}

impl Fickle {
    /// A store that answers, until told otherwise.
    #[must_use]
    pub fn new(clock: &ManualClock) -> Self {
        Self {
            rows: MemoryStore::builder().with_clock(clock.clone()).build(),
            fates: Arc::default(),
            rest: Arc::new(Mutex::new(Fate::Answered)),
            owners: Arc::default(),
            calls: Arc::default(),
        }
    }

    /// The fates of the next calls.
    pub fn next(&self, fates: &[Fate]) {
        lock(&self.fates).extend(fates);
    }

    /// The fate of all calls that no other was told for.
    pub fn henceforth(&self, fate: Fate) {
        *lock(&self.rest) = fate;
    }

    /// The calls since the last time.
    pub fn calls(&self) -> Vec<&'static str> {
        core::mem::take(&mut lock(&self.calls))
    }

    /// Who asked for claims so far.
    #[must_use]
    pub fn owners(&self) -> Vec<Owner> {
        lock(&self.owners).clone()
    }

    async fn call<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        lock(&self.calls).push(name);
        let rest = *lock(&self.rest);
        let fate = lock(&self.fates).pop_front().unwrap_or(rest);
        match fate {
            Fate::Answered => call.await,
            Fate::Fails => Err(StoreError::unavailable("down")),
            Fate::Full => Err(StoreError::full()),
            Fate::Lost => pending().await,
            Fate::AnswerLost => {
                let _applied = call.await;
                pending().await
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DedupStore for Fickle {
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claim, StoreError> {
        lock(&self.owners).push(request.owner);
        self.call("claim", self.rows.claim(request)).await
    }

    async fn extend(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> Result<Fenced, StoreError> {
        let extended = self.rows.extend(key, fence, lease);
        self.call("extend", extended).await
    }

    async fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> Result<Fenced, StoreError> {
        let completed = self.rows.complete(key, fence, retention);
        self.call("complete", completed).await
    }

    async fn release(&self, key: &DeliveryKey, fence: Fence) -> Result<Fenced, StoreError> {
        self.call("release", self.rows.release(key, fence)).await
    }

    async fn state(&self, key: &DeliveryKey) -> Result<KeyState, StoreError> {
        self.call("state", self.rows.state(key)).await
    }

    async fn forget(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        self.rows.forget(key).await
    }

    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        self.rows.purge(limit).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(true, true)
    }
}

/// One process: a receiver, its store, and the loop that it put into the background.
pub struct Bench {
    /// The clock of all.
    pub clock: ManualClock,
    /// The store.
    pub store: Fickle,
    /// The sender that the receiver trusts.
    pub sender: Sender,
    /// The receiver.
    pub receiver: Receiver,
    background: Arc<Mutex<Option<BoxFuture<'static, ()>>>>,
}

/// The task of a run, and what its request waits on.
pub type Started = (Pin<Box<dyn Future<Output = ()> + Send>>, Handle<u16>);

impl Bench {
    /// A receiver for a sender whose ids and times are signed, with changes to its configuration.
    ///
    /// # Errors
    ///
    /// When the configuration cannot work.
    pub fn new(
        configure: impl FnOnce(ReceiverBuilder) -> ReceiverBuilder,
    ) -> Result<Self, Box<dyn Error>> {
        let clock = ManualClock::new();
        let store = Fickle::new(&clock);
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
        store: Fickle,
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
        let store = Fickle {
            rows: self.store.rows.clone(),
            ..Fickle::new(&self.clock)
        };
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

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench")
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
