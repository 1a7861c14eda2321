//! Why a request was refused, and the one table from reasons to statuses.

use core::{error::Error, fmt, time::Duration};

use crate::detail::{Detail, Fault};

/// A request did not reach the handler.
///
/// It says which header or limit was at fault and in what way, never what the sender wrote. Adapters put it into
/// the extensions of the response they answer with, so that outer layers can log it; the sender
/// sees the status alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    kind: RejectionKind,
    header: Option<&'static str>,
    detail: Option<Detail>,
}

impl Rejection {
    pub(crate) const fn new(kind: RejectionKind) -> Self {
        Self {
            kind,
            header: None,
            detail: None,
        }
    }

    pub(crate) const fn header_fault(kind: RejectionKind, header: &'static str) -> Self {
        Self {
            kind,
            header: Some(header),
            detail: None,
        }
    }

    pub(crate) const fn because(mut self, fault: Fault) -> Self {
        self.detail = Some(Detail(fault));
        self
    }

    /// What kind of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// The header at fault, by the name that the scheme gives it.
    #[must_use]
    pub const fn header(&self) -> Option<&'static str> {
        self.header
    }

    /// What exactly was wrong, where there is more to say than the kind.
    #[must_use]
    pub const fn detail(&self) -> Option<Detail> {
        self.detail
    }

    /// How far the signed time lay from now, for stale and future times.
    #[must_use]
    pub const fn age(&self) -> Option<Duration> {
        match self.detail {
            Some(Detail(Fault::Window { by, .. })) => Some(by),
            _ => None,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if let Some(header) = self.header {
            write!(f, ": {header}")?;
        }
        if let Some(detail) = self.detail {
            write!(f, ": {detail}")?;
        }
        Ok(())
    }
}

impl Error for Rejection {}

