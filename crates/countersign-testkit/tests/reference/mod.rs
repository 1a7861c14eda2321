//! A plain store under one lock, right unless it is told to be wrong in one way.

use core::{future::poll_fn, task::Poll, time::Duration};
use std::sync::{Mutex, MutexGuard};

use countersign_core::{
    Capabilities, Claim, ClaimRequest, Claimed, Clock, DedupStore, DeliveryKey, Fence, Fenced,
    KeyState, OnRepeat, Recurrence, StoreError,
};
use countersign_testkit::ManualClock;

mod flaw;
mod tables;

pub(crate) use self::flaw::Flaw;
use self::tables::{Last, Row, Tables};

pub(crate) struct ReferenceStore {
    flaw: Flaw,
    clock: ManualClock,
    capacity: usize,
    tables: Mutex<Tables>,
}

/// What a look found out.
struct Look {
    attempt: u32,
    recurrence: Recurrence,
    /// The run that the claim goes on with.
    run: Option<u64>,
}

impl ReferenceStore {
    pub(crate) fn new(flaw: Flaw, clock: ManualClock, capacity: usize) -> Self {
        Self {
            flaw,
            clock,
            capacity,
            tables: Mutex::new(Tables::default()),
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }

    fn subject(&self, key: DeliveryKey) -> DeliveryKey {
        match self.flaw {
            Flaw::OneSubjectForAll => DeliveryKey::from_bytes([7; 32]),
            _ => key,
        }
    }

    /// Decides without writing: an answer, or what is to be written.
    fn look(&self, request: &ClaimRequest<'_>) -> Result<Look, Claim> {
        let now = self.clock.elapsed();
        let tables = self.tables();
        let mut look = Look {
            attempt: 1,
            recurrence: Recurrence::None,
            run: None,
        };
        let mut before = Recurrence::None;
        match tables.rows.get(&request.key) {
            Some(row) if row.live(now) && row.done => {
                return Err(Claim::Completed {
                    fingerprint: row.fingerprint,
                });
            }
            Some(row) if row.live(now) && row.owner == request.owner => {
                return Err(Claim::Claimed(row.claimed));
            }
            Some(row) if row.live(now) => return Err(row.in_flight(request.key, now)),
            Some(row) if !row.done => {
                look.attempt = row.claimed.attempt + 1;
                before = row.claimed.recurrence;
            }
            Some(_) | None => {}
        }
        if let Some(subject) = request.subject
            && let Some(last) = tables.subjects.get(&self.subject(subject.key))
            && now < last.until
            && last.fingerprint == request.fingerprint
        {
            look.run = Some(last.run);
        }
        let suppresses = request
            .subject
            .is_some_and(|subject| subject.on_repeat == OnRepeat::Suppress);
        let mut held = None;
        let rows = request.aliases.iter();
        let rows = rows.filter_map(|name| tables.aliases.get(name)).flatten();
        for (on, run) in rows.filter(|(on, _)| *on != request.key) {
            match tables.rows.get(on) {
                None if self.flaw == Flaw::TrustsAliases && suppresses => {
                    return Err(Claim::Suppressed);
                }
                Some(row) if row.live(now) => {
                    let repeats = request.subject.is_none()
                        || (look.run.is_some() && look.run == *run)
                        || self.flaw == Flaw::SuppressesByAliasAlone;
                    if repeats && suppresses && row.done {
                        return Err(Claim::Suppressed);
                    }
                    if repeats && suppresses {
                        held.get_or_insert(row.in_flight(*on, now));
                    }
                    look.known(repeats);
                }
                Some(_) | None => {}
            }
        }
        if look.recurrence == Recurrence::None && self.flaw != Flaw::ForgetsRecurrence {
            look.recurrence = before;
        }
        held.map_or(Ok(look), Err)
    }

    fn write(&self, request: &ClaimRequest<'_>, look: &Look) -> Result<Claim, StoreError> {
        let now = self.clock.elapsed();
        let mut tables = self.tables();
        let tables = &mut *tables;
        tables.sweep(now, self.flaw);
        let subject = request.subject.map(|subject| self.subject(subject.key));
        let new_subject = subject.is_some_and(|subject| !tables.subjects.contains_key(&subject));
        let new = usize::from(!tables.rows.contains_key(&request.key))
            + request
                .aliases
                .iter()
                .filter(|alias| !tables.has(&request.key, alias))
                .count()
            + usize::from(new_subject && self.flaw != Flaw::SubjectsAreFree);
        if tables.count(self.flaw) + new > self.capacity {
            let oldest = tables.rows.iter().filter(|(_, row)| row.done);
            let oldest = oldest.min_by_key(|(_, row)| row.claimed.fence);
            match oldest.map(|(key, _)| *key) {
                Some(key) if self.flaw == Flaw::EvictsWhenFull => tables.remove(&key),
                _ => return Err(StoreError::full()),
            }
        }
        if look.attempt == 1 || self.flaw != Flaw::ReusesFences {
            tables.fence += 1;
        }
        let claimed = Claimed {
            fence: Fence::from_u64(tables.fence),
            attempt: look.attempt,
            takeover: look.attempt > 1,
            recurrence: look.recurrence,
        };
        let run = look.run.unwrap_or(tables.fence);
        let mut later = None;
        if let Some((key, subject)) = subject.zip(request.subject) {
            let known = tables.subjects.get(&key).copied();
            let keep = now + subject.keep;
            let last = Last {
                fingerprint: request.fingerprint,
                run,
                until: match known {
                    Some(known) if self.flaw != Flaw::KeepsForTheLatest => known.until.max(keep),
                    Some(_) | None => keep,
                },
                first: known.map_or(request.key, |known| known.first),
            };
            if self.flaw == Flaw::SubjectAtCompletion {
                later = Some((key, last));
            } else {
                tables.subjects.insert(key, last);
            }
        }
        let row = Row {
            done: false,
            until: now + request.lease,
            owner: request.owner,
            claimed,
            fingerprint: request.fingerprint,
            later,
        };
        tables.rows.insert(request.key, row);
        for name in request.aliases {
            let rows = tables.aliases.entry(*name).or_default();
            rows.retain(|(on, _)| *on != request.key);
            match self.flaw {
                Flaw::OneRowAnAlias => rows.clear(),
                Flaw::FirstRowOfAnAlias if !rows.is_empty() => continue,
                _ => {}
            }
            rows.push((request.key, subject.map(|_| run)));
        }
        Ok(Claim::Claimed(claimed))
    }

    /// Changes a row in flight that is the caller's.
    fn change(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        change: impl FnOnce(&mut Tables, Duration) -> Fenced,
    ) -> Fenced {
        let now = self.clock.elapsed();
        let mut tables = self.tables();
        match tables.rows.get(key) {
            Some(row) if row.done && !row.live(now) => Fenced::Lost,
            Some(row) if row.claimed.fence == fence || self.flaw == Flaw::IgnoresFences => {
                change(&mut tables, now)
            }
            Some(_) | None => Fenced::Lost,
        }
    }
}

impl Look {
    fn known(&mut self, repeats: bool) {
        if repeats {
            self.recurrence = Recurrence::Repeat;
        } else if self.recurrence == Recurrence::None {
            self.recurrence = Recurrence::Return;
        }
    }
}

async fn let_others_run() {
    let mut ran = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if core::mem::replace(&mut ran, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

impl DedupStore for ReferenceStore {
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claim, StoreError> {
        if self.flaw == Flaw::SubjectEndsWithFirstRow {
            let now = self.clock.elapsed();
            self.tables().sweep(now, self.flaw);
        }
        let mut decided = self.look(&request);
        match self.flaw {
            Flaw::ChecksThenActs => let_others_run().await,
            Flaw::SubjectNotAtomic => {
                let run = decided.as_ref().ok().map(|look| look.run);
                let_others_run().await;
                // All else is judged anew; what was claimed last of the entity is not.
                decided = self.look(&request);
                if let (Ok(look), Some(run)) = (&mut decided, run) {
                    look.run = run;
                }
            }
            _ => {}
        }
        match decided {
            Ok(look) => self.write(&request, &look),
            Err(Claim::Suppressed) if self.flaw == Flaw::WritesSuppressed => {
                let look = Look {
                    attempt: 1,
                    recurrence: Recurrence::None,
                    run: None,
                };
                self.write(&request, &look)?;
                Ok(Claim::Suppressed)
            }
            Err(claim) => Ok(claim),
        }
    }

    async fn extend(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> Result<Fenced, StoreError> {
        Ok(
            self.change(key, fence, |tables, now| match tables.rows.get_mut(key) {
                Some(row) if !row.done => {
                    row.until = now + lease;
                    Fenced::Applied
                }
                _ => Fenced::Lost,
            }),
        )
    }

    async fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> Result<Fenced, StoreError> {
        Ok(self.change(key, fence, |tables, now| {
            let later = tables.rows.get_mut(key).and_then(|row| row.later.take());
            tables.subjects.extend(later);
            if let Some(row) = tables.rows.get_mut(key) {
                row.done = true;
                if self.flaw != Flaw::ForgetsEarly {
                    row.until = now + retention;
                }
            }
            Fenced::Applied
        }))
    }

    async fn release(&self, key: &DeliveryKey, fence: Fence) -> Result<Fenced, StoreError> {
        Ok(self.change(key, fence, |tables, _| {
            if tables.rows.get(key).is_some_and(|row| row.done) {
                return Fenced::Lost;
            }
            match self.flaw {
                Flaw::TrustsAliases => {
                    tables.rows.remove(key);
                }
                Flaw::KeepsReleasedAliases => {
                    for rows in tables.aliases.values_mut() {
                        let run = rows.iter().find(|(on, _)| on == key).map(|(_, run)| *run);
                        if let Some(run) = run {
                            rows.iter_mut().for_each(|row| row.1 = run);
                        }
                    }
                    tables.remove(key);
                }
                _ => tables.remove(key),
            }
            Fenced::Applied
        }))
    }

    async fn state(&self, key: &DeliveryKey) -> Result<KeyState, StoreError> {
        let now = self.clock.elapsed();
        Ok(match self.tables().rows.get(key) {
            Some(row) if !row.done => KeyState::InFlight {
                remaining: row.until.saturating_sub(now),
            },
            Some(row) if row.live(now) => KeyState::Completed,
            Some(_) | None => KeyState::Absent,
        })
    }

    async fn forget(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let there = tables.rows.contains_key(key);
        tables.remove(key);
        let subject = self.subject(*key);
        let alias = tables.aliases.remove(key).is_some();
        Ok(tables.subjects.remove(&subject).is_some() || alias || there)
    }

    async fn purge(&self, _limit: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::IN_PROCESS
    }
}
