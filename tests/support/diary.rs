//! A memory store that writes down what it was asked.

use core::{future::Future, time::Duration};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::{
    Capabilities, Claim, ClaimRequest, Clock, DedupStore, DeliveryKey, Fence, Fenced, KeyState,
    MemoryStore, StoreError,
};

type MakeError = fn() -> StoreError;

/// A memory store and the names of the operations that it was asked for, waits aside.
#[derive(Clone, Debug, Default)]
pub struct Diary {
    store: MemoryStore,
    asked: Arc<Mutex<Vec<&'static str>>>,
    broken: Arc<Mutex<Option<MakeError>>>,
}

impl Diary {
    /// A diary over the given store.
    #[must_use]
    pub fn over(store: MemoryStore) -> Self {
        Self {
            store,
            ..Self::default()
        }
    }

    /// From here on, claims fail.
    pub fn fail_claims(&self, error: MakeError) {
        *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// What was asked since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<&'static str> {
        core::mem::take(&mut self.lock())
    }

    /// How often an operation was asked for since the last `take`.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.lock()
            .iter()
            .filter(|asked| **asked == operation)
            .count()
    }

    fn note(&self, operation: &'static str) {
        self.lock().push(operation);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<&'static str>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DedupStore for Diary {
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claim, StoreError> {
        self.note("claim");
        let broken = *self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        match broken {
            Some(error) => Err(error()),
            None => self.store.claim(request).await,
        }
    }

    async fn extend(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> Result<Fenced, StoreError> {
        self.note("extend");
        self.store.extend(key, fence, lease).await
    }

    async fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> Result<Fenced, StoreError> {
        self.note("complete");
        self.store.complete(key, fence, retention).await
    }

    async fn release(&self, key: &DeliveryKey, fence: Fence) -> Result<Fenced, StoreError> {
        self.note("release");
        self.store.release(key, fence).await
    }

    async fn state(&self, key: &DeliveryKey) -> Result<KeyState, StoreError> {
        self.note("state");
        self.store.state(key).await
    }

    fn wait(
        &self,
        key: &DeliveryKey,
        at_most: Duration,
        clock: &dyn Clock,
    ) -> impl Future<Output = Result<KeyState, StoreError>> + Send {
        self.store.wait(key, at_most, clock)
    }

    async fn forget(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        self.note("forget");
        self.store.forget(key).await
    }

    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        self.note("purge");
        self.store.purge(limit).await
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}
