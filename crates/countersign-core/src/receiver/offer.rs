//! What a handshake offers, and only the application can take.

use core::{fmt, future::Future, panic::AssertUnwindSafe};
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};

use super::{Inner, Received, deadline::within};
use crate::{
    clock::Clock,
    detail::Fault,
    keys::Secret,
    rejection::{Rejection, RejectionKind},
};

/// Something that a handshake brings and that only the application can take. Given to
/// [`ReceiverBuilder::on_offer`](super::ReceiverBuilder::on_offer).
///
/// Its `Debug` form shows no secret.
#[derive(Debug)]
#[non_exhaustive]
pub enum Offer {
    /// A signing key ([`Handshake::HookSecret`](crate::scheme::Handshake::HookSecret),
    /// [`Handshake::VerificationToken`](crate::scheme::Handshake::VerificationToken)). **Nothing proves
    /// who sent it.**
    Secret(OfferedSecret),
    /// A subscription that waits to be confirmed
    /// ([`Handshake::Confirmation`](crate::scheme::Handshake::Confirmation)). Its signature was proved,
    /// and says who asks, not that this application asked for it: compare the topic.
    Confirmation(Box<Received>),
}

/// A signing key that somebody offers.
#[derive(Clone, Debug)]
pub struct OfferedSecret {
    secret: Secret,
    tenant: Option<String>,
}

impl OfferedSecret {
    pub(super) const fn new(secret: Secret, tenant: Option<String>) -> Self {
        Self { secret, tenant }
    }

    /// The key, for [`Receiver::rotate`](super::Receiver::rotate) or the application's own store. It is
    /// handed over this once.
    #[must_use]
    pub fn into_secret(self) -> Secret {
        self.secret
    }

    /// Whom the request names, where the receiver looks tenants up. Anybody may have written it.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }
}

type OfferFn = dyn Fn(Offer) -> BoxFuture<'static, bool> + Send + Sync;

/// The application's answer to offers, if it gave one.
#[derive(Clone, Default)]
pub(super) struct OnOffer(Option<Arc<OfferFn>>);

impl OnOffer {
    pub(super) fn new<F>(take: impl Fn(Offer) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        Self(Some(Arc::new(move |offer| take(offer).boxed())))
    }

    pub(super) const fn is_there(&self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for OnOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnOffer").field(&self.is_there()).finish()
    }
}

impl Inner {
    /// Asks the application whether it takes an offer; it has the time of a tenant lookup for it.
    pub(super) async fn offer(&self, clock: &dyn Clock, offer: Offer) -> Result<(), Rejection> {
        let refused = Rejection::new(RejectionKind::HandshakeRefused).because(Fault::NotExpected);
        let Some(take) = &self.on_offer.0 else {
            return Err(refused);
        };
        let until = clock.elapsed().saturating_add(self.limits.lookup_time);
        // A callback that panicked is not touched again.
        let taken = AssertUnwindSafe(async { take(offer).await }).catch_unwind();
        match within(clock, until, taken).await {
            Some(Ok(true)) => Ok(()),
            Some(Ok(false)) => Err(refused),
            Some(Err(_panic)) => Err(Rejection::new(RejectionKind::HandlerPanicked)),
            None => Err(Rejection::new(RejectionKind::HandlerDropped)),
        }
    }
}
