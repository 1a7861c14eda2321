//! What a handler's end means for its claim.

// docs/decisions.md: D25.

use core::time::Duration;

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
pub(super) async fn settle<R>(
    inner: &Inner,
    clock: &dyn Clock,
    holding: Holding,
    ended: Ended<R>,
    judge: impl FnOnce(&R) -> Verdict,
) -> (Finished<R>, Option<Completing>) {
    let finished = match ended {
        Ended::Result(result) => {
            let verdict = judge(&result);
            Finished::Handled(result, verdict)
        }
        Ended::Panicked => Finished::Rejected(RejectionKind::HandlerPanicked),
        Ended::TooLong => Finished::Rejected(RejectionKind::RunTooLong),
        Ended::Cancelled => Finished::Rejected(RejectionKind::HandlerDropped),
    };
    let Holding::Claimed(claim) = holding else {
        return (finished, None);
    };
    let verdict = match &finished {
        Finished::Handled(_, verdict) if verdict.completes() => *verdict,
        Finished::Handled(..) | Finished::Rejected(_) | Finished::Batch(_) => {
            claim.release(inner, clock).await;
            return (finished, None);
        }
    };
    if claim.admitted().completes_itself() && !verdict.is_discarded() {
        return match handler_completed(inner, clock, claim).await {
            true => (finished, None),
            false => (Finished::Rejected(RejectionKind::NotCommitted), None),
        };
    }
    match claim.completing().try_once(inner, clock).await {
        Completed::Done | Completed::Lost => (finished, None),
        Completed::NotYet(claim, error) => {
            report::complete_failed(inner, claim.admitted(), &error);
            (finished, Some(claim))
        }
    }
}

/// Whether the handler's own transaction completed the delivery. Else it is given back.
async fn handler_completed(inner: &Inner, clock: &dyn Clock, claim: HeldClaim) -> bool {
    claim.ending();
    match inner.state(clock, &claim.admitted().key()).await {
        Ok(KeyState::Completed) => {
            claim.completed_by_handler();
            return true;
        }
        Ok(KeyState::Absent | KeyState::InFlight { .. }) => {}
        Err(error) => inner.store_failed(&error),
    }
    // Rolled back, or nobody knows: giving back leaves a completed row alone.
    claim.release(inner, clock).await;
    false
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
