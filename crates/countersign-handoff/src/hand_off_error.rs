//! Why a delivery was not handed over, and why a hand-off cannot be built.

use core::{error::Error, fmt, time::Duration};

use crate::publisher::PublishError;

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a delivery was not handed over: as an answer, 503.
///
/// Its text stays in the service; the sender reads none of it.
#[derive(Debug)]
#[non_exhaustive]
pub enum HandOffError {
    /// The engine is not known to have it.
    Publish(PublishError),
    /// It is too large for the engine, and the application's place did not take its body.
    Place(BoxError),
    /// It is of a receiver that the builder was not told of, and would have refused: its sender retries for
    /// longer than the others, or has no ids and the engine's memory does not fit.
    NotCovered,
}

impl From<PublishError> for HandOffError {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}

impl fmt::Display for HandOffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Publish(_) => "a delivery was not handed over",
            Self::Place(_) => "the body of a large delivery was not kept",
            Self::NotCovered => {
                "a delivery is of a receiver that `HandOffBuilder::receiver` was not told of"
            }
        })
    }
}

impl Error for HandOffError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Publish(error) => Some(error),
            Self::Place(error) => Some(&**error),
            Self::NotCovered => None,
        }
    }
}

/// Why a hand-off cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandOffConfigError {
    /// No receiver was named.
    NoReceiver,
    /// The engine forgets ids while a sender may still retry.
    ForgetsCopies {
        /// For how long it knows them; none where it does not at all.
        window: Option<Duration>,
        /// For how long it must.
        least: Duration,
    },
    /// The engine knows ids for longer than the same body is a copy, at a sender that gives no ids: it would
    /// acknowledge an event, and add nothing.
    RemembersTooLong {
        /// For how long it may know them.
        window: Duration,
        /// For how long it may at most: the least `within` of [`IdenticalBodies::Copies`](countersign_core::scheme::IdenticalBodies::Copies).
        most: Duration,
    },
    /// A sender's copies are events ([`IdenticalBodies::Events`](countersign_core::scheme::IdenticalBodies::Events)): each would be another message.
    CopiesAreEvents,
    /// The time limit is zero, or longer than a sender waits.
    TimeLimit {
        /// How long it waits.
        budget: Duration,
    },
    /// The source is no URI reference.
    Source,
}

impl fmt::Display for HandOffConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReceiver => f.write_str("no receiver: call `receiver`"),
            Self::ForgetsCopies { window, least } => {
                match window {
                    Some(window) => write!(
                        f,
                        "the queue recognises a copy for {} s, and the sender retries for {} s: ",
                        window.as_secs(),
                        least.as_secs()
                    )?,
                    None => write!(
                        f,
                        "the queue does not recognise copies, and the sender retries for {} s: ",
                        least.as_secs()
                    )?,
                }
                f.write_str(
                    "lengthen its duplicate window, or deduplicate in the consumer and call \
                     `consumer_deduplicates`",
                )
            }
            Self::RemembersTooLong { window, most } => write!(
                f,
                "the queue recognises a message for {} s, and after {} s the same body is another event at a \
                 sender without ids: shorten its duplicate window, or make `within` longer",
                window.as_secs(),
                most.as_secs()
            ),
            Self::CopiesAreEvents => f.write_str(
                "nothing tells a copy at a sender whose identical bodies are events, so each would be \
                 another message: call `copies_are_events` if the work may be done once for each",
            ),
            Self::TimeLimit { budget } => write!(
                f,
                "`time_limit` must be above zero and at most {} ms, the receiver's response budget",
                budget.as_millis()
            ),
            Self::Source => f.write_str("`source` must be a URI reference"),
        }
    }
}

impl Error for HandOffConfigError {}
