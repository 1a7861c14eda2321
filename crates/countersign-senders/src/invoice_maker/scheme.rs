//! How Invoice Maker signs.

use core::time::Duration;

use countersign_core::scheme::{LATE_RETRY_MARGIN, Part, RetryTime, Scheme};

use super::Event;

/// 26 h 36 min of waiting, and six attempts of up to 10 s each.
const RETRIES: Duration = Duration::from_secs(27 * 60 * 60);

/// How Invoice Maker signs: `X-Webhook-Signature: <hex>`, HMAC-SHA256 over the text of
/// `X-Webhook-Timestamp`, a full stop and the body, keyed with the secret's text (64 hexadecimal
/// digits that are not decoded).
///
/// Id and type are in the signed body; headers that repeat them must agree. `X-Webhook-ID` is new
/// on every retry and for logs only. Retries come 1 min, 5 min, 30 min, 2 h and 24 h after each
/// failure, up to 26.6 hours after the first attempt. Whether they are stamped anew is not documented,
/// so a time may be that old; the signed id is remembered for longer. 100 failures in a row disable
/// the endpoint, and events are then lost, not queued.
pub const SCHEME: Scheme = Scheme::body_hmac("X-Webhook-Signature")
    .name("invoice-maker")
    .signed(&[Part::Timestamp, Part::Literal("."), Part::Body])
    .time_header("X-Webhook-Timestamp")
    .tolerances(
        RETRIES.saturating_add(LATE_RETRY_MARGIN),
        Duration::from_secs(300),
    )
    .retry_time(RetryTime::Unknown)
    .id_pointer("/id")
    .subject_pointer("/data/id")
    .event_pointer("/type")
    .id_copy("X-Webhook-Event-ID")
    .event_copy("X-Webhook-Event")
    .attempt_header("X-Webhook-ID")
    .pings(&["ping"])
    .retry_span(RETRIES)
    .switch_off_after(100)
    .events(Event::RULES)
    .evidence("onlineinvoicemaker.com/docs/webhooks")
    .declare();
