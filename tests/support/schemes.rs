//! Senders that the library has no preset for, as an application would write them down: the proof
//! that a scheme is data.

use core::time::Duration;

use countersign_core::{
    Algorithm, Scheme,
    scheme::{Encoding, IdenticalBodies, KeyFormat, LATE_RETRY_MARGIN, Part, RetryTime},
};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// For senders without ids whose bodies hold a time or a number of their own, so that no two events
/// have the same bytes: equal bodies are copies for as long as the sender retries.
const fn copies(within: Duration) -> IdenticalBodies {
    IdenticalBodies::Copies { within }
}

const FORM: &str = "application/x-www-form-urlencoded";
const TIME_COLON_BODY: &[Part] = &[Part::Timestamp, Part::Literal(":"), Part::Body];
const TIME_DOT_BODY: &[Part] = &[Part::Timestamp, Part::Literal("."), Part::Body];
const V0_TIME_BODY: &[Part] = &[
    Part::Literal("v0:"),
    Part::Timestamp,
    Part::Literal(":"),
    Part::Body,
];

macro_rules! schemes {
    ($($(#[$doc:meta])+ $name:ident = $scheme:expr;)+) => {
        $($(#[$doc])+ pub const $name: Scheme = $scheme.name(stringify!($name)).declare();)+

        /// All of them.
        pub const ALL: &[Scheme] = &[$($name,)+];
    };
}

schemes! {
    /// Slack: the version is signed as well; commands come as forms. Three retries within an hour;
    /// whether they are stamped anew is not documented.
    SLACK = Scheme::body_hmac("X-Slack-Signature")
        .prefix("v0=")
        .signed(V0_TIME_BODY)
        .time_header("X-Slack-Request-Timestamp")
        .tolerances(HOUR.saturating_add(LATE_RETRY_MARGIN), FIVE_MINUTES)
        .content_types(&["application/json", FORM])
        .id_pointer("/event_id")
        .event_pointer("/type")
        .retry_span(HOUR);
    /// Zoom: no id at all, but `/event_ts`, in milliseconds. Retries after 5, 20 and 60 minutes.
    ZOOM = Scheme::body_hmac("x-zm-signature")
        .prefix("v0=")
        .signed(V0_TIME_BODY)
        .time_header("x-zm-request-timestamp")
        .tolerances(Duration::from_secs(95 * 60), FIVE_MINUTES)
        .retry_span(Duration::from_secs(90 * 60))
        .identical_bodies(copies(Duration::from_secs(2 * 3_600)))
        .event_pointer("/event");
    /// Paddle Billing: pairs with semicolons, a short tolerance, which its own libraries apply to
    /// retries too: so they are stamped anew.
    PADDLE = Scheme::body_hmac("Paddle-Signature")
        .pairs(';', &["h1"])
        .time_key("ts")
        .signed(TIME_COLON_BODY)
        .tolerance(Duration::from_secs(5))
        .retry_time(RetryTime::Renewed)
        .id_pointer("/event_id")
        .event_pointer("/event_type")
        .retry_span(DAY.saturating_mul(3));
    /// Calendly: no id, but `/created_at`. Retried for 24 hours.
    CALENDLY = Scheme::body_hmac("Calendly-Webhook-Signature")
        .pairs(',', &["v1"])
        .time_key("t")
        .signed(TIME_DOT_BODY)
        .tolerances(DAY.saturating_add(LATE_RETRY_MARGIN), Duration::from_secs(180))
        .retry_span(DAY)
        .identical_bodies(copies(DAY.saturating_add(HOUR)))
        .event_pointer("/event");
    /// Zoho Payments: milliseconds inside the signature header.
    ZOHO_PAYMENTS = Scheme::body_hmac("X-Zoho-Webhook-Signature")
        .pairs(',', &["v"])
        .time_key("t")
        .time_in_millis()
        .signed(TIME_DOT_BODY)
        .tolerance(FIVE_MINUTES)
        .identical_bodies(copies(DAY));
    /// WorkOS: milliseconds, and a blank after the comma.
    WORKOS = Scheme::body_hmac("WorkOS-Signature")
        .pairs(',', &["v1"])
        .time_key("t")
        .time_in_millis()
        .signed(TIME_DOT_BODY)
        .tolerance(Duration::from_secs(180))
        .id_pointer("/id")
        .event_pointer("/event");
    /// Webflow: milliseconds in a header of their own.
    WEBFLOW = Scheme::body_hmac("X-Webflow-Signature")
        .signed(TIME_COLON_BODY)
        .time_header("X-Webflow-Timestamp")
        .time_in_millis()
        .tolerance(FIVE_MINUTES)
        .identical_bodies(copies(DAY));
    /// Billit: the key of the tag is `s`.
    BILLIT = Scheme::body_hmac("Billit-Signature")
        .pairs(',', &["s"])
        .time_key("t")
        .signed(TIME_DOT_BODY)
        .tolerance(FIVE_MINUTES)
        .identical_bodies(copies(DAY));
    /// CircleCI: a list of versions.
    CIRCLECI = Scheme::body_hmac("circleci-signature")
        .pairs(',', &["v1"])
        .id_pointer("/id")
        .event_pointer("/type")
        .event_copy("circleci-event-type");
    /// PagerDuty v3: the same key for every active secret.
    PAGERDUTY = Scheme::body_hmac("X-PagerDuty-Signature")
        .pairs(',', &["v1"])
        .id_pointer("/event/id")
        .event_pointer("/event/event_type")
        .attempt_header("X-Webhook-Id");
    /// Coinbase Commerce.
    COINBASE_COMMERCE = Scheme::body_hmac("X-CC-Webhook-Signature")
        .id_pointer("/event/id")
        .event_pointer("/event/type");
    /// Razorpay: the id is in an unsigned header.
    RAZORPAY = Scheme::body_hmac("X-Razorpay-Signature")
        .id_header("x-razorpay-event-id")
        .event_pointer("/event");
    /// Bitbucket Cloud.
    BITBUCKET = Scheme::body_hmac("X-Hub-Signature")
        .prefix("sha256=")
        .id_header("X-Request-UUID")
        .event_header("X-Event-Key");
    /// Gitea and Forgejo: the same bare value under several names.
    GITEA = Scheme::body_hmac("X-Gitea-Signature")
        .any_header_of(&["X-Forgejo-Signature", "X-Gitea-Signature", "X-Gogs-Signature"])
        .id_header("X-Gitea-Delivery")
        .event_header("X-Gitea-Event");
    /// Linear: milliseconds in the signed body, an unsigned copy of the type. Retries after 1 min, 1 h
    /// and 6 h keep their first time.
    LINEAR = Scheme::body_hmac("Linear-Signature")
        .time_pointer("/webhookTimestamp")
        .time_in_millis()
        .tolerances(HOUR.saturating_mul(8).saturating_add(LATE_RETRY_MARGIN), Duration::from_secs(60))
        .retry_time(RetryTime::Kept)
        .retry_span(HOUR.saturating_mul(8))
        .id_header("Linear-Delivery")
        .event_pointer("/type")
        .event_copy("Linear-Event");
    /// Mollie's new webhooks: the prefix is optional and the header may be repeated.
    MOLLIE = Scheme::body_hmac("X-Mollie-Signature")
        .optional_prefix("sha256=")
        .repeated_header()
        .id_pointer("/id")
        .event_pointer("/type");
    /// Paystack: SHA-512; no id, but `/data/id` and a time. Retried for 72 hours.
    PAYSTACK = Scheme::body_hmac("x-paystack-signature")
        .algorithm(Algorithm::HmacSha512)
        .retry_span(DAY.saturating_mul(3))
        .identical_bodies(copies(DAY.saturating_mul(3)))
        .event_pointer("/event");
    /// Shopify: base64; a form is possible.
    SHOPIFY = Scheme::body_hmac("X-Shopify-Hmac-Sha256")
        .any_header_of(&["X-Shopify-Hmac-Sha256", "Shopify-Hmac-Sha256"])
        .encoding(Encoding::Base64)
        .id_header("X-Shopify-Webhook-Id")
        .event_header("X-Shopify-Topic")
        .content_types(&["application/json", FORM]);
    /// Xero: the key looks like base64 and is text. No id, but sequence numbers; retried for a day or
    /// more.
    XERO = Scheme::body_hmac("x-xero-signature")
        .encoding(Encoding::Base64)
        .identical_bodies(copies(DAY.saturating_mul(2)));
    /// Typeform: a prefix before base64.
    TYPEFORM = Scheme::body_hmac("Typeform-Signature")
        .prefix("sha256=")
        .encoding(Encoding::Base64)
        .id_pointer("/event_id")
        .event_pointer("/event_type");
    /// Docusign Connect: numbered headers, one for each active key. No id, but `/generatedDateTime`;
    /// retried for days.
    DOCUSIGN = Scheme::body_hmac("X-DocuSign-Signature-")
        .numbered_header()
        .encoding(Encoding::Base64)
        .identical_bodies(copies(DAY.saturating_mul(7)))
        .event_pointer("/event");
    /// Adyen for Platforms: the key is hexadecimal. No id, but `/timestamp`; retried for days.
    ADYEN_PLATFORM = Scheme::body_hmac("HmacSignature")
        .encoding(Encoding::Base64)
        .key_format(KeyFormat::Hex)
        .identical_bodies(copies(DAY.saturating_mul(7)))
        .event_pointer("/type");
    /// Square: the subscription's URL is signed before the body.
    SQUARE = Scheme::body_hmac("x-square-hmacsha256-signature")
        .encoding(Encoding::Base64)
        .signed(&[Part::Url, Part::Body])
        .id_pointer("/event_id")
        .event_pointer("/type");
    /// GitLab's signing token: Standard Webhooks, with a second name for the id.
    GITLAB = Scheme::body_hmac("webhook-signature")
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
        .signed_id_header("webhook-id")
        .id_copy("Idempotency-Key")
        .time_header("webhook-timestamp")
        .tolerance(FIVE_MINUTES)
        .retry_time(RetryTime::Renewed)
        .event_pointer("/object_kind");
}
