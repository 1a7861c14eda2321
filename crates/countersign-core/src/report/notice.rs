//! What an application may want to hear about beside its handlers.

use core::{fmt, panic::AssertUnwindSafe};
use std::{panic::catch_unwind, sync::Arc};

use crate::{delivery::Admitted, key::DeliveryKey, receiver::Received, store::StoreError};

/// Something happened that no handler sees. Given to
/// [`ReceiverBuilder::on_notice`](crate::ReceiverBuilder::on_notice).
///
/// Its `Debug` form shows neither bodies nor ids.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The sender tested the endpoint.
    Ping(&'a Received),
    /// A repeat: the same signed bytes of the same type were the last that was claimed of their
    /// entity, under another (unsigned) id, and the type happens once. The handler did not run.
    /// Either a replay, or a sender that says the same twice under two ids.
    Suppressed(&'a Received),
    /// The delivery has no id, and the same body (or, with a
    /// [content key](crate::scheme::SchemeBuilder::content_key), the same values in its fields) was completed before:
    /// the handler did not run. Where a second event can have those of an earlier one, this may be an event
    /// that is lost.
    KnownByBody(&'a Received),
    /// A delivery with other bytes was completed, or is running, under this id: the handler does not
    /// run. A retry that was rendered anew, or an id that is not one: a header or field that is not new
    /// for every event.
    FingerprintMismatch(&'a Received),
    /// A proved body was not of the expected form, and the receiver was told to discard such.
    Discarded(&'a Admitted),
    /// Half of the failures in a row after which the sender switches the endpoint off.
    FailureStreak(Streak),
    /// A run outlived its lease and somebody else claimed the delivery: it may have run twice.
    ClaimLost(&'a Admitted),
    /// The handler succeeded, but the store could not be told: a later copy will run again.
    CompleteFailed {
        /// The delivery that ran.
        delivery: &'a Admitted,
        /// What the store said.
        error: &'a StoreError,
    },
    /// The store did not answer. When a claim was asked for, the request was refused, unless the
    /// receiver fails open; a lease that could not be prolonged or given back ends by itself.
    StoreFailed(&'a StoreError),
    /// The tenant lookup did not answer, and a request was refused for it.
    LookupFailed(&'a crate::keys::LookupError),
}

/// What is left of a delivery that waits for a copy, for its log.
#[cfg_attr(
    not(feature = "tracing"),
    allow(dead_code, reason = "only the log reads all of it")
)]
pub(crate) struct Summary {
    pub(crate) endpoint: Arc<str>,
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) key: DeliveryKey,
}

impl Summary {
    pub(crate) fn of(received: &Received) -> Self {
        Self {
            endpoint: Arc::clone(&received.receiver().endpoint),
            tenant: received.tenant_arc(),
            key: received.key(),
        }
    }
}

/// Failures in a row, as the sender may be counting them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Streak {
    /// Proved deliveries since the last success that were not answered 2xx.
    pub failed: u32,
    /// Requests since the last success that were refused unproved, for a reason that a true sender
    /// can run into too (wrong secret, clock, overload). Anybody can raise this number.
    pub refused: u32,
    /// After how many the sender switches the endpoint off.
    pub limit: Option<u32>,
}

pub(crate) type NoticeFn = dyn Fn(&Notice<'_>) + Send + Sync;

/// The application's callback, if it gave one.
#[derive(Clone, Default)]
pub(crate) struct Notify(pub(crate) Option<Arc<NoticeFn>>);

impl Notify {
    pub(crate) fn send(&self, notice: &Notice<'_>) {
        if let Some(notify) = &self.0 {
            // A panic in there must not change what becomes of a delivery.
            let told = catch_unwind(AssertUnwindSafe(|| notify(notice)));
            if told.is_err() {
                super::spans::notice_panicked();
            }
        }
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Notify(..)"
        } else {
            "Notify(none)"
        })
    }
}
