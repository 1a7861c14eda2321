//! The Redis store against servers of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "redis/contract.rs"]
mod contract;
#[path = "redis/faults.rs"]
mod faults;
#[path = "redis/fitness.rs"]
mod fitness;
#[path = "redis/help.rs"]
mod help;
#[path = "redis/model.rs"]
mod model;
#[path = "redis/year.rs"]
mod year;
