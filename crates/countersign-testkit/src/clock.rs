//! A clock that only moves when a test says so.

use core::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::{Clock, Sleep, Timestamp};

/// A clock that only moves when a test says so, and wakes who sleeps past the new time.
///
/// Clones are handles to the same clock, so that a test keeps one and hands one to what it tests.
///
/// ```
/// use core::time::Duration;
/// use countersign_core::{Clock, Timestamp};
/// use countersign_testkit::ManualClock;
/// use futures_util::FutureExt;
///
/// let clock = ManualClock::at(Timestamp::from_unix_seconds(1_712_000_382));
/// let mut sleep = clock.sleep(Duration::from_secs(5));
/// clock.advance(Duration::from_secs(4));
/// assert!((&mut sleep).now_or_never().is_none());
/// clock.advance(Duration::from_secs(1));
/// assert!(sleep.now_or_never().is_some());
/// assert_eq!(clock.now(), Timestamp::from_unix_seconds(1_712_000_387));
/// ```
#[derive(Clone)]
pub struct ManualClock {
    state: Arc<Mutex<State>>,
}

struct State {
    now: Timestamp,
    elapsed: Duration,
    next: u64,
    sleepers: Vec<Sleeper>,
}

struct Sleeper {
    id: u64,
    until: Duration,
    waker: Option<Waker>,
}

impl ManualClock {
    /// A clock that stands at some moment in 2024.
    #[must_use]
    pub fn new() -> Self {
        Self::at(Timestamp::from_unix_seconds(1_712_000_000))
    }

    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                now,
                elapsed: Duration::ZERO,
                next: 0,
                sleepers: Vec::new(),
            })),
        }
    }

    /// Lets time pass, on the wall clock and the monotonic one, and wakes who sleeps until then.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.lock();
        state.now = state.now.saturating_add(duration);
        state.elapsed = state.elapsed.saturating_add(duration);
        let elapsed = state.elapsed;
        let due: Vec<Waker> = state
            .sleepers
            .iter_mut()
            .filter(|sleeper| sleeper.until <= elapsed)
            .filter_map(|sleeper| sleeper.waker.take())
            .collect();
        drop(state);
        for waker in due {
            waker.wake();
        }
    }

    /// Sets the wall clock alone, as somebody who corrects a machine's time does.
    pub fn set_now(&self, now: Timestamp) {
        self.lock().now = now;
    }

    /// How many sleeps are running, for tests of what must not leave any behind.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.lock().sleepers.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn elapsed(&self) -> Duration {
        self.lock().elapsed
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut state = self.lock();
        let id = state.next;
        state.next = state.next.wrapping_add(1);
        let until = state.elapsed.saturating_add(duration);
        state.sleepers.push(Sleeper {
            id,
            until,
            waker: None,
        });
        drop(state);
        Box::pin(Sleeping {
            clock: self.clone(),
            id,
        })
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("ManualClock")
            .field("now", &state.now)
            .field("elapsed", &state.elapsed)
            .finish_non_exhaustive()
    }
}

struct Sleeping {
    clock: ManualClock,
    id: u64,
}

impl Future for Sleeping {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.lock();
        let elapsed = state.elapsed;
        match state.sleepers.iter_mut().find(|one| one.id == self.id) {
            Some(sleeper) if elapsed < sleeper.until => {
                sleeper.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Some(_) | None => Poll::Ready(()),
        }
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        self.clock.lock().sleepers.retain(|one| one.id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::join};

    use super::*;

    #[test]
    fn advancing_wakes_sleepers_and_only_those_that_are_due() {
        let clock = ManualClock::new();
        let mut late = clock.sleep(Duration::from_secs(10));
        let mut soon = clock.sleep(Duration::from_secs(1));
        assert!(join(&mut late, &mut soon).now_or_never().is_none());
        clock.advance(Duration::from_secs(1));
        assert!(soon.now_or_never().is_some());
        assert!((&mut late).now_or_never().is_none());
        assert_eq!(clock.sleepers(), 1);
        drop(late);
        assert_eq!(clock.sleepers(), 0);
    }

    #[test]
    fn setting_the_wall_clock_moves_no_lease() {
        let clock = ManualClock::new();
        clock.set_now(Timestamp::from_unix_seconds(5));
        assert_eq!(clock.now().unix_seconds(), 5);
        assert_eq!(clock.elapsed(), Duration::ZERO);
    }
}
