//! The Postgres store against a real server.
//!
//! Where Postgres is not installed the tests say so and pass; `COUNTERSIGN_REQUIRE_SERVERS=1` makes
//! them fail instead.

mod contract;
mod handover;
mod help;
mod model;
mod outages;
mod races;
mod rows;
mod transactions;
mod year;
