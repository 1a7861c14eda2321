//! Redis Streams: added once by a script, marked by the message's id.

// docs/decisions.md: D94, D97.

use core::{error::Error, fmt, time::Duration};
use std::sync::LazyLock;

use countersign_core::{FromHanded, StoreErrorKind};
use countersign_redis::{CheckError, Persistence, RedisStore};
use redis::{
    Client, ErrorKind, RedisError, Script, ServerErrorKind, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
    cmd,
    streams::StreamId,
};

use crate::{
    Envelope, Handed, HandedError,
    envelope::Malformed,
    publisher::{PublishError, Published, Publisher},
};

type BoxError = Box<dyn Error + Send + Sync>;

/// The field of an entry that holds the message.
pub const FIELD: &str = "cloudevent";

/// For how long an id is known, unless told otherwise: as long as a durable store remembers.
const WINDOW: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long the driver waits for an answer.
const RESPONSE: Duration = Duration::from_secs(10);

/// Longer than anybody retries, and short enough for the server's arithmetic.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

static ADD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("add.lua")));

/// A stream of Redis or Valkey.
///
/// A message is one entry with one field, [`FIELD`], in structured mode. A script adds it unless its id is
/// marked for this stream, and marks the id for the [duplicate window](RedisStreamsBuilder::duplicate_window), in one step of
/// the server. Whatever workers take out of the stream, the mark stays.
///
/// What was acknowledged is as safe as the server keeps it: all of it with `appendonly yes` and
/// `appendfsync always`; with `everysec`, the default, a crash while the disk is busy, a power failure or a
/// fail-over to a replica can lose the last two seconds, of which the sender was told 200. Entries are never
/// trimmed here; workers delete what they have done (`XACK`, then `XDEL`).
///
/// ```no_run
/// use countersign_core::{MemoryStore, Receiver, Secret};
/// use countersign_handoff::{HandOff, RedisStreams, redis::Client};
/// use countersign_senders::rebill_za;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let rebill = Receiver::builder(rebill_za::SCHEME)
///     .endpoint("rebill")
///     .secret(Secret::new("secret")?)
///     .store(MemoryStore::new())
///     .build()?;
/// let client = Client::open("redis://127.0.0.1/")?;
/// // Says how to make the stream where there is none.
/// let stream = RedisStreams::from_client(client, "webhooks")?.check().await?;
/// let hand_off = HandOff::builder(stream).receiver(&rebill).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStreams<C = ConnectionManager> {
    connection: C,
    stream: String,
    marks: Vec<u8>,
    window: Duration,
}

impl RedisStreams<ConnectionManager> {
    /// A stream over one connection that is made at the first call, and again whenever it was lost.
    ///
    /// # Errors
    ///
    /// When the driver does not take the client's settings.
    pub fn from_client(
        client: Client,
        stream: &str,
    ) -> Result<RedisStreamsBuilder<ConnectionManager>, RedisStreamsError> {
        // The hand-off has the time limit; a disk that is busy takes longer than the driver's half second.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_response_timeout(Some(RESPONSE));
        let connection = ConnectionManager::new_lazy_with_config(client, config)?;
        Ok(Self::builder(connection, stream))
    }
}

impl<C> RedisStreams<C> {
    /// A stream over a connection that the application made.
    pub fn builder(connection: C, stream: &str) -> RedisStreamsBuilder<C> {
        RedisStreamsBuilder {
            connection,
            stream: stream.to_owned(),
            window: WINDOW,
            accept_loss: false,
            assume_noeviction: false,
        }
    }

    /// The stream's name.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }
}

/// Configures a [`RedisStreams`].
#[must_use]
pub struct RedisStreamsBuilder<C> {
    connection: C,
    stream: String,
    window: Duration,
    accept_loss: bool,
    assume_noeviction: bool,
}

