//! From a proof to the right to run its handler: what the answer to a claim means.

// docs/decisions.md: D2, D11, D26.

use core::{fmt, time::Duration};
use std::sync::Arc;

use super::{
    Inner, Received, Receiver, StoreOutage,
    claim::{HeldClaim, Holding},
    copies::{self, Asked, HowItEnded, WaitPermit},
    deadline::within,
    running::RunPermit,
};
use crate::{
    answer::{Answer, Dedup},
    clock::Clock,
    delivery::Admitted,
    identity::{self, Identity},
    rejection::{Rejection, RejectionKind},
    report::{self, Summary},
    store::{Claim, ClaimRequest, StoreErrorKind},
};

/// The right to run a delivery's handler once. Comes from [`Receiver::admit`].
///
/// Dropped without being started, it gives the delivery back.
pub struct Run {
    pub(super) holding: Holding,
    pub(super) permit: RunPermit,
    pub(super) arrived: Duration,
    pub(super) clock: Arc<dyn Clock>,
}

impl Run {
    /// What the handler is to receive.
    #[must_use]
    pub const fn admitted(&self) -> &Admitted {
        self.holding.admitted()
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("admitted", self.admitted())
            .finish_non_exhaustive()
    }
}

impl Receiver {
    /// Asks the store for the right to run the handler, for one delivery. A batch is refused: it is
    /// [`accept`](Self::accept) that takes it apart.
    ///
    /// # Errors
    ///
    /// The answer to send instead: for a duplicate, a suppressed replay, a ping, a copy in flight,
    /// or a store that does not answer.
    pub async fn admit(&self, received: Received) -> Result<Run, Answer> {
        // Its own receiver: a proof of another's is claimed, run and settled there.
        let inner = &Arc::clone(received.receiver());
        let admitted = inner.try_admit(received).await;
        admitted.map_err(|refused| {
            let (refused, summary) = *refused;
            let answer = match refused {
                Refused::Done(dedup) => {
                    report::not_run(inner, &summary, dedup);
                    inner.done(dedup)
                }
                Refused::Rejected(rejection, retry_after) => {
                    report::refused(inner, summary.tenant.as_deref(), &rejection);
                    let answer = inner.answer(rejection);
                    match retry_after {
                        Some(left) => answer.retry_after(left),
                        None => answer,
                    }
                }
            };
            inner.answered(Some(answer.status()));
            answer
        })
    }
}

