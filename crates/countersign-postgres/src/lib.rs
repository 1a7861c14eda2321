//! countersign's deduplication store on Postgres: for services of several processes, and for
//! deliveries that must be remembered across restarts.
//!
//! ```no_run
//! use countersign_core::{Receiver, Secret};
//! use countersign_senders::rebill_za;
//! use countersign_postgres::{
//!     PostgresStore,
//!     deadpool_postgres::{Manager, Pool},
//!     tokio_postgres::NoTls,
//! };
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let config = "host=localhost user=app dbname=app".parse()?;
//! let pool = Pool::builder(Manager::new(config, NoTls)).max_size(16).build()?;
//! let store = PostgresStore::new(pool);
//! store.migrate().await?;
//!
//! let rebill = Receiver::builder(rebill_za::SCHEME)
//!     .endpoint("rebill")
//!     .secret(Secret::from_env("REBILL_WEBHOOK_SECRET")?)
//!     .store(store)
//!     .build()?;
//! # drop(rebill);
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! * A new key is one round trip, with aliases too. Without aliases, a key that is held or done
//!   takes a second one, and a takeover a third.
//! * Time is the server's `clock_timestamp()`, read once an operation. No client's clock counts.
//! * Fences come from one sequence, under a lock of the key, so that a key's fences grow also after
//!   it was given back or forgotten.
//! * An answered claim survives a crash of the server. That needs `synchronous_commit` other than
//!   `off`, which may lose the last claims and reuse their fences; and a failover to a replica that
//!   is behind forgets what it had not received.
//! * No operation waits for a transaction of yours; see [`PostgresStore::complete_in`].
//! * An operation ends within the [time limit](PostgresStore::with_time_limit). One that does not
//!   has its connection closed, so that nobody waits behind it.
//!
//! # Failures
//!
//! | what happened | kind |
//! | --- | --- |
//! | no connection: refused, not in time, too many; the server shuts down or is read-only | `Unavailable` |
//! | the connection broke after the question; the time limit; a lock or statement timeout | `Timeout` |
//! | the disk is full | `Full` |
//! | anything else, such as a missing table or right | `Backend` |
//!
//! # Connections
//!
//! The pool is yours, and so are TLS (hand the `Manager` a connector of
//! `tokio-postgres-rustls`, say), authentication and `search_path`. An operation holds one
//! connection at a time; 16 are plenty. PgBouncer in transaction mode must support prepared
//! statements (1.21, `max_prepared_statements`).
//!
//! Claims take advisory locks, for the length of a statement, on numbers that are hashes; they
//! cannot meet small numbers that an application locks for itself.
//!
//! # Schema
//!
//! [`PostgresStore::migrate`], or [`sql::MIGRATION`] with your own migrations. The role that runs
//! the service needs `SELECT`, `INSERT`, `UPDATE` and `DELETE` on the three tables, and `USAGE` on the
//! sequence.
//!
//! Call [`purge`](countersign_core::DedupStore::purge) now and then, from any process or several.
//! A table that is too large for that can be partitioned by a hash of the key: every statement
//! names the key, and no other column has to be unique. Create it before `migrate`, which then
//! leaves it as it is:
//!
//! ```sql
//! CREATE TABLE countersign ( /* columns as in the migration */ ) PARTITION BY HASH (key);
//! CREATE TABLE countersign_0 PARTITION OF countersign FOR VALUES WITH (MODULUS 4, REMAINDER 0);
//! -- and so on to REMAINDER 3; `countersign_aliases` likewise by HASH (alias),
//! -- and `countersign_subjects` by HASH (subject)
//! ```
//!
//! Partitions by time are not possible: a key must be unique over all of them.

#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::std_instead_of_core
    )
)]

mod claim;
mod handover;
mod link;
mod settle;
pub mod sql;
mod store;
mod table;
mod value;

pub use deadpool_postgres;
pub use deadpool_postgres::tokio_postgres;

pub use self::{
    handover::{HandedOver, HandoverError},
    store::PostgresStore,
    table::{Table, TableError},
};
