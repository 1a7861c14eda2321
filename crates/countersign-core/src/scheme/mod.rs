//! How a sender signs, as data.
//!
//! A [`Scheme`] says where the signature is, its grammar, which bytes it covers, how the key is
//! read, where id, type and time are, and which of those the signature covers. It holds `'static`
//! data only, so it is a constant, and one that cannot be right does not compile:
//!
//! ```
//! use countersign_core::scheme::Scheme;
//!
//! const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
//!     .prefix("sha256=")
//!     .id_header("X-Acme-Delivery")
//!     .declare();
//! assert_eq!(ACME.signature_header(), "X-Acme-Signature");
//! ```
//!
//! ```compile_fail
//! use countersign_core::scheme::{Part, Scheme};
//!
//! // The body is not among the signed parts.
//! const OPEN: Scheme = Scheme::body_hmac("X-Acme-Signature")
//!     .signed(&[Part::Timestamp])
//!     .time_header("X-Acme-Time")
//!     .declare();
//! # let _ = OPEN;
//! ```

use core::time::Duration;

use crate::Algorithm;

mod builder;
mod check;
mod signature;
mod template;
#[cfg(test)]
mod tests;

pub use self::{builder::SchemeBuilder, check::SchemeError};
pub(crate) use self::{
    signature::{SignatureFault, parse as parse_signature},
    template::{Segment, Segments},
};

/// How one sender signs its requests. See the [module docs](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    pub(crate) name: &'static str,
    pub(crate) location: Location,
    pub(crate) grammar: Grammar,
    pub(crate) algorithm: Algorithm,
    pub(crate) encoding: Encoding,
    pub(crate) key_format: KeyFormat,
    pub(crate) signed: &'static [Part],
    pub(crate) time: Option<TimeRule>,
    pub(crate) tolerance: Option<Tolerance>,
    pub(crate) id: Option<Place>,
    pub(crate) id_must_be_signed: bool,
    pub(crate) event: Option<Place>,
    pub(crate) id_copy: Option<&'static str>,
    pub(crate) event_copy: Option<&'static str>,
    pub(crate) attempt_header: Option<&'static str>,
    pub(crate) events: &'static [EventRule],
    pub(crate) unlisted_once: bool,
    pub(crate) pings: &'static [&'static str],
    pub(crate) content_types: &'static [&'static str],
    pub(crate) body_limit: usize,
    pub(crate) retry_span: Duration,
    pub(crate) response_budget: Duration,
    pub(crate) switch_off_after: Option<u32>,
    pub(crate) evidence: &'static str,
}

/// Which header or headers carry the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// One header, which must occur exactly once.
    Header(&'static str),
    /// Several accepted names in order of preference; the first that is present counts.
    AnyOf(&'static [&'static str]),
    /// One header that may be repeated; every value is a candidate.
    Repeated(&'static str),
    /// A stem followed by 1, 2, 3 and so on; every one present is a candidate.
    Numbered(&'static str),
}

/// How the value of a signature header is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grammar {
    /// The encoded tag alone.
    Bare,
    /// A prefix that must be there, then the tag.
    Prefix(&'static str),
    /// A prefix that may be there, then the tag.
    OptionalPrefix(&'static str),
    /// `key=value` pairs. Pairs with a listed key are tags; unlisted keys are ignored.
    Pairs {
        /// What separates two pairs, one ASCII character.
        separator: char,
        /// Keys whose values are tags, the accepted versions.
        tags: &'static [&'static str],
    },
    /// `version,value` entries separated by spaces; entries of unlisted versions are ignored.
    Versioned(&'static [&'static str]),
}

/// How a tag is written in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Hexadecimal, either case.
    Hex,
    /// Standard base64, padding optional.
    Base64,
    /// URL-safe base64, padding optional.
    Base64Url,
}

