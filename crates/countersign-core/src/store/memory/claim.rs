//! The one decision of a store: who gets a key.

use core::time::Duration;

use smallvec::SmallVec;

use super::{
    hold::{HeldAlias, Hold, Waiters},
    locked::{Locked, Missing},
    occupancy::Rows,
    place::{Place, Placer, ShardSet},
    row::{Pointer, Run, Slot},
    shard::{Last, State},
};
use crate::store::{Claim, ClaimRequest, Claimed, OnRepeat, Recurrence};

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
    /// A row in flight whose lease has run out: where it is, its fence and its hold.
    Lapsed(Slot, u64, u32),
}

/// What is behind an alias.
enum Behind {
    /// Nothing that lives.
    Nothing,
    /// The claimed key's own row, whose lease has run out.
    Own,
    /// A row in flight whose lease has run out, and the completed one that it took the alias from.
    Lapsed(Option<Pointer>),
    /// A live row of another key.
    Live {
        run: Run,
        /// What a repeat is answered.
        answer: Claim,
        /// The completed row to give the alias back to.
        done: Option<Pointer>,
    },
}

/// What the aliases of a claim say.
#[derive(Default)]
struct Aliases {
    recurrence: Recurrence,
    /// Those that are to point to the claimed row.
    open: SmallVec<[Open; 2]>,
}

/// An alias that is to point to the claimed row.
struct Open {
    place: Place,
    /// The completed row that it is taken from.
    was: Option<Pointer>,
    /// It points to the claimed row already.
    own: bool,
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
        let own = match self.own(locked)? {
            Ok(own) => own,
            Err(decided) => return Ok(decided),
        };
        let last = match &self.subject {
            Some(subject) => locked.shard(subject.shard)?.last(subject, self.now),
            None => None,
        };
        let aliases = match self.look_at_aliases(locked, last)? {
            Ok(aliases) => aliases,
            Err(decided) => return Ok(Decision::Answer(decided)),
        };
        let old_aliases = self.old_aliases(locked, placer, &own)?;

        let mut new_rows = usize::from(matches!(own, Own::Nothing));
        for Open { place, .. } in &aliases.open {
            let known = locked.shard(place.shard)?.find_alias(place).is_some();
            new_rows = new_rows.saturating_add(usize::from(!known));
        }
        if let Some(subject) = &self.subject {
            let known = locked.shard(subject.shard)?.has_subject(subject);
            new_rows = new_rows.saturating_add(usize::from(!known));
        }
        if !self.has_room(locked, new_rows)? || !rows.reserve(new_rows) {
            return Ok(Decision::Full);
        }
        self.write(locked, own, &aliases, &old_aliases)
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

    /// Judges the rows that aliases point to: `Err` is an answer.
    fn look_at_aliases(
        &self,
        locked: &mut Locked<'_>,
        last: Option<Last>,
    ) -> Result<Result<Aliases, Claim>, Missing> {
        let suppresses = self
            .request
            .subject
            .is_some_and(|subject| subject.on_repeat == OnRepeat::Suppress);
        // The run of the subject, if this claim goes on with it.
        let run = last
            .filter(|last| last.fingerprint == self.request.fingerprint)
            .map(|last| last.run);
        let mut aliases = Aliases::default();
        let mut in_flight = None;
        for alias in &self.aliases {
            let mut own = false;
            let was = match self.behind(locked, alias)? {
                Behind::Own => {
                    own = true;
                    None
                }
                Behind::Nothing | Behind::Lapsed(None) => None,
                Behind::Lapsed(was) => {
                    aliases.known(self.subject.is_none());
                    was
                }
                Behind::Live {
                    run: claimed,
                    answer,
                    done,
                } => {
                    let repeats = self.subject.is_none() || run == Some(claimed);
                    match answer {
                        // A completed row decides at once, one in flight only when there is no other.
                        Claim::Completed { .. } if repeats && suppresses => {
                            return Ok(Err(Claim::Suppressed));
                        }
                        answer if repeats && suppresses => {
                            in_flight = in_flight.or(Some(answer));
                        }
                        _ => {}
                    }
                    aliases.known(repeats);
                    if repeats {
                        continue;
                    }
                    done
                }
            };
            aliases.open.push(Open {
                place: *alias,
                was,
                own,
            });
        }
        Ok(match in_flight {
            Some(answer) => Err(answer),
            None => Ok(aliases),
        })
    }

