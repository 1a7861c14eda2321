//! The deliveries that this process is claiming or running, so that copies join them instead of
//! asking the store, too.

use core::time::Duration;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_channel::oneshot;
use futures_util::future::{FutureExt, Shared};

use super::{
    Inner,
    running::{NoRun, RunPermit},
    time_limit::within,
    twins::{TwinEnd, WaitPermit},
};
use crate::{
    clock::Clock,
    key::DeliveryKey,
    meter,
    rejection::{Rejection, RejectionKind},
    store::{Claim, ClaimRequest, StoreError},
};

/// What goes on in this process. Empty where the store is in the process: it is as quick to ask.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    by_key: HashMap<DeliveryKey, Arc<Flight>>,
}

/// One delivery, from before it is claimed until it is settled.
#[derive(Debug)]
pub(super) struct Flight {
    key: DeliveryKey,
    fingerprint: u64,
    claimed: Shared<oneshot::Receiver<Claim>>,
    ended: Shared<oneshot::Receiver<TwinEnd>>,
}

/// What came of asking for the right to run.
pub(super) enum Asked {
    /// What the store said, to this request or to the one that it joined.
    Answered(Result<Claim, StoreError>, RunPermit, Option<Lead>),
    /// This process runs a copy.
    Joined(Arc<Flight>, WaitPermit),
}

impl Inner {
    /// Joins a copy that this process is claiming or running, or asks the store.
    pub(super) async fn ask(
        self: &Arc<Self>,
        clock: &dyn Clock,
        request: ClaimRequest<'_>,
        arrived: Duration,
    ) -> Result<Asked, Rejection> {
        let key = request.key;
        let in_flight = || Rejection::new(RejectionKind::InFlight);
        let until = arrived.saturating_add(self.limits.wait);
        let mut lead = None;
        let mut answer = None;
        while let Some(boarding) = Flights::board(self, &request) {
            let flight = match boarding {
                Boarding::First(first) => {
                    lead = Some(first);
                    break;
                }
                Boarding::Joined(flight) => flight,
            };
            let waiting = WaitPermit::take(self).ok_or_else(in_flight)?;
            let claimed = within(clock, until, flight.claimed.clone()).await;
            match claimed.ok_or_else(in_flight)? {
                // The store did not answer, or the request went away. This one may be the first now.
                Err(oneshot::Canceled) => continue,
                Ok(Claim::Claimed(_)) => return Ok(Asked::Joined(flight, waiting)),
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
        meter::claim(&self.endpoint, &claim);
        // An error is this request's alone: what it may lead to (FailOpen) is for one request each.
        let lead = match claim {
            Ok(claim) => lead.and_then(|lead| lead.claimed(claim)),
            Err(_) => None,
        };
        Ok(Asked::Answered(claim, permit, lead))
    }
}

/// How a delivery begins.
enum Boarding {
    /// Nothing like it goes on. The caller asks the store.
    First(Lead),
    /// A copy of it goes on.
    Joined(Arc<Flight>),
}

impl Flights {
    /// Joins what goes on under the key of a delivery; begins it else. `None` where the store is as
    /// quick to ask.
    ///
    /// The same bytes under another id are left to the store: only it knows what else was claimed of
    /// their entity, in this process or in another.
    fn board(inner: &Arc<Inner>, request: &ClaimRequest<'_>) -> Option<Boarding> {
        let capabilities = inner.store.capabilities();
        if !(capabilities.durable || capabilities.shared) {
            return None;
        }
        let key = request.key;
        let mut table = inner.flights.lock();
        if let Some(flight) = table.by_key.get(&key) {
            return Some(Boarding::Joined(Arc::clone(flight)));
        }
        let (claim, claimed) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let flight = Arc::new(Flight {
            key,
            fingerprint: request.fingerprint,
            claimed: claimed.shared(),
            ended: ended.shared(),
        });
        table.by_key.insert(key, Arc::clone(&flight));
        drop(table);
        Some(Boarding::First(Lead {
            inner: Arc::clone(inner),
            flight,
            claim: Some(claim),
            end: Some(end),
        }))
    }

    /// Lets copies ask the store again: what goes on under this key is not this process's any more.
    pub(super) fn abandon(&self, key: &DeliveryKey) {
        let mut table = self.lock();
        if let Some(flight) = table.by_key.get(key).map(Arc::clone) {
            table.remove(&flight);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Removes a flight, and nothing that has taken its place.
    fn remove(&mut self, flight: &Arc<Flight>) {
        let ours = |found: &Arc<Flight>| Arc::ptr_eq(found, flight);
        if self.by_key.get(&flight.key).is_some_and(ours) {
            self.by_key.remove(&flight.key);
        }
    }
}

impl Flight {
    /// The mark of the bytes that are claimed.
    pub(super) const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// How the run ended.
    pub(super) fn ended(&self) -> impl Future<Output = TwinEnd> + Send + use<> {
        let ended = self.ended.clone();
        ended.map(|ended| ended.unwrap_or(TwinEnd::Failed))
    }
}

/// The first of its kind in this process. Dropped, it says that the run failed.
#[derive(Debug)]
pub(super) struct Lead {
    inner: Arc<Inner>,
    flight: Arc<Flight>,
    claim: Option<oneshot::Sender<Claim>>,
    end: Option<oneshot::Sender<TwinEnd>>,
}

impl Lead {
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
        self.inner.flights.lock().remove(&self.flight);
    }

    /// The delivery was handled, and the store knows.
    pub(super) fn completed(mut self) {
        if let Some(told) = self.end.take() {
            let _nobody_waits = told.send(TwinEnd::Completed);
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        // Before the copies hear of the end: whoever asks next asks the store.
        self.inner.flights.lock().remove(&self.flight);
    }
}
