//! Calls to the store: each bounded in time, an unanswered claim asked again, and none made while
//! the store is known to be down.

// docs/decisions.md: D22.

use core::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{Inner, deadline::within};
use crate::{
    clock::Clock,
    delivery::{Admitted, Completion},
    key::DeliveryKey,
    report,
    store::{Claim, ClaimRequest, Fence, Fenced, KeyState, StoreError, StoreErrorKind},
};

/// Failures in a row after which the store is left alone for a while.
const FAILURES: u64 = 5;
/// For how long it is left alone.
const PAUSE: Duration = Duration::from_secs(5);

/// Stops asking a store that does not answer, so that requests are refused at once instead of
/// piling up behind it.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: AtomicU64,
    /// Until when the store is left alone, in milliseconds of the clock; zero for not at all.
    until: AtomicU64,
}

impl Breaker {
    pub(super) fn is_open(&self, now: Duration) -> bool {
        millis(now) < self.until.load(Ordering::Relaxed)
    }

    /// Whether a call may be made. Once a pause is over, one call at a time finds out.
    fn admits(&self, now: Duration) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        if until == 0 {
            return true;
        }
        let next = millis(now.saturating_add(PAUSE));
        let swap = || {
            self.until
                .compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed)
        };
        millis(now) >= until && swap().is_ok()
    }

    fn note(&self, now: Duration, failed: bool) {
        if !failed {
            self.failures.store(0, Ordering::Relaxed);
            self.until.store(0, Ordering::Relaxed);
            return;
        }
        let before = self.failures.fetch_add(1, Ordering::Relaxed);
        // Once the pause is over a single failure begins the next: the count stands.
        if before.saturating_add(1) >= FAILURES {
            let until = millis(now.saturating_add(PAUSE));
            self.until.store(until, Ordering::Relaxed);
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Inner {
    /// Asks for a claim; once more, as the same owner, when it is not known what became of it.
    pub(super) async fn claim(
        &self,
        clock: &dyn Clock,
        request: ClaimRequest<'_>,
    ) -> Result<Claim, StoreError> {
        if !self.breaker.admits(clock.elapsed()) {
            return Err(StoreError::unavailable(
                "left alone after failures in a row",
            ));
        }
        let first = self
            .call(clock, "claim", self.store.claim(request.clone()))
            .await;
        match first {
            Err(error) if error.kind() == StoreErrorKind::Timeout => {
                self.call(clock, "claim", self.store.claim(request)).await
            }
            answered => answered,
        }
    }

    pub(super) async fn extend(
        &self,
        clock: &dyn Clock,
        key: &DeliveryKey,
        fence: Fence,
    ) -> Result<Fenced, StoreError> {
        let extended = self.store.extend(key, fence, self.lease());
        self.call(clock, "extend", extended).await
    }

    pub(super) async fn complete(
        &self,
        clock: &dyn Clock,
        admitted: &Admitted,
    ) -> Result<Fenced, StoreError> {
        let Completion {
            key,
            fence,
            retention,
        } = admitted.how_to_complete();
        let completed = self.store.complete(&key, fence, retention);
        self.call(clock, "complete", completed).await
    }

    pub(super) async fn release(
        &self,
        clock: &dyn Clock,
        key: &DeliveryKey,
        fence: Fence,
    ) -> Result<Fenced, StoreError> {
        self.call(clock, "release", self.store.release(key, fence))
            .await
    }

    pub(super) async fn state(
        &self,
        clock: &dyn Clock,
        key: &DeliveryKey,
    ) -> Result<KeyState, StoreError> {
        self.call(clock, "state", self.store.state(key)).await
    }

    /// Tells those who watch that a call failed.
    pub(super) fn store_failed(&self, error: &StoreError) {
        report::store_failed(self, error);
    }

    /// How long a claim is held without being prolonged. Rows in memory die with the process, and a
    /// run ends at its cap, so only stores that outlive a process need heartbeats.
    pub(super) fn lease(&self) -> Duration {
        if self.needs_renewal() {
            self.limits.lease
        } else {
            let slack = Duration::from_secs(30);
            self.limits.total_run.saturating_add(slack)
        }
    }

    pub(super) fn needs_renewal(&self) -> bool {
        let capabilities = self.store.capabilities();
        (capabilities.durable || capabilities.shared) && self.renewals.can_renew()
    }

    async fn call<T>(
        &self,
        clock: &dyn Clock,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = clock.elapsed();
        let until = began.saturating_add(self.limits.store_time);
        let answered = within(clock, until, call).await;
        let result = answered.unwrap_or_else(|| Err(StoreError::timeout()));
        let now = clock.elapsed();
        report::store_answered(self, operation, now.saturating_sub(began));
        // A full store has answered: it is not down.
        let failed = matches!(&result, Err(error) if error.kind() != StoreErrorKind::Full);
        self.breaker.note(now, failed);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_breaker_opens_after_failures_in_a_row_and_tries_again() {
        let breaker = Breaker::default();
        let at = Duration::from_secs;
        for _ in 0..4 {
            breaker.note(at(1), true);
        }
        assert!(!breaker.is_open(at(1)));
        breaker.note(at(1), false);
        for _ in 0..4 {
            breaker.note(at(1), true);
        }
        assert!(!breaker.is_open(at(1)), "a success in between");
        breaker.note(at(1), true);
        assert!(breaker.is_open(at(1)) && breaker.is_open(at(5)));
        assert!(!breaker.admits(at(5)));
        assert!(breaker.admits(at(6)), "it is tried again");
        assert!(!breaker.admits(at(6)), "by one at a time");
        breaker.note(at(6), true);
        assert!(breaker.is_open(at(10)), "one failure is enough now");
        breaker.note(at(11), false);
        assert!(!breaker.is_open(at(11)));
    }
}
