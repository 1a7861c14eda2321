//! Where a key lives: its hash and its shard.

use core::hash::BuildHasher;
use std::collections::hash_map::RandomState;

use super::row::Name;
use crate::key::DeliveryKey;

/// How many shards there are; a power of two of at most 64, so that a set of them is one word.
pub(super) const SHARDS: u8 = if cfg!(all(test, shuttle)) { 4 } else { 64 };

/// A key with what is needed to look it up.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) key: DeliveryKey,
    pub(super) hash: u64,
    pub(super) shard: u8,
}

/// Hashes keys, which are hashes already, under a secret of this store.
///
/// Whoever chooses ids can search for keys that share a few dozen bits, so plain bits of the key
/// would let a sender pile rows into one bucket.
#[derive(Clone, Copy)]
pub(super) struct Placer {
    secrets: [u64; 2],
}

impl Placer {
    pub(super) fn new() -> Self {
        // Interleavings can only be replayed when nothing else is left to chance.
        if cfg!(all(test, shuttle)) {
            return Self {
                secrets: [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9],
            };
        }
        let random = RandomState::new();
        Self {
            secrets: [random.hash_one(0_u8), random.hash_one(1_u8)],
        }
    }

    pub(super) fn place(self, key: &DeliveryKey) -> Place {
        let hash = self.hash(&name(key));
        // The table takes its position from the low bits and its tag from the top seven.
        let [.., byte, _] = hash.to_le_bytes();
        Place {
            key: *key,
            hash,
            shard: byte & (SHARDS - 1),
        }
    }

    pub(super) fn hash(self, name: &Name) -> u64 {
        let (words, _) = name.as_chunks::<8>();
        let [first, second] = match words {
            [first, second] => [u64::from_le_bytes(*first), u64::from_le_bytes(*second)],
            _ => [0; 2],
        };
        let [a, b] = self.secrets;
        let product = u128::from(first ^ a).wrapping_mul(u128::from(second ^ b));
        fold(product)
    }
}

/// Both halves of a product in one word; each bit of the factors reaches it.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the halves are what is wanted"
)]
const fn fold(product: u128) -> u64 {
    (product as u64) ^ ((product >> 64) as u64)
}

/// What a row keeps of a key.
fn name(key: &DeliveryKey) -> Name {
    key.as_bytes().first_chunk().copied().unwrap_or_default()
}

impl Place {
    /// What rows keep of the key.
    pub(super) fn name(&self) -> Name {
        name(&self.key)
    }
}

/// A set of shards, walked in ascending order: the one lock order of the store.
#[derive(Clone, Copy, Default)]
pub(super) struct ShardSet(u64);

impl ShardSet {
    pub(super) const fn with(self, shard: u8) -> Self {
        Self(self.0 | 1_u64.wrapping_shl(shard as u32))
    }

    pub(super) fn iter(self) -> impl Iterator<Item = u8> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let lowest = u8::try_from(left.trailing_zeros()).ok()?;
            // The lowest bit goes out; of an empty set there is none.
            left &= left.checked_sub(1)?;
            Some(lowest)
        })
    }
}
