//! What the rules are written with.

use core::{future::Future, task::Poll, time::Duration};
use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use countersign_core::{
    Claim, ClaimRequest, Claimed, DedupStore, DeliveryKey, Fence, Fenced, KeyState, OnRepeat,
    Owner, Subject,
};
use futures_util::{
    StreamExt,
    future::{BoxFuture, join_all, poll_fn},
    stream::FuturesUnordered,
};

use super::{Fixture, report::Stop};

/// How long a rule waits, in real time, for what should not take any.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) type Outcome = Result<(), Stop>;

/// A key that no other rule, run or process uses.
pub(super) fn new_key() -> DeliveryKey {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let random = RandomState::new().hash_one(next);
    let at = Instant::now();
    DeliveryKey::for_id("store-suite", None, &format!("{next} {random:x} {at:?}"))
}

pub(super) const fn owner(n: u128) -> Owner {
    Owner::from_u128(n)
}

impl<S: DedupStore> Fixture<S> {
    pub(super) fn units(&self, units: u32) -> Duration {
        self.unit.saturating_mul(units)
    }

    pub(super) async fn pass(&self, units: u32) {
        (self.advance)(self.units(units)).await;
    }

    /// A claim for ten units.
    pub(super) async fn claim(&self, key: DeliveryKey, by: u128) -> Result<Claim, Stop> {
        self.claim_aliased(key, by, &[]).await
    }

    /// A claim that is suppressed when an alias is known: all of them are about one entity, and have
    /// the same bytes.
    pub(super) async fn claim_aliased(
        &self,
        key: DeliveryKey,
        by: u128,
        aliases: &[DeliveryKey],
    ) -> Result<Claim, Stop> {
        self.claim_as(key, by, aliases, OnRepeat::Suppress).await
    }

    pub(super) async fn claim_as(
        &self,
        key: DeliveryKey,
        by: u128,
        aliases: &[DeliveryKey],
        on_repeat: OnRepeat,
    ) -> Result<Claim, Stop> {
        let request = self.request(key, by, aliases, on_repeat);
        Ok(self.store.claim(request).await?)
    }

    /// A claim for ten units; where there are aliases, about the one entity of the rule.
    pub(super) fn request<'a>(
        &self,
        key: DeliveryKey,
        by: u128,
        aliases: &'a [DeliveryKey],
        on_repeat: OnRepeat,
    ) -> ClaimRequest<'a> {
        let subject = Subject::new(self.subject, on_repeat, self.units(5_000));
        ClaimRequest::new(key, owner(by), self.units(10))
            .with_aliases(aliases)
            .with_subject((!aliases.is_empty()).then_some(subject))
    }

    /// A claim that must be granted.
    pub(super) async fn hold(&self, key: DeliveryKey, by: u128) -> Result<Claimed, Stop> {
        granted(self.claim(key, by).await?)
    }

    pub(super) async fn hold_aliased(
        &self,
        key: DeliveryKey,
        by: u128,
        aliases: &[DeliveryKey],
    ) -> Result<Claimed, Stop> {
        granted(self.claim_aliased(key, by, aliases).await?)
    }

    pub(super) async fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        units: u32,
    ) -> Result<Fenced, Stop> {
        Ok(self.store.complete(key, fence, self.units(units)).await?)
    }

    /// Claims and completes for a thousand units.
    pub(super) async fn done(
        &self,
        key: DeliveryKey,
        aliases: &[DeliveryKey],
    ) -> Result<Claimed, Stop> {
        let claimed = self.hold_aliased(key, 1, aliases).await?;
        match self.complete(&key, claimed.fence, 1_000).await? {
            Fenced::Applied => Ok(claimed),
            Fenced::Lost => Err(Stop::Broken("completing a held claim was lost".to_owned())),
        }
    }

    pub(super) async fn state(&self, key: &DeliveryKey) -> Result<KeyState, Stop> {
        Ok(self.store.state(key).await?)
    }

    /// Runs futures at the same time: on threads if the fixture can, else polled in turn.
    pub(super) async fn at_once<T: Send + 'static>(
        &self,
        futures: Vec<BoxFuture<'static, T>>,
    ) -> Vec<T> {
        let Some(spawn) = &self.spawn else {
            return join_all(futures).await;
        };
        let mut results = Vec::new();
        for future in futures {
            let (send, result) = futures_channel::oneshot::channel();
            results.push(result);
            spawn(Box::pin(async move {
                // Nobody to send to means that the rule has ended.
                let _ = send.send(future.await);
            }));
        }
        join_all(results).await.into_iter().flatten().collect()
    }
}

/// The claim, if it was granted.
pub(super) fn granted(claim: Claim) -> Result<Claimed, Stop> {
    match claim {
        Claim::Claimed(claimed) => Ok(claimed),
        other => Err(Stop::Broken(format!(
            "a claim that should be granted: got {other:?}"
        ))),
    }
}

/// A future's result, unless it takes longer than anybody's patience.
///
/// The future is polled only when it was woken, so that a missed wake-up shows; the time is looked
/// at all along.
pub(super) async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> Result<T, Stop> {
    let begin = Instant::now();
    let mut woken: FuturesUnordered<_> = core::iter::once(future).collect();
    poll_fn(|cx| match woken.poll_next_unpin(cx) {
        Poll::Ready(Some(value)) => Poll::Ready(Ok(value)),
        Poll::Pending if begin.elapsed() < PATIENCE => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        Poll::Pending | Poll::Ready(None) => {
            Poll::Ready(Err(Stop::Broken(format!("{what} did not end"))))
        }
    })
    .await
}

/// Lets a store that works on threads of its own answer what it was asked, as far as it can in two
/// milliseconds.
pub(super) async fn a_moment() {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(2) {
        yield_now().await;
    }
}

/// Lets other futures of the same task run.
pub(super) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
