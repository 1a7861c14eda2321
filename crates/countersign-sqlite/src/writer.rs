//! The thread that owns the connection, and the transactions that it makes of what is queued.

use core::{
    mem::ManuallyDrop,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::sync::{
    Arc,
    mpsc::{Receiver, SyncSender},
};

use countersign_core::{
    Claim, DeliveryKey, Fence, Fenced, KeyState, StoreError, store::KEPT_AFTER_LEASE,
};
use futures_channel::oneshot;
use rusqlite::Connection;

use crate::{
    builder::Options,
    claim::{Decision, Fences, decide},
    error::{same, store_error},
    file::{Database, limit_size, patiently},
    operation::{Answer, Job, Operation},
    table::{State, Table},
    time::{Millis, Time, after},
    waiters::Waiters,
};

/// How many operations share a transaction at most, which bounds how long each waits.
const BATCH: usize = 256;

/// How often claims look for such deliveries by the way.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Pages of a bounded database that claims leave free, so that what was granted can be settled.
const HEADROOM: i64 = 16;

/// What the handles share with the thread.
#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(crate) waiters: Waiters,
    pub(crate) closing: AtomicBool,
}

/// Runs on a thread of its own until all handles are gone or the store is closed.
///
/// `ready` hears whether the database can be used. `ended` is dropped when the file is closed.
pub(crate) fn run(
    database: Database,
    options: &Options,
    jobs: &Receiver<Job>,
    link: &Arc<Link>,
    ready: &SyncSender<rusqlite::Result<()>>,
    ended: oneshot::Sender<()>,
) {
    let Database { connection, lock } = database;
    // A panic here must not give up the lock while the process lives: its handlers run on.
    let lock = ManuallyDrop::new(lock);
    // Nobody listens for readiness once opening was given up.
    match Writer::new(&connection, options, link) {
        Ok(mut writer) => {
            let _ = ready.send(Ok(()));
            writer.serve(jobs);
        }
        Err(error) => {
            let _ = ready.send(Err(error));
        }
    }
    drop(connection);
    drop(ManuallyDrop::into_inner(lock));
    drop(ended);
}

struct Writer<'c> {
    connection: &'c Connection,
    table: Table<'c>,
    link: &'c Link,
    time: Time,
    patience: Duration,
    max_pages: Option<i64>,
    next_sweep: Millis,
    batch: Batch,
}

/// What a transaction has done so far, besides writing rows.
#[derive(Default)]
struct Batch {
    now: Millis,
    fences: Fences,
    granted: usize,
    changed: Vec<DeliveryKey>,
}

/// Why no operation of a batch was applied.
enum Failed {
    /// The transaction could not begin, so trying its operations one by one would not help.
    AtOnce(rusqlite::Error),
    Within(rusqlite::Error),
}

impl<'c> Writer<'c> {
    fn new(
        connection: &'c Connection,
        options: &Options,
        link: &'c Link,
    ) -> rusqlite::Result<Self> {
        let max_pages = match options.max_bytes {
            Some(bytes) => Some(limit_size(connection, bytes)?),
            None => None,
        };
        Ok(Self {
            connection,
            table: Table::prepare(connection)?,
            link,
            time: options.time.clone(),
            patience: options.busy_timeout,
            max_pages,
            next_sweep: 0,
            batch: Batch::default(),
        })
    }

    fn serve(&mut self, jobs: &Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Ok(job) = jobs.recv() {
            batch.push(job);
            batch.extend(jobs.try_iter().take(BATCH.saturating_sub(1)));
            self.run(&mut batch);
            if self.link.closing.load(Ordering::Acquire) {
                break;
            }
        }
        // What was queued before the end was accepted.
        loop {
            batch.extend(jobs.try_iter().take(BATCH));
            if batch.is_empty() {
                return;
            }
            self.run(&mut batch);
        }
    }

    /// Applies operations in one transaction and answers them after its commit. When one of them
    /// fails, none was applied, and each is tried in a transaction of its own.
    fn run(&mut self, jobs: &mut Vec<Job>) {
        match self.attempt(jobs) {
            Ok(answers) => {
                for (job, answer) in jobs.drain(..).zip(answers) {
                    // Nobody there means that the asking was given up.
                    let _ = job.reply.send(answer);
                }
            }
            Err(Failed::Within(_)) if jobs.len() > 1 => {
                for job in jobs.drain(..) {
                    self.run(&mut vec![job]);
                }
            }
            Err(Failed::AtOnce(error) | Failed::Within(error)) => {
                for job in jobs.drain(..) {
                    let _ = job.reply.send(Err(store_error(same(&error))));
                }
            }
        }
    }

    fn attempt(&mut self, jobs: &[Job]) -> Result<Vec<Result<Answer, StoreError>>, Failed> {
        patiently(self.patience, || self.table.begin()).map_err(Failed::AtOnce)?;
        self.batch = Batch {
            now: self.time.now(),
            changed: core::mem::take(&mut self.batch.changed),
            ..Batch::default()
        };
        self.batch.changed.clear();
        match self.transact(jobs) {
            Ok(answers) => {
                self.link.waiters.wake(&self.batch.changed);
                Ok(answers)
            }
            Err(error) => {
                // Some failures have ended the transaction already.
                if !self.connection.is_autocommit()
                    && let Err(error) = self.connection.execute_batch("ROLLBACK")
                {
                    return Err(Failed::AtOnce(error));
                }
                Err(Failed::Within(error))
            }
        }
    }

