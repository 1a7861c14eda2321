//! Proves, deduplicates and admits incoming webhooks, without a web framework and without a
//! runtime.
//!
//! This is the crate that adapters, stores and integrations build on. Applications depend on
//! [`countersign`](https://docs.rs/countersign), which re-exports it together with the adapter for
//! their framework and with the senders that are known (`countersign-senders`).
//!
//! # The way of a request
//!
//! 1. [`Verifier::precheck`] refuses from the head alone: method, content type, header grammar,
//!    time, declared length.
//! 2. The keyring is static, or looked up by tenant ([`KeyringSource`]).
//! 3. [`Prechecked::open`], [`Intake::push`] and [`Intake::finish`] take the body in, in one walk over
//!    its bytes, and give a [`Verified`] or a [`Rejection`]. [`Verifier::verify`] is all of that in
//!    one call.
//! 4. [`Receiver::admit`] claims the delivery in a [`DedupStore`] and gives a [`Run`], or the
//!    [`Answer`] to send instead.
//! 5. [`Run::start`] runs the handler and settles the claim: complete after a 2xx, release after
//!    anything else.
//!
//! Steps 1 to 3 are a [`Verifier`]'s. They are synchronous, take time as a value, and are complete
//! without the rest; [`Receiver::receive`] drives them over a stream of chunks. Steps 4 and 5 are async and take
//! their timers from a [`Clock`].
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `tracing` | a span for each delivery, an event for each refusal and duplicate |
//! | `metrics` | counters, gauges and histograms through the `metrics` facade |
//! | `legacy-sha1` | HMAC-SHA1, for senders that have nothing else |
//! | `ed25519` | Ed25519 signatures |
//! | `p256` | ECDSA signatures over P-256 |
//! | `rsa` | RSA signatures with the padding of PKCS#1 v1.5 |
//! | `explain` | why a request does not verify, for tools: `explain` |
//! | `gzip` | bodies that are compressed |

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

mod answer;
mod clock;
mod delivery;
mod detail;
#[cfg(feature = "explain")]
pub mod explain;
mod extract;
mod identity;
mod key;
mod keys;
mod mac;
mod packed;
mod receiver;
mod rejection;
mod report;
pub mod scheme;
pub mod store;
mod texts;
mod verify;

pub use self::{
    answer::{Answer, AnswerHeader, DEDUP_HEADER, Dedup, HeaderText},
    clock::{Clock, Sleep, SystemClock, Timestamp},
    delivery::{Admitted, Completion, Delivery, Outcome},
    detail::Detail,
    extract::{DeliveryRejection, FromDelivery, FromHanded, HandedBody, PayloadError, Raw},
    key::DeliveryKey,
    keys::{
        Keyring, KeyringError, KeyringSource, LookupError, MAX_KEYS, Rotation, Secret, SecretError,
        SecretFault, Tenant, TenantAt,
    },
    mac::Algorithm,
    receiver::{
        Accepted, ConfigError, Handle, Health, Limits, Offer, OfferedSecret, Received, Receiver,
        ReceiverBuilder, Reply, Run, StoreOutage, Verdict,
    },
    rejection::{Rejection, RejectionClass, RejectionKind},
    report::{Notice, Streak},
    scheme::Scheme,
    store::{
        Capabilities, Claim, ClaimRequest, Claimed, DedupStore, Fence, Fenced, KeyState, OnRepeat,
        Owner, Recurrence, StoreError, StoreErrorKind, Subject, memory::MemoryStore,
    },
    verify::{
        EventName, Head, Intake, Items, Prechecked, Verified, Verifier, VerifierBuilder,
        VerifierError, VerifyLimits,
    },
};
