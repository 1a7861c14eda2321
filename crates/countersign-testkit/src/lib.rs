//! Tests for users of countersign.
//!
//! [`Sender`] signs deliveries the way a scheme's sender does, and sends them to an application
//! without a socket.

mod delivery;
mod send;
mod sender;
mod sign;

pub use self::{delivery::SignedDelivery, send::Reply, sender::Sender};
