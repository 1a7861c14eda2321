//! The contract of a deduplication store, and what its operations say.
//!
//! A store keeps one row a delivery key: in flight (somebody holds the claim until its lease ends)
//! or completed (done, until the retention ends). Absent and expired are the same. An alias row
//! points to a primary row and has no state of its own.

use core::{future::Future, time::Duration};
use std::sync::Arc;

use crate::{Clock, DeliveryKey};

mod erased;
mod error;
pub mod memory;

pub(crate) use self::erased::DynStore;
pub use self::error::{StoreError, StoreErrorKind};

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

/// What a store does when the key is new and one of its aliases is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnAlias {
    /// Answer with the state of the row that the alias points to, and write nothing.
    Suppress,
    /// Claim all the same, and say so in [`Claimed::alias_known`].
    Run,
}

/// One request for the right to run a delivery.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClaimRequest<'a> {
    /// The delivery.
    pub key: DeliveryKey,
    /// Other names under which the same bytes would be recognised.
    pub aliases: &'a [DeliveryKey],
    /// What to do when only an alias is known.
    pub on_alias: OnAlias,
    /// Who asks.
    pub owner: Owner,
    /// How long the claim is held without an [`extend`](DedupStore::extend).
    pub lease: Duration,
    /// A mark of the signed bytes, kept with the row and handed back with [`Claim::Completed`]
    /// and [`Claim::InFlight`].
    pub fingerprint: Option<u64>,
}

impl<'a> ClaimRequest<'a> {
    /// A claim of one key, without aliases and without a fingerprint.
    #[must_use]
    pub const fn new(key: DeliveryKey, owner: Owner, lease: Duration) -> Self {
        Self {
            key,
            aliases: &[],
            on_alias: OnAlias::Suppress,
            owner,
            lease,
            fingerprint: None,
        }
    }

    /// Adds aliases and what to do when one of them is known.
    #[must_use]
    pub const fn with_aliases(mut self, aliases: &'a [DeliveryKey], on_alias: OnAlias) -> Self {
        self.aliases = aliases;
        self.on_alias = on_alias;
        self
    }

    /// Adds the mark of the signed bytes.
    #[must_use]
    pub const fn with_fingerprint(mut self, fingerprint: Option<u64>) -> Self {
        self.fingerprint = fingerprint;
        self
    }
}

/// The answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// The caller holds the key and must settle it.
    Claimed(Claimed),
    /// Somebody holds it. `on` is the row that is in flight: the key itself, or the primary row of
    /// a known alias.
    InFlight {
        /// The row to wait for.
        on: DeliveryKey,
        /// What is left of the lease.
        remaining: Duration,
        /// The fingerprint that `on` was claimed with.
        fingerprint: Option<u64>,
    },
    /// The delivery was completed and is remembered.
    Completed {
        /// The fingerprint that was claimed with.
        fingerprint: Option<u64>,
    },
    /// The key is new, but one of its aliases points to a completed row; nothing was written.
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
    /// An alias of the key was known and [`OnAlias::Run`] was asked for.
    pub alias_known: bool,
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

