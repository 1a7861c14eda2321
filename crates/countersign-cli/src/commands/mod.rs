//! The commands.

pub(crate) mod explain;
pub(crate) mod listen;
pub(crate) mod replay;
pub(crate) mod schemes;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod sign;
pub(crate) mod vectors;
pub(crate) mod verify;
