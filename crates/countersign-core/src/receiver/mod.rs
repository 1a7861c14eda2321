//! The receiver: a verifier, an endpoint's name, a store and a policy.

use core::{fmt, time::Duration};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use futures_util::future::BoxFuture;

use crate::{
    answer::{Answer, Dedup},
    clock::Clock,
    key::DeliveryKey,
    keys::{DynKeyringSource, KeyringError, Rotation, Secret},
    rejection::{Rejection, RejectionKind},
    report::{self, Notify, Streak},
    scheme::Scheme,
    store::{AnyStore, Owner, StoreError},
    verify::Verifier,
};

mod admission;
mod batch;
mod builder;
mod claim;
mod config_error;
mod copies;
mod deadline;
mod handshake;
mod health;
mod limits;
mod mismatches;
mod offer;
mod owner;
mod question;
mod receive;
mod renewal;
mod run;
mod running;
mod settle;
mod store_calls;
mod streak;
#[cfg(test)]
mod tests;

pub use self::{
    admission::Run,
    batch::Accepted,
    builder::{ReceiverBuilder, StoreOutage},
    config_error::ConfigError,
    health::Health,
    limits::Limits,
    offer::{Offer, OfferedSecret},
    receive::Received,
    run::{Handle, Reply, Verdict},
};
use self::{
    batch::FailedItems,
    copies::{Elsewhere, Underway},
    handshake::VerifyToken,
    mismatches::Mismatches,
    offer::OnOffer,
    owner::Owners,
    renewal::Renewals,
    running::Running,
    store_calls::Breaker,
    streak::Streaks,
};

/// Receives one sender's deliveries at one endpoint.
///
/// A cheap handle over a [`Verifier`], limits, a store and a policy; clones share all of it. Give
/// it to the layer or middleware of your framework, and call [`drain`](Self::drain) at shutdown.
///
/// ```
/// use countersign_core::{MemoryStore, Receiver, Scheme, Secret};
///
/// const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
///     .prefix("sha256=")
///     .id_header("X-Acme-Id")
///     .declare();
///
/// let receiver = Receiver::builder(ACME)
///     .endpoint("acme")
///     .secret(Secret::new("It's a Secret to Everybody")?)
///     .store(MemoryStore::new())
///     .build()?;
///
/// // What the layer or middleware proves before the store is asked.
/// let request = http::Request::post("/webhooks/acme")
///     .header(
///         "X-Acme-Signature",
///         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
///     )
///     .body(())?;
/// let now = countersign_core::Timestamp::from_unix_seconds(1_750_000_000);
/// let verified = receiver.verifier().verify(&request, "Hello, World!".into(), now)?;
/// assert_eq!(verified.body(), "Hello, World!");
/// assert!(receiver.verifier().verify(&request, "Hello, World?".into(), now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Receiver {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    verifier: Verifier,
    /// Where tenants are looked up, where there are some.
    tenants: Option<Arc<dyn DynKeyringSource>>,
    pub(crate) endpoint: Arc<str>,
    pub(crate) notify: Notify,
    pub(crate) discard_unexpected: bool,
    limits: Limits,
    pub(crate) retention: Duration,
    /// The signed fields that identify an event without an id; none where its body does.
    pub(crate) content_key: &'static [&'static str],
    statuses: HashMap<RejectionKind, u16>,
    verify_token: Option<VerifyToken>,
    on_offer: OnOffer,
    store: AnyStore,
    clock: OnceLock<Arc<dyn Clock>>,
    owners: Owners,
    running: Running,
    mismatches: Mismatches,
    failed_items: FailedItems,
    underway: Underway,
    elsewhere: Elsewhere,
    streaks: Streaks,
    breaker: Breaker,
    renewals: Renewals,
    on_outage: StoreOutage,
}

impl Receiver {
    /// Starts configuring a receiver for a sender.
    pub fn builder(scheme: Scheme) -> ReceiverBuilder {
        ReceiverBuilder::new(scheme)
    }

