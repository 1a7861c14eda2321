//! Several shards locked at once, always in ascending order.

use smallvec::SmallVec;

use super::{
    place::ShardSet,
    shard::Shard,
    sync::{Mutex, MutexGuard, lock},
};

/// The shards that one operation has locked.
///
/// An operation may learn from a locked shard that it needs another one. It must not lock that one
/// then, which could be out of order; it gives all back and begins again with the larger set. The
/// set only grows, so this ends.
pub(super) struct Locked<'a> {
    guards: SmallVec<[(u8, MutexGuard<'a, Shard>); 2]>,
}

/// A shard that is needed and not locked.
#[derive(Clone, Copy)]
pub(super) struct Missing(pub(super) u8);

impl<'a> Locked<'a> {
    pub(super) fn new(shards: &'a [Mutex<Shard>], set: ShardSet) -> Self {
        let guards = set
            .iter()
            .filter_map(|id| Some((id, lock(shards.get(usize::from(id))?))))
            .collect();
        Self { guards }
    }

    pub(super) fn shard(&mut self, id: u8) -> Result<&mut Shard, Missing> {
        self.guards
            .iter_mut()
            .find(|(locked, _)| *locked == id)
            .map(|(_, guard)| &mut **guard)
            .ok_or(Missing(id))
    }

    /// Unlocks all but one.
    pub(super) fn keep(self, id: u8) -> Option<MutexGuard<'a, Shard>> {
        self.guards
            .into_iter()
            .find(|(locked, _)| *locked == id)
            .map(|(_, guard)| guard)
    }
}
