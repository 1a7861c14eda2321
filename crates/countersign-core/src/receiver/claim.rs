//! The claim that a run holds: renewed for as long as it is held, and settled by consuming it.

use core::{panic::AssertUnwindSafe, task::Waker};
use std::{panic::catch_unwind, sync::Arc};

use super::{Inner, copies::Leader, renewal::Renewal};
use crate::{
    clock::Clock,
    delivery::Admitted,
    key::DeliveryKey,
    report,
    store::{Fence, Fenced, StoreError},
};

/// What a run has in its hands.
#[derive(Debug)]
pub(super) enum Holding {
    Claimed(HeldClaim),
    /// No claim: the store does not answer, and the receiver fails open.
    Unclaimed(Admitted),
}

impl Holding {
    pub(super) const fn admitted(&self) -> &Admitted {
        match self {
            Self::Claimed(claim) => claim.admitted(),
            Self::Unclaimed(admitted) => admitted,
        }
    }
}

/// A claim whose handler has not succeeded. Dropped, it gives the delivery back.
#[derive(Debug)]
pub(super) struct HeldClaim {
    // Dropped before the rest: copies hear of the end when the key is free.
    guard: GiveBack,
    claim: Claimed,
}

/// A claim whose handler has succeeded, and which the store has not yet been told of: whatever happens
/// now, the delivery is not given back. Its lease ends by itself.
#[derive(Debug)]
pub(super) struct Completing(Claimed);

/// What became of an attempt to complete.
pub(super) enum Completed {
    /// The store knows.
    Done,
    /// Somebody else has claimed the delivery since.
    Lost,
    /// The store did not answer; it can be asked again.
    NotYet(Completing, StoreError),
}

#[derive(Debug)]
struct Claimed {
    admitted: Admitted,
    /// Lets copies in this process know how it ends; dropped, it says that the run failed.
    leader: Option<Leader>,
    /// Prolongs the lease until it is dropped.
    _renewal: Option<Renewal>,
}

impl HeldClaim {
    pub(super) fn new(
        inner: &Arc<Inner>,
        clock: &Arc<dyn Clock>,
        admitted: Admitted,
        leader: Option<Leader>,
    ) -> Self {
        let (key, fence) = (admitted.key(), admitted.fence());
        Self {
            guard: GiveBack(Some((Arc::clone(inner), key, fence))),
            claim: Claimed {
                admitted,
                leader,
                _renewal: Renewal::of(inner, clock, key, fence),
            },
        }
    }

    pub(super) const fn admitted(&self) -> &Admitted {
        &self.claim.admitted
    }

    /// Gives the delivery back, so that its next copy runs. When the store does not answer, the lease
    /// ends by itself.
    pub(super) async fn release(self, inner: &Inner, clock: &dyn Clock) {
        let (key, fence) = (self.admitted().key(), self.admitted().fence());
        match inner.release(clock, &key, fence).await {
            Ok(Fenced::Applied) => drop(self.disarm()),
            Ok(Fenced::Lost) => {
                let claim = self.disarm();
                // A transaction of the handler's that was committed after all is no loss.
                if !claim.admitted.completes_itself() {
                    claim.tell_of_loss(inner);
                }
            }
            // Dropped, it tries once more.
            Err(error) => inner.store_failed(&error),
        }
    }

    /// The handler has succeeded: from here on the delivery is not given back.
    pub(super) fn completing(self) -> Completing {
        self.ending();
        Completing(self.disarm())
    }

    /// The store is about to be asked how the handler's own transaction ended.
    pub(super) fn ending(&self) {
        if let Some(leader) = &self.claim.leader {
            leader.ending();
        }
    }

    /// The handler's own transaction completed it.
    pub(super) fn completed_by_handler(self) {
        self.disarm().tell_copies();
    }

    fn disarm(self) -> Claimed {
        let Self { guard, claim } = self;
        guard.disarm();
        claim
    }
}

/// Gives a delivery back when it is dropped.
#[derive(Debug)]
struct GiveBack(Option<(Arc<Inner>, DeliveryKey, Fence)>);

impl GiveBack {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for GiveBack {
    fn drop(&mut self) {
        let Some((inner, key, fence)) = self.0.take() else {
            return;
        };
        // Best effort: a store that answers at once (the memory store) has released the key when
        // this returns; for the others the lease is the guarantee.
        let mut release = inner.store.release(&key, fence);
        let mut cx = core::task::Context::from_waker(Waker::noop());
        // A driver may want a runtime that is gone; a panic in a drop would end the process.
        let _polled_once = catch_unwind(AssertUnwindSafe(|| release.as_mut().poll(&mut cx)));
    }
}

impl Completing {
    pub(super) const fn admitted(&self) -> &Admitted {
        &self.0.admitted
    }

    /// Tells the store once that the delivery is done.
    pub(super) async fn try_once(self, inner: &Inner, clock: &dyn Clock) -> Completed {
        match inner.complete(clock, self.admitted()).await {
            Ok(Fenced::Applied) => {
                self.0.tell_copies();
                Completed::Done
            }
            Ok(Fenced::Lost) => {
                self.0.tell_of_loss(inner);
                Completed::Lost
            }
            Err(error) => Completed::NotYet(self, error),
        }
    }
}

impl Claimed {
    fn tell_copies(self) {
        if let Some(leader) = self.leader {
            leader.completed();
        }
    }

    fn tell_of_loss(&self, inner: &Inner) {
        report::claim_lost(inner, &self.admitted);
    }
}