macro_rules! rejection_kinds {
    ($($(#[$doc:meta])+ $variant:ident = $status:literal, $class:ident, $retry:expr, $counts:literal, $text:literal;)+) => {
        /// The kinds of refusal, each with its status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum RejectionKind {
            $($(#[$doc])+ $variant,)+
        }

        impl RejectionKind {
            /// Every kind, in the order of the request's way.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The status that a request refused for this reason is answered with, unless the
            /// receiver was told otherwise.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// Whether the sender is to come again.
            #[must_use]
            pub const fn class(self) -> RejectionClass {
                match self { $(Self::$variant => RejectionClass::$class,)+ }
            }

            /// After how many seconds the sender is to come again, where it is.
            pub(crate) const fn retry_after(self) -> Option<u64> {
                match self { $(Self::$variant => $retry,)+ }
            }

            /// Whether a true sender can run into it.
            pub(crate) const fn counts(self) -> bool {
                match self { $(Self::$variant => $counts,)+ }
            }

            /// A short text, the same for every request; also the name in logs and metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

// Status; class; after how many seconds the sender is to come again; whether a true sender can run into it,
// so that it counts among the failures in a row; text.
rejection_kinds! {
    /// The method is not POST.
    MethodNotAllowed = 405, Refused, None, false, "method is not POST";
    /// A content type is present and not one of the scheme's.
    ContentType = 415, Refused, None, false, "content type is not the scheme's";
    /// The body is compressed or otherwise encoded, in a way that the scheme does not take.
    ContentEncoding = 415, Refused, None, false, "content encoding is not the scheme's";
    /// A header that the scheme needs is not there.
    HeaderMissing = 401, Refused, None, false, "header is missing";
    /// A header that must be unique is repeated.
    HeaderRepeated = 401, Refused, None, false, "header is repeated";
    /// A header is empty, too long, not visible ASCII, or does not follow the scheme's grammar.
    HeaderMalformed = 401, Refused, None, false, "header is malformed";
    /// The signature header offers more candidates than allowed.
    TooManyCandidates = 401, Refused, None, false, "too many signatures";
    /// The signed time is older than the tolerance.
    TimestampStale = 401, Refused, None, true, "signed time is too old";
    /// The signed time is further ahead than the tolerance.
    TimestampFuture = 401, Refused, None, true, "signed time is in the future";
    /// The body is longer than the limit, declared or while it is read.
    BodyTooLarge = 413, Refused, None, true, "body is over the limit";
    /// The body did not arrive in time.
    BodyTimeout = 408, Refused, None, true, "body was not read in time";
    /// The body broke off.
    BodyUnreadable = 400, Refused, None, true, "body could not be read";
    /// A compressed body is not one whole member of gzip, or is not labelled as what it is.
    BodyNotDecoded = 400, Refused, None, true, "compressed body could not be decoded";
    /// The request names no tenant, or one that the lookup does not know.
    UnknownTenant = 401, Refused, None, false, "tenant is unknown";
    /// The tenant lookup failed or took too long.
    KeyringUnavailable = 503, NotYet, Some(30), true, "keyring lookup failed";
    /// The keyring has no key that is active now.
    NoActiveKey = 503, NotYet, Some(30), true, "keyring has no active key";
    /// No key made any of the signatures over these bytes.
    SignatureMismatch = 401, Refused, None, true, "no key matches the signature";
    /// A header that repeats a signed id or type says something else.
    CopyDisagrees = 401, Refused, None, true, "header disagrees with the signed body";
    /// The signed body lacks the time that the scheme takes from it.
    TimestampMissing = 401, Refused, None, true, "signed body has no readable time";
    /// More bytes are buffered, or more deliveries or waiters are busy, than allowed.
    Busy = 503, NotYet, Some(30), true, "receiver is busy";
    /// No runtime was attached to the receiver: a mistake in the application or its adapter.
    NotAttached = 500, NotYet, Some(30), true, "no runtime is attached to the receiver";
    /// A proved body holds more items than allowed.
    BatchTooLong = 413, Refused, None, true, "batch has too many items";
    /// Some items of a batch are not done.
    BatchUnfinished = 503, NotYet, Some(30), true, "some items of the batch are not done";
    /// A request is of a handshake's kind and not what the sender documents, or the application did not
    /// take what it offers.
    HandshakeRefused = 401, Refused, None, false, "handshake is refused";
    /// The receiver is shutting down.
    Draining = 503, NotYet, Some(30), true, "receiver is draining";
    /// The deduplication store did not answer.
    StoreUnavailable = 503, NotYet, Some(30), true, "deduplication store failed";
    /// The deduplication store holds as many live deliveries as it may.
    StoreFull = 503, NotYet, Some(30), true, "deduplication store is full";
    /// Another copy is running and did not finish within the wait, or failed.
    InFlight = 503, NotYet, Some(5), true, "another copy is in flight";
    /// The handler did not answer within the response budget; it goes on running.
    StillRunning = 503, NotYet, Some(30), true, "handler is still running";
    /// The handler was to complete the delivery in a transaction of its own, and did not.
    NotCommitted = 503, NotYet, Some(30), true, "the handler's transaction was not committed";
    /// The handler asked for a retry.
    RetryAsked = 503, NotYet, Some(30), true, "handler asked for a retry";
    /// The handler ran for longer than any run may and was ended.
    RunTooLong = 503, NotYet, Some(30), true, "handler ran too long";
    /// The handler panicked.
    HandlerPanicked = 500, NotYet, None, true, "handler panicked";
    /// The handler was dropped before it ended.
    HandlerDropped = 503, NotYet, Some(30), true, "handler was dropped";
    /// A proved body is not what the typed extractor expects.
    UnexpectedBody = 422, Refused, None, true, "body is not of the expected form";
    /// The handler expects a typed event of another sender than the receiver's.
    WrongSender = 500, NotYet, Some(30), true, "handler expects another sender's event";
}

/// What an answer means to the sender. Statuses can be changed within a class only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionClass {
    /// The request is not acceptable: 4xx.
    Refused,
    /// The request may be acceptable later: 5xx.
    NotYet,
}

impl RejectionClass {
    /// Whether a status says what the class means.
    #[must_use]
    pub const fn allows(self, status: u16) -> bool {
        match self {
            Self::Refused => status >= 400 && status <= 499,
            Self::NotYet => status >= 500 && status <= 599,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_of_its_class_and_no_4xx_means_not_yet() {
        for kind in RejectionKind::ALL {
            assert!(kind.class().allows(kind.status()), "{kind:?}");
        }
    }

    #[test]
    fn display_names_the_header_and_nothing_else() {
        let missing = Rejection::header_fault(RejectionKind::HeaderMissing, "X-Rebill-Signature");
        assert_eq!(missing.to_string(), "header is missing: X-Rebill-Signature");
        let window = Fault::Window {
            by: Duration::from_secs(301),
            allowed: Duration::from_secs(300),
        };
        let stale = Rejection::new(RejectionKind::TimestampStale).because(window);
        assert_eq!(
            stale.to_string(),
            "signed time is too old: by 301 s (allowed 300)"
        );
    }
}
