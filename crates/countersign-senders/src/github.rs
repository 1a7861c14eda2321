//! GitHub: `X-Hub-Signature-256` over the body; id and event name are not signed.
//!
//! Facts from <https://docs.github.com/en/webhooks>: the signature, the headers, a 10 s limit, no
//! automatic retry, redelivery by hand within 3 days under the same `X-GitHub-Delivery`, bodies of
//! at most 25 MB.

use core::time::Duration;

use countersign_core::scheme::Scheme;

/// How GitHub signs.
pub const SCHEME: Scheme = Scheme::body_hmac("X-Hub-Signature-256")
    .name("github")
    .prefix("sha256=")
    .id_header("X-GitHub-Delivery")
    .event_header("X-GitHub-Event")
    .pings(&["ping"])
    .content_types(&["application/json", "application/x-www-form-urlencoded"])
    .form_field("payload")
    .body_limit(25 * 1024 * 1024)
    .retry_span(Duration::from_secs(3 * 24 * 60 * 60))
    .evidence("docs.github.com/en/webhooks")
    .declare();
