#![cfg_attr(all(feature = "axum", feature = "actix"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "axum", feature = "actix")),
    doc = "Receives webhooks: proves the signature, runs the handler once per delivery, refuses the rest."
)]

#[doc(inline)]
pub use countersign_core::*;
#[doc(inline)]
pub use countersign_senders::{
    events, github, invoice_maker, rebill_za, standard_webhooks, stripe,
};

#[cfg(feature = "actix")]
#[doc(inline)]
pub use countersign_actix as actix;
#[cfg(feature = "axum")]
#[doc(inline)]
pub use countersign_axum as axum;
#[cfg(feature = "postgres")]
#[doc(inline)]
pub use countersign_postgres as postgres;
#[cfg(feature = "redis")]
#[doc(inline)]
pub use countersign_redis as redis;
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use countersign_sqlite as sqlite;
#[cfg(feature = "tower")]
#[doc(inline)]
pub use countersign_tower as tower;
