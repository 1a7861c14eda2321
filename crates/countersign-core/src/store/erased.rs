//! A store of any type, so that a receiver need not be generic over it.

use core::{any::Any, ops::Deref, time::Duration};
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{
    Capabilities, Claim, ClaimRequest, DedupStore, Fence, Fenced, KeyState, StoreError,
    memory::MemoryStore,
};
use crate::{clock::Clock, key::DeliveryKey};

/// The store of a receiver.
#[derive(Clone)]
pub(crate) struct AnyStore {
    store: Arc<dyn DynStore>,
    /// The same store, where it is known by its type: then what each delivery asks is a call that returns, and
    /// needs neither a box nor a limit in time.
    memory: Option<MemoryStore>,
}

impl AnyStore {
    pub(crate) fn new(store: impl DedupStore) -> Self {
        let memory = (&store as &dyn Any).downcast_ref().cloned();
        Self {
            store: Arc::new(store),
            memory,
        }
    }

    pub(crate) const fn memory(&self) -> Option<&MemoryStore> {
        self.memory.as_ref()
    }
}

impl Deref for AnyStore {
    type Target = dyn DynStore;

    fn deref(&self) -> &dyn DynStore {
        &*self.store
    }
}

/// The object-safe twin of [`DedupStore`].
pub(crate) trait DynStore: Send + Sync + 'static {
    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> BoxFuture<'a, Result<Claim, StoreError>>;
    fn extend<'a>(
        &'a self,
        key: &'a DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>>;
    fn complete<'a>(
        &'a self,
        key: &'a DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>>;
    fn release<'a>(
        &'a self,
        key: &'a DeliveryKey,
        fence: Fence,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>>;
    fn state<'a>(&'a self, key: &'a DeliveryKey) -> BoxFuture<'a, Result<KeyState, StoreError>>;
    fn wait<'a>(
        &'a self,
        key: &'a DeliveryKey,
        at_most: Duration,
        clock: &'a dyn Clock,
    ) -> BoxFuture<'a, Result<KeyState, StoreError>>;
    fn forget<'a>(&'a self, key: &'a DeliveryKey) -> BoxFuture<'a, Result<bool, StoreError>>;
    fn purge(&self, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>>;
    fn capabilities(&self) -> Capabilities;
}

impl<S: DedupStore> DynStore for S {
    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> BoxFuture<'a, Result<Claim, StoreError>> {
        Box::pin(DedupStore::claim(self, request))
    }

    fn extend<'a>(
        &'a self,
        key: &'a DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        Box::pin(DedupStore::extend(self, key, fence, lease))
    }

    fn complete<'a>(
        &'a self,
        key: &'a DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        Box::pin(DedupStore::complete(self, key, fence, retention))
    }

    fn release<'a>(
        &'a self,
        key: &'a DeliveryKey,
        fence: Fence,
    ) -> BoxFuture<'a, Result<Fenced, StoreError>> {
        Box::pin(DedupStore::release(self, key, fence))
    }

    fn state<'a>(&'a self, key: &'a DeliveryKey) -> BoxFuture<'a, Result<KeyState, StoreError>> {
        Box::pin(DedupStore::state(self, key))
    }

    fn wait<'a>(
        &'a self,
        key: &'a DeliveryKey,
        at_most: Duration,
        clock: &'a dyn Clock,
    ) -> BoxFuture<'a, Result<KeyState, StoreError>> {
        Box::pin(DedupStore::wait(self, key, at_most, clock))
    }

    fn forget<'a>(&'a self, key: &'a DeliveryKey) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(DedupStore::forget(self, key))
    }

    fn purge(&self, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(DedupStore::purge(self, limit))
    }

    fn capabilities(&self) -> Capabilities {
        DedupStore::capabilities(self)
    }
}
