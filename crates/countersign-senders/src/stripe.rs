//! Stripe: `Stripe-Signature: t=..,v1=..` over time and body; id and type are in the body.
//!
//! Facts from <https://docs.stripe.com/webhooks>: the signature, 5 minutes of tolerance (the
//! official libraries look at the past only, this one in both directions), retries for 3 days, each
//! with a new time and signature.

use core::time::Duration;

use countersign_core::scheme::{KeyFormat, Part, RetryTime, Scheme};

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
