//! A payment is booked if and only if its delivery is done, whatever dies when: both are written in
//! one transaction of the application's own driver.
//!
//! The store keeps its own connections, through `tokio-postgres`; what a handler needs of it is the
//! text in `countersign::postgres::sql`. The same through `tokio-postgres` itself is the example
//! `exactly_once_postgres`, which also shows the rest of a server.

pub mod with_diesel;
pub mod with_graphile_worker;
pub mod with_sqlx;
