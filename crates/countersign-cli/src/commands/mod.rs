//! The commands.

pub(crate) mod explain;
pub(crate) mod schemes;
pub(crate) mod send;
pub(crate) mod sign;
pub(crate) mod vectors;
pub(crate) mod verify;
