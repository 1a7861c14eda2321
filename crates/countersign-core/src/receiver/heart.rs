//! Heartbeats: one loop per receiver prolongs the claims of everything that runs.

use core::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use futures_util::{StreamExt, future::BoxFuture, stream};

use super::Inner;
use crate::{Clock, DeliveryKey, Fence, Fenced, trace};

/// How many claims are prolonged at a time.
const AT_ONCE: usize = 64;

type Background = dyn Fn(BoxFuture<'static, ()>) + Send + Sync;

/// The claims that a receiver's runs hold.
#[derive(Default)]
pub(super) struct Heart {
    claims: Mutex<Claims>,
    beating: AtomicBool,
    background: OnceLock<Box<Background>>,
}

#[derive(Default)]
struct Claims {
    next: u64,
    held: HashMap<u64, (DeliveryKey, Fence)>,
}

impl Heart {
    /// Says where the loop is to run: somewhere that a blocking handler does not block.
    pub(super) fn run_on(
        &self,
        background: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static,
    ) {
        self.background.get_or_init(|| Box::new(background));
    }

    fn lock(&self) -> MutexGuard<'_, Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One claim that is prolonged until this is dropped.
#[derive(Debug)]
pub(super) struct Pulse {
    inner: Arc<Inner>,
    number: u64,
}

impl Pulse {
    /// `None` where the store needs no heartbeats.
    pub(super) fn of(
        inner: &Arc<Inner>,
        clock: &Arc<dyn Clock>,
        key: DeliveryKey,
        fence: Fence,
    ) -> Option<Self> {
        if !inner.needs_heartbeat() {
            return None;
        }
        let mut claims = inner.heart.lock();
        let number = claims.next;
        claims.next = number.wrapping_add(1);
        claims.held.insert(number, (key, fence));
        drop(claims);
        if let Some(background) = inner.heart.background.get()
            && !inner.heart.beating.swap(true, Ordering::Relaxed)
        {
            background(Box::pin(beat(Arc::downgrade(inner), Arc::clone(clock))));
        }
        Some(Self {
            inner: Arc::clone(inner),
            number,
        })
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.inner.heart.lock().held.remove(&self.number);
    }
}

/// Prolongs every held claim three times a lease, for as long as there is a receiver.
async fn beat(inner: Weak<Inner>, clock: Arc<dyn Clock>) {
    loop {
        let Some(pause) = inner.upgrade().map(|inner| inner.limits.lease / 3) else {
            return;
        };
        clock.sleep(pause).await;
        let Some(inner) = inner.upgrade() else {
            return;
        };
        let held: Vec<(u64, (DeliveryKey, Fence))> = {
            let claims = inner.heart.lock();
            claims.held.iter().map(|(at, held)| (*at, *held)).collect()
        };
        stream::iter(held)
            .for_each_concurrent(AT_ONCE, |(number, (key, fence))| {
                let (inner, clock) = (&inner, &clock);
                async move {
                    match inner.extend(&**clock, &key, fence).await {
                        Ok(Fenced::Applied) => {}
                        Ok(Fenced::Lost) => {
                            inner.heart.lock().held.remove(&number);
                            trace::lease_lost(&inner.endpoint, &key);
                        }
                        // The next beat comes before the lease ends.
                        Err(error) => trace::store_failed(&inner.endpoint, &error),
                    }
                }
            })
            .await;
    }
}

impl fmt::Debug for Heart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Heart({} claims)", self.lock().held.len())
    }
}
