//! The only file that names cryptography: keyed MACs, hashes, constant-time comparison.

// docs/decisions.md: D27, D32.

use core::{fmt, slice::ChunksExact};

#[cfg(feature = "ed25519")]
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
#[cfg(feature = "legacy-sha1")]
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use smallvec::SmallVec;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// How a sender computes its signature.
///
/// A scheme fixes one; what a request names is never consulted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256, which nearly every sender uses.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
    /// HMAC with SHA-1, for senders that have nothing else.
    ///
    /// No forgery of HMAC-SHA1 is known, although SHA-1 alone is broken. It is a feature so that nobody
    /// chooses it by chance.
    #[cfg(feature = "legacy-sha1")]
    HmacSha1,
    /// A signature with Ed25519: what the application calls the secret is the sender's public key.
    ///
    /// It is checked strictly: one signature has one encoding, and keys of small order are refused. The
    /// message is needed as a whole, so a body is held twice while it arrives.
    #[cfg(feature = "ed25519")]
    Ed25519,
}

impl Algorithm {
    /// Length of a tag in bytes.
    #[must_use]
    pub const fn tag_len(self) -> usize {
        match self {
            Self::HmacSha256 => 32,
            Self::HmacSha512 => 64,
            #[cfg(feature = "legacy-sha1")]
            Self::HmacSha1 => 20,
            #[cfg(feature = "ed25519")]
            Self::Ed25519 => 64,
        }
    }
}

impl Algorithm {
    /// Whether the key is public, so that who can check a signature cannot make one.
    #[must_use]
    pub const fn is_public_key(self) -> bool {
        match self {
            Self::HmacSha256 | Self::HmacSha512 => false,
            #[cfg(feature = "legacy-sha1")]
            Self::HmacSha1 => false,
            #[cfg(feature = "ed25519")]
            Self::Ed25519 => true,
        }
    }
}

/// The longest tag of any algorithm, in bytes.
pub(crate) const MAX_TAG: usize = 64;

/// Decoded tags of one algorithm, end to end: room without the heap for two of SHA-256. Only
/// [`matching_key`] compares them.
#[derive(Clone)]
pub(crate) struct Tags {
    bytes: SmallVec<[u8; MAX_TAG]>,
    each: usize,
}

impl Tags {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self {
            bytes: SmallVec::new(),
            each: algorithm.tag_len(),
        }
    }

    /// Adds a tag, which has exactly the algorithm's length. False when it has not.
    #[must_use]
    pub(crate) fn push(&mut self, tag: &[u8]) -> bool {
        let fits = tag.len() == self.each;
        if fits {
            self.bytes.extend_from_slice(tag);
        }
        fits
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn iter(&self) -> ChunksExact<'_, u8> {
        self.bytes.chunks_exact(self.each)
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tags(..)")
    }
}

/// A MAC with its key already absorbed. A message is MACed by a [`Macs`].
#[derive(Clone)]
pub(crate) enum KeyedMac {
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
    #[cfg(feature = "legacy-sha1")]
    Sha1(Hmac<Sha1>),
    #[cfg(feature = "ed25519")]
    Ed25519(VerifyingKey),
}

impl KeyedMac {
    /// Absorbs a key. Those of MACs have any length, and public ones must be points that can sign.
    pub(crate) fn new(algorithm: Algorithm, key: &[u8]) -> Option<Self> {
        Some(match algorithm {
            Algorithm::HmacSha256 => Self::Sha256(Hmac::new_from_slice(key).ok()?),
            Algorithm::HmacSha512 => Self::Sha512(Hmac::new_from_slice(key).ok()?),
            #[cfg(feature = "legacy-sha1")]
            Algorithm::HmacSha1 => Self::Sha1(Hmac::new_from_slice(key).ok()?),
            #[cfg(feature = "ed25519")]
            Algorithm::Ed25519 => {
                let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
                Self::Ed25519(Some(key).filter(|key| !key.is_weak())?)
            }
        })
    }
}

impl fmt::Debug for KeyedMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256(_) => "HmacSha256(..)",
            Self::Sha512(_) => "HmacSha512(..)",
            #[cfg(feature = "legacy-sha1")]
            Self::Sha1(_) => "HmacSha1(..)",
            #[cfg(feature = "ed25519")]
            Self::Ed25519(_) => "Ed25519(..)",
        })
    }
}

