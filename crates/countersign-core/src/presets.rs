//! Senders other than the two with typed events. One more costs one entry.

/// GitHub: `X-Hub-Signature-256` over the body; id and event name are not signed.
///
/// Facts from <https://docs.github.com/en/webhooks>: the signature, the headers, a 10 s limit, no
/// automatic retry, redelivery by hand within 3 days under the same `X-GitHub-Delivery`, bodies of
/// at most 25 MB.
pub mod github {
    use core::time::Duration;

    use crate::scheme::Scheme;

    /// How GitHub signs.
    pub const SCHEME: Scheme = Scheme::body_hmac("X-Hub-Signature-256")
        .name("github")
        .prefix("sha256=")
        .id_header("X-GitHub-Delivery")
        .event_header("X-GitHub-Event")
        .pings(&["ping"])
        .content_types(&["application/json", "application/x-www-form-urlencoded"])
        .body_limit(25 * 1024 * 1024)
        .retry_span(Duration::from_secs(3 * 24 * 60 * 60))
        .evidence("docs.github.com/en/webhooks")
        .declare();
}

/// Stripe: `Stripe-Signature: t=..,v1=..` over time and body; id and type are in the body.
///
/// Facts from <https://docs.stripe.com/webhooks>: the signature, 5 minutes of tolerance (the
/// official libraries look at the past only, this one in both directions), retries for 3 days, each
/// with a new time and signature.
pub mod stripe {
    use core::time::Duration;

    use crate::scheme::{KeyFormat, Part, RetryTime, Scheme};

    /// How Stripe signs. The secret's `whsec_` is part of the key.
    pub const SCHEME: Scheme = Scheme::body_hmac("Stripe-Signature")
        .name("stripe")
        .pairs(',', &["v1"])
        .time_key("t")
        .tolerance(Duration::from_secs(300))
        .retry_time(RetryTime::Renewed)
        .signed(&[Part::Timestamp, Part::Literal("."), Part::Body])
        .key_format(KeyFormat::TextWithPrefix("whsec_"))
        .id_pointer("/id")
        .event_pointer("/type")
        .retry_span(Duration::from_secs(3 * 24 * 60 * 60))
        .evidence("docs.stripe.com/webhooks")
        .declare();
}

/// Standard Webhooks, and Svix with its own header names: id, time and body are signed.
///
/// Facts from <https://github.com/standard-webhooks/standard-webhooks>: the headers, `whsec_` and
/// base64 for the key, 5 minutes of tolerance, a time that is of the attempt and so new on every
/// retry, and a sample schedule of retries over 75.6 hours.
pub mod standard_webhooks {
    use core::time::Duration;

    use crate::scheme::{Encoding, KeyFormat, Part, RetryTime, Scheme, SchemeBuilder};

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

    const fn signed_as(
        signature: &'static str,
        id: &'static str,
        time: &'static str,
    ) -> SchemeBuilder {
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
}
