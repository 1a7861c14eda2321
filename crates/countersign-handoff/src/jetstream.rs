//! NATS JetStream: binary mode, `Nats-Msg-Id`, and the stream's acknowledgement.

// docs/decisions.md: D95, D97.

use core::{error::Error, fmt, time::Duration};

use async_nats::{
    HeaderMap, Message,
    connection::State,
    jetstream::{
        self, Context, ErrorCode,
        context::{GetStreamByNameErrorKind, PublishErrorKind},
        message::PublishMessage,
        stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
    },
};
use bytes::Bytes;
use countersign_core::FromHanded;

use crate::{
    Envelope, Handed, HandedError,
    envelope::Malformed,
    publisher::{PublishError, Published, Publisher},
};

type BoxError = Box<dyn Error + Send + Sync>;

/// A subject of NATS that a stream of JetStream takes.
///
/// A message is in binary mode: an attribute is a header with `ce-` before its name, and the payload is the
/// exact bytes. The `Nats-Msg-Id`, by which the stream recognises a copy for its duplicate window (two minutes
/// unless set otherwise), is the message's id and the subject: a delivery that is handed to two subjects of one
/// stream is in both. The sender is answered when the stream has acknowledged.
///
/// A server writes what it acknowledges to its files and leaves it to the system to put them on the disk: it
/// may be killed, but a power failure can lose the last moments, unless the stream has replicas.
///
/// A stream that deletes what workers have done (`WorkQueue`, `Interest`), or that
/// [may drop messages](JetStreamBuilder::accept_loss), forgets their ids when its server is
/// restarted, so it counts as one that recognises no copies: keep messages (`Limits` with a `max_age` of at
/// least the duplicate window), or deduplicate in the consumer.
///
/// ```no_run
/// use countersign_core::{MemoryStore, Receiver, Secret};
/// use countersign_handoff::{HandOff, JetStream, async_nats};
/// use countersign_senders::rebill_za;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let rebill = Receiver::builder(rebill_za::SCHEME)
///     .endpoint("rebill")
///     .secret(Secret::new("secret")?)
///     .store(MemoryStore::new())
///     .build()?;
/// let client = async_nats::connect("nats://127.0.0.1").await?;
/// let context = async_nats::jetstream::new(client);
/// // Says how to make the stream where there is none.
/// let stream = JetStream::builder(context, "webhooks.rebill").check().await?;
/// let hand_off = HandOff::builder(stream).receiver(&rebill).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct JetStream {
    context: Context,
    subject: String,
    stream: String,
    per_entity: bool,
    window: Option<Duration>,
    memory: Duration,
}

impl JetStream {
    /// Publishes under a subject, over a connection that the application made.
    pub fn builder(context: Context, subject: &str) -> JetStreamBuilder {
        JetStreamBuilder {
            context,
            subject: subject.to_owned(),
            per_entity: false,
            accept_loss: false,
        }
    }

    /// The stream that takes the subject.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// What the stream recognises a copy by. It does so whatever the subject, and another subject of the same
    /// stream is another destination.
    fn id_of(&self, message: &Envelope) -> String {
        format!("{}:{}", message.message_id(), self.subject)
    }

    fn subject_of(&self, message: &Envelope) -> String {
        match self.per_entity {
            true => format!("{}.{}", self.subject, token(message.subject())),
            false => self.subject.clone(),
        }
    }
}

/// An entity as one token of a subject.
fn token(entity: Option<&str>) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match entity {
        None => "-".to_owned(),
        Some(entity) if entity.len() <= 64 && entity.bytes().all(plain) => entity.to_owned(),
        // What NATS cuts at, and what is long: another text for another entity, and always the same.
        Some(entity) => format!(
            "x{}",
            const_hex::encode(crate::envelope::hash(entity.as_bytes()))
        ),
    }
}

/// Configures a [`JetStream`].
#[derive(Clone, Debug)]
#[must_use]
pub struct JetStreamBuilder {
    context: Context,
    subject: String,
    per_entity: bool,
    accept_loss: bool,
}