    /// What an alias points to.
    fn behind(&self, locked: &mut Locked<'_>, alias: &Place) -> Result<Behind, Missing> {
        let Some((_, pointer, run)) = locked.shard(alias.shard)?.find_alias(alias) else {
            return Ok(Behind::Nothing);
        };
        let shard = locked.shard(pointer.shard())?;
        if !shard.is_target(pointer) {
            return Ok(Behind::Nothing);
        }
        let (answer, done, was) = match shard.state(pointer.slot(), self.now) {
            State::Completed { fingerprint } => {
                let answer = Claim::Completed { fingerprint };
                (Some(answer), Some(pointer), None)
            }
            State::Held {
                hold, remaining, ..
            } => {
                let answer = Claim::InFlight {
                    on: hold.key,
                    remaining,
                    fingerprint: hold.fingerprint,
                };
                (Some(answer), None, hold.was(&alias.key))
            }
            State::Lapsed { at, .. } => match shard.hold(at) {
                Some(hold) if hold.key == self.key.key => return Ok(Behind::Own),
                hold => (None, None, hold.and_then(|hold| hold.was(&alias.key))),
            },
            State::Absent => return Ok(Behind::Nothing),
        };
        let was = match was {
            Some(was) if locked.shard(was.shard())?.is_done(was, self.now) => Some(was),
            Some(_) | None => None,
        };
        Ok(match answer {
            Some(answer) => Behind::Live {
                run,
                answer,
                done: done.or(was),
            },
            None => Behind::Lapsed(was),
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
        let place = |alias: &HeldAlias| placer.place(&alias.key);
        let aliases: Places = hold.aliases.iter().map(place).collect();
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
        aliases: &Aliases,
        old_aliases: &[Place],
    ) -> Result<Decision, Missing> {
        let request = self.request;
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
        let fresh = || Hold {
            slot: 0,
            key: self.key.key,
            owner: request.owner,
            lease_until,
            fingerprint: request.fingerprint,
            attempt: 1,
            recurrence: aliases.recurrence,
            aliases: aliases.open.iter().map(Open::held).collect(),
            waiters: Waiters::default(),
        };
        let mut waiters = Waiters::default();
        let (slot, old, claimed) = match own {
            Own::Lapsed(slot, old_fence, at) => {
                shard.set_fence(slot, fence);
                let Some(hold) = shard.hold_mut(at) else {
                    return Ok(Decision::Full);
                };
                waiters = hold.waiters.take();
                hold.attempt = hold.attempt.saturating_add(1);
                hold.owner = request.owner;
                hold.lease_until = lease_until;
                hold.fingerprint = request.fingerprint;
                if aliases.recurrence != Recurrence::None {
                    hold.recurrence = aliases.recurrence;
                }
                hold.adopt(&aliases.open);
                let old = Pointer::new(self.key.shard, slot, old_fence);
                (slot, Some(old), hold.claimed(fence))
            }
            Own::Nothing | Own::Ended(_) => {
                let old = match own {
                    Own::Ended(slot) => Some(slot),
                    Own::Nothing | Own::Lapsed(..) => None,
                };
                let hold = fresh();
                let claimed = hold.claimed(fence);
                match shard.put_in_flight(&self.key, old, fence, hold) {
                    Some(slot) => (slot, None, claimed),
                    None => return Ok(Decision::Full),
                }
            }
        };
        let to = Pointer::new(self.key.shard, slot, fence);
        for alias in old_aliases {
            let shard = locked.shard(alias.shard)?;
            if let Some((_, pointer, run)) = shard.find_alias(alias)
                && Some(pointer) == old
            {
                shard.point(alias, to, run, lease_until);
            }
        }
        for alias in &aliases.open {
            let shard = locked.shard(alias.place.shard)?;
            shard.point(&alias.place, to, run, lease_until);
        }
        Ok(Decision::Claimed(claimed, waiters))
    }
}

impl Aliases {
    fn known(&mut self, repeats: bool) {
        if repeats {
            self.recurrence = Recurrence::Repeat;
        } else if self.recurrence == Recurrence::None {
            self.recurrence = Recurrence::Return;
        }
    }
}

impl Open {
    fn held(&self) -> HeldAlias {
        HeldAlias {
            key: self.place.key,
            was: self.was,
        }
    }
}

impl Hold {
    /// The claim as it was granted.
    fn claimed(&self, fence: u64) -> Claimed {
        Claimed {
            fence: crate::store::Fence::from_u64(fence),
            attempt: self.attempt,
            takeover: self.attempt > 1,
            recurrence: self.recurrence,
        }
    }

    /// Adds aliases; those that point here already stay as they are.
    fn adopt(&mut self, open: &[Open]) {
        for alias in open.iter().filter(|alias| !alias.own) {
            self.aliases.retain(|held| held.key != alias.place.key);
            self.aliases.push(alias.held());
        }
    }
}
