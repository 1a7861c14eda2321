//! The schema and the statements, as text.
//!
//! [`MIGRATION`], [`COMPLETE_IN`] and the two around it are for callers that talk to Postgres
//! through something else than `tokio-postgres`: hand them to sqlx, diesel or `psql`. All are
//! written for the default table; [`Table::apply`](crate::Table::apply) rewrites them for another.
//!
//! Handlers that complete their delivery through [sqlx] and through [diesel] are in the repository.
//!
//! [sqlx]: https://github.com/countersign-rs/countersign/blob/main/examples/drivers/src/with_sqlx.rs
//! [diesel]: https://github.com/countersign-rs/countersign/blob/main/examples/drivers/src/with_diesel.rs

// docs/decisions.md: D44, D45, D46.

use countersign_core::Completion;

use crate::value::{micros, number};

// Plans of prepared statements are made while the tables may be empty, and kept while they grow. With
// `LATERAL (.. OFFSET 0)` a name is looked up by its index whatever size is expected; a join would scan
// a table that was small when it was planned. What is rare is not prepared, and planned each time.

/// Writes back what is left of aliases, and deletes those of which nothing is.
macro_rules! keep_the_rest {
    () => {
        "\
kept AS (
    UPDATE countersign_aliases AS pointer SET entries = held.rest
    FROM held WHERE pointer.alias = held.alias AND held.rest <> '{}'
),
dead AS (
    DELETE FROM countersign_aliases AS pointer USING held
    WHERE pointer.alias = held.alias AND held.rest = '{}'
)"
    };
}

/// Creates what the store needs: three tables, two indexes and a sequence. Can be run again.
///
/// The same text is in the crate's `migrations` directory.
pub const MIGRATION: &str = include_str!("../migrations/0001_deliveries.sql");

/// Completes a claimed delivery, inside the transaction that it is run in.
///
/// | parameter | type | what, from [`CompleteIn`] |
/// | --- | --- | --- |
/// | `$1` | `bytea` | [`key`](CompleteIn::key) |
/// | `$2` | `bigint` | [`fence`](CompleteIn::fence) |
/// | `$3` | `bigint` | [`retention`](CompleteIn::retention) |
///
/// Exactly one row changed: the delivery is done if and only if the transaction commits. No row
/// changed: the claim was lost, somebody else runs or ran the delivery; **roll back**.
///
/// It waits for a claim or a heartbeat on the same row that is being written at this moment. Put
/// [`LOCK_TIMEOUT`] before it and [`LOCK_TIMEOUT_RESTORE`] after it to bound that.
pub const COMPLETE_IN: &str = "\
UPDATE countersign
SET completed = true, until = clock_timestamp() + $3::bigint * interval '1 microsecond'
WHERE key = $1::bytea AND fence = $2::bigint
    AND (NOT completed OR until > clock_timestamp())";

/// The parameters of [`COMPLETE_IN`].
///
/// ```
/// use core::time::Duration;
/// use countersign_core::{Completion, DeliveryKey, Fence};
/// use countersign_postgres::sql::CompleteIn;
///
/// // A handler's comes from `delivery.completion()`.
/// let key = DeliveryKey::for_id("rebill", None, "dlv_01");
/// let completion = Completion::new(key, Fence::from_u64(7), Duration::from_secs(60));
///
/// let values = CompleteIn::new(&completion);
/// assert_eq!(values.key, key.as_bytes());
/// assert_eq!((values.fence, values.retention), (7, 60_000_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompleteIn<'a> {
    /// The delivery.
    pub key: &'a [u8],
    /// The claim. Negative, which no row has, where the fence is not of this store.
    pub fence: i64,
    /// For how long the delivery is remembered, in microseconds.
    pub retention: i64,
}

impl<'a> CompleteIn<'a> {
    /// The parameters for a delivery.
    #[must_use]
    pub fn new(completion: &'a Completion) -> Self {
        Self {
            key: completion.key.as_bytes(),
            fence: number(completion.fence).unwrap_or(-1),
            retention: micros(completion.retention),
        }
    }
}

/// Bounds how long the statements of a transaction wait for a lock, and keeps what was set before.
///
/// Without parameters, so that it can be sent together with others; one second.
pub const LOCK_TIMEOUT: &str = "\
SELECT set_config('countersign.lock_timeout', current_setting('lock_timeout'), true), \
set_config('lock_timeout', '1s', true)";

