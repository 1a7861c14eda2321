//! Spans and events, behind the feature `tracing`. Nothing that a sender wrote is recorded.
//!
//! The target of all of them is `countersign`.

#[cfg(feature = "tracing")]
mod on {
    use core::{future::Future, time::Duration};

    use tracing::{Instrument, Span, debug, error, info, warn};

    use crate::{
        answer::Dedup,
        delivery::Admitted,
        key::DeliveryKey,
        keys::LookupError,
        receiver::Received,
        rejection::{Rejection, RejectionClass},
        report::{Streak, Summary},
        scheme::{Handshake, Place},
        store::{Recurrence, StoreError},
    };

    pub(crate) fn span(admitted: &Admitted) -> Span {
        tracing::info_span!(
            target: "countersign",
            "delivery",
            endpoint = admitted.endpoint(),
            tenant = admitted.tenant(),
            key = ?admitted.key(),
            matched_key = admitted.matched_key(),
            fence = admitted.fence().as_u64(),
            attempt = admitted.attempt(),
            recurrence = admitted.recurrence().as_str(),
        )
    }

    pub(crate) fn in_span<F: Future>(span: Span, future: F) -> impl Future<Output = F::Output> {
        future.instrument(span)
    }

    pub(crate) fn refused(endpoint: &str, tenant: Option<&str>, rejection: &Rejection) {
        let kind = rejection.kind().as_str();
        let header = rejection.header();
        let detail = rejection.detail().map(tracing::field::display);
        match rejection.kind().class() {
            RejectionClass::Refused => info!(
                target: "countersign", kind, endpoint, tenant, header, detail, "refused"
            ),
            RejectionClass::NotYet => warn!(
                target: "countersign", kind, endpoint, tenant, header, detail, "not yet"
            ),
        }
    }

    pub(crate) fn handshake(endpoint: &str, tenant: Option<&str>, handshake: Handshake) {
        let handshake = handshake.as_str();
        info!(target: "countersign", handshake, endpoint, tenant, "a handshake was answered");
    }

    pub(crate) fn duplicate(summary: &Summary, dedup: Dedup) {
        let (endpoint, tenant) = (&*summary.endpoint, summary.tenant.as_deref());
        let (key, dedup) = (summary.key, dedup.as_str());
        debug!(target: "countersign", dedup, endpoint, tenant, ?key, "answered without a run");
    }

    pub(crate) fn suppressed(received: &Received) {
        warn!(
            target: "countersign",
            endpoint = received.endpoint(),
            tenant = received.tenant(),
            key = ?received.key(),
            "a repeat was not run: the same bytes were the last about this entity, under another id"
        );
    }

    pub(crate) fn known_by_body(received: &Received) {
        warn!(
            target: "countersign",
            endpoint = received.endpoint(),
            tenant = received.tenant(),
            key = ?received.key(),
            "a delivery without an id was not run: its body was handled before"
        );
    }

    pub(crate) fn recurrence(admitted: &Admitted) {
        let (endpoint, tenant) = (admitted.endpoint(), admitted.tenant());
        let key = admitted.key();
        match admitted.recurrence() {
            Recurrence::None => {}
            Recurrence::Repeat => info!(
                target: "countersign", endpoint, tenant, ?key,
                "a repeat runs: its bytes are known under another id"
            ),
            Recurrence::Return => info!(
                target: "countersign", endpoint, tenant, ?key,
                "a return runs: its bytes are known, and something else about this entity came since"
            ),
        }
    }

    pub(crate) fn late(admitted: &Admitted, lateness: Duration) {
        info!(
            target: "countersign",
            endpoint = admitted.endpoint(),
            tenant = admitted.tenant(),
            key = ?admitted.key(),
            age = lateness.as_secs(),
            "a late delivery runs: its time is older than usual"
        );
    }

    pub(crate) fn fingerprint_mismatch(received: &Received) {
        warn!(
            target: "countersign",
            endpoint = received.endpoint(),
            tenant = received.tenant(),
            key = ?received.key(),
            id_at = received.scheme().id().map(Place::name),
            "other bytes under a known id were not run: is this header or field new for every event?"
        );
    }

    pub(crate) fn id_is_none(received: &Received) {
        error!(
            target: "countersign",
            endpoint = received.endpoint(),
            tenant = received.tenant(),
            key = ?received.key(),
            id_at = received.scheme().id().map(Place::name),
            "three different bodies under one id: this header or field does not identify deliveries, \
             and events are lost"
        );
    }

