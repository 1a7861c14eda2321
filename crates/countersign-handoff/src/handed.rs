//! The consumer's side: a message as what it was proved to be.

use core::{error::Error, fmt, ops::Deref};

use bytes::Bytes;
use countersign_core::{FromHanded, HandedBody, PayloadError, Raw};

use crate::envelope::{Body, Envelope, MARK, Malformed, Payload, form_field};

/// A delivery that a receiver proved and handed over: what a consumer gets in place of a
/// [`Delivery`](countersign_core::Delivery).
///
/// `T` is what is made of its body, as in a handler: the `Event` of a preset, any type that implements
/// `serde::Deserialize`, or [`Raw`] bytes. It dereferences to [`Envelope`], which has the same accessors, and
/// says when and by which endpoint it was proved.
///
/// The message proves nothing by itself. Whoever can write to the queue can write one, so write to it from
/// receivers alone.
///
/// ```
/// use countersign_handoff::Handed;
/// use countersign_senders::{invoice_maker, rebill_za};
///
/// let message = br#"{
///     "specversion": "1.0",
///     "id": "00000000000000000000000000000000000000000000000000000000000000aa",
///     "source": "rebill",
///     "type": "invoice.paid",
///     "datacontenttype": "application/json",
///     "endpoint": "rebill",
///     "scheme": "rebill-za",
///     "matchedkey": "key-1",
///     "provedat": "2026-11-03T20:26:10Z",
///     "signed": "body",
///     "partitionkey": "inv_1",
///     "fence": "7",
///     "attempt": 1,
///     "data_base64": "eyJpZCI6Imludl8xIiwic3RhdHVzIjoicGFpZCJ9"
/// }"#;
/// let handed = Handed::<rebill_za::Event>::from_json(message)?;
/// assert!(matches!(handed.event(), rebill_za::Event::InvoicePaid(_)));
/// assert_eq!(handed.subject(), Some("inv_1"));
/// assert!(!handed.event_type().unwrap().is_signed());
///
/// // What is of another sender, or of nobody's, is refused.
/// assert!(Handed::<invoice_maker::Event>::from_json(message).is_err());
/// assert!(Handed::<rebill_za::Event>::from_json(br#"{"specversion": "1.0"}"#).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Handed<T = Raw> {
    envelope: Envelope,
    body: Bytes,
    event: T,
}

impl<T: FromHanded> Handed<T> {
    /// Reads what a message holds.
    ///
    /// # Errors
    ///
    /// When its body is kept elsewhere ([`Envelope::data_ref`]; fetch it, and call
    /// [`Envelope::with_body`] first), or cannot be read as a `T`.
    pub fn read(envelope: Envelope) -> Result<Self, HandedError> {
        let Body::Here(body) = &envelope.body else {
            return Err(HandedError::Elsewhere);
        };
        let body = body.clone();
        let field;
        let payload = match &envelope.payload {
            Payload::Whole => Some(body.strip_prefix(MARK).unwrap_or(&body)),
            Payload::Form(name) => {
                field = form_field(&body, name);
                field.as_deref()
            }
            Payload::Decoded | Payload::Missing => None,
        };
        let name = envelope.event.as_deref();
        let handed = HandedBody::new(&envelope.scheme, &body)
            .event(name, envelope.contradicted)
            .read_as(payload);
        let event = T::from_handed(&handed)?;
        Ok(Self {
            envelope,
            body,
            event,
        })
    }

    /// Reads a message in [structured mode](Envelope::to_json).
    ///
    /// # Errors
    ///
    /// When it is none, and as [`read`](Self::read).
    pub fn from_json(json: &[u8]) -> Result<Self, HandedError> {
        Self::read(Envelope::from_json(json)?)
    }

    /// Reads a message in [binary mode](Envelope::headers).
    ///
    /// # Errors
    ///
    /// When it is none, and as [`read`](Self::read).
    pub fn from_headers<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: Bytes,
    ) -> Result<Self, HandedError> {
        Self::read(Envelope::from_headers(headers, body)?)
    }
}

impl<T> Handed<T> {
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

    /// The body: exactly the bytes that were proved.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The message without its event.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}

impl<T> Deref for Handed<T> {
    type Target = Envelope;

    fn deref(&self) -> &Envelope {
        &self.envelope
    }
}

/// Why a message is not handled. None of them becomes better by trying again, but
/// [`Elsewhere`](Self::Elsewhere): such a message belongs to the dead letters.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandedError {
    /// It is no delivery that was handed over.
    Malformed(Malformed),
    /// Its body is kept elsewhere.
    Elsewhere,
    /// Its body cannot be read as what was asked for.
    Unreadable(PayloadError),
}

impl From<Malformed> for HandedError {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl From<PayloadError> for HandedError {
    fn from(error: PayloadError) -> Self {
        Self::Unreadable(error)
    }
}

impl fmt::Display for HandedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(_) => {
                f.write_str("a message of the queue was not written by a hand-off")
            }
            Self::Elsewhere => f.write_str("the body is kept elsewhere: see `data_ref`"),
            Self::Unreadable(_) => f.write_str("the body of a message cannot be read"),
        }
    }
}

impl Error for HandedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Malformed(error) => Some(error),
            Self::Unreadable(error) => Some(error),
            Self::Elsewhere => None,
        }
    }
}
