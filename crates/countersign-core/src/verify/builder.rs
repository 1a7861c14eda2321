//! Configuring a verifier, and what cannot work.

use core::{error::Error, fmt, sync::atomic::AtomicUsize, time::Duration};
use std::sync::Arc;

use super::{
    Verifier, VerifyLimits, decode,
    policy::{Keys, Policy},
    slots::HeaderSlots,
};
use crate::{
    keys::{Keyring, KeyringError, Secret, TenantAt},
    scheme::{Scheme, Tolerance},
};

/// Configures a [`Verifier`]. Comes from [`Verifier::builder`].
///
/// A source of keys is needed; everything else has a default. What cannot work is refused by
/// [`build`](Self::build), not when the first request comes.
#[must_use = "a verifier comes from `build`"]
pub struct VerifierBuilder {
    scheme: Scheme,
    keys: Option<KeyConfig>,
    limits: VerifyLimits,
    tolerance: Option<Tolerance>,
    refuse_late: Option<Duration>,
    url: Option<String>,
    accept_unsigned_body: bool,
}

enum KeyConfig {
    Secrets(Vec<Secret>),
    Keys(Keys),
    Several,
}

impl VerifierBuilder {
    pub(super) fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            keys: None,
            limits: VerifyLimits::of(&scheme),
            tolerance: scheme.tolerance(),
            refuse_late: None,
            url: None,
            accept_unsigned_body: false,
        }
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

    /// Reads from each request which tenant it names; the caller looks the tenant up and hands it to
    /// [`Prechecked::open`](super::Prechecked::open).
    pub fn tenants(mut self, at: TenantAt) -> Self {
        self.set_keys(Keys::Tenants(at));
        self
    }

    fn set_keys(&mut self, keys: Keys) {
        // Two sources would leave it open which one counts.
        self.keys = Some(match self.keys {
            None => KeyConfig::Keys(keys),
            Some(_) => KeyConfig::Several,
        });
    }

    pub(crate) const fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    pub(crate) const fn limits_so_far(&self) -> &VerifyLimits {
        &self.limits
    }

    /// Changes limits; what is not changed keeps its default.
    pub fn limits(mut self, change: impl FnOnce(&mut VerifyLimits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Sets how far a signed time may lie from now. The default is the scheme's tolerance.
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
    /// A [`Receiver`](crate::Receiver) recognises replays by their id without it. For a verifier alone,
    /// and for endpoints where an old event is worse than a lost one.
    pub fn refuse_late_retries_after(mut self, age: Duration) -> Self {
        self.refuse_late = Some(age);
        self
    }

    /// Sets the URL that the sender was given, for schemes that sign it.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Accepts a sender that sends a shared secret and signs nothing ([`Scheme::token`]): that whoever reads
    /// one request can send any other, and that nothing shows a change of a body on its way.
    ///
    /// For a scheme that signs its body it is refused, so that it cannot outlive the reason for it.
    ///
    /// ```
    /// use countersign_core::{Scheme, Secret, Verifier, VerifierError};
    ///
    /// const GITLAB: Scheme = Scheme::token("X-Gitlab-Token").id_header("Idempotency-Key").declare();
    /// let secret = || Secret::new("a long random text");
    ///
    /// let silent = Verifier::builder(GITLAB).secret(secret()?).build();
    /// assert_eq!(silent.unwrap_err(), VerifierError::BodyNotSigned);
    ///
    /// let verifier = Verifier::builder(GITLAB).secret(secret()?).accept_unsigned_body().build()?;
    /// let request = http::Request::post("/").header("X-Gitlab-Token", "a long random text").body(())?;
    /// let now = countersign_core::Timestamp::now();
    /// let verified = verifier.verify(&request, "whatever".into(), now)?;
    /// assert!(!verified.body_is_signed());
    ///
    /// let request = http::Request::post("/").header("X-Gitlab-Token", "a long random").body(())?;
    /// assert!(verifier.verify(&request, "whatever".into(), now).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn accept_unsigned_body(mut self) -> Self {
        self.accept_unsigned_body = true;
        self
    }

    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// When something is missing or cannot work.
    pub fn build(self) -> Result<Verifier, VerifierError> {
        let scheme = self.scheme;
        let keys = match self.keys.ok_or(VerifierError::NoKeys)? {
            KeyConfig::Secrets(secrets) => {
                Keys::One(Keyring::from_secrets(&scheme, secrets).map_err(VerifierError::Keyring)?)
            }
            KeyConfig::Keys(keys) => keys,
            KeyConfig::Several => return Err(VerifierError::SeveralKeySources),
        };
        if keys.keyring().is_some_and(|ring| !ring.fits(&scheme)) {
            return Err(VerifierError::KeyringOfAnotherScheme);
        }
        match (scheme.body_is_signed(), self.accept_unsigned_body) {
            (false, false) => return Err(VerifierError::BodyNotSigned),
            (true, true) => return Err(VerifierError::BodyIsSigned),
            _ => {}
        }
        if let Some(name) = self.limits.zero() {
            return Err(VerifierError::ZeroLimit(name));
        }
        let url = self.url.as_deref().unwrap_or_default();
        if self.limits.buffered_bytes < decode::most_held(&scheme, &self.limits, url) {
            return Err(VerifierError::BufferSmallerThanBody);
        }
        let tolerance = tolerance(&scheme, self.tolerance, self.refuse_late)?;
        if scheme.signs_url() != self.url.is_some() {
            return Err(VerifierError::Url);
        }
        let slots = HeaderSlots::new(&scheme, keys.tenant_at());
        let policy = Policy {
            slots: slots.ok_or(VerifierError::TooManyHeaders)?,
            scheme,
            keys,
            limits: self.limits,
            tolerance,
            url: self.url.unwrap_or_default(),
            buffered: AtomicUsize::new(0),
        };
        Ok(Verifier {
            policy: Arc::new(policy),
        })
    }
}

