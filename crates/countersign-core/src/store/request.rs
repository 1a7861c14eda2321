//! What a claim asks.

use core::time::Duration;

use crate::key::DeliveryKey;

/// Who asks for a claim: a random value made before the claim is sent, so that a claim whose answer
/// was lost can be asked again and recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner(u128);

impl Owner {
    /// An owner from 128 bits that no other claim uses.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

/// What a store does with a repeat: the same bytes under the same type were the last that was claimed
/// of their subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnRepeat {
    /// Answer with the state of the row that has the alias, and write nothing.
    Suppress,
    /// Claim all the same, and say [`Recurrence::Repeat`](super::Recurrence::Repeat).
    Run,
}

/// The entity that a delivery is about, and what its claim says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Subject {
    /// The entity.
    pub key: DeliveryKey,
    /// What to do when nothing came in between.
    pub on_repeat: OnRepeat,
    /// For how long from now the store remembers what was claimed last: at least until the rows of
    /// this claim have ended.
    pub keep: Duration,
}

impl Subject {
    /// A subject.
    #[must_use]
    pub const fn new(key: DeliveryKey, on_repeat: OnRepeat, keep: Duration) -> Self {
        Self {
            key,
            on_repeat,
            keep,
        }
    }
}

/// One request for the right to run a delivery.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClaimRequest<'a> {
    /// The delivery.
    pub key: DeliveryKey,
    /// Other names under which the same bytes of the same type would be recognised.
    pub aliases: &'a [DeliveryKey],
    /// What the delivery is about, where that is known. Without it a known alias never suppresses.
    pub subject: Option<Subject>,
    /// Who asks.
    pub owner: Owner,
    /// How long the claim is held without an [`extend`](super::DedupStore::extend).
    pub lease: Duration,
    /// A mark of the body: kept with the row, handed back with [`Claim::Completed`](super::Claim::Completed) and
    /// [`Claim::InFlight`](super::Claim::InFlight), and what tells whether the subject's last claim had the same bytes.
    pub fingerprint: u64,
}

impl<'a> ClaimRequest<'a> {
    /// A claim of one key, without aliases, without a subject, and with a fingerprint of 0.
    #[must_use]
    pub const fn new(key: DeliveryKey, owner: Owner, lease: Duration) -> Self {
        Self {
            key,
            aliases: &[],
            subject: None,
            owner,
            lease,
            fingerprint: 0,
        }
    }

    /// Adds aliases.
    #[must_use]
    pub const fn with_aliases(mut self, aliases: &'a [DeliveryKey]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Says what the delivery is about.
    #[must_use]
    pub const fn with_subject(mut self, subject: Option<Subject>) -> Self {
        self.subject = subject;
        self
    }

    /// Adds the mark of the body.
    #[must_use]
    pub const fn with_fingerprint(mut self, fingerprint: u64) -> Self {
        self.fingerprint = fingerprint;
        self
    }
}
