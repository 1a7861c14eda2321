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
        /// The kinds of refusal, each with its status, what it means, and what to do about it.
        ///
        /// All on one page, with what the log says beside the kind:
        /// [refusals.md](https://github.com/countersign-rs/countersign/blob/main/docs/refusals.md).
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
// so that it counts among the failures in a row; text. Of each doc, the first paragraph says what it means and the
// second what to do: a test writes docs/refusals.md from them.
rejection_kinds! {
    /// The method is not POST: a browser, a probe or a scanner.
    ///
    /// What to do: nothing, unless it is the sender: then tell us.
    MethodNotAllowed = 405, Refused, None, false, "method is not POST";
    /// A content type is present and not one of the scheme's.
    ///
    /// What to do: set it at the sender (GitHub: `application/json`), or `content_types` in a scheme of
    /// your own.
    ContentType = 415, Refused, None, false, "content type is not the scheme's";
    /// The body is compressed or otherwise encoded, in a way that the scheme does not take.
    ///
    /// What to do: `gzip` in a scheme of your own, if the sender's pages say which bytes are signed; else
    /// switch compression off at the sender.
    ContentEncoding = 415, Refused, None, false, "content encoding is not the scheme's";
    /// A header that the scheme needs is not there: the sender did not send it, or a proxy removed it.
    ///
    /// What to do: look at the header's name in the sender's pages. Is this the sender that the receiver is
    /// for?
    HeaderMissing = 401, Refused, None, false, "header is missing";
    /// A header that must be unique is repeated.
    ///
    /// What to do: look for a proxy that adds a header instead of replacing it.
    HeaderRepeated = 401, Refused, None, false, "header is repeated";
    /// A header is empty, too long, not visible ASCII, or does not follow the scheme's grammar.
    ///
    /// What to do: the detail says in what way.
    HeaderMalformed = 401, Refused, None, false, "header is malformed";
    /// The signature header offers more candidates than `limits.verify.candidates`.
    ///
    /// What to do: nothing: no true sender does this.
    TooManyCandidates = 401, Refused, None, false, "too many signatures";
    /// The signed time is older than the tolerance, and so than any retry.
    ///
    /// What to do: is this machine's clock right? A captured request that is replayed looks like this, too.
    TimestampStale = 401, Refused, None, true, "signed time is too old";
    /// The signed time is further ahead than the tolerance: the clocks differ.
    ///
    /// What to do: set the clock, here or at the sender.
    TimestampFuture = 401, Refused, None, true, "signed time is in the future";
    /// The body is longer than `limits.verify.body_bytes`, declared or while it is read.
    ///
    /// What to do: raise the limit, if the sender's pages say that bodies can be so large.
    BodyTooLarge = 413, Refused, None, true, "body is over the limit";
    /// The body did not arrive within `limits.read_time`.
    ///
    /// What to do: nothing: a slow network, or an attacker who holds connections.
    BodyTimeout = 408, Refused, None, true, "body was not read in time";
    /// The body broke off, with its connection.
    ///
    /// What to do: nothing: the sender comes again.
    BodyUnreadable = 400, Refused, None, true, "body could not be read";
    /// A compressed body is not one whole member of gzip, or is not labelled as what it is.
    ///
    /// What to do: the detail says in what way. Look for a proxy or a layer that decompresses, compresses,
    /// or changes headers.
    BodyNotDecoded = 400, Refused, None, true, "compressed body could not be decoded";
    /// The request names no tenant, or one that the lookup does not know.
    ///
    /// What to do: compare the address that was given to the sender.
    UnknownTenant = 401, Refused, None, false, "tenant is unknown";
    /// The tenant lookup failed or took too long.
    ///
    /// What to do: look at what the lookup asks, such as the application's database.
    KeyringUnavailable = 503, NotYet, Some(30), true, "keyring lookup failed";
    /// The keyring has no key that is active now: every key is past its time.
    ///
    /// What to do: `rotate` a new secret in before the old one ends.
    NoActiveKey = 503, NotYet, Some(30), true, "keyring has no active key";
    /// No active key made any of the signatures over exactly these bytes.
    ///
    /// What to do: compare the secret with the sender's page, character by character; ask whether it was
    /// rotated there. If it is right, something between the sender and this layer changes the body: a proxy
    /// that decompresses or re-encodes, or a middleware that parses and writes JSON. `countersign explain`
    /// finds which.
    SignatureMismatch = 401, Refused, None, true, "no key matches the signature";
    /// A header that repeats a signed id or type says something else: somebody changed a header.
    ///
    /// What to do: if it is the sender itself, tell us.
    CopyDisagrees = 401, Refused, None, true, "header disagrees with the signed body";
    /// The signed body lacks the time that the scheme takes from it with `time_pointer`.
    ///
    /// What to do: compare a body of the sender's with the pointer.
    TimestampMissing = 401, Refused, None, true, "signed body has no readable time";
    /// More bytes are buffered, or more deliveries or waiters are busy, than `limits` allow.
    ///
    /// What to do: is the handler slow? The sender comes again.
    Busy = 503, NotYet, Some(30), true, "receiver is busy";
    /// No runtime was attached to the receiver, which is used without its layer or middleware.
    ///
    /// What to do: use `ReceiverLayer` or `ReceiverMiddleware`, or call `Receiver::attach`.
    NotAttached = 500, NotYet, Some(30), true, "no runtime is attached to the receiver";
    /// A proved body holds more items than `limits.batch_items`.
    ///
    /// What to do: raise the limit, if the sender's pages say that there can be so many.
    BatchTooLong = 413, Refused, None, true, "batch has too many items";
    /// Some items of a batch are not done: an item's handler failed, or a copy of it is in flight. The
    /// lines before it in the log say which.
    ///
    /// What to do: nothing: the next attempt runs those that are not done.
    BatchUnfinished = 503, NotYet, Some(30), true, "some items of the batch are not done";
    /// A request is of a handshake's kind and not what the sender documents, or the application did not
    /// take what it offers.
    ///
    /// What to do: the detail says in what way.
    HandshakeRefused = 401, Refused, None, false, "handshake is refused";
    /// The receiver is shutting down.
    ///
    /// What to do: nothing: the sender comes again.
    Draining = 503, NotYet, Some(30), true, "receiver is draining";
    /// The deduplication store did not answer.
    ///
    /// What to do: look at the store's own log.
    StoreUnavailable = 503, NotYet, Some(30), true, "deduplication store failed";
    /// The deduplication store holds as many live deliveries as it may.
    ///
    /// What to do: raise its capacity.
    StoreFull = 503, NotYet, Some(30), true, "deduplication store is full";
    /// Another copy is running and did not finish within the wait, or failed.
    ///
    /// What to do: nothing: the sender comes again.
    InFlight = 503, NotYet, Some(5), true, "another copy is in flight";
    /// The handler did not answer within `limits.response_budget`; it goes on running.
    ///
    /// What to do: nothing: the retry finds it done. Hand long work to a queue.
    StillRunning = 503, NotYet, Some(30), true, "handler is still running";
    /// The handler was to complete the delivery in a transaction of its own, and did not: `complete_in` was
    /// begun and rolled back.
    ///
    /// What to do: look at the handler's database.
    NotCommitted = 503, NotYet, Some(30), true, "the handler's transaction was not committed";
    /// The handler asked for a retry with `Outcome::Retry`.
    ///
    /// What to do: nothing: the retry runs it again.
    RetryAsked = 503, NotYet, Some(30), true, "handler asked for a retry";
    /// The handler ran for longer than `limits.total_run` and was ended.
    ///
    /// What to do: look at the handler. The retry runs it again.
    RunTooLong = 503, NotYet, Some(30), true, "handler ran too long";
    /// The handler panicked.
    ///
    /// What to do: look at the handler's log. The retry runs it again.
    HandlerPanicked = 500, NotYet, None, true, "handler panicked";
    /// The handler was dropped before it ended, because the process shut down.
    ///
    /// What to do: nothing: the retry runs it again.
    HandlerDropped = 503, NotYet, Some(30), true, "handler was dropped";
    /// A proved body does not fit the handler's type.
    ///
    /// What to do: mend the type; `Raw` takes any body.
    UnexpectedBody = 422, Refused, None, true, "body is not of the expected form";
    /// The handler expects a typed event of another sender than the receiver's.
    ///
    /// What to do: compare the handler's route with the receiver's scheme.
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
