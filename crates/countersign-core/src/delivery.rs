//! What a handler receives.

// docs/decisions.md: D26.

use core::{
    ops::Deref,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::sync::Arc;

use crate::{
    answer::Dedup,
    extract::Raw,
    identity,
    key::DeliveryKey,
    receiver::Received,
    store::{Fence, Recurrence},
};

/// A proved delivery whose claim this process holds: what adapters put into a request's extensions.
///
/// A cheap handle. It dereferences to [`Received`], and from there to [`Verified`](crate::Verified).
#[derive(Clone, Debug)]
pub struct Admitted {
    inner: Arc<AdmittedInner>,
}

#[derive(Debug)]
struct AdmittedInner {
    received: Received,
    fence: Fence,
    attempt: u32,
    dedup: Dedup,
    recurrence: Recurrence,
    own_transaction: AtomicBool,
}

impl Admitted {
    pub(crate) fn new(received: Received, claimed: &crate::store::Claimed) -> Self {
        Self {
            inner: Arc::new(AdmittedInner {
                received,
                fence: claimed.fence,
                attempt: claimed.attempt,
                dedup: if claimed.takeover {
                    Dedup::Takeover
                } else {
                    Dedup::Fresh
                },
                recurrence: claimed.recurrence,
                own_transaction: AtomicBool::new(false),
            }),
        }
    }

    /// A delivery that runs although the store does not answer.
    pub(crate) fn unclaimed(received: Received) -> Self {
        Self {
            inner: Arc::new(AdmittedInner {
                received,
                fence: Fence::from_u64(0),
                attempt: 1,
                dedup: Dedup::Unavailable,
                recurrence: Recurrence::None,
                own_transaction: AtomicBool::new(false),
            }),
        }
    }

    /// Says that the handler completes this delivery in a transaction of its own, and with what: for
    /// the `complete_in` of a store that lives in the application's database.
    ///
    /// After a handler that called this, the receiver only looks whether the delivery was completed:
    /// if not, the transaction was rolled back, and the delivery is given back.
    #[must_use = "the delivery is not completed unless the handler does it"]
    pub fn completion(&self) -> Completion {
        self.inner.own_transaction.store(true, Ordering::Relaxed);
        self.how_to_complete()
    }

    pub(crate) fn how_to_complete(&self) -> Completion {
        Completion {
            key: self.key(),
            fence: self.fence(),
            retention: identity::retention(self, self.receiver().retention),
        }
    }

    pub(crate) fn completes_itself(&self) -> bool {
        self.inner.own_transaction.load(Ordering::Relaxed)
    }

    /// The number that grows each time the delivery changes hands; guard your own writes with it.
    /// Zero where there is no claim, because the store does not answer
    /// ([`StoreOutage::FailOpen`](crate::StoreOutage)).
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.inner.fence
    }

    /// Which claim this is: above 1 where earlier ones were not settled within their lease, whether or
    /// not their handlers began.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.inner.attempt
    }

    /// Whether an earlier claim of this delivery was never settled: its run may have left effects in
    /// part, or may never have begun. Either way this run must do the work; completed duplicates do
    /// not reach a handler.
    #[must_use]
    pub fn is_takeover(&self) -> bool {
        self.inner.dedup == Dedup::Takeover
    }

    /// Whether the same signed bytes of the same type were the last that came about this entity, under
    /// another (unsigned) id, or there is no saying which entity it is: a replay, or a sender that
    /// says the same twice. Only types that may repeat get this far.
    #[must_use]
    pub fn is_repeat(&self) -> bool {
        self.inner.recurrence == Recurrence::Repeat
    }

    /// Whether the same signed bytes of the same type came before, under another (unsigned) id, and
    /// something else about this entity has come since: an entity that is again as it was (an invoice
    /// marked paid, unmarked, and marked paid again), or a replay of the first time. Where the
    /// difference is money, ask the sender how the entity stands.
    #[must_use]
    pub fn is_return(&self) -> bool {
        self.inner.recurrence == Recurrence::Return
    }

    /// Whether the same signed bytes of the same type came before under another (unsigned) id:
    /// [`is_repeat`](Self::is_repeat) or [`is_return`](Self::is_return).
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.inner.recurrence != Recurrence::None
    }

    pub(crate) fn recurrence(&self) -> Recurrence {
        self.inner.recurrence
    }

    /// What deduplication made of the delivery.
    #[must_use]
    pub fn dedup(&self) -> Dedup {
        self.inner.dedup
    }
}

/// What a handler completes its delivery with. Comes from [`Admitted::completion`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completion {
    /// The delivery.
    pub key: DeliveryKey,
    /// The claim.
    pub fence: Fence,
    /// For how long it is remembered.
    pub retention: Duration,
}

impl Completion {
    /// For tests of stores; handlers get theirs from [`Admitted::completion`].
    #[must_use]
    pub const fn new(key: DeliveryKey, fence: Fence, retention: Duration) -> Self {
        Self {
            key,
            fence,
            retention,
        }
    }
}

impl Deref for Admitted {
    type Target = Received;

    fn deref(&self) -> &Received {
        &self.inner.received
    }
}

/// A delivery and what was made of its body.
///
/// It dereferences to [`Admitted`], and from there to [`Verified`](crate::Verified): id, type, time, tenant, matched
/// key, the exact bytes. Adapters wrap it into the extractor of their framework.
#[derive(Clone, Debug)]
pub struct Delivery<T = Raw> {
    admitted: Admitted,
    event: T,
}

impl<T> Delivery<T> {
    pub(crate) const fn new(admitted: Admitted, event: T) -> Self {
        Self { admitted, event }
    }

    /// What was made of the body.
    #[must_use]
    pub const fn event(&self) -> &T {
        &self.event
    }

    /// What was made of the body, for keeping.
    #[must_use]
    pub fn into_event(self) -> T {
        self.event
    }

    /// The delivery without its event.
    #[must_use]
    pub const fn admitted(&self) -> &Admitted {
        &self.admitted
    }
}

impl<T> Deref for Delivery<T> {
    type Target = Admitted;

    fn deref(&self) -> &Admitted {
        &self.admitted
    }
}

/// What a handler can put into its response's extensions to overrule its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// This will never work: the delivery counts as done, and the sender gets 200.
    Discard,
    /// This may work later: the delivery is given back, and the sender gets 503 where the status
    /// would have been a success.
    Retry,
}
