//! What is asked of a store.

use proptest::{collection::vec, prelude::*, sample::Index};

pub(super) const KEYS: u8 = 3;
pub(super) const ALIASES: u8 = 2;
/// The longest time that an operation names, in units.
pub(super) const LONGEST: u32 = 5_000;

/// An operation. Settling picks one of the fences that the key ever had.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Claim(Claiming),
    Extend(u8, Index, u32),
    Complete(u8, Index, u32),
    Release(u8, Index),
    Forget(u8),
    ForgetAlias(u8),
    Advance(u32),
    Purge(usize),
    Crash,
}

#[derive(Clone, Debug)]
pub(super) struct Claiming {
    pub(super) key: u8,
    pub(super) owner: u128,
    pub(super) aliases: Vec<u8>,
    /// Whether it is to run though an alias is known.
    pub(super) run: bool,
    pub(super) lease: u32,
    pub(super) fingerprint: Option<u64>,
}

/// Any operations in any order.
pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    let time = || prop_oneof![1_u32..20, 1_000..LONGEST];
    let fence = any::<Index>;
    let claim = (
        0..KEYS,
        0_u128..3,
        vec(0..ALIASES, 0..3),
        any::<bool>(),
        time(),
        any::<Option<u64>>(),
    );
    let claim = claim.prop_map(|(key, owner, aliases, run, lease, fingerprint)| Claiming {
        key,
        owner,
        aliases,
        run,
        lease,
        fingerprint,
    });
    let op = prop_oneof![
        8 => claim.prop_map(Op::Claim),
        1 => (0..KEYS, fence(), time()).prop_map(|(key, at, lease)| Op::Extend(key, at, lease)),
        3 => (0..KEYS, fence(), time()).prop_map(|(key, at, time)| Op::Complete(key, at, time)),
        2 => (0..KEYS, fence()).prop_map(|(key, at)| Op::Release(key, at)),
        1 => (0..KEYS).prop_map(Op::Forget),
        1 => (0..ALIASES).prop_map(Op::ForgetAlias),
        4 => time().prop_map(Op::Advance),
        1 => (0_usize..4).prop_map(Op::Purge),
        1 => Just(Op::Crash),
    ];
    vec(op, 1..80)
}
