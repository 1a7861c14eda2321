//! The verifier's public face.

use core::{fmt, sync::atomic::Ordering, time::Duration};
use std::sync::Arc;

use bytes::Bytes;

use super::{
    Head, Prechecked, Verified, VerifierBuilder, VerifyLimits, policy::Policy, precheck::JudgedHead,
};
use crate::{
    clock::Timestamp,
    keys::{Keyring, KeyringError, Rotation, Secret, TenantAt},
    rejection::Rejection,
    scheme::{Scheme, Tolerance},
};

/// Proves one sender's requests, and does nothing else: no store, no endpoint, no clock, no runtime.
///
/// For a function behind a queue, a serverless handler, another framework, a tool. It says that a
/// request is true, **not that it is new**: whoever captured one can send it again, and every verifier
/// accepts it for as long as its signed time is in the tolerance, or for ever where no time is signed.
/// Services that are called by the sender itself want a [`Receiver`](crate::Receiver), which runs each
/// delivery once.
///
/// A cheap handle; clones share keys and limits.
///
/// # A whole request at once
///
/// ```
/// use countersign_core::{Scheme, Secret, Timestamp, Verifier};
///
/// const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
///     .prefix("sha256=")
///     .id_header("X-Acme-Id")
///     .declare();
///
/// let verifier = Verifier::builder(ACME)
///     .secret(Secret::new("It's a Secret to Everybody")?)
///     .build()?;
/// let request = http::Request::post("/webhooks/acme")
///     .header(
///         "X-Acme-Signature",
///         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
///     )
///     .body(())?;
/// let now = Timestamp::now();
/// let verified = verifier.verify(&request, "Hello, World!".into(), now)?;
/// assert_eq!(verified.body(), "Hello, World!");
/// assert!(verifier.verify(&request, "Hello, World?".into(), now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # In chunks, as they come
///
/// What is wrong with a head is refused before a body byte is read, and the limit of the body is
/// enforced while it comes. A head goes on with the verifier that judged it; there is no way to take its
/// body in with another.
///
/// ```
/// # use countersign_core::{Scheme, Secret, Timestamp, Verifier};
/// # const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
/// #     .prefix("sha256=").id_header("X-Acme-Id").declare();
/// # let verifier = Verifier::builder(ACME)
/// #     .secret(Secret::new("It's a Secret to Everybody")?).build()?;
/// # let request = http::Request::post("/webhooks/acme").header(
/// #     "X-Acme-Signature",
/// #     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
/// # ).body(())?;
/// let mut intake = verifier.precheck(&request, Timestamp::now())?.open(None)?;
/// for chunk in ["Hello, ", "World!"] {
///     intake.push(chunk.into())?;
/// }
/// assert_eq!(intake.finish()?.body(), "Hello, World!");
///
/// let mut cut_off = verifier.precheck(&request, Timestamp::now())?.open(None)?;
/// cut_off.push("Hello, ".into())?;
/// assert!(cut_off.finish().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Many tenants
///
/// A request names its tenant, anybody may have written the name, and only what your lookup returns
/// counts.
///
/// ```
/// use countersign_core::{Keyring, Tenant, TenantAt};
/// # use countersign_core::{RejectionKind, Scheme, Secret, Timestamp, Verifier};
/// # const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
/// #     .prefix("sha256=").id_header("X-Acme-Id").declare();
///
/// # let request = http::Request::post("/webhooks/acme/shop_7").header(
/// #     "X-Acme-Signature",
/// #     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
/// # ).body(())?;
/// let verifier = Verifier::builder(ACME).tenants(TenantAt::LastPathSegment).build()?;
/// let head = verifier.precheck(&request, Timestamp::now())?;
/// assert_eq!(head.tenant(), Some("shop_7"));
///
/// let keyring = Keyring::new(&ACME, Secret::new("It's a Secret to Everybody")?)?;
/// let mut intake = head.clone().open(Some(Tenant::new("7", keyring)))?;
/// intake.push("Hello, World!".into())?;
/// assert_eq!(intake.finish()?.tenant(), Some("7"));
///
/// // Nobody of that name: no key, no proof.
/// let refused = head.open(None).unwrap_err();
/// assert_eq!(refused.kind(), RejectionKind::UnknownTenant);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Rotation
///
/// ```
/// # use countersign_core::{Scheme, Secret, Timestamp, Verifier};
/// # const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
/// #     .prefix("sha256=").id_header("X-Acme-Id").declare();
/// # let request = http::Request::post("/webhooks/acme").header(
/// #     "X-Acme-Signature",
/// #     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
/// # ).body(())?;
/// use core::time::Duration;
///
/// let old = Secret::new("It's a Secret to Everybody")?.labelled("2026-04");
/// let verifier = Verifier::builder(ACME).secret(old).build()?;
/// let hour = Duration::from_secs(3_600);
/// verifier.rotate(Secret::new("another")?.labelled("2026-11"), hour)?;
///
/// let now = Timestamp::now();
/// let verified = verifier.verify(&request, "Hello, World!".into(), now)?;
/// assert_eq!(verified.matched_key(), "2026-04");
/// let after = Timestamp::from_unix_seconds(now.unix_seconds() + 3_602);
/// assert!(verifier.verify(&request, "Hello, World!".into(), after).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Verifier {
    pub(super) policy: Arc<Policy>,
}

