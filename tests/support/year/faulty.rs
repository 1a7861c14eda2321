//! A store that fails as told, and that can leave one rule of deduplication out.

use core::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use countersign_core::{
    Capabilities, Claim, ClaimRequest, DedupStore, DeliveryKey, Fence, Fenced, KeyState,
    Recurrence, StoreError, Subject,
};

/// A rule that is left out, to see that the simulation notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// A known alias suppresses, whatever came in between.
    Returns,
    /// The same bytes are the same event, whatever the type.
    Types,
    /// Nothing recognises the same bytes under another id.
    Aliases,
    /// Only the newest key recognises them.
    OldKeys,
    /// Handlers are not told of repeats and returns.
    Flags,
    /// The id of a delivery is its id and its bytes.
    IdAlone,
    /// Deliveries are remembered for less than the sender retries.
    Retention,
    /// Late retries are refused as stale.
    LateRetries,
    /// A sender whose bodies are all the same is taken for one that repeats itself.
    Decision,
}

impl Off {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Returns,
        Self::Types,
        Self::Aliases,
        Self::OldKeys,
        Self::Flags,
        Self::IdAlone,
        Self::Retention,
        Self::LateRetries,
        Self::Decision,
    ];
}

/// What becomes of the next call of a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// It fails and is not applied.
    Fails,
    /// It is applied, and its answer does not come.
    AnswerLost,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Faulty<S> {
    store: S,
    off: Option<Off>,
    /// How many calls are under way in the store itself.
    busy: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
    faults: Arc<Mutex<HashMap<&'static str, Fault>>>,
    /// What keys are called in the store, where that is not what they are.
    renamed: Arc<Mutex<HashMap<DeliveryKey, DeliveryKey>>>,
}

impl<S> Faulty<S> {
    pub(super) fn new(store: S, off: Option<Off>) -> Self {
        Self {
            store,
            off,
            busy: Arc::default(),
            down: Arc::default(),
            faults: Arc::default(),
            renamed: Arc::default(),
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst) > 0
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::SeqCst)
    }

    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub(super) fn next(&self, call: &'static str, fault: Fault) {
        lock(&self.faults).insert(call, fault);
    }

    /// The calls of a process that died are nobody's any more.
    pub(super) fn abandon(&self) {
        self.busy.store(0, Ordering::SeqCst);
    }

    /// No fault is left over for a later request.
    pub(super) fn heal(&self) {
        lock(&self.faults).clear();
    }

    async fn call<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let fault = lock(&self.faults).remove(name);
        if matches!(fault, Some(Fault::Fails)) {
            return Err(StoreError::unavailable("told to fail"));
        }
        let busy = Busy::new(&self.busy);
        let answer = call.await;
        drop(busy);
        match fault {
            Some(Fault::AnswerLost) => Err(StoreError::timeout()),
            _ => answer,
        }
    }

    fn name(&self, key: &DeliveryKey) -> DeliveryKey {
        lock(&self.renamed).get(key).copied().unwrap_or(*key)
    }
}

/// One call that is under way.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: DedupStore> DedupStore for Faulty<S> {
    async fn claim(&self, mut request: ClaimRequest<'_>) -> Result<Claim, StoreError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("an outage"));
        }
        let bytes = |of| DeliveryKey::for_id("bytes", None, &format!("{of:?}"));
        let by_bytes = [bytes(request.fingerprint)];
        match self.off {
            Some(Off::Returns) => {
                let all = DeliveryKey::for_id("all", None, "");
                request.fingerprint = 0;
                let to_all = |of: Subject| Subject::new(all, of.on_repeat, of.keep);
                request.subject = request.subject.map(to_all);
            }
            Some(Off::Types) if !request.aliases.is_empty() => request.aliases = &by_bytes,
            Some(Off::Aliases) => request.aliases = &[],
            Some(Off::OldKeys) => {
                request.aliases = request.aliases.get(..1).unwrap_or_default();
            }
            Some(Off::IdAlone) => {
                let both = format!("{:?} {}", request.key, request.fingerprint);
                let name = DeliveryKey::for_id("id and bytes", None, &both);
                lock(&self.renamed).insert(request.key, name);
                request.key = name;
            }
            _ => {}
        }
        let claim = self.call("claim", self.store.claim(request)).await?;
        Ok(match claim {
            Claim::Claimed(mut claimed) if self.off == Some(Off::Flags) => {
                claimed.recurrence = Recurrence::None;
                Claim::Claimed(claimed)
            }
            claim => claim,
        })
    }

    async fn extend(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> Result<Fenced, StoreError> {
        let key = self.name(key);
        self.call("extend", self.store.extend(&key, fence, lease))
            .await
    }

    async fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        mut retention: Duration,
    ) -> Result<Fenced, StoreError> {
        if self.off == Some(Off::Retention) {
            retention = Duration::from_secs(60);
        }
        let key = self.name(key);
        self.call("complete", self.store.complete(&key, fence, retention))
            .await
    }

    async fn release(&self, key: &DeliveryKey, fence: Fence) -> Result<Fenced, StoreError> {
        let key = self.name(key);
        self.call("release", self.store.release(&key, fence)).await
    }

    async fn state(&self, key: &DeliveryKey) -> Result<KeyState, StoreError> {
        let key = self.name(key);
        self.call("state", self.store.state(&key)).await
    }

    async fn forget(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        self.store.forget(key).await
    }

    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        self.store.purge(limit).await
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}
