//! Signatures that are checked with a public key, each algorithm behind a feature.
//!
//! Nothing here is secret, so nothing is compared in constant time.
#![cfg_attr(
    not(all(feature = "ed25519", feature = "p256", feature = "rsa")),
    allow(
        dead_code,
        unreachable_code,
        unused_variables,
        reason = "without one of the features something is left over"
    )
)]

use core::cell::LazyCell;
use std::sync::Arc;

use super::{Algorithm, Tags, Whole, sha256};

/// Why bytes are no key of an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFault {
    /// The algorithm is not part of this build.
    Unusable,
    /// Not a public key of the algorithm, which is this.
    NotPublicKey(&'static str),
}

/// A public key, prepared.
pub(crate) struct PublicKey {
    key: Prepared,
    /// A hash of the key's bytes.
    mark: [u8; 32],
}

enum Prepared {
    #[cfg(feature = "ed25519")]
    Ed25519(ed25519_dalek::VerifyingKey),
    #[cfg(feature = "p256")]
    P256(p256::ecdsa::VerifyingKey),
    #[cfg(feature = "rsa")]
    Rsa(rsa::pkcs1v15::VerifyingKey<sha2::Sha256>),
}

impl PublicKey {
    pub(super) fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyFault> {
        let key = match algorithm {
            #[cfg(feature = "ed25519")]
            Algorithm::Ed25519 => Prepared::Ed25519(ed25519(bytes).ok_or(KeyFault::NotPublicKey(
                "an Ed25519 public key: 32 bytes in hexadecimal or base64, or `PUBLIC KEY` in PEM or DER",
            ))?),
            #[cfg(feature = "p256")]
            Algorithm::EcdsaP256Sha256 => Prepared::P256(p256(bytes).ok_or(KeyFault::NotPublicKey(
                "a public key on the curve P-256: `PUBLIC KEY` in PEM or DER, or its point in \
                 hexadecimal or base64",
            ))?),
            #[cfg(feature = "rsa")]
            Algorithm::RsaSha256 => Prepared::Rsa(rsa(bytes).ok_or(KeyFault::NotPublicKey(
                "an RSA public key of 2048 to 4096 bits: `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE` \
                 in PEM or DER",
            ))?),
            _ => return Err(KeyFault::Unusable),
        };
        Ok(Self {
            key,
            mark: sha256(bytes),
        })
    }

    pub(super) const fn mark(&self) -> &[u8; 32] {
        &self.mark
    }

    /// Whether the key made the signature, which is as [`offer`] has it.
    fn made<'m>(
        &self,
        signature: &[u8],
        digest: &[u8],
        whole: &LazyCell<Whole<'m>, impl FnOnce() -> Whole<'m>>,
    ) -> bool {
        match self.key {
            #[cfg(feature = "ed25519")]
            Prepared::Ed25519(ref key) => {
                use ed25519_dalek::ed25519::signature::MultipartVerifier as _;
                let message = [whole.before, whole.body, whole.after];
                ed25519_dalek::Signature::from_slice(signature).is_ok_and(|signature| {
                    key.multipart_verify(&message, &signature).is_ok() && !begins_weakly(&signature)
                })
            }
            #[cfg(feature = "p256")]
            Prepared::P256(ref key) => {
                use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
                p256::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok())
            }
            #[cfg(feature = "rsa")]
            Prepared::Rsa(ref key) => {
                use rsa::signature::hazmat::PrehashVerifier as _;
                let signature = out_of_slot(signature)
                    .and_then(|bytes| rsa::pkcs1v15::Signature::try_from(bytes).ok());
                signature.is_some_and(|signature| key.verify_prehash(digest, &signature).is_ok())
            }
        }
    }
}

/// The first key that made one of the signatures. `whole` is asked for by the algorithm that reads it.
pub(super) fn matching<'m>(
    keys: &[Arc<PublicKey>],
    signatures: &Tags,
    digest: &[u8],
    whole: impl FnOnce() -> Whole<'m>,
) -> Option<usize> {
    let whole = LazyCell::new(whole);
    keys.iter().position(|key| {
        signatures
            .iter()
            .any(|signature| key.made(signature, digest, &whole))
    })
}

/// Room for an RSA signature of 4096 bits, and its length before it.
pub(super) const RSA_SLOT: usize = 2 + 512;

/// Adds a signature whose length is not always the same.
pub(super) fn offer(tags: &mut Tags, algorithm: Algorithm, signature: &[u8]) -> bool {
    match algorithm {
        #[cfg(feature = "p256")]
        Algorithm::EcdsaP256Sha256 => p256::ecdsa::Signature::from_der(signature)
            .is_ok_and(|signature| tags.push(&signature.to_bytes())),
        #[cfg(feature = "rsa")]
        Algorithm::RsaSha256 => into_slot(signature).is_some_and(|slot| tags.push(&slot)),
        _ => false,
    }
}

#[cfg(feature = "rsa")]
fn into_slot(signature: &[u8]) -> Option<[u8; RSA_SLOT]> {
    let mut slot = [0; RSA_SLOT];
    let (len, room) = slot.split_first_chunk_mut::<2>()?;
    *len = u16::try_from(signature.len()).ok()?.to_be_bytes();
    room.get_mut(..signature.len())?.copy_from_slice(signature);
    (signature.len() >= 256).then_some(slot)
}

