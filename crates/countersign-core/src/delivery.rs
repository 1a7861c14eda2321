//! What a handler receives.

use core::{
    error::Error,
    fmt,
    ops::Deref,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::{
    Answer, Dedup, DeliveryKey, Fence, Notice, Recurrence, Rejection, RejectionKind, Verified,
    identity, trace,
};

/// A proved delivery whose claim this process holds: what adapters put into a request's extensions.
///
/// A cheap handle. It dereferences to [`Verified`].
#[derive(Clone, Debug)]
pub struct Admitted {
    inner: Arc<AdmittedInner>,
}

#[derive(Debug)]
struct AdmittedInner {
    verified: Verified,
    fence: Fence,
    attempt: u32,
    dedup: Dedup,
    recurrence: Recurrence,
    own_transaction: AtomicBool,
}

impl Admitted {
    pub(crate) fn new(verified: Verified, claimed: &crate::Claimed) -> Self {
        Self {
            inner: Arc::new(AdmittedInner {
                verified,
                fence: claimed.fence,
                attempt: claimed.attempt,
                dedup: if claimed.takeover {
                    Dedup::Takeover
                } else {
                    Dedup::Fresh
                },
                recurrence: claimed.recurrence,
                own_transaction: AtomicBool::new(false),
            }),
        }
    }

    /// A delivery that runs although the store does not answer.
    pub(crate) fn unclaimed(verified: Verified) -> Self {
        Self {
            inner: Arc::new(AdmittedInner {
                verified,
                fence: Fence::from_u64(0),
                attempt: 1,
                dedup: Dedup::Unavailable,
                recurrence: Recurrence::None,
                own_transaction: AtomicBool::new(false),
            }),
        }
    }

    /// Says that the handler completes this delivery in a transaction of its own, and with what: for
    /// the `complete_in` of a store that lives in the application's database.
    ///
    /// After a handler that called this, the receiver only looks whether the delivery was completed:
    /// if not, the transaction was rolled back, and the delivery is given back.
    #[must_use = "the delivery is not completed unless the handler does it"]
    pub fn completion(&self) -> Completion {
        self.inner.own_transaction.store(true, Ordering::Relaxed);
        self.how_to_complete()
    }

    pub(crate) fn how_to_complete(&self) -> Completion {
        Completion {
            key: self.key(),
            fence: self.fence(),
            retention: identity::retention(self, self.receiver().retention),
        }
    }

    pub(crate) fn completes_itself(&self) -> bool {
        self.inner.own_transaction.load(Ordering::Relaxed)
    }

    /// The number that grows each time the delivery changes hands; guard your own writes with it.
    /// Zero where there is no claim, because the store does not answer
    /// ([`StoreOutage::FailOpen`](crate::StoreOutage)).
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.inner.fence
    }

    /// Which claim this is: above 1 where earlier ones were not settled within their lease, whether or
    /// not their handlers began.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.inner.attempt
    }

    /// Whether an earlier claim of this delivery was never settled: its run may have left effects in
    /// part, or may never have begun. Either way this run must do the work; completed duplicates do
    /// not reach a handler.
    #[must_use]
    pub fn is_takeover(&self) -> bool {
        self.inner.dedup == Dedup::Takeover
    }

    /// Whether the same signed bytes of the same type were the last that came about this entity, under
    /// another (unsigned) id, or there is no saying which entity it is: a replay, or a sender that
    /// says the same twice. Only types that may repeat get this far.
    #[must_use]
    pub fn is_repeat(&self) -> bool {
        self.inner.recurrence == Recurrence::Repeat
    }

    /// Whether the same signed bytes of the same type came before, under another (unsigned) id, and
    /// something else about this entity has come since: an entity that is again as it was (an invoice
    /// marked paid, unmarked, and marked paid again), or a replay of the first time. Where the
    /// difference is money, ask the sender how the entity stands.
    #[must_use]
    pub fn is_return(&self) -> bool {
        self.inner.recurrence == Recurrence::Return
    }

    /// Whether the same signed bytes of the same type came before under another (unsigned) id:
    /// [`is_repeat`](Self::is_repeat) or [`is_return`](Self::is_return).
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.inner.recurrence != Recurrence::None
    }

    pub(crate) fn recurrence(&self) -> Recurrence {
        self.inner.recurrence
    }

    /// What deduplication made of the delivery.
    #[must_use]
    pub fn dedup(&self) -> Dedup {
        self.inner.dedup
    }

    /// What a request is answered with whose body is not of the form that its handler expects: 422,
    /// or 200 where the receiver was told to discard such deliveries.
    #[must_use]
    pub fn unexpected_body(&self) -> Answer {
        let receiver = self.receiver();
        if receiver.discard_unexpected {
            receiver.notify.send(&Notice::Discarded(self));
            return Answer::done(Dedup::Discarded);
        }
        let rejection = Rejection::new(RejectionKind::UnexpectedBody);
        trace::refused(self.endpoint(), self.tenant(), &rejection);
        receiver.answer(rejection)
    }
}

