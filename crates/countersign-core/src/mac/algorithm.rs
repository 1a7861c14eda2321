//! How signatures are computed.

// docs/decisions.md: D52.

/// How a sender computes its signature.
///
/// A scheme fixes one; what a request names is never consulted. Some are behind a feature of the crate; a
/// scheme of such an algorithm does not build while the feature is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256, which nearly every sender uses.
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
    /// HMAC with SHA-1, for senders that have nothing else. Feature `legacy-sha1`.
    ///
    /// SHA-1 is broken for signatures over documents that an attacker prepares. No attack on it inside of
    /// HMAC is known, and none is expected soon; a sender that also offers SHA-256 is to be used with that.
    HmacSha1,
    /// SHA-256 over bytes that hold the secret ([`Part::Secret`](crate::scheme::Part::Secret)), for
    /// senders that have nothing else. **It is no MAC.**
    ///
    /// Whoever captured a request can compute the hash of its signed bytes with more bytes behind them,
    /// without knowing the secret. Such a body holds bytes that are no text, so a body that is not UTF-8 is
    /// refused, and the scheme must say [`json_body`](crate::scheme::SchemeBuilder::json_body).
    PlainSha256,
    /// The same with SHA-1. Feature `legacy-sha1`.
    PlainSha1,
    /// Ed25519 (RFC 8032). Feature `ed25519`.
    Ed25519,
    /// ECDSA over the curve P-256 with SHA-256, the signature in ASN.1 DER. Feature `p256`.
    EcdsaP256Sha256,
    /// RSA with SHA-256 and the padding of PKCS#1 v1.5, keys of 2048 to 4096 bits. Feature `rsa`.
    RsaSha256,
    /// None: the secret itself is sent, and **nothing is signed**. See
    /// [`Scheme::token`](crate::Scheme::token).
    Token,
}

impl Algorithm {
    /// Length of a signature in bytes, where every signature has it.
    #[must_use]
    pub const fn tag_len(self) -> Option<usize> {
        match self {
            Self::HmacSha1 | Self::PlainSha1 => Some(20),
            Self::HmacSha256 | Self::PlainSha256 => Some(32),
            Self::HmacSha384 => Some(48),
            Self::HmacSha512 | Self::Ed25519 => Some(64),
            Self::EcdsaP256Sha256 | Self::RsaSha256 | Self::Token => None,
        }
    }

    /// Length of what is kept of a signature until it is compared.
    pub(super) const fn kept_len(self) -> usize {
        match (self.tag_len(), self) {
            (Some(len), _) => len,
            // Both numbers, at full length.
            (None, Self::EcdsaP256Sha256) => 64,
            (None, Self::RsaSha256) => super::public::RSA_SLOT,
            // A hash of the token, so that tokens of every length are compared alike.
            (None, _) => 32,
        }
    }

    /// Whether a signature is checked with a public key.
    #[must_use]
    pub const fn has_public_key(self) -> bool {
        matches!(
            self,
            Self::Ed25519 | Self::EcdsaP256Sha256 | Self::RsaSha256
        )
    }

    /// Whether it is a hash over bytes that hold the secret.
    pub(crate) const fn is_plain(self) -> bool {
        matches!(self, Self::PlainSha256 | Self::PlainSha1)
    }

    /// Whether it is part of this build of the crate.
    #[must_use]
    pub const fn is_available(self) -> bool {
        match self {
            Self::HmacSha256
            | Self::HmacSha384
            | Self::HmacSha512
            | Self::PlainSha256
            | Self::Token => true,
            Self::HmacSha1 | Self::PlainSha1 => cfg!(feature = "legacy-sha1"),
            Self::Ed25519 => cfg!(feature = "ed25519"),
            Self::EcdsaP256Sha256 => cfg!(feature = "p256"),
            Self::RsaSha256 => cfg!(feature = "rsa"),
        }
    }
}
