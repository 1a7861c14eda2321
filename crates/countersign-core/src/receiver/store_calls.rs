//! Calls to the store: each bounded in time, an unanswered claim asked again, and none made while
//! the store is known to be down.

// docs/decisions.md: D22.

use core::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures_util::future::FutureExt;

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
    fn admits(&self, now: impl FnOnce() -> Duration) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        if until == 0 {
            return true;
        }
        let now = now();
        let next = millis(now.saturating_add(PAUSE));
        let swap = || {
            self.until
                .compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed)
        };
        millis(now) >= until && swap().is_ok()
    }

    fn succeeded(&self) {
        // Written only where it changes: every thread reads it with each call.
        for field in [&self.failures, &self.until] {
            if field.load(Ordering::Relaxed) != 0 {
                field.store(0, Ordering::Relaxed);
            }
        }
    }

    fn failed(&self, now: Duration) {
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
        request: &ClaimRequest<'_>,
    ) -> Result<Claim, StoreError> {
        if let Some(memory) = self.store.memory() {
            let timing = report::Timing::start(clock);
            let claim = memory.claim_now(request);
            report::store_answered(self, "claim", timing.took(clock));
            return claim;
        }
        if !self.breaker.admits(|| clock.elapsed()) {
            return Err(StoreError::unavailable(
                "left alone after failures in a row",
            ));
        }
        let ask = || self.call(clock, "claim", self.store.claim(request.clone()));
        match ask().await {
            Err(error) if error.kind() == StoreErrorKind::Timeout => ask().await,
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
        if let Some(memory) = self.store.memory() {
            let timing = report::Timing::start(clock);
            let completed = memory.complete_now(&key, fence, retention);
            report::store_answered(self, "complete", timing.took(clock));
            return Ok(completed);
        }
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

    fn call<'a, T>(
        &'a self,
        clock: &'a dyn Clock,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + 'a,
    ) -> impl Future<Output = Result<T, StoreError>> + 'a {
        let timing = report::Timing::start(clock);
        let until = clock.elapsed().saturating_add(self.limits.store_time);
        within(clock, until, call).map(move |answered| {
            let result = answered.unwrap_or_else(|| Err(StoreError::timeout()));
            report::store_answered(self, operation, timing.took(clock));
            match &result {
                // A full store has answered: it is not down.
                Err(error) if error.kind() != StoreErrorKind::Full => {
                    self.breaker.failed(clock.elapsed());
                }
                Ok(_) | Err(_) => self.breaker.succeeded(),
            }
            result
        })
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
            breaker.failed(at(1));
        }
        assert!(!breaker.is_open(at(1)));
        breaker.succeeded();
        for _ in 0..4 {
            breaker.failed(at(1));
        }
        assert!(!breaker.is_open(at(1)), "a success in between");
        breaker.failed(at(1));
        assert!(breaker.is_open(at(1)) && breaker.is_open(at(5)));
        assert!(!breaker.admits(|| at(5)));
        assert!(breaker.admits(|| at(6)), "it is tried again");
        assert!(!breaker.admits(|| at(6)), "by one at a time");
        breaker.failed(at(6));
        assert!(breaker.is_open(at(10)), "one failure is enough now");
        breaker.succeeded();
        assert!(!breaker.is_open(at(11)));
    }
}
