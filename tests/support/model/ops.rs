//! What is asked of a store.

use proptest::{collection::vec, option::weighted, prelude::*, sample::Index};

pub(super) const KEYS: u8 = 3;
/// Each is of the entity with half its number: the bytes decide which entity they are about.
pub(super) const ALIASES: u8 = 4;
pub(super) const SUBJECTS: u8 = 2;
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
    ForgetSubject(u8),
    Advance(u32),
    Purge(usize),
    Crash,
}

#[derive(Clone, Debug)]
pub(super) struct Claiming {
    pub(super) key: u8,
    pub(super) owner: u128,
    pub(super) aliases: Vec<u8>,
    pub(super) subject: Option<About>,
    pub(super) lease: u32,
    pub(super) fingerprint: u64,
}

/// What a claim says of its entity.
#[derive(Clone, Copy, Debug)]
pub(super) struct About {
    pub(super) subject: u8,
    /// Whether a repeat is to run.
    pub(super) run: bool,
    pub(super) keep: u32,
}

/// Any operations in any order.
pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    let time = || prop_oneof![1_u32..20, 1_000..LONGEST];
    let fence = any::<Index>;
    let claim = (
        0..KEYS,
        0_u128..3,
        0..SUBJECTS,
        vec(0_u8..2, 0..3),
        // An entity nearly always, and one that stays known for long mostly.
        weighted(
            0.8,
            (any::<bool>(), prop_oneof![1 => time(), 3 => Just(LONGEST)]),
        ),
        time(),
        // Few bytes, so that they come again.
        prop_oneof![0_u64..3, Just(u64::MAX)],
    );
    let claim = claim.prop_map(
        |(key, owner, subject, aliases, about, lease, fingerprint)| {
            let about = about.map(|(run, keep)| About { subject, run, keep });
            Claiming {
                key,
                owner,
                aliases: aliases
                    .into_iter()
                    .map(|alias| subject * 2 + alias)
                    .collect(),
                subject: about,
                lease,
                fingerprint,
            }
        },
    );
    let op = prop_oneof![
        8 => claim.prop_map(Op::Claim),
        1 => (0..KEYS, fence(), time()).prop_map(|(key, at, lease)| Op::Extend(key, at, lease)),
        3 => (0..KEYS, fence(), time()).prop_map(|(key, at, time)| Op::Complete(key, at, time)),
        2 => (0..KEYS, fence()).prop_map(|(key, at)| Op::Release(key, at)),
        1 => (0..KEYS).prop_map(Op::Forget),
        1 => (0..ALIASES).prop_map(Op::ForgetAlias),
        1 => (0..SUBJECTS).prop_map(Op::ForgetSubject),
        4 => time().prop_map(Op::Advance),
        1 => (0_usize..4).prop_map(Op::Purge),
        1 => Just(Op::Crash),
    ];
    vec(op, 1..80)
}