/// Takes [`LOCK_TIMEOUT`] back.
pub const LOCK_TIMEOUT_RESTORE: &str = "\
SELECT set_config('lock_timeout', current_setting('countersign.lock_timeout'), true)";

/// Claims a key that is new, without aliases and without a subject. No row says that it was not, or that it is to be asked
/// again; never that the key is fresh.
///
/// * The row is looked for before the insert, because `ON CONFLICT DO NOTHING` waits for a
///   transaction that is changing the row, such as an open `complete_in`, and a plain read does not.
/// * The lock makes fences of a key grow: without it a claim could draw a number, stall, and insert
///   it after another claim drew a higher one, inserted and gave back. Not got means that another
///   claim of the key is being decided.
pub(crate) const CLAIM_NEW: &str = "\
INSERT INTO countersign (key, fence, born, attempt, until, owner, fingerprint)
SELECT $1::bytea, next.fence, next.fence, 1,
    clock_timestamp() + $3::bigint * interval '1 microsecond', $2::bytea, $4::bigint
FROM (
    SELECT nextval('countersign_fence') AS fence
    WHERE NOT EXISTS (SELECT FROM countersign WHERE key = $1)
        AND pg_try_advisory_xact_lock($5::bigint)
    OFFSET 0
) AS next
ON CONFLICT (key) DO NOTHING
RETURNING fence AS granted, 1 AS granted_attempt, 0::smallint AS granted_recurrence";

/// Claims a key that is new and whose aliases are, as [`CLAIM_NEW`] does a key without any; that one
/// is a fifth faster.
///
/// Aliases go first, because what the look could not see yet makes an insert do nothing: a known alias
/// then keeps the key from being claimed. Where that left aliases without a row, they count for nothing
/// and `pointed` says that there are some, for [`UNPOINT`].
///
/// The subject is written if and only if the row is. The statement's snapshot may be older than the
/// lock on it, but `DO UPDATE` sees the row as it is; and since fences of one subject are drawn under
/// its lock, an alias is of the subject's run when its own number is not less than that run's.
pub(crate) const CLAIM_NEW_ALIASED: &str = "\
WITH next AS MATERIALIZED (
    SELECT nextval('countersign_fence') AS fence
    WHERE NOT EXISTS (SELECT FROM countersign WHERE key = $1::bytea)
        AND NOT EXISTS (
            SELECT FROM unnest($6::bytea[]) AS given (alias), LATERAL (
                SELECT FROM countersign_aliases WHERE alias = given.alias OFFSET 0
            ) AS known
        )
        AND (SELECT bool_and(pg_try_advisory_xact_lock(name))
            FROM unnest($5::bigint[]) AS names (name))
),
pointed AS (
    INSERT INTO countersign_aliases (alias, entries)
    SELECT given.alias, ARRAY[$1 || int8send(next.fence)
        || int8send(CASE WHEN $7::bytea IS NULL THEN 0 ELSE next.fence END)]
    FROM next, unnest($6) AS given (alias)
    ORDER BY given.alias
    ON CONFLICT (alias) DO NOTHING
    RETURNING alias
),
fresh AS (
    INSERT INTO countersign (key, fence, born, attempt, until, owner, fingerprint, aliases)
    SELECT $1, next.fence, next.fence, 1,
        clock_timestamp() + $3::bigint * interval '1 microsecond', $2::bytea, $4::bigint, $6
    FROM next
    WHERE (SELECT count(*) FROM pointed) = cardinality($6)
    ON CONFLICT (key) DO NOTHING
    RETURNING fence
),
subject AS (
    INSERT INTO countersign_subjects AS last (subject, fingerprint, run, until)
    SELECT $7, $4, fresh.fence, clock_timestamp() + $8::bigint * interval '1 microsecond'
    FROM fresh WHERE $7 IS NOT NULL
    ON CONFLICT (subject) DO UPDATE
    SET run = CASE
            WHEN last.fingerprint = excluded.fingerprint AND last.until > clock_timestamp()
            THEN last.run ELSE excluded.run END,
        fingerprint = excluded.fingerprint,
        until = greatest(last.until, excluded.until)
)
SELECT next.fence AS drawn, EXISTS (SELECT FROM pointed) AS pointed,
    fresh.fence AS granted, 1 AS granted_attempt, 0::smallint AS granted_recurrence
FROM next LEFT JOIN fresh ON true";

