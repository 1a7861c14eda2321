//! What is told of what happens: one function for each thing, and the only caller of spans, metrics and
//! notices.

use core::time::Duration;

mod metrics;
mod notice;
mod spans;

pub use self::notice::{Notice, Streak};
pub(crate) use self::{
    metrics::Timing,
    notice::{Notify, Summary},
    spans::{in_span, span},
};
use crate::{
    answer::Dedup,
    delivery::Admitted,
    key::DeliveryKey,
    keys::LookupError,
    receiver::{Inner, Received},
    rejection::Rejection,
    scheme::Handshake,
    store::{Claim, Recurrence, StoreError},
};

/// A request was refused, proved or not.
pub(crate) fn refused(inner: &Inner, tenant: Option<&str>, rejection: &Rejection) {
    metrics::rejection(&inner.endpoint, rejection.kind());
    spans::refused(&inner.endpoint, tenant, rejection);
}

/// No adapter attached a runtime.
pub(crate) fn not_attached(inner: &Inner) {
    spans::not_attached(&inner.endpoint);
}

/// The tenant lookup did not answer.
pub(crate) fn lookup_failed(inner: &Inner, error: &LookupError) {
    inner.notify.send(&Notice::LookupFailed(error));
    spans::lookup_failed(&inner.endpoint, error);
}

/// The sender tested the endpoint.
pub(crate) fn ping(inner: &Inner, received: &Received) {
    inner.notify.send(&Notice::Ping(received));
}

/// A handshake was answered.
pub(crate) fn handshake(inner: &Inner, tenant: Option<&str>, handshake: Handshake) {
    metrics::handshake(&inner.endpoint, handshake);
    spans::handshake(&inner.endpoint, tenant, handshake);
}

/// What the store said to a claim.
pub(crate) fn claim(inner: &Inner, claim: &Result<Claim, StoreError>) {
    metrics::claim(&inner.endpoint, claim);
}

/// A proved delivery was answered without a run.
pub(crate) fn not_run(inner: &Inner, summary: &Summary, dedup: Dedup) {
    metrics::delivery(&inner.endpoint, dedup);
    spans::duplicate(summary, dedup);
}

/// Other bytes came under a known id; the third, when they are the third.
pub(crate) fn mismatch(inner: &Inner, received: &Received, is_third: bool) {
    metrics::fingerprint_mismatch(&inner.endpoint);
    spans::fingerprint_mismatch(received);
    if is_third {
        spans::id_is_none(received);
    }
    inner.notify.send(&Notice::FingerprintMismatch(received));
}

/// Nothing but its body shows that a delivery is a duplicate.
pub(crate) fn known_by_body(inner: &Inner, received: &Received) {
    metrics::known_by_body(&inner.endpoint);
    spans::known_by_body(received);
    inner.notify.send(&Notice::KnownByBody(received));
}

/// A repeat was not run.
pub(crate) fn suppressed(inner: &Inner, received: &Received) {
    metrics::recurrence(&inner.endpoint, Recurrence::Repeat, "suppressed");
    spans::suppressed(received);
    inner.notify.send(&Notice::Suppressed(received));
}

/// A handler is about to run.
pub(crate) fn runs(inner: &Inner, admitted: &Admitted) {
    metrics::matched_key(&inner.endpoint, admitted.matched_key());
    metrics::delivery(&inner.endpoint, admitted.dedup());
    let recurrence = admitted.recurrence();
    if recurrence != Recurrence::None {
        metrics::recurrence(&inner.endpoint, recurrence, "run");
        spans::recurrence(admitted);
    }
    if let Some(lateness) = admitted.lateness() {
        metrics::late(&inner.endpoint);
        spans::late(admitted, lateness);
    }
}

/// A handler ended.
pub(crate) fn ran(inner: &Inner, took: Duration) {
    metrics::handler_time(&inner.endpoint, took);
}

/// A handler expects events of another sender.
pub(crate) fn wrong_sender(admitted: &Admitted, wanted: &str, proved: &str) {
    spans::wrong_sender(admitted, wanted, proved);
}

/// A body that the handler cannot read was discarded, as the receiver was told to.
pub(crate) fn discarded(inner: &Inner, admitted: &Admitted) {
    inner.notify.send(&Notice::Discarded(admitted));
}

/// A run outlived its claim.
pub(crate) fn claim_lost(inner: &Inner, admitted: &Admitted) {
    spans::claim_lost(admitted);
    inner.notify.send(&Notice::ClaimLost(admitted));
}

/// A handler succeeded, and the store could not be told.
pub(crate) fn complete_failed(inner: &Inner, admitted: &Admitted, error: &StoreError) {
    spans::complete_failed(admitted, error);
    inner.notify.send(&Notice::CompleteFailed {
        delivery: admitted,
        error,
    });
}

/// Claims cannot be prolonged.
pub(crate) fn renewal_failed(inner: &Inner) {
    spans::renewal_failed(&inner.endpoint);
}

/// A rotation keeps the old key for less long than the sender may retry.
pub(crate) fn old_key_ends_early(inner: &Inner, kept: Duration, retries: Duration) {
    spans::old_key_ends_early(&inner.endpoint, kept, retries);
}

/// A held claim was found to be somebody else's.
pub(crate) fn lease_lost(inner: &Inner, key: &DeliveryKey) {
    spans::lease_lost(&inner.endpoint, key);
}

/// The store did not answer.
pub(crate) fn store_failed(inner: &Inner, error: &StoreError) {
    inner.notify.send(&Notice::StoreFailed(error));
    spans::store_failed(&inner.endpoint, error);
}

/// How long the store took.
pub(crate) fn store_answered(inner: &Inner, operation: &'static str, took: Duration) {
    metrics::store_time(&inner.endpoint, operation, took);
}

/// The number of failures in a row has changed.
pub(crate) fn streak(inner: &Inner, streak: &Streak) {
    metrics::streak(&inner.endpoint, streak);
}

/// Half of the failures after which the sender switches the endpoint off.
pub(crate) fn half_way_off(inner: &Inner, streak: Streak) {
    spans::streak(&inner.endpoint, &streak);
    inner.notify.send(&Notice::FailureStreak(streak));
}
