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
//!
//! ```compile_fail
//! use countersign_core::scheme::Scheme;
//!
//! // Without an id, two equal bodies are a retry or two events: which, is not said.
//! const UNDECIDED: Scheme = Scheme::body_hmac("X-Acme-Signature").declare();
//! # let _ = UNDECIDED;
//! ```

use core::time::Duration;

use crate::mac::Algorithm;

mod accessors;
mod answers;
mod batch;
mod body_token;
mod boundaries;
mod builder;
mod check;
mod compression;
mod content_key;
mod coverage;
mod deliveries;
mod error;
mod event;
mod handshake;
mod parts;
mod procedure;
mod repeats;
#[cfg(test)]
pub(crate) mod samples;
mod signature;
mod signed_by;
mod template;
#[cfg(test)]
mod tests;
mod time;

pub(crate) use self::{
    answers::{is_echo, is_token},
    handshake::HOOK_SECRET,
    procedure::Messages,
    signature::{SignatureFault, parse as parse_signature},
    template::{Segment, Segments},
    time::{TimeAt, TimeRule},
};
pub use self::{
    builder::SchemeBuilder,
    compression::Compression,
    error::SchemeError,
    event::EventRule,
    handshake::{Handshake, PingAnswer},
    parts::{Encoding, Grammar, KeyFormat, Location, Part, Place},
    procedure::{Procedure, Signed, Unproved, Unreadable},
    repeats::{IdenticalBodies, LATE_RETRY_MARGIN, RetryTime},
    time::{TimeUnit, Tolerance},
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
    pub(crate) procedure: Option<signed_by::SignedBy>,
    pub(crate) time: Option<TimeRule>,
    pub(crate) tolerance: Option<Tolerance>,
    pub(crate) id: Option<Place>,
    pub(crate) id_must_be_signed: bool,
    pub(crate) identical_bodies: Option<IdenticalBodies>,
    pub(crate) content_key: &'static [&'static str],
    pub(crate) subject: Option<&'static str>,
    pub(crate) event: Option<Place>,
    pub(crate) id_copy: Option<&'static str>,
    pub(crate) event_copy: Option<&'static str>,
    pub(crate) attempt_header: Option<&'static str>,
    pub(crate) events: &'static [EventRule],
    pub(crate) unlisted_once: bool,
    pub(crate) pings: &'static [&'static str],
    pub(crate) handshakes: &'static [Handshake],
    pub(crate) batch: Option<&'static str>,
    pub(crate) done_body: Option<&'static str>,
    pub(crate) content_types: &'static [&'static str],
    pub(crate) form_field: Option<&'static str>,
    pub(crate) json_body: bool,
    pub(crate) id_length: Option<usize>,
    pub(crate) time_digits: Option<usize>,
    pub(crate) compression: Option<Compression>,
    pub(crate) body_limit: usize,
    pub(crate) retry_span: Duration,
    pub(crate) retry_time: RetryTime,
    pub(crate) response_budget: Duration,
    pub(crate) switch_off_after: Option<u32>,
    pub(crate) evidence: &'static str,
}

/// The longest body that a scheme allows unless it says otherwise: 1 MiB.
pub const DEFAULT_BODY_LIMIT: usize = 1024 * 1024;

impl Scheme {
    /// Starts a scheme whose signature is an HMAC-SHA256 over the body alone, in bare hex, in the
    /// given header: the commonest kind.
    pub const fn body_hmac(header: &'static str) -> SchemeBuilder {
        SchemeBuilder::new(header)
    }

    /// Starts a scheme whose sender sends a shared secret in this header and **signs nothing**: GitLab's old
    /// token, Telegram, Postmark.
    ///
    /// Who sends the secret is proved, and that alone. Whoever reads one request, in a log or a proxy, can
    /// send any other, with any body, for ever; nothing tells a body apart that was changed on its way. A
    /// verifier and a receiver do not build until the application says
    /// [`accept_unsigned_body`](crate::VerifierBuilder::accept_unsigned_body), and
    /// [`Verified::body_is_signed`](crate::Verified::body_is_signed) is false. For an event that matters, let
    /// the handler fetch what the body is about from the sender.
    ///
    /// The header is the secret's text. For basic authentication it is what follows `Basic`, and the secret
    /// is `user:password`:
    ///
    /// ```
    /// use countersign_core::scheme::{Encoding, Scheme};
    ///
    /// const POSTMARK: Scheme = Scheme::token("Authorization")
    ///     .prefix("Basic ")
    ///     .encoding(Encoding::Base64)
    ///     .id_pointer("/ID")
    ///     .declare();
    /// assert!(!POSTMARK.body_is_signed() && !POSTMARK.id_is_signed());
    /// ```
    pub const fn token(header: &'static str) -> SchemeBuilder {
        SchemeBuilder::new(header)
            .algorithm(Algorithm::Token)
            .encoding(Encoding::Text)
            .signed(&[])
    }
}
