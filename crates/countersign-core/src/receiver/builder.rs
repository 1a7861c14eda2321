//! Configuring a receiver, and what cannot work.

use core::{error::Error, fmt, sync::atomic::AtomicUsize, time::Duration};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use super::{
    Breaker, Flights, HeadPlan, Heart, Inner, Keys, Limits, Mismatches, Owners, Receiver, Running,
    Streaks, Twins,
};
use crate::{
    Clock, DedupStore, Keyring, KeyringSource, Notice, RejectionClass, RejectionKind, Secret,
    keyring::{KeyringError, TenantAt},
    notice::Notify,
    scheme::{IdenticalBodies, Part, Scheme, Tolerance},
    store::DynStore,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Configures a [`Receiver`]. Comes from [`Receiver::builder`].
///
/// An endpoint's name, a source of keys and a store are needed; everything else has a default.
/// What cannot work is refused by [`build`](Self::build), not when the first delivery comes.
#[must_use = "a receiver comes from `build`"]
pub struct ReceiverBuilder {
    scheme: Scheme,
    endpoint: Option<String>,
    keys: Option<KeyConfig>,
    store: Option<Arc<dyn DynStore>>,
    clock: Option<Arc<dyn Clock>>,
    limits: Limits,
    tolerance: Option<Tolerance>,
    refuse_late: Option<Duration>,
    retention: Option<Duration>,
    url: Option<String>,
    statuses: HashMap<RejectionKind, u16>,
    discard_unexpected: bool,
    notify: Notify,
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

enum KeyConfig {
    Secrets(Vec<Secret>),
    Keys(Keys),
    Several,
}

impl ReceiverBuilder {
    pub(super) fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            endpoint: None,
            keys: None,
            store: None,
            clock: None,
            limits: Limits {
                body_bytes: scheme.body_limit(),
                response_budget: scheme.response_budget(),
                wait: Limits::DEFAULT.wait.min(scheme.response_budget()),
                buffered_bytes: Limits::DEFAULT.buffered_bytes.max(scheme.body_limit()),
                ..Limits::DEFAULT
            },
            tolerance: scheme.tolerance(),
            refuse_late: None,
            retention: None,
            url: None,
            statuses: HashMap::new(),
            discard_unexpected: false,
            notify: Notify::default(),
            on_outage: StoreOutage::FailClosed,
        }
    }

    /// Names the place where this sender's deliveries arrive. The name scopes every key in the
    /// store: keep it when the code around it changes, and give each receiver over one store its own,
    /// else an id of one sender is a duplicate of the other's.
    pub fn endpoint(mut self, name: impl Into<String>) -> Self {
        self.endpoint = Some(name.into());
        self
    }

    /// Accepts signatures made with this secret. Called again, it adds another.
    pub fn secret(mut self, secret: Secret) -> Self {
        match &mut self.keys {
            Some(KeyConfig::Secrets(secrets)) => secrets.push(secret),
            Some(_) => self.keys = Some(KeyConfig::Several),
            None => self.keys = Some(KeyConfig::Secrets(vec![secret])),
        }
        self
    }

    /// Accepts signatures made with any key of this keyring, which the application may go on
    /// rotating.
    pub fn keyring(mut self, keyring: Keyring) -> Self {
        self.set_keys(Keys::One(keyring));
        self
    }

    /// Looks the keyring up for each request, by the tenant that the request names.
    pub fn tenants(mut self, at: TenantAt, source: impl KeyringSource) -> Self {
        self.set_keys(Keys::Tenants {
            source: Arc::new(source),
            at,
        });
        self
    }

    fn set_keys(&mut self, keys: Keys) {
        // Two sources would leave it open which one counts.
        self.keys = Some(match self.keys {
            None => KeyConfig::Keys(keys),
            Some(_) => KeyConfig::Several,
        });
    }

    /// Remembers deliveries in this store.
    pub fn store(mut self, store: impl DedupStore) -> Self {
        self.store = Some(Arc::new(store));
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

    /// Sets how far a signed time may lie from now, in place of the scheme's tolerance.
    ///
    /// Towards the past it is at least what the scheme needs for late retries
    /// ([`Scheme::latest_retry`]).
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// Refuses deliveries whose signed time is older than this, **late retries too**: where the sender
    /// keeps the first time of what it sends again, an outage that lasts longer loses the events of
    /// it, and the refusals count towards switching the endpoint off.
    ///
    /// Replays are recognised by their id without it. For endpoints where an old event is worse than
    /// a lost one.
    pub fn refuse_late_retries_after(mut self, age: Duration) -> Self {
        self.refuse_late = Some(age);
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
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
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
    /// loop that prolongs claims: hand long work to somebody else.
    pub fn on_notice(mut self, notify: impl Fn(&Notice<'_>) + Send + Sync + 'static) -> Self {
        self.notify = Notify(Some(Arc::new(notify)));
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
        let scheme = self.scheme;
        let endpoint = self.endpoint.ok_or(ConfigError::NoEndpoint)?;
        if endpoint.is_empty() || endpoint.len() > 128 {
            return Err(ConfigError::InvalidEndpoint);
        }
        let keys = match self.keys.ok_or(ConfigError::NoKeys)? {
            KeyConfig::Secrets(secrets) => {
                Keys::One(Keyring::from_secrets(&scheme, secrets).map_err(ConfigError::Keyring)?)
            }
            KeyConfig::Keys(keys) => keys,
            KeyConfig::Several => return Err(ConfigError::SeveralKeySources),
        };
        if keys
            .static_keyring()
            .is_some_and(|ring| !ring.fits(&scheme))
        {
            return Err(ConfigError::KeyringOfAnotherScheme);
        }
        let store = self.store.ok_or(ConfigError::NoStore)?;
        self.limits.check().map_err(ConfigError::ZeroLimit)?;
        if self.limits.buffered_bytes < self.limits.body_bytes {
            return Err(ConfigError::BufferSmallerThanBody);
        }
        if self.limits.wait > self.limits.response_budget {
            return Err(ConfigError::WaitLongerThanBudget);
        }
        let tolerance = tolerance(&scheme, self.tolerance, self.refuse_late)?;
        if self.on_outage == StoreOutage::FailOpen && tolerance.is_none() {
            return Err(ConfigError::FailOpenWithoutTime);
        }
        if scheme.signed().contains(&Part::Url) != self.url.is_some() {
            return Err(ConfigError::Url);
        }
        for (kind, status) in &self.statuses {
            if !kind.class().allows(*status) {
                return Err(ConfigError::StatusOfAnotherClass(*kind, kind.class()));
            }
        }
        let retention = retention(&scheme, tolerance, self.retention, &*store)?;
        let plan = HeadPlan::new(&scheme, keys.tenant_at()).ok_or(ConfigError::TooManyHeaders)?;
        let clock = OnceLock::new();
        if let Some(given) = self.clock {
            let _first = clock.set(given);
        }
        let inner = Inner {
            endpoint: endpoint.into(),
            notify: self.notify,
            discard_unexpected: self.discard_unexpected,
            keys,
            plan,
            limits: self.limits,
            tolerance,
            url: self.url.unwrap_or_default(),
            retention,
            statuses: self.statuses,
            store,
            clock,
            owners: Owners::new().map_err(|_| ConfigError::NoRandomness)?,
            buffered: AtomicUsize::new(0),
            running: Running::new(),
            mismatches: Mismatches::default(),
            flights: Flights::default(),
            twins: Twins::default(),
            streaks: Streaks::default(),
            breaker: Breaker::default(),
            heart: Heart::default(),
            on_outage: self.on_outage,
            scheme,
        };
        Ok(Receiver {
            inner: Arc::new(inner),
        })
    }
}

/// As far back as late retries need it, unless the application refuses those.
fn tolerance(
    scheme: &Scheme,
    asked: Option<Tolerance>,
    refuse_late: Option<Duration>,
) -> Result<Option<Tolerance>, ConfigError> {
    let Some(asked) = asked else {
        return match refuse_late {
            Some(_) => Err(ConfigError::ToleranceWithoutSignedTime),
            None => Ok(None),
        };
    };
    if !scheme.time_is_signed() {
        return Err(ConfigError::ToleranceWithoutSignedTime);
    }
    match (refuse_late, scheme.latest_retry()) {
        (Some(past), _) => Ok(Some(Tolerance { past, ..asked })),
        (None, Some(least)) if asked.past < least => Err(ConfigError::LateRetriesRefused { least }),
        (None, _) => Ok(Some(asked)),
    }
}

/// At least as long as a copy can honestly still arrive, or a captured one still verifies.
fn retention(
    scheme: &Scheme,
    tolerance: Option<Tolerance>,
    asked: Option<Duration>,
    store: &dyn DynStore,
) -> Result<Duration, ConfigError> {
    let window = tolerance.map_or(Duration::ZERO, |tolerance| {
        tolerance.past.saturating_add(tolerance.future)
    });
    // A captured body without a time verifies for ever: only the store knows that it was seen.
    let floor = if scheme.time_is_signed() {
        Duration::ZERO
    } else {
        DAY
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
            .field("scheme", &self.scheme.name())
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Why a receiver cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A tolerance was set, but the scheme signs no time.
    ToleranceWithoutSignedTime,
    /// The endpoint has no name.
    NoEndpoint,
    /// The endpoint's name is empty or longer than 128 bytes.
    InvalidEndpoint,
    /// There is no secret, keyring or tenant lookup.
    NoKeys,
    /// More than one of secrets, a keyring and a tenant lookup.
    SeveralKeySources,
    /// The keys cannot be used.
    Keyring(KeyringError),
    /// The keyring was made for a scheme with another algorithm or key format.
    KeyringOfAnotherScheme,
    /// There is no store.
    NoStore,
    /// A limit is zero.
    ZeroLimit(&'static str),
    /// Fewer bytes may be buffered in all than one body may have.
    BufferSmallerThanBody,
    /// A copy would wait for longer than the sender waits for an answer.
    WaitLongerThanBudget,
    /// Deliveries would run unclaimed, but no signed time of theirs is judged.
    FailOpenWithoutTime,
    /// The scheme signs a URL and none is given, or the other way round.
    Url,
    /// A status does not mean to the sender what the refusal means.
    StatusOfAnotherClass(RejectionKind, RejectionClass),
    /// Deliveries would be forgotten while copies can still arrive.
    RetentionTooShort {
        /// The shortest that is enough.
        least: Duration,
    },
    /// Retries that keep their first time would be refused as stale.
    LateRetriesRefused {
        /// The shortest tolerance towards the past that is enough.
        least: Duration,
    },
    /// A captured request would still verify when its body is forgotten.
    CopiesShorterThanTolerance {
        /// The shortest [`IdenticalBodies::Copies`] that is enough: the tolerance in both directions.
        least: Duration,
    },
    /// A retention was set, but there are no ids to remember: the scheme says for how long it
    /// remembers bodies.
    RetentionWithoutIds,
    /// The scheme names more headers than a receiver looks for.
    TooManyHeaders,
    /// The system gave no random bytes.
    NoRandomness,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ToleranceWithoutSignedTime => {
                f.write_str(
                    "no signed time is judged: do not call `tolerance` or `refuse_late_retries_after`",
                )
            }
            Self::NoEndpoint => f.write_str("the endpoint has no name: call `endpoint`"),
            Self::InvalidEndpoint => {
                f.write_str("the endpoint's name must have 1 to 128 bytes")
            }
            Self::NoKeys => {
                f.write_str("there are no keys: call `secret`, `keyring` or `tenants`")
            }
            Self::SeveralKeySources => {
                f.write_str("call only one of `secret`, `keyring` and `tenants`")
            }
            Self::Keyring(error) => error.fmt(f),
            Self::KeyringOfAnotherScheme => {
                f.write_str("the keyring was made for another scheme: make it with this one")
            }
            Self::NoStore => f.write_str("there is no store: call `store`"),
            Self::ZeroLimit(name) => write!(f, "the limit `{name}` must not be zero"),
            Self::BufferSmallerThanBody => {
                f.write_str("the limit `buffered_bytes` must not be below `body_bytes`")
            }
            Self::WaitLongerThanBudget => {
                f.write_str("the limit `wait` must not be above `response_budget`")
            }
            Self::FailOpenWithoutTime => {
                f.write_str("no signed time is judged: `StoreOutage::FailOpen` cannot be used")
            }
            Self::Url => f.write_str(
                "call `url` with the address the sender was given if, and only if, the scheme signs it",
            ),
            Self::StatusOfAnotherClass(kind, class) => write!(
                f,
                "the status for `{}` must be {}",
                kind.as_str(),
                match class {
                    RejectionClass::Refused => "4xx",
                    RejectionClass::NotYet => "5xx",
                }
            ),
            Self::RetentionTooShort { least } => write!(
                f,
                "the retention must be at least {} s, as long as copies can arrive",
                least.as_secs().max(1)
            ),
            Self::LateRetriesRefused { least } => write!(
                f,
                "the sender's retries may keep their first time: the tolerance towards the past must \
                 be at least {} s, or call `refuse_late_retries_after`",
                least.as_secs()
            ),
            Self::CopiesShorterThanTolerance { least } => write!(
                f,
                "`IdenticalBodies::Copies` must last at least {} s, as long as a signed time is accepted",
                least.as_secs()
            ),
            Self::RetentionWithoutIds => f.write_str(
                "the scheme has no ids, and says in `identical_bodies` how long bodies are remembered: \
                 do not call `retention`",
            ),
            Self::TooManyHeaders => f.write_str("the scheme names too many headers"),
            Self::NoRandomness => f.write_str("the system gave no random bytes"),
        }
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Keyring(KeyringError::Secret(error)) => Some(error),
            _ => None,
        }
    }
}
