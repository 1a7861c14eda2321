//! How senders of webhooks sign, as data, and the typed events of some of them.
//!
//! Each sender is a module with its `SCHEME`, and the sender's pages that it was written from. Those
//! with an `Event` decode what they send, too; [`events`] is what these share.
//!
//! Applications depend on [`countersign`](https://docs.rs/countersign), which re-exports all of this.
//! A sender that is not here needs no release of this crate: a scheme is a constant of the
//! application's own (see [`Scheme`](countersign_core::Scheme)).

#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::std_instead_of_core
    )
)]

pub mod events;
pub mod github;
pub mod invoice_maker;
pub mod rebill_za;
pub mod standard_webhooks;
pub mod stripe;
