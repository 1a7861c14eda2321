//! The store.

use core::{fmt, time::Duration};
use std::sync::Arc;

use countersign_core::{
    Capabilities, Claim, ClaimRequest, Completion, DedupStore, DeliveryKey, Fence, Fenced,
    KeyState, StoreError,
};
use deadpool_postgres::Pool;
use tokio_postgres::Transaction;

use crate::{
    claim,
    link::{Link, store_error},
    settle,
    sql::CompleteIn,
    table::{Statements, Table},
    value::number,
};

/// How long an operation may take by default.
const TIME_LIMIT: Duration = Duration::from_millis(1_500);

/// Runs migrations one at a time, whoever starts them.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(7165065796034819);";

/// Remembers deliveries in Postgres: for services of several processes, and across restarts.
///
/// Takes a pool that you built, so that TLS, authentication, size and `search_path` are yours.
/// Clones share it. See the [crate's documentation](crate) for what is promised and how to run it.
///
/// ```no_run
/// use countersign_postgres::{
///     PostgresStore,
///     deadpool_postgres::{Manager, Pool},
///     tokio_postgres::NoTls,
/// };
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let config = "host=localhost user=app dbname=app".parse()?;
/// let pool = Pool::builder(Manager::new(config, NoTls)).max_size(16).build()?;
/// let store = PostgresStore::new(pool);
/// store.migrate().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    pool: Pool,
    table: Table,
    statements: Arc<Statements>,
    time_limit: Duration,
}

impl PostgresStore {
    /// A store over a pool, in the tables whose names begin with `countersign`.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        let table = Table::default();
        let statements = Arc::new(Statements::new(&table));
        Self {
            pool,
            table,
            statements,
            time_limit: TIME_LIMIT,
        }
    }

    /// Uses tables of another name.
    #[must_use]
    pub fn with_table(mut self, table: Table) -> Self {
        self.statements = Arc::new(Statements::new(&table));
        self.table = table;
        self
    }

    /// Sets how long an operation may take, from asking for a connection to the answer. The default is 1.5 s.
    /// A purge may take as long for each of its batches.
    #[must_use]
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Creates the tables, unless they are there. Several processes may do so at once.
    ///
    /// Needs a role that may create tables, and is not bounded by the time limit. Or run
    /// [`sql::MIGRATION`](crate::sql::MIGRATION) with the migrations of your application.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached, or refuses.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let client = self.pool.get().await.map_err(StoreError::unavailable)?;
        // Statements that are sent together are one transaction, which the lock lasts for.
        let statements = format!("{MIGRATION_LOCK}\n{}", self.statements.migration);
        client.batch_execute(&statements).await.map_err(store_error)
    }

    /// Completes a delivery inside your own transaction: it is done if and only if what you wrote
    /// is committed.
    ///
    /// Call it last. On [`Fenced::Lost`] somebody else runs or ran the delivery: **roll back**. On
    /// [`Fenced::Applied`], commit, and answer as usual.
    ///
    /// Waits at most one second for the row, whatever `lock_timeout` the transaction has, and
    /// leaves that setting as it was. Until the transaction ends, copies of the delivery are
    /// answered as in flight, also when the lease runs out meanwhile.
    ///
    /// Takes a `deadpool_postgres::Transaction` too, by dereferencing. For sqlx and diesel there is
    /// the statement: [`sql::COMPLETE_IN`](crate::sql::COMPLETE_IN).
    ///
    /// ```no_run
    /// use countersign_core::{Admitted, Fenced};
    /// use countersign_postgres::{PostgresStore, deadpool_postgres::Pool};
    /// # type Error = Box<dyn std::error::Error + Send + Sync>;
    ///
    /// async fn mark_paid(
    ///     pool: &Pool,
    ///     store: &PostgresStore,
    ///     delivery: &Admitted,
    ///     invoice: &str,
    /// ) -> Result<(), Error> {
    ///     let mut client = pool.get().await?;
    ///     let transaction = client.transaction().await?;
    ///     let paid = "UPDATE invoices SET paid = true WHERE id = $1";
    ///     transaction.execute(paid, &[&invoice]).await?;
    ///     // From here on the receiver looks whether the transaction was committed.
    ///     let completion = delivery.completion();
    ///     match store.complete_in(&transaction, &completion).await? {
    ///         Fenced::Applied => Ok(transaction.commit().await?),
    ///         Fenced::Lost => Err("somebody else runs this delivery".into()),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When the server does not answer or refuses. The transaction is then of no more use.
    pub async fn complete_in(
        &self,
        transaction: &Transaction<'_>,
        completion: &Completion,
    ) -> Result<Fenced, StoreError> {
        let values = CompleteIn::new(completion);
        settle::complete_in(transaction, &self.statements, values)
            .await
            .map_err(store_error)
    }

    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) const fn time_limit(&self) -> Duration {
        self.time_limit
    }

    async fn link(&self) -> Result<Link, StoreError> {
        Link::open(&self.pool, self.time_limit).await
    }
}

