//! Tests for users of countersign and for authors of stores.
//!
//! [`Sender`] signs deliveries the way a scheme's sender does, and sends them to an application
//! without a socket. [`ManualClock`] puts time under the test's control. [`store_suite`] is what
//! every deduplication store must pass.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `actix` | `Sender::send_actix`, which sends to an actix-web application |

mod clock;
mod delivery;
mod send;
mod sender;
mod sign;
pub mod store_suite;

pub use self::{clock::ManualClock, delivery::SignedDelivery, send::Reply, sender::Sender};
