//! A store that writes down what it is asked, and whose calls fail as told.

use core::{
    future::{Future, pending},
    time::Duration,
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use countersign_core::{
    Capabilities, Claim, ClaimRequest, Clock, DedupStore, DeliveryKey, Fence, Fenced, KeyState,
    MemoryStore, Owner, StoreError, store::wait_by_looking,
};
use countersign_testkit::ManualClock;
use tokio::sync::Semaphore;

use crate::kit::in_time;

/// What becomes of one call.
#[derive(Clone, Copy, Debug, Default)]
pub enum Fate {
    /// It is applied and answered.
    #[default]
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

/// Any store, the calls that it got, and the fates of the next ones.
#[derive(Clone, Debug, Default)]
pub struct SpyStore<S = MemoryStore> {
    /// The store behind; what is done here is not a call.
    pub rows: S,
    /// What it promises, where that is not what the store behind does.
    capabilities: Option<Capabilities>,
    /// Whether waiting is a series of looks, each of them a call.
    looks: bool,
    seen: Arc<Mutex<Seen>>,
    claimed: Arc<Told>,
    settled: Arc<Told>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Since they were asked for last.
    calls: Vec<(&'static str, DeliveryKey)>,
    owners: Vec<(DeliveryKey, Owner)>,
    done: HashMap<DeliveryKey, Vec<(Fence, Instant)>>,
    broken: Vec<Broken>,
    fates: VecDeque<Fate>,
    rest: Fate,
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

impl SpyStore {
    /// Over a memory store that promises what a durable and shared one does.
    #[must_use]
    pub fn durable(clock: &ManualClock) -> Self {
        Self::durable_over(MemoryStore::builder().with_clock(clock.clone()).build())
    }

    /// Over the rows of a memory store that others may use, too.
    #[must_use]
    pub fn durable_over(rows: MemoryStore) -> Self {
        Self {
            capabilities: Some(Capabilities::new(true, true)),
            looks: true,
            ..Self::over(rows)
        }
    }
}

impl<S> SpyStore<S> {
    /// Over a store, whose own way to wait is used and not a call.
    #[must_use]
    pub fn over(rows: S) -> Self {
        Self {
            rows,
            capabilities: None,
            looks: false,
            seen: Arc::default(),
            claimed: Arc::default(),
            settled: Arc::default(),
        }
    }

    /// Waits by looking again and again, each look a call.
    #[must_use]
    pub fn that_looks(mut self) -> Self {
        self.looks = true;
        self
    }

    /// The fates of the next calls.
    pub fn next(&self, fates: &[Fate]) {
        self.seen().fates.extend(fates);
    }

    /// The fate of all calls that no other was told for.
    pub fn henceforth(&self, fate: Fate) {
        self.seen().rest = fate;
    }

    /// From here on, an operation fails.
    pub fn fail(&self, operation: &'static str, error: fn() -> StoreError) {
        self.seen().broken.push((operation, error));
    }

    /// From here on, no operation fails.
    pub fn repair(&self) {
        self.seen().broken.clear();
    }

    /// The operations that it was asked for since the last time.
    pub fn calls(&self) -> Vec<&'static str> {
        let calls = core::mem::take(&mut self.seen().calls);
        calls.into_iter().map(|(name, _)| name).collect()
    }

    /// How often it was asked for anything since the last [`calls`](Self::calls).
    #[must_use]
    pub fn asked(&self) -> usize {
        self.seen().calls.len()
    }

    /// How often it was asked for an operation since then.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        let seen = self.seen();
        let names = seen.calls.iter();
        names.filter(|(name, _)| *name == operation).count()
    }

    /// How often it was asked for an operation on a key since then.
    #[must_use]
    pub fn count_of(&self, operation: &str, key: &DeliveryKey) -> usize {
        let seen = self.seen();
        let of = |(name, of): &&(&str, DeliveryKey)| *name == operation && of == key;
        seen.calls.iter().filter(of).count()
    }

    /// Who asked for claims so far.
    #[must_use]
    pub fn owners(&self) -> Vec<Owner> {
        let seen = self.seen();
        seen.owners.iter().map(|(_, owner)| *owner).collect()
    }

    /// Who asked for a key so far, each time.
    #[must_use]
    pub fn owners_of(&self, key: &DeliveryKey) -> Vec<Owner> {
        let seen = self.seen();
        let of_key = seen.owners.iter().filter(|(of, _)| of == key);
        of_key.map(|(_, owner)| *owner).collect()
    }

    /// As whose a delivery was completed and since when the receiver knows, each time.
    #[must_use]
    pub fn done(&self, key: &DeliveryKey) -> Vec<(Fence, Instant)> {
        self.seen().done.get(key).cloned().unwrap_or_default()
    }

    /// Whether the receiver knows that a delivery is done.
    #[must_use]
    pub fn is_done(&self, key: &DeliveryKey) -> bool {
        self.seen().done.contains_key(key)
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

    async fn call<T>(
        &self,
        name: &'static str,
        key: &DeliveryKey,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let fate = {
            let mut seen = self.seen();
            seen.calls.push((name, *key));
            if let Some((_, error)) = seen.broken.iter().find(|(broken, _)| *broken == name) {
                return Err(error());
            }
            let rest = seen.rest;
            seen.fates.pop_front().unwrap_or(rest)
        };
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

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: DedupStore> DedupStore for SpyStore<S> {
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claim, StoreError> {
        let key = request.key;
        self.seen().owners.push((key, request.owner));
        let claim = self.call("claim", &key, self.rows.claim(request)).await;
        self.claimed.0.add_permits(1);
        claim
    }

    async fn extend(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> Result<Fenced, StoreError> {
        let extended = self.rows.extend(key, fence, lease);
        self.call("extend", key, extended).await
    }

    async fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> Result<Fenced, StoreError> {
        let completed = self.rows.complete(key, fence, retention);
        let completed = self.call("complete", key, completed).await;
        if matches!(completed, Ok(Fenced::Applied)) {
            let mut seen = self.seen();
            let times = seen.done.entry(*key).or_default();
            times.push((fence, Instant::now()));
        }
        self.settled.0.add_permits(1);
        completed
    }

    async fn release(&self, key: &DeliveryKey, fence: Fence) -> Result<Fenced, StoreError> {
        let released = self.rows.release(key, fence);
        let released = self.call("release", key, released).await;
        self.settled.0.add_permits(1);
        released
    }

    async fn state(&self, key: &DeliveryKey) -> Result<KeyState, StoreError> {
        self.call("state", key, self.rows.state(key)).await
    }

    async fn wait(
        &self,
        key: &DeliveryKey,
        at_most: Duration,
        clock: &dyn Clock,
    ) -> Result<KeyState, StoreError> {
        if self.looks {
            wait_by_looking(self, key, at_most, clock).await
        } else {
            self.rows.wait(key, at_most, clock).await
        }
    }

    async fn forget(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        self.call("forget", key, self.rows.forget(key)).await
    }

    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        self.rows.purge(limit).await
    }

    fn capabilities(&self) -> Capabilities {
        let own = self.capabilities;
        own.unwrap_or_else(|| self.rows.capabilities())
    }
}
