//! Where the time is, and how far it may lie from now.

use core::time::Duration;

/// Where the time is, and in which unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeRule {
    pub(crate) at: TimeAt,
    pub(crate) unit: TimeUnit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeAt {
    Header(&'static str),
    SignatureKey(&'static str),
    /// The first entry of the signature header.
    SignatureFirst,
    Body(&'static str),
}

/// The unit of a sender's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeUnit {
    /// Unix seconds.
    Seconds,
    /// Unix milliseconds.
    Millis,
    /// RFC 3339 with a zone, such as `2026-11-27T10:11:12.464757833Z`: in upper case, with up to nine
    /// digits of a fraction.
    Rfc3339,
    /// The same without a zone, which is read as UTC.
    Rfc3339WithoutZone,
}

impl TimeUnit {
    /// Whether the times are dates, and not numbers.
    pub(crate) const fn is_date(self) -> bool {
        matches!(self, Self::Rfc3339 | Self::Rfc3339WithoutZone)
    }
}

/// How far a signed time may lie from the receiver's clock, both bounds included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// How old a delivery may be; late retries included, where they keep their first time.
    pub past: Duration,
    /// How far ahead of the receiver's clock it may be.
    pub future: Duration,
}

impl Tolerance {
    /// The same in both directions.
    #[must_use]
    pub const fn both(duration: Duration) -> Self {
        Self {
            past: duration,
            future: duration,
        }
    }
}
