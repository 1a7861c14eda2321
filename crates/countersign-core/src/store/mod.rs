//! The contract of a deduplication store, and what its operations say.
//!
//! A store keeps one row for each delivery key: in flight (a claim is held until its lease ends) or
//! completed (until the retention ends). Absent and expired are the same. An alias names the rows that
//! were claimed with the same bytes of the same type, and has no state of its own. A subject says what
//! was claimed last of an entity.

// docs/decisions.md: D63.

use core::{future::Future, time::Duration};
use std::sync::Arc;

use crate::{clock::Clock, key::DeliveryKey};

mod erased;
mod error;
pub mod memory;
mod reply;
mod request;
pub mod rule;

pub(crate) use self::erased::AnyStore;
pub use self::{
    error::{StoreError, StoreErrorKind},
    reply::{Capabilities, Claim, Claimed, Fence, Fenced, KeyState, Recurrence},
    request::{ClaimRequest, OnRepeat, Owner, Subject},
};

/// How long after its lease every store keeps a row in flight, so that a takeover can count attempts and
/// a late holder can still settle: 1 hour.
pub const KEPT_AFTER_LEASE: Duration = Duration::from_secs(3_600);

/// How many completed rows a store keeps under one alias at least: 16. Of more it may drop the aliases of
/// those that end soonest, so that the same bytes under many keys cost the next claim no more.
pub const ROWS_OF_AN_ALIAS: usize = 16;

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
/// * an alias lives and dies with its row, and several rows may have the same one; a takeover keeps the
///   row and so its aliases;
/// * a subject outlives its rows: it ends when the longest [`keep`](Subject::keep) of its claims has,
///   and neither a release nor a forgotten row takes it along;
/// * a bounded store that is full refuses with [`StoreError::full`]; it never forgets a live row.
pub trait DedupStore: Send + Sync + 'static {
    /// Asks for the right to run a delivery.
    ///
    /// In this order, in one step:
    ///
    /// 1. A live row under the key decides.
    /// 2. The *run* of a subject is the span of claims in which its bytes stay the same: a claim with
    ///    another fingerprint than the last one's begins a new run, and so does the first. A row's
    ///    aliases are of the run in which it was claimed with them last.
    /// 3. An alias is *known* when a live row of another key has it. It is a *repeat* when such a row's
    ///    is of the subject's run, and without a subject always; else it is a *return*.
    /// 4. With [`OnRepeat::Suppress`], a repeat decides: suppressed when the row is completed, else in
    ///    flight; when there are several, a completed one goes first.
    /// 5. Else the key is claimed (taken over when a lease had run out), the run is written to the
    ///    subject, and the row has the aliases, of that run. A takeover that finds no alias known is the
    ///    recurrence that the claim before it was.
    ///
    /// So a key whose lease ran out, and whose bytes were completed since under another key with nothing
    /// in between, is suppressed and not taken over; and a suppressed request writes nothing. The [`rule`] module is this in code.
    ///
    /// # Errors
    ///
    /// When the engine does not answer, or is full. After a
    /// [timeout](StoreErrorKind::Timeout) the claim may have been applied; asked again by the same owner, it
    /// is the same claim.
    fn claim(
        &self,
        request: ClaimRequest<'_>,
    ) -> impl Future<Output = Result<Claim, StoreError>> + Send;

    /// Prolongs a claim's lease to end `lease` from now, even when it had run out, unless another claim
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
    /// Applied also when the lease had run out, unless another claim took over; repeated with the same
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

    /// Gives a claim back, so that a retry may run. Never touches a completed row.
    ///
    /// Its aliases go with it, and those of other rows stay: the retry of a return is a return again,
    /// because what the subject's last claim was stays as it is, and the row that it returned from is of
    /// an earlier run.
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
        wait_by_looking(self, key, at_most, clock)
    }

    /// Forgets a key whatever its state, with its aliases, so that the delivery can be run again on
    /// purpose. Given an alias, forgets it and leaves the rows that have it; given a subject, forgets what
    /// was claimed last of it. True when there was any of them.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    fn forget(&self, key: &DeliveryKey) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Deletes at most `limit` rows that are past their time, and says how many. A row in flight is
    /// kept for [`KEPT_AFTER_LEASE`], because its holder may still settle.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    fn purge(&self, limit: usize) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// What the store promises.
    fn capabilities(&self) -> Capabilities;
}

/// What [`DedupStore::wait`] does unless a store has a better way, for stores that wrap another.
///
/// # Errors
///
/// When a look at the key's state fails.
pub async fn wait_by_looking<S: DedupStore + ?Sized>(
    store: &S,
    key: &DeliveryKey,
    at_most: Duration,
    clock: &dyn Clock,
) -> Result<KeyState, StoreError> {
    let until = clock.elapsed().saturating_add(at_most);
    let mut pause = Duration::from_millis(50);
    loop {
        let state = store.state(key).await?;
        let left = until.saturating_sub(clock.elapsed());
        let lease_runs = matches!(state, KeyState::InFlight { remaining } if !remaining.is_zero());
        if !lease_runs || left.is_zero() {
            return Ok(state);
        }
        clock.sleep(pause.min(left)).await;
        pause = pause.saturating_mul(2).min(Duration::from_millis(400));
    }
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
