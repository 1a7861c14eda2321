//! The one decision of a store: who gets a key.

use core::time::Duration;

use smallvec::SmallVec;

use super::{
    hold::{Hold, Waiters},
    locked::{Locked, Missing},
    occupancy::Rows,
    place::{Place, Placer, ShardSet},
    row::{Pointer, Slot},
    shard::State,
};
use crate::{Claim, ClaimRequest, Claimed, DeliveryKey, OnAlias};

type Places = SmallVec<[Place; 2]>;

/// A claim that is being decided, at one moment.
pub(super) struct Attempt<'a> {
    request: &'a ClaimRequest<'a>,
    key: Place,
    aliases: Places,
    now: Duration,
}

/// What became of an attempt.
pub(super) enum Decision {
    Answer(Claim),
    /// Claimed; the tasks that waited for an earlier holder have to look again.
    Claimed(Claimed, Waiters),
    /// There is no room. Nothing was written.
    Full,
}

/// What is under the claimed key, as far as a claim may overwrite it.
#[derive(Clone, Copy)]
enum Own {
    Nothing,
    /// A done row past its time.
    Ended(Slot),
    /// A row in flight whose lease has run out: where it is, its fence and its hold.
    Lapsed(Slot, u64, u32),
}

impl<'a> Attempt<'a> {
    pub(super) fn new(request: &'a ClaimRequest<'a>, placer: Placer, now: Duration) -> Self {
        let mut aliases = Places::new();
        for alias in request.aliases {
            if !aliases.iter().any(|known| known.key == *alias) {
                aliases.push(placer.place(alias));
            }
        }
        Self {
            request,
            key: placer.place(&request.key),
            aliases,
            now,
        }
    }

    pub(super) const fn key(&self) -> &Place {
        &self.key
    }

    pub(super) const fn now(&self) -> Duration {
        self.now
    }

    /// `steps` for the key and two for each alias: what a claim reclaims in return for what it adds.
    pub(super) fn steps(&self, steps: usize) -> usize {
        steps.saturating_add(self.aliases.len().saturating_mul(2))
    }

    /// The shards of the key and its aliases; more may turn out to be needed.
    pub(super) fn shards(&self) -> ShardSet {
        let own = ShardSet::default().with(self.key.shard);
        self.aliases
            .iter()
            .fold(own, |set, alias| set.with(alias.shard))
    }

    /// Decides, and writes when the key is claimed. Until then nothing is written, so it can be
    /// asked again with more shards.
    pub(super) fn decide(
        &self,
        locked: &mut Locked<'_>,
        placer: Placer,
        rows: &Rows,
    ) -> Result<Decision, Missing> {
        let own = match self.own(locked)? {
            Ok(own) => own,
            Err(decided) => return Ok(decided),
        };
        let mut open = Places::new();
        let alias_known = match self.look_at_aliases(locked, &mut open)? {
            Ok(known) => known,
            Err(decided) => return Ok(Decision::Answer(decided)),
        };
        let old_aliases = self.old_aliases(locked, placer, &own)?;

        let mut new_rows = usize::from(matches!(own, Own::Nothing));
        for alias in &open {
            let known = locked.shard(alias.shard)?.find_alias(alias).is_some();
            new_rows = new_rows.saturating_add(usize::from(!known));
        }
        if !self.has_room(locked, new_rows)? || !rows.reserve(new_rows) {
            return Ok(Decision::Full);
        }
        self.write(locked, own, &open, &old_aliases, alias_known)
    }

    /// Judges the row under the key itself: `Err` is an answer.
    fn own(&self, locked: &mut Locked<'_>) -> Result<Result<Own, Decision>, Missing> {
        let shard = locked.shard(self.key.shard)?;
        let Some(slot) = shard.find(&self.key) else {
            return Ok(Ok(Own::Nothing));
        };
        Ok(match shard.state(slot, self.now) {
            State::Held { fence, hold, .. } if hold.owner == self.request.owner => {
                Err(Decision::Answer(Claim::Claimed(hold.claimed(fence))))
            }
            State::Held {
                hold, remaining, ..
            } => Err(Decision::Answer(Claim::InFlight {
                on: self.key.key,
                remaining,
                fingerprint: hold.fingerprint,
            })),
            State::Completed { fingerprint } => {
                Err(Decision::Answer(Claim::Completed { fingerprint }))
            }
            State::Lapsed { fence, at } => Ok(Own::Lapsed(slot, fence, at)),
            State::Absent => Ok(Own::Ended(slot)),
        })
    }

    /// Judges the rows that aliases point to: `Err` is an answer, else whether one was known.
    /// Aliases that may point to the new row are put into `open`.
    fn look_at_aliases(
        &self,
        locked: &mut Locked<'_>,
        open: &mut Places,
    ) -> Result<Result<bool, Claim>, Missing> {
        let mut in_flight = None;
        let mut known = false;
        for alias in &self.aliases {
            match self.behind(locked, alias)? {
                None => open.push(*alias),
                Some(_) if self.request.on_alias == OnAlias::Run => known = true,
                // A completed row decides at once, an in-flight one only when there is no other.
                Some(Claim::Completed { .. }) => return Ok(Err(Claim::Suppressed)),
                Some(answer) => in_flight = in_flight.or(Some(answer)),
            }
        }
        Ok(match in_flight {
            Some(answer) => Err(answer),
            None => Ok(known),
        })
    }

