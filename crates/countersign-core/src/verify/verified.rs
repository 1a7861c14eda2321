//! The proof that a request's signature was right.

use core::{fmt, time::Duration};
use std::sync::Arc;

use bytes::Bytes;

use super::{
    body::Reservation, content::Payload, handshake::SignedHandshake, procedure::Proved, signed,
};
use crate::{
    clock::Timestamp,
    mac::Tags,
    scheme::Scheme,
    texts::{TextRef, Texts},
};

/// A delivery whose signature was proved over exactly the bytes it holds.
///
/// Only [`Intake::finish`](super::Intake::finish) and [`Verifier::verify`](super::Verifier::verify)
/// make one, so code that is handed one cannot have skipped the check:
///
/// ```compile_fail
/// let forged = countersign_core::Verified { };
/// ```
///
/// What it says about id, type and time is only as good as the scheme: see
/// [`EventName::is_signed`] and [`id_is_signed`](Self::id_is_signed).
pub struct Verified {
    parts: VerifiedParts,
}

/// What the intake found out.
pub(super) struct VerifiedParts {
    pub(super) tenant: Option<Arc<str>>,
    pub(super) matched: Arc<str>,
    pub(super) tags: Tags,
    pub(super) texts: Texts,
    pub(super) id: Option<TextRef>,
    pub(super) event: Option<TextRef>,
    pub(super) standing: Standing,
    pub(super) subject: Option<TextRef>,
    pub(super) attempt_id: Option<TextRef>,
    pub(super) time: Option<Timestamp>,
    pub(super) received_at: Timestamp,
    pub(super) handshake: Option<Box<SignedHandshake>>,
    /// The request that an item came in.
    pub(super) whole: Option<Arc<Verified>>,
    /// What a procedure named and a key made.
    pub(super) proved: Option<Arc<Proved>>,
    pub(super) body: Bytes,
    pub(super) payload: Payload,
    pub(super) held: Reservation,
}

/// What the signed body says about the claimed event type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Unopposed,
    Contradicted,
}

/// The name of an event's type, and whether the signature covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventName<'a> {
    name: &'a str,
    signed: bool,
}

impl<'a> EventName<'a> {
    /// A name, for whoever passes on what was proved elsewhere. It proves nothing.
    #[must_use]
    pub const fn new(name: &'a str, signed: bool) -> Self {
        Self { name, signed }
    }

    /// The name, such as `invoice.paid`.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.name
    }

    /// False where the name is only a claim by whoever sent the request.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        self.signed
    }
}

impl Verified {
    pub(super) const fn new(parts: VerifiedParts) -> Self {
        Self { parts }
    }

    /// An item of a proved body, the n-th. Its text was proved with the rest of it; by a procedure that signs
    /// items, what its own message holds.
    pub(super) fn item(whole: &Arc<Self>, at: usize, text: Bytes) -> Self {
        let parts = &whole.parts;
        let policy = parts.held.policy();
        let mut texts = Texts::default();
        let taken = signed::read_item(&policy.scheme, &text, &mut texts);
        Self::new(VerifiedParts {
            tenant: parts.tenant.clone(),
            matched: Arc::clone(&parts.matched),
            // The request's say nothing of one item.
            tags: Tags::new(policy.scheme.algorithm()),
            texts,
            id: taken.id,
            event: taken.event,
            standing: Standing::Unopposed,
            subject: taken.subject,
            attempt_id: None,
            time: parts.time,
            received_at: parts.received_at,
            handshake: None,
            whole: Some(Arc::clone(whole)),
            proved: parts.proved.as_ref().and_then(|proved| proved.item(at)),
            body: text,
            payload: Payload::Whole,
            held: Reservation::new(Arc::clone(policy)),
        })
    }

