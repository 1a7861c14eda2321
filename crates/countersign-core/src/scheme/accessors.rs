//! What a scheme says, field by field.

use core::time::Duration;

use super::{
    Encoding, EventRule, Grammar, IdenticalBodies, KeyFormat, LATE_RETRY_MARGIN, Location, Part,
    Place, RetryTime, Scheme, SchemeBuilder, TimeAt, TimeRule, TimeUnit, Tolerance,
};
use crate::mac::Algorithm;

impl Scheme {
    /// The sender's name, for logs and documentation.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The header that carries the signature; the preferred one of several, the stem of numbered
    /// ones. Empty where a token is in the body.
    #[must_use]
    pub const fn signature_header(&self) -> &'static str {
        match self.location {
            Location::Header(name) | Location::Repeated(name) | Location::Numbered(name) => name,
            Location::AnyOf([name, ..]) | Location::AllOf([name, ..]) => name,
            Location::AnyOf([]) | Location::AllOf([]) | Location::Body(_) => "",
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

    /// Where the signed body carries the time.
    #[must_use]
    pub const fn time_pointer(&self) -> Option<&'static str> {
        match self.time {
            Some(TimeRule {
                at: TimeAt::Body(pointer),
                ..
            }) => Some(pointer),
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

    /// What two deliveries with the same body are, where there is no id.
    #[must_use]
    pub const fn identical_bodies(&self) -> Option<IdenticalBodies> {
        self.identical_bodies
    }

    /// Where the signed body names the entity that it is about.
    #[must_use]
    pub const fn subject_pointer(&self) -> Option<&'static str> {
        self.subject
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

    /// What every delivery that is done is answered with, where the sender wants to read something.
    #[must_use]
    pub const fn done_body(&self) -> Option<&'static str> {
        self.done_body
    }

    /// Accepted content types, parameters aside.
    #[must_use]
    pub const fn content_types(&self) -> &'static [&'static str] {
        self.content_types
    }

    /// The field of a form that holds the JSON, where the sender can send forms.
    #[must_use]
    pub const fn form_field(&self) -> Option<&'static str> {
        self.form_field
    }

    /// Whether every type that is not listed counts as one that happens once.
    #[must_use]
    pub const fn unlisted_events_are_once(&self) -> bool {
        self.unlisted_once
    }

    /// Whether the body must begin as JSON objects and arrays do.
    #[must_use]
    pub const fn is_json_body(&self) -> bool {
        self.json_body
    }

    /// A builder that begins with all that this scheme says: for a preset that is right but for one thing.
    ///
    /// ```
    /// use countersign_core::Scheme;
    ///
    /// const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature").id_header("X-Acme-Id").declare();
    /// const LARGE: Scheme = ACME.to_builder().body_limit(8 * 1024 * 1024).declare();
    /// assert_eq!(LARGE.body_limit(), 8 * 1024 * 1024);
    /// assert_eq!(LARGE.signature_header(), "X-Acme-Signature");
    /// ```
    pub const fn to_builder(self) -> SchemeBuilder {
        SchemeBuilder::from_scheme(self)
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

    /// Whether the sender stamps retries anew.
    #[must_use]
    pub const fn retry_time(&self) -> RetryTime {
        self.retry_time
    }

    /// How old a retry may be that keeps its first time, with a margin; `None` where none can be old.
    #[must_use]
    pub const fn latest_retry(&self) -> Option<Duration> {
        match self.retry_time {
            RetryTime::Kept | RetryTime::Unknown if !self.retry_span.is_zero() => {
                Some(self.retry_span.saturating_add(LATE_RETRY_MARGIN))
            }
            RetryTime::Kept | RetryTime::Unknown | RetryTime::Renewed => None,
        }
    }

    /// For how long an old secret should be accepted beside a new one: as long as the sender may retry, and a
    /// margin. Also where retries are stamped anew, because some of those senders sign them with the old secret.
    ///
    /// [`Keyring::rotate_with_overlap`](crate::Keyring::rotate_with_overlap) keeps it for so long.
    #[must_use]
    pub const fn overlap(&self) -> Duration {
        self.retry_span.saturating_add(LATE_RETRY_MARGIN)
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

    /// What the scheme knows about an event type.
    #[must_use]
    pub fn event_rule(&self, name: &str) -> Option<&'static EventRule> {
        self.events.iter().find(|rule| rule.name == name)
    }
}
