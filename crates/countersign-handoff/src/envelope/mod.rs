//! The message: a CloudEvents 1.0 event around the exact bytes of a delivery.

// docs/decisions.md: D93, D94, D105.

mod binary;
mod json;
mod malformed;
mod names;
mod text;
mod times;

use core::fmt;

use bytes::Bytes;
use countersign_core::{
    Admitted, DeliveryKey, EventName, Fence, Received, Recurrence, Scheme, Timestamp, Verified,
};

pub(crate) use self::text::form_field;
use sha2::{Digest, Sha256};

use self::names::BODY_TYPE;
pub use self::{
    binary::CE_PREFIX,
    malformed::{Malformed, MalformedKind},
};

/// A proved delivery as a message: what a [`Publisher`](crate::Publisher) hands to its engine, and what a
/// consumer reads.
///
/// | attribute | what it is |
/// | --- | --- |
/// | `id` | the [delivery key](DeliveryKey) in hexadecimal: the same for every copy, so a consumer deduplicates by it |
/// | `source` | the endpoint's name, percent-encoded; [`HandOffBuilder::source`](crate::HandOffBuilder::source) sets another |
/// | `type` | the event's type; `countersign.untyped` where there is none |
/// | `time` | the sender's, where the signature covers one |
/// | `datacontenttype` | `application/json`, a form, or bytes: as the signed bytes are, not as a header said |
/// | `partitionkey` | the entity, where the scheme says where it is |
/// | `endpoint` `scheme` `tenant` `matchedkey` | which receiver proved it, under whose rules, with which key |
/// | `provedat` | when |
/// | `signed` | what the signature covers: some of `body id type time` |
/// | `deliveryid` `attemptid` | the sender's ids |
/// | `recurrence` | `repeat` or `return`, where the same bytes came before |
/// | `contradicted` | `true` where a signed field contradicts the type |
/// | `fence` `attempt` | of the claim under which it was handed over |
/// | `payload` | what of the bytes is read as JSON, where that is not all of them |
/// | `proved` | what was proved, in base64, where the signature covers that in place of the body |
/// | `dataref` `datasha256` | where the body is kept instead, and its hash |
///
/// A text that no attribute may hold (a control character in an id) is in base64 under the same name
/// with `b64` behind it.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    pub(crate) key: DeliveryKey,
    pub(crate) source: String,
    pub(crate) endpoint: String,
    pub(crate) scheme: String,
    pub(crate) tenant: Option<String>,
    pub(crate) matched_key: String,
    pub(crate) event: Option<String>,
    pub(crate) signed: Signed,
    pub(crate) delivery_id: Option<String>,
    pub(crate) attempt_id: Option<String>,
    pub(crate) entity: Option<String>,
    pub(crate) time: Option<Timestamp>,
    pub(crate) proved_at: Timestamp,
    pub(crate) recurrence: Recurrence,
    pub(crate) contradicted: bool,
    pub(crate) fence: Fence,
    pub(crate) attempt: u32,
    pub(crate) content_type: String,
    pub(crate) payload: Payload,
    pub(crate) proved: Option<Bytes>,
    pub(crate) body: Body,
}

/// The byte order mark of UTF-8, which a reader may ignore.
pub(crate) const MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// What a signature covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) body: bool,
    pub(crate) id: bool,
    pub(crate) event: bool,
    pub(crate) time: bool,
}

/// What of a body is read as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// All of it but a byte order mark.
    Whole,
    /// This field of a form.
    Form(String),
    /// The text that was compressed, which only the process that proved it has.
    Decoded,
    /// Nothing.
    Missing,
}

/// Where the body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Here(Bytes),
    /// In the application's place, under a reference; and its hash.
    There {
        at: String,
        sha256: [u8; 32],
    },
}

impl Envelope {
    /// The message of a delivery.
    #[must_use]
    pub fn of(delivery: &Admitted) -> Self {
        let (received, scheme): (&Received, &Scheme) = (delivery, delivery.scheme());
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let payload = Payload::of(received);
        Self {
            key: received.key(),
            source: text::percent_encoded(received.endpoint(), text::is_unreserved),
            endpoint: received.endpoint().to_owned(),
            scheme: scheme.name().to_owned(),
            tenant: owned(received.tenant()),
            matched_key: received.matched_key().to_owned(),
            event: owned(received.event_type().map(EventName::as_str)),
            signed: Signed {
                body: scheme.body_is_signed(),
                id: received.id().is_some() && scheme.id_is_signed(),
                event: received.event_type().is_some() && scheme.event_is_signed(),
                time: received.time().is_some() && scheme.time_is_signed(),
            },
            delivery_id: owned(received.id()),
            attempt_id: owned(received.attempt_id()),
            entity: owned(received.subject()),
            time: received.time().filter(|_| scheme.time_is_signed()),
            proved_at: received.received_at(),
            recurrence: match (delivery.is_repeat(), delivery.is_return()) {
                (true, _) => Recurrence::Repeat,
                (_, true) => Recurrence::Return,
                _ => Recurrence::None,
            },
            contradicted: received.is_contradicted(),
            fence: delivery.fence(),
            attempt: delivery.attempt(),
            content_type: content_type(&payload, received).to_owned(),
            payload,
            proved: received
                .proved_message()
                .filter(|_| !scheme.body_is_signed())
                .cloned(),
            body: Body::Here(received.body().clone()),
        }
    }

    /// The delivery's key: the same for every copy of it. A consumer deduplicates by it.
    #[must_use]
    pub const fn key(&self) -> DeliveryKey {
        self.key
    }

    /// The message's `id`: the [key](Self::key) in hexadecimal.
    #[must_use]
    pub fn message_id(&self) -> String {
        const_hex::encode(self.key.as_bytes())
    }

