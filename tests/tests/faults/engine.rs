//! The engines: each a server of the test's own that can be killed and started again.

use std::{net::SocketAddr, time::Duration};

use countersign_core::DedupStore;
use countersign_postgres::PostgresStore;
use countersign_redis::{
    RedisStore,
    redis::aio::{ConnectionManager, ConnectionManagerConfig},
};
use countersign_tests::{
    postgres_server::PostgresServer,
    redis_server::{self, RedisServer},
};

/// A server of an engine, and stores over it.
pub(crate) trait Engine: Sized {
    /// Its store.
    type Store: DedupStore + Clone;

    /// Starts a server. `None` where there is no such program.
    async fn start() -> Option<Self>;

    /// Where it listens.
    fn addr(&self) -> SocketAddr;

    /// A store over the server, or over the proxy before it, that is at this address.
    fn store(&self, at: SocketAddr, limit: Duration) -> Self::Store;

    /// Ends it as a crash would.
    fn kill(&mut self);

    /// Starts it again over the same files, at the same port.
    fn resume(&mut self);
}

/// Redis that has written to its file before it answers.
pub(crate) struct Redis(RedisServer);

impl Engine for Redis {
    type Store = RedisStore;

    async fn start() -> Option<Self> {
        let options = ["--appendonly", "yes", "--appendfsync", "always"];
        RedisServer::start(&options).unwrap().map(Self)
    }

    fn addr(&self) -> SocketAddr {
        self.0.addr()
    }

    fn store(&self, at: SocketAddr, limit: Duration) -> RedisStore {
        // As `from_client` has it, but the driver has no limit of its own beside the test's.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_response_timeout(None);
        let client = redis_server::client(at).unwrap();
        let manager = ConnectionManager::new_lazy_with_config(client, config);
        RedisStore::new(manager.unwrap()).with_time_limit(limit)
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
    }

    fn resume(&mut self) {
        self.0.resume().unwrap();
    }
}

/// Postgres as it comes.
pub(crate) struct Postgres(PostgresServer);

impl Engine for Postgres {
    type Store = PostgresStore;

    async fn start() -> Option<Self> {
        let server = PostgresServer::start()?;
        PostgresStore::new(server.pool(1)).migrate().await.unwrap();
        Some(Self(server))
    }

    fn addr(&self) -> SocketAddr {
        self.0.addr()
    }

    fn store(&self, at: SocketAddr, limit: Duration) -> PostgresStore {
        PostgresStore::new(PostgresServer::pool_at(at, 8)).with_time_limit(limit)
    }

    fn kill(&mut self) {
        self.0.kill();
    }

    fn resume(&mut self) {
        self.0.resume();
    }
}