impl JetStreamBuilder {
    /// Publishes each delivery under a subject of its entity's: `webhooks.rebill.inv_1`, and
    /// `webhooks.rebill.-` for what names none. A consumer for each share of the subjects then keeps the
    /// order of each entity. The stream must take `webhooks.rebill.*`.
    pub const fn subject_per_entity(mut self) -> Self {
        self.per_entity = true;
        self
    }

    /// Takes a stream that drops what it acknowledged: one in memory, one that makes room by deleting, or
    /// one that keeps only what somebody listens to. Such a stream counts as one that recognises no copies.
    pub const fn accept_loss(mut self) -> Self {
        self.accept_loss = true;
        self
    }

    /// Looks for the stream once, at start-up, and whether it keeps what it acknowledges.
    ///
    /// # Errors
    ///
    /// When no stream takes the subject, the stream may drop messages, or the server does not answer.
    pub async fn check(self) -> Result<JetStream, JetStreamError> {
        let subject = match self.per_entity {
            true => format!("{}.-", self.subject),
            false => self.subject.clone(),
        };
        let found = self.context.stream_by_subject(&subject).await;
        let stream = found.map_err(|error| match error.kind() {
            GetStreamByNameErrorKind::NotFound => JetStreamError::NoStream {
                subject: subject.clone(),
            },
            GetStreamByNameErrorKind::InvalidSubject => JetStreamError::Subject,
            _ => JetStreamError::Server(error.into()),
        })?;
        let found = self.context.get_stream(&stream).await;
        let found = found.map_err(|error| JetStreamError::Server(error.into()))?;
        let config = &found.cached_info().config;
        if config.no_ack {
            return Err(JetStreamError::NoAcknowledgement { stream });
        }
        if let Some(how) = loses(config)
            && !self.accept_loss
        {
            return Err(JetStreamError::Loses { stream, how });
        }
        // A server makes its memory of ids anew from the messages that it still has.
        let keeps_ids = config.retention == RetentionPolicy::Limits && loses(config).is_none();
        let window = Some(config.duplicate_window).filter(|window| keeps_ids && !window.is_zero());
        Ok(JetStream {
            context: self.context,
            subject: self.subject,
            stream,
            per_entity: self.per_entity,
            window,
            memory: config.duplicate_window,
        })
    }
}

/// How a stream drops what it acknowledged.
fn loses(config: &Config) -> Option<Loss> {
    let bounded = config.max_messages > 0 || config.max_bytes > 0;
    match config {
        _ if config.storage == StorageType::Memory => Some(Loss::Memory),
        _ if config.max_messages_per_subject > 0 && !config.discard_new_per_subject => {
            Some(Loss::PerSubject)
        }
        _ if bounded && config.discard == DiscardPolicy::Old => Some(Loss::Discards),
        _ if config.retention == RetentionPolicy::Interest => Some(Loss::Interest),
        _ => None,
    }
}

/// How a stream may drop a message that it acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Loss {
    /// It is in memory, and ends with its server.
    Memory,
    /// It makes room by deleting the oldest (`discard: old`).
    Discards,
    /// It keeps only so many messages of a subject.
    PerSubject,
    /// It keeps a message only while a consumer wants it.
    Interest,
}

impl Publisher for JetStream {
    async fn publish(&self, message: &Envelope) -> Result<Published, PublishError> {
        // Else the driver keeps it, and sends it when nobody waits for it any more.
        if self.context.client().connection_state() != State::Connected {
            return Err(PublishError::unavailable("no connection to NATS"));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in message.headers() {
            headers.insert(name, value);
        }
        let outgoing = PublishMessage::build()
            .headers(headers)
            .payload(message.body().cloned().unwrap_or_else(Bytes::new))
            .message_id(self.id_of(message));
        let sent = self
            .context
            .send_publish(self.subject_of(message), outgoing);
        let acknowledged = sent.await.map_err(publish_error)?.await;
        let acknowledged = acknowledged.map_err(publish_error)?;
        // Nobody looked whether that one keeps it.
        if acknowledged.stream != self.stream {
            return Err(PublishError::engine(
                "another stream takes the subject now: check it, by a restart",
            ));
        }
        match acknowledged.duplicate {
            false => Ok(Published::New),
            true => Ok(Published::Known),
        }
    }

    fn duplicate_window(&self) -> Option<Duration> {
        self.window
    }

    fn longest_memory(&self) -> Option<Duration> {
        Some(self.memory)
    }

    fn name(&self) -> &'static str {
        "jetstream"
    }
}

