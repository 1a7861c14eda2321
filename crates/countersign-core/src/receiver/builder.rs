//! Configuring a receiver. Long, because half of it is the documentation of options.

use core::{fmt, future::Future, time::Duration};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use super::{
    Breaker, ConfigError, Elsewhere, FailedItems, Inner, Limits, Mismatches, Offer, OnOffer,
    Owners, Receiver, Renewals, Running, Streaks, Underway, VerifyToken,
};
use crate::{
    clock::Clock,
    keys::{DynKeyringSource, Keyring, KeyringSource, Secret, TenantAt},
    rejection::RejectionKind,
    report::{Notice, Notify},
    scheme::{Handshake, IdenticalBodies, Scheme, SchemeError, Tolerance},
    store::{AnyStore, DedupStore},
    verify::{Verifier, VerifierBuilder},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Configures a [`Receiver`]. Comes from [`Receiver::builder`].
///
/// An endpoint's name, a source of keys and a store are needed; everything else has a default.
/// What cannot work is refused by [`build`](Self::build), not when the first delivery comes.
#[must_use = "a receiver comes from `build`"]
pub struct ReceiverBuilder {
    prover: Prover,
    tenants: Option<Arc<dyn DynKeyringSource>>,
    endpoint: Option<String>,
    store: Option<AnyStore>,
    clock: Option<Arc<dyn Clock>>,
    limits: Limits,
    retention: Option<Duration>,
    content_key: Option<&'static [&'static str]>,
    statuses: HashMap<RejectionKind, u16>,
    discard_unexpected: bool,
    notify: Notify,
    verify_token: Option<Secret>,
    on_offer: OnOffer,
    on_outage: StoreOutage,
}

/// What happens while the store does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreOutage {
    /// Deliveries are answered 503, and the sender comes again. Nothing runs unclaimed.
    #[default]
    FailClosed,
    /// Deliveries run without a claim, and duplicates run again:
    /// [`Admitted::dedup`](crate::Admitted::dedup) is [`Dedup::Unavailable`](crate::Dedup). Only for
    /// handlers that are idempotent themselves, and only for schemes that sign a time. A store that
    /// is full still refuses.
    FailOpen,
}

/// The verifier, or what is known of it so far.
enum Prover {
    Builder(Box<VerifierBuilder>),
    Built(Verifier),
    /// A verifier was given, and then something else that it has.
    Twice(Box<Scheme>),
}

impl Prover {
    fn scheme(&self) -> &Scheme {
        match self {
            Self::Builder(builder) => builder.scheme(),
            Self::Twice(scheme) => scheme,
            Self::Built(verifier) => verifier.scheme(),
        }
    }
}

impl ReceiverBuilder {
    pub(super) fn new(scheme: Scheme) -> Self {
        let builder = Verifier::builder(scheme);
        let limits = Limits::of(&scheme, *builder.limits_so_far());
        Self::with(Prover::Builder(Box::new(builder)), limits)
    }

    pub(super) fn with_verifier(verifier: Verifier) -> Self {
        let limits = Limits::of(verifier.scheme(), *verifier.limits());
        Self::with(Prover::Built(verifier), limits)
    }

    fn with(prover: Prover, limits: Limits) -> Self {
        Self {
            prover,
            tenants: None,
            endpoint: None,
            store: None,
            clock: None,
            limits,
            retention: None,
            content_key: None,
            statuses: HashMap::new(),
            discard_unexpected: false,
            notify: Notify::default(),
            verify_token: None,
            on_offer: OnOffer::default(),
            on_outage: StoreOutage::FailClosed,
        }
    }

    fn prove(mut self, change: impl FnOnce(VerifierBuilder) -> VerifierBuilder) -> Self {
        self.prover = match self.prover {
            Prover::Builder(builder) => Prover::Builder(Box::new(change(*builder))),
            Prover::Built(verifier) => Prover::Twice(Box::new(*verifier.scheme())),
            twice @ Prover::Twice(_) => twice,
        };
        self
    }

    /// Names the place where this sender's deliveries arrive, in 1 to 128 bytes.
    ///
    /// The name scopes every key in the store: keep it when the code around it changes. Give each receiver
    /// over one store a name of its own; otherwise an id that two senders use is taken for one delivery.
    pub fn endpoint(mut self, name: impl Into<String>) -> Self {
        self.endpoint = Some(name.into());
        self
    }

