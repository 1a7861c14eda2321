//! A claim, decided and written in one step over the locked shards.

// docs/decisions.md: D6, D7.

use core::time::Duration;

use smallvec::SmallVec;

use super::{
    hold::{Hold, Waiters},
    locked::{Locked, Missing},
    occupancy::Rows,
    place::{Place, Placer, ShardSet},
    row::{Pointer, Run, Slot},
    shard::State,
};
use crate::store::{
    Claim, ClaimRequest, Claimed, ROWS_OF_AN_ALIAS,
    rule::{Found, Granted, Rule},
};

type Places = SmallVec<[Place; 2]>;

/// A claim that is being decided, at one moment.
pub(super) struct Attempt<'a> {
    request: &'a ClaimRequest<'a>,
    key: Place,
    aliases: Places,
    subject: Option<Place>,
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
    /// A row in flight whose lease has run out, and its hold.
    Lapsed(Slot, Pointer, u32),
}

/// What is to be written.
struct Plan {
    own: Own,
    granted: Granted,
    /// The aliases of the row that is taken over. They follow it, so that a replay of what the earlier
    /// holder was given is still known when the later one is done.
    inherited: Places,
    /// Rows of aliases that say nothing any more, or no more than those that are kept.
    surplus: SmallVec<[(u8, Slot); 2]>,
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
            subject: request.subject.map(|subject| placer.place(&subject.key)),
            now,
        }
    }

    pub(super) const fn key(&self) -> &Place {
        &self.key
    }

    pub(super) const fn now(&self) -> Duration {
        self.now
    }

    /// `steps` for the key and two for each other row: what a claim reclaims in return for what it
    /// adds.
    pub(super) fn steps(&self, steps: usize) -> usize {
        let others = self.aliases.len().saturating_add(self.subject.iter().len());
        steps.saturating_add(others.saturating_mul(2))
    }

    /// The shards of the key, its aliases and its subject; more may turn out to be needed.
    pub(super) fn shards(&self) -> ShardSet {
        let own = ShardSet::default().with(self.key.shard);
        self.aliases
            .iter()
            .chain(&self.subject)
            .fold(own, |set, place| set.with(place.shard))
    }

    /// Decides, and writes when the key is claimed. Until then nothing is written, so it can be
    /// asked again with more shards.
    pub(super) fn decide(
        &self,
        locked: &mut Locked<'_>,
        placer: Placer,
        rows: &Rows,
    ) -> Result<Decision, Missing> {
        let (own, found) = self.own(locked)?;
        let mut rule = match Rule::new(self.request, found) {
            Ok(rule) => rule,
            Err(answer) => return Ok(Decision::Answer(answer)),
        };
        if let Some(subject) = &self.subject
            && let Some(last) = locked.shard(subject.shard)?.last(subject, self.now)
        {
            rule.last_of_subject(last.fingerprint, last.run.get());
        }
        let surplus = self.look_at_aliases(locked, &mut rule)?;
        let granted = match rule.decide() {
            Ok(granted) => granted,
            Err(answer) => return Ok(Decision::Answer(answer)),
        };
        let plan = Plan {
            own,
            granted,
            inherited: self.inherited(locked, placer, own)?,
            surplus,
        };
        let (new, old) = (self.new_rows(locked, own)?, plan.surplus.len());
        if !self.has_room(locked, new)? || !rows.reserve(new.saturating_sub(old)) {
            return Ok(Decision::Full);
        }
        rows.give_back(old.saturating_sub(new));
        self.write(locked, &plan)
    }

    /// What is under the key itself.
    fn own(&self, locked: &mut Locked<'_>) -> Result<(Own, Found), Missing> {
        let shard = locked.shard(self.key.shard)?;
        let Some(slot) = shard.find(&self.key) else {
            return Ok((Own::Nothing, Found::Nothing));
        };
        let own = match shard.state(slot, self.now) {
            State::Lapsed { fence, at } => {
                Own::Lapsed(slot, Pointer::new(self.key.shard, slot, fence), at)
            }
            // A live one decides, and is not overwritten.
            State::Held { .. } | State::Completed { .. } | State::Absent => Own::Ended(slot),
        };
        Ok((own, shard.found(slot, self.now)))
    }

    /// Judges the rows that have the aliases, and says which rows of aliases can go.
    fn look_at_aliases(
        &self,
        locked: &mut Locked<'_>,
        rule: &mut Rule<'_>,
    ) -> Result<SmallVec<[(u8, Slot); 2]>, Missing> {
        let mut surplus = SmallVec::new();
        for alias in &self.aliases {
            let mut done = SmallVec::<[(u64, Slot); 2]>::new();
            for (slot, pointer, run) in locked.shard(alias.shard)?.aliases(alias) {
                let shard = locked.shard(pointer.shard())?;
                let (found, until) = shard.found_behind(pointer, self.now);
                let run = (run != Run::new(0)).then_some(run.get());
                rule.row_with_alias(run, found);
                match found {
                    Found::Completed { .. } => done.push((until, slot)),
                    Found::Nothing => surplus.push((alias.shard, slot)),
                    Found::Held { .. } | Found::Lapsed { .. } => {}
                }
            }
            if done.len() > ROWS_OF_AN_ALIAS {
                done.sort_unstable();
                done.truncate(done.len().saturating_sub(ROWS_OF_AN_ALIAS));
                surplus.extend(done.into_iter().map(|(_, slot)| (alias.shard, slot)));
            }
        }
        Ok(surplus)
    }

    fn inherited(
        &self,
        locked: &mut Locked<'_>,
        placer: Placer,
        own: Own,
    ) -> Result<Places, Missing> {
        let Own::Lapsed(_, _, at) = own else {
            return Ok(Places::new());
        };
        let Some(hold) = locked.shard(self.key.shard)?.hold(at) else {
            return Ok(Places::new());
        };
        let aliases: Places = hold.aliases.iter().map(|key| placer.place(key)).collect();
        for alias in &aliases {
            locked.shard(alias.shard)?;
        }
        Ok(aliases)
    }

    fn new_rows(&self, locked: &mut Locked<'_>, own: Own) -> Result<usize, Missing> {
        let mut new_rows = usize::from(matches!(own, Own::Nothing));
        for alias in &self.aliases {
            let shard = locked.shard(alias.shard)?;
            let has = match own {
                Own::Lapsed(_, pointer, _) => shard.find_alias(alias, pointer).is_some(),
                Own::Nothing | Own::Ended(_) => false,
            };
            new_rows = new_rows.saturating_add(usize::from(!has));
        }
        if let Some(subject) = &self.subject {
            let known = locked.shard(subject.shard)?.has_subject(subject);
            new_rows = new_rows.saturating_add(usize::from(!known));
        }
        Ok(new_rows)
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

    fn write(&self, locked: &mut Locked<'_>, plan: &Plan) -> Result<Decision, Missing> {
        let (request, granted) = (self.request, plan.granted);
        for (shard, slot) in &plan.surplus {
            locked.shard(*shard)?.remove(*slot);
        }
        let lease_until = self.now.saturating_add(request.lease);
        let run = match (&self.subject, request.subject) {
            (Some(place), Some(subject)) => {
                let keep = self.now.saturating_add(subject.keep);
                let shard = locked.shard(place.shard)?;
                shard.claim_subject(place, request.fingerprint, self.now, keep)
            }
            _ => Run::new(0),
        };
        let shard = locked.shard(self.key.shard)?;
        let fence = shard.next_fence();
        let mut hold = Hold {
            slot: 0,
            key: self.key.key,
            owner: request.owner,
            lease_until,
            fingerprint: request.fingerprint,
            attempt: granted.attempt,
            recurrence: granted.recurrence,
            aliases: self.aliases.iter().map(|alias| alias.key).collect(),
            waiters: Waiters::default(),
        };
        let claimed = hold.claimed(fence);
        let mut waiters = Waiters::default();
        let slot = match plan.own {
            Own::Lapsed(slot, _, at) => {
                let Some(old) = shard.hold_mut(at) else {
                    return Ok(Decision::Full);
                };
                waiters = old.waiters.take();
                hold.slot = slot;
                hold.adopt(&old.aliases);
                *old = hold;
                shard.set_fence(slot, fence);
                Some(slot)
            }
            Own::Ended(old) => shard.put_in_flight(&self.key, Some(old), fence, hold),
            Own::Nothing => shard.put_in_flight(&self.key, None, fence, hold),
        };
        let Some(slot) = slot else {
            return Ok(Decision::Full);
        };
        let to = Pointer::new(self.key.shard, slot, fence);
        if let Own::Lapsed(_, from, _) = plan.own {
            for alias in &plan.inherited {
                locked.shard(alias.shard)?.follow(alias, from, to);
            }
        }
        for alias in &self.aliases {
            let shard = locked.shard(alias.shard)?;
            shard.point(alias, to, run, lease_until);
        }
        Ok(Decision::Claimed(claimed, waiters))
    }
}
