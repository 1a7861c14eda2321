//! A store that misbehaves when it is told to.

use core::{future::pending, time::Duration};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use countersign_core::{
    Capabilities, Claim, ClaimRequest, DedupStore, DeliveryKey, Fence, Fenced, KeyState,
    MemoryStore, Owner, StoreError,
};
use countersign_testkit::ManualClock;

/// What becomes of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
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
#[derive(Clone)]
pub(crate) struct Fickle {
    pub(crate) store: MemoryStore,
    fates: Arc<Mutex<VecDeque<Fate>>>,
    rest: Arc<Mutex<Fate>>,
    pub(crate) owners: Arc<Mutex<Vec<Owner>>>,
    calls: Arc<Mutex<Vec<&'static str>>>,
}

impl Fickle {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        Self {
            store: MemoryStore::builder().with_clock(clock.clone()).build(),
            fates: Arc::default(),
            rest: Arc::new(Mutex::new(Fate::Answered)),
            owners: Arc::default(),
            calls: Arc::default(),
        }
    }

    pub(crate) fn next(&self, fates: &[Fate]) {
        self.fates.lock().unwrap().extend(fates);
    }

    pub(crate) fn henceforth(&self, fate: Fate) {
        *self.rest.lock().unwrap() = fate;
    }

    pub(crate) fn calls(&self) -> Vec<&'static str> {
        core::mem::take(&mut self.calls.lock().unwrap())
    }

    async fn call<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.calls.lock().unwrap().push(name);
        let rest = *self.rest.lock().unwrap();
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(rest);
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

impl DedupStore for Fickle {
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claim, StoreError> {
        self.owners.lock().unwrap().push(request.owner);
        self.call("claim", self.store.claim(request)).await
    }

    async fn extend(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> Result<Fenced, StoreError> {
        let extended = self.store.extend(key, fence, lease);
        self.call("extend", extended).await
    }

    async fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> Result<Fenced, StoreError> {
        let completed = self.store.complete(key, fence, retention);
        self.call("complete", completed).await
    }

    async fn release(&self, key: &DeliveryKey, fence: Fence) -> Result<Fenced, StoreError> {
        self.call("release", self.store.release(key, fence)).await
    }

    async fn state(&self, key: &DeliveryKey) -> Result<KeyState, StoreError> {
        self.call("state", self.store.state(key)).await
    }

    async fn forget(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        self.store.forget(key).await
    }

    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        self.store.purge(limit).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(true, true)
    }
}