/// How the text of a secret becomes key bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFormat {
    /// The text's own bytes, also where it looks like hex or base64.
    Text,
    /// The text's own bytes; a secret without this prefix is refused as the wrong one.
    TextWithPrefix(&'static str),
    /// Hexadecimal.
    Hex,
    /// Base64.
    Base64,
    /// Base64 after this prefix, which may be left out.
    Base64AfterPrefix(&'static str),
}

/// One part of the bytes that are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Fixed text.
    Literal(&'static str),
    /// The time exactly as sent.
    Timestamp,
    /// The id header exactly as sent.
    Id,
    /// Another header exactly as sent.
    Header(&'static str),
    /// The URL that the sender was given, from the receiver's configuration.
    Url,
    /// The body. Every scheme signs it, once.
    Body,
}

/// Where a value of a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In a header.
    Header(&'static str),
    /// In the JSON body, at a pointer of object keys such as `/data/id`.
    Body(&'static str),
}

/// Where the time is, and in which unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRule {
    pub(crate) at: TimeAt,
    pub(crate) unit: TimeUnit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeAt {
    Header(&'static str),
    SignatureKey(&'static str),
    Body(&'static str),
}

/// The unit of a sender's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeUnit {
    /// Unix seconds.
    Seconds,
    /// Unix milliseconds.
    Millis,
}

/// How far a signed time may lie from the receiver's clock, both bounds included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// How old a delivery may be.
    pub past: Duration,
    /// How far ahead of the receiver's clock it may be.
    pub future: Duration,
}

impl Tolerance {
    /// The same in both directions.
    #[must_use]
    pub const fn both(duration: Duration) -> Self {
        Self {
            past: duration,
            future: duration,
        }
    }
}

/// A documented event type: what a replay of it means, and which signed fields support it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRule {
    pub(crate) name: &'static str,
    pub(crate) once: bool,
    pub(crate) proof: Option<(&'static str, &'static [&'static str])>,
}

impl EventRule {
    /// A type that happens once to a thing (`*.created`, `*.paid`): the same signed bytes under
    /// another unsigned id are a replay, and are not run again.
    #[must_use]
    pub const fn once(name: &'static str) -> Self {
        Self {
            name,
            once: true,
            proof: None,
        }
    }

    /// A type that may honestly repeat with the same bytes (`*.updated`, `*.sent`): such a
    /// delivery runs, flagged as suspect.
    #[must_use]
    pub const fn repeats(name: &'static str) -> Self {
        Self {
            name,
            once: false,
            proof: None,
        }
    }

    /// Ties the type to a signed field: where the body has `pointer`, its value must be one of
    /// `values`, else the typed event is `Unproved`.
    #[must_use]
    pub const fn when(mut self, pointer: &'static str, values: &'static [&'static str]) -> Self {
        self.proof = Some((pointer, values));
        self
    }

    /// The name of the type.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// The longest body that a scheme allows unless it says otherwise: 1 MiB.
pub const DEFAULT_BODY_LIMIT: usize = 1024 * 1024;

impl Scheme {
    /// Starts a scheme whose signature is an HMAC-SHA256 over the body alone, in bare hex, in the
    /// given header: the commonest kind.
    pub const fn body_hmac(header: &'static str) -> SchemeBuilder {
        SchemeBuilder::new(header)
    }

    /// The sender's name, for logs and documentation.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The header that carries the signature; the preferred one of several, the stem of numbered
    /// ones.
    #[must_use]
    pub const fn signature_header(&self) -> &'static str {
        match self.location {
            Location::Header(name) | Location::Repeated(name) | Location::Numbered(name) => name,
            Location::AnyOf([name, ..]) => name,
            Location::AnyOf([]) => "",
        }
    }

    /// Where the signature is.
    #[must_use]
    pub const fn location(&self) -> Location {
        self.location
    }

    /// How the signature is read.
    #[must_use]
    pub const fn grammar(&self) -> Grammar {
        self.grammar
    }

    /// How the signature is computed.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How the signature is written.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// How a secret's text becomes key bytes.
    #[must_use]
    pub const fn key_format(&self) -> KeyFormat {
        self.key_format
    }

    /// The bytes that are signed.
    #[must_use]
    pub const fn signed(&self) -> &'static [Part] {
        self.signed
    }

    /// The header that carries the time, where it is a header of its own.
    #[must_use]
    pub const fn time_header(&self) -> Option<&'static str> {
        match self.time {
            Some(TimeRule {
                at: TimeAt::Header(name),
                ..
            }) => Some(name),
            _ => None,
        }
    }

    /// The key under which the signature header carries the time, as in `t=1712000382,v1=..`.
    #[must_use]
    pub const fn time_key(&self) -> Option<&'static str> {
        match self.time {
            Some(TimeRule {
                at: TimeAt::SignatureKey(key),
                ..
            }) => Some(key),
            _ => None,
        }
    }

    /// The unit of the time, where the scheme has one.
    #[must_use]
    pub const fn time_unit(&self) -> Option<TimeUnit> {
        match self.time {
            Some(rule) => Some(rule.unit),
            None => None,
        }
    }

    /// How far the time may lie from now; `None` when it is not judged.
    #[must_use]
    pub const fn tolerance(&self) -> Option<Tolerance> {
        self.tolerance
    }

    /// Where the delivery's id is.
    #[must_use]
    pub const fn id(&self) -> Option<Place> {
        self.id
    }

    /// Where the event's type is.
    #[must_use]
    pub const fn event(&self) -> Option<Place> {
        self.event
    }

    /// The unsigned header that repeats the id.
    #[must_use]
    pub const fn id_copy(&self) -> Option<&'static str> {
        self.id_copy
    }

    /// The unsigned header that repeats the event's type.
    #[must_use]
    pub const fn event_copy(&self) -> Option<&'static str> {
        self.event_copy
    }

    /// The header with an id that is new on every attempt; good for logs only.
    #[must_use]
    pub const fn attempt_header(&self) -> Option<&'static str> {
        self.attempt_header
    }

    /// The documented event types.
    #[must_use]
    pub const fn events(&self) -> &'static [EventRule] {
        self.events
    }

    /// Names of events that only test the endpoint.
    #[must_use]
    pub const fn pings(&self) -> &'static [&'static str] {
        self.pings
    }

    /// Accepted content types, parameters aside.
    #[must_use]
    pub const fn content_types(&self) -> &'static [&'static str] {
        self.content_types
    }

    /// The longest body, in bytes.
    #[must_use]
    pub const fn body_limit(&self) -> usize {
        self.body_limit
    }

    /// The longest time after which the sender still retries a delivery.
    #[must_use]
    pub const fn retry_span(&self) -> Duration {
        self.retry_span
    }

    /// Within how long the sender must have its answer, less a margin.
    #[must_use]
    pub const fn response_budget(&self) -> Duration {
        self.response_budget
    }

    /// After how many failures in a row the sender switches the endpoint off.
    #[must_use]
    pub const fn switch_off_after(&self) -> Option<u32> {
        self.switch_off_after
    }

    /// Where the facts of this scheme come from.
    #[must_use]
    pub const fn evidence(&self) -> &'static str {
        self.evidence
    }

    /// Whether the signature covers the id.
    #[must_use]
    pub const fn id_is_signed(&self) -> bool {
        match self.id {
            Some(Place::Body(_)) => true,
            Some(Place::Header(name)) => self.signs_header(name, true),
            None => false,
        }
    }

    /// Whether the signature covers the event's type.
    #[must_use]
    pub const fn event_is_signed(&self) -> bool {
        match self.event {
            Some(Place::Body(_)) => true,
            Some(Place::Header(name)) => self.signs_header(name, false),
            None => false,
        }
    }

    /// Whether the signature covers a time.
    #[must_use]
    pub const fn time_is_signed(&self) -> bool {
        match self.time {
            Some(TimeRule {
                at: TimeAt::Body(_),
                ..
            }) => true,
            Some(_) => self.signs(Part::Timestamp),
            None => false,
        }
    }

    /// What the scheme knows about an event type.
    #[must_use]
    pub fn event_rule(&self, name: &str) -> Option<&'static EventRule> {
        self.events.iter().find(|rule| rule.name == name)
    }

    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "const code has no iterators"
    )]
    const fn signs_header(&self, name: &str, is_id: bool) -> bool {
        let mut at = 0;
        while at < self.signed.len() {
            match self.signed[at] {
                Part::Id if is_id => return true,
                Part::Header(signed) if check::same_header(signed, name) => return true,
                _ => {}
            }
            at += 1;
        }
        false
    }

    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "const code has no iterators"
    )]
    const fn signs(&self, part: Part) -> bool {
        let mut at = 0;
        while at < self.signed.len() {
            if matches!(
                (self.signed[at], part),
                (Part::Timestamp, Part::Timestamp)
                    | (Part::Id, Part::Id)
                    | (Part::Url, Part::Url)
                    | (Part::Body, Part::Body)
            ) {
                return true;
            }
            at += 1;
        }
        false
    }
}
