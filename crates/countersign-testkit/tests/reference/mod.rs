//! A plain store under one lock, right unless it is told to be wrong in one way.

use core::{future::poll_fn, task::Poll, time::Duration};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use countersign_core::{
    Capabilities, Claim, ClaimRequest, Claimed, Clock, DedupStore, DeliveryKey, Fence, Fenced,
    KeyState, OnAlias, Owner, StoreError,
};
use countersign_testkit::ManualClock;

/// One way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Reads, lets others run, and only then writes.
    ChecksThenActs,
    /// Settles for whoever knows the key.
    IgnoresFences,
    /// Makes room by forgetting the oldest done row.
    EvictsWhenFull,
    /// Believes an alias whose row is gone.
    TrustsAliases,
    /// Lets a done row end with the lease.
    ForgetsEarly,
    /// Keeps the old fence at a takeover.
    ReusesFences,
    /// Writes a row for a suppressed replay.
    WritesSuppressed,
}

pub(crate) struct ReferenceStore {
    flaw: Flaw,
    clock: ManualClock,
    capacity: usize,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    rows: HashMap<DeliveryKey, Row>,
    aliases: HashMap<DeliveryKey, DeliveryKey>,
    fence: u64,
}

#[derive(Clone)]
struct Row {
    done: bool,
    until: Duration,
    owner: Owner,
    claimed: Claimed,
    fingerprint: Option<u64>,
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

    /// Decides without writing: an answer, or the attempt that the key is at and whether an alias is
    /// known.
    fn look(&self, request: &ClaimRequest<'_>) -> Result<(u32, bool), Claim> {
        let now = self.clock.elapsed();
        let tables = self.tables();
        let mut attempt = 1;
        match tables.rows.get(&request.key) {
            Some(row) if row.live(now) && row.done => {
                return Err(Claim::Completed {
                    fingerprint: row.fingerprint,
                });
            }
            Some(row) if row.live(now) && row.owner == request.owner => {
                return Err(Claim::Claimed(row.claimed));
            }
            Some(row) if row.live(now) => {
                return Err(Claim::InFlight {
                    on: request.key,
                    remaining: row.until - now,
                    fingerprint: row.fingerprint,
                });
            }
            Some(row) if !row.done => attempt = row.claimed.attempt + 1,
            Some(_) | None => {}
        }
        let mut known = false;
        for alias in request.aliases {
            let Some(on) = tables.aliases.get(alias).filter(|on| **on != request.key) else {
                continue;
            };
            match (tables.rows.get(on), request.on_alias) {
                (None, OnAlias::Suppress) if self.flaw == Flaw::TrustsAliases => {
                    return Err(Claim::Suppressed);
                }
                (Some(row), OnAlias::Suppress) if row.live(now) && row.done => {
                    return Err(Claim::Suppressed);
                }
                (Some(row), OnAlias::Suppress) if row.live(now) => {
                    return Err(Claim::InFlight {
                        on: *on,
                        remaining: row.until - now,
                        fingerprint: row.fingerprint,
                    });
                }
                (Some(row), _) if row.live(now) => known = true,
                _ => {}
            }
        }
        Ok((attempt, known))
    }

    fn write(
        &self,
        request: &ClaimRequest<'_>,
        attempt: u32,
        alias_known: bool,
    ) -> Result<Claim, StoreError> {
        let now = self.clock.elapsed();
        let mut tables = self.tables();
        let tables = &mut *tables;
        tables.sweep(now);
        let new = usize::from(!tables.rows.contains_key(&request.key))
            + request
                .aliases
                .iter()
                .filter(|alias| !tables.aliases.contains_key(*alias))
                .count();
        if tables.rows.len() + tables.aliases.len() + new > self.capacity {
            let oldest = tables.rows.iter().filter(|(_, row)| row.done);
            let oldest = oldest.min_by_key(|(_, row)| row.claimed.fence);
            match oldest.map(|(key, _)| *key) {
                Some(key) if self.flaw == Flaw::EvictsWhenFull => tables.remove(&key),
                _ => return Err(StoreError::full()),
            }
        }
        if attempt == 1 || self.flaw != Flaw::ReusesFences {
            tables.fence += 1;
        }
        let claimed = Claimed {
            fence: Fence::from_u64(tables.fence),
            attempt,
            takeover: attempt > 1,
            alias_known,
        };
        let row = Row {
            done: false,
            until: now + request.lease,
            owner: request.owner,
            claimed,
            fingerprint: request.fingerprint,
        };
        tables.rows.insert(request.key, row);
        for alias in request.aliases {
            let on = tables.aliases.get(alias);
            let free = on
                .and_then(|on| tables.rows.get(on))
                .is_none_or(|row| !row.live(now));
            if free {
                tables.aliases.insert(*alias, request.key);
            }
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

impl Row {
    fn live(&self, now: Duration) -> bool {
        now < self.until
    }
}

impl Tables {
    fn remove(&mut self, key: &DeliveryKey) {
        self.rows.remove(key);
        self.aliases.retain(|_, on| on != key);
    }

    fn sweep(&mut self, now: Duration) {
        self.rows.retain(|_, row| !row.done || row.live(now));
        let rows = &self.rows;
        self.aliases.retain(|_, on| rows.contains_key(on));
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
        let decided = self.look(&request);
        if self.flaw == Flaw::ChecksThenActs {
            let_others_run().await;
        }
        match decided {
            Ok((attempt, known)) => self.write(&request, attempt, known),
            Err(Claim::Suppressed) if self.flaw == Flaw::WritesSuppressed => {
                self.write(&request, 1, false)?;
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
            if self.flaw == Flaw::TrustsAliases {
                tables.rows.remove(key);
            } else {
                tables.remove(key);
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
        Ok(tables.aliases.remove(key).is_some() || there)
    }

    async fn purge(&self, _limit: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::IN_PROCESS
    }
}
