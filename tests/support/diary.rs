//! A memory store that writes down what it was asked.

use core::{future::Future, time::Duration};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::{
    Capabilities, Claim, ClaimRequest, Clock, DedupStore, DeliveryKey, Fence, Fenced, KeyState,
    MemoryStore, StoreError,
};
use tokio::sync::Semaphore;

use crate::kit::in_time;

/// A memory store and the names of the operations that it was asked for, waits aside.
#[derive(Clone, Debug, Default)]
pub struct Diary {
    store: MemoryStore,
    asked: Arc<Mutex<Vec<&'static str>>>,
    broken: Arc<Mutex<Vec<Broken>>>,
    claimed: Arc<Told>,
    settled: Arc<Told>,
}

/// An operation that fails, and how.
type Broken = (&'static str, fn() -> StoreError);

/// Counts what happened, for tests that wait until it did.
#[derive(Debug)]
struct Told(Semaphore);

impl Default for Told {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Told {
    async fn times(&self, times: u32) {
        if let Ok(permits) = in_time(self.0.acquire_many(times)).await {
            permits.forget();
        }
    }
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
    pub fn fail_claims(&self, error: fn() -> StoreError) {
        self.fail("claim", error);
    }

    /// From here on, an operation fails; claims, completions and releases can.
    pub fn fail(&self, operation: &'static str, error: fn() -> StoreError) {
        self.broken().push((operation, error));
    }

    /// From here on, nothing fails.
    pub fn repair(&self) {
        self.broken().clear();
    }

    /// Waits until this many more claims were answered.
    ///
    /// # Panics
    ///
    /// When they were not after a minute.
    pub async fn claimed(&self, times: u32) {
        self.claimed.times(times).await;
    }

    /// Waits until this many more claims were completed or released, or could not be.
    ///
    /// # Panics
    ///
    /// When they were not after a minute.
    pub async fn settled(&self, times: u32) {
        self.settled.times(times).await;
    }

    fn broken(&self) -> MutexGuard<'_, Vec<Broken>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, operation: &str) -> Result<(), StoreError> {
        let broken = self.broken();
        match broken.iter().find(|(name, _)| *name == operation) {
            Some((_, error)) => Err(error()),
            None => Ok(()),
        }
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

    fn lock(&self) -> MutexGuard<'_, Vec<&'static str>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DedupStore for Diary {
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claim, StoreError> {
        self.note("claim");
        let claim = match self.check("claim") {
            Ok(()) => self.store.claim(request).await,
            Err(error) => Err(error),
        };
        self.claimed.0.add_permits(1);
        claim
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
        let completed = match self.check("complete") {
            Ok(()) => self.store.complete(key, fence, retention).await,
            Err(error) => Err(error),
        };
        self.settled.0.add_permits(1);
        completed
    }

    async fn release(&self, key: &DeliveryKey, fence: Fence) -> Result<Fenced, StoreError> {
        self.note("release");
        let released = match self.check("release") {
            Ok(()) => self.store.release(key, fence).await,
            Err(error) => Err(error),
        };
        self.settled.0.add_permits(1);
        released
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
