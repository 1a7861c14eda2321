//! What a request is answered with when the answer is not the handler's own.

// docs/decisions.md: D34.

use core::{fmt, time::Duration};

use crate::rejection::{Rejection, RejectionKind};

/// The response header that says what deduplication made of a delivery.
pub const DEDUP_HEADER: &str = "countersign-dedup";

/// What deduplication made of a delivery; the value of [`DEDUP_HEADER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dedup {
    /// Never seen: the handler ran.
    Fresh,
    /// An earlier run's lease had ended: the handler ran again.
    Takeover,
    /// Completed before: the handler did not run.
    Duplicate,
    /// The same signed bytes were completed under another id: the handler did not run.
    Suppressed,
    /// A copy is running.
    InFlight,
    /// A test of the endpoint; the handler did not run.
    Ping,
    /// The store does not answer, and the receiver was told to run deliveries all the same.
    Unavailable,
    /// Given up on purpose; it counts as done.
    Discarded,
}

impl Dedup {
    /// The header's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Takeover => "takeover",
            Self::Duplicate => "duplicate",
            Self::Suppressed => "suppressed",
            Self::InFlight => "in-flight",
            Self::Ping => "ping",
            Self::Unavailable => "unavailable",
            Self::Discarded => "discarded",
        }
    }
}

/// An answer that the receiver gives in place of the handler. Adapters write it out as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    dedup: Option<Dedup>,
    retry_after: Option<u64>,
    rejection: Option<Rejection>,
}

/// A header of an [`Answer`].
pub type AnswerHeader = (&'static str, HeaderText);

/// The value of an answer's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderText(HeaderKind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum HeaderKind {
    Fixed(&'static str),
    Number(u64),
}

impl fmt::Display for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            HeaderKind::Fixed(text) => f.write_str(text),
            HeaderKind::Number(number) => write!(f, "{number}"),
        }
    }
}

impl Answer {
    /// 200: the delivery is done with.
    pub(crate) const fn done(dedup: Dedup) -> Self {
        Self {
            status: 200,
            dedup: Some(dedup),
            retry_after: None,
            rejection: None,
        }
    }

    /// A refusal with the given status; a later time is suggested where the sender is to come again.
    pub(crate) fn rejected(rejection: Rejection, status: u16) -> Self {
        let kind = rejection.kind();
        let dedup = matches!(kind, RejectionKind::InFlight | RejectionKind::StillRunning)
            .then_some(Dedup::InFlight);
        Self {
            status,
            dedup,
            retry_after: kind.retry_after(),
            rejection: Some(rejection),
        }
    }

    /// Suggests a time to come again, between 1 and 60 s.
    pub(crate) fn retry_after(mut self, left: Duration) -> Self {
        self.retry_after = Some(left.as_secs().clamp(1, 60));
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// What deduplication made of the delivery, where it came that far.
    #[must_use]
    pub const fn dedup(&self) -> Option<Dedup> {
        self.dedup
    }

    /// Why the request was refused, for logs; nothing of it is in the body.
    #[must_use]
    pub const fn rejection(&self) -> Option<&Rejection> {
        self.rejection.as_ref()
    }

    /// The headers to send.
    pub fn headers(&self) -> impl Iterator<Item = AnswerHeader> + use<> {
        let allow = self.status == 405;
        let fixed = |text| HeaderText(HeaderKind::Fixed(text));
        [
            Some(("content-type", fixed("text/plain; charset=utf-8"))),
            allow.then_some(("allow", fixed("POST"))),
            self.dedup
                .map(|dedup| (DEDUP_HEADER, fixed(dedup.as_str()))),
            self.retry_after
                .map(|seconds| ("retry-after", HeaderText(HeaderKind::Number(seconds)))),
        ]
        .into_iter()
        .flatten()
    }

    /// The body: one of three sentences, whatever the reason.
    #[must_use]
    pub const fn body(&self) -> &'static str {
        match self.status {
            200..=299 => "ok\n",
            500..=599 => "try again later\n",
            _ => "refused\n",
        }
    }
}