/// Takes the aliases from a birth that came to nothing.
pub(crate) const UNPOINT: &str = concat!(
    "\
WITH held AS MATERIALIZED (
    SELECT alias, ARRAY(
        SELECT entry FROM unnest(entries) AS entry
        WHERE substr(entry, 1, 40) <> $2::bytea || int8send($3::bigint)
    ) AS rest
    FROM countersign_aliases WHERE alias = ANY ($1::bytea[]) ORDER BY alias FOR UPDATE
),
",
    keep_the_rest!(),
    "
SELECT"
);

/// Reads the row of a key that is not new, in the form that [`CLAIM_LOCKED`] answers in.
pub(crate) const CLAIM_KNOWN: &str = "\
SELECT clock_timestamp() AS now, NULL::bigint AS granted,
    fence, attempt, recurrence, completed, until, owner, fingerprint, NULL::bytea AS other
FROM countersign WHERE key = $1::bytea";

/// Takes the locks of a claim's names, which come sorted. In a statement of its own, so that the
/// next one sees what was committed by those who held them before.
pub(crate) const LOCK_NAMES: &str = "\
SELECT pg_advisory_xact_lock(name) FROM unnest($1::bigint[]) AS names (name)";

/// Decides a claim under the locks of all its names.
///
/// `SKIP LOCKED`, because the only long lock on a row is that of an open `complete_in`.
pub(crate) const CLAIM_LOCKED: &str = "\
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
own AS MATERIALIZED (
    SELECT fence, attempt, recurrence, completed, until, owner, fingerprint
    FROM countersign WHERE key = $1::bytea
),
last AS MATERIALIZED (
    SELECT run FROM countersign_subjects, clock
    WHERE subject = $6::bytea AND fingerprint = $4::bigint AND until > clock.now
),
given AS MATERIALIZED (
    SELECT alias, at FROM unnest($5::bytea[]) WITH ORDINALITY AS given (alias, at)
),
behind AS MATERIALIZED (
    SELECT given.alias, given.at, pointer.entry, row.key, row.completed, row.until, row.fingerprint,
        row.until > clock.now AS lives,
        $6 IS NULL OR EXISTS (
            SELECT FROM last WHERE substr(pointer.entry, 41) >= int8send(last.run)
        ) AS repeats
    FROM clock, given, LATERAL (
        SELECT unnest(entries) AS entry FROM countersign_aliases WHERE alias = given.alias OFFSET 0
    ) AS pointer
    LEFT JOIN LATERAL (
        SELECT key, completed, until, fingerprint FROM countersign
        WHERE key = substr(pointer.entry, 1, 32)
            AND int8send(born) = substr(pointer.entry, 33, 8)
        OFFSET 0
    ) AS row ON true
),
known AS MATERIALIZED (
    SELECT * FROM behind WHERE lives
),
gone AS MATERIALIZED (
    SELECT alias, entry FROM (
        SELECT *, row_number() OVER (PARTITION BY alias, completed ORDER BY until DESC) AS place
        FROM behind
    ) AS ranked
    WHERE key IS NULL OR (completed AND (NOT lives OR place > 16))
),
recurs AS MATERIALIZED (
    SELECT CASE
        WHEN EXISTS (SELECT FROM known WHERE repeats) THEN 1
        WHEN EXISTS (SELECT FROM known) THEN 2
        ELSE 0 END::smallint AS how
),
free AS MATERIALIZED (
    SELECT now FROM clock
    WHERE NOT EXISTS (SELECT FROM own WHERE own.until > clock.now)
        AND NOT ($8::boolean AND EXISTS (SELECT FROM known WHERE repeats))
),
lapsed AS MATERIALIZED (
    SELECT row.key, nextval('countersign_fence') AS next
    FROM countersign AS row
    WHERE row.key = $1 AND row.until <= (SELECT now FROM free)
    FOR UPDATE SKIP LOCKED
),
fresh AS (
    INSERT INTO countersign
        (key, fence, born, attempt, recurrence, until, owner, fingerprint, aliases)
    SELECT $1, next.fence, next.fence, 1, recurs.how,
        next.now + $3::bigint * interval '1 microsecond', $2::bytea, $4, $5
    FROM recurs, (
        SELECT nextval('countersign_fence') AS fence, free.now
        FROM free WHERE NOT EXISTS (SELECT FROM own)
        OFFSET 0
    ) AS next
    ON CONFLICT (key) DO NOTHING
    RETURNING fence, born, attempt, recurrence
),
taken AS (
    UPDATE countersign AS row
    SET fence = lapsed.next,
        born = CASE WHEN row.completed THEN lapsed.next ELSE row.born END,
        attempt = CASE WHEN row.completed THEN 1 ELSE row.attempt + 1 END,
        completed = false,
        recurrence = CASE WHEN recurs.how = 0 AND NOT row.completed
            THEN row.recurrence ELSE recurs.how END,
        until = clock.now + $3 * interval '1 microsecond',
        owner = $2,
        fingerprint = $4,
        aliases = ARRAY(SELECT unnest(row.aliases) UNION SELECT unnest($5))
    FROM lapsed, clock, recurs
    WHERE row.key = lapsed.key
    RETURNING row.fence, row.born, row.attempt, row.recurrence
),
granted AS (SELECT * FROM fresh UNION ALL SELECT * FROM taken),
pointed AS (
    INSERT INTO countersign_aliases AS pointer (alias, entries)
    SELECT given.alias, ARRAY[$1 || int8send(granted.born)
        || int8send(CASE WHEN $6 IS NULL THEN 0 ELSE granted.fence END)]
    FROM granted, given
    ORDER BY given.alias
    ON CONFLICT (alias) DO UPDATE
    SET entries = ARRAY(
        SELECT entry FROM unnest(pointer.entries) AS entry
        WHERE substr(entry, 1, 32) <> $1
            AND (pointer.alias, entry) NOT IN (SELECT gone.alias, gone.entry FROM gone)
    ) || excluded.entries
),
subject AS (
    INSERT INTO countersign_subjects AS former (subject, fingerprint, run, until)
    SELECT $6, $4, coalesce((SELECT run FROM last), granted.fence),
        clock.now + $7::bigint * interval '1 microsecond'
    FROM granted, clock WHERE $6 IS NOT NULL
    ON CONFLICT (subject) DO UPDATE
    SET run = excluded.run, fingerprint = excluded.fingerprint,
        until = greatest(former.until, excluded.until)
)
SELECT clock.now, granted.fence AS granted, granted.attempt AS granted_attempt,
    granted.recurrence AS granted_recurrence,
    own.fence, own.attempt, own.recurrence, own.completed, own.until, own.owner, own.fingerprint,
    other.key AS other, other.completed AS other_completed, other.until AS other_until,
    other.fingerprint AS other_fingerprint
