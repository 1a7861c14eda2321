//! The only file that names cryptography: keyed MACs, hashes, constant-time comparison.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// How a sender computes its signature.
///
/// A scheme fixes one; what a request names is never consulted. SHA-1 is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256, which nearly every sender uses.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
}

impl Algorithm {
    /// Length of a tag in bytes.
    #[must_use]
    pub const fn tag_len(self) -> usize {
        match self {
            Self::HmacSha256 => 32,
            Self::HmacSha512 => 64,
        }
    }
}

/// The longest tag of any algorithm, in bytes.
pub(crate) const MAX_TAG: usize = 64;

/// A decoded tag. Only [`matching_key`] compares two of them.
#[derive(Clone, Copy)]
pub(crate) struct Tag {
    bytes: [u8; MAX_TAG],
    len: usize,
}

impl Tag {
    /// Copies a tag of exactly the algorithm's length.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut tag = Self {
            bytes: [0; MAX_TAG],
            len: bytes.len(),
        };
        tag.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(tag)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The first eight bytes, for telling two bodies apart later. Not for proving anything.
    pub(crate) fn truncated(&self) -> u64 {
        self.bytes
            .first_chunk::<8>()
            .map_or(0, |first| u64::from_be_bytes(*first))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(..)")
    }
}

/// A MAC with its key already absorbed; cloned once per request and key.
#[derive(Clone)]
pub(crate) enum KeyedMac {
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl KeyedMac {
    /// Absorbs a key of any length.
    pub(crate) fn new(algorithm: Algorithm, key: &[u8]) -> Option<Self> {
        Some(match algorithm {
            Algorithm::HmacSha256 => Self::Sha256(Hmac::new_from_slice(key).ok()?),
            Algorithm::HmacSha512 => Self::Sha512(Hmac::new_from_slice(key).ok()?),
        })
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(mac) => mac.update(bytes),
            Self::Sha512(mac) => mac.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Tag {
        let mut tag = Tag {
            bytes: [0; MAX_TAG],
            len: 0,
        };
        match self {
            Self::Sha256(mac) => {
                let bytes = mac.finalize().into_bytes();
                if let Some(to) = tag.bytes.first_chunk_mut::<32>() {
                    to.copy_from_slice(&bytes);
                    tag.len = 32;
                }
            }
            Self::Sha512(mac) => {
                tag.bytes.copy_from_slice(&mac.finalize().into_bytes());
                tag.len = MAX_TAG;
            }
        }
        tag
    }
}

impl fmt::Debug for KeyedMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256(_) => "HmacSha256(..)",
            Self::Sha512(_) => "HmacSha512(..)",
        })
    }
}

/// The first key whose tag equals any candidate, over all keys and candidates without early exit.
///
/// Candidates have the algorithm's length, which the grammar ensures; a tag of another length
/// never matches.
pub(crate) fn matching_key(computed: &[Tag], candidates: &[Tag]) -> Option<usize> {
    let mut found = Choice::from(0);
    let mut index = 0_u32;
    for (at, tag) in (0_u32..).zip(computed) {
        let mut hit = Choice::from(0);
        for candidate in candidates {
            hit |= tag.bytes.ct_eq(&candidate.bytes)
                & Choice::from(u8::from(tag.len == candidate.len && tag.len > 0));
        }
        index.conditional_assign(&at, hit & !found);
        found |= hit;
    }
    bool::from(found)
        .then_some(index)
        .and_then(|index| usize::try_from(index).ok())
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

    fn tag(byte: u8) -> Tag {
        Tag::from_slice(&[byte; 32]).unwrap()
    }

    #[test]
    fn matching_names_the_first_key_that_matches() {
        assert_eq!(matching_key(&[tag(1), tag(2)], &[tag(9), tag(2)]), Some(1));
        assert_eq!(matching_key(&[tag(2), tag(2)], &[tag(2)]), Some(0));
        assert_eq!(matching_key(&[tag(1)], &[tag(9)]), None);
        assert_eq!(matching_key(&[], &[tag(1)]), None);
        assert_eq!(matching_key(&[tag(1)], &[]), None);
    }

    #[test]
    fn tags_of_another_length_never_match() {
        let short = Tag::from_slice(&[1; 31]).unwrap();
        let padded = Tag::from_slice(&[0; 0]).unwrap();
        assert_eq!(matching_key(&[tag(1)], &[short]), None);
        assert_eq!(matching_key(&[padded], &[padded]), None);
        assert!(Tag::from_slice(&[0; 65]).is_none());
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
            format!("{mac:?} {:?}", mac.clone().finish()),
            "HmacSha256(..) Tag(..)"
        );
    }
}
