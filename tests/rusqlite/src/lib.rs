//! What the tests use of the workspace's test support, under its name.

#[path = "../../support/claims.rs"]
pub mod claims;
#[path = "../../support/model/mod.rs"]
pub mod model;
