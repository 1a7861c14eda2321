//! Copies of one delivery that come at once: they wait for the first, whether it runs here or elsewhere.
//!
//! A copy that comes while this process claims or runs the first one joins it, and costs the store
//! nothing. One whose first runs elsewhere waits in the store: one wait for each key, shared by all of
//! its copies.

// docs/decisions.md: D10, D18, D19.

use core::{
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_channel::oneshot;
use futures_util::future::{BoxFuture, FutureExt, Shared, WeakShared};

use super::{
    Inner,
    deadline::within,
    running::{NoRun, RunPermit},
};
use crate::{
    clock::Clock,
    key::DeliveryKey,
    rejection::{Rejection, RejectionKind},
    report,
    store::{Claim, ClaimRequest, KeyState, StoreError},
};

/// The deliveries that this process claims or runs. Empty where the store is in the process: asking it
/// is as quick.
#[derive(Debug, Default)]
pub(super) struct Underway(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    by_key: HashMap<DeliveryKey, Arc<FirstRun>>,
}

/// The first copy of one delivery, from before it is claimed until it is settled.
#[derive(Debug)]
pub(super) struct FirstRun {
    key: DeliveryKey,
    fingerprint: u64,
    claimed: Shared<oneshot::Receiver<Claim>>,
    ended: Shared<oneshot::Receiver<HowItEnded>>,
}

/// What came of asking for the right to run.
pub(super) enum Asked {
    /// What the store said, to this request or to the one that it joined.
    Answered(Result<Claim, StoreError>, RunPermit, Option<Leader>),
    /// This process runs a copy.
    Joined(Arc<FirstRun>, WaitPermit),
}

impl Inner {
    /// Joins a copy that this process is claiming or running, or asks the store.
    pub(super) async fn ask(
        self: &Arc<Self>,
        clock: &dyn Clock,
        request: &ClaimRequest<'_>,
        arrived: Duration,
    ) -> Result<Asked, Rejection> {
        let key = request.key;
        let in_flight = || Rejection::new(RejectionKind::InFlight);
        let until = arrived.saturating_add(self.limits.wait);
        let mut leader = None;
        let mut answer = None;
        while let Some(joining) = Underway::join(self, request) {
            let first = match joining {
                Joining::First(first) => {
                    leader = Some(first);
                    break;
                }
                Joining::Joined(first) => first,
            };
            let waiting = WaitPermit::take(self).ok_or_else(in_flight)?;
            let claimed = within(clock, until, first.claimed.clone()).await;
            match claimed.ok_or_else(in_flight)? {
                // The store did not answer, or the request went away. This one may be the first now.
                Err(oneshot::Canceled) => continue,
                Ok(Claim::Claimed(_)) => return Ok(Asked::Joined(first, waiting)),
                Ok(claim @ Claim::InFlight { on, .. }) if on == key => answer = Some(claim),
                // What is done can be forgotten on purpose, and what is in flight under another id
                // says nothing of other bytes: such an answer is the first one's own.
                Ok(Claim::InFlight { .. } | Claim::Completed { .. } | Claim::Suppressed) => {}
            }
            break;
        }
        let permit = RunPermit::take(self).map_err(|no_run| {
            Rejection::new(match no_run {
                NoRun::Full => RejectionKind::Busy,
                NoRun::Draining => RejectionKind::Draining,
            })
        })?;
        if let Some(answer) = answer {
            return Ok(Asked::Answered(Ok(answer), permit, None));
        }
        let claim = self.claim(clock, request).await;
        report::claim(self, &claim);
        // An error is this request's alone: what it may lead to (FailOpen) is for one request each.
        let leader = match claim {
            Ok(claim) => leader.and_then(|leader| leader.claimed(claim)),
            Err(_) => None,
        };
        Ok(Asked::Answered(claim, permit, leader))
    }
}

/// Whether a delivery is the first of its copies.
enum Joining {
    /// It is. The caller asks the store.
    First(Leader),
    /// Another copy came first.
    Joined(Arc<FirstRun>),
}

impl Underway {
    /// Joins the first copy of a delivery, or makes this one the first. `None` where the store is in the
    /// process.
    ///
    /// The same bytes under another id are left to the store: only it knows what else was claimed of
    /// their entity, in this process or in another.
    fn join(inner: &Arc<Inner>, request: &ClaimRequest<'_>) -> Option<Joining> {
        let capabilities = inner.store.capabilities();
        if !(capabilities.durable || capabilities.shared) {
            return None;
        }
        let key = request.key;
        let mut table = inner.underway.lock();
        if let Some(first) = table.by_key.get(&key) {
            return Some(Joining::Joined(Arc::clone(first)));
        }
        let (claim, claimed) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let first = Arc::new(FirstRun {
            key,
            fingerprint: request.fingerprint,
            claimed: claimed.shared(),
            ended: ended.shared(),
        });
        table.by_key.insert(key, Arc::clone(&first));
        drop(table);
        Some(Joining::First(Leader {
            inner: Arc::clone(inner),
            first,
            claim: Some(claim),
            end: Some(end),
        }))
    }

    /// Lets copies ask the store again: what goes on under this key is not this process's any more.
    pub(super) fn abandon(&self, key: &DeliveryKey) {
        let mut table = self.lock();
        if let Some(first) = table.by_key.get(key).map(Arc::clone) {
            table.remove(&first);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Removes a first copy, and nothing that has taken its place.
    fn remove(&mut self, first: &Arc<FirstRun>) {
        let ours = |found: &Arc<FirstRun>| Arc::ptr_eq(found, first);
        if self.by_key.get(&first.key).is_some_and(ours) {
            self.by_key.remove(&first.key);
        }
    }
}

impl FirstRun {
    /// The mark of the bytes that are claimed.
    pub(super) const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// How the run ended.
    pub(super) fn ended(&self) -> impl Future<Output = HowItEnded> + Send + use<> {
        let ended = self.ended.clone();
        ended.map(|ended| ended.unwrap_or(HowItEnded::Failed))
    }
}

/// What the first copy holds to tell the others. Dropped, it says that the run failed.
#[derive(Debug)]
pub(super) struct Leader {
    inner: Arc<Inner>,
    first: Arc<FirstRun>,
    claim: Option<oneshot::Sender<Claim>>,
    end: Option<oneshot::Sender<HowItEnded>>,
}

impl Leader {
    /// The store answered. It goes on if the claim was granted.
    fn claimed(mut self, claim: Claim) -> Option<Self> {
        if let Some(told) = self.claim.take() {
            let _nobody_waits = told.send(claim);
        }
        matches!(claim, Claim::Claimed(_)).then_some(self)
    }

    /// The store is about to be told. Copies that come from here on ask it, so that one that comes
    /// after somebody had the delivery forgotten is not answered by what was done before.
    pub(super) fn ending(&self) {
        self.inner.underway.lock().remove(&self.first);
    }

    /// The delivery was handled, and the store knows.
    pub(super) fn completed(mut self) {
        if let Some(told) = self.end.take() {
            let _nobody_waits = told.send(HowItEnded::Completed);
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        // Before the copies hear of the end: whoever asks next asks the store.
        self.inner.underway.lock().remove(&self.first);
    }
}

type Ended = Shared<BoxFuture<'static, HowItEnded>>;

/// The waits that are going on in this process.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    waiters: AtomicUsize,
    waits: Mutex<HashMap<DeliveryKey, WeakShared<BoxFuture<'static, HowItEnded>>>>,
}

/// How a wait for a running copy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HowItEnded {
    /// It was completed.
    Completed,
    /// It was given back, its lease ended, or the store failed.
    Failed,
    /// It is still running.
    StillRunning,
}

/// Waits for a run that the store knows of, at most until the clock passes `until`.
pub(super) async fn wait_elsewhere(
    inner: &Arc<Inner>,
    clock: &Arc<dyn Clock>,
    key: DeliveryKey,
    until: Duration,
) -> HowItEnded {
    // The wait that is joined may have begun, and so end, before this copy's own. One that begins
    // after that lasts for long enough.
    for _ in 0..2 {
        let waiter = Waiter::join(inner, clock, key);
        let Some(ended) = waiter.ended.clone() else {
            return HowItEnded::Failed;
        };
        match within(&**clock, until, ended).await {
            Some(HowItEnded::StillRunning) => {}
            Some(ended) => return ended,
            None => break,
        }
    }
    HowItEnded::StillRunning
}

/// The place of one waiting copy among those allowed; given back on drop.
#[derive(Debug)]
pub(super) struct WaitPermit(Arc<Inner>);

impl WaitPermit {
    pub(super) fn take(inner: &Arc<Inner>) -> Option<Self> {
        let limit = inner.limits.waiters;
        let one_more = |now: usize| (now < limit).then(|| now.saturating_add(1));
        inner
            .elsewhere
            .waiters
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()?;
        Some(Self(Arc::clone(inner)))
    }
}

impl Drop for WaitPermit {
    fn drop(&mut self) {
        self.0.elsewhere.waiters.fetch_sub(1, Ordering::Relaxed);
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
        let mut waits = inner.elsewhere.lock();
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
        let elsewhere = &self.inner.elsewhere;
        let Some(ended) = self.ended.take() else {
            return;
        };
        let mut waits = elsewhere.lock();
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

impl Elsewhere {
    pub(super) fn waiting(&self) -> usize {
        self.waiters.load(Ordering::Relaxed)
    }

    fn lock(
        &self,
    ) -> MutexGuard<'_, HashMap<DeliveryKey, WeakShared<BoxFuture<'static, HowItEnded>>>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn store_wait(inner: &Arc<Inner>, clock: &Arc<dyn Clock>, key: DeliveryKey) -> Ended {
    let (store, clock) = (inner.store.clone(), Arc::clone(clock));
    let at_most = inner.limits.wait;
    let wait = async move {
        match store.wait(&key, at_most, &*clock).await {
            Ok(KeyState::Completed) => HowItEnded::Completed,
            Ok(KeyState::InFlight { remaining }) if !remaining.is_zero() => {
                HowItEnded::StillRunning
            }
            Ok(KeyState::InFlight { .. } | KeyState::Absent) | Err(_) => HowItEnded::Failed,
        }
    };
    // A panic in a store is the failure of this wait, and of nothing else.
    let caught = AssertUnwindSafe(wait).catch_unwind();
    caught
        .map(|ended| ended.unwrap_or(HowItEnded::Failed))
        .boxed()
        .shared()
}
