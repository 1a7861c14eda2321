//! Who gets a key.

// docs/decisions.md: D6, D8, D43.

use core::time::Duration;
use std::time::SystemTime;

use countersign_core::{Claim, ClaimRequest, Claimed, DeliveryKey, OnRepeat, Recurrence};
use deadpool_postgres::Object;
use futures_util::future::join4;
use smallvec::SmallVec;
use tokio_postgres::{
    Error, Row,
    types::{ToSql, Type},
};

use crate::{
    link::{BEGIN, COMMIT, Pauses, asks_again},
    sql,
    table::Statements,
    value::{fence, micros, recurrence},
};

/// How often a lapsed row that is locked is looked at before the claim is answered.
const LOOKS: u32 = 4;

/// What is said to be left of a lease that has run out while its holder's transaction is open.
const LOCKED_FOR: Duration = Duration::from_secs(1);

/// Keeps the advisory locks of claims apart from an application's own.
const LOCK_SALT: u64 = 0x636f_756e_7465_7273;

pub(crate) async fn claim(
    client: &Object,
    statements: &Statements,
    request: &ClaimRequest<'_>,
) -> Result<Claim, Error> {
    let attempt = Attempt::new(request);
    if let Some(claim) = attempt.claim_new(client, statements).await? {
        return Ok(claim);
    }
    let mut pauses = Pauses::new();
    loop {
        match attempt.claim_locked(client, statements).await {
            Ok(Decision::Claim(claim)) => return Ok(claim),
            // Its holder's transaction is open; the lock stands in for the lease.
            Ok(Decision::Locked { fingerprint }) if pauses.taken() >= LOOKS => {
                return Ok(Claim::InFlight {
                    on: request.key,
                    remaining: LOCKED_FOR,
                    fingerprint,
                });
            }
            Ok(Decision::Locked { .. } | Decision::AskAgain) => {}
            Err(error) if asks_again(&error) => {}
            Err(error) => return Err(error),
        }
        pauses.pause().await;
    }
}

/// A claim in the form that statements take.
struct Attempt<'a> {
    request: &'a ClaimRequest<'a>,
    owner: [u8; 16],
    lease: i64,
    fingerprint: i64,
    subject: Option<&'a [u8]>,
    keep: i64,
    suppresses: bool,
    aliases: SmallVec<[&'a [u8]; 2]>,
}

/// What a look at the rows said.
enum Decision {
    Claim(Claim),
    /// The key may be taken over, but somebody is writing its row.
    Locked {
        fingerprint: u64,
    },
    /// Another claim came first, and this look could not see it yet.
    AskAgain,
}

impl<'a> Attempt<'a> {
    fn new(request: &'a ClaimRequest<'a>) -> Self {
        let mut aliases = SmallVec::<[&[u8]; 2]>::new();
        for alias in request.aliases {
            let alias = alias.as_bytes().as_slice();
            if !aliases.contains(&alias) {
                aliases.push(alias);
            }
        }
        let subject = request.subject.as_ref();
        Self {
            request,
            owner: request.owner.as_u128().to_be_bytes(),
            lease: micros(request.lease),
            fingerprint: request.fingerprint.cast_signed(),
            subject: subject.map(|subject| subject.key.as_bytes().as_slice()),
            keep: subject.map_or(0, |subject| micros(subject.keep)),
            suppresses: subject.is_some_and(|subject| subject.on_repeat == OnRepeat::Suppress),
            aliases,
        }
    }

    /// The one round trip of a key that is new, and a second one for a key that is held or done.
    /// `None` leaves the decision to [`claim_locked`](Self::claim_locked).
    async fn claim_new(
        &self,
        client: &Object,
        statements: &Statements,
    ) -> Result<Option<Claim>, Error> {
        let known = async {
            if let Some(granted) = self.insert(client, statements).await? {
                return Ok(Some(granted));
            }
            let read = client.prepare_cached(&statements.claim_known).await?;
            client.query_opt(&read, &[&self.key()]).await
        };
        let row = match known.await {
            Err(error) if asks_again(&error) => return Ok(None),
            row => row?,
        };
        Ok(match row.map(|row| self.decide(&row)).transpose()? {
            Some(Decision::Claim(claim)) => Some(claim),
            Some(Decision::Locked { .. } | Decision::AskAgain) | None => None,
        })
    }

    /// The row of a claim that was granted because all its names are new.
    async fn insert(&self, client: &Object, statements: &Statements) -> Result<Option<Row>, Error> {
        let (key, owner) = (self.key(), self.owner.as_slice());
        let (lease, mark) = (&self.lease, &self.fingerprint);
        if self.aliases.is_empty() && self.subject.is_none() {
            let lock = lock_of(&self.request.key);
            let insert = client.prepare_cached(&statements.claim_new).await?;
            let params: [&(dyn ToSql + Sync); 5] = [&key, &owner, lease, mark, &lock];
            return client.query_opt(&insert, &params).await;
        }
        let (locks, aliases) = (self.locks(), self.aliases.as_slice());
        let insert = client.prepare_cached(&statements.claim_new_aliased).await?;
        let params: [&(dyn ToSql + Sync); 8] = [
            &key,
            &owner,
            lease,
            mark,
            &locks,
            &aliases,
            &self.subject,
            &self.keep,
        ];
        let Some(row) = client.query_opt(&insert, &params).await? else {
            return Ok(None);
        };
        if row.try_get::<_, Option<i64>>("granted")?.is_some() {
            return Ok(Some(row));
        }
        if row.try_get("pointed")? {
            let drawn: i64 = row.try_get("drawn")?;
            let params: [(&(dyn ToSql + Sync), Type); 3] = [
                (&aliases, Type::BYTEA_ARRAY),
                (&key, Type::BYTEA),
                (&drawn, Type::INT8),
            ];
            client.execute_typed(&statements.unpoint, &params).await?;
        }
        Ok(None)
    }