    /// The body: exactly the bytes that were proved. Where the sender compresses, that is what its scheme says
    /// is signed ([`Compression`](crate::scheme::Compression)). For an item of a [batch](Scheme::batch), the item.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.parts.body
    }

    /// The body that the signature covers: for an item of a [batch](Scheme::batch), the one that it came
    /// in.
    #[must_use]
    pub fn whole_body(&self) -> &Bytes {
        match &self.parts.whole {
            Some(whole) => whole.body(),
            None => self.body(),
        }
    }

    /// The message that was proved in place of the body, where the scheme has a
    /// [`Procedure`](crate::scheme::Procedure). It tells deliveries apart that have no id. In a
    /// [batch](Scheme::batch) whose items are signed one by one, each item has its own, and the whole none.
    #[must_use]
    pub fn proved_message(&self) -> Option<&Bytes> {
        self.parts.proved.as_ref()?.message()
    }

    /// What tells the delivery apart where there is no id: what the signature covers.
    pub(crate) fn proved_or_body(&self) -> &Bytes {
        let proved = self.parts.proved.as_ref();
        let message = proved.and_then(|proved| proved.tells_apart(self.scheme()));
        message.unwrap_or_else(|| self.body())
    }

    pub(super) fn payload_bytes(&self) -> Option<Bytes> {
        self.parts.payload.bytes(self.body())
    }

    /// Whether the body is to be taken apart before anything is done with it.
    pub(crate) fn is_whole_batch(&self) -> bool {
        self.scheme().batch().is_some() && self.parts.whole.is_none()
    }

    /// What of the body is read as JSON: all of it but a byte order mark, or, where the sender sent a
    /// form, the field that its scheme names. Of a body that is signed as it was compressed, it is read from the
    /// text. `None` where a form does not have that field exactly once.
    #[must_use]
    pub fn payload(&self) -> Option<&[u8]> {
        self.parts.payload.of(self.body())
    }

    /// Whether the signature covers the body. False where the sender sends a secret and signs nothing
    /// ([`Scheme::token`]): then whoever knows the secret wrote the body, or changed it on its way.
    #[must_use]
    pub fn body_is_signed(&self) -> bool {
        self.scheme().body_is_signed()
    }

    /// The delivery's id, where there is one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.parts.texts.get(self.parts.id)
    }

    /// Whether the signature covers the id.
    #[must_use]
    pub fn id_is_signed(&self) -> bool {
        self.scheme().id_is_signed()
    }

    /// The event's type, where there is one.
    #[must_use]
    pub fn event_type(&self) -> Option<EventName<'_>> {
        let name = self.parts.texts.get(self.parts.event)?;
        Some(EventName {
            name,
            signed: self.scheme().event_is_signed(),
        })
    }

    /// Whether a signed field of the body contradicts the (unsigned) event type.
    #[must_use]
    pub fn is_contradicted(&self) -> bool {
        self.parts.standing == Standing::Contradicted
    }

    /// Whether the event only tests the endpoint.
    #[must_use]
    pub fn is_ping(&self) -> bool {
        self.event_type()
            .is_some_and(|name| self.scheme().pings().contains(&name.as_str()))
    }

    /// Whether the body is a [handshake](crate::scheme::Handshake) of the scheme's and no event. A
    /// [`Receiver`](crate::Receiver) answers it; whoever verifies without one answers it as the sender's
    /// pages say, and takes it for nothing else.
    #[must_use]
    pub const fn is_handshake(&self) -> bool {
        self.parts.handshake.is_some()
    }

    /// The entity that the delivery is about, as the signed body names it; where the scheme says
    /// where.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.parts.texts.get(self.parts.subject)
    }

    /// The id of this attempt, new on every retry and unsigned: for logs only.
    #[must_use]
    pub fn attempt_id(&self) -> Option<&str> {
        self.parts.texts.get(self.parts.attempt_id)
    }

    /// When the sender says it sent this; signed where the scheme signs a time.
    #[must_use]
    pub const fn time(&self) -> Option<Timestamp> {
        self.parts.time
    }

    /// How late the delivery is: its signed time's age, where that is more than the
    /// [tolerance](crate::scheme::Tolerance) allows ahead. A retry that keeps its first time is late;
    /// one that is not is `None`.
    #[must_use]
    pub fn lateness(&self) -> Option<Duration> {
        let usual = self.parts.held.policy().tolerance?.future;
        let age = self.received_at().saturating_since(self.time()?);
        (age.as_secs() > usual.as_secs()).then_some(age)
    }

    /// When the request's head was judged.
    #[must_use]
    pub const fn received_at(&self) -> Timestamp {
        self.parts.received_at
    }

    /// The label of the key that made the signature: tells when an old secret is no longer used.
    #[must_use]
    pub fn matched_key(&self) -> &str {
        &self.parts.matched
    }

    /// The tenant, by the id that the lookup returned.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.parts.tenant.as_deref()
    }

    /// The scheme that the signature was checked under.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.parts.held.policy().scheme
    }

    pub(crate) fn tenant_arc(&self) -> Option<Arc<str>> {
        self.parts.tenant.clone()
    }

    pub(crate) fn handshake(&self) -> Option<&SignedHandshake> {
        self.parts.handshake.as_deref()
    }

    /// The tags under all active keys.
    pub(crate) const fn tags(&self) -> &Tags {
        &self.parts.tags
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("scheme", &self.scheme().name())
            .field("tenant", &self.tenant())
            .field("matched_key", &self.matched_key())
            .field("body_len", &self.body().len())
            .finish_non_exhaustive()
    }
}