    pub(crate) fn not_attached(endpoint: &str) {
        error!(target: "countersign", endpoint, "no runtime is attached: call `Receiver::attach`");
    }

    pub(crate) fn wrong_sender(admitted: &Admitted, wanted: &str, proved: &str) {
        error!(
            target: "countersign",
            endpoint = admitted.endpoint(),
            wanted,
            proved,
            "the handler expects events of another sender than its receiver's: every delivery fails"
        );
    }

    pub(crate) fn store_failed(endpoint: &str, error: &StoreError) {
        error!(target: "countersign", endpoint, %error, "the deduplication store failed");
    }

    pub(crate) fn lookup_failed(endpoint: &str, error: &LookupError) {
        error!(target: "countersign", endpoint, %error, "the tenant lookup failed");
    }

    pub(crate) fn claim_lost(admitted: &Admitted) {
        error!(
            target: "countersign",
            endpoint = admitted.endpoint(),
            key = ?admitted.key(),
            "a run outlived its claim and may have run twice"
        );
    }

    pub(crate) fn notice_panicked() {
        error!(target: "countersign", "the notice callback panicked");
    }

    pub(crate) fn renewal_failed(endpoint: &str) {
        error!(target: "countersign", endpoint, "claims cannot be prolonged");
    }

    pub(crate) fn old_key_ends_early(endpoint: &str, kept: Duration, retries: Duration) {
        warn!(
            target: "countersign",
            endpoint,
            kept = kept.as_secs(),
            retries = retries.as_secs(),
            "the old key ends before the sender's last retry: retries that it signed will be refused"
        );
    }

    pub(crate) fn lease_lost(endpoint: &str, key: &DeliveryKey) {
        error!(target: "countersign", endpoint, ?key, "a running delivery was claimed by another");
    }

    pub(crate) fn complete_failed(admitted: &Admitted, error: &StoreError) {
        error!(
            target: "countersign",
            endpoint = admitted.endpoint(),
            key = ?admitted.key(),
            %error,
            "the handler succeeded, but the store could not be told"
        );
    }

    pub(crate) fn streak(endpoint: &str, streak: &Streak) {
        error!(
            target: "countersign",
            endpoint,
            failed = streak.failed,
            refused = streak.refused,
            limit = streak.limit,
            "half of the failures in a row after which the sender switches the endpoint off"
        );
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use core::{future::Future, time::Duration};

    use crate::{
        answer::Dedup,
        delivery::Admitted,
        key::DeliveryKey,
        keys::LookupError,
        receiver::Received,
        rejection::Rejection,
        report::{Streak, Summary},
        scheme::Handshake,
        store::StoreError,
    };

    /// A span that is not there.
    pub(crate) struct NoSpan;

    pub(crate) fn span(_: &Admitted) -> NoSpan {
        NoSpan
    }

    pub(crate) fn in_span<F: Future>(_: NoSpan, future: F) -> impl Future<Output = F::Output> {
        future
    }

    pub(crate) fn refused(_: &str, _: Option<&str>, _: &Rejection) {}
    pub(crate) fn handshake(_: &str, _: Option<&str>, _: Handshake) {}
    pub(crate) fn duplicate(_: &Summary, _: Dedup) {}
    pub(crate) fn suppressed(_: &Received) {}
    pub(crate) fn known_by_body(_: &Received) {}
    pub(crate) fn recurrence(_: &Admitted) {}
    pub(crate) fn late(_: &Admitted, _: Duration) {}
    pub(crate) fn fingerprint_mismatch(_: &Received) {}
    pub(crate) fn id_is_none(_: &Received) {}
    pub(crate) fn not_attached(_: &str) {}
    pub(crate) fn wrong_sender(_: &Admitted, _: &str, _: &str) {}
    pub(crate) fn store_failed(_: &str, _: &StoreError) {}
    pub(crate) fn lookup_failed(_: &str, _: &LookupError) {}
    pub(crate) fn claim_lost(_: &Admitted) {}
    pub(crate) fn notice_panicked() {}
    pub(crate) fn renewal_failed(_: &str) {}
    pub(crate) fn old_key_ends_early(_: &str, _: Duration, _: Duration) {}
    pub(crate) fn lease_lost(_: &str, _: &DeliveryKey) {}
    pub(crate) fn complete_failed(_: &Admitted, _: &StoreError) {}
    pub(crate) fn streak(_: &str, _: &Streak) {}
}

#[cfg(not(feature = "tracing"))]
pub(crate) use self::off::*;
#[cfg(feature = "tracing")]
pub(crate) use self::on::*;
