//! Fences: the server's time in microseconds, as well as it is known here.
//!
//! A claim that finds nothing under its key cannot compare its fence with an earlier one, and asking
//! the server for one first would cost a trip or a script. So the time is asked for now and then and
//! counted on here. Rows stay for an hour after they have ended, with their fence, and what takes
//! their place gets a larger one; only what is older than that relies on the time.

// docs/decisions.md: D39.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// How long the server's time is counted on before it is asked for again.
const FRESH: Duration = Duration::from_secs(60);

/// Hands out fences. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Fences {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    origin: Instant,
    /// The server's time at the origin; 0 when it is not known.
    server: AtomicU64,
    /// When it was last asked for, counted from the origin.
    asked: AtomicU64,
    last: AtomicU64,
}

impl Fences {
    pub(crate) fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                origin: Instant::now(),
                server: AtomicU64::new(0),
                asked: AtomicU64::new(0),
                last: AtomicU64::new(0),
            }),
        }
    }

    /// Whether the caller is to ask for the server's time. Once it is known, one caller is enough.
    pub(crate) fn is_due(&self) -> bool {
        let inner = &*self.inner;
        if inner.server.load(Relaxed) == 0 {
            return true;
        }
        let (asked, now) = (inner.asked.load(Relaxed), inner.now());
        u128::from(now.saturating_sub(asked)) >= FRESH.as_micros()
            && inner
                .asked
                .compare_exchange(asked, now, Relaxed, Relaxed)
                .is_ok()
    }

    /// The server has just said its time. It may have taken long to arrive, or have been set back;
    /// what was known is only ever moved ahead.
    pub(crate) fn learn(&self, micros: u64) {
        let inner = &*self.inner;
        let now = inner.now();
        inner.server.fetch_max(micros.saturating_sub(now), Relaxed);
        inner.asked.store(now, Relaxed);
    }

    /// A fence that was not handed out before, at least as large as the server's known time.
    pub(crate) fn next(&self) -> u64 {
        let inner = &*self.inner;
        let time = inner.server.load(Relaxed).saturating_add(inner.now());
        let next = |last: u64| time.max(last.saturating_add(1));
        let last = inner
            .last
            .fetch_update(Relaxed, Relaxed, |last| Some(next(last)));
        next(last.unwrap_or_default())
    }
}

impl Inner {
    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_follow_the_servers_time_and_never_repeat() {
        let fences = Fences::new();
        assert!(fences.is_due());
        fences.learn(1_700_000_000_000_000);
        assert!(!fences.is_due());
        let mut last = 0;
        for _ in 0..10_000 {
            let next = fences.next();
            assert!(next > last && next >= 1_700_000_000_000_000);
            last = next;
        }
        fences.learn(1_600_000_000_000_000);
        assert!(fences.next() > last, "set back");
        fences.learn(1_800_000_000_000_000);
        assert!(fences.next() >= 1_800_000_000_000_000);
    }
}
