//! What stores answer.

use core::time::Duration;

use crate::key::DeliveryKey;

/// The number that grows each time a key changes hands; only its holder can settle.
///
/// Hand it to your own writes (`WHERE fence < $1`) where a run that outlived its lease must not
/// overwrite what a later run wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(u64);

impl Fence {
    /// A fence from the number that a store keeps.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// The answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// The caller holds the key and must settle it.
    Claimed(Claimed),
    /// Somebody holds it. `on` is the row that is in flight: the key itself, or one that has the same
    /// alias.
    InFlight {
        /// The row to wait for.
        on: DeliveryKey,
        /// What is left of the lease.
        remaining: Duration,
        /// The fingerprint that `on` was claimed with.
        fingerprint: u64,
    },
    /// The delivery was completed and is remembered.
    Completed {
        /// The fingerprint that was claimed with.
        fingerprint: u64,
    },
    /// The key is new, but it is a repeat of a completed row; nothing was written.
    Suppressed,
}

/// A claim that was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// What the holder settles with.
    pub fence: Fence,
    /// 1 for a fresh row, one more for each takeover since.
    pub attempt: u32,
    /// An earlier holder's lease had run out.
    pub takeover: bool,
    /// Whether the same bytes of the same type were known under another key.
    pub recurrence: Recurrence,
}

/// How a granted claim stands to what was claimed before under other keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Recurrence {
    /// None of its aliases was known.
    #[default]
    None,
    /// An alias was known, and nothing is known to have come in between: the bytes are the last that
    /// were claimed of the subject, or there is no subject.
    Repeat,
    /// An alias was known, and something else was claimed of the subject since.
    Return,
}

impl Recurrence {
    /// A short name, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Repeat => "repeat",
            Self::Return => "return",
        }
    }
}

/// Whether a compare-and-set on (key, fence) took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a lost claim means that somebody else may run the delivery"]
pub enum Fenced {
    /// The row was still the caller's and was changed.
    Applied,
    /// The row is gone, settled by somebody else, or claimed anew; nothing was changed.
    Lost,
}

/// What a store knows about a key, without claiming it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyState {
    /// No row, or an expired one.
    Absent,
    /// Somebody holds it.
    InFlight {
        /// What is left of the lease; zero when it has run out.
        remaining: Duration,
    },
    /// Done, and remembered.
    Completed,
}

/// What a store promises, shown at start-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Rows outlive the process.
    pub durable: bool,
    /// Several processes see the same rows.
    pub shared: bool,
}

impl Capabilities {
    /// Rows that live and die with this process.
    pub const IN_PROCESS: Self = Self {
        durable: false,
        shared: false,
    };

    /// Capabilities as given.
    #[must_use]
    pub const fn new(durable: bool, shared: bool) -> Self {
        Self { durable, shared }
    }
}
