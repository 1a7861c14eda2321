//! Deliveries as types that exist already: nobody writes GitHub's and Stripe's events again.
//!
//! Each module is a receiver, a handler and the application around it; `src/bin` serves them.

use std::sync::{Arc, Mutex, PoisonError};

pub mod github;
pub mod shopify;
pub mod stripe;

/// What the handlers did. A cheap handle, in place of a database.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Vec<String>>>);

impl Ledger {
    /// Notes something done.
    pub fn note(&self, line: String) {
        println!("{line}");
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }

    /// Everything done so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