    fn transact(&mut self, jobs: &[Job]) -> rusqlite::Result<Vec<Result<Answer, StoreError>>> {
        let answers: rusqlite::Result<Vec<_>> =
            jobs.iter().map(|job| self.apply(&job.operation)).collect();
        let answers = answers?;
        self.tidy()?;
        self.batch.fences.store(&mut self.table)?;
        self.table.commit()?;
        Ok(answers)
    }

    fn apply(&mut self, operation: &Operation) -> rusqlite::Result<Result<Answer, StoreError>> {
        let now = self.batch.now;
        Ok(Ok(match operation {
            Operation::Claim(request) => {
                let (max, fences) = (self.max_pages, &mut self.batch.fences);
                let room = |table: &mut Table<'_>| has_room(table, max, now);
                let decision = decide(&mut self.table, request, now, fences, room)?;
                Answer::Claim(match decision {
                    Decision::Answer(claim) => claim,
                    Decision::Claimed(claimed) => {
                        self.batch.granted = self.batch.granted.saturating_add(1);
                        if claimed.takeover {
                            self.batch.changed.push(request.key);
                        }
                        Claim::Claimed(claimed)
                    }
                    Decision::Full => return Ok(Err(StoreError::full())),
                })
            }
            Operation::Extend(key, fence, lease) => {
                let until = after(now, *lease);
                let applied = self.table.extend(id(*fence), key, now, until)?;
                self.fenced(key, applied)
            }
            Operation::Complete(key, fence, retention) => {
                let until = after(now, *retention);
                let applied = self.table.complete(id(*fence), key, now, until)?;
                self.fenced(key, applied)
            }
            Operation::Release(key, fence) => {
                let applied = self.table.release(id(*fence), key)?;
                self.fenced(key, applied)
            }
            Operation::State(key) => Answer::State(self.state(key)?),
            Operation::Forget(key) => Answer::Forgot(self.forget(key)?),
            Operation::Purge(limit) => Answer::Purged(self.purge(*limit)?),
            Operation::Wake => Answer::Awake,
        }))
    }

    fn fenced(&mut self, key: &DeliveryKey, applied: bool) -> Answer {
        if !applied {
            return Answer::Fenced(Fenced::Lost);
        }
        self.batch.changed.push(*key);
        Answer::Fenced(Fenced::Applied)
    }

    fn state(&mut self, key: &DeliveryKey) -> rusqlite::Result<KeyState> {
        let now = self.batch.now;
        let delivery = self.table.find(key)?;
        Ok(match delivery.map(|delivery| delivery.state(now)) {
            None | Some(State::Ended) => KeyState::Absent,
            Some(State::Held { remaining, .. }) => KeyState::InFlight { remaining },
            Some(State::Lapsed { .. }) => KeyState::InFlight {
                remaining: Duration::ZERO,
            },
            Some(State::Completed { .. }) => KeyState::Completed,
        })
    }

    fn forget(&mut self, key: &DeliveryKey) -> rusqlite::Result<bool> {
        let now = self.batch.now;
        let mut there = false;
        // All are done, whatever the first finds: a key may be a delivery and another's alias.
        if let Some(delivery) = self.table.find(key)? {
            self.table.remove(delivery.id)?;
            self.batch.changed.push(*key);
            there = !matches!(delivery.state(now), State::Ended);
        }
        let named = self.table.named(key)?;
        if !named.is_empty() {
            self.table.remove_alias(key)?;
            there |= named
                .iter()
                .any(|named| !matches!(named.delivery.state(now), State::Ended));
        }
        if let Some(until) = self.table.remove_subject(key)? {
            there |= now < until;
        }
        Ok(there)
    }

    fn purge(&mut self, limit: usize) -> rusqlite::Result<usize> {
        let now = self.batch.now;
        let removed = remove_ended(&mut self.table, now, limit)?;
        let before = now.saturating_sub(after(0, KEPT_AFTER_LEASE));
        let rest = limit.saturating_sub(removed);
        let lapsed = self.table.lapsed(before, rows(rest))?;
        for id in &lapsed {
            self.table.remove(*id)?;
        }
        Ok(removed.saturating_add(lapsed.len()))
    }

    /// What claims do in return for the rows that they add.
    fn tidy(&mut self) -> rusqlite::Result<()> {
        let (now, granted) = (self.batch.now, self.batch.granted);
        if granted == 0 {
            return Ok(());
        }
        let limit = granted.saturating_mul(2);
        // A clock that was set back must not put this off.
        if (self.next_sweep.saturating_sub(after(0, SWEEP_EVERY))..self.next_sweep).contains(&now) {
            remove_ended(&mut self.table, now, limit)?;
        } else {
            self.purge(limit)?;
            self.next_sweep = after(now, SWEEP_EVERY);
        }
        Ok(())
    }
}

fn has_room(table: &mut Table<'_>, max: Option<i64>, now: Millis) -> rusqlite::Result<bool> {
    let Some(max) = max else {
        return Ok(true);
    };
    let most = max.saturating_sub(HEADROOM);
    Ok(table.pages()? <= most || (remove_ended(table, now, BATCH)? > 0 && table.pages()? <= most))
}

fn remove_ended(table: &mut Table<'_>, now: Millis, limit: usize) -> rusqlite::Result<usize> {
    let ended = table.ended(now, rows(limit))?;
    for id in &ended {
        table.remove(*id)?;
    }
    let rest = limit.saturating_sub(ended.len());
    let subjects = table.remove_subjects(now, rows(rest))?;
    Ok(ended.len().saturating_add(subjects))
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The row that a fence names; none for a number that no store of ours gives.
fn id(fence: Fence) -> i64 {
    i64::try_from(fence.as_u64()).unwrap_or(-1)
}
