//! Values that tell one claim from every other.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::store::Owner;

/// A random start and a counter: unique within the process, and across processes by chance.
#[derive(Debug)]
pub(super) struct Owners {
    process: u64,
    next: AtomicU64,
}

impl Owners {
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self {
            process: getrandom::u64()?,
            next: AtomicU64::new(getrandom::u64()?),
        })
    }

    pub(super) fn next(&self) -> Owner {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Owner::from_u128((u128::from(self.process) << 64) | u128::from(number))
    }
}
