//! Writing a scheme down. Long, because half of it is the documentation of what can be said.

// docs/decisions.md: D1.

use core::time::Duration;

use super::{
    Compression, DEFAULT_BODY_LIMIT, Encoding, Grammar, KeyFormat, Location, Part, RetryTime,
    Scheme, SchemeError, TimeAt, TimeRule, TimeUnit, Tolerance,
};
use crate::mac::Algorithm;

/// Builds a [`Scheme`]; every method is `const`.
///
/// Starts from [`Scheme::body_hmac`]. Defaults: HMAC-SHA256, bare hex, the secret's text as the
/// key, `application/json`, 1 MiB, an 8 s response budget, no id, no type, no time.
#[derive(Clone, Copy, Debug)]
#[must_use = "a scheme comes from `build` or `declare`"]
pub struct SchemeBuilder {
    pub(super) scheme: Scheme,
    unit: TimeUnit,
}

impl SchemeBuilder {
    pub(super) const fn new(header: &'static str) -> Self {
        Self {
            scheme: Scheme {
                name: "custom",
                location: Location::Header(header),
                grammar: Grammar::Bare,
                algorithm: Algorithm::HmacSha256,
                encoding: Encoding::Hex,
                key_format: KeyFormat::Text,
                signed: &[Part::Body],
                procedure: None,
                time: None,
                tolerance: None,
                id: None,
                id_must_be_signed: false,
                identical_bodies: None,
                content_key: &[],
                subject: None,
                event: None,
                id_copy: None,
                event_copy: None,
                attempt_header: None,
                events: &[],
                unlisted_once: false,
                pings: &[],
                handshakes: &[],
                batch: None,
                done_body: None,
                content_types: &["application/json"],
                form_field: None,
                json_body: false,
                id_length: None,
                time_digits: None,
                compression: None,
                body_limit: DEFAULT_BODY_LIMIT,
                retry_span: Duration::ZERO,
                retry_time: RetryTime::Unknown,
                response_budget: Duration::from_secs(8),
                switch_off_after: None,
                evidence: "",
            },
            unit: TimeUnit::Seconds,
        }
    }

    pub(super) const fn from_scheme(scheme: Scheme) -> Self {
        let unit = match scheme.time {
            Some(rule) => rule.unit,
            None => TimeUnit::Seconds,
        };
        Self { scheme, unit }
    }

    /// Names the sender, for logs and documentation.
    pub const fn name(mut self, name: &'static str) -> Self {
        self.scheme.name = name;
        self
    }

    pub(super) const fn location(mut self, location: Location) -> Self {
        self.scheme.location = location;
        self
    }