FROM clock
LEFT JOIN granted ON true
LEFT JOIN own ON true
LEFT JOIN (
    SELECT * FROM known WHERE repeats ORDER BY completed DESC, at LIMIT 1
) AS other ON true";

/// Prolongs a lease. Says whether it did, and else whether the row is still the caller's but locked.
pub(crate) const EXTEND: &str = "\
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
own AS MATERIALIZED (
    SELECT key FROM countersign
    WHERE key = $1::bytea AND fence = $2::bigint AND NOT completed
    FOR UPDATE SKIP LOCKED
),
done AS (
    UPDATE countersign AS row SET until = clock.now + $3::bigint * interval '1 microsecond'
    FROM own, clock WHERE row.key = own.key
    RETURNING true
)
SELECT EXISTS (SELECT FROM done) AS done,
    (SELECT until > clock.now FROM countersign
        WHERE key = $1 AND fence = $2 AND NOT completed) AS runs
FROM clock";

/// Gives a claim back; answers as [`EXTEND`] does. Aliases are locked in the order in which claims write
/// them, so that the two cannot wait for each other.
pub(crate) const RELEASE: &str = concat!(
    "\
WITH own AS MATERIALIZED (
    SELECT key, aliases FROM countersign
    WHERE key = $1::bytea AND fence = $2::bigint AND NOT completed
    FOR UPDATE SKIP LOCKED
),
done AS (
    DELETE FROM countersign AS row USING own WHERE row.key = own.key
    RETURNING true
),
held AS MATERIALIZED (
    SELECT alias, ARRAY(
        SELECT entry FROM unnest(entries) AS entry
        WHERE substr(entry, 1, 32) <> (SELECT key FROM own)
    ) AS rest
    FROM countersign_aliases
    WHERE alias IN (SELECT unnest(own.aliases) FROM own)
    ORDER BY alias FOR UPDATE
),
",
    keep_the_rest!(),
    "
SELECT EXISTS (SELECT FROM done) AS done,
    (SELECT true FROM countersign
        WHERE key = $1 AND fence = $2 AND NOT completed) AS runs"
);

/// Reads a row.
pub(crate) const STATE: &str = "\
SELECT completed, until, clock_timestamp() AS now FROM countersign WHERE key = $1::bytea";

