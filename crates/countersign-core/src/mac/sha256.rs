//! HMAC-SHA256 (RFC 2104) from a key's two block states.
//!
//! Nearly every sender signs with it, so a message costs its own blocks, one for the padding and one for
//! the outer hash, and next to nothing else. The compression is `sha2`'s.

// docs/decisions.md: D72.

use sha2::{Digest, Sha256, block_api::compress256};
use zeroize::{Zeroize, Zeroizing};

const BLOCK: usize = 64;
type Block = [u8; BLOCK];
type State = [u32; 8];
/// How long the outer message is: the key's block and the inner hash.
const OUTER_BITS: u64 = (BLOCK as u64 + 32) * 8;

/// What SHA-256 begins with (FIPS 180-4, 5.3.3).
const BEGIN: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A key: what the inner and the outer hash are once they have absorbed it.
#[derive(Clone)]
pub(crate) struct Key {
    inner: State,
    outer: State,
}

impl Key {
    /// Absorbs a key of any length.
    pub(super) fn new(key: &[u8]) -> Self {
        let mut padded = Zeroizing::new([0; BLOCK]);
        match padded.get_mut(..key.len()) {
            Some(front) => front.copy_from_slice(key),
            None => {
                let hash = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(key)));
                for (byte, hashed) in padded.iter_mut().zip(hash.iter()) {
                    *byte = *hashed;
                }
            }
        }
        let absorb = |pad: u8| {
            let block = Zeroizing::new(padded.map(|byte| byte ^ pad));
            let mut state = BEGIN;
            compress256(&mut state, core::slice::from_ref(&*block));
            state
        };
        Self {
            inner: absorb(0x36),
            outer: absorb(0x5c),
        }
    }

    /// Begins a message.
    pub(super) fn mac(&self) -> Mac {
        Mac {
            inner: self.inner,
            outer: self.outer,
            len: 0,
            rest: [0; BLOCK],
            filled: 0,
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// The MAC of a message under way.
pub(crate) struct Mac {
    inner: State,
    outer: State,
    /// How many bytes of the message there were.
    len: u64,
    /// Those that do not fill a block yet.
    rest: Block,
    filled: usize,
}

impl Mac {
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        self.len = self.len.wrapping_add(bytes.len() as u64);
        if self.filled > 0 {
            let room = self.rest.get_mut(self.filled..).unwrap_or_default();
            let (now, later) = bytes.split_at(room.len().min(bytes.len()));
            for (byte, new) in room.iter_mut().zip(now) {
                *byte = *new;
            }
            self.filled = self.filled.saturating_add(now.len());
            bytes = later;
            if self.filled < BLOCK {
                return;
            }
            compress256(&mut self.inner, core::slice::from_ref(&self.rest));
        }
        let (blocks, end) = bytes.as_chunks();
        if !blocks.is_empty() {
            compress256(&mut self.inner, blocks);
        }
        if let Some(rest) = self.rest.get_mut(..end.len()) {
            rest.copy_from_slice(end);
        }
        self.filled = end.len();
    }

    pub(super) fn finish(mut self) -> [u8; 32] {
        // The key's block is a part of the inner message.
        let bits = self.len.wrapping_add(BLOCK as u64).wrapping_mul(8);
        let inner = end(self.inner, self.rest, self.filled, bits);
        let mut block = [0; BLOCK];
        let (hash, _) = block.as_chunks_mut();
        for (word, bytes) in inner.iter().zip(hash) {
            *bytes = word.to_be_bytes();
        }
        let outer = end(self.outer, block, 32, OUTER_BITS);
        self.inner.zeroize();
        self.outer.zeroize();
        let mut tag = [0; 32];
        let (words, _) = tag.as_chunks_mut();
        for (word, bytes) in outer.iter().zip(words) {
            *bytes = word.to_be_bytes();
        }
        tag
    }
}

impl Drop for Mac {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// The hash of a message whose last block has `filled` bytes, and which is `bits` long.
fn end(mut state: State, mut block: Block, filled: usize, bits: u64) -> State {
    const LEN: usize = BLOCK - 8;
    if let Some([mark, behind @ ..]) = block.get_mut(filled..) {
        *mark = 0x80;
        behind.fill(0);
    }
    if filled >= LEN {
        compress256(&mut state, core::slice::from_ref(&block));
        block = [0; BLOCK];
    }
    if let Some(len) = block.last_chunk_mut() {
        *len = bits.to_be_bytes();
    }
    compress256(&mut state, core::slice::from_ref(&block));
    state
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac as _};

    use super::*;

    /// Every length around the ends of blocks, in every cut into two, and by another implementation.
    #[test]
    fn tags_are_those_of_another_implementation() {
        let message: Vec<u8> = (0..=200).map(|byte: u8| byte.wrapping_mul(37)).collect();
        for key_len in [0, 1, 32, 63, 64, 65, 131] {
            let secret = vec![0xa7; key_len];
            let key = Key::new(&secret);
            for len in 0..message.len() {
                let message = &message[..len];
                let due = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
                let due: [u8; 32] = due.chain_update(message).finalize().into_bytes().into();
                for cut in [0, 1, 55, 56, 63, 64, 65, 127, 128, len] {
                    let (left, right) = message.split_at(cut.min(len));
                    let mut mac = key.mac();
                    mac.update(left);
                    mac.update(right);
                    assert_eq!(mac.finish(), due, "{key_len} {len} {cut}");
                }
                let mut mac = key.mac();
                message.chunks(7).for_each(|chunk| mac.update(chunk));
                assert_eq!(mac.finish(), due, "{key_len} {len}");
            }
        }
    }
}