    /// Accepts several header names for the signature; the first that is present counts.
    pub const fn any_header_of(mut self, names: &'static [&'static str]) -> Self {
        self.scheme.location = Location::AnyOf(names);
        self
    }

    /// Reads several headers, one for each key that the sender has active; every one that is present
    /// counts.
    pub const fn all_headers_of(mut self, names: &'static [&'static str]) -> Self {
        self.scheme.location = Location::AllOf(names);
        self
    }

    /// Allows the signature header to be repeated, each value a candidate.
    pub const fn repeated_header(mut self) -> Self {
        self.scheme.location = Location::Repeated(self.scheme.signature_header());
        self
    }

    /// Takes the header's name as a stem that is followed by 1, 2, 3 and so on.
    pub const fn numbered_header(mut self) -> Self {
        self.scheme.location = Location::Numbered(self.scheme.signature_header());
        self
    }

    /// Expects fixed text such as `sha256=` before the tag.
    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.scheme.grammar = Grammar::Prefix(prefix);
        self
    }

    /// Allows fixed text before the tag, or none.
    pub const fn optional_prefix(mut self, prefix: &'static str) -> Self {
        self.scheme.grammar = Grammar::OptionalPrefix(prefix);
        self
    }

    /// Reads `key=value` pairs, as in `t=1712000382,v1=5257..`; values of the listed keys are tags.
    pub const fn pairs(mut self, separator: char, tags: &'static [&'static str]) -> Self {
        self.scheme.grammar = Grammar::Pairs { separator, tags };
        self
    }

    /// Reads `version,value` entries separated by spaces; only listed versions count.
    pub const fn versioned(mut self, versions: &'static [&'static str]) -> Self {
        self.scheme.grammar = Grammar::Versioned(versions);
        self
    }

    /// Reads a list in the signature header whose first entry is the time and whose others are tags, as
    /// in `1712000382000,5257..`.
    pub const fn time_then_tags(mut self, separator: char) -> Self {
        self.scheme.grammar = Grammar::TimeThenTags { separator };
        self.scheme.time = Some(TimeRule {
            at: TimeAt::SignatureFirst,
            unit: TimeUnit::Seconds,
        });
        self
    }

    /// Sets the algorithm.
    pub const fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.scheme.algorithm = algorithm;
        self
    }

    /// Sets how the tag is written.
    pub const fn encoding(mut self, encoding: Encoding) -> Self {
        self.scheme.encoding = encoding;
        self
    }

    /// Sets how the secret's text becomes key bytes.
    pub const fn key_format(mut self, format: KeyFormat) -> Self {
        self.scheme.key_format = format;
        self
    }

    /// Sets the signed bytes.
    pub const fn signed(mut self, parts: &'static [Part]) -> Self {
        self.scheme.signed = parts;
        self
    }

    /// Takes the time, in Unix seconds, from a header.
    pub const fn time_header(mut self, name: &'static str) -> Self {
        self.scheme.time = Some(TimeRule {
            at: TimeAt::Header(name),
            unit: TimeUnit::Seconds,
        });
        self
    }

    /// Takes the time, in Unix seconds, from a key of the signature header's pairs.
    pub const fn time_key(mut self, key: &'static str) -> Self {
        self.scheme.time = Some(TimeRule {
            at: TimeAt::SignatureKey(key),
            unit: TimeUnit::Seconds,
        });
        self
    }

    /// Takes the time, in Unix seconds, from the signed JSON body.
    pub const fn time_pointer(mut self, pointer: &'static str) -> Self {
        self.scheme.time = Some(TimeRule {
            at: TimeAt::Body(pointer),
            unit: TimeUnit::Seconds,
        });
        self
    }

    /// Reads the time as Unix milliseconds.
    pub const fn time_in_millis(mut self) -> Self {
        self.unit = TimeUnit::Millis;
        self
    }

    /// Reads the time as a date such as `2026-11-27T10:11:12Z` (RFC 3339), with a zone.
    pub const fn time_in_rfc3339(mut self) -> Self {
        self.unit = TimeUnit::Rfc3339;
        self
    }

    /// Reads the time as a date such as `2026-11-27T10:11:12`, in UTC, which the sender does not say.
    pub const fn time_in_rfc3339_without_zone(mut self) -> Self {
        self.unit = TimeUnit::Rfc3339WithoutZone;
        self
    }

    /// Says that every time has this many digits, for senders that sign something directly behind it: 10 for
    /// seconds, until the year 2286. Another length is refused.
    pub const fn time_digits(mut self, digits: usize) -> Self {
        self.scheme.time_digits = Some(digits);
        self
    }

    /// Says that every id has this many characters, for senders that sign something directly behind it. Another
    /// length is refused.
    ///
    /// ```
    /// use countersign_core::scheme::{Part, Scheme, SchemeError};
    ///
    /// const PARTS: &[Part] = &[Part::Id, Part::Body];
    /// const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
    ///     .signed(PARTS)
    ///     .signed_id_header("X-Acme-Id")
    ///     .id_length(36)
    ///     .declare();
    /// assert_eq!(ACME.id_length(), Some(36));
    ///
    /// // Of any length, an id could give its last letters to the body.
    /// let any = Scheme::body_hmac("X-Acme-Signature").signed(PARTS).signed_id_header("X-Acme-Id");
    /// assert_eq!(any.build(), Err(SchemeError::AmbiguousParts));
    /// ```
    pub const fn id_length(mut self, characters: usize) -> Self {
        self.scheme.id_length = Some(characters);
        self
    }

    /// Says that the body is a JSON object or array, for senders that sign a time or another value directly
    /// before or behind the body, with nothing in between.
    ///
    /// That has one reading only when the body begins (and, with something behind it, ends) with a brace or
    /// bracket. A body that does not is refused, and so is a value beside it that holds one.
    pub const fn json_body(mut self) -> Self {
        self.scheme.json_body = true;
        self
    }

    /// Refuses a time further than this from now, in either direction. For senders that stamp
    /// retries anew, or do not retry; see [`tolerances`](Self::tolerances).
    pub const fn tolerance(self, tolerance: Duration) -> Self {
        self.tolerances(tolerance, tolerance)
    }

    /// Refuses a time further than `past` before now, or further than `future` after it.
    ///
    /// Where a retry may keep its first time ([`retry_time`](Self::retry_time)), `past` is at least
    /// the retry span and [`LATE_RETRY_MARGIN`](super::LATE_RETRY_MARGIN). What comes later than
    /// `future` would allow ahead runs all the same and says how late it is.
    pub const fn tolerances(mut self, past: Duration, future: Duration) -> Self {
        self.scheme.tolerance = Some(Tolerance { past, future });
        self
    }

    /// Says whether the sender stamps retries anew. The default is [`RetryTime::Unknown`], which is
    /// treated as [`RetryTime::Kept`].
    pub const fn retry_time(mut self, time: RetryTime) -> Self {
        self.scheme.retry_time = time;
        self
    }

    /// Sets the accepted content types, in lower case and without parameters. The default is
    /// `application/json`.
    ///
    /// `application/json` accepts every type with the suffix `+json`, too (RFC 6839), such as
    /// `application/cloudevents+json`. A request without a content type is accepted.
    pub const fn content_types(mut self, types: &'static [&'static str]) -> Self {
        self.scheme.content_types = types;
        self
    }

    /// Says in which field of a form the JSON is, for a sender that can send
    /// `application/x-www-form-urlencoded`. The signature covers the form as it was sent, and
    /// [`Verified::body`](crate::Verified::body) stays that; what is read as JSON is the field. Whether a
    /// body is a form, its bytes say (a form encodes quotes, braces and blanks), and not the unsigned
    /// content type.
    pub const fn form_field(mut self, name: &'static str) -> Self {
        self.scheme.form_field = Some(name);
        self
    }

    /// Takes bodies that are compressed with gzip, too, and says which bytes the sender signs then. Needs the
    /// feature `gzip`. Without it a compressed body is refused with 415.
    ///
    /// ```
    /// # #[cfg(feature = "gzip")] {
    /// use countersign_core::scheme::{Compression, Scheme};
    ///
    /// const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
    ///     .id_pointer("/id")
    ///     .gzip(Compression::SignedBefore)
    ///     .declare();
    /// assert_eq!(ACME.compression(), Some(Compression::SignedBefore));
    /// # }
    /// ```
    pub const fn gzip(mut self, compression: Compression) -> Self {
        self.scheme.compression = Some(compression);
        self
    }

    /// Sets the longest body, in bytes. Of a compressed one that is the length of either form.
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.scheme.body_limit = bytes;
        self
    }

    /// Says how long the sender retries; deliveries are remembered at least that long. Left out, the
    /// sender is taken not to retry.
    pub const fn retry_span(mut self, span: Duration) -> Self {
        self.scheme.retry_span = span;
        self
    }

    /// Says within how long the sender must have an answer, less a margin.
    pub const fn response_budget(mut self, budget: Duration) -> Self {
        self.scheme.response_budget = budget;
        self
    }

    /// Says after how many failures in a row the sender switches the endpoint off.
    pub const fn switch_off_after(mut self, failures: u32) -> Self {
        self.scheme.switch_off_after = Some(failures);
        self
    }

    /// Says where the facts come from.
    pub const fn evidence(mut self, evidence: &'static str) -> Self {
        self.scheme.evidence = evidence;
        self
    }

    /// Checks the scheme.
    ///
    /// # Errors
    ///
    /// When the scheme could not prove anything, or what it proves would be ambiguous; see
    /// [`SchemeError`].
    pub const fn build(mut self) -> Result<Scheme, SchemeError> {
        if let Some(rule) = self.scheme.time {
            self.scheme.time = Some(TimeRule {
                at: rule.at,
                unit: self.unit,
            });
        }
        match self.scheme.check() {
            Ok(()) => Ok(self.scheme),
            Err(error) => Err(error),
        }
    }

    /// Checks the scheme where it is declared: in a constant, a wrong one does not compile.
    ///
    /// # Panics
    ///
    /// When [`build`](Self::build) would return an error.
    #[must_use]
    pub const fn declare(self) -> Scheme {
        match self.build() {
            Ok(scheme) => scheme,
            Err(error) => panic!("{}", error.message()),
        }
    }
}
