//! What the tests across crates share.

pub mod reference;
pub mod request;
pub mod schemes;
pub mod vectors;