impl<C> RedisStreamsBuilder<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    /// For how long an id is known; seven days unless told otherwise. Each is about 120 bytes of the
    /// server's memory for so long.
    pub const fn duplicate_window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Takes a server that forgets what it acknowledged: one without an append-only file.
    pub const fn accept_loss(mut self) -> Self {
        self.accept_loss = true;
        self
    }

    /// Says that the server does not evict, for one that does not let anybody look
    /// ([`RedisStore::assume_noeviction`]).
    pub const fn assume_noeviction(mut self) -> Self {
        self.assume_noeviction = true;
        self
    }

    /// Looks at the server once, at start-up: whether the stream is there, and whether it keeps what it
    /// acknowledges.
    ///
    /// # Errors
    ///
    /// When the name has braces and no hash tag, there is no such stream, the server evicts or has no append-only file, or it does not answer.
    pub async fn check(self) -> Result<RedisStreams<C>, RedisStreamsError> {
        let Self { stream, .. } = self;
        if self.window.is_zero() || self.window > LONGEST {
            return Err(RedisStreamsError::Window);
        }
        let Some(marks) = marks(&stream) else {
            return Err(RedisStreamsError::Name { stream });
        };
        let mut connection = self.connection.clone();
        let kind: String = cmd("TYPE")
            .arg(&stream)
            .query_async(&mut connection)
            .await?;
        match kind.as_str() {
            "stream" => {}
            "none" => return Err(RedisStreamsError::NoStream { stream }),
            _ => return Err(RedisStreamsError::NotAStream { stream }),
        }
        let store = RedisStore::new(connection);
        let store = match self.assume_noeviction {
            true => store.assume_noeviction(),
            false => store,
        };
        match store.check().await? {
            Persistence::Snapshots | Persistence::Nothing if !self.accept_loss => {
                return Err(RedisStreamsError::Forgets);
            }
            _ => {}
        }
        Ok(RedisStreams {
            connection: self.connection,
            marks,
            stream,
            window: self.window,
        })
    }
}

/// What the names of marks begin with: in the stream's own slot of a cluster, and of this stream alone. None where the
/// name has a brace and no tag, because a name between braces would then end at it, in another slot.
fn marks(stream: &str) -> Option<Vec<u8>> {
    let tag = stream
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .map(|(tag, _)| tag)
        .filter(|tag| !tag.is_empty());
    let tag = match tag {
        Some(tag) => tag,
        None if stream.is_empty() || stream.contains(['{', '}']) => return None,
        None => stream,
    };
    Some(format!("{{{tag}}}:handed:{stream}:").into_bytes())
}

impl<C> Publisher for RedisStreams<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    async fn publish(&self, message: &Envelope) -> Result<Published, PublishError> {
        let mut connection = self.connection.clone();
        let mark = [self.marks.as_slice(), message.key().as_bytes()].concat();
        let window = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        let mut call = ADD.key(mark);
        call.key(&self.stream).arg(window).arg(message.to_json());
        let said: Result<String, RedisError> = call.invoke_async(&mut connection).await;
        match said.map_err(publish_error)?.as_str() {
            "new" => Ok(Published::New),
            "known" => Ok(Published::Known),
            _ => Err(PublishError::engine(RedisStreamsError::NoStream {
                stream: self.stream.clone(),
            })),
        }
    }

    fn duplicate_window(&self) -> Option<Duration> {
        Some(self.window)
    }

    fn name(&self) -> &'static str {
        "redis-streams"
    }
}

fn publish_error(error: RedisError) -> PublishError {
    let unavailable = matches!(
        error.kind(),
        ErrorKind::ClusterConnectionNotFound
            | ErrorKind::MasterNameNotFoundBySentinel
            | ErrorKind::NoValidReplicasFoundBySentinel
            | ErrorKind::Server(
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::ReadOnly
                    | ServerErrorKind::TryAgain
            )
    );
    if unavailable || error.is_connection_refusal() {
        return PublishError::unavailable(error);
    }
    if error.code() == Some("OOM") || error.to_string().contains("OOM command not allowed") {
        return PublishError::full(error);
    }
    match error.kind() {
        // The driver's own limits; what was sent may have been applied.
        ErrorKind::Io if error.is_timeout() => PublishError::timeout(),
        _ => PublishError::engine(error),
    }
}

