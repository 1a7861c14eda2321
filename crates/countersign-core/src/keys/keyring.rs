//! The keys that are accepted now.

use core::{error::Error, fmt, time::Duration};
use std::sync::{Arc, PoisonError, RwLock};

use super::{
    Rotation,
    secret::Secret,
    secret_error::{SecretError, SecretFault},
};
use crate::{
    clock::Timestamp,
    mac::{Algorithm, KeyFault, KeyedMac, Macs},
    scheme::{KeyFormat, Scheme},
};

/// The most keys that a keyring holds at once.
pub const MAX_KEYS: usize = 8;

/// The set of keys that a sender's signatures are checked against, newest first.
///
/// A handle: clones share the keys, so that keys can be swapped while a receiver uses them.
///
/// ```
/// use core::time::Duration;
/// use countersign_core::{Keyring, Scheme, Secret};
///
/// const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature").id_header("X-Acme-Id").declare();
///
/// let keyring = Keyring::new(&ACME, Secret::new("old")?)?;
/// // Deliveries signed with the old secret are accepted for another hour.
/// keyring.rotate(Secret::new("new")?.labelled("2026-11"), Duration::from_secs(3_600))?;
/// assert_eq!(keyring.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Keyring {
    inner: Arc<Inner>,
}

struct Inner {
    name: &'static str,
    algorithm: Algorithm,
    format: KeyFormat,
    overlap: Duration,
    late_retries: Duration,
    keys: RwLock<State>,
}

#[derive(Clone)]
struct State {
    keys: Arc<[Key]>,
    made: u64,
}

#[derive(Clone)]
struct Key {
    label: Arc<str>,
    mac: KeyedMac,
    not_after: Option<Timestamp>,
}

impl Keyring {
    /// A keyring of one key, read as the scheme says.
    ///
    /// # Errors
    ///
    /// When the secret is not of the scheme's form.
    pub fn new(scheme: &Scheme, secret: Secret) -> Result<Self, KeyringError> {
        Self::from_secrets(scheme, [secret])
    }

    /// A keyring of several keys, the newest first.
    ///
    /// # Errors
    ///
    /// When there is no secret, there are more than [`MAX_KEYS`], or one is not of the scheme's
    /// form.
    pub fn from_secrets(
        scheme: &Scheme,
        secrets: impl IntoIterator<Item = Secret>,
    ) -> Result<Self, KeyringError> {
        let inner = Inner {
            name: scheme.name(),
            algorithm: scheme.algorithm(),
            format: scheme.key_format(),
            overlap: scheme.overlap(),
            late_retries: scheme.retry_span(),
            keys: RwLock::new(State {
                keys: Arc::new([]),
                made: 0,
            }),
        };
        let mut keys = Vec::new();
        for (number, secret) in (1_u64..).zip(secrets) {
            if keys.len() >= MAX_KEYS {
                return Err(KeyringError::TooManyKeys);
            }
            keys.push(inner.key(&secret, number)?);
        }
        if keys.is_empty() {
            return Err(KeyringError::Empty);
        }
        let made = u64::try_from(keys.len()).unwrap_or(u64::MAX);
        *inner.keys.write().unwrap_or_else(PoisonError::into_inner) = State {
            keys: keys.into(),
            made,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Puts a new key first and accepts the present ones for another `keep_old` at most.
    ///
    /// Some senders sign the retries of older events with the old secret (Razorpay), and others send them as they
    /// were: keep it for at least as long as they retry. [`rotate_with_overlap`](Self::rotate_with_overlap) does;
    /// what is shorter shows in [`Rotation::ends_early`]. A secret that others know should end at once.
    ///
    /// # Errors
    ///
    /// When the secret is not of the scheme's form, or there would be more than [`MAX_KEYS`].
    pub fn rotate(&self, new: Secret, keep_old: Duration) -> Result<Rotation, KeyringError> {
        self.rotate_at(new, keep_old, Timestamp::now())
    }

    /// As [`rotate`](Self::rotate), with the time handed in.
    ///
    /// # Errors
    ///
    /// As for [`rotate`](Self::rotate).
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the caller is to give the secret up"
    )]
    pub fn rotate_at(
        &self,
        new: Secret,
        keep_old: Duration,
        now: Timestamp,
    ) -> Result<Rotation, KeyringError> {
        let mut state = self
            .inner
            .keys
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let made = state.made.saturating_add(1);
        let mut keys = vec![self.inner.key(&new, made)?];
        let last = now.saturating_add(keep_old);
        for old in state.keys.iter().filter(|key| key.is_active(now)) {
            let mut old = old.clone();
            old.not_after = Some(old.not_after.map_or(last, |set| set.min(last)));
            keys.push(old);
        }
        if keys.len() > MAX_KEYS {
            return Err(KeyringError::TooManyKeys);
        }
        *state = State {
            keys: keys.into(),
            made,
        };
        Ok(Rotation::new(keep_old, self.inner.late_retries))
    }

    pub(super) fn overlap(&self) -> Duration {
        self.inner.overlap
    }

    /// How many keys there are, expired ones that were not swept yet included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.snapshot().len()
    }

    /// Never true: a keyring is built with a key and keeps the newest.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.snapshot().is_empty()
    }

    pub(crate) fn fits(&self, scheme: &Scheme) -> bool {
        self.inner.algorithm == scheme.algorithm() && self.inner.format == scheme.key_format()
    }

    /// The keys that are active at a time, newest first.
    pub(crate) fn active(&self, now: Timestamp) -> ActiveKeys {
        ActiveKeys {
            keys: self.snapshot(),
            now,
        }
    }

    fn snapshot(&self) -> Arc<[Key]> {
        let state = self
            .inner
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&state.keys)
    }
}

