//! The store that all endpoints share.

use core::{fmt, time::Duration};
use std::sync::Arc;

use countersign_core::{DedupStore, MemoryStore, ReceiverBuilder};

use super::config::{StoreKind, StoreSettings};
use crate::failure::Failure;

/// How long a store may take to be there. A gateway that waits for ever looks like one that serves.
const PATIENCE: Duration = Duration::from_secs(15);

/// An open store of any kind.
#[derive(Clone)]
pub(crate) struct Store {
    kind: &'static str,
    give: Arc<dyn Fn(ReceiverBuilder) -> ReceiverBuilder + Send + Sync>,
    close: Close,
}

/// What is left to do when nothing uses the store any more.
#[derive(Clone)]
enum Close {
    Nothing,
    Sqlite(countersign_sqlite::SqliteStore),
}

impl Store {
    /// Opens it, and makes its tables where they are missing.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, or is none that can be relied on.
    pub(crate) async fn open(settings: &StoreSettings) -> Result<Self, Failure> {
        let opened = tokio::time::timeout(PATIENCE, Self::open_in_its_time(settings)).await;
        opened.unwrap_or_else(|_| {
            let (kind, seconds) = (settings.kind.name(), PATIENCE.as_secs());
            Err(Failure::no_answer(format!(
                "the store {kind} does not answer within {seconds} s"
            )))
        })
    }

    async fn open_in_its_time(settings: &StoreSettings) -> Result<Self, Failure> {
        match &settings.kind {
            StoreKind::Memory => Ok(Self::of("memory", MemoryStore::new(), Close::Nothing)),
            StoreKind::Sqlite { path } => {
                let shown = path.display();
                let store = countersign_sqlite::SqliteStore::open(path)
                    .map_err(|error| Failure::no_answer(format!("the store {shown}: {error}")))?;
                let close = Close::Sqlite(store.clone());
                Ok(Self::of("sqlite", store, close))
            }
            #[cfg(feature = "redis")]
            StoreKind::Redis { url, prefix } => redis(url, prefix.as_deref()).await,
            #[cfg(feature = "postgres")]
            StoreKind::Postgres { url, connections } => postgres(url, *connections).await,
            #[cfg(not(all(feature = "redis", feature = "postgres")))]
            other => Err(Failure::usage(format!(
                "this binary was built without the store {}",
                other.name()
            ))),
        }
    }

    fn of(kind: &'static str, store: impl DedupStore + Clone, close: Close) -> Self {
        Self {
            kind,
            give: Arc::new(move |builder| builder.store(store.clone())),
            close,
        }
    }

    pub(crate) const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Gives it to a receiver.
    pub(super) fn give(&self, builder: ReceiverBuilder) -> ReceiverBuilder {
        (self.give)(builder)
    }

    pub(crate) async fn close(&self) {
        match &self.close {
            Close::Nothing => {}
            Close::Sqlite(store) => store.close().await,
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.kind)
    }
}

#[cfg(feature = "redis")]
async fn redis(url: &str, prefix: Option<&str>) -> Result<Store, Failure> {
    use countersign_redis::{RedisStore, redis::Client};

    // What a driver says of an address may repeat it, password included.
    let client =
        Client::open(url).map_err(|_| Failure::usage("the store's address is none of Redis"))?;
    let mut store = RedisStore::from_client(client)
        .map_err(|error| Failure::no_answer(format!("Redis: {error}")))?;
    if let Some(prefix) = prefix {
        store = store.with_prefix(prefix);
    }
    store
        .check()
        .await
        .map_err(|error| Failure::no_answer(format!("Redis: {error}")))?;
    Ok(Store::of("redis", store, Close::Nothing))
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str, connections: usize) -> Result<Store, Failure> {
    use countersign_postgres::{
        PostgresStore,
        deadpool_postgres::{Manager, Pool},
        tokio_postgres::{Config, NoTls},
    };

    let config: Config = url
        .parse()
        .map_err(|_| Failure::usage("the store's address is none of Postgres"))?;
    let pool = Pool::builder(Manager::new(config, NoTls))
        .max_size(connections)
        .build();
    let pool = pool.map_err(|error| Failure::no_answer(format!("Postgres: {error}")))?;
    let store = PostgresStore::new(pool);
    store.migrate().await.map_err(|error| {
        Failure::no_answer(format!(
            "Postgres: the tables cannot be made or found: {error}; is the server there, and may this role create tables?"
        ))
    })?;
    Ok(Store::of("postgres", store, Close::Nothing))
}