/// As far back as late retries need it, unless the application refuses those.
fn tolerance(
    scheme: &Scheme,
    asked: Option<Tolerance>,
    refuse_late: Option<Duration>,
) -> Result<Option<Tolerance>, VerifierError> {
    let Some(asked) = asked else {
        return match refuse_late {
            Some(_) => Err(VerifierError::ToleranceWithoutSignedTime),
            None => Ok(None),
        };
    };
    if !scheme.time_is_signed() {
        return Err(VerifierError::ToleranceWithoutSignedTime);
    }
    match (refuse_late, scheme.latest_retry()) {
        (Some(past), _) => Ok(Some(Tolerance {
            past: past.min(asked.past),
            ..asked
        })),
        (None, Some(least)) if asked.past < least => {
            Err(VerifierError::LateRetriesRefused { least })
        }
        (None, _) => Ok(Some(asked)),
    }
}

impl fmt::Debug for VerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifierBuilder")
            .field("scheme", &self.scheme.name())
            .finish_non_exhaustive()
    }
}

/// Why a verifier cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifierError {
    /// There is no secret, keyring or tenant lookup.
    NoKeys,
    /// More than one of secrets, a keyring and a tenant lookup.
    SeveralKeySources,
    /// The keys cannot be used.
    Keyring(KeyringError),
    /// The keyring was made for a scheme with another algorithm or key format.
    KeyringOfAnotherScheme,
    /// The scheme's sender signs nothing, and the application did not say that it accepts that.
    BodyNotSigned,
    /// The application accepts unsigned bodies, but the scheme's sender signs them.
    BodyIsSigned,
    /// A limit is zero.
    ZeroLimit(&'static str),
    /// Fewer bytes may be buffered in all than one body may have, with what it takes to decode it.
    BufferSmallerThanBody,
    /// A tolerance was set, but the scheme signs no time.
    ToleranceWithoutSignedTime,
    /// Retries that keep their first time would be refused as stale.
    LateRetriesRefused {
        /// The shortest tolerance towards the past that is enough.
        least: Duration,
    },
    /// The scheme signs a URL and none is given, or the other way round.
    Url,
    /// The scheme names more headers than are looked for.
    TooManyHeaders,
}

impl fmt::Display for VerifierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKeys => f.write_str("there are no keys: call `secret`, `keyring` or `tenants`"),
            Self::SeveralKeySources => {
                f.write_str("call only one of `secret`, `keyring` and `tenants`")
            }
            Self::Keyring(error) => error.fmt(f),
            Self::KeyringOfAnotherScheme => {
                f.write_str("the keyring was made for another scheme: make it with this one")
            }
            Self::BodyNotSigned => f.write_str(
                "this sender does not sign the whole body (a token signs nothing at all), so whoever reads \
                 one request can change it: call `accept_unsigned_body` if that is what you want",
            ),
            Self::BodyIsSigned => {
                f.write_str("this sender signs its bodies: leave `accept_unsigned_body` out")
            }
            Self::ZeroLimit(name) => write!(f, "the limit `{name}` must not be zero"),
            Self::BufferSmallerThanBody => {
                f.write_str("the limit `buffered_bytes` must not be below `body_bytes`; for procedures it is \
                 twice `body_bytes`, `signature_bytes` and the address, for compressed bodies twice and 48 KiB")
            }
            Self::ToleranceWithoutSignedTime => f.write_str(
                "no signed time is judged: do not call `tolerance` or `refuse_late_retries_after`",
            ),
            Self::LateRetriesRefused { least } => write!(
                f,
                "the sender's retries may keep their first time: the tolerance towards the past must \
                 be at least {} s, or call `refuse_late_retries_after`",
                least.as_secs()
            ),
            Self::Url => f.write_str(
                "call `url` with the address the sender was given if, and only if, the scheme signs it",
            ),
            Self::TooManyHeaders => f.write_str("the scheme names too many headers"),
        }
    }
}

impl Error for VerifierError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Keyring(error) => error.source(),
            _ => None,
        }
    }
}