/// Remembers which deliveries are running and which are done.
///
/// Implement it with plain `async fn`s. Every operation is one atomic step of the engine behind it;
/// only [`wait`](Self::wait) has a default body. The conformance suite of `countersign-testkit` is
/// what an implementation must pass. Rules that hold for all:
///
/// * expiry and leases are judged when a row is read, by the store's own clock; a row is *live* while
///   its lease runs or, once completed, while its retention does;
/// * a claim repeated with the same owner while it is held returns the same claim;
/// * writes after the claim are compare-and-set on (key, fence), and fences of a key only grow;
/// * an alias lives and dies with its primary row; a takeover keeps the row and so its aliases;
/// * a bounded store that is full refuses with [`StoreError::full`]; it never forgets a live row.
pub trait DedupStore: Send + Sync + 'static {
    /// Asks for the right to run a delivery.
    ///
    /// In this order: a live row under the key decides. Else, with [`OnAlias::Suppress`], a live
    /// row of *another* key that an alias points to decides: in flight, or suppressed; when several
    /// do, a completed one goes first. Else the key is claimed (taken over when a lease had run
    /// out), and the aliases point to it, except aliases that point to another live row, which stay
    /// as they are. So a key whose lease ran out, and whose bytes somebody else has completed since
    /// under another key, is suppressed and not taken over.
    ///
    /// # Errors
    ///
    /// When the engine does not answer, or is full. Nothing may have been lost by then.
    fn claim(
        &self,
        request: ClaimRequest<'_>,
    ) -> impl Future<Output = Result<Claim, StoreError>> + Send;

    /// Prolongs a claim's lease to end `lease` from now, even when it had run out, as long as nobody
    /// took over.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    fn extend(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> impl Future<Output = Result<Fenced, StoreError>> + Send;

    /// Marks a claimed delivery as done and remembers it, with its aliases, for `retention` from now.
    ///
    /// Applied also when the lease had run out, as long as nobody took over; repeated with the same
    /// fence within the retention it is applied again.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> impl Future<Output = Result<Fenced, StoreError>> + Send;

    /// Gives a claim back, with its aliases, so that a retry may run. Never touches a completed row.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    fn release(
        &self,
        key: &DeliveryKey,
        fence: Fence,
    ) -> impl Future<Output = Result<Fenced, StoreError>> + Send;

    /// Reads a key without changing it.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    fn state(&self, key: &DeliveryKey)
    -> impl Future<Output = Result<KeyState, StoreError>> + Send;

    /// Waits until a key is no longer in flight, its lease has run out, or `at_most` has passed,
    /// and says what it is then. Returns at once when it is not in flight.
    ///
    /// The default reads the state every 50 to 400 ms.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    fn wait(
        &self,
        key: &DeliveryKey,
        at_most: Duration,
        clock: &dyn Clock,
    ) -> impl Future<Output = Result<KeyState, StoreError>> + Send {
        async move {
            let until = clock.elapsed().saturating_add(at_most);
            let mut pause = Duration::from_millis(50);
            loop {
                let state = self.state(key).await?;
                let left = until.saturating_sub(clock.elapsed());
                let lease_runs =
                    matches!(state, KeyState::InFlight { remaining } if !remaining.is_zero());
                if !lease_runs || left.is_zero() {
                    return Ok(state);
                }
                clock.sleep(pause.min(left)).await;
                pause = pause.saturating_mul(2).min(Duration::from_millis(400));
            }
        }
    }

    /// Forgets a key whatever its state, with its aliases, so that the delivery can be run again on
    /// purpose. Given an alias, forgets that alias and leaves its row. True when there was either.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    fn forget(&self, key: &DeliveryKey) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Deletes at most `limit` rows that are past their time, and says how many. A row in flight is
    /// kept for long after its lease, because its holder may still settle.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    fn purge(&self, limit: usize) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// What the store promises.
    fn capabilities(&self) -> Capabilities;
}

impl<S: DedupStore + ?Sized> DedupStore for Arc<S> {
    fn claim(
        &self,
        request: ClaimRequest<'_>,
    ) -> impl Future<Output = Result<Claim, StoreError>> + Send {
        (**self).claim(request)
    }

    fn extend(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> impl Future<Output = Result<Fenced, StoreError>> + Send {
        (**self).extend(key, fence, lease)
    }

    fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> impl Future<Output = Result<Fenced, StoreError>> + Send {
        (**self).complete(key, fence, retention)
    }

    fn release(
        &self,
        key: &DeliveryKey,
        fence: Fence,
    ) -> impl Future<Output = Result<Fenced, StoreError>> + Send {
        (**self).release(key, fence)
    }

    fn state(
        &self,
        key: &DeliveryKey,
    ) -> impl Future<Output = Result<KeyState, StoreError>> + Send {
        (**self).state(key)
    }

    fn wait(
        &self,
        key: &DeliveryKey,
        at_most: Duration,
        clock: &dyn Clock,
    ) -> impl Future<Output = Result<KeyState, StoreError>> + Send {
        (**self).wait(key, at_most, clock)
    }

    fn forget(&self, key: &DeliveryKey) -> impl Future<Output = Result<bool, StoreError>> + Send {
        (**self).forget(key)
    }

    fn purge(&self, limit: usize) -> impl Future<Output = Result<usize, StoreError>> + Send {
        (**self).purge(limit)
    }

    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }
}
