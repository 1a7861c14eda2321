//! A store that writes down what it is asked, each look of a wait included.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use countersign_core::{
    Capabilities, Claim, ClaimRequest, DedupStore, DeliveryKey, Fence, Fenced, KeyState, Owner,
    StoreError,
};

/// A store of an engine and what its receiver asked of it. Waiting is left to the default, as the
/// engines' stores do, so that its looks are seen.
#[derive(Clone)]
pub(crate) struct Watched<S> {
    store: S,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    calls: Vec<(&'static str, DeliveryKey)>,
    owners: Vec<(DeliveryKey, Owner)>,
    done: HashMap<DeliveryKey, Vec<(Fence, Instant)>>,
}

impl<S> Watched<S> {
    pub(crate) fn over(store: S) -> Self {
        Self {
            store,
            seen: Arc::default(),
        }
    }

    /// How often it was asked for anything.
    pub(crate) fn calls(&self) -> usize {
        self.seen().calls.len()
    }

    /// How often it was asked for an operation on a key.
    pub(crate) fn count(&self, operation: &str, key: &DeliveryKey) -> usize {
        let seen = self.seen();
        let of = |(name, of): &&(&str, DeliveryKey)| *name == operation && of == key;
        seen.calls.iter().filter(of).count()
    }

    /// Who asked for a key, each time.
    pub(crate) fn owners(&self, key: &DeliveryKey) -> Vec<Owner> {
        let seen = self.seen();
        let of_key = seen.owners.iter().filter(|(of, _)| of == key);
        of_key.map(|(_, owner)| *owner).collect()
    }

    /// As whose a delivery was completed and since when the receiver knows, each time.
    pub(crate) fn done(&self, key: &DeliveryKey) -> Vec<(Fence, Instant)> {
        self.seen().done.get(key).cloned().unwrap_or_default()
    }

    /// Whether the receiver knows that a delivery is done.
    pub(crate) fn is_done(&self, key: &DeliveryKey) -> bool {
        self.seen().done.contains_key(key)
    }

    fn note(&self, operation: &'static str, key: &DeliveryKey) {
        self.seen().calls.push((operation, *key));
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: DedupStore> DedupStore for Watched<S> {
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claim, StoreError> {
        self.note("claim", &request.key);
        self.seen().owners.push((request.key, request.owner));
        self.store.claim(request).await
    }

    async fn extend(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> Result<Fenced, StoreError> {
        self.note("extend", key);
        self.store.extend(key, fence, lease).await
    }

    async fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> Result<Fenced, StoreError> {
        self.note("complete", key);
        let completed = self.store.complete(key, fence, retention).await;
        if matches!(completed, Ok(Fenced::Applied)) {
            let mut seen = self.seen();
            seen.done
                .entry(*key)
                .or_default()
                .push((fence, Instant::now()));
        }
        completed
    }

    async fn release(&self, key: &DeliveryKey, fence: Fence) -> Result<Fenced, StoreError> {
        self.note("release", key);
        self.store.release(key, fence).await
    }

    async fn state(&self, key: &DeliveryKey) -> Result<KeyState, StoreError> {
        self.note("state", key);
        self.store.state(key).await
    }

    async fn forget(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        self.note("forget", key);
        self.store.forget(key).await
    }

    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        self.store.purge(limit).await
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}
