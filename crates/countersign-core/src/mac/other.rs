//! What few senders use: other digests, plain hashes, tokens, and public keys.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
#[cfg(feature = "legacy-sha1")]
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384};
use zeroize::Zeroizing;

use super::{
    Algorithm, KeyFault, Tags, Verdict, Whole, hash_fields, matching_key,
    public::{self, PublicKey},
    sha256,
};

#[derive(Clone)]
pub(crate) enum Key {
    Sha384(Box<Hmac<Sha384>>),
    #[cfg(feature = "legacy-sha1")]
    Sha1(Hmac<Sha1>),
    /// The secret of a plain hash.
    Plain(Arc<Zeroizing<Vec<u8>>>),
    /// The hash of a token.
    Token(Arc<Zeroizing<[u8; 32]>>),
    Public(Arc<PublicKey>),
}

impl Key {
    pub(super) fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, KeyFault> {
        let hmac = |_| KeyFault::Unusable;
        match algorithm {
            Algorithm::HmacSha384 => Ok(Self::Sha384(Box::new(
                Hmac::new_from_slice(key).map_err(hmac)?,
            ))),
            #[cfg(feature = "legacy-sha1")]
            Algorithm::HmacSha1 => Ok(Self::Sha1(Hmac::new_from_slice(key).map_err(hmac)?)),
            Algorithm::PlainSha256 | Algorithm::PlainSha1 => {
                Ok(Self::Plain(Arc::new(Zeroizing::new(key.to_vec()))))
            }
            Algorithm::Token => Ok(Self::Token(Arc::new(Zeroizing::new(sha256(key))))),
            Algorithm::Ed25519 | Algorithm::EcdsaP256Sha256 | Algorithm::RsaSha256 => {
                PublicKey::new(algorithm, key).map(|key| Self::Public(Arc::new(key)))
            }
            _ => Err(KeyFault::Unusable),
        }
    }
}

/// Adds a signature as it is compared.
pub(super) fn offer(tags: &mut Tags, algorithm: Algorithm, signature: &[u8]) -> bool {
    match algorithm {
        // What is compared has one length, and says nothing of how much of a token was right.
        Algorithm::Token => tags.push(&sha256(signature)),
        Algorithm::EcdsaP256Sha256 | Algorithm::RsaSha256 => {
            public::offer(tags, algorithm, signature)
        }
        _ => tags.push(signature),
    }
}

/// A message under way, under several keys of one algorithm.
pub(crate) enum State {
    Sha384(Vec<Hmac<Sha384>>),
    #[cfg(feature = "legacy-sha1")]
    Sha1(Vec<Hmac<Sha1>>),
    Plain(Algorithm, Vec<(PlainHash, Arc<Zeroizing<Vec<u8>>>)>),
    /// The body's own hash, by which it is known again.
    Token(Sha256, Vec<Arc<Zeroizing<[u8; 32]>>>),
    Public(Sha256, Vec<Arc<PublicKey>>),
}

#[derive(Clone)]
pub(crate) enum PlainHash {
    Sha256(Sha256),
    #[cfg(feature = "legacy-sha1")]
    Sha1(Sha1),
}

impl PlainHash {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            #[cfg(feature = "legacy-sha1")]
            Algorithm::PlainSha1 => Self::Sha1(Sha1::new()),
            _ => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            #[cfg(feature = "legacy-sha1")]
            Self::Sha1(hash) => hash.update(bytes),
        }
    }

    fn finish(self, to: &mut Tags) {
        match self {
            Self::Sha256(hash) => to.made(&hash.finalize()),
            #[cfg(feature = "legacy-sha1")]
            Self::Sha1(hash) => to.made(&hash.finalize()),
        }
    }
}

