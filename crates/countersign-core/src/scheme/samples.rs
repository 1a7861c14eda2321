//! Schemes of every kind, for the tests of this crate.

use core::time::Duration;

use super::{Encoding, EventRule, KeyFormat, LATE_RETRY_MARGIN, Part, RetryTime, Scheme};

const DOT: Part = Part::Literal(".");
const MINUTES: Duration = Duration::from_secs(300);
const RETRIES: Duration = Duration::from_secs(27 * 60 * 60);

/// The body alone, with an id, a type and an entity. The secret is text.
pub(crate) const BODY_ONLY: Scheme = Scheme::body_hmac("X-Sig")
    .name("body-only")
    .prefix("sha256=")
    .id_header("X-Id")
    .event_header("X-Event")
    .subject_pointer("/id")
    .pings(&["ping"])
    .events(&[
        EventRule::once("invoice.paid").when("/status", &["paid"]),
        EventRule::repeats("invoice.updated"),
        EventRule::once("quote.accepted").when("/status", &["accepted"]),
    ])
    .declare();

/// Time and body, with a prefix that is part of the secret.
pub(crate) const PREFIXED_KEY: Scheme = Scheme::body_hmac("X-Sig")
    .name("prefixed-key")
    .pairs(',', &["v1"])
    .time_key("t")
    .tolerance(MINUTES)
    .retry_time(RetryTime::Renewed)
    .signed(&[Part::Timestamp, DOT, Part::Body])
    .key_format(KeyFormat::TextWithPrefix("whsec_"))
    .id_pointer("/id")
    .event_pointer("/type")
    .retry_span(Duration::from_secs(3 * 24 * 60 * 60))
    .declare();

/// Id, time and body, with a base64 secret.
pub(crate) const BASE64_KEY: Scheme = Scheme::body_hmac("X-Sig")
    .name("base64-key")
    .versioned(&["v1"])
    .encoding(Encoding::Base64)
    .key_format(KeyFormat::Base64AfterPrefix("whsec_"))
    .signed(&[Part::Id, DOT, Part::Timestamp, DOT, Part::Body])
    .signed_id_header("X-Id")
    .time_header("X-Time")
    .tolerance(MINUTES)
    .retry_time(RetryTime::Renewed)
    .event_pointer("/type")
    .retry_span(Duration::from_secs(76 * 60 * 60))
    .declare();

/// Time and body, id, type and entity in the body, and retries that may keep their time.
pub(crate) const LATE_RETRIES: Scheme = Scheme::body_hmac("X-Webhook-Signature")
    .name("late-retries")
    .signed(&[Part::Timestamp, DOT, Part::Body])
    .time_header("X-Webhook-Timestamp")
    .tolerances(RETRIES.saturating_add(LATE_RETRY_MARGIN), MINUTES)
    .retry_time(RetryTime::Unknown)
    .id_pointer("/id")
    .subject_pointer("/data/id")
    .event_pointer("/type")
    .retry_span(RETRIES)
    .events(&[EventRule::once("invoice.paid")])
    .declare();
