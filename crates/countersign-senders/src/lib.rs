//! How senders of webhooks sign, as data, and the typed events of some of them.
//!
//! Most senders are a constant in the module of their family ([`payments`], [`messaging`] and so on). Those
//! with an `Event` are a module of their own, with its `SCHEME`, and decode what they send, too; [`events`] is
//! what these share. [`all`] lists every one, with the page that it was written from.
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

mod forms;
mod missing;
mod preset;
mod spans;

pub mod adyen;
#[cfg(feature = "rsa")]
pub mod amazon_sns;
pub mod body_tokens;
pub mod business;
pub mod commerce;
pub mod developer;
#[cfg(feature = "document")]
pub mod document;
pub mod events;
pub mod github;
pub mod invoice_maker;
pub mod messaging;
pub mod payments;
pub mod procedures;
pub mod rebill_za;
pub mod standard;
pub mod standard_webhooks;
pub mod stripe;
pub mod tokens;
#[cfg(feature = "legacy-sha1")]
pub mod twilio;

pub use self::{
    missing::{Missing, missing},
    preset::{Confidence, Preset},
};

/// The senders that have a module of their own.
const OWN_MODULES: &[Preset] = &[
    Preset {
        name: adyen::SCHEME.name(),
        title: "Adyen (standard webhook)",
        scheme: adyen::SCHEME,
        source: adyen::SCHEME.evidence(),
        confidence: Confidence::High,
        sample: r#"{"live":"false","notificationItems":[{"NotificationRequestItem":{"pspReference":"7914073381342284","merchantReference":"TestPayment-1407325143704","merchantAccountCode":"TestMerchant","amount":{"currency":"EUR","value":1130},"success":"true","eventDate":"2026-05-06T17:15:34+02:00","paymentMethod":"visa"}}]}"#,
        note: "Signs eight fields of each item and nothing else of it, no date and no `paymentMethod`: read them with `adyen::Item`, and fetch the rest. Old endpoints want the answer `[accepted]`.",
    },
    Preset {
        name: github::SCHEME.name(),
        title: "GitHub",
        scheme: github::SCHEME,
        source: github::SCHEME.evidence(),
        confidence: Confidence::High,
        sample: r#"{"action":"opened","repository":{"id":35129377}}"#,
        note: "Nothing is retried by itself; by hand within 3 days, under the same id.",
    },
    Preset {
        name: invoice_maker::SCHEME.name(),
        title: "Invoice Maker",
        scheme: invoice_maker::SCHEME,
        source: invoice_maker::SCHEME.evidence(),
        confidence: Confidence::High,
        sample: r#"{"data":{"id":"inv_1","status":"paid"}}"#,
        note: "After 100 failures in a row events are lost, not queued.",
    },
    Preset {
        name: rebill_za::SCHEME.name(),
        title: "Rebill (rebill.co.za)",
        scheme: rebill_za::SCHEME,
        source: rebill_za::SCHEME.evidence(),
        confidence: Confidence::High,
        sample: r#"{"id":"inv_1","status":"paid"}"#,
        note: "Not rebill.com. Paused after 20 failures in a row.",
    },
    Preset {
        name: standard_webhooks::SCHEME.name(),
        title: "Standard Webhooks",
        scheme: standard_webhooks::SCHEME,
        source: standard_webhooks::SCHEME.evidence(),
        confidence: Confidence::High,
        sample: r#"{"timestamp":"2026-11-03T20:26:10.344522Z","data":{"id":"1"}}"#,
        note: "",
    },
    Preset {
        name: standard_webhooks::SVIX.name(),
        title: "Svix",
        scheme: standard_webhooks::SVIX,
        source: standard_webhooks::SVIX.evidence(),
        confidence: Confidence::High,
        sample: r#"{"data":{"id":"1"}}"#,
        note: "",
    },
    Preset {
        name: stripe::SCHEME.name(),
        title: "Stripe",
        scheme: stripe::SCHEME,
        source: stripe::SCHEME.evidence(),
        confidence: Confidence::High,
        sample: r#"{"object":"event","api_version":"2026-10-28","data":{"object":{"id":"in_1","object":"invoice"}}}"#,
        note: "",
    },
];

/// All senders that are known, by family.
///
/// ```
/// let names: Vec<_> = countersign_senders::all().map(|preset| preset.name).collect();
/// assert!(names.contains(&"paddle") && names.len() >= 60);
/// ```
pub fn all() -> impl Iterator<Item = &'static Preset> {
    [
        OWN_MODULES,
        #[cfg(feature = "legacy-sha1")]
        twilio::FAMILY,
        standard::FAMILY,
        payments::FAMILY,
        commerce::FAMILY,
        developer::FAMILY,
        messaging::FAMILY,
        business::FAMILY,
        procedures::FAMILY,
        #[cfg(feature = "rsa")]
        amazon_sns::FAMILY,
        tokens::FAMILY,
        body_tokens::FAMILY,
    ]
    .into_iter()
    .flatten()
}

/// The sender of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Preset> {
    all().find(|preset| preset.name == name)
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
