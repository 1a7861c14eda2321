//! Failures in a row, as the sender may be counting them.

// docs/decisions.md: D20.

use core::sync::atomic::{AtomicU32, Ordering};

use super::Inner;
use crate::{
    rejection::RejectionKind,
    report::{self, Streak},
};

#[derive(Debug, Default)]
pub(super) struct Streaks {
    failed: AtomicU32,
    refused: AtomicU32,
}

impl Streaks {
    pub(super) fn read(&self, inner: &Inner) -> Streak {
        Streak {
            failed: self.failed.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            limit: inner.scheme().switch_off_after(),
        }
    }
}

impl Inner {
    /// A proved delivery was answered.
    pub(super) fn answered(&self, status: Option<u16>) {
        if status.is_some_and(|status| (200..300).contains(&status)) {
            // Written only where it changes: every thread reads it with each answer.
            for streak in [&self.streaks.failed, &self.streaks.refused] {
                if streak.load(Ordering::Relaxed) != 0 {
                    streak.store(0, Ordering::Relaxed);
                }
            }
            report::streak(self, &self.streaks.read(self));
        } else {
            self.count(&self.streaks.failed);
        }
    }

    /// A request was refused before it was proved. What no true sender runs into does not count.
    pub(super) fn refused(&self, kind: RejectionKind) {
        if kind.counts() {
            self.count(&self.streaks.refused);
        }
    }

    fn count(&self, streak: &AtomicU32) {
        let grown = |now: u32| now.checked_add(1);
        let Ok(before) = streak.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown) else {
            return;
        };
        report::streak(self, &self.streaks.read(self));
        let half = self
            .scheme()
            .switch_off_after()
            .map(|limit| limit.div_ceil(2));
        if before.checked_add(1) == half {
            let streak = self.streaks.read(self);
            report::half_way_off(self, streak);
        }
    }
}
