//! What an engine must promise.

use core::{error::Error, fmt, future::Future, time::Duration};

use crate::Envelope;

type BoxError = Box<dyn Error + Send + Sync>;

/// An engine that keeps messages: a queue, a log, a workflow service.
///
/// [`JetStream`](crate::JetStream) and [`RedisStreams`](crate::RedisStreams) are two, each behind a feature.
/// For another one (Kafka, SQS, RabbitMQ, Restate, Temporal), implement this over its client. The sender is
/// answered 2xx on the word of [`publish`](Self::publish), and does not come again. So:
///
/// * **Acknowledged means kept.** `Ok` comes after the engine itself said that it has the message, and only
///   where it keeps it as well as it is configured to: Kafka with `acks=all`, RabbitMQ with a publisher
///   confirm for a persistent message that was routed (`mandatory`), SQS with the answer to `SendMessage`. A
///   client that says `Ok` once the message is in a buffer of its own does not do.
/// * **The message's id tells copies apart.** It is published again after a timeout, after a crash, and when
///   another process takes the delivery over. An engine that recognises an id adds nothing then, says
///   [`Published::Known`], and says for how long it does ([`duplicate_window`](Self::duplicate_window)): the
///   deduplication id of an SQS FIFO queue (five minutes), the workflow id of Temporal. For others the
///   consumer deduplicates, by the same id.
/// * **An error is an answer.** Whatever is not known to be kept is an error, also where it may have been
///   kept. An engine that has nowhere to put a message says so (a missing stream, an unrouted message), and
///   does not drop it.
/// * **The future may be dropped** at any moment: the hand-off has a time limit.
///
/// ```
/// use core::{error::Error, time::Duration};
/// use countersign_core::{MemoryStore, Receiver, Secret};
/// use countersign_handoff::{Envelope, HandOff, Published, Publisher, PublishError};
/// use countersign_senders::rebill_za;
///
/// /// A log that somebody else wrote; appending returns when the line is on the disk.
/// struct Log;
///
/// impl Log {
///     async fn append(&self, _id: &str, _line: Vec<u8>) -> Result<(), std::io::Error> {
///         Ok(())
///     }
/// }
///
/// impl Publisher for Log {
///     async fn publish(&self, message: &Envelope) -> Result<Published, PublishError> {
///         let appended = self.append(&message.message_id(), message.to_json()).await;
///         appended.map(|()| Published::New).map_err(PublishError::engine)
///     }
///
///     fn duplicate_window(&self) -> Option<Duration> {
///         None
///     }
///
///     fn name(&self) -> &'static str {
///         "log"
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn Error>> {
/// let rebill = Receiver::builder(rebill_za::SCHEME)
///     .endpoint("rebill")
///     .secret(Secret::new("secret")?)
///     .store(MemoryStore::new())
///     .build()?;
/// // It recognises no copies, so somebody else must.
/// assert!(HandOff::builder(Log).receiver(&rebill).build().is_err());
/// assert!(HandOff::builder(Log).receiver(&rebill).consumer_deduplicates().build().is_ok());
/// # Ok(())
/// # }
/// ```
pub trait Publisher: Send + Sync + 'static {
    /// Gives the engine a message, and waits until it says that it has it.
    fn publish(
        &self,
        message: &Envelope,
    ) -> impl Future<Output = Result<Published, PublishError>> + Send;

    /// For how long the engine recognises a message's id, whatever is restarted in between; none where it
    /// does not.
    fn duplicate_window(&self) -> Option<Duration>;

    /// For how long the engine may recognise a message's id at most; its
    /// [`duplicate_window`](Self::duplicate_window) unless it says more. None where it never does.
    ///
    /// It is longer where the engine recognises ids and does not promise to, as a work queue of NATS until a
    /// restart. A sender without ids may send the same body as another event after a while
    /// ([`IdenticalBodies`](countersign_core::scheme::IdenticalBodies)), so an engine that knows it for
    /// longer would lose that one.
    fn longest_memory(&self) -> Option<Duration> {
        self.duplicate_window()
    }

    /// The engine's name, for logs.
    fn name(&self) -> &'static str;
}

/// The engine has the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Published {
    /// It took it now.
    New,
    /// It had it already, and added nothing.
    Known,
}

/// The engine is not known to have the message.
///
/// Whatever the kind, the sender is answered 503 and comes again.
#[derive(Debug)]
pub struct PublishError {
    kind: PublishErrorKind,
    source: Option<BoxError>,
}

/// What kind of failure a [`PublishError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublishErrorKind {
    /// The engine cannot be reached; it was given nothing.
    Unavailable,
    /// No answer in time: it may have the message or not.
    Timeout,
    /// The message is larger than the engine takes.
    TooLarge,
    /// The engine has no room for it.
    Full,
    /// The engine answered something else.
    Engine,
}

impl PublishError {
    /// The engine cannot be reached.
    pub fn unavailable(source: impl Into<BoxError>) -> Self {
        Self::new(PublishErrorKind::Unavailable, source)
    }

    /// No answer in time.
    #[must_use]
    pub const fn timeout() -> Self {
        Self {
            kind: PublishErrorKind::Timeout,
            source: None,
        }
    }

    /// The message is larger than the engine takes. Nothing was kept of it.
    pub fn too_large(source: impl Into<BoxError>) -> Self {
        Self::new(PublishErrorKind::TooLarge, source)
    }

    /// The engine has no room for it.
    pub fn full(source: impl Into<BoxError>) -> Self {
        Self::new(PublishErrorKind::Full, source)
    }

    /// The engine answered with an error of its own.
    pub fn engine(source: impl Into<BoxError>) -> Self {
        Self::new(PublishErrorKind::Engine, source)
    }

    fn new(kind: PublishErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            source: Some(source.into()),
        }
    }

    /// What kind of failure it is.
    #[must_use]
    pub const fn kind(&self) -> PublishErrorKind {
        self.kind
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            PublishErrorKind::Unavailable => "the queue cannot be reached",
            PublishErrorKind::Timeout => "the queue did not acknowledge a delivery in time",
            PublishErrorKind::TooLarge => "a delivery is larger than the queue takes",
            PublishErrorKind::Full => "the queue has no room for a delivery",
            PublishErrorKind::Engine => "the queue did not take a delivery",
        })
    }
}

impl Error for PublishError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
