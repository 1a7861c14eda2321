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
//! | `legacy-sha1`, `ed25519`, `p256`, `rsa` | signing with these algorithms |
//! | `gzip` | compressing bodies ([`Sender::compressing`]) |

mod clock;
mod delivery;
mod gzip;
mod send;
mod sender;
mod sign;
pub mod store_suite;
mod tag;

pub use self::{clock::ManualClock, delivery::SignedDelivery, send::Reply, sender::Sender};
