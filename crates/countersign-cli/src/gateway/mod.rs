//! The gateway: proves what arrives at many paths, and passes it on once, signed in one way.
//!
//! ```text
//! sender -> server -> endpoints (by path) -> countersign-tower's layer -> PassOn -> upstream
//! ```
//!
//! What is proved, claimed, run and settled is core's. Nothing in here compares a signature or orders the calls of
//! a store. [`pass_on::PassOn`] is the handler: an answer of 2xx completes, everything else gives back.

pub(crate) mod admin;
pub(crate) mod config;
pub(crate) mod endpoints;
mod offers;
mod pass_on;
pub(crate) mod server;
mod signing;
pub(crate) mod store;
