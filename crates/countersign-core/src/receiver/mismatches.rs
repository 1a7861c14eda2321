//! Ids that came with more than one body.

// docs/decisions.md: D14.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use crate::key::DeliveryKey;

/// How many ids are watched at once. An id field that is the wrong one shows at any of them.
const WATCHED: usize = 256;

/// The ids of this process that came with a second body, the latest last.
#[derive(Debug, Default)]
pub(super) struct Mismatches(Mutex<VecDeque<Watched>>);

#[derive(Debug)]
struct Watched {
    key: DeliveryKey,
    /// The mark of the second body.
    second: u64,
    /// A third came, and was told of.
    told: bool,
}

impl Mismatches {
    /// A delivery came with another body than the first of its id. True when it is the third
    /// different one: such an id does not identify deliveries. Said once for an id.
    pub(super) fn is_third(&self, key: DeliveryKey, fingerprint: u64) -> bool {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = watched.iter_mut().find(|known| known.key == key) {
            let third = known.second != fingerprint && !known.told;
            known.told |= third;
            return third;
        }
        if watched.len() >= WATCHED {
            watched.pop_front();
        }
        watched.push_back(Watched {
            key,
            second: fingerprint,
            told: false,
        });
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_body_of_an_id_is_told_of_once() {
        let key = |n: usize| DeliveryKey::for_id("e", None, &n.to_string());
        let mismatches = Mismatches::default();
        assert!(!mismatches.is_third(key(0), 2));
        assert!(!mismatches.is_third(key(0), 2));
        assert!(!mismatches.is_third(key(1), 3));
        assert!(mismatches.is_third(key(0), 3));
        assert!(!mismatches.is_third(key(0), 4));
        // However many there are, it stays as small as it is.
        for n in 0..10_000 {
            let _ = mismatches.is_third(key(n), 5);
        }
        assert_eq!(mismatches.0.lock().unwrap().len(), WATCHED);
    }
}