/// The keys of one moment, newest first.
#[derive(Debug)]
pub(crate) struct ActiveKeys {
    keys: Arc<[Key]>,
    now: Timestamp,
}

impl ActiveKeys {
    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Begins a message that is to be MACed with every key; they are all of one algorithm.
    pub(crate) fn macs(&self, algorithm: Algorithm) -> Macs {
        Macs::new(algorithm, self.iter().map(|key| &key.mac))
    }

    /// The tag that the n-th key makes of a message of its own.
    pub(crate) fn tag(&self, at: usize, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        let key = self.iter().nth(at)?;
        let mut macs = Macs::new(algorithm, core::iter::once(&key.mac));
        macs.update(message);
        macs.finish().iter().next().map(<[u8]>::to_vec)
    }

    /// The label of the n-th key.
    pub(crate) fn label(&self, at: usize) -> Option<Arc<str>> {
        self.iter().nth(at).map(|key| Arc::clone(&key.label))
    }

    fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(|key| key.is_active(self.now))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.snapshot();
        let labels: Vec<&str> = keys.iter().map(|key| &*key.label).collect();
        f.debug_struct("Keyring")
            .field("scheme", &self.inner.name)
            .field("keys", &labels)
            .finish()
    }
}

impl Inner {
    fn key(&self, secret: &Secret, number: u64) -> Result<Key, KeyringError> {
        let bytes = secret.key(self.format).map_err(KeyringError::Secret)?;
        let mac = KeyedMac::new(self.algorithm, &bytes).map_err(|fault| {
            KeyringError::Secret(SecretError::new(match fault {
                KeyFault::Unusable => SecretFault::NoSuchAlgorithm,
                KeyFault::NotPublicKey(due) => SecretFault::NotPublicKey(due),
            }))
        })?;
        let label = secret
            .label()
            .map_or_else(|| format!("key-{number}").into(), Arc::from);
        Ok(Key {
            label,
            mac,
            not_after: None,
        })
    }
}

impl Key {
    fn is_active(&self, now: Timestamp) -> bool {
        self.not_after.is_none_or(|last| now <= last)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.label).finish()
    }
}

/// Why a keyring was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyringError {
    /// There is no secret; an empty keyring would refuse everything.
    Empty,
    /// There are more than [`MAX_KEYS`]; each costs a pass over every body.
    TooManyKeys,
    /// The keys come from a tenant lookup, which owns their rotation.
    Tenants,
    /// A secret is not of the scheme's form.
    Secret(SecretError),
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the keyring has no secret: add one"),
            Self::TooManyKeys => write!(f, "the keyring would hold more than {MAX_KEYS} keys"),
            Self::Tenants => f.write_str("the keys come from a lookup: rotate them there"),
            Self::Secret(error) => error.fmt(f),
        }
    }
}

impl Error for KeyringError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Secret(error) => error.source(),
            Self::Empty | Self::TooManyKeys | Self::Tenants => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::Scheme;

    const SCHEME: Scheme = Scheme::body_hmac("X-Sig").id_header("X-Id").declare();

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    fn labels(keyring: &Keyring, now: i64) -> Vec<String> {
        keyring
            .active(Timestamp::from_unix_seconds(now))
            .iter()
            .map(|key| key.label.to_string())
            .collect()
    }

    #[test]
    fn rotation_keeps_the_old_key_for_its_time_only() {
        let keyring = Keyring::new(&SCHEME, secret("a")).unwrap();
        let at = Timestamp::from_unix_seconds;
        let hour = Duration::from_secs(3_600);
        keyring.rotate_at(secret("b"), hour, at(0)).unwrap();
        assert_eq!(labels(&keyring, 3_600), ["key-2", "key-1"]);
        assert_eq!(labels(&keyring, 3_601), ["key-2"]);
        // A second rotation does not prolong the first key's life.
        keyring.rotate_at(secret("c"), hour, at(1_800)).unwrap();
        assert_eq!(labels(&keyring, 3_601), ["key-3", "key-2"]);
        assert_eq!(labels(&keyring, 9_000), ["key-3"]);
    }

    #[test]
    fn a_keyring_is_never_empty_nor_too_large() {
        let none = Keyring::from_secrets(&SCHEME, []).unwrap_err();
        assert_eq!(none, KeyringError::Empty);
        let nine = (0..9).map(|at| secret(&format!("s{at}")));
        let many = Keyring::from_secrets(&SCHEME, nine).unwrap_err();
        assert_eq!(many, KeyringError::TooManyKeys);
        let eight = (0..8).map(|at| secret(&format!("s{at}")));
        let full = Keyring::from_secrets(&SCHEME, eight).unwrap();
        let at = Timestamp::from_unix_seconds(0);
        assert!(full.rotate_at(secret("x"), Duration::ZERO, at).is_err());
        // As many as there may be are as many as there may be.
        let seven = (0..7).map(|at| secret(&format!("s{at}")));
        let seven = Keyring::from_secrets(&SCHEME, seven).unwrap();
        let hour = Duration::from_secs(3_600);
        seven.rotate_at(secret("x"), hour, at).unwrap();
        assert_eq!(labels(&seven, 0).len(), 8);
        assert_eq!(
            seven.rotate_at(secret("y"), hour, at),
            Err(KeyringError::TooManyKeys)
        );
    }

    #[test]
    fn debug_shows_labels_only() {
        let keyring = Keyring::new(&SCHEME, secret("hunter2").labelled("may")).unwrap();
        let text = format!("{keyring:?}");
        assert_eq!(text, r#"Keyring { scheme: "custom", keys: ["may"] }"#);
    }
}