    /// Four statements in one round trip. All are sent before the first answer is awaited, so that a
    /// caller who goes away leaves no transaction open.
    async fn claim_locked(
        &self,
        client: &Object,
        statements: &Statements,
    ) -> Result<Decision, Error> {
        let lock = client.prepare_cached(sql::LOCK_NAMES).await?;
        let claim = client.prepare_cached(&statements.claim_locked).await?;
        let names = self.locks();
        let (key, owner) = (self.key(), self.owner.as_slice());
        let aliases = self.aliases.as_slice();
        let lock_params: [&(dyn ToSql + Sync); 1] = [&names];
        let claim_params: [&(dyn ToSql + Sync); 8] = [
            &key,
            &owner,
            &self.lease,
            &self.fingerprint,
            &aliases,
            &self.subject,
            &self.keep,
            &self.suppresses,
        ];
        let (begun, locked, row, committed) = join4(
            client.batch_execute(BEGIN),
            client.execute(&lock, &lock_params),
            client.query_one(&claim, &claim_params),
            client.batch_execute(COMMIT),
        )
        .await;
        begun?;
        locked?;
        let row = row?;
        committed?;
        self.decide(&row)
    }

    fn key(&self) -> &[u8] {
        self.request.key.as_bytes()
    }

    /// The locks of all names, in the one order that every claim takes them in.
    fn locks(&self) -> Vec<i64> {
        let subject = self.request.subject.map(|subject| subject.key);
        let names = self.request.aliases.iter().chain(&subject);
        let mut locks: Vec<i64> = names.chain([&self.request.key]).map(lock_of).collect();
        locks.sort_unstable();
        locks.dedup();
        locks
    }

    fn decide(&self, row: &Row) -> Result<Decision, Error> {
        if let Some(granted) = row.try_get::<_, Option<i64>>("granted")? {
            let attempt = attempt(row.try_get("granted_attempt")?);
            let recurrence = recurrence(row.try_get("granted_recurrence")?);
            return Ok(claimed(granted, attempt, recurrence));
        }
        let now: SystemTime = row.try_get("now")?;
        let own: Option<SystemTime> = row.try_get("until")?;
        if let Some(until) = own
            && let Ok(remaining) = until.duration_since(now)
            && !remaining.is_zero()
        {
            return self.decided_by_own(row, remaining);
        }
        let other: Option<&[u8]> = row.try_get("other")?;
        if let Some(Ok(on)) = other.map(<[u8; 32]>::try_from)
            && self.suppresses
        {
            let until: SystemTime = row.try_get("other_until")?;
            return Ok(Decision::Claim(if row.try_get("other_completed")? {
                Claim::Suppressed
            } else {
                Claim::InFlight {
                    on: DeliveryKey::from_bytes(on),
                    remaining: until.duration_since(now).unwrap_or_default(),
                    fingerprint: row.try_get::<_, i64>("other_fingerprint")?.cast_unsigned(),
                }
            }));
        }
        Ok(match own {
            Some(_) => Decision::Locked {
                // One that is done has ended, and says nothing any more.
                fingerprint: match row.try_get("completed")? {
                    true => self.request.fingerprint,
                    false => row.try_get::<_, i64>("fingerprint")?.cast_unsigned(),
                },
            },
            None => Decision::AskAgain,
        })
    }

    fn decided_by_own(&self, row: &Row, remaining: Duration) -> Result<Decision, Error> {
        let fingerprint = row.try_get::<_, i64>("fingerprint")?.cast_unsigned();
        if row.try_get("completed")? {
            return Ok(Decision::Claim(Claim::Completed { fingerprint }));
        }
        if row.try_get::<_, &[u8]>("owner")? == self.owner {
            let attempt = attempt(row.try_get("attempt")?);
            let recurrence = recurrence(row.try_get("recurrence")?);
            return Ok(claimed(row.try_get("fence")?, attempt, recurrence));
        }
        Ok(Decision::Claim(Claim::InFlight {
            on: self.request.key,
            remaining,
            fingerprint,
        }))
    }
}

fn claimed(number: i64, attempt: u32, recurrence: Recurrence) -> Decision {
    Decision::Claim(Claim::Claimed(Claimed {
        fence: fence(number),
        attempt,
        takeover: attempt > 1,
        recurrence,
    }))
}

fn attempt(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(1)
}

/// The advisory lock of a name. Names are hashes, so their first bytes are as good as any.
fn lock_of(key: &DeliveryKey) -> i64 {
    let first = key.as_bytes().first_chunk().copied().unwrap_or_default();
    (u64::from_be_bytes(first) ^ LOCK_SALT).cast_signed()
}
