//! A decoded body with its bytes, and what it is about.

use core::{fmt, ops::Deref};

use bytes::Bytes;
use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::{FromJson, RawJson};

/// A decoded body and the exact bytes it was decoded from.
///
/// It dereferences to the decoded value, so documented fields read as if it were the value itself.
/// What the value leaves out (unknown fields, fields of another type than documented) is in
/// [`raw`](Self::raw).
///
/// `Debug` prints the number of bytes only, so that a logged event holds nobody's address; print
/// `*payload` to see the fields.
///
/// ```
/// use countersign_senders::{events::Payload, rebill_za::{Invoice, InvoiceStatus}};
///
/// fn is_paid(invoice: &Payload<Invoice>) -> bool {
///     invoice.status == Some(InvoiceStatus::Paid)
/// }
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Payload<T> {
    // Boxed so that an event is a few words, whatever its largest payload is.
    value: Box<T>,
    raw: Bytes,
}

impl<T> Payload<T> {
    /// The bytes that the signature covers, exactly as they arrived.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The decoded value alone.
    #[must_use]
    pub fn into_inner(self) -> T {
        *self.value
    }

    /// Decodes a body; none when it is not one JSON object that can be read in one way only.
    pub(crate) fn decode(raw: &Bytes, json: &[u8]) -> Option<Self>
    where
        T: FromJson,
    {
        let json: &RawValue = serde_json::from_slice(json).ok()?;
        if !json.get().starts_with('{') {
            return None;
        }
        Some(Self {
            value: Box::new(T::from_json(json)?),
            raw: raw.clone(),
        })
    }
}

impl<T> Deref for Payload<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> fmt::Debug for Payload<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("bytes", &self.raw.len())
            .finish_non_exhaustive()
    }
}

/// The business object that an event is about.
///
/// One action can send several events (a single payment may send three), each with its own
/// delivery id, so deduplication rightly lets all of them through. What they share is the entity:
/// act on one of the event types, and use the entity to recognise the others.
///
/// ```
/// use countersign_senders::{events::EntityKind, rebill_za};
///
/// fn invoice_id(event: &rebill_za::Event) -> Option<&str> {
///     let entity = event.entity()?;
///     (entity.kind == EntityKind::Invoice).then_some(entity.id)
/// }
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Entity<'a> {
    /// What kind of object it is.
    pub kind: EntityKind,
    /// The sender's id of the object; unique for its kind, within one account at the sender.
    pub id: &'a str,
}

impl<'a> Entity<'a> {
    pub(crate) fn new(kind: EntityKind, id: Option<&'a str>) -> Option<Self> {
        Some(Self { kind, id: id? })
    }
}

/// The kind of an [`Entity`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum EntityKind {
    /// An invoice.
    Invoice,
    /// A quote.
    Quote,
    /// A client.
    Client,
}

impl EntityKind {
    /// The kind in lower case, as a label for logs and columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::Quote => "quote",
            Self::Client => "client",
        }
    }
}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an event can say about itself, whatever its body is.
pub(crate) trait Body {
    /// The object that the body is about; none when no documented field names it.
    fn entity(&self) -> Option<Entity<'_>> {
        None
    }

    /// When the event happened; none when no documented field says so.
    fn occurred_at(&self) -> Option<OffsetDateTime> {
        None
    }
}

/// Nothing is known of a body that no page describes.
impl Body for RawJson {}

/// The start of a text that a sender controls, for `Debug`.
pub(crate) struct Short<'a>(pub(crate) &'a str);

impl Short<'_> {
    const CHARS: usize = 64;
}

impl fmt::Debug for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(Self::CHARS) {
            Some((at, _)) => write!(f, "{:?}..", self.0.get(..at).unwrap_or_default()),
            None => write!(f, "{:?}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_cut_between_characters() {
        assert_eq!(format!("{:?}", Short("ping")), r#""ping""#);
        let long = "é".repeat(1_000_000);
        assert_eq!(
            format!("{:?}", Short(&long)),
            format!("\"{}\"..", "é".repeat(64))
        );
    }
}