/// What a handler completes its delivery with. Comes from [`Admitted::completion`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completion {
    /// The delivery.
    pub key: DeliveryKey,
    /// The claim.
    pub fence: Fence,
    /// For how long it is remembered.
    pub retention: Duration,
}

impl Completion {
    /// For tests of stores; handlers get theirs from [`Admitted::completion`].
    #[must_use]
    pub const fn new(key: DeliveryKey, fence: Fence, retention: Duration) -> Self {
        Self {
            key,
            fence,
            retention,
        }
    }
}

impl Deref for Admitted {
    type Target = Verified;

    fn deref(&self) -> &Verified {
        &self.inner.verified
    }
}

/// A delivery and what was made of its body.
///
/// It dereferences to [`Admitted`], and from there to [`Verified`]: id, type, time, tenant, matched
/// key, the exact bytes. Adapters wrap it into the extractor of their framework.
#[derive(Clone, Debug)]
pub struct Delivery<T = Raw> {
    admitted: Admitted,
    event: T,
}

impl<T: FromDelivery> Delivery<T> {
    /// Reads the body of an admitted delivery.
    ///
    /// # Errors
    ///
    /// When the body is not of the expected form. The typed events of the presets never fail.
    pub fn read(admitted: Admitted) -> Result<Self, PayloadError> {
        let event = T::from_delivery(&admitted)?;
        Ok(Self { admitted, event })
    }
}

impl<T> Delivery<T> {
    /// What was made of the body.
    #[must_use]
    pub const fn event(&self) -> &T {
        &self.event
    }

    /// What was made of the body, for keeping.
    #[must_use]
    pub fn into_event(self) -> T {
        self.event
    }

    /// The delivery without its event.
    #[must_use]
    pub const fn admitted(&self) -> &Admitted {
        &self.admitted
    }
}

impl<T> Deref for Delivery<T> {
    type Target = Admitted;

    fn deref(&self) -> &Admitted {
        &self.admitted
    }
}

/// The exact bytes of a delivery, for handlers that parse them on their own.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw(Bytes);

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.0.len())
    }
}

impl Raw {
    /// The bytes that were proved.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }
}

/// What can be made of a delivery's body: [`Raw`] bytes, the event of a preset, or anything that
/// serde can read from JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a delivery",
    note = "use `Raw`, a preset's `Event`, or a type that implements `serde::Deserialize`"
)]
pub trait FromDelivery: Sized {
    /// Reads the body.
    ///
    /// # Errors
    ///
    /// When the body is not of the expected form.
    fn from_delivery(verified: &Verified) -> Result<Self, PayloadError>;
}

impl FromDelivery for Raw {
    fn from_delivery(verified: &Verified) -> Result<Self, PayloadError> {
        Ok(Self(verified.body().clone()))
    }
}

impl<T: DeserializeOwned> FromDelivery for T {
    fn from_delivery(verified: &Verified) -> Result<Self, PayloadError> {
        serde_json::from_slice(verified.body()).map_err(|error| PayloadError(error.classify()))
    }
}

/// A proved body is not of the form that was asked for. It does not repeat any of it.
#[derive(Debug, PartialEq, Eq)]
pub struct PayloadError(serde_json::error::Category);

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            serde_json::error::Category::Data => "the body is JSON, but not of the expected form",
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => "the body is not JSON",
        })
    }
}

impl Error for PayloadError {}

/// What a handler can put into its response's extensions to overrule its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// This will never work: the delivery counts as done, and the sender gets 200.
    Discard,
    /// This may work later: the delivery is given back, and the sender gets 503 where the status
    /// would have been a success.
    Retry,
}
