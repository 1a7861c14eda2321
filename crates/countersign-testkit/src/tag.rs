//! Tags and signatures as senders make them.
#![cfg_attr(
    not(all(feature = "ed25519", feature = "p256", feature = "rsa")),
    allow(
        unused_variables,
        reason = "without the features there are no private keys"
    )
)]

use countersign_core::Algorithm;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The signature over a message. An algorithm whose feature is off makes none, which only fails the test that
/// asked.
pub(crate) fn tag(algorithm: Algorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    fn hmac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
        // HMAC takes keys of any length.
        <M as KeyInit>::new_from_slice(key)
            .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
            .unwrap_or_default()
    }
    match algorithm {
        Algorithm::HmacSha256 => hmac::<Hmac<Sha256>>(key, message),
        Algorithm::HmacSha384 => hmac::<Hmac<Sha384>>(key, message),
        Algorithm::HmacSha512 => hmac::<Hmac<Sha512>>(key, message),
        #[cfg(feature = "legacy-sha1")]
        Algorithm::HmacSha1 => hmac::<Hmac<sha1::Sha1>>(key, message),
        #[cfg(feature = "legacy-sha1")]
        Algorithm::PlainSha1 => sha1::Sha1::digest(message).to_vec(),
        Algorithm::PlainSha256 => Sha256::digest(message).to_vec(),
        Algorithm::Token => key.to_vec(),
        #[cfg(feature = "ed25519")]
        Algorithm::Ed25519 => {
            use ed25519_dalek::Signer as _;
            private::ed25519(key).map_or_else(Vec::new, |key| key.sign(message).to_bytes().to_vec())
        }
        #[cfg(feature = "p256")]
        Algorithm::EcdsaP256Sha256 => {
            use p256::ecdsa::signature::Signer as _;
            private::p256(key).map_or_else(Vec::new, |key| {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            })
        }
        #[cfg(feature = "rsa")]
        Algorithm::RsaSha256 => {
            use rsa::signature::{SignatureEncoding as _, Signer as _};
            private::rsa(key).map_or_else(Vec::new, |key| {
                rsa::pkcs1v15::SigningKey::<Sha256>::new(key)
                    .sign(message)
                    .to_vec()
            })
        }
        _ => Vec::new(),
    }
}

/// A private key to test with, as text: a seed or a scalar in hexadecimal, or PKCS#8 in base64.
pub(crate) fn example_private_key(algorithm: Algorithm) -> Option<String> {
    match algorithm {
        Algorithm::Ed25519 | Algorithm::EcdsaP256Sha256 => {
            Some(hex::encode(b"countersign test private key 32!"))
        }
        // Made for this and used nowhere else.
        Algorithm::RsaSha256 => Some(include_str!("rsa_test_key.txt").to_owned()),
        _ => None,
    }
}

/// The public key that belongs to a private one, as a receiver is given it.
pub(crate) fn public_key(algorithm: Algorithm, private: &str) -> Option<String> {
    match algorithm {
        #[cfg(feature = "ed25519")]
        Algorithm::Ed25519 => {
            let key = private::ed25519(private.as_bytes())?;
            Some(hex::encode(key.verifying_key().as_bytes()))
        }
        #[cfg(feature = "p256")]
        Algorithm::EcdsaP256Sha256 => {
            let key = private::p256(private.as_bytes())?;
            Some(hex::encode(key.verifying_key().to_sec1_bytes()))
        }
        #[cfg(feature = "rsa")]
        Algorithm::RsaSha256 => {
            use base64::{Engine, engine::general_purpose::STANDARD};
            use rsa::pkcs1::EncodeRsaPublicKey as _;
            let key = private::rsa(private.as_bytes())?.to_public_key();
            Some(STANDARD.encode(key.to_pkcs1_der().ok()?.as_bytes()))
        }
        _ => None,
    }
}

/// Private keys from the bytes of their text.
#[cfg(any(feature = "ed25519", feature = "p256", feature = "rsa"))]
mod private {
    #[cfg(feature = "ed25519")]
    pub(super) fn ed25519(text: &[u8]) -> Option<ed25519_dalek::SigningKey> {
        let seed: [u8; 32] = hex::decode(text).ok()?.try_into().ok()?;
        Some(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    #[cfg(feature = "p256")]
    pub(super) fn p256(text: &[u8]) -> Option<p256::ecdsa::SigningKey> {
        p256::ecdsa::SigningKey::from_slice(&hex::decode(text).ok()?).ok()
    }

    #[cfg(feature = "rsa")]
    pub(super) fn rsa(text: &[u8]) -> Option<rsa::PrivateKey> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        use rsa::pkcs8::DecodePrivateKey as _;
        let text: Vec<u8> = text
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        rsa::PrivateKey::from_pkcs8_der(&STANDARD.decode(text).ok()?).ok()
    }
}