/// The MACs of one message under several keys of one algorithm: room without the heap for two of
/// SHA-256.
pub(crate) enum Macs {
    Sha256(SmallVec<[Hmac<Sha256>; 2]>),
    Sha512(SmallVec<[Hmac<Sha512>; 1]>),
    #[cfg(feature = "legacy-sha1")]
    Sha1(SmallVec<[Hmac<Sha1>; 1]>),
    #[cfg(feature = "ed25519")]
    Ed25519 {
        keys: SmallVec<[VerifyingKey; 1]>,
        message: Vec<u8>,
    },
}

impl Macs {
    /// Begins a message. Keys of another algorithm are left out.
    pub(crate) fn new<'k>(algorithm: Algorithm, keys: impl Iterator<Item = &'k KeyedMac>) -> Self {
        match algorithm {
            Algorithm::HmacSha256 => Self::Sha256(
                keys.filter_map(|key| {
                    if let KeyedMac::Sha256(mac) = key {
                        Some(mac.clone())
                    } else {
                        None
                    }
                })
                .collect(),
            ),
            Algorithm::HmacSha512 => Self::Sha512(
                keys.filter_map(|key| {
                    if let KeyedMac::Sha512(mac) = key {
                        Some(mac.clone())
                    } else {
                        None
                    }
                })
                .collect(),
            ),
            #[cfg(feature = "legacy-sha1")]
            Algorithm::HmacSha1 => Self::Sha1(
                keys.filter_map(|key| {
                    if let KeyedMac::Sha1(mac) = key {
                        Some(mac.clone())
                    } else {
                        None
                    }
                })
                .collect(),
            ),
            #[cfg(feature = "ed25519")]
            Algorithm::Ed25519 => Self::Ed25519 {
                keys: keys
                    .filter_map(|key| {
                        if let KeyedMac::Ed25519(key) = key {
                            Some(*key)
                        } else {
                            None
                        }
                    })
                    .collect(),
                message: Vec::new(),
            },
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(macs) => macs.iter_mut().for_each(|mac| mac.update(bytes)),
            Self::Sha512(macs) => macs.iter_mut().for_each(|mac| mac.update(bytes)),
            #[cfg(feature = "legacy-sha1")]
            Self::Sha1(macs) => macs.iter_mut().for_each(|mac| mac.update(bytes)),
            #[cfg(feature = "ed25519")]
            Self::Ed25519 { message, .. } => message.extend_from_slice(bytes),
        }
    }

    /// Ends the message: a tag for each key, in their order. No state is left.
    pub(crate) fn finish(&mut self) -> Tags {
        match self {
            Self::Sha256(macs) => finish(Algorithm::HmacSha256, macs),
            Self::Sha512(macs) => finish(Algorithm::HmacSha512, macs),
            #[cfg(feature = "legacy-sha1")]
            Self::Sha1(macs) => finish(Algorithm::HmacSha1, macs),
            #[cfg(feature = "ed25519")]
            Self::Ed25519 { message, .. } => {
                let mut tags = Tags {
                    bytes: SmallVec::new(),
                    each: 32,
                };
                tags.bytes.extend_from_slice(&sha256(message));
                tags
            }
        }
    }

    /// Ends the message and looks for the first key that made one of the candidates. The tags name the
    /// message: those of each key, or of public keys its hash.
    pub(crate) fn conclude(&mut self, candidates: &Tags) -> (Option<usize>, Tags) {
        #[cfg(feature = "ed25519")]
        if let Self::Ed25519 { keys, message } = self {
            let signed = |key: &VerifyingKey| {
                candidates.iter().any(|candidate| {
                    // Nothing here is secret, so the first that fits may end it.
                    let signature = Signature::from_slice(candidate);
                    signature.is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
                })
            };
            let matched = keys.iter().position(signed);
            return (matched, self.finish());
        }
        let tags = self.finish();
        (matching_key(&tags, candidates), tags)
    }
}

fn finish<M: Mac, const N: usize>(algorithm: Algorithm, macs: &mut SmallVec<[M; N]>) -> Tags {
    let mut tags = Tags::new(algorithm);
    for mac in macs.drain(..) {
        tags.bytes.extend_from_slice(&mac.finalize().into_bytes());
    }
    tags
}

impl fmt::Debug for Macs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Macs(..)")
    }
}