#[cfg(feature = "rsa")]
fn out_of_slot(slot: &[u8]) -> Option<&[u8]> {
    let (len, room) = slot.split_first_chunk::<2>()?;
    room.get(..usize::from(u16::from_be_bytes(*len)))
}

/// Whether a signature's point is of small order, which no honest sender's is. Not asked by
/// `multipart_verify`, as it is by `verify_strict`, which takes the message in one piece. Compared as bytes,
/// because `multipart_verify` takes a point in its one canonical form only.
#[cfg(feature = "ed25519")]
fn begins_weakly(signature: &ed25519_dalek::Signature) -> bool {
    let mut point = *signature.r_bytes();
    // The sign of a point and of its opposite.
    point[31] &= 0x7f;
    SMALL_ORDER.contains(&point)
}

/// The points of small order on the curve of Ed25519, without their signs: the eight multiples of one of order 8.
#[cfg(feature = "ed25519")]
const SMALL_ORDER: [[u8; 32]; 5] = [
    *b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    [0; 32],
    *b"\xec\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
];

/// A key that anybody could sign for is none.
#[cfg(feature = "ed25519")]
fn ed25519(bytes: &[u8]) -> Option<ed25519_dalek::VerifyingKey> {
    /// What comes before the key in its `SubjectPublicKeyInfo` (RFC 8410).
    const INFO: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    let point = bytes.strip_prefix(INFO).unwrap_or(bytes);
    let key = ed25519_dalek::VerifyingKey::from_bytes(point.try_into().ok()?).ok()?;
    (!key.is_weak()).then_some(key)
}

#[cfg(feature = "p256")]
fn p256(bytes: &[u8]) -> Option<p256::ecdsa::VerifyingKey> {
    /// What comes before an uncompressed and a compressed point in `SubjectPublicKeyInfo` (RFC 5480).
    const INFO: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
    const COMPRESSED: &[u8] = b"\x30\x39\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x22\x00";
    let point = bytes
        .strip_prefix(INFO)
        .or_else(|| bytes.strip_prefix(COMPRESSED))
        .unwrap_or(bytes);
    p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()
}

#[cfg(feature = "rsa")]
fn rsa(bytes: &[u8]) -> Option<rsa::pkcs1v15::VerifyingKey<sha2::Sha256>> {
    use rsa::{
        pkcs1::DecodeRsaPublicKey as _, pkcs8::DecodePublicKey as _, traits::PublicKeyParts as _,
    };
    let key = rsa::PublicKey::from_public_key_der(bytes)
        .ok()
        .or_else(|| rsa::PublicKey::from_pkcs1_der(bytes).ok())
        .or_else(|| rsa::PublicKey::from_public_key_der(key_of_certificate(bytes)?).ok())?;
    (256..=512)
        .contains(&key.size())
        .then(|| rsa::pkcs1v15::VerifyingKey::new(key))
}

/// The `SubjectPublicKeyInfo` of an X.509 certificate. Who issued it, for whom and until when is not looked
/// at: whoever hands it over has done so.
#[cfg(feature = "rsa")]
fn key_of_certificate(der: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let (certificate, []) = element(der)? else {
        return None;
    };
    let (to_be_signed, _) = element(content(certificate, SEQUENCE)?)?;
    let mut fields = content(to_be_signed, SEQUENCE)?;
    let (first, rest) = element(fields)?;
    if first.first() == Some(&VERSION) {
        fields = rest;
    }
    // Serial number, algorithm, issuer, validity, subject.
    for _ in 0..5 {
        (_, fields) = element(fields)?;
    }
    let (key, _) = element(fields)?;
    content(key, SEQUENCE).map(|_| key)
}

/// The first element of DER, whole, and what comes behind it.
#[cfg(feature = "rsa")]
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, len) = header(der)?;
    der.split_at_checked(header.checked_add(len)?)
}

/// What is in an element of this kind.
#[cfg(feature = "rsa")]
fn content(element: &[u8], kind: u8) -> Option<&[u8]> {
    let (header, len) = header(element)?;
    let end = header.checked_add(len)?;
    (element.first() == Some(&kind))
        .then(|| element.get(header..end))
        .flatten()
}

/// How long an element's header is, and its content.
#[cfg(feature = "rsa")]
fn header(der: &[u8]) -> Option<(usize, usize)> {
    match *der {
        [_, len @ 0..=0x7f, ..] => Some((2, len.into())),
        [_, 0x81, len, ..] => Some((3, len.into())),
        [_, 0x82, high, low, ..] => Some((4, u16::from_be_bytes([high, low]).into())),
        _ => None,
    }
}

#[cfg(all(test, feature = "ed25519"))]
mod tests {
    use super::*;

    /// Each is on the curve and of small order under both signs, and they make up the whole subgroup.
    #[test]
    fn the_points_of_small_order_are_all_eight() {
        let mut of_small_order = 0;
        for point in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut signed = point;
                signed[31] |= sign;
                let key = ed25519_dalek::VerifyingKey::from_bytes(&signed).unwrap();
                assert!(key.is_weak(), "{signed:?}");
                // Identity and the point of order 2 have no sign: with one they are not canonical.
                of_small_order += usize::from(key.to_edwards().compress().0 == signed);
            }
        }
        assert_eq!(of_small_order, 8);
    }
}
