//! What a handler's end means for its claim.

// docs/decisions.md: D25.

use core::{
    future::{Future, ready},
    time::Duration,
};
use std::sync::Arc;

use futures_util::future::{Either, FutureExt};

use super::{
    Inner, Verdict,
    claim::{Completed, Completing, HeldClaim, Holding},
    deadline::{either, within},
};
use crate::{answer::Dedup, clock::Clock, rejection::RejectionKind, report, store::KeyState};

/// How a handler's future ended.
pub(super) enum Ended<R> {
    Result(R),
    Panicked,
    TooLong,
    Cancelled,
}

/// What the task tells the handle.
pub(super) enum Finished<R> {
    Handled(R, Verdict),
    Rejected(RejectionKind),
    /// What the items of a batch came to; none where some are not done.
    Batch(Option<Dedup>),
}

/// Settles what a run holds as its handler's end says. What comes back could not be completed yet.
// What is known at once is found out before the future is made, so that it keeps nothing twice.
pub(super) fn settle<R>(
    inner: Arc<Inner>,
    clock: Arc<dyn Clock>,
    holding: Holding,
    ended: Ended<R>,
    judge: impl FnOnce(&R) -> Verdict,
) -> impl Future<Output = (Finished<R>, Option<Completing>)> {
    let finished = match ended {
        Ended::Result(result) => {
            let verdict = judge(&result);
            Finished::Handled(result, verdict)
        }
        Ended::Panicked => Finished::Rejected(RejectionKind::HandlerPanicked),
        Ended::TooLong => Finished::Rejected(RejectionKind::RunTooLong),
        Ended::Cancelled => Finished::Rejected(RejectionKind::HandlerDropped),
    };
    let verdict = match &finished {
        Finished::Handled(_, verdict) if verdict.completes() => Some(*verdict),
        Finished::Handled(..) | Finished::Rejected(_) | Finished::Batch(_) => None,
    };
    let settled = match (holding, verdict) {
        (Holding::Unclaimed(_), _) => Either::Right(ready(Settled::AsItEnded).boxed()),
        (Holding::Claimed(claim), Some(verdict))
            if !claim.admitted().completes_itself() || verdict.is_discarded() =>
        {
            Either::Left(complete(inner, clock, claim.completing()))
        }
        // Most deliveries are completed and are not to have the room of these.
        (Holding::Claimed(claim), Some(_)) => {
            Either::Right(handler_completed(inner, clock, claim).boxed())
        }
        (Holding::Claimed(claim), None) => Either::Right(give_back(inner, clock, claim).boxed()),
    };
    settled.map(|settled| match settled {
        Settled::AsItEnded => (finished, None),
        Settled::NotCommitted => (Finished::Rejected(RejectionKind::NotCommitted), None),
        Settled::NotYet(claim) => (finished, Some(claim)),
    })
}

/// What became of a claim.
enum Settled {
    /// What the handler's end says.
    AsItEnded,
    /// The handler was to complete it in a transaction of its own, and did not.
    NotCommitted,
    /// It is to be completed, and the store did not answer.
    NotYet(Completing),
}

async fn complete(inner: Arc<Inner>, clock: Arc<dyn Clock>, claim: Completing) -> Settled {
    match claim.try_once(&inner, &*clock).await {
        Completed::Done | Completed::Lost => Settled::AsItEnded,
        Completed::NotYet(claim, error) => {
            report::complete_failed(&inner, claim.admitted(), &error);
            Settled::NotYet(claim)
        }
    }
}

async fn give_back(inner: Arc<Inner>, clock: Arc<dyn Clock>, claim: HeldClaim) -> Settled {
    claim.release(&inner, &*clock).await;
    Settled::AsItEnded
}

/// Looks whether the handler's own transaction completed the delivery. Else it is given back.
async fn handler_completed(inner: Arc<Inner>, clock: Arc<dyn Clock>, claim: HeldClaim) -> Settled {
    claim.ending();
    match inner.state(&*clock, &claim.admitted().key()).await {
        Ok(KeyState::Completed) => {
            claim.completed_by_handler();
            return Settled::AsItEnded;
        }
        Ok(KeyState::Absent | KeyState::InFlight { .. }) => {}
        Err(error) => inner.store_failed(&error),
    }
    // Rolled back, or nobody knows: giving back leaves a completed row alone.
    claim.release(&inner, &*clock).await;
    Settled::NotCommitted
}

/// Goes on trying to complete a delivery whose handler succeeded, until its lease would have ended.
pub(super) async fn complete_later(inner: &Inner, clock: &dyn Clock, mut claim: Completing) {
    let until = clock.elapsed().saturating_add(inner.lease());
    let mut pause = Duration::from_millis(100);
    while clock.elapsed() < until {
        let slept = within(clock, until, clock.sleep(pause));
        if either(slept, inner.running.cancelled()).await.is_err() {
            return;
        }
        pause = pause.saturating_mul(2).min(Duration::from_secs(5));
        claim = match claim.try_once(inner, clock).await {
            Completed::Done | Completed::Lost => return,
            Completed::NotYet(claim, error) => {
                inner.store_failed(&error);
                claim
            }
        };
    }
}
