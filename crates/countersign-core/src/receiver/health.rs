//! What a readiness probe wants to know.

use super::Receiver;
use crate::report::Streak;

/// How a receiver is doing. Comes from [`Receiver::health`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// It is shutting down.
    pub draining: bool,
    /// The store failed several times in a row and is left alone for a moment.
    pub store_failing: bool,
    /// Handlers that are running.
    pub running: usize,
    /// Copies that wait for a running one.
    pub waiting: usize,
    /// Bytes of bodies that are held.
    pub buffered_bytes: usize,
    /// Failures in a row.
    pub streak: Streak,
}

impl Health {
    /// Whether deliveries should be sent here: it is not shutting down, and its store answers.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        !self.draining && !self.store_failing
    }
}

impl Receiver {
    /// How the receiver is doing, without asking the store: for readiness probes.
    #[must_use]
    pub fn health(&self) -> Health {
        let inner = &*self.inner;
        let now = inner.clock.get().map(|clock| clock.elapsed());
        Health {
            draining: inner.running.is_draining(),
            store_failing: now.is_some_and(|now| inner.breaker.is_open(now)),
            running: inner.running.count(),
            waiting: inner.elsewhere.waiting(),
            buffered_bytes: inner.verifier.buffered_bytes(),
            streak: inner.streaks.read(inner),
        }
    }
}
