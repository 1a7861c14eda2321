//! How many rows there are, how many there may be, and who is told when it gets tight.

use core::fmt;

use super::sync::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// How full a memory store is; what the callback of
/// [`nearly_full`](super::MemoryStoreBuilder::nearly_full) is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupancy {
    /// Rows in use: deliveries, their aliases, and subjects.
    pub rows: usize,
    /// Rows there may be.
    pub capacity: usize,
}

pub(super) type NearlyFull = Box<dyn Fn(Occupancy) + Send + Sync>;

/// The count of rows, on a cache line of its own because every claim writes it.
#[repr(align(128))]
pub(super) struct Rows {
    count: AtomicUsize,
    refused: AtomicU64,
    warned: AtomicBool,
    capacity: usize,
    /// Above this the store warns, once.
    warn_above: usize,
    /// Below this it may warn again.
    rearm_below: usize,
    nearly_full: Option<NearlyFull>,
}

impl Rows {
    pub(super) fn new(capacity: usize, nearly_full: Option<NearlyFull>) -> Self {
        Self {
            count: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            warned: AtomicBool::new(false),
            capacity,
            warn_above: percent(capacity, 75),
            rearm_below: percent(capacity, 60),
            nearly_full,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes room for `rows`; false when there is not enough for all of them.
    pub(super) fn reserve(&self, rows: usize) -> bool {
        rows == 0
            || self
                .count
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                    count
                        .checked_add(rows)
                        .filter(|count| *count <= self.capacity)
                })
                .is_ok()
    }

    pub(super) fn give_back(&self, rows: usize) {
        if rows == 0 {
            return;
        }
        let before = self.count.fetch_sub(rows, Ordering::Relaxed);
        if before.saturating_sub(rows) < self.rearm_below && self.warned.load(Ordering::Relaxed) {
            self.warned.store(false, Ordering::Relaxed);
        }
    }

    /// Warns if the count has crossed the mark since the last time it was well below. Not under a
    /// lock: the callback is somebody else's code.
    pub(super) fn warn_if_crossed(&self) {
        let rows = self.count();
        if rows < self.warn_above
            || self.warned.load(Ordering::Relaxed)
            || self.warned.swap(true, Ordering::Relaxed)
        {
            return;
        }
        #[cfg(feature = "tracing")]
        tracing::warn!(
            rows,
            capacity = self.capacity,
            "the memory store is nearly full; when it is, deliveries are refused"
        );
        if let Some(nearly_full) = &self.nearly_full {
            nearly_full(Occupancy {
                rows,
                capacity: self.capacity,
            });
        }
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("count", &self.count())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// `share` percent of `whole`, rounded up, at least 1.
fn percent(whole: usize, share: usize) -> usize {
    let part = match whole.checked_mul(share) {
        Some(product) => product.div_ceil(100),
        None => (whole / 100).saturating_mul(share),
    };
    part.max(1)
}