    /// What a live row of another key says that an alias points to.
    fn behind(&self, locked: &mut Locked<'_>, alias: &Place) -> Result<Option<Claim>, Missing> {
        let Some((_, pointer)) = locked.shard(alias.shard)?.find_alias(alias) else {
            return Ok(None);
        };
        let shard = locked.shard(pointer.shard())?;
        let Some(on) = shard.target(pointer).filter(|key| *key != self.key.key) else {
            return Ok(None);
        };
        Ok(match shard.state(pointer.slot(), self.now) {
            State::Held {
                hold, remaining, ..
            } => Some(Claim::InFlight {
                on,
                remaining,
                fingerprint: hold.fingerprint,
            }),
            State::Completed { fingerprint } => Some(Claim::Completed { fingerprint }),
            State::Lapsed { .. } | State::Absent => None,
        })
    }

    /// The aliases of the row that is taken over. They follow it, so that a replay of what the
    /// earlier holder was given is still known when the later one is done.
    fn old_aliases(
        &self,
        locked: &mut Locked<'_>,
        placer: Placer,
        own: &Own,
    ) -> Result<Places, Missing> {
        let Own::Lapsed(_, _, at) = own else {
            return Ok(Places::new());
        };
        let Some(hold) = locked.shard(self.key.shard)?.hold(*at) else {
            return Ok(Places::new());
        };
        let aliases: Places = hold.aliases.iter().map(|key| placer.place(key)).collect();
        for alias in &aliases {
            locked.shard(alias.shard)?;
        }
        Ok(aliases)
    }

    /// Whether every shard that is written to can take all new rows, which it nearly always can.
    fn has_room(&self, locked: &mut Locked<'_>, new_rows: usize) -> Result<bool, Missing> {
        for shard in self.shards().iter() {
            if !locked.shard(shard)?.has_room(new_rows) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn write(
        &self,
        locked: &mut Locked<'_>,
        own: Own,
        open: &[Place],
        old_aliases: &[Place],
        alias_known: bool,
    ) -> Result<Decision, Missing> {
        let lease_until = self.now.saturating_add(self.request.lease);
        let aliases = open.iter().map(|alias| alias.key);
        let shard = locked.shard(self.key.shard)?;
        let fence = shard.next_fence();
        let mut waiters = Waiters::default();
        let mut attempt = 1;
        let (slot, old) = match own {
            Own::Lapsed(slot, old_fence, at) => {
                shard.set_fence(slot, fence);
                if let Some(hold) = shard.hold_mut(at) {
                    waiters = hold.waiters.take();
                    attempt = hold.attempt.saturating_add(1);
                    hold.attempt = attempt;
                    hold.owner = self.request.owner;
                    hold.lease_until = lease_until;
                    hold.fingerprint = self.request.fingerprint;
                    hold.alias_known = alias_known;
                    hold.adopt(aliases);
                }
                (
                    Some(slot),
                    Some(Pointer::new(self.key.shard, slot, old_fence)),
                )
            }
            Own::Nothing | Own::Ended(_) => {
                let old = match own {
                    Own::Ended(slot) => Some(slot),
                    Own::Nothing | Own::Lapsed(..) => None,
                };
                let hold = Hold {
                    slot: 0,
                    owner: self.request.owner,
                    lease_until,
                    fingerprint: self.request.fingerprint,
                    attempt,
                    alias_known,
                    aliases: aliases.collect(),
                    waiters: Waiters::default(),
                };
                (shard.put_in_flight(&self.key, old, fence, hold), None)
            }
        };
        let Some(slot) = slot else {
            return Ok(Decision::Full);
        };
        let to = Pointer::new(self.key.shard, slot, fence);
        for alias in old_aliases {
            let shard = locked.shard(alias.shard)?;
            if shard.find_alias(alias).map(|(_, pointer)| pointer) == old {
                shard.point(alias, to, lease_until);
            }
        }
        for alias in open {
            locked.shard(alias.shard)?.point(alias, to, lease_until);
        }
        let claimed = Claimed {
            fence: crate::Fence::from_u64(fence),
            attempt,
            takeover: attempt > 1,
            alias_known,
        };
        Ok(Decision::Claimed(claimed, waiters))
    }
}

impl Hold {
    /// The claim as it was granted.
    fn claimed(&self, fence: u64) -> Claimed {
        Claimed {
            fence: crate::Fence::from_u64(fence),
            attempt: self.attempt,
            takeover: self.attempt > 1,
            alias_known: self.alias_known,
        }
    }

    fn adopt(&mut self, aliases: impl Iterator<Item = DeliveryKey>) {
        for alias in aliases {
            if !self.aliases.contains(&alias) {
                self.aliases.push(alias);
            }
        }
    }
}
