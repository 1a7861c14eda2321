//! When a sender comes again.

use core::time::Duration;

use countersign_core::Scheme;

/// Waits between attempts, as most senders have them: soon first, then ever later.
const WAITS: [u64; 12] = [
    5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 86_400, 86_400,
];

/// When one sender comes again.
pub(super) struct Schedule {
    waits: Vec<Duration>,
}

impl Schedule {
    /// As many as fit into the sender's retry span, each shorter by the scale.
    pub(super) fn of(scheme: &Scheme, scale: f64) -> Self {
        let mut left = scheme.retry_span();
        let mut waits = Vec::new();
        for wait in WAITS.map(Duration::from_secs) {
            let Some(rest) = left.checked_sub(wait) else {
                break;
            };
            left = rest;
            waits.push(Duration::try_from_secs_f64(wait.as_secs_f64() / scale).unwrap_or(wait));
        }
        Self { waits }
    }

    pub(super) fn waits(&self) -> impl Iterator<Item = Duration> {
        self.waits.iter().copied()
    }
}
