#![cfg_attr(all(feature = "axum", feature = "actix"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "axum", feature = "actix")),
    doc = "Receives webhooks: proves the signature, runs the handler once per delivery, refuses the rest."
)]

#[doc(inline)]
pub use countersign_core::*;

#[cfg(feature = "actix")]
#[doc(inline)]
pub use countersign_actix as actix;
#[cfg(feature = "axum")]
#[doc(inline)]
pub use countersign_axum as axum;
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use countersign_sqlite as sqlite;
#[cfg(feature = "tower")]
#[doc(inline)]
pub use countersign_tower as tower;
