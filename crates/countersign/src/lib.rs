#![cfg_attr(
    all(feature = "axum", feature = "actix", feature = "jetstream"),
    doc = include_str!("../README.md")
)]
#![cfg_attr(
    not(all(feature = "axum", feature = "actix", feature = "jetstream")),
    doc = "Receives webhooks: proves the signature, runs the handler once per delivery, refuses the rest."
)]

#[cfg(all(doctest, feature = "axum", feature = "actix"))]
#[doc = include_str!("../../../docs/guide.md")]
struct Guide;

#[doc(inline)]
pub use countersign_core::{
    ConfigError, DEDUP_HEADER, Dedup, DeliveryKey, Detail, EventName, Health, Keyring,
    KeyringError, Limits, MemoryStore, Notice, Offer, OfferedSecret, Outcome, Raw, Receiver,
    ReceiverBuilder, Rejection, RejectionClass, RejectionKind, Rotation, Scheme, Secret,
    SecretError, SecretFault, StoreOutage, Streak, Timestamp, Verified, Verifier, VerifierBuilder,
    VerifierError, VerifyLimits, scheme, store,
};
#[doc(inline)]
pub use countersign_senders::{
    self as senders, events, github, invoice_maker, rebill_za, standard_webhooks, stripe,
};

/// Keys that depend on who a request is for.
pub mod tenants {
    #[doc(inline)]
    pub use countersign_core::{KeyringSource, LookupError, Tenant, TenantAt};
}

/// What an integration with a framework is built from. An application meets it where it has none.
///
/// The `Delivery` in here is what the extractors of axum and actix-web wrap: a handler takes
/// `countersign::axum::Delivery` or `countersign::actix::Delivery`.
pub mod integration {
    #[doc(inline)]
    pub use countersign_core::{
        Admitted, Answer, AnswerHeader, Clock, Completion, Delivery, DeliveryRejection,
        FromDelivery, FromHanded, HandedBody, Handle, Head, HeaderText, Intake, PayloadError,
        Prechecked, Received, Reply, Run, Sleep, SystemClock, Verdict,
    };
}

#[cfg(feature = "actix")]
#[doc(inline)]
pub use countersign_actix as actix;
#[cfg(feature = "axum")]
#[doc(inline)]
pub use countersign_axum as axum;
#[cfg(feature = "handoff")]
#[doc(inline)]
pub use countersign_handoff as handoff;
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

// The page's examples are those of applications.
#[cfg(all(doctest, feature = "axum", feature = "jetstream"))]
#[doc = include_str!("../../../docs/after-the-answer.md")]
mod after_the_answer {}
