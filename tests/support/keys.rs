//! Keys for benches.

use countersign_core::DeliveryKey;

/// A key that looks as random as a hash does (splitmix64).
#[must_use]
pub fn key_of(n: u64) -> DeliveryKey {
    let mut state = n;
    let mut bytes = [0; 32];
    for word in bytes.chunks_exact_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    DeliveryKey::from_bytes(bytes)
}
