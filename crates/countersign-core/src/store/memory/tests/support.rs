//! What the memory store's own tests share.

use core::time::Duration;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use futures_util::FutureExt;

use super::super::MemoryStore;
use crate::{
    clock::{Clock, Sleep, Timestamp},
    key::DeliveryKey,
    store::{Claim, ClaimRequest, Claimed, DedupStore, OnRepeat, Owner, StoreError, Subject},
};

/// A clock whose sleeps end, without waking anybody, once a test has moved it.
#[derive(Clone, Default)]
pub(super) struct StepClock {
    millis: Arc<AtomicU64>,
    /// Every sleep that was asked for.
    pub(super) sleeps: Arc<Mutex<Vec<Duration>>>,
}

impl StepClock {
    pub(super) fn advance(&self, millis: u64) {
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    pub(super) fn millis(&self) -> u64 {
        self.millis.load(Ordering::SeqCst)
    }
}

impl Clock for StepClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(0)
    }

    fn elapsed(&self) -> Duration {
        // An origin far off, because a clock may have any.
        Duration::from_secs(60 * 365 * 24 * 3_600) + Duration::from_millis(self.millis())
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.sleeps.lock().unwrap().push(duration);
        let (clock, until) = (self.clone(), self.elapsed() + duration);
        Box::pin(core::future::poll_fn(move |_| {
            if clock.elapsed() < until {
                core::task::Poll::Pending
            } else {
                core::task::Poll::Ready(())
            }
        }))
    }
}

/// The answer of an operation that is done at its first poll.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("done at the first poll")
}

pub(super) fn key(n: u8) -> DeliveryKey {
    DeliveryKey::for_id("test", None, &n.to_string())
}

pub(super) fn request(key: DeliveryKey, owner: u128) -> ClaimRequest<'static> {
    ClaimRequest::new(key, Owner::from_u128(owner), Duration::from_secs(10))
}

pub(super) fn claim(store: &MemoryStore, key: DeliveryKey, owner: u128) -> Claim {
    try_claim(store, key, owner, &[]).unwrap()
}

pub(super) fn try_claim(
    store: &MemoryStore,
    key: DeliveryKey,
    owner: u128,
    aliases: &[DeliveryKey],
) -> Result<Claim, StoreError> {
    now(store.claim(request(key, owner).with_aliases(aliases)))
}

/// The entity that all claims with aliases are about. It is remembered for as long as a test lasts.
#[cfg_attr(
    not(shuttle),
    allow(dead_code, reason = "only controlled schedules use it")
)]
pub(super) fn entity() -> Subject {
    let key = DeliveryKey::for_subject("test", None, "entity");
    Subject::new(key, OnRepeat::Suppress, Duration::from_secs(1_000_000_000))
}

pub(super) fn hold(store: &MemoryStore, key: DeliveryKey, aliases: &[DeliveryKey]) -> Claimed {
    match try_claim(store, key, 1, aliases) {
        Ok(Claim::Claimed(claimed)) => claimed,
        other => panic!("{other:?}"),
    }
}

pub(super) fn complete(store: &MemoryStore, key: &DeliveryKey, claimed: Claimed, seconds: u64) {
    let done = now(store.complete(key, claimed.fence, Duration::from_secs(seconds)));
    assert_eq!(done.unwrap(), crate::store::Fenced::Applied);
}
