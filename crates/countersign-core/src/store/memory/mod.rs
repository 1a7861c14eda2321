//! A store in this process's memory: exact, bounded, and gone with the process.
//!
//! Rows are kept in shards, each behind a lock of its own, under the first 128 bits of their keys; no filter
//! that could err stands before them. An operation that concerns several shards locks them in ascending
//! order. Time is judged when a row is read. Rows that have ended are removed a few at a time by the claims
//! that come after, and none is removed before its time: a store that is full of live rows refuses claims. A
//! cache that evicts would let duplicates through exactly when traffic is highest.
//!
//! Memory grows with the largest number of rows there ever were, at about 55 bytes a done delivery,
//! and is not given back before the store is dropped.

use core::{fmt, time::Duration};
use std::{sync::Arc, time::Instant};

use self::{
    engine::{Engine, Time},
    occupancy::{NearlyFull, Rows},
    wait::Wait,
};
use super::{Capabilities, Claim, ClaimRequest, DedupStore, Fence, Fenced, KeyState, StoreError};
use crate::{clock::Clock, key::DeliveryKey};

mod claim;
mod due;
mod ending;
mod engine;
mod hold;
mod locked;
mod occupancy;
mod place;
mod row;
mod shard;
mod subject;
mod sync;
#[cfg(test)]
mod tests;
mod wait;

pub use self::occupancy::Occupancy;

/// How many rows a store holds by default.
const DEFAULT_CAPACITY: usize = 2_000_000;

/// More rows than any machine has memory for, and few enough that every shard can address its part.
const MAX_CAPACITY: usize = 1 << 28;

/// Remembers deliveries in this process's memory.
///
/// For services that run as one process and may forget everything at a restart; a sender's retry
/// that arrives afterwards runs again. Clones are handles to the same rows, so one store serves all
/// receivers of a process: keys carry their endpoint and tenant.
///
/// The futures of all operations but `wait` are done at their first poll: they wait for nothing but
/// a lock that is held briefly. A guard that settles in its `Drop` relies on it.
///
/// ```
/// use core::time::Duration;
/// use countersign_core::{Claim, ClaimRequest, DedupStore, DeliveryKey, MemoryStore, Owner};
/// # futures_util::FutureExt::now_or_never(async {
///
/// let store = MemoryStore::new();
/// let key = DeliveryKey::for_id("rebill", None, "dlv_01");
/// let request = ClaimRequest::new(key, Owner::from_u128(1), Duration::from_secs(30));
///
/// let Claim::Claimed(claimed) = store.claim(request.clone()).await? else {
///     panic!("nobody else holds it");
/// };
/// let _ = store.complete(&key, claimed.fence, Duration::from_secs(72 * 3600)).await?;
///
/// assert_eq!(store.claim(request).await?, Claim::Completed { fingerprint: 0 });
/// # Ok::<(), countersign_core::StoreError>(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    engine: Arc<Engine>,
}

impl MemoryStore {
    /// A store of 2,000,000 rows.
    ///
    /// A delivery is a row, each of its aliases is another, and so is each entity that is remembered.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A store of `rows` rows.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        Self::builder().capacity(rows).build()
    }

    /// A store with other choices.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder {
            capacity: DEFAULT_CAPACITY,
            clock: None,
            nearly_full: None,
        }
    }

    /// How many rows are in use, those included that have ended and are not removed yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.engine.rows.count()
    }

    /// Whether no row is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rows there may be.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.engine.rows.capacity()
    }

    pub(crate) fn claim_now(&self, request: &ClaimRequest<'_>) -> Result<Claim, StoreError> {
        self.engine.claim(request)
    }

    pub(crate) fn complete_now(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> Fenced {
        self.engine.complete(key, fence, retention)
    }

    /// How many claims were refused because the store was full.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.engine.rows.refused()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("refused", &self.refused())
            .finish_non_exhaustive()
    }
}

/// Builds a [`MemoryStore`].
#[must_use]
pub struct MemoryStoreBuilder {
    capacity: usize,
    clock: Option<Arc<dyn Clock>>,
    nearly_full: Option<NearlyFull>,
}

impl MemoryStoreBuilder {
    /// Sets how many rows there may be: 2,000,000 by default, 2^28 at most.
    pub fn capacity(mut self, rows: usize) -> Self {
        self.capacity = rows.min(MAX_CAPACITY);
        self
    }

    /// The clock that leases and retentions are measured by; only [`Clock::elapsed`] is used.
    ///
    /// Without one it is the machine's monotonic clock.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// A function to call when the store gets 75 % full, and again only after it was below 60 %.
    ///
    /// It runs on the task whose claim crossed the mark, with no lock held. With the `tracing`
    /// feature the same moments are logged as warnings.
    pub fn nearly_full(mut self, notify: impl Fn(Occupancy) + Send + Sync + 'static) -> Self {
        self.nearly_full = Some(Box::new(notify));
        self
    }

    /// The store.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        let time = match self.clock {
            Some(clock) => {
                let origin = clock.elapsed();
                Time::Clock(clock, origin)
            }
            None => Time::System(Instant::now()),
        };
        let rows = Rows::new(self.capacity, self.nearly_full);
        MemoryStore {
            engine: Arc::new(Engine::new(rows, time)),
        }
    }
}

impl fmt::Debug for MemoryStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStoreBuilder")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

impl DedupStore for MemoryStore {
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claim, StoreError> {
        self.claim_now(&request)
    }

    async fn extend(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> Result<Fenced, StoreError> {
        Ok(self.engine.extend(key, fence, lease))
    }

    async fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> Result<Fenced, StoreError> {
        Ok(self.complete_now(key, fence, retention))
    }

    async fn release(&self, key: &DeliveryKey, fence: Fence) -> Result<Fenced, StoreError> {
        Ok(self.engine.release(key, fence))
    }

    async fn state(&self, key: &DeliveryKey) -> Result<KeyState, StoreError> {
        Ok(self.engine.state(key))
    }

    async fn wait(
        &self,
        key: &DeliveryKey,
        at_most: Duration,
        clock: &dyn Clock,
    ) -> Result<KeyState, StoreError> {
        Wait::new(&self.engine, key, at_most, clock).await
    }

    async fn forget(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        Ok(self.engine.forget(key))
    }

    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        Ok(self.engine.purge(limit))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::IN_PROCESS
    }
}