    /// Accepts signatures made with this secret. Called again, it adds another.
    pub fn secret(self, secret: Secret) -> Self {
        self.prove(|builder| builder.secret(secret))
    }

    /// Accepts signatures made with any key of this keyring, which the application may go on
    /// rotating.
    pub fn keyring(self, keyring: Keyring) -> Self {
        self.prove(|builder| builder.keyring(keyring))
    }

    /// Accepts a sender that sends a shared secret and signs nothing; see
    /// [`VerifierBuilder::accept_unsigned_body`].
    pub fn accept_unsigned_body(self) -> Self {
        self.prove(VerifierBuilder::accept_unsigned_body)
    }

    /// Looks the keyring up for each request, by the tenant that the request names.
    pub fn tenants(mut self, at: TenantAt, source: impl KeyringSource) -> Self {
        let first = self.tenants.replace(Arc::new(source)).is_none();
        match &self.prover {
            Prover::Built(verifier) if first && verifier.tenant_at() == Some(at) => self,
            _ => self.prove(|builder| builder.tenants(at)),
        }
    }

    /// Remembers deliveries in this store.
    pub fn store(mut self, store: impl DedupStore) -> Self {
        self.store = Some(AnyStore::new(store));
        self
    }

    /// Uses this clock instead of the adapter's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Changes limits; what is not changed keeps its default.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Sets how far a signed time may lie from now. The default is the scheme's tolerance.
    ///
    /// Towards the past it is at least what the scheme needs for late retries
    /// ([`Scheme::latest_retry`]).
    pub fn tolerance(self, tolerance: Tolerance) -> Self {
        self.prove(|builder| builder.tolerance(tolerance))
    }

    /// Refuses deliveries whose signed time is older than this, **late retries too**: where the sender
    /// keeps the first time of what it sends again, an outage that lasts longer loses the events of
    /// it, and the refusals count towards switching the endpoint off.
    ///
    /// Replays are recognised by their id without it. For endpoints where an old event is worse than
    /// a lost one.
    pub fn refuse_late_retries_after(self, age: Duration) -> Self {
        self.prove(|builder| builder.refuse_late_retries_after(age))
    }