impl State {
    pub(super) fn new<'k>(algorithm: Algorithm, keys: impl Iterator<Item = &'k Key>) -> Self {
        match algorithm {
            Algorithm::PlainSha256 | Algorithm::PlainSha1 => Self::Plain(
                algorithm,
                keys.filter_map(|key| match key {
                    Key::Plain(secret) => Some((PlainHash::new(algorithm), Arc::clone(secret))),
                    _ => None,
                })
                .collect(),
            ),
            #[cfg(feature = "legacy-sha1")]
            Algorithm::HmacSha1 => Self::Sha1(
                keys.filter_map(|key| match key {
                    Key::Sha1(mac) => Some(mac.clone()),
                    _ => None,
                })
                .collect(),
            ),
            Algorithm::HmacSha384 => Self::Sha384(
                keys.filter_map(|key| match key {
                    Key::Sha384(mac) => Some((**mac).clone()),
                    _ => None,
                })
                .collect(),
            ),
            Algorithm::Ed25519 | Algorithm::EcdsaP256Sha256 | Algorithm::RsaSha256 => Self::Public(
                Sha256::new(),
                keys.filter_map(|key| match key {
                    Key::Public(key) => Some(Arc::clone(key)),
                    _ => None,
                })
                .collect(),
            ),
            _ => Self::Token(
                Sha256::new(),
                keys.filter_map(|key| match key {
                    Key::Token(hash) => Some(Arc::clone(hash)),
                    _ => None,
                })
                .collect(),
            ),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha384(macs) => macs.iter_mut().for_each(|mac| mac.update(bytes)),
            #[cfg(feature = "legacy-sha1")]
            Self::Sha1(macs) => macs.iter_mut().for_each(|mac| mac.update(bytes)),
            Self::Plain(_, hashes) => hashes.iter_mut().for_each(|(hash, _)| hash.update(bytes)),
            Self::Token(hash, _) | Self::Public(hash, _) => hash.update(bytes),
        }
    }

    pub(super) fn update_secret(&mut self) {
        if let Self::Plain(_, hashes) = self {
            for (hash, secret) in hashes {
                hash.update(secret);
            }
        }
    }

    /// A tag for each key. No state is left.
    pub(super) fn finish(&mut self) -> Tags {
        match self {
            Self::Sha384(macs) => tags(
                Algorithm::HmacSha384,
                macs.drain(..).map(|mac| mac.finalize().into_bytes()),
            ),
            #[cfg(feature = "legacy-sha1")]
            Self::Sha1(macs) => tags(
                Algorithm::HmacSha1,
                macs.drain(..).map(|mac| mac.finalize().into_bytes()),
            ),
            Self::Plain(algorithm, hashes) => {
                let mut all = Tags::new(*algorithm);
                for (hash, _) in hashes.drain(..) {
                    hash.finish(&mut all);
                }
                all
            }
            // Nobody sends these: they are what a message under a key is known by.
            Self::Token(hash, keys) => {
                let message = hash.finalize_reset();
                let marks = keys
                    .drain(..)
                    .map(|key| hash_fields(&[&**key, message.as_slice()]));
                tags(Algorithm::Token, marks)
            }
            Self::Public(hash, keys) => {
                let message = hash.finalize_reset();
                let marks = keys
                    .drain(..)
                    .map(|key| hash_fields(&[key.mark(), message.as_slice()]));
                tags(Algorithm::Token, marks)
            }
        }
    }

    pub(super) fn conclude<'m>(
        &mut self,
        candidates: &Tags,
        whole: impl FnOnce() -> Whole<'m>,
    ) -> Verdict {
        let matched = match self {
            Self::Token(_, keys) => {
                let known = tags(Algorithm::Token, keys.iter().map(|key| ***key));
                matching_key(&known, candidates)
            }
            Self::Public(hash, keys) => {
                let digest = hash.clone().finalize();
                public::matching(keys, candidates, digest.as_slice(), whole)
            }
            // Here the tags of the message are what is offered.
            _ => {
                let tags = self.finish();
                let matched = matching_key(&tags, candidates);
                return Verdict { matched, tags };
            }
        };
        let tags = self.finish();
        Verdict { matched, tags }
    }
}

fn tags<T: AsRef<[u8]>>(algorithm: Algorithm, each: impl Iterator<Item = T>) -> Tags {
    let mut tags = Tags::new(algorithm);
    for tag in each {
        tags.made(tag.as_ref());
    }
    tags
}