impl Verifier {
    /// Starts configuring a verifier for a sender.
    pub fn builder(scheme: Scheme) -> VerifierBuilder {
        VerifierBuilder::new(scheme)
    }

    /// Judges a request whose body is already there, for a verifier with keys of its own.
    ///
    /// `now` is the wall clock.
    ///
    /// # Errors
    ///
    /// When the request is to be refused; see [`RejectionKind`](crate::RejectionKind).
    pub fn verify(
        &self,
        head: &(impl Head + ?Sized),
        body: Bytes,
        now: Timestamp,
    ) -> Result<Verified, Rejection> {
        self.policy.verify(head, body, now)
    }

    /// Judges a request by its head: method, content type, header grammar, time, declared length.
    ///
    /// Nothing secret is consulted. `now` is the wall clock.
    ///
    /// # Errors
    ///
    /// When the request is to be refused; see [`RejectionKind`](crate::RejectionKind).
    pub fn precheck(
        &self,
        head: &(impl Head + ?Sized),
        now: Timestamp,
    ) -> Result<Prechecked, Rejection> {
        let mut judged = JudgedHead::new(&self.policy.scheme, now);
        self.policy.judge(head, &mut judged)?;
        Ok(Prechecked::new(Arc::clone(&self.policy), judged))
    }

    /// The tenant that a request names, where there are some. Anybody may have written it.
    pub(crate) fn tenant_of(
        &self,
        head: &(impl Head + ?Sized),
    ) -> Result<Option<String>, Rejection> {
        self.policy.tenant_alone(head)
    }

    /// Puts a new secret first and accepts the present ones for another `keep_old`, while requests are
    /// judged. Time is the system's; see [`Keyring::rotate_at`] for another.
    ///
    /// A verifier logs nothing: [`Rotation::ends_early`] says whether the sender may retry for longer.
    ///
    /// # Errors
    ///
    /// When the secret is not of the scheme's form, there are too many keys, or the keys come from a
    /// lookup, which then owns rotation.
    pub fn rotate(&self, new: Secret, keep_old: Duration) -> Result<Rotation, KeyringError> {
        let keyring = self.keyring().ok_or(KeyringError::Tenants)?;
        keyring.rotate(new, keep_old)
    }

    /// The same, with the present ones accepted for as long as the sender may send what they signed
    /// ([`Scheme::overlap`]).
    ///
    /// # Errors
    ///
    /// As for [`rotate`](Self::rotate).
    pub fn rotate_with_overlap(&self, new: Secret) -> Result<Rotation, KeyringError> {
        self.rotate(new, self.scheme().overlap())
    }

    /// The keys; none where they come from a lookup.
    #[must_use]
    pub fn keyring(&self) -> Option<&Keyring> {
        self.policy.keys.keyring()
    }

    /// Where requests name their tenant; none where there is a keyring.
    #[must_use]
    pub fn tenant_at(&self) -> Option<TenantAt> {
        self.policy.keys.tenant_at()
    }

    /// How the sender signs.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.policy.scheme
    }

    /// How many bytes of bodies are held at this moment, by requests under way and by proofs that are
    /// kept.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.policy.buffered.load(Ordering::Relaxed)
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &VerifyLimits {
        &self.policy.limits
    }

    /// How far a signed time may lie from now; none where no signed time is judged.
    #[must_use]
    pub fn tolerance(&self) -> Option<Tolerance> {
        self.policy.tolerance
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("scheme", &self.policy.scheme.name())
            .finish_non_exhaustive()
    }
}
