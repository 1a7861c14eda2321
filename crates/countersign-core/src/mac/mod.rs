//! The only room that names cryptography: keyed MACs, hashes, public keys, constant-time comparison.
//!
//! What nearly every sender uses is in this file and goes through no indirection; the rest is in `other`,
//! and public keys, each behind a feature, in `public`.

// docs/decisions.md: D27, D32.

use core::{fmt, iter};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use smallvec::SmallVec;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::packed::Packed;

mod algorithm;
mod other;
mod public;
mod sha256;
mod token;

pub use self::algorithm::Algorithm;
pub(crate) use self::public::KeyFault;

/// What a message is made of, for algorithms that read it from its beginning once it is whole.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(feature = "ed25519"),
    allow(dead_code, reason = "the others hash the message as it comes")
)]
pub(crate) struct Whole<'m> {
    pub(crate) before: &'m [u8],
    pub(crate) body: &'m [u8],
    pub(crate) after: &'m [u8],
}

/// Which key made a signature, and the tags by which the message is known again.
pub(crate) struct Verdict {
    /// The number of the key.
    pub(crate) matched: Option<usize>,
    /// One for each key, computed here: two messages have the same ones only if they are the same.
    pub(crate) tags: Tags,
}

/// The longest MAC or hash of any algorithm, in bytes.
pub(crate) const MAX_TAG: usize = 64;

/// Decoded tags of one algorithm, end to end: room without the heap for two of SHA-256. Only
/// [`matching_key`] compares them.
#[derive(Clone)]
pub(crate) struct Tags {
    bytes: Packed<MAX_TAG>,
    each: usize,
}

impl Tags {
    /// Room for the signatures of one algorithm, as they are compared.
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self {
            bytes: Packed::new(),
            each: algorithm.kept_len(),
        }
    }

    /// Adds a signature as a request offers it, decoded. False when it cannot be one of the algorithm's.
    #[must_use]
    pub(crate) fn offer(&mut self, algorithm: Algorithm, signature: &[u8]) -> bool {
        match algorithm {
            Algorithm::HmacSha256 | Algorithm::HmacSha512 => self.push(signature),
            _ => other::offer(self, algorithm, signature),
        }
    }

    /// Adds a tag, which has exactly the algorithm's length. False when it has not.
    #[must_use]
    pub(crate) fn push(&mut self, tag: &[u8]) -> bool {
        tag.len() == self.each && self.bytes.add(tag).is_some()
    }

    /// Adds a tag of a key's, whose place says which key it is.
    fn made(&mut self, tag: &[u8]) {
        let _fits = self.push(tag);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.all().is_empty()
    }

    /// Without the division that `chunks_exact` begins with.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.all();
        iter::from_fn(move || {
            let (tag, behind) = rest.split_at_checked(self.each.max(1))?;
            rest = behind;
            Some(tag)
        })
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tags(..)")
    }
}

/// A key, prepared: a MAC with its key already absorbed, or whatever else signatures are checked with. A
/// message is judged by a [`Macs`].
#[derive(Clone)]
pub(crate) enum KeyedMac {
    Sha256(sha256::Key),
    Sha512(Hmac<Sha512>),
    Other(other::Key),
}

impl KeyedMac {
    /// Absorbs a key: of any length, or a public one.
    pub(crate) fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, KeyFault> {
        // HMAC takes keys of any length.
        let hmac = |_| KeyFault::Unusable;
        Ok(match algorithm {
            Algorithm::HmacSha256 => Self::Sha256(sha256::Key::new(key)),
            Algorithm::HmacSha512 => Self::Sha512(Hmac::new_from_slice(key).map_err(hmac)?),
            _ => Self::Other(other::Key::new(algorithm, key)?),
        })
    }
}

impl fmt::Debug for KeyedMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256(_) => "HmacSha256(..)",
            Self::Sha512(_) => "HmacSha512(..)",
            Self::Other(_) => "Key(..)",
        })
    }
}

