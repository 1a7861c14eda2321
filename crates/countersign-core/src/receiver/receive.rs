//! Taking a request in: proved within limits, over a stream of chunks.

// docs/decisions.md: D30.

use core::{fmt, ops::Deref, time::Duration};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::{Inner, Receiver, deadline::within, handshake::Ended};
use crate::{
    answer::Answer,
    clock::Clock,
    identity,
    key::DeliveryKey,
    keys::{LookupError, Tenant},
    rejection::{Rejection, RejectionKind},
    report,
    verify::{Head, Verified},
};

/// A proved delivery at an endpoint, not yet claimed. Comes from [`Receiver::receive`].
///
/// It dereferences to [`Verified`].
pub struct Received {
    // Behind a pointer: it is handed from one future to the next, each of which would hold it whole.
    verified: Arc<Verified>,
    /// A proof of another receiver's is claimed, run and settled there.
    receiver: Arc<Inner>,
    arrived: Duration,
    /// Without an id it takes a hash of the body, so it is made once.
    key: OnceLock<DeliveryKey>,
}

impl Received {
    pub(super) fn new(receiver: &Arc<Inner>, verified: Verified, arrived: Duration) -> Self {
        Self {
            verified: Arc::new(verified),
            receiver: Arc::clone(receiver),
            arrived,
            key: OnceLock::new(),
        }
    }

    /// The proof.
    #[must_use]
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// The proof, alone.
    #[must_use]
    pub fn into_verified(self) -> Arc<Verified> {
        self.verified
    }

    /// The endpoint, as the receiver names it.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.receiver.endpoint
    }

    /// What deduplication is keyed on: the id, or the body where there is none. Where equal bodies are
    /// events ([`IdenticalBodies::Events`](crate::scheme::IdenticalBodies)), this request alone.
    #[must_use]
    pub fn key(&self) -> DeliveryKey {
        *self.key.get_or_init(|| identity::key(self))
    }

    pub(crate) const fn receiver(&self) -> &Arc<Inner> {
        &self.receiver
    }

    /// When the request came, by the receiver's clock.
    pub(super) const fn arrived(&self) -> Duration {
        self.arrived
    }
}

impl Deref for Received {
    type Target = Verified;

    fn deref(&self) -> &Verified {
        &self.verified
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("endpoint", &self.endpoint())
            .field("verified", &self.verified)
            .finish_non_exhaustive()
    }
}

impl Receiver {
    /// Takes a request in: judges the head, looks the keyring up, reads the body within its limits,
    /// and proves the signature. The store is not touched.
    ///
    /// # Errors
    ///
    /// The answer to send instead: to a request that is refused, and to a
    /// [handshake](crate::scheme::Handshake).
    pub async fn receive<E>(
        &self,
        head: &(impl Head + ?Sized),
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Received, Answer> {
        let inner = &self.inner;
        let received = self.try_receive(head, body).await;
        received.map_err(|ended| match ended {
            Ended::Answered(answer) => answer,
            Ended::Rejected(rejection) => {
                report::refused(inner, None, &rejection);
                inner.refused(rejection.kind());
                inner.answer(rejection)
            }
        })
    }

    async fn try_receive<E>(
        &self,
        head: &(impl Head + ?Sized),
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Received, Ended> {
        let inner = &self.inner;
        let clock = inner.clock()?;
        let arrived = clock.elapsed();
        if inner.running.is_draining() {
            return Err(Rejection::new(RejectionKind::Draining).into());
        }
        let mut body = core::pin::pin!(body);
        // Most senders have none, and their requests carry no room for it.
        let asks = !inner.scheme().handshakes().is_empty();
        if asks {
            let asked = inner.unsigned_handshake(head, body.as_mut(), &**clock, arrived);
            if let Some(answer) = Box::pin(asked).await? {
                return Err(Ended::Answered(answer));
            }
        }
        let head = inner.verifier.precheck(head, clock.now())?;
        let tenant = inner.look_up(head.tenant(), &**clock, arrived).await?;
        let mut intake = head.open(tenant)?;
        let until = arrived.saturating_add(inner.limits.read_time);
        let mut first = true;
        loop {
            match within(&**clock, until, body.next()).await {
                None => return Err(Rejection::new(RejectionKind::BodyTimeout).into()),
                Some(None) => break,
                Some(Some(Err(_))) => {
                    return Err(Rejection::new(RejectionKind::BodyUnreadable).into());
                }
                Some(Some(Ok(chunk))) => intake.push(chunk)?,
            }
            // Chunks that are always ready would never meet the timer.
            if !core::mem::replace(&mut first, false) && clock.elapsed() > until {
                return Err(Rejection::new(RejectionKind::BodyTimeout).into());
            }
        }
        let received = Received::new(inner, intake.finish()?, arrived);
        match asks {
            true => Box::pin(inner.signed_handshake(received, &**clock)).await,
            false => Ok(received),
        }
    }
}

impl Inner {
    pub(super) fn clock(&self) -> Result<&Arc<dyn Clock>, Rejection> {
        // Without timers nothing may run.
        self.clock.get().ok_or_else(|| {
            report::not_attached(self);
            Rejection::new(RejectionKind::NotAttached)
        })
    }

    /// Looks up the keyring of the tenant that a request names, where there are tenants.
    pub(super) async fn look_up(
        &self,
        named: Option<&str>,
        clock: &dyn Clock,
        arrived: Duration,
    ) -> Result<Option<Tenant>, Rejection> {
        let Some(source) = &self.tenants else {
            return Ok(None);
        };
        let unknown = Rejection::new(RejectionKind::UnknownTenant);
        let Some(name) = named else {
            return Err(unknown);
        };
        let until = arrived.saturating_add(self.limits.lookup_time);
        let looked_up = within(clock, until, source.keyring(name)).await;
        match looked_up.unwrap_or_else(|| Err(LookupError::new("no answer in time"))) {
            Ok(Some(tenant)) => Ok(Some(tenant)),
            Ok(None) => Err(unknown),
            Err(error) => {
                report::lookup_failed(self, &error);
                Err(Rejection::new(RejectionKind::KeyringUnavailable))
            }
        }
    }
}