impl<T: FromHanded> Handed<T> {
    /// Reads an entry of a stream that [`RedisStreams`] added.
    ///
    /// # Errors
    ///
    /// When it is none, and as [`read`](Self::read).
    pub fn from_redis(entry: &StreamId) -> Result<Self, HandedError> {
        match entry.map.get(FIELD) {
            Some(Value::BulkString(json)) => Self::from_json(json),
            _ => Err(Malformed::no_event().into()),
        }
    }
}

impl<C> fmt::Debug for RedisStreams<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStreams")
            .field("stream", &self.stream)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl<C> fmt::Debug for RedisStreamsBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStreamsBuilder")
            .field("stream", &self.stream)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// Why a stream is not fit, or could not be looked at.
#[derive(Debug)]
#[non_exhaustive]
pub enum RedisStreamsError {
    /// The name is empty, or has braces and no hash tag.
    Name {
        /// It.
        stream: String,
    },
    /// There is no such stream.
    NoStream {
        /// Its name.
        stream: String,
    },
    /// The key holds something else.
    NotAStream {
        /// Its name.
        stream: String,
    },
    /// The server keeps no append-only file: what it acknowledged ends with it.
    Forgets,
    /// The server evicts, or does not say whether it does.
    Check(CheckError),
    /// The duplicate window is zero, or too long for the server.
    Window,
    /// The server did not answer.
    Server(BoxError),
}

impl From<RedisError> for RedisStreamsError {
    fn from(error: RedisError) -> Self {
        Self::Server(error.into())
    }
}

impl From<CheckError> for RedisStreamsError {
    fn from(error: CheckError) -> Self {
        match error.store_kind() {
            Some(StoreErrorKind::Unavailable | StoreErrorKind::Timeout) => {
                Self::Server(error.into())
            }
            _ => Self::Check(error),
        }
    }
}

impl fmt::Display for RedisStreamsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { stream } => write!(
                f,
                "`{stream}` cannot be a stream's name here: braces must be around a hash tag, as in \
                 `{{shop}}:webhooks`"
            ),
            Self::NoStream { stream } => write!(
                f,
                "there is no stream `{stream}` in redis; make it, with a group of workers: \
                 XGROUP CREATE {stream} workers 0 MKSTREAM"
            ),
            Self::NotAStream { stream } => write!(f, "`{stream}` is no stream in redis"),
            Self::Forgets => f.write_str(
                "redis keeps no append-only file, so a restart forgets what it acknowledged: set \
                 `appendonly yes`, or call `accept_loss`",
            ),
            Self::Check(_) => f.write_str("redis is not fit to keep deliveries"),
            Self::Window => {
                f.write_str("`duplicate_window` must be above zero, and below a century")
            }
            Self::Server(_) => f.write_str("the stream in redis could not be looked at"),
        }
    }
}

impl Error for RedisStreamsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Check(error) => Some(error),
            Self::Server(error) => Some(&**error),
            Self::Name { .. }
            | Self::NoStream { .. }
            | Self::NotAStream { .. }
            | Self::Forgets
            | Self::Window => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_in_the_slot_of_their_stream() {
        for (stream, due) in [
            ("webhooks", "{webhooks}:handed:webhooks:"),
            ("{shop}:billing", "{shop}:handed:{shop}:billing:"),
            ("{shop}:crm", "{shop}:handed:{shop}:crm:"),
            ("a}b{c}d{e}", "{c}:handed:a}b{c}d{e}:"),
            ("a{{b}", "{{b}:handed:a{{b}:"),
        ] {
            assert_eq!(marks(stream).unwrap(), due.as_bytes(), "{stream}");
        }
        // Redis takes all of such a name for the slot, and a mark could not say the same.
        for stream in ["a{}b", "a}b", "a{b", "a}b{", "a{}{b}", ""] {
            assert_eq!(marks(stream), None, "{stream}");
        }
    }
}
