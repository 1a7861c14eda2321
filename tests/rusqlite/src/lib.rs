//! What the tests use of the workspace's test support, under its name.

#[path = "../../support/model/mod.rs"]
pub mod model;