/// The first key whose tag equals any candidate, over all keys and candidates without early exit.
pub(crate) fn matching_key(computed: &Tags, candidates: &Tags) -> Option<usize> {
    let mut found = Choice::from(0);
    let mut index = 0_u32;
    for (at, tag) in (0_u32..).zip(computed.iter()) {
        let mut hit = Choice::from(0);
        for candidate in candidates.iter() {
            hit |= same(tag, candidate);
        }
        index.conditional_assign(&at, hit & !found);
        found |= hit;
    }
    bool::from(found)
        .then_some(index)
        .and_then(|index| usize::try_from(index).ok())
}

/// Whether two tags have one length and are the same, eight bytes at a time: `subtle` puts a barrier around
/// every comparison, which for single bytes would cost as much as two hash blocks.
fn same(left: &[u8], right: &[u8]) -> Choice {
    let one_length = Choice::from(u8::from(left.len() == right.len()));
    let ((left, left_rest), (right, right_rest)) = (left.as_chunks::<8>(), right.as_chunks::<8>());
    let words = left.iter().zip(right);
    let words = words.fold(one_length, |same, (left, right)| {
        same & u64::from_ne_bytes(*left).ct_eq(&u64::from_ne_bytes(*right))
    });
    // Only SHA-1's tags are no whole number of words.
    words & left_rest.ct_eq(right_rest)
}

/// Whether two hashes are the same, in constant time.
pub(crate) fn same_hash(left: &[u8; 32], right: &[u8; 32]) -> bool {
    same(left, right).into()
}

/// SHA-256 over length-prefixed fields, so that no two lists of fields collide by shifting bytes.
pub(crate) fn hash_fields(fields: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    hash.finalize().into()
}

/// Plain SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(bytes: &[u8]) -> Tags {
        let mut tags = Tags::new(Algorithm::HmacSha256);
        assert!(bytes.iter().all(|byte| tags.push(&[*byte; 32])));
        tags
    }

    #[test]
    fn matching_names_the_first_key_that_matches() {
        let matching =
            |computed: &[u8], offered: &[u8]| matching_key(&tags(computed), &tags(offered));
        assert_eq!(matching(&[1, 2], &[9, 2]), Some(1));
        assert_eq!(matching(&[2, 2], &[2]), Some(0));
        assert_eq!(matching(&[1, 2, 3], &[8, 9, 3]), Some(2));
        assert_eq!(matching(&[1], &[9]), None);
        assert_eq!(matching(&[], &[1]), None);
        assert_eq!(matching(&[1], &[]), None);
    }

    #[test]
    fn every_bit_of_a_tag_counts() {
        for algorithm in [
            Algorithm::HmacSha256,
            Algorithm::HmacSha512,
            #[cfg(feature = "legacy-sha1")]
            Algorithm::HmacSha1,
        ] {
            let len = algorithm.tag_len();
            let one = |tag: &[u8]| {
                let mut tags = Tags::new(algorithm);
                assert!(tags.push(tag));
                tags
            };
            for bit in 0..len * 8 {
                let mut other = vec![0x5a; len];
                let computed = one(&other);
                assert_eq!(matching_key(&computed, &one(&other)), Some(0));
                other[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(matching_key(&computed, &one(&other)), None);
            }
        }
    }

    #[test]
    fn tags_of_another_length_never_match() {
        let mut short = tags(&[]);
        assert!(!short.push(&[1; 31]) && !short.push(&[1; 64]) && !short.push(&[]));
        assert!(short.is_empty());
        let mut long = Tags::new(Algorithm::HmacSha512);
        assert!(long.push(&[1; 64]));
        assert_eq!(matching_key(&tags(&[1, 1]), &long), None);
    }

    #[test]
    fn fields_do_not_trade_bytes() {
        assert_ne!(hash_fields(&[b"ab", b"c"]), hash_fields(&[b"a", b"bc"]));
        assert_ne!(hash_fields(&[b"ab"]), hash_fields(&[b"ab", b""]));
    }

    #[test]
    fn debug_shows_no_key_and_no_tag() {
        let mac = KeyedMac::new(Algorithm::HmacSha256, b"key").unwrap();
        assert_eq!(
            format!("{mac:?} {:?}", tags(&[1])),
            "HmacSha256(..) Tags(..)"
        );
    }
}
