//! What the typed events of all senders have in common.
//!
//! Each sender's module has an `Event` with one variant for every event type its public pages
//! list. This module holds what they share: the decoded body next to the bytes it came from
//! ([`Payload`]), the business object an event is about ([`Entity`]), money that never passes
//! through a float ([`MinorUnits`], [`BasisPoints`], [`Decimal`]), and JSON that no page describes
//! ([`RawJson`]).
//!
//! Decoding is lenient, because a signature proves who sent a body and not that its shape is the
//! one that was documented last year:
//!
//! - Every field is an [`Option`]. A field that is missing, `null`, or of another JSON type than
//!   documented is [`None`], and so is an empty id.
//! - Unknown fields are ignored.
//! - A nested object that holds a documented field twice is ambiguous, and is [`None`] as a whole.
//! - A body that is no JSON object, or that holds a documented field twice at its top, is the
//!   `Unknown` variant.
//!
//! Nothing is lost by that: the exact bytes that the signature covers are always there, on every
//! variant, as `raw()`. Decoding never fails, never panics, and never recurses with the body's
//! nesting.
//!
//! ```
//! use countersign_senders::{events::Decimal, invoice_maker, rebill_za};
//!
//! // The amount that is safe to book, or none.
//! fn paid_cents(event: &invoice_maker::Event) -> Option<i64> {
//!     let invoice_maker::Event::InvoicePaid(event) = event else {
//!         return None;
//!     };
//!     let paid = event.invoice()?.amount_paid.as_ref()?;
//!     paid.to_minor_units(2).map(|cents| cents.get())
//! }
//!
//! // Names match exactly, and money that does not fit the currency is not rounded.
//! assert!(rebill_za::EventType::from_name("invoice.paid").is_some());
//! assert!(rebill_za::EventType::from_name("Invoice.Paid").is_none());
//! assert!(Decimal::parse("0.305").unwrap().to_minor_units(2).is_none());
//! ```

mod id;
mod json;
mod macros;
mod money;
mod payload;

use bytes::Bytes;
use countersign_core::{EventName, HandedBody, Scheme, Verified};

pub(crate) use self::{
    id::id_types,
    json::{FromJson, Object},
    macros::{events, object, open_enum},
    payload::{Body, Short},
};
pub use self::{
    json::RawJson,
    money::{BasisPoints, Decimal, MinorUnits},
    payload::{Entity, EntityKind, Payload},
};

/// What a sender's `Event` is decoded from.
#[derive(Clone, Copy)]
pub(crate) struct EventInput<'a> {
    /// The event's name, signed or claimed; none when its header or field is missing.
    pub(crate) name: Option<&'a str>,
    /// A signed field contradicts the claimed type.
    pub(crate) contradicted: bool,
    /// The scheme knows this name as a ping.
    pub(crate) ping: bool,
    /// Exactly the bytes that were proved.
    pub(crate) body: &'a Bytes,
    /// What of them is JSON.
    pub(crate) json: &'a [u8],
}

impl<'a> EventInput<'a> {
    pub(crate) fn of(verified: &'a Verified) -> Self {
        Self {
            name: verified.event_type().map(EventName::as_str),
            contradicted: verified.is_contradicted(),
            ping: verified.is_ping(),
            body: verified.body(),
            json: verified.payload().unwrap_or_default(),
        }
    }

    pub(crate) fn of_handed(handed: &HandedBody<'a>, scheme: &Scheme) -> Self {
        let name = handed.event_type();
        Self {
            name,
            contradicted: handed.is_contradicted(scheme),
            ping: name.is_some_and(|name| scheme.pings().contains(&name)),
            body: handed.body(),
            json: handed.payload().unwrap_or_default(),
        }
    }
}