fn publish_error(error: jetstream::context::PublishError) -> PublishError {
    let of_server = error
        .source()
        .and_then(|source| source.downcast_ref::<jetstream::Error>())
        .map(jetstream::Error::error_code);
    match (error.kind(), of_server) {
        (PublishErrorKind::MaxPayloadExceeded, _)
        | (
            _,
            Some(
                ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM
                | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM,
            ),
        ) => PublishError::too_large(error),
        // Maximum bytes or messages, with `discard: new`; and no room for the account or on the disk.
        (
            _,
            Some(
                ErrorCode::STREAM_STORE_FAILED
                | ErrorCode::INSUFFICIENT_RESOURCES
                | ErrorCode::STORAGE_RESOURCES_EXCEEDED
                | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
            ),
        ) => PublishError::full(error),
        // After the connection was lost, what was sent may have been taken.
        (PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe, _) => PublishError::timeout(),
        _ => PublishError::engine(error),
    }
}

impl<T: FromHanded> Handed<T> {
    /// Reads a message of a stream that [`JetStream`] published to. One of the driver's `jetstream::Message`
    /// dereferences to what this takes.
    ///
    /// # Errors
    ///
    /// When it is none, and as [`read`](Self::read).
    pub fn from_nats(message: &Message) -> Result<Self, HandedError> {
        let headers = message.headers.as_ref().ok_or(Malformed::no_event())?;
        let headers = headers.iter().flat_map(|(name, values)| {
            let name: &str = name.as_ref();
            values.iter().map(move |value| (name, value.as_str()))
        });
        Self::from_headers(headers, message.payload.clone())
    }
}

/// Why a stream is not fit, or could not be looked at.
#[derive(Debug)]
#[non_exhaustive]
pub enum JetStreamError {
    /// No stream takes the subject.
    NoStream {
        /// It.
        subject: String,
    },
    /// The subject is none.
    Subject,
    /// The stream may drop what it acknowledged.
    Loses {
        /// Its name.
        stream: String,
        /// How.
        how: Loss,
    },
    /// The stream acknowledges nothing.
    NoAcknowledgement {
        /// Its name.
        stream: String,
    },
    /// The server did not answer.
    Server(BoxError),
}

impl fmt::Display for JetStreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStream { subject } => write!(
                f,
                "no stream of NATS takes `{subject}`; make one, with a duplicate window of at least the \
                 sender's retry span: nats stream add WEBHOOKS --subjects '{subject}' --storage file \
                 --retention limits --discard new --dupe-window 80h --max-age 168h --defaults"
            ),
            Self::Subject => {
                f.write_str("the subject must be words between dots, without wildcards")
            }
            Self::Loses { stream, how } => {
                let how = match how {
                    Loss::Memory => "is in memory: `--storage file`",
                    Loss::Discards => {
                        "deletes the oldest messages when it is full: `--discard new`"
                    }
                    Loss::PerSubject => {
                        "keeps only so many messages of a subject: `--max-msgs-per-subject -1`"
                    }
                    Loss::Interest => "keeps only what a consumer wants: `--retention limits`",
                };
                write!(
                    f,
                    "the stream `{stream}` may drop what it acknowledged; it {how}, or call `accept_loss`"
                )
            }
            Self::NoAcknowledgement { stream } => {
                write!(f, "the stream `{stream}` acknowledges nothing: `--ack`")
            }
            Self::Server(_) => f.write_str("the stream of NATS could not be looked at"),
        }
    }
}

impl Error for JetStreamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Server(error) => Some(&**error),
            Self::NoStream { .. }
            | Self::Subject
            | Self::Loses { .. }
            | Self::NoAcknowledgement { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_is_one_token() {
        assert_eq!(token(None), "-");
        assert_eq!(token(Some("inv_1")), "inv_1");
        for entity in ["a.b", "*", ">", "a b", "", "\u{e4}", &"a".repeat(65)] {
            let token = token(Some(entity));
            let plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric());
            assert!(
                plain && token.len() == 65 || entity.is_empty(),
                "{entity}: {token}"
            );
        }
    }
}
