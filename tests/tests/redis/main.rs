//! The Redis store against servers of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod contract;
mod faults;
mod fitness;
mod help;
mod model;
mod year;