    /// Where the event comes from, in the sense of CloudEvents.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The endpoint whose receiver proved the delivery.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// When its signature was proved.
    #[must_use]
    pub const fn proved_at(&self) -> Timestamp {
        self.proved_at
    }

    /// The name of the scheme that the signature was checked under.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The tenant, by the id that the lookup returned.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The label of the key that made the signature.
    #[must_use]
    pub fn matched_key(&self) -> &str {
        &self.matched_key
    }

    /// Whether the signature covers the body.
    #[must_use]
    pub const fn body_is_signed(&self) -> bool {
        self.signed.body
    }

    /// The sender's id of the delivery, where there is one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.delivery_id.as_deref()
    }

    /// What the signature covers in place of the body, where it does not cover that: the message of a
    /// [`Procedure`](countersign_core::scheme::Procedure), as
    /// [`Verified::proved_message`] has it in a handler. The rest of the body is proved by nothing.
    ///
    /// Also none where it is longer than 24 KiB and the message came in
    /// [binary mode](Self::headers), whose headers have no room for it, or its body is
    /// [kept elsewhere](Self::data_ref). A consumer that needs it must then refuse the message, and not read the
    /// body instead.
    #[must_use]
    pub const fn proved_message(&self) -> Option<&Bytes> {
        self.proved.as_ref()
    }

    /// Whether the signature covers the id.
    #[must_use]
    pub const fn id_is_signed(&self) -> bool {
        self.signed.id
    }

    /// The event's type, where there is one.
    #[must_use]
    pub fn event_type(&self) -> Option<EventName<'_>> {
        let name = self.event.as_deref()?;
        Some(EventName::new(name, self.signed.event))
    }

    /// Whether a signed field of the body contradicts the (unsigned) event type.
    #[must_use]
    pub const fn is_contradicted(&self) -> bool {
        self.contradicted
    }

    /// The entity that the delivery is about: messages of one entity are to be handled in order.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.entity.as_deref()
    }

    /// The sender's id of the attempt, unsigned.
    #[must_use]
    pub fn attempt_id(&self) -> Option<&str> {
        self.attempt_id.as_deref()
    }

    /// When the sender says it sent this, where the signature covers that.
    #[must_use]
    pub const fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// Whether the same bytes of the same type were the last that came about this entity.
    #[must_use]
    pub fn is_repeat(&self) -> bool {
        self.recurrence == Recurrence::Repeat
    }

    /// Whether the same bytes of the same type came before, and something else about this entity since.
    #[must_use]
    pub fn is_return(&self) -> bool {
        self.recurrence == Recurrence::Return
    }

    /// Whether the same bytes of the same type came before under another (unsigned) id.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.recurrence != Recurrence::None
    }

    /// The fence of the claim under which it was handed over.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        self.fence
    }

    /// Which claim that was.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// What the bytes are.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The body: exactly the bytes that were proved. None where the message only says where it is.
    #[must_use]
    pub const fn body(&self) -> Option<&Bytes> {
        match &self.body {
            Body::Here(body) => Some(body),
            Body::There { .. } => None,
        }
    }

    /// Where the body is kept, if not in the message.
    #[must_use]
    pub fn data_ref(&self) -> Option<&str> {
        match &self.body {
            Body::Here(_) => None,
            Body::There { at, .. } => Some(at),
        }
    }

    /// The same message with its body in it, fetched from where it was [kept](Self::data_ref).
    ///
    /// # Errors
    ///
    /// When it is not the body that was proved, by its hash.
    pub fn with_body(mut self, body: Bytes) -> Result<Self, Malformed> {
        if let Body::There { sha256, .. } = &self.body {
            if hash(&body) != *sha256 {
                return Err(Malformed::unreadable(names::DATA_REF));
            }
            self.body = Body::Here(body);
        }
        Ok(self)
    }

    /// Leaves the body out, and says where it is kept.
    pub(crate) fn leave_body_at(&mut self, at: String) {
        if let Body::Here(body) = &self.body {
            let sha256 = hash(body);
            self.body = Body::There { at, sha256 };
            // Else it may be what is too large.
            self.proved = self.proved.take().filter(|proved| fits_a_header(proved));
        }
    }

    fn type_attribute(&self) -> &str {
        let event = self.event.as_deref();
        event
            .filter(|name| text::is_allowed(name))
            .unwrap_or(names::UNTYPED)
    }
}

/// NATS takes 64 KiB of headers, and this is base64 in one of them.
fn fits_a_header(proved: &[u8]) -> bool {
    proved.len() <= 24 * 1_024
}

pub(crate) fn hash(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

impl Payload {
    fn of(verified: &Verified) -> Self {
        let body = verified.body();
        let Some(payload) = verified.payload() else {
            return Self::Missing;
        };
        if body.strip_prefix(MARK).unwrap_or(body) == payload {
            return Self::Whole;
        }
        match verified.scheme().form_field() {
            Some(name) if form_field(body, name).as_deref() == Some(payload) => {
                Self::Form(name.to_owned())
            }
            _ => Self::Decoded,
        }
    }
}

/// What the signed bytes are, whatever the request's unsigned header says.
fn content_type(payload: &Payload, verified: &Verified) -> &'static str {
    let payload_bytes = verified.payload().unwrap_or_default();
    let first = payload_bytes
        .iter()
        .find(|byte| !byte.is_ascii_whitespace());
    match (payload, first) {
        (Payload::Form(_) | Payload::Missing, _) => "application/x-www-form-urlencoded",
        (Payload::Decoded, _) => BODY_TYPE,
        (Payload::Whole, Some(b'{' | b'[')) => "application/json",
        (Payload::Whole, _) => BODY_TYPE,
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("key", &self.key)
            .field("endpoint", &self.endpoint)
            .field("scheme", &self.scheme)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}
