//! Time as a value: timestamps, and the clock that an application or a test supplies.

use core::{fmt, future::Future, pin::Pin, time::Duration};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A point on the wall clock, in milliseconds since the Unix epoch.
///
/// Freshness of a signed time is judged against one of these. All arithmetic saturates, because a
/// sender's number may be anything.
///
/// ```
/// use core::time::Duration;
/// use countersign_core::Timestamp;
///
/// let sent = Timestamp::from_unix_seconds(1_712_000_382);
/// let now = sent.saturating_add(Duration::from_secs(301));
/// assert_eq!(now.saturating_since(sent), Duration::from_secs(301));
/// assert_eq!(sent.saturating_since(now), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    millis: i64,
}

impl Timestamp {
    /// Now, by the system's clock.
    #[must_use]
    pub fn now() -> Self {
        system_now()
    }

    /// The given number of seconds after (or before) the Unix epoch.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self {
            millis: seconds.saturating_mul(1_000),
        }
    }

    /// The given number of milliseconds after (or before) the Unix epoch.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self { millis }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.millis
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.millis.div_euclid(1_000)
    }

    /// How much later `self` is than `earlier`; zero when it is not later.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        let millis = self.millis.saturating_sub(earlier.millis);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }

    /// This time plus a duration, at most the latest time that can be expressed.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let add = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self {
            millis: self.millis.saturating_add(add),
        }
    }
}

/// A future that ends when a duration has passed; what [`Clock::sleep`] returns.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Wall time, monotonic time and timers.
///
/// The core has no runtime, so adapters bring a clock with their runtime's timer; tests bring a
/// manual one. An application only implements this to control time.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock, which freshness of signed times and rotation of keys are judged by.
    fn now(&self) -> Timestamp;

    /// Time since some fixed origin that never jumps, which budgets and leases are measured by.
    fn elapsed(&self) -> Duration;

    /// A future that ends once `duration` has passed on [`elapsed`](Self::elapsed)'s scale.
    fn sleep(&self, duration: Duration) -> Sleep;
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn elapsed(&self) -> Duration {
        (**self).elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        (**self).sleep(duration)
    }
}

/// The machine's clocks, with a timer handed in by whoever owns the runtime.
///
/// ```
/// use countersign_core::{Clock, SystemClock};
///
/// // With tokio: SystemClock::new(|d| Box::pin(tokio::time::sleep(d)))
/// let clock = SystemClock::new(|_| Box::pin(async {}));
/// assert!(clock.now().unix_seconds() > 1_700_000_000);
/// ```
pub struct SystemClock<S> {
    origin: Instant,
    sleep: S,
}

impl<S> SystemClock<S>
where
    S: Fn(Duration) -> Sleep + Send + Sync + 'static,
{
    /// A clock over the system's time and the given timer.
    pub fn new(sleep: S) -> Self {
        Self {
            origin: Instant::now(),
            sleep,
        }
    }
}

impl<S> Clock for SystemClock<S>
where
    S: Fn(Duration) -> Sleep + Send + Sync + 'static,
{
    fn now(&self) -> Timestamp {
        system_now()
    }

    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        (self.sleep)(duration)
    }
}

impl<S> fmt::Debug for SystemClock<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemClock").finish_non_exhaustive()
    }
}

/// The system's wall clock; a clock before 1970 reads as 1970.
fn system_now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let low = Timestamp::from_unix_seconds(i64::MIN);
        let high = Timestamp::from_unix_seconds(i64::MAX);
        assert_eq!(low.unix_millis(), i64::MIN);
        assert_eq!(
            high.saturating_since(low),
            Duration::from_millis(i64::MAX.unsigned_abs())
        );
        assert_eq!(low.saturating_since(high), Duration::ZERO);
        assert_eq!(high.saturating_add(Duration::MAX), high);
    }
}
