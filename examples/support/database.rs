//! A pool of connections to Postgres.

use std::error::Error;

use clap::Parser;
use countersign::postgres::{
    PostgresStore,
    deadpool_postgres::{Manager, Pool},
    tokio_postgres::NoTls,
};

use crate::Options;

/// The flags of the examples over Postgres.
#[derive(Debug, Parser)]
pub struct PostgresOptions {
    /// Where Postgres is.
    #[arg(long, env = "DATABASE_URL")]
    pub database_url: String,
    #[command(flatten)]
    pub options: Options,
}

impl PostgresOptions {
    /// A pool, and a store over it whose tables are there.
    pub async fn connect(&self) -> Result<(Pool, PostgresStore), Box<dyn Error>> {
        let manager = Manager::new(self.database_url.parse()?, NoTls);
        let pool = Pool::builder(manager).max_size(16).build()?;
        let store = PostgresStore::new(pool.clone());
        store.migrate().await?;
        Ok((pool, store))
    }
}
