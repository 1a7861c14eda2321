//! What happens to a claim afterwards: every change is compare-and-set on (key, fence).

use core::time::Duration;
use std::time::SystemTime;

use countersign_core::{DeliveryKey, Fenced, KeyState};
use deadpool_postgres::Object;
use futures_util::future::join3;
use tokio_postgres::{
    Error, Row, Transaction,
    types::{ToSql, Type},
};

use crate::{
    link::{BEGIN, COMMIT, Pauses, asks_again},
    sql::{self, CompleteIn},
    table::Statements,
    value::micros,
};

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// How often a lapsed row that is locked is looked at before it counts as locked by its holder. A
/// takeover holds the lock for one round trip, an open transaction for much longer.
const LOOKS: u32 = 5;

/// How many rows a purge deletes in one statement.
const BATCH: usize = 500;

/// What a compare-and-set on a row that others may lock said.
enum Settled {
    Applied,
    Lost,
    /// The row is the caller's, and locked; for an extension, whether its lease runs.
    Locked {
        runs: bool,
    },
}

pub(crate) async fn extend(
    client: &Object,
    statements: &Statements,
    key: &DeliveryKey,
    fence: i64,
    lease: Duration,
) -> Result<Fenced, Error> {
    let statement = client.prepare_cached(&statements.extend).await?;
    let params: Params<'_> = &[&key.as_bytes().as_slice(), &fence, &micros(lease)];
    let mut pauses = Pauses::new();
    loop {
        match settled(client.query(&statement, params).await)? {
            Settled::Applied => return Ok(Fenced::Applied),
            Settled::Lost => return Ok(Fenced::Lost),
            // Nobody takes a key over while its lease runs, so the lock is the holder's own.
            Settled::Locked { runs: true } => return Ok(Fenced::Applied),
            Settled::Locked { runs: false } if pauses.taken() >= LOOKS => {
                return Ok(Fenced::Applied);
            }
            Settled::Locked { runs: false } => pauses.pause().await,
        }
    }
}

pub(crate) async fn complete(
    client: &Object,
    statements: &Statements,
    key: &DeliveryKey,
    fence: i64,
    retention: Duration,
) -> Result<Fenced, Error> {
    let statement = client.prepare_cached(&statements.complete_in).await?;
    let params: Params<'_> = &[&key.as_bytes().as_slice(), &fence, &micros(retention)];
    // Waits for a heartbeat or a takeover that is writing the row; both hold it for one statement.
    let changed = insist(|| client.execute(&statement, params)).await?;
    Ok(applied(changed == 1))
}

pub(crate) async fn release(
    client: &Object,
    statements: &Statements,
    key: &DeliveryKey,
    fence: i64,
) -> Result<Fenced, Error> {
    let params: [(&(dyn ToSql + Sync), Type); 2] = [
        (&key.as_bytes().as_slice(), Type::BYTEA),
        (&fence, Type::INT8),
    ];
    let mut pauses = Pauses::new();
    // For as long as the row is the caller's and locked.
    loop {
        match settled(alone(client, &statements.release, &params).await)? {
            Settled::Applied => return Ok(Fenced::Applied),
            Settled::Lost => return Ok(Fenced::Lost),
            Settled::Locked { .. } => pauses.pause().await,
        }
    }
}

/// Completes inside a transaction of the caller's: three statements in one round trip.
pub(crate) async fn complete_in(
    transaction: &Transaction<'_>,
    statements: &Statements,
    values: CompleteIn<'_>,
) -> Result<Fenced, Error> {
    let params: [(&(dyn ToSql + Sync), Type); 3] = [
        (&values.key, Type::BYTEA),
        (&values.fence, Type::INT8),
        (&values.retention, Type::INT8),
    ];
    let (bounded, changed, restored) = join3(
        transaction.batch_execute(sql::LOCK_TIMEOUT),
        transaction.execute_typed(&statements.complete_in, &params),
        transaction.batch_execute(sql::LOCK_TIMEOUT_RESTORE),
    )
    .await;
    bounded?;
    let changed = changed?;
    restored?;
    Ok(applied(changed == 1))
}

