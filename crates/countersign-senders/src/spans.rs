//! Times that many senders share.

use core::time::Duration;

use countersign_core::scheme::{IdenticalBodies, LATE_RETRY_MARGIN, Part};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const FIVE_MINUTES: Duration = Duration::from_secs(300);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);
/// Where a sender does not say for how long it retries: few retry for longer than three days.
pub(crate) const UNKNOWN: Duration = DAY.saturating_mul(3);

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const BODY: Part = Part::Body;
pub(crate) const TIME: Part = Part::Timestamp;
pub(crate) const DOT: Part = Part::Literal(".");
pub(crate) const COLON: Part = Part::Literal(":");
pub(crate) const TIME_DOT_BODY: &[Part] = &[TIME, DOT, BODY];
pub(crate) const TIME_COLON_BODY: &[Part] = &[TIME, COLON, BODY];
pub(crate) const V0_TIME_BODY: &[Part] = &[Part::Literal("v0:"), TIME, COLON, BODY];

/// How old a retry may be that keeps its first time.
pub(crate) const fn late(span: Duration) -> Duration {
    span.saturating_add(LATE_RETRY_MARGIN)
}

/// Equal bodies are copies for as long as one could come: for senders without ids whose bodies hold a time
/// or a number of their own.
pub(crate) const fn copies(span: Duration) -> IdenticalBodies {
    IdenticalBodies::Copies {
        within: span.saturating_add(HOUR),
    }
}