impl Inner {
    pub(super) async fn try_admit(
        self: &Arc<Self>,
        received: Received,
    ) -> Result<Run, Box<(Refused, Summary)>> {
        let inner = self;
        let arrived = received.arrived();
        let refuse =
            |refused: Refused, received: &Received| Err(Box::new((refused, Summary::of(received))));
        let clock = match inner.clock() {
            Ok(clock) => clock,
            Err(rejection) => return refuse(rejection.into(), &received),
        };
        if received.is_whole_batch() {
            // Its items are admitted, never the whole.
            let rejection = Rejection::new(RejectionKind::BatchUnfinished);
            return refuse(rejection.into(), &received);
        }
        if received.is_ping() {
            report::ping(inner, &received);
            return refuse(Refused::Done(Dedup::Ping), &received);
        }
        let identity = Identity::of(&received, inner.keep_subject());
        let (key, fingerprint) = (identity.key, identity.fingerprint);
        let request = ClaimRequest::new(key, inner.owners.next(), inner.lease())
            .with_aliases(&identity.aliases)
            .with_subject(identity.subject)
            .with_fingerprint(fingerprint);
        let asked = match inner.ask(&**clock, &request, arrived).await {
            Ok(asked) => asked,
            Err(rejection) => return refuse(rejection.into(), &received),
        };
        let until = arrived.saturating_add(inner.limits.wait);
        let (claim, permit, leader) = match asked {
            Asked::Answered(claim, permit, leader) => (claim, permit, leader),
            Asked::Joined(first, waiting) => {
                inner.compare(&received, fingerprint, first.fingerprint());
                let copy = Copy::waits(received, true);
                let refused = async {
                    let ended = within(&**clock, until, first.ended()).await;
                    drop(waiting);
                    let ended = ended.unwrap_or(HowItEnded::StillRunning);
                    inner.first_ended(ended, &copy, inner.lease())
                };
                // A delivery that runs is not to have the room of a copy that waits.
                let refused = Box::pin(refused).await;
                return Err(Box::new((refused, copy.summary)));
            }
        };
        let run = |holding: Holding, permit| {
            report::runs(inner, holding.admitted());
            Run {
                holding,
                permit,
                arrived,
                clock: Arc::clone(clock),
            }
        };
        let claim = match claim {
            Ok(claim) => claim,
            Err(error) => {
                inner.store_failed(&error);
                let full = error.kind() == StoreErrorKind::Full;
                if inner.on_outage == StoreOutage::FailOpen && !full {
                    let admitted = Admitted::unclaimed(received);
                    return Ok(run(Holding::Unclaimed(admitted), permit));
                }
                let rejection = Rejection::new(match full {
                    true => RejectionKind::StoreFull,
                    false => RejectionKind::StoreUnavailable,
                });
                return refuse(rejection.into(), &received);
            }
        };
        match claim {
            Claim::Claimed(claimed) => {
                let admitted = Admitted::new(received, &claimed);
                let claim = HeldClaim::new(inner, clock, admitted, leader);
                Ok(run(Holding::Claimed(claim), permit))
            }
            Claim::Completed { fingerprint: first } => {
                inner.compare(&received, fingerprint, first);
                inner.duplicate(&received);
                refuse(Refused::Done(Dedup::Duplicate), &received)
            }
            Claim::Suppressed => {
                report::suppressed(inner, &received);
                refuse(Refused::Done(Dedup::Suppressed), &received)
            }
            Claim::InFlight {
                on,
                remaining,
                fingerprint: first,
            } => {
                if on == key {
                    inner.compare(&received, fingerprint, first);
                }
                drop(permit);
                let copy = Copy::waits(received, on == key);
                let refused = async {
                    let ended = match WaitPermit::take(inner) {
                        Some(_waiting) => copies::wait_elsewhere(inner, clock, on, until).await,
                        None => HowItEnded::StillRunning,
                    };
                    inner.first_ended(ended, &copy, remaining)
                };
                let refused = Box::pin(refused).await;
                Err(Box::new((refused, copy.summary)))
            }
        }
    }

    /// Tells of a delivery that has the id of an earlier one and other bytes.
    pub(super) fn compare(&self, received: &Received, fingerprint: u64, first: u64) {
        if fingerprint != first {
            let third = self.mismatches.is_third(received.key(), fingerprint);
            report::mismatch(self, received, third);
        }
    }

    /// Tells of a duplicate that nothing but its body shows to be one.
    pub(super) fn duplicate(&self, received: &Received) {
        if identity::is_known_by_body(received) {
            report::known_by_body(self, received);
        }
    }

    /// What a copy is answered when the run that it waited for has ended, or its time has.
    fn first_ended(&self, ended: HowItEnded, copy: &Copy, lease_left: Duration) -> Refused {
        match ended {
            HowItEnded::Completed if copy.same_key => {
                if let Some(received) = &copy.whole {
                    self.duplicate(received);
                }
                Refused::Done(Dedup::Duplicate)
            }
            HowItEnded::Completed => {
                if let Some(received) = &copy.whole {
                    report::suppressed(self, received);
                }
                Refused::Done(Dedup::Suppressed)
            }
            HowItEnded::Failed => Rejection::new(RejectionKind::InFlight).into(),
            HowItEnded::StillRunning => {
                Refused::Rejected(Rejection::new(RejectionKind::InFlight), Some(lease_left))
            }
        }
    }
}

/// A delivery that waits for a copy of it, without a place among the running.
struct Copy {
    summary: Summary,
    /// Whether the sender's own id says that it is a copy.
    same_key: bool,
    /// The delivery itself, where somebody may have to be told of it: it is answered without a run on
    /// another ground than the sender's own id. The others give their bodies up.
    whole: Option<Received>,
}

impl Copy {
    fn waits(received: Received, same_key: bool) -> Self {
        let by_id = same_key && !identity::is_known_by_body(&received);
        Self {
            summary: Summary::of(&received),
            same_key,
            whole: (!by_id).then_some(received),
        }
    }
}

/// Why a proved delivery does not run.
pub(super) enum Refused {
    Done(Dedup),
    Rejected(Rejection, Option<Duration>),
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection, None)
    }
}
