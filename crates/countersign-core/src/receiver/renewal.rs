//! Heartbeats: one loop per receiver prolongs the claims of everything that runs.

// docs/decisions.md: D24.

use core::{
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use futures_util::{
    StreamExt,
    future::{BoxFuture, FutureExt},
    stream,
};

use super::Inner;
use crate::{
    clock::Clock,
    key::DeliveryKey,
    report,
    store::{Fence, Fenced},
};

/// How many claims are prolonged at a time.
const AT_ONCE: usize = 256;

/// Starts a future somewhere, and says whether it could.
type Background = dyn Fn(BoxFuture<'static, ()>) -> bool + Send + Sync;

/// The claims that a receiver's runs hold.
#[derive(Default)]
pub(super) struct Renewals {
    claims: Mutex<Claims>,
    looping: AtomicBool,
    background: OnceLock<Box<Background>>,
}

#[derive(Default)]
struct Claims {
    next: u64,
    held: HashMap<u64, (DeliveryKey, Fence)>,
}

impl Renewals {
    /// Says where the loop is to run: somewhere that a blocking handler does not block.
    pub(super) fn run_on(
        &self,
        background: impl Fn(BoxFuture<'static, ()>) -> bool + Send + Sync + 'static,
    ) {
        self.background.get_or_init(|| Box::new(background));
    }

    pub(super) fn can_renew(&self) -> bool {
        self.background.get().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One claim that is prolonged until this is dropped.
#[derive(Debug)]
pub(super) struct Renewal {
    inner: Arc<Inner>,
    number: u64,
}

impl Renewal {
    /// `None` where the store needs no heartbeats.
    pub(super) fn of(
        inner: &Arc<Inner>,
        clock: &Arc<dyn Clock>,
        key: DeliveryKey,
        fence: Fence,
    ) -> Option<Self> {
        if !inner.needs_renewal() {
            return None;
        }
        let mut claims = inner.renewals.lock();
        let number = claims.next;
        claims.next = number.wrapping_add(1);
        claims.held.insert(number, (key, fence));
        drop(claims);
        if let Some(background) = inner.renewals.background.get()
            && !inner.renewals.looping.swap(true, Ordering::AcqRel)
        {
            let started = background(Box::pin(renew_all(
                Arc::downgrade(inner),
                Arc::clone(clock),
            )));
            if !started {
                // The next delivery tries again.
                inner.renewals.looping.store(false, Ordering::Release);
                report::renewal_failed(inner);
            }
        }
        Some(Self {
            inner: Arc::clone(inner),
            number,
        })
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        self.inner.renewals.lock().held.remove(&self.number);
    }
}

/// Prolongs every held claim three times a lease, for as long as there is a receiver.
fn renew_all(inner: Weak<Inner>, clock: Arc<dyn Clock>) -> impl Future<Output = ()> + Send {
    // Made before the first poll: a future that is dropped unpolled has ended, too.
    let looping = LoopGuard(Weak::clone(&inner));
    async move {
        let _beating = looping;
        keep_renewing(inner, clock).await;
    }
}

async fn keep_renewing(inner: Weak<Inner>, clock: Arc<dyn Clock>) {
    let mut pause = match inner.upgrade() {
        Some(inner) => third(inner.limits.lease),
        None => return,
    };
    loop {
        clock.sleep(pause).await;
        let Some(inner) = inner.upgrade() else {
            return;
        };
        let began = clock.elapsed();
        let held: Vec<(u64, (DeliveryKey, Fence))> = {
            let claims = inner.renewals.lock();
            claims.held.iter().map(|(at, held)| (*at, *held)).collect()
        };
        let failed = OnceLock::new();
        stream::iter(held)
            .for_each_concurrent(AT_ONCE, |(number, (key, fence))| {
                let (inner, clock, failed) = (&inner, &clock, &failed);
                async move {
                    let extended = inner.extend(&**clock, &key, fence);
                    // A store that panics fails this round, not all that come.
                    match AssertUnwindSafe(extended).catch_unwind().await {
                        Ok(Ok(Fenced::Applied)) | Err(_) => {}
                        Ok(Ok(Fenced::Lost)) => {
                            inner.underway.abandon(&key);
                            // What was settled meanwhile is not held any more.
                            if inner.renewals.lock().held.remove(&number).is_some() {
                                report::lease_lost(inner, &key);
                            }
                        }
                        Ok(Err(error)) => {
                            let _told_of_another = failed.set(error);
                        }
                    }
                }
            })
            .await;
        // Once a round, and after it: a listener that takes its time must not hold up the others.
        if let Some(error) = failed.get() {
            inner.store_failed(error);
        }
        // A slow store takes from the pause, so that rounds keep their time.
        let took = clock.elapsed().saturating_sub(began);
        pause = third(inner.limits.lease).saturating_sub(took);
    }
}

fn third(lease: Duration) -> Duration {
    lease.checked_div(3).unwrap_or(lease)
}

/// Lets another loop begin when this one ends, however it does.
struct LoopGuard(Weak<Inner>);

impl Drop for LoopGuard {
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.renewals.looping.store(false, Ordering::Release);
        }
    }
}

impl fmt::Debug for Renewals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Heart({} claims)", self.lock().held.len())
    }
}
