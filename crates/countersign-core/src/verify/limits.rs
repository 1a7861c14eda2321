//! What a verifier spends on one request, and on all of them together.

use super::decode;
use crate::scheme::{DEFAULT_BODY_LIMIT, Scheme};

/// Limits of a verifier. Every one has a default; a scheme may set the body limit.
///
/// Set them with [`VerifierBuilder::limits`](super::VerifierBuilder::limits). None may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyLimits {
    /// The longest body in bytes, enforced while it is read, and of a compressed one while it is decoded.
    /// 1 MiB, or what the scheme says.
    pub body_bytes: usize,
    /// The longest signature header in bytes. 8 KiB.
    pub signature_bytes: usize,
    /// The most signatures in one request. 32, or 4 where each costs a check with a public key.
    pub candidates: usize,
    /// The most bytes of bodies held at once, by all requests and by the proofs that are kept; a
    /// quarter of it is kept for bodies of up to 64 KiB, as far as the longest body leaves room for
    /// that. 64 MiB.
    pub buffered_bytes: usize,
}

impl VerifyLimits {
    const DEFAULT: Self = Self {
        body_bytes: DEFAULT_BODY_LIMIT,
        signature_bytes: 8 * 1024,
        candidates: 32,
        buffered_bytes: 64 * 1024 * 1024,
    };

    pub(super) fn of(scheme: &Scheme) -> Self {
        let limits = Self {
            body_bytes: scheme.body_limit(),
            candidates: if scheme.algorithm().has_public_key() {
                4
            } else {
                Self::DEFAULT.candidates
            },
            ..Self::DEFAULT
        };
        // An address is no longer than a page.
        let least = decode::most_held(scheme, &limits, "").saturating_add(4 * 1024);
        Self {
            buffered_bytes: limits.buffered_bytes.max(least),
            ..limits
        }
    }

    pub(super) const fn zero(&self) -> Option<&'static str> {
        match self {
            Self { body_bytes: 0, .. } => Some("body_bytes"),
            Self {
                signature_bytes: 0, ..
            } => Some("signature_bytes"),
            Self { candidates: 0, .. } => Some("candidates"),
            Self {
                buffered_bytes: 0, ..
            } => Some("buffered_bytes"),
            _ => None,
        }
    }
}