    /// The endpoint's name.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.inner.endpoint
    }

    /// Starts configuring a receiver around a verifier that is there already; its keys, limits,
    /// tolerance and URL stay as they are.
    pub fn with_verifier(verifier: Verifier) -> ReceiverBuilder {
        ReceiverBuilder::with_verifier(verifier)
    }

    /// What proves the requests, to be used alone.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.inner.verifier
    }

    /// How the sender signs.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        self.inner.scheme()
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// How long completed deliveries with an id are remembered.
    #[must_use]
    pub fn retention(&self) -> Duration {
        self.inner.retention
    }

    /// Puts a new secret first and accepts the present ones for another `keep_old`, while the
    /// receiver runs.
    ///
    /// Keep the old one for at least as long as the sender retries: some sign the retries of older events
    /// with the old secret, and others send them as they were. Less is logged as a warning;
    /// [`rotate_with_overlap`](Self::rotate_with_overlap) is never less. For as long as
    /// [`retention`](Self::retention), the same bytes under another id are recognised whichever key signed
    /// them. A secret that others know should end at once.
    ///
    /// # Errors
    ///
    /// When the secret is not of the scheme's form, there are too many keys, or the keys come from
    /// a [`KeyringSource`](crate::KeyringSource), which then owns rotation.
    pub fn rotate(&self, new: Secret, keep_old: Duration) -> Result<Rotation, KeyringError> {
        let keyring = self.inner.verifier.keyring();
        let keyring = keyring.ok_or(KeyringError::Tenants)?;
        let rotation = match self.inner.clock.get() {
            Some(clock) => keyring.rotate_at(new, keep_old, clock.now())?,
            None => keyring.rotate(new, keep_old)?,
        };
        if let Some(retries) = rotation.ends_early() {
            report::old_key_ends_early(&self.inner, keep_old, retries);
        }
        Ok(rotation)
    }

    /// The same, with the present secrets accepted for as long as the sender may send what they signed
    /// ([`Scheme::overlap`](crate::Scheme::overlap)).
    ///
    /// # Errors
    ///
    /// As for [`rotate`](Self::rotate).
    pub fn rotate_with_overlap(&self, new: Secret) -> Result<Rotation, KeyringError> {
        self.rotate(new, self.scheme().overlap())
    }

    /// Failures in a row. See [`Notice::FailureStreak`](crate::Notice::FailureStreak).
    #[must_use]
    pub fn failure_streak(&self) -> Streak {
        self.inner.streaks.read(&self.inner)
    }

    /// How many handlers are running.
    #[must_use]
    pub fn running(&self) -> usize {
        self.inner.running.count()
    }

    /// Forgets a delivery, so that it can be run again on purpose. True when it was known.
    ///
    /// Its entity stays known: where the same bytes were claimed last of it, under whatever id, a
    /// delivery with another id is still a repeat. [`forget_subject`](Self::forget_subject) changes
    /// that.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn forget(&self, tenant: Option<&str>, id: &str) -> Result<bool, StoreError> {
        let key = DeliveryKey::for_id(&self.inner.endpoint, tenant, id);
        let known = self.inner.store.forget(&key).await;
        // A copy that comes now is to run, even while one still does.
        self.inner.underway.abandon(&key);
        known
    }

    /// Forgets what was claimed last of an entity, so that the next delivery about it runs, flagged,
    /// also where its bytes are known. True when the entity was known.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn forget_subject(
        &self,
        tenant: Option<&str>,
        entity: &str,
    ) -> Result<bool, StoreError> {
        let key = DeliveryKey::for_subject(&self.inner.endpoint, tenant, entity);
        self.inner.store.forget(&key).await
    }

    /// Deletes at most `limit` rows of the store that are past their time, and says how many.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        self.inner.store.purge(limit).await
    }

    /// Shuts down: new deliveries are answered 503, running handlers get `timeout` to end, and the
    /// rest are dropped and their deliveries given back. Says how many were dropped.
    ///
    /// Call it after the server stopped accepting, before the runtime goes: spawned work dies with
    /// the runtime.
    pub async fn drain(&self, timeout: Duration) -> usize {
        let running = &self.inner.running;
        running.close();
        // Without a clock no adapter was ever attached, so nothing can be running.
        let Some(clock) = self.inner.clock.get() else {
            return 0;
        };
        let until = clock.elapsed().saturating_add(timeout);
        if deadline::within(&**clock, until, running.idle())
            .await
            .is_some()
        {
            return 0;
        }
        let dropped = running.count();
        running.cancel();
        // Giving back is a store call; one that does not answer must not hold up the shutdown.
        let until = clock.elapsed().saturating_add(self.inner.limits.wait);
        let _gone = deadline::within(&**clock, until, running.idle()).await;
        dropped
    }

    /// Brings a runtime to the receiver: a clock with its timers, and a place where a loop can run.
    /// Adapters call this before the first request; the first call counts, and a clock that was given
    /// to the builder counts before any. Until then every request is answered 500.
    ///
    /// The loop prolongs the claims of running handlers in stores that outlive the process. `background`
    /// starts a future on a thread of its own, so that a handler that blocks its thread does not block
    /// the loop, and says whether it could.
    pub fn attach(
        &self,
        clock: impl Clock,
        background: impl Fn(BoxFuture<'static, ()>) -> bool + Send + Sync + 'static,
    ) {
        self.inner.clock.get_or_init(|| Arc::new(clock));
        self.inner.renewals.run_on(background);
    }
}

impl Inner {
    /// How the sender signs.
    pub(crate) fn scheme(&self) -> &Scheme {
        self.verifier.scheme()
    }

    /// A value that tells one request from every other.
    pub(crate) fn new_owner(&self) -> Owner {
        self.owners.next()
    }

    /// For how long what was claimed last of an entity is remembered: until the rows of the claim have
    /// ended, however long it takes to settle.
    fn keep_subject(&self) -> Duration {
        self.retention
            .saturating_add(self.limits.total_run)
            .saturating_add(self.lease())
    }

    /// The answer to a refused request, with the status that the receiver was told to use.
    pub(crate) fn answer(&self, rejection: Rejection) -> Answer {
        let kind = rejection.kind();
        let status = self.statuses.get(&kind).copied();
        Answer::rejected(rejection, status.unwrap_or(kind.status()))
            .allowing(self.scheme().allowed_methods())
            .saying(self.scheme().done_body())
    }

    /// The answer to a delivery that is done.
    pub(crate) fn done(&self, dedup: Dedup) -> Answer {
        Answer::done(dedup).saying(self.scheme().done_body())
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("endpoint", &self.endpoint)
            .field("scheme", &self.scheme().name())
            .field("store", &self.store.capabilities())
            .finish_non_exhaustive()
    }
}
