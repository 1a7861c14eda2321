//! Metrics, behind the feature `metrics`. Labels are the endpoint, names that this library gives,
//! and the labels of keys; nothing that a sender wrote.

#[cfg(feature = "metrics")]
mod on {
    use core::time::Duration;

    use metrics::{counter, gauge, histogram};

    use crate::{
        answer::Dedup,
        clock::Clock,
        rejection::RejectionKind,
        report::Streak,
        scheme::Handshake,
        store::{Claim, Recurrence, StoreError, StoreErrorKind},
    };

    /// When something began.
    #[derive(Clone, Copy)]
    pub(crate) struct Timing(Duration);

    impl Timing {
        pub(crate) fn start(clock: &dyn Clock) -> Self {
            Self(clock.elapsed())
        }

        pub(crate) fn took(self, clock: &dyn Clock) -> Duration {
            clock.elapsed().saturating_sub(self.0)
        }
    }

    pub(crate) fn delivery(endpoint: &str, outcome: Dedup) {
        counter!(
            "countersign_deliveries_total",
            "endpoint" => endpoint.to_owned(),
            "outcome" => outcome.as_str()
        )
        .increment(1);
    }

    pub(crate) fn handshake(endpoint: &str, handshake: Handshake) {
        counter!(
            "countersign_handshakes_total",
            "endpoint" => endpoint.to_owned(),
            "handshake" => handshake.as_str()
        )
        .increment(1);
    }

    pub(crate) fn recurrence(endpoint: &str, of: Recurrence, answer: &'static str) {
        counter!(
            "countersign_recurrences_total",
            "endpoint" => endpoint.to_owned(),
            "of" => of.as_str(),
            "answer" => answer
        )
        .increment(1);
    }

    pub(crate) fn known_by_body(endpoint: &str) {
        counter!("countersign_known_by_body_total", "endpoint" => endpoint.to_owned()).increment(1);
    }

    pub(crate) fn fingerprint_mismatch(endpoint: &str) {
        counter!("countersign_fingerprint_mismatches_total", "endpoint" => endpoint.to_owned())
            .increment(1);
    }

    pub(crate) fn late(endpoint: &str) {
        counter!("countersign_late_deliveries_total", "endpoint" => endpoint.to_owned())
            .increment(1);
    }

    pub(crate) fn rejection(endpoint: &str, kind: RejectionKind) {
        counter!(
            "countersign_rejections_total",
            "endpoint" => endpoint.to_owned(),
            "kind" => kind.as_str()
        )
        .increment(1);
    }

    pub(crate) fn matched_key(endpoint: &str, label: &str) {
        counter!(
            "countersign_matched_key_total",
            "endpoint" => endpoint.to_owned(),
            "key" => label.to_owned()
        )
        .increment(1);
    }

    pub(crate) fn claim(endpoint: &str, result: &Result<Claim, StoreError>) {
        let result = match result {
            Ok(Claim::Claimed(claimed)) if claimed.takeover => "takeover",
            Ok(Claim::Claimed(_)) => "claimed",
            Ok(Claim::InFlight { .. }) => "in-flight",
            Ok(Claim::Completed { .. }) => "completed",
            Ok(Claim::Suppressed) => "suppressed",
            Err(error) => match error.kind() {
                StoreErrorKind::Full => "full",
                StoreErrorKind::Timeout => "timeout",
                StoreErrorKind::Unavailable | StoreErrorKind::Backend => "failed",
            },
        };
        counter!(
            "countersign_claims_total",
            "endpoint" => endpoint.to_owned(),
            "result" => result
        )
        .increment(1);
    }

    pub(crate) fn handler_time(endpoint: &str, time: Duration) {
        histogram!("countersign_handler_seconds", "endpoint" => endpoint.to_owned()).record(time);
    }

    pub(crate) fn store_time(endpoint: &str, operation: &'static str, time: Duration) {
        histogram!(
            "countersign_store_seconds",
            "endpoint" => endpoint.to_owned(),
            "operation" => operation
        )
        .record(time);
    }

    pub(crate) fn streak(endpoint: &str, streak: &Streak) {
        let set = |of: &'static str, failures: u32| {
            gauge!(
                "countersign_failure_streak",
                "endpoint" => endpoint.to_owned(),
                "of" => of
            )
            .set(failures);
        };
        set("proved", streak.failed);
        set("unproved", streak.refused);
    }
}

#[cfg(not(feature = "metrics"))]
mod off {
    use core::time::Duration;

    use crate::{
        answer::Dedup,
        clock::Clock,
        rejection::RejectionKind,
        report::Streak,
        scheme::Handshake,
        store::{Claim, Recurrence, StoreError},
    };

    /// Nobody is told how long things take, so no clock is read for it.
    #[derive(Clone, Copy)]
    pub(crate) struct Timing;

    impl Timing {
        pub(crate) const fn start(_: &dyn Clock) -> Self {
            Self
        }

        pub(crate) const fn took(self, _: &dyn Clock) -> Duration {
            Duration::ZERO
        }
    }

    pub(crate) fn delivery(_: &str, _: Dedup) {}
    pub(crate) fn handshake(_: &str, _: Handshake) {}
    pub(crate) fn recurrence(_: &str, _: Recurrence, _: &'static str) {}
    pub(crate) fn known_by_body(_: &str) {}
    pub(crate) fn fingerprint_mismatch(_: &str) {}
    pub(crate) fn late(_: &str) {}
    pub(crate) fn rejection(_: &str, _: RejectionKind) {}
    pub(crate) fn matched_key(_: &str, _: &str) {}
    pub(crate) fn claim(_: &str, _: &Result<Claim, StoreError>) {}
    pub(crate) fn handler_time(_: &str, _: Duration) {}
    pub(crate) fn store_time(_: &str, _: &'static str, _: Duration) {}
    pub(crate) fn streak(_: &str, _: &Streak) {}
}

#[cfg(not(feature = "metrics"))]
pub(crate) use self::off::*;
#[cfg(feature = "metrics")]
pub(crate) use self::on::*;
