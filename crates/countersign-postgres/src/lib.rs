//! countersign's deduplication store on Postgres.
mod claim;
mod link;
mod settle;
pub mod sql;
mod store;
mod table;
mod value;

pub use deadpool_postgres;
pub use deadpool_postgres::tokio_postgres;

pub use self::{
    store::PostgresStore,
    table::{Table, TableError},
};
