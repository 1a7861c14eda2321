//! What a sender's retries and repeated bodies look like.

use core::time::Duration;

/// Whether a sender stamps and signs a retry anew, or sends the request of the first attempt again.
///
/// A late retry is not a replay: deduplication remembers for longer than senders retry. So where a
/// retry may keep its first time, the [tolerance](super::Tolerance) towards the past must be at least
/// the [retry span](super::SchemeBuilder::retry_span) and [`LATE_RETRY_MARGIN`], and a shorter one does
/// not build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryTime {
    /// Every attempt has a time of its own. Say so only where the sender's documentation does.
    Renewed,
    /// A retry has the time of the first attempt.
    Kept,
    /// The sender does not say. It is treated as [`Kept`](Self::Kept).
    Unknown,
}

/// What is added to a sender's retry span, for its queue and for clocks that differ: 5 minutes.
pub const LATE_RETRY_MARGIN: Duration = Duration::from_secs(300);

/// What two deliveries with the same body are, at a sender that gives them no id.
///
/// Only the sender's documentation, or its support, can answer that: *can a second event have exactly
/// the bytes of an earlier one?* A body with a time or a number that counts up in it cannot, so equal
/// bodies are copies. A body such as `{"event":"prices.changed"}` can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdenticalBodies {
    /// One delivery, sent again. The handler runs once for each body within this time, which is the
    /// sender's retry span; after it the same body is news again.
    ///
    /// What it risks: a second event with the same body within that time is answered 200 and not
    /// handled. It is logged at `warn` and given to `on_notice` as a whole.
    Copies {
        /// For how long a body is remembered after it was handled. At least the retry span.
        within: Duration,
    },
    /// An event each. Every request runs, retries and replays too.
    ///
    /// What it risks: the handler runs again for each copy, so it must be idempotent by itself.
    Events,
}
