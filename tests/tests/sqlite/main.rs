//! The SQLite store: the rules of every store, a model, crashes, and files that are not as they
//! should be.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod child;
mod contract;
mod crashes;
mod files;
mod full;
mod help;
mod model;
mod times;
