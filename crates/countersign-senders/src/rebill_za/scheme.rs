//! How Rebill signs.

use countersign_core::scheme::Scheme;

use super::Event;

/// How Rebill signs: `X-Rebill-Signature: sha256=<hex>`, HMAC-SHA256 over the body, keyed with the
/// secret's text.
///
/// The body is the whole entity, so `/id` is what an event is about: an invoice that is marked paid,
/// unmarked, and marked paid again sends the first body again, under a new id, and that runs.
///
/// Neither the id (`X-Rebill-Delivery`) nor the type (`X-Rebill-Event`) is signed, and there is no
/// time. 20 failures in a row pause the webhook; resuming it sends a ping. How long Rebill retries
/// is not documented.
pub const SCHEME: Scheme = Scheme::body_hmac("X-Rebill-Signature")
    .name("rebill-za")
    .prefix("sha256=")
    .id_header("X-Rebill-Delivery")
    .event_header("X-Rebill-Event")
    .subject_pointer("/id")
    .pings(&["ping"])
    .switch_off_after(20)
    .events(Event::RULES)
    .evidence("help.rebill.co.za/api/webhooks")
    .declare();