    /// Names the signed fields that identify an event, for a sender that gives it no id and writes each attempt
    /// anew: see [`SchemeBuilder::content_key`](crate::scheme::SchemeBuilder::content_key), which it takes the place of.
    ///
    /// **Everything that tells two events apart must be named.** An event that differs from an earlier one in
    /// other fields alone is answered 200 and not handled; that is logged at `warn` and given to
    /// [`on_notice`](Self::on_notice) as a whole.
    ///
    /// ```
    /// use core::time::Duration;
    /// use countersign_core::{MemoryStore, Receiver, Scheme, Secret, scheme::IdenticalBodies};
    ///
    /// const WITHIN: Duration = Duration::from_secs(24 * 60 * 60);
    /// const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
    ///     .identical_bodies(IdenticalBodies::Copies { within: WITHIN })
    ///     .declare();
    /// let builder = || {
    ///     Receiver::builder(ACME)
    ///         .endpoint("acme")
    ///         .secret(Secret::new("secret").unwrap())
    ///         .store(MemoryStore::new())
    /// };
    /// assert!(builder().content_key(&["/event", "/payload/id"]).build().is_ok());
    /// assert!(builder().content_key(&["payload.id"]).build().is_err());
    /// ```
    pub const fn content_key(mut self, pointers: &'static [&'static str]) -> Self {
        self.content_key = Some(pointers);
        self
    }

    /// Remembers completed deliveries for this long. The default is 7 days for a durable store and
    /// 72 hours for one in memory, or longer where the sender retries for longer.
    ///
    /// For a scheme without a signed time this is a security setting, and at least a day: a captured
    /// request can be replayed once it is forgotten. A scheme without ids says itself how long a body
    /// is remembered ([`IdenticalBodies`](crate::scheme::IdenticalBodies)), so there it is refused.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Sets the URL that the sender was given, for schemes that sign it.
    pub fn url(self, url: impl Into<String>) -> Self {
        self.prove(|builder| builder.url(url))
    }

    /// Answers a kind of refusal with another status of the same class: 4xx for what is not
    /// acceptable, 5xx for what may be later.
    pub fn status(mut self, kind: RejectionKind, status: u16) -> Self {
        self.statuses.insert(kind, status);
        self
    }

    /// Answers 200 to proved deliveries whose body the handler's extractor cannot read, instead of
    /// 422, and tells [`on_notice`](Self::on_notice). They are not sent again.
    pub fn discard_unexpected_bodies(mut self) -> Self {
        self.discard_unexpected = true;
        self
    }

    /// Calls a function with everything that no handler sees. It runs on the request's path, or on the
    /// loop that prolongs claims: hand long work to a task.
    pub fn on_notice(mut self, notify: impl Fn(&Notice<'_>) + Send + Sync + 'static) -> Self {
        self.notify = Notify(Some(Arc::new(notify)));
        self
    }

    /// Sets the text that the sender repeats when it asks whether the endpoint is its customer's, for
    /// schemes with [`Handshake::HubChallenge`]. Anything that is hard to guess will do; it signs
    /// nothing.
    pub fn verify_token(mut self, token: Secret) -> Self {
        self.verify_token = Some(token);
        self
    }

    /// Takes what a handshake offers, for schemes with [`Handshake::HookSecret`],
    /// [`Handshake::VerificationToken`] or [`Handshake::Confirmation`]. True answers the handshake with a
    /// success, false refuses it. The function has
    /// [`Limits::lookup_time`](super::Limits::lookup_time) for it.
    ///
    /// **Say true only while your application is registering an endpoint.** Anybody can offer a key, and an
    /// application that takes one at any time hands its endpoint to a stranger. Where several processes
    /// serve the endpoint, the note that one is being registered belongs in a store they share.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use std::sync::{Arc, Mutex};
    /// # use countersign_core::{
    /// #     MemoryStore, Offer, Receiver, Scheme, Secret, scheme::{Handshake, IdenticalBodies},
    /// # };
    /// # const DAY: Duration = Duration::from_secs(86_400);
    /// const ASANA: Scheme = Scheme::body_hmac("X-Hook-Signature")
    ///     .identical_bodies(IdenticalBodies::Copies { within: DAY })
    ///     .handshakes(&[Handshake::HookSecret])
    ///     .declare();
    ///
    /// // Some(None) while the application asks Asana for a webhook, Some(Some(..)) once the key came.
    /// let awaited: Arc<Mutex<Option<Option<Secret>>>> = Arc::default();
    /// let taken = Arc::clone(&awaited);
    /// let receiver = Receiver::builder(ASANA)
    ///     .endpoint("asana")
    ///     .secret(Secret::new("the key of the last registration")?)
    ///     .store(MemoryStore::new())
    ///     .on_offer(move |offer| {
    ///         let taken = Arc::clone(&taken);
    ///         async move {
    ///             let Offer::Secret(offered) = offer else { return false };
    ///             match &mut *taken.lock().unwrap() {
    ///                 Some(key @ None) => *key = Some(offered.into_secret()),
    ///                 // Nobody waits for one, or one came already.
    ///                 _ => return false,
    ///             }
    ///             true
    ///         }
    ///     })
    ///     .build()?;
    /// # let _ = receiver;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_offer<F>(mut self, take: impl Fn(Offer) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.on_offer = OnOffer::new(take);
        self
    }

    /// Chooses what happens while the store does not answer. The default is to refuse.
    pub fn on_store_outage(mut self, outage: StoreOutage) -> Self {
        self.on_outage = outage;
        self
    }

    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// When something is missing or cannot work; see [`ConfigError`].
    pub fn build(self) -> Result<Receiver, ConfigError> {
        let endpoint = self.endpoint.ok_or(ConfigError::NoEndpoint)?;
        if endpoint.is_empty() || endpoint.len() > 128 {
            return Err(ConfigError::InvalidEndpoint);
        }
        let verifier = match self.prover {
            Prover::Builder(builder) => builder
                .limits(|limits| *limits = self.limits.verify)
                .build()
                .map_err(ConfigError::Verifier)?,
            Prover::Built(verifier) if *verifier.limits() == self.limits.verify => verifier,
            Prover::Built(_) | Prover::Twice(_) => return Err(ConfigError::VerifierTwice),
        };
        if verifier.tenant_at().is_some() != self.tenants.is_some() {
            return Err(ConfigError::NoLookup);
        }
        let store = self.store.ok_or(ConfigError::NoStore)?;
        self.limits.check().map_err(ConfigError::ZeroLimit)?;
        if self.limits.wait > self.limits.response_budget {
            return Err(ConfigError::WaitLongerThanBudget);
        }
        if self.on_outage == StoreOutage::FailOpen && verifier.tolerance().is_none() {
            return Err(ConfigError::FailOpenWithoutTime);
        }
        for (kind, status) in &self.statuses {
            if !kind.class().allows(*status) {
                return Err(ConfigError::StatusOfAnotherClass(*kind, kind.class()));
            }
        }
        let handshakes = verifier.scheme().handshakes();
        if handshakes.contains(&Handshake::HubChallenge) != self.verify_token.is_some() {
            return Err(ConfigError::NoVerifyToken);
        }
        if handshakes.iter().any(|one| one.is_offer()) != self.on_offer.is_there() {
            return Err(ConfigError::NoOnOffer);
        }
        if handshakes.iter().any(|one| one.needs_401())
            && let Some(kind) = self.statuses.keys().find(|kind| kind.status() == 401)
        {
            return Err(ConfigError::HandshakeNeeds401(*kind));
        }
        let content_key = match self.content_key {
            Some(pointers) => {
                let named = verifier.scheme().to_builder().content_key(pointers);
                match named.build() {
                    Ok(_) if !pointers.is_empty() => pointers,
                    Ok(_) => return Err(ConfigError::ContentKey(SchemeError::InvalidContentKey)),
                    Err(error) => return Err(ConfigError::ContentKey(error)),
                }
            }
            None => verifier.scheme().content_key(),
        };
        let verify_token = self.verify_token.as_ref().map(VerifyToken::new);
        let verify_token = verify_token.transpose().map_err(ConfigError::VerifyToken)?;
        let retention = retention(&verifier, self.retention, &store)?;
        let clock = OnceLock::new();
        if let Some(given) = self.clock {
            let _first = clock.set(given);
        }
        let inner = Inner {
            verifier,
            tenants: self.tenants,
            endpoint: endpoint.into(),
            notify: self.notify,
            discard_unexpected: self.discard_unexpected,
            limits: self.limits,
            retention,
            content_key,
            statuses: self.statuses,
            verify_token,
            on_offer: self.on_offer,
            store,
            clock,
            owners: Owners::new().map_err(|_| ConfigError::NoRandomness)?,
            running: Running::new(),
            mismatches: Mismatches::default(),
            failed_items: FailedItems::default(),
            underway: Underway::default(),
            elsewhere: Elsewhere::default(),
            streaks: Streaks::default(),
            breaker: Breaker::default(),
            renewals: Renewals::default(),
            on_outage: self.on_outage,
        };
        Ok(Receiver {
            inner: Arc::new(inner),
        })
    }
}

