//! Claims that are suppressed when an alias is known.

use core::time::Duration;

use countersign_core::{ClaimRequest, DeliveryKey, OnRepeat, Subject};

/// The entity that all of them are about.
#[must_use]
pub fn entity() -> DeliveryKey {
    DeliveryKey::for_subject("tests", None, "entity")
}

/// See the module.
pub trait AboutOne<'a> {
    /// Adds aliases, and says that the claim is about the one entity, of a type that happens once. It
    /// is kept for 30 days.
    #[must_use]
    fn about_one(self, aliases: &'a [DeliveryKey]) -> Self;
}

impl<'a> AboutOne<'a> for ClaimRequest<'a> {
    fn about_one(self, aliases: &'a [DeliveryKey]) -> Self {
        let keep = Duration::from_secs(30 * 86_400);
        let subject = Subject::new(entity(), OnRepeat::Suppress, keep);
        self.with_aliases(aliases).with_subject(Some(subject))
    }
}
