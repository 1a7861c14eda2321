//! What is made of a body that another process proved, and handed over by a queue.

// docs/decisions.md: D92.

use core::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{Fault, PayloadError, Raw};
use crate::{scheme::Scheme, verify};

/// A body that came through a queue, and what the message says of it: what [`FromHanded`] reads.
///
/// It proves nothing, and is no [`Verified`](crate::Verified): whoever can write to the queue can say the
/// same. Applications meet it in `countersign-handoff`, which fills it from a message.
#[derive(Clone, Copy)]
pub struct HandedBody<'a> {
    scheme: &'a str,
    event: Option<&'a str>,
    contradicted: bool,
    body: &'a Bytes,
    payload: Option<&'a [u8]>,
}

impl<'a> HandedBody<'a> {
    /// A body that was proved under the scheme of this name.
    #[must_use]
    pub const fn new(scheme: &'a str, body: &'a Bytes) -> Self {
        Self {
            scheme,
            event: None,
            contradicted: false,
            body,
            payload: Some(&[]),
        }
    }

    /// The name of the event's type, and whether a signed field [contradicts](crate::Verified::is_contradicted)
    /// it.
    #[must_use]
    pub const fn event(mut self, name: Option<&'a str>, contradicted: bool) -> Self {
        self.event = name;
        self.contradicted = contradicted;
        self
    }

    /// What of the body is read as JSON, as [`Verified::payload`](crate::Verified::payload) has it.
    #[must_use]
    pub const fn read_as(mut self, payload: Option<&'a [u8]>) -> Self {
        self.payload = payload;
        self
    }

    /// The name of the event's type.
    #[must_use]
    pub const fn event_type(&self) -> Option<&'a str> {
        self.event
    }

    /// The body: exactly the bytes that were proved.
    #[must_use]
    pub const fn body(&self) -> &'a Bytes {
        self.body
    }

    /// What of the body is read as JSON.
    #[must_use]
    pub const fn payload(&self) -> Option<&'a [u8]> {
        self.payload
    }

    /// Refuses a body that was not proved under a sender's scheme, by the scheme's name.
    ///
    /// # Errors
    ///
    /// When the message names another scheme.
    pub fn expect_sender(&self, of: &Scheme) -> Result<(), PayloadError> {
        match self.scheme == of.name() {
            true => Ok(()),
            false => Err(PayloadError(Fault::HandedSender { wanted: of.name() })),
        }
    }

    /// Whether the signed body contradicts the event's type: as the message says, or by the rules of the
    /// consumer's own scheme, whatever those of the process that proved it were.
    #[must_use]
    pub fn is_contradicted(&self, of: &Scheme) -> bool {
        self.contradicted
            || self
                .event
                .is_some_and(|name| verify::contradicts(of, name, self.payload.unwrap_or_default()))
    }
}

impl fmt::Debug for HandedBody<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandedBody")
            .field("scheme", &self.scheme)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What a queue's consumer can make of a delivery that was handed over: [`Raw`] bytes, the event of a
/// preset, or anything that serde can read from JSON.
///
/// The counterpart of [`FromDelivery`](super::FromDelivery), which reads what this process proved itself. A
/// type of your own that implements the one by hand, and is read from a queue, implements both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a delivery that was handed over",
    note = "use `Raw`, a preset's `Event`, or a type that implements `serde::Deserialize`"
)]
pub trait FromHanded: Sized {
    /// Reads the body.
    ///
    /// # Errors
    ///
    /// When the body is not of the expected form.
    fn from_handed(handed: &HandedBody<'_>) -> Result<Self, PayloadError>;
}

impl FromHanded for Raw {
    fn from_handed(handed: &HandedBody<'_>) -> Result<Self, PayloadError> {
        Ok(Self(handed.body().clone()))
    }
}

impl<T: DeserializeOwned> FromHanded for T {
    fn from_handed(handed: &HandedBody<'_>) -> Result<Self, PayloadError> {
        let payload = handed.payload().ok_or(PayloadError(Fault::Form))?;
        Ok(serde_json::from_slice(payload)?)
    }
}