/// At least as long as a copy can honestly still arrive, or a captured one still verifies.
fn retention(
    verifier: &Verifier,
    asked: Option<Duration>,
    store: &AnyStore,
) -> Result<Duration, ConfigError> {
    let scheme = verifier.scheme();
    let window = verifier.tolerance().map_or(Duration::ZERO, |tolerance| {
        tolerance.past.saturating_add(tolerance.future)
    });
    // A captured body whose time nobody judges verifies for ever: only the store knows that it was seen.
    let floor = match verifier.tolerance() {
        Some(_) => Duration::ZERO,
        None => DAY,
    };
    let least = scheme.retry_span().saturating_add(window).max(floor);
    if let Some(bodies) = scheme.identical_bodies() {
        if asked.is_some() {
            return Err(ConfigError::RetentionWithoutIds);
        }
        if let IdenticalBodies::Copies { within } = bodies
            && within < window
        {
            return Err(ConfigError::CopiesShorterThanTolerance { least: window });
        }
    }
    match asked {
        Some(asked) if asked < least || asked.is_zero() => {
            Err(ConfigError::RetentionTooShort { least })
        }
        Some(asked) => Ok(asked),
        None => {
            let days = if store.capabilities().durable { 7 } else { 3 };
            Ok(DAY.saturating_mul(days).max(least))
        }
    }
}

impl fmt::Debug for ReceiverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverBuilder")
            .field("scheme", &self.prover.scheme().name())
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
