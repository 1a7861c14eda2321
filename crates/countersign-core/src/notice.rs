//! What an application may want to hear about beside its handlers.

use core::{fmt, panic::AssertUnwindSafe};
use std::{panic::catch_unwind, sync::Arc};

use bytes::Bytes;

use crate::{Admitted, DeliveryKey, StoreError, Verified, trace};

/// Something happened that no handler sees. Given to
/// [`ReceiverBuilder::on_notice`](crate::ReceiverBuilder::on_notice).
///
/// Its `Debug` form shows neither bodies nor ids.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The sender tested the endpoint.
    Ping(&'a Verified),
    /// The same signed bytes were completed under another (unsigned) id, and the event's type
    /// happens once: the handler did not run. Either a replay, or a sender that honestly sends the
    /// same bytes twice under two ids.
    Suppressed {
        /// What the request said of itself.
        delivery: &'a Summary,
        /// The proved bytes; gone when the request had to wait for a running copy.
        body: Option<Proved<'a>>,
    },
    /// A delivery with other bytes was completed, or is running, under this (unsigned) id: the handler
    /// does not run.
    FingerprintMismatch(&'a Verified),
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
    LookupFailed(&'a crate::LookupError),
}

/// The exact bytes that were proved.
#[derive(Clone, Copy)]
pub struct Proved<'a>(pub(crate) &'a Bytes);

impl<'a> Proved<'a> {
    /// The bytes.
    #[must_use]
    pub const fn bytes(self) -> &'a Bytes {
        self.0
    }
}

impl fmt::Debug for Proved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// What a request said of itself, without its bytes.
#[derive(Clone)]
pub struct Summary {
    pub(crate) endpoint: Arc<str>,
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) key: DeliveryKey,
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
}

impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Summary")
            .field("endpoint", &self.endpoint)
            .field("tenant", &self.tenant)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Summary {
    pub(crate) fn of(verified: &Verified) -> Self {
        Self {
            endpoint: Arc::clone(&verified.receiver().endpoint),
            tenant: verified.tenant_arc(),
            key: verified.key(),
            id: verified.id().map(str::to_owned),
            event: verified.event_type().map(|name| name.as_str().to_owned()),
        }
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The tenant, by the id that the lookup returned.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// What deduplication is keyed on.
    #[must_use]
    pub const fn key(&self) -> DeliveryKey {
        self.key
    }

    /// The delivery's id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The event's type.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.event.as_deref()
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
                trace::notice_panicked();
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
