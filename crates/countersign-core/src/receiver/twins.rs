//! Copies that wait for a run that only the store knows of: one wait a key and process, shared by
//! all of them.

use core::{
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{BoxFuture, FutureExt, Shared, WeakShared};

use super::{Inner, time_limit::within};
use crate::{clock::Clock, key::DeliveryKey, store::KeyState};

type Ended = Shared<BoxFuture<'static, TwinEnd>>;

/// The waits that are going on in this process.
#[derive(Debug, Default)]
pub(super) struct Twins {
    waiters: AtomicUsize,
    waits: Mutex<HashMap<DeliveryKey, WeakShared<BoxFuture<'static, TwinEnd>>>>,
}

/// How a wait for a running copy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TwinEnd {
    /// It was completed.
    Completed,
    /// It was given back, its lease ended, or the store failed.
    Failed,
    /// It is still running.
    StillRunning,
}

/// Waits for a run that the store knows of, at most until the clock passes `until`.
pub(super) async fn wait(
    inner: &Arc<Inner>,
    clock: &Arc<dyn Clock>,
    key: DeliveryKey,
    until: Duration,
) -> TwinEnd {
    // The wait that is joined may have begun, and so end, before this copy's own. One that begins
    // after that lasts for long enough.
    for _ in 0..2 {
        let waiter = Waiter::join(inner, clock, key);
        let Some(ended) = waiter.ended.clone() else {
            return TwinEnd::Failed;
        };
        match within(&**clock, until, ended).await {
            Some(TwinEnd::StillRunning) => {}
            Some(ended) => return ended,
            None => break,
        }
    }
    TwinEnd::StillRunning
}

/// The place of one waiting copy among those allowed; given back on drop.
#[derive(Debug)]
pub(super) struct WaitPermit(Arc<Inner>);

impl WaitPermit {
    pub(super) fn take(inner: &Arc<Inner>) -> Option<Self> {
        let limit = inner.limits.waiters;
        let one_more = |now: usize| (now < limit).then(|| now.saturating_add(1));
        inner
            .twins
            .waiters
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()?;
        Some(Self(Arc::clone(inner)))
    }
}

impl Drop for WaitPermit {
    fn drop(&mut self) {
        self.0.twins.waiters.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One copy that waits for the store; the last of a key takes the entry with it.
struct Waiter {
    inner: Arc<Inner>,
    key: DeliveryKey,
    /// Taken when this is dropped.
    ended: Option<Ended>,
}

impl Waiter {
    fn join(inner: &Arc<Inner>, clock: &Arc<dyn Clock>, key: DeliveryKey) -> Self {
        let mut waits = inner.twins.lock();
        let ended = waits
            .get(&key)
            .and_then(WeakShared::upgrade)
            .filter(|ended| ended.peek().is_none())
            .unwrap_or_else(|| {
                let ended = store_wait(inner, clock, key);
                if let Some(weak) = ended.downgrade() {
                    waits.insert(key, weak);
                }
                ended
            });
        drop(waits);
        Self {
            inner: Arc::clone(inner),
            key,
            ended: Some(ended),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let twins = &self.inner.twins;
        let Some(ended) = self.ended.take() else {
            return;
        };
        let mut waits = twins.lock();
        // Another wait may have taken the place of ours.
        let entry = waits.get(&self.key).and_then(WeakShared::upgrade);
        let ours = entry.is_none_or(|entry| entry.ptr_eq(&ended));
        // Ours goes under the lock, so that of two that end at once one is the last.
        let last = ended.strong_count().is_none_or(|count| count <= 1);
        drop(ended);
        if ours && last {
            waits.remove(&self.key);
        }
    }
}

impl Twins {
    pub(super) fn waiting(&self) -> usize {
        self.waiters.load(Ordering::Relaxed)
    }

    fn lock(
        &self,
    ) -> MutexGuard<'_, HashMap<DeliveryKey, WeakShared<BoxFuture<'static, TwinEnd>>>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn store_wait(inner: &Arc<Inner>, clock: &Arc<dyn Clock>, key: DeliveryKey) -> Ended {
    let (store, clock) = (Arc::clone(&inner.store), Arc::clone(clock));
    let at_most = inner.limits.wait;
    let wait = async move {
        match store.wait(&key, at_most, &*clock).await {
            Ok(KeyState::Completed) => TwinEnd::Completed,
            Ok(KeyState::InFlight { remaining }) if !remaining.is_zero() => TwinEnd::StillRunning,
            Ok(KeyState::InFlight { .. } | KeyState::Absent) | Err(_) => TwinEnd::Failed,
        }
    };
    // A panic in a store is the failure of this wait, and of nothing else.
    let caught = AssertUnwindSafe(wait).catch_unwind();
    caught
        .map(|ended| ended.unwrap_or(TwinEnd::Failed))
        .boxed()
        .shared()
}