/// Deletes a row and the alias of the same name. Says whether there was either, and whether a row
/// is there but locked.
pub(crate) const FORGET: &str = concat!(
    "\
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
own AS MATERIALIZED (
    SELECT key, aliases FROM countersign WHERE key = $1::bytea FOR UPDATE SKIP LOCKED
),
done AS (
    DELETE FROM countersign AS row USING own, clock WHERE row.key = own.key
    RETURNING NOT row.completed OR row.until > clock.now AS lived
),
held AS MATERIALIZED (
    SELECT alias, entries, ARRAY(
        SELECT entry FROM unnest(entries) AS entry
        WHERE alias <> $1
            AND substr(entry, 1, 32) <> (SELECT key FROM own)
    ) AS rest
    FROM countersign_aliases
    WHERE alias = $1 OR alias IN (SELECT unnest(own.aliases) FROM own)
    ORDER BY alias FOR UPDATE
),
",
    keep_the_rest!(),
    "
SELECT EXISTS (SELECT FROM done WHERE lived) OR EXISTS (
        SELECT FROM (SELECT unnest(entries) AS entry FROM held WHERE alias = $1) AS pointer
        JOIN countersign AS row ON row.key = substr(pointer.entry, 1, 32)
            AND int8send(row.born) = substr(pointer.entry, 33, 8)
        WHERE NOT row.completed OR row.until > clock.now
    ) AS done,
    EXISTS (SELECT FROM countersign WHERE key = $1) AND NOT EXISTS (SELECT FROM own) AS locked
FROM clock"
);

/// Deletes at most `$1` rows that are past their time, with their aliases.
pub(crate) const PURGE: &str = concat!(
    "\
WITH due AS MATERIALIZED (
    SELECT key, aliases FROM countersign
    WHERE until <= (SELECT clock_timestamp())
        AND (completed OR until <= (SELECT clock_timestamp()) - interval '1 hour')
    ORDER BY until LIMIT $1::bigint
    FOR UPDATE SKIP LOCKED
),
done AS (
    DELETE FROM countersign AS row USING due WHERE row.key = due.key
    RETURNING true
),
held AS MATERIALIZED (
    SELECT alias, ARRAY(
        SELECT entry FROM unnest(entries) AS entry
        WHERE substr(entry, 1, 32) NOT IN (SELECT key FROM due)
    ) AS rest
    FROM countersign_aliases
    WHERE alias IN (SELECT unnest(due.aliases) FROM due)
    ORDER BY alias FOR UPDATE
),
",
    keep_the_rest!(),
    "
SELECT count(*) AS purged FROM done"
);

/// Deletes a subject, and says whether it lived. On its own, so that it holds no other lock.
pub(crate) const FORGET_SUBJECT: &str = "\
DELETE FROM countersign_subjects WHERE subject = $1::bytea
RETURNING until > clock_timestamp() AS lived";

/// Deletes at most `$1` subjects that are past their time. On its own: it must hold no row that a claim
/// waits for while it waits for an alias of that claim.
pub(crate) const PURGE_SUBJECTS: &str = "\
WITH due AS MATERIALIZED (
    SELECT subject FROM countersign_subjects
    WHERE until <= (SELECT clock_timestamp())
    ORDER BY until LIMIT $1::bigint
    FOR UPDATE SKIP LOCKED
),
done AS (
    DELETE FROM countersign_subjects AS last USING due WHERE last.subject = due.subject
    RETURNING true
)
SELECT count(*) AS purged FROM done";

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use countersign_core::{
        DeliveryKey, Fence,
        store::{KEPT_AFTER_LEASE, ROWS_OF_AN_ALIAS},
    };

    use super::*;

    #[test]
    fn rows_are_kept_for_as_long_as_the_contract_says() {
        assert_eq!(KEPT_AFTER_LEASE, Duration::from_secs(60 * 60));
        assert!(PURGE.contains("clock_timestamp()) - interval '1 hour'"));
        assert!(CLAIM_LOCKED.contains(&format!("place > {ROWS_OF_AN_ALIAS}")));
    }

    #[test]
    fn what_does_not_fit_is_no_claim_and_the_longest_retention() {
        let key = DeliveryKey::for_id("rebill", None, "dlv_01");
        let completion = Completion::new(key, Fence::from_u64(u64::MAX), Duration::MAX);
        let values = CompleteIn::new(&completion);
        assert_eq!(values.fence, -1);
        assert_eq!(values.retention, micros(Duration::MAX));
    }
}
