//! Standard Webhooks, and Svix with its own header names: id, time and body are signed.
//!
//! Facts from <https://github.com/standard-webhooks/standard-webhooks>: the headers, `whsec_` and
//! base64 for the key, 5 minutes of tolerance, a time that is of the attempt and so new on every
//! retry, and a sample schedule of retries over 75.6 hours.

use core::time::Duration;

use countersign_core::scheme::{Encoding, KeyFormat, Part, RetryTime, Scheme, SchemeBuilder};

/// How a sender that follows the specification signs.
pub const SCHEME: Scheme = signed_as("webhook-signature", "webhook-id", "webhook-timestamp")
    .name("standard-webhooks")
    .evidence("github.com/standard-webhooks/standard-webhooks")
    .declare();

/// The same under the header names of Svix, which Clerk and Resend use.
pub const SVIX: Scheme = signed_as("svix-signature", "svix-id", "svix-timestamp")
    .name("svix")
    .evidence("docs.svix.com/receiving/verifying-payloads/how-manual")
    .declare();

const fn signed_as(signature: &'static str, id: &'static str, time: &'static str) -> SchemeBuilder {
    Scheme::body_hmac(signature)
        .versioned(&["v1"])
        .encoding(Encoding::Base64)
        .key_format(KeyFormat::Base64AfterPrefix("whsec_"))
        .signed(&[
            Part::Id,
            Part::Literal("."),
            Part::Timestamp,
            Part::Literal("."),
            Part::Body,
        ])
        .signed_id_header(id)
        .time_header(time)
        .tolerance(Duration::from_secs(300))
        .retry_time(RetryTime::Renewed)
        .event_pointer("/type")
        .retry_span(Duration::from_secs(76 * 60 * 60))
}
