//! What a request is answered with when the answer is not the handler's own.

// docs/decisions.md: D34.

use core::{fmt, time::Duration};

use bytes::Bytes;

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
    content: Option<Box<Content>>,
}

/// What an answer says beside its status and sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Content {
    content_type: Option<&'static str>,
    body: Option<Bytes>,
    headers: Vec<AnswerHeader>,
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
    Text(Box<str>),
}

impl fmt::Display for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            HeaderKind::Text(text) => f.write_str(text),
            HeaderKind::Fixed(text) => f.write_str(text),
            HeaderKind::Number(number) => write!(f, "{number}"),
        }
    }
}

impl Answer {
    const fn of(status: u16) -> Self {
        Self {
            status,
            dedup: None,
            retry_after: None,
            rejection: None,
            content: None,
        }
    }

    /// 200: the delivery is done with.
    pub(crate) const fn done(dedup: Dedup) -> Self {
        let mut answer = Self::of(200);
        answer.dedup = Some(dedup);
        answer
    }

    /// 200: there is nothing to do.
    pub(crate) const fn nothing() -> Self {
        Self::of(200)
    }

    /// 200: a handshake that asks for no more.
    pub(crate) fn success() -> Self {
        Self::handshake(200, Bytes::new())
    }

    /// 204: a handshake that wants to read nothing.
    pub(crate) fn no_content() -> Self {
        Self::handshake(204, Bytes::new())
    }

    /// 200 with a text that came with the request.
    pub(crate) fn text(text: String) -> Self {
        Self::handshake(200, text.into())
    }

    /// 200 with JSON.
    pub(crate) fn json(json: String) -> Self {
        let mut answer = Self::handshake(200, json.into());
        answer.content().content_type = Some("application/json");
        answer
    }

    /// Whatever it is, nobody is to make a script of it.
    fn handshake(status: u16, body: Bytes) -> Self {
        let mut answer = Self::of(status);
        answer.content().body = Some(body);
        answer.with_header("x-content-type-options", "nosniff")
    }

    fn content(&mut self) -> &mut Content {
        self.content.get_or_insert_default()
    }

    /// With one more header.
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<Box<str>>) -> Self {
        let value = HeaderText(HeaderKind::Text(value.into()));
        self.content().headers.push((name, value));
        self
    }

    /// A refusal with the given status; a later time is suggested where the sender is to come again.
    pub(crate) fn rejected(rejection: Rejection, status: u16) -> Self {
        let kind = rejection.kind();
        let dedup = matches!(kind, RejectionKind::InFlight | RejectionKind::StillRunning)
            .then_some(Dedup::InFlight);
        Self {
            dedup,
            retry_after: kind.retry_after(),
            rejection: Some(rejection),
            ..Self::of(status)
        }
    }

    /// Says what the scheme wants said: its text to what is done, and no word where it wants none.
    pub(crate) fn saying(mut self, done_body: Option<&'static str>) -> Self {
        let says = |text: &&str| text.is_empty() || self.rejection.is_none();
        if let Some(text) = done_body.filter(says) {
            self.content().body = Some(Bytes::from_static(text.as_bytes()));
        }
        self
    }

    /// Says which methods there are, where it was another.
    pub(crate) fn allowing(self, methods: &'static str) -> Self {
        match self.status {
            405 => self.with_header("allow", methods),
            _ => self,
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
        let fixed = |text| HeaderText(HeaderKind::Fixed(text));
        let content = self.content.as_deref();
        let content_type = content.and_then(|content| content.content_type);
        let more = content.map_or_else(Vec::new, |content| content.headers.clone());
        [
            Some((
                "content-type",
                fixed(content_type.unwrap_or("text/plain; charset=utf-8")),
            )),
            self.dedup
                .map(|dedup| (DEDUP_HEADER, fixed(dedup.as_str()))),
            self.retry_after
                .map(|seconds| ("retry-after", HeaderText(HeaderKind::Number(seconds)))),
        ]
        .into_iter()
        .flatten()
        .chain(more)
    }

    /// The body: one of three sentences, whatever the reason, or what a handshake or the scheme asks for.
    #[must_use]
    pub fn body(&self) -> Bytes {
        if let Some(body) = self
            .content
            .as_ref()
            .and_then(|content| content.body.as_ref())
        {
            return body.clone();
        }
        Bytes::from_static(match self.status {
            200..=299 => b"ok\n",
            500..=599 => b"try again later\n",
            _ => b"refused\n",
        })
    }
}
