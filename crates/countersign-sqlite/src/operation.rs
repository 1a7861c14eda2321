//! What the writer is asked, and what it answers.

use core::time::Duration;

use countersign_core::{
    Claim, ClaimRequest, DeliveryKey, Fence, Fenced, KeyState, Owner, StoreError, Subject,
};
use futures_channel::oneshot;

/// An operation on its way to the writer, and where its answer goes.
pub(crate) struct Job {
    pub(crate) operation: Operation,
    pub(crate) reply: oneshot::Sender<Result<Answer, StoreError>>,
}

/// One atomic step.
pub(crate) enum Operation {
    Claim(Request),
    Extend(DeliveryKey, Fence, Duration),
    Complete(DeliveryKey, Fence, Duration),
    Release(DeliveryKey, Fence),
    State(DeliveryKey),
    Forget(DeliveryKey),
    Purge(usize),
    /// Nothing; the writer looks whether it is to end.
    Wake,
}

/// A claim that owns what it speaks of.
pub(crate) struct Request {
    pub(crate) key: DeliveryKey,
    /// Each once.
    pub(crate) aliases: Vec<DeliveryKey>,
    pub(crate) subject: Option<Subject>,
    pub(crate) owner: Owner,
    pub(crate) lease: Duration,
    pub(crate) fingerprint: u64,
}

/// The answer to the operation of the same name.
pub(crate) enum Answer {
    Claim(Claim),
    /// Of extend, complete and release.
    Fenced(Fenced),
    State(KeyState),
    Forgot(bool),
    Purged(usize),
    Awake,
}

impl Request {
    pub(crate) fn new(request: &ClaimRequest<'_>) -> Self {
        let mut aliases = Vec::new();
        for alias in request.aliases {
            if !aliases.contains(alias) {
                aliases.push(*alias);
            }
        }
        Self {
            key: request.key,
            aliases,
            subject: request.subject,
            owner: request.owner,
            lease: request.lease,
            fingerprint: request.fingerprint,
        }
    }

    pub(crate) fn as_claim(&self) -> ClaimRequest<'_> {
        ClaimRequest::new(self.key, self.owner, self.lease)
            .with_aliases(&self.aliases)
            .with_subject(self.subject)
            .with_fingerprint(self.fingerprint)
    }
}