impl DedupStore for PostgresStore {
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claim, StoreError> {
        let link = self.link().await?;
        let operation = claim::claim(link.client(), &self.statements, &request);
        let answer = link.bounded(operation).await;
        link.close(answer)
    }

    /// Never waits for a lock. A row that is locked by a [`complete_in`](Self::complete_in) whose
    /// transaction is open is not written; the answer is [`Fenced::Applied`] all the same, because
    /// nobody can take the key over before that transaction ends, which is what a lease is for. If
    /// it is rolled back after the old lease's end, the key is free at once.
    async fn extend(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> Result<Fenced, StoreError> {
        let Some(fence) = number(fence) else {
            return Ok(Fenced::Lost);
        };
        let link = self.link().await?;
        let operation = settle::extend(link.client(), &self.statements, key, fence, lease);
        let answer = link.bounded(operation).await;
        link.close(answer)
    }

    async fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> Result<Fenced, StoreError> {
        let Some(fence) = number(fence) else {
            return Ok(Fenced::Lost);
        };
        let link = self.link().await?;
        let operation = settle::complete(link.client(), &self.statements, key, fence, retention);
        let answer = link.bounded(operation).await;
        link.close(answer)
    }

    async fn release(&self, key: &DeliveryKey, fence: Fence) -> Result<Fenced, StoreError> {
        let Some(fence) = number(fence) else {
            return Ok(Fenced::Lost);
        };
        let link = self.link().await?;
        let operation = settle::release(link.client(), &self.statements, key, fence);
        let answer = link.bounded(operation).await;
        link.close(answer)
    }

    async fn state(&self, key: &DeliveryKey) -> Result<KeyState, StoreError> {
        let link = self.link().await?;
        let operation = settle::state(link.client(), &self.statements, key);
        let answer = link.bounded(operation).await;
        link.close(answer)
    }

    async fn forget(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        let link = self.link().await?;
        let operation = settle::forget(link.client(), &self.statements, key);
        let answer = link.bounded(operation).await;
        link.close(answer)
    }

    /// Counts deliveries; their aliases go with them. Each batch of 500 is a transaction of its own
    /// and skips rows that others are writing.
    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        let mut purged = 0_usize;
        while purged < limit {
            let link = self.link().await?;
            let left = limit.saturating_sub(purged);
            let operation = settle::purge(link.client(), &self.statements, left);
            let answer = link.bounded(operation).await;
            let (batch, more) = link.close(answer)?;
            purged = purged.saturating_add(batch);
            if !more {
                break;
            }
        }
        Ok(purged)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(true, true)
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("table", &self.table)
            .field("time_limit", &self.time_limit)
            .field("pool", &self.pool.status())
            .finish_non_exhaustive()
    }
}
