use core::fmt;
use std::{
    error::Error,
    io::{self, ErrorKind},
};

use http::StatusCode;
use hyper_util::client::legacy;

/// Why there is no answer of the upstream's that counts.
///
/// It is told in one line and is no link of a chain, so it is no `Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForwardError {
    /// Nobody listens at the address.
    Refused,
    /// There is no connection for another reason: no such host, no route, none in time.
    NoConnection,
    /// No whole answer came in time. The upstream may have done the work.
    TimedOut,
    /// The connection ended before an answer began. The upstream may have done the work.
    Broke,
    /// The connection ended in the middle of the answer.
    DiedMidAnswer,
    /// The answer sends elsewhere. Nothing is followed: a webhook's body belongs to who was named.
    Redirect(StatusCode),
    /// The answer is longer than what is read of one.
    AnswerTooLong,
    /// The path that arrived does not fit the upstream's address.
    Unsendable,
}

impl ForwardError {
    pub(super) fn of(error: &legacy::Error) -> Self {
        match error.is_connect() {
            true if is_refused(error) => Self::Refused,
            true => Self::NoConnection,
            false => Self::Broke,
        }
    }

    /// A name for logs and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::NoConnection => "no connection",
            Self::TimedOut => "timed out",
            Self::Broke => "connection broke",
            Self::DiedMidAnswer => "died mid-answer",
            Self::Redirect(_) => "redirect",
            Self::AnswerTooLong => "answer too long",
            Self::Unsendable => "unsendable",
        }
    }
}

impl fmt::Display for ForwardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("nobody listens at the upstream's address"),
            Self::NoConnection => f.write_str("there is no connection to the upstream"),
            Self::TimedOut => f.write_str("the upstream did not answer in time"),
            Self::Broke => f.write_str("the upstream closed the connection without an answer"),
            Self::DiedMidAnswer => f.write_str("the upstream's answer ends in its middle"),
            Self::Redirect(status) => write!(
                f,
                "the upstream redirects ({}), which is not followed: name the final address",
                status.as_u16()
            ),
            Self::AnswerTooLong => f.write_str("the upstream's answer is too long"),
            Self::Unsendable => f.write_str("the path does not fit the upstream's address"),
        }
    }
}

fn is_refused(error: &legacy::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() == ErrorKind::ConnectionRefused;
        }
        source = error.source();
    }
    false
}
