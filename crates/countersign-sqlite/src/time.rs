//! The wall clock in the units that rows are written in.

// docs/decisions.md: D37.

use core::{fmt, time::Duration};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use countersign_core::Clock;

/// Milliseconds since the Unix epoch.
pub(crate) type Millis = i64;

/// The store's clock.
#[derive(Clone)]
pub(crate) enum Time {
    System,
    Clock(Arc<dyn Clock>),
}

impl Time {
    pub(crate) fn now(&self) -> Millis {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
                }),
            Self::Clock(clock) => clock.now().unix_millis(),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Clock(_) => "Clock",
        })
    }
}

/// The first whole millisecond that is not before `duration` from `now`.
pub(crate) fn after(now: Millis, duration: Duration) -> Millis {
    let rest = !duration.subsec_nanos().is_multiple_of(1_000_000);
    let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    now.saturating_add(millis).saturating_add(i64::from(rest))
}

/// From `now` to `until`; zero when that is over.
pub(crate) fn left(now: Millis, until: Millis) -> Duration {
    Duration::from_millis(u64::try_from(until.saturating_sub(now)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_never_early_and_never_wraps() {
        assert_eq!(after(5, Duration::from_micros(1_001)), 7);
        assert_eq!(after(5, Duration::from_millis(2)), 7);
        assert_eq!(after(5, Duration::MAX), i64::MAX);
        assert_eq!(left(5, 7), Duration::from_millis(2));
        assert_eq!(left(7, 5), Duration::ZERO);
    }
}
