//! Whether a server is fit to remember deliveries.

use core::{error::Error, fmt};

use countersign_core::{DedupStore, DeliveryKey, StoreError, StoreErrorKind};
use redis::{Value, aio::ConnectionLike, cmd};

use crate::{RedisStore, failure};

/// How much of what was acknowledged a restart of the server forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Persistence {
    /// The server keeps an append-only file: nothing, or after a crash up to two seconds, unless
    /// `appendfsync` is `always`.
    AppendOnly,
    /// The server only writes snapshots: everything since the last one.
    Snapshots,
    /// The server writes nothing: everything.
    Nothing,
    /// The server does not say.
    Unknown,
}

/// Why a server is not fit, or could not be looked at.
#[derive(Debug)]
#[non_exhaustive]
pub enum CheckError {
    /// It evicts rows when its memory is full, so that deliveries would run twice exactly when
    /// traffic is highest. Set `maxmemory-policy noeviction`.
    Evicts {
        /// The policy that it has.
        policy: String,
    },
    /// It does not say what its eviction policy is. Find out, and then say
    /// [`assume_noeviction`](RedisStore::assume_noeviction).
    NotPermitted,
    /// It did not answer, or does not run scripts.
    Store(StoreError),
}

impl<C> RedisStore<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    /// Looks at the server once, at start-up: whether it runs scripts, evicts, and persists.
    ///
    /// Uses `INFO`, and `CONFIG GET save` where there is no append-only file. With the feature
    /// `tracing`, a server that persists less than an append-only file is warned of.
    ///
    /// ```no_run
    /// use countersign_redis::{Persistence, RedisStore, redis::Client};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = RedisStore::from_client(Client::open("redis://127.0.0.1/")?)?;
    /// if store.check().await? != Persistence::AppendOnly {
    ///     eprintln!("a restart of Redis runs deliveries again");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When it evicts, does not say whether it does, or does not answer.
    pub async fn check(&self) -> Result<Persistence, CheckError> {
        self.state(&DeliveryKey::from_bytes([0; 32])).await?;
        let info = match self.command(&cmd("INFO")).await? {
            Ok(info) => texts(&info),
            Err(error) if failure::is_not_permitted(&error) => String::new(),
            Err(error) => return Err(failure::store_error(error).into()),
        };
        let mut policies = fields(&info, "maxmemory_policy:").peekable();
        if policies.peek().is_none() && !self.assume_noeviction {
            return Err(CheckError::NotPermitted);
        }
        if let Some(policy) = policies.find(|policy| *policy != "noeviction") {
            let policy = policy.to_owned();
            return Err(CheckError::Evicts { policy });
        }
        let persistence = self.persistence(&info).await?;
        persistence.warn();
        Ok(persistence)
    }

    async fn persistence(&self, info: &str) -> Result<Persistence, CheckError> {
        let mut files = fields(info, "aof_enabled:").peekable();
        if files.peek().is_none() {
            return Ok(Persistence::Unknown);
        }
        // Of several nodes, the one that persists least counts.
        if files.all(|file| file == "1") {
            return Ok(Persistence::AppendOnly);
        }
        Ok(
            match self.command(cmd("CONFIG").arg("GET").arg("save")).await? {
                Ok(answer) => match texts(&answer).split_once("save\n") {
                    Some((_, times)) if times.trim().is_empty() => Persistence::Nothing,
                    Some(_) => Persistence::Snapshots,
                    None => Persistence::Unknown,
                },
                Err(error) if failure::is_not_permitted(&error) => Persistence::Unknown,
                Err(error) => return Err(failure::store_error(error).into()),
            },
        )
    }
}

impl Persistence {
    #[cfg(feature = "tracing")]
    fn warn(self) {
        use tracing::warn;
        match self {
            Self::AppendOnly => {}
            Self::Snapshots => warn!(
                target: "countersign",
                "redis writes snapshots only: a restart runs deliveries since the last one again"
            ),
            Self::Nothing => warn!(
                target: "countersign",
                "redis persists nothing: a restart runs all deliveries again"
            ),
            Self::Unknown => warn!(
                target: "countersign",
                "redis does not say whether it persists: see to it that appendonly is on"
            ),
        }
    }

    #[cfg(not(feature = "tracing"))]
    const fn warn(self) {}
}

/// The values of a field in the answer to `INFO`.
fn fields<'a>(info: &'a str, name: &'static str) -> impl Iterator<Item = &'a str> {
    info.lines()
        .filter_map(move |line| line.strip_prefix(name))
        .map(str::trim)
}

/// All texts in an answer, a line each: a cluster's answer has one for each node.
fn texts(value: &Value) -> String {
    let mut all = String::new();
    collect(value, &mut all);
    all
}

fn collect(value: &Value, all: &mut String) {
    match value {
        Value::BulkString(text) => push(&String::from_utf8_lossy(text), all),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => push(text, all),
        Value::Array(values) | Value::Set(values) => {
            for value in values {
                collect(value, all);
            }
        }
        Value::Map(pairs) => {
            for (key, value) in pairs {
                collect(key, all);
                collect(value, all);
            }
        }
        _ => {}
    }
}

fn push(text: &str, all: &mut String) {
    all.push_str(text);
    all.push('\n');
}

impl From<StoreError> for CheckError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl CheckError {
    /// What kind of failure the store had, when it is that.
    #[must_use]
    pub fn store_kind(&self) -> Option<StoreErrorKind> {
        match self {
            Self::Store(error) => Some(error.kind()),
            Self::Evicts { .. } | Self::NotPermitted => None,
        }
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evicts { policy } => write!(
                f,
                "redis evicts rows (maxmemory-policy {policy}); it must be noeviction"
            ),
            Self::NotPermitted => f.write_str(
                "redis does not permit INFO, so its maxmemory-policy is unknown; \
                 see that it is noeviction, then say assume_noeviction",
            ),
            Self::Store(_) => f.write_str("redis could not be checked"),
        }
    }
}

impl Error for CheckError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Evicts { .. } | Self::NotPermitted => None,
        }
    }
}