pub(crate) async fn state(
    client: &Object,
    statements: &Statements,
    key: &DeliveryKey,
) -> Result<KeyState, Error> {
    let statement = client.prepare_cached(&statements.state).await?;
    let params: Params<'_> = &[&key.as_bytes().as_slice()];
    let row = insist(|| client.query_opt(&statement, params)).await?;
    let Some(row) = row else {
        return Ok(KeyState::Absent);
    };
    let until: SystemTime = row.try_get("until")?;
    let now: SystemTime = row.try_get("now")?;
    let remaining = until.duration_since(now).unwrap_or_default();
    Ok(match row.try_get("completed")? {
        false => KeyState::InFlight { remaining },
        true if remaining.is_zero() => KeyState::Absent,
        true => KeyState::Completed,
    })
}

pub(crate) async fn forget(
    client: &Object,
    statements: &Statements,
    key: &DeliveryKey,
) -> Result<bool, Error> {
    let params: [(&(dyn ToSql + Sync), Type); 1] = [(&key.as_bytes().as_slice(), Type::BYTEA)];
    let subject = insist(|| alone(client, &statements.forget_subject, &params)).await?;
    let mut forgotten = match subject.first() {
        Some(row) => row.try_get("lived")?,
        None => false,
    };
    let mut pauses = Pauses::new();
    loop {
        let rows = alone(client, &statements.forget, &params).await?;
        let Some(row) = rows.first() else {
            return Ok(forgotten);
        };
        forgotten |= row.try_get::<_, bool>("done")?;
        if !row.try_get::<_, bool>("locked")? {
            return Ok(forgotten);
        }
        pauses.pause().await;
    }
}

/// Deletes one batch and says how many rows it had, and whether there may be more.
pub(crate) async fn purge(
    client: &Object,
    statements: &Statements,
    limit: usize,
) -> Result<(usize, bool), Error> {
    let batch = limit.min(BATCH);
    let count = i64::try_from(batch).unwrap_or(0);
    let params: [(&(dyn ToSql + Sync), Type); 1] = [(&count, Type::INT8)];
    let rows = purged(&alone(client, &statements.purge, &params).await?)?;
    if rows == batch {
        return Ok((rows, true));
    }
    let rest = i64::try_from(batch.saturating_sub(rows)).unwrap_or(0);
    let params: [(&(dyn ToSql + Sync), Type); 1] = [(&rest, Type::INT8)];
    let subjects = purged(&alone(client, &statements.purge_subjects, &params).await?)?;
    let all = rows.saturating_add(subjects);
    Ok((all, all == batch))
}

/// How many rows a statement deleted.
fn purged(rows: &[Row]) -> Result<usize, Error> {
    let purged = match rows.first() {
        Some(row) => row.try_get::<_, i64>("purged")?,
        None => 0,
    };
    Ok(usize::try_from(purged).unwrap_or(0))
}

/// Asks again for as long as the server asks for that: where transactions are serializable by default,
/// a statement of its own can lose a race.
async fn insist<T, F>(statement: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut pauses = Pauses::new();
    loop {
        match statement().await {
            Err(error) if asks_again(&error) => pauses.pause().await,
            answered => return answered,
        }
    }
}

/// What is rare, planned anew and in a transaction of its own: three statements in one round trip.
async fn alone(
    client: &Object,
    statement: &str,
    params: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<Row>, Error> {
    let (begun, rows, committed) = join3(
        client.batch_execute(BEGIN),
        client.query_typed(statement, params),
        client.batch_execute(COMMIT),
    )
    .await;
    begun?;
    let rows = rows?;
    committed?;
    Ok(rows)
}

/// What the one row of an answer says.
fn settled(rows: Result<Vec<Row>, Error>) -> Result<Settled, Error> {
    let rows = match rows {
        Err(error) if asks_again(&error) => return Ok(Settled::Locked { runs: false }),
        rows => rows?,
    };
    let Some(row) = rows.first() else {
        return Ok(Settled::Lost);
    };
    if row.try_get("done")? {
        return Ok(Settled::Applied);
    }
    Ok(match row.try_get::<_, Option<bool>>("runs")? {
        Some(runs) => Settled::Locked { runs },
        None => Settled::Lost,
    })
}

const fn applied(changed: bool) -> Fenced {
    if changed {
        Fenced::Applied
    } else {
        Fenced::Lost
    }
}
