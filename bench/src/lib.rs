//! Measures countersign beside its peers, a bare hash, and bare servers.
//!
//! `cargo bench --manifest-path bench/Cargo.toml` prints everything; `-- verification admission` prints
//! parts of it. With `COUNTERSIGN_WRITE=1` it also writes `docs/performance.md` and its plots.
#![allow(clippy::unwrap_used, reason = "a bench may stop")]

pub mod admission;
pub mod facts;
pub mod http;
pub mod memory;
pub mod paths;
pub mod public_keys;
pub mod report;
pub mod requests;
pub mod servers;
pub mod turns;
pub mod verification;
