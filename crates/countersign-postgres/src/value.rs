//! Values between the contract's types and Postgres'.

use core::time::Duration;

use countersign_core::{Fence, Recurrence};

/// A hundred years: longer than any lease or retention means, and short of what a `timestamptz` can
/// hold.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// A duration in microseconds, which is what Postgres counts in. Rounded up, so that a lease is
/// never shorter than asked for.
pub(crate) fn micros(duration: Duration) -> i64 {
    let micros = duration.min(LONGEST).as_nanos().div_ceil(1_000);
    i64::try_from(micros).unwrap_or(i64::MAX)
}

/// A fence as a `bigint`; `None` for one that no store of this kind gave out.
pub(crate) fn number(fence: Fence) -> Option<i64> {
    i64::try_from(fence.as_u64()).ok()
}

/// A fence from a `bigint`, which the sequence keeps positive.
pub(crate) fn fence(number: i64) -> Fence {
    Fence::from_u64(number.cast_unsigned())
}

/// A recurrence from the number that stands for it.
pub(crate) const fn recurrence(number: i16) -> Recurrence {
    match number {
        1 => Recurrence::Repeat,
        2 => Recurrence::Return,
        _ => Recurrence::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_up_and_bounded() {
        assert_eq!(micros(Duration::ZERO), 0);
        assert_eq!(micros(Duration::from_nanos(1)), 1);
        assert_eq!(micros(Duration::from_nanos(1_000)), 1);
        assert_eq!(micros(Duration::MAX), 3_153_600_000_000_000);
    }

    #[test]
    fn only_fences_that_fit_are_asked_for() {
        assert_eq!(number(Fence::from_u64(7)), Some(7));
        assert_eq!(number(Fence::from_u64(u64::MAX)), None);
        assert_eq!(fence(7), Fence::from_u64(7));
    }
}