/// The MACs of one message under several keys of one algorithm: room without the heap for two of
/// SHA-256.
pub(crate) enum Macs {
    Sha256(SmallVec<[sha256::Mac; 2]>),
    Sha512(SmallVec<[Hmac<Sha512>; 1]>),
    Other(other::State),
}

impl Macs {
    /// Begins a message. Keys of another algorithm are left out.
    pub(crate) fn new<'k>(algorithm: Algorithm, keys: impl Iterator<Item = &'k KeyedMac>) -> Self {
        match algorithm {
            Algorithm::HmacSha256 => Self::Sha256(
                keys.filter_map(|key| match key {
                    KeyedMac::Sha256(key) => Some(key.mac()),
                    KeyedMac::Sha512(_) | KeyedMac::Other(_) => None,
                })
                .collect(),
            ),
            Algorithm::HmacSha512 => Self::Sha512(
                keys.filter_map(|key| match key {
                    KeyedMac::Sha512(mac) => Some(mac.clone()),
                    KeyedMac::Sha256(_) | KeyedMac::Other(_) => None,
                })
                .collect(),
            ),
            _ => Self::Other(other::State::new(
                algorithm,
                keys.filter_map(|key| match key {
                    KeyedMac::Other(key) => Some(key),
                    KeyedMac::Sha256(_) | KeyedMac::Sha512(_) => None,
                }),
            )),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(macs) => macs.iter_mut().for_each(|mac| mac.update(bytes)),
            Self::Sha512(macs) => macs.iter_mut().for_each(|mac| mac.update(bytes)),
            Self::Other(state) => state.update(bytes),
        }
    }

    /// Takes each key's own secret for the next part of the message; for plain hashes, which have it there.
    pub(crate) fn update_secret(&mut self) {
        if let Self::Other(state) = self {
            state.update_secret();
        }
    }

    /// Ends the message, and says which key made one of the candidates. `whole` is asked for by algorithms
    /// that read the message again.
    pub(crate) fn conclude<'m>(
        &mut self,
        candidates: &Tags,
        whole: impl FnOnce() -> Whole<'m>,
    ) -> Verdict {
        if let Self::Other(state) = self {
            return state.conclude(candidates, whole);
        }
        let tags = self.finish();
        Verdict {
            matched: matching_key(&tags, candidates),
            tags,
        }
    }

    /// Ends the message: a tag for each key, in their order. No state is left.
    pub(crate) fn finish(&mut self) -> Tags {
        match self {
            Self::Sha256(macs) => {
                let mut tags = Tags::new(Algorithm::HmacSha256);
                for mac in macs.drain(..) {
                    tags.made(&mac.finish());
                }
                tags
            }
            Self::Sha512(macs) => {
                let mut tags = Tags::new(Algorithm::HmacSha512);
                for mac in macs.drain(..) {
                    tags.made(&mac.finalize().into_bytes());
                }
                tags
            }
            Self::Other(state) => state.finish(),
        }
    }
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

/// Whether two tags have one length and are the same: what differs is gathered over all bytes, and only
/// then looked at.
fn same(left: &[u8], right: &[u8]) -> Choice {
    let one_length = Choice::from(u8::from(left.len() == right.len()));
    let ((left, left_end), (right, right_end)) = (left.as_chunks::<8>(), right.as_chunks::<8>());
    let words = left.iter().zip(right);
    let differs = words.fold(0, |differs, (left, right)| {
        differs | (u64::from_ne_bytes(*left) ^ u64::from_ne_bytes(*right))
    });
    // SHA-1 leaves four bytes over.
    let ends = left_end.iter().zip(right_end);
    let differs = ends.fold(differs, |differs, (left, right)| {
        differs | u64::from(left ^ right)
    });
    one_length & differs.ct_eq(&0)
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
            Algorithm::HmacSha384,
            Algorithm::HmacSha512,
            Algorithm::HmacSha1,
            Algorithm::PlainSha1,
            Algorithm::PlainSha256,
        ] {
            let len = algorithm.tag_len().unwrap();
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
