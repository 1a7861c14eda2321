//! The store: what is sent for each operation.

use core::{fmt, time::Duration};
use std::time::Instant;

use countersign_core::{
    Capabilities, Claim, ClaimRequest, Claimed, DedupStore, DeliveryKey, Fence, Fenced, KeyState,
    OnRepeat, Recurrence, StoreError, store::KEPT_AFTER_LEASE,
};
use redis::{
    Client, RedisError, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
};

use crate::{
    failure,
    fences::Fences,
    keys::Keys,
    reply,
    script::{self, Call},
};

const TIME_LIMIT: Duration = Duration::from_millis(1_500);

/// Longer than anybody remembers a delivery, and short enough for the server's arithmetic.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// How long a row stays after it has ended: after its lease, so that a takeover can count attempts
/// and a late holder can still settle; after its retention, or after it was given back, so that the
/// next fence is larger. The scripts know it as 3600000: a row is live while it has more left.
const KEPT: Duration = KEPT_AFTER_LEASE;

/// A first attempt that is no recurrence, as rows have it.
const FIRST: &[u8] = b"00000000010";

/// Remembers deliveries in Redis.
///
/// Clones share the connection. One store can serve all receivers of all processes: keys carry
/// their endpoint and tenant. It needs a tokio runtime.
///
/// A row is kept for an hour past its lease or retention, so that a takeover can count attempts, a
/// late holder can still settle, and the next fence is larger. Rows expire by themselves:
/// [`purge`](DedupStore::purge) does nothing.
///
/// ```no_run
/// use core::time::Duration;
/// use countersign_core::{Claim, ClaimRequest, DedupStore, DeliveryKey, Owner};
/// use countersign_redis::{RedisStore, redis::Client};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::from_client(Client::open("redis://127.0.0.1/")?)?;
/// let key = DeliveryKey::for_id("rebill", None, "dlv_01");
/// let request = ClaimRequest::new(key, Owner::from_u128(1), Duration::from_secs(30));
///
/// if let Claim::Claimed(claimed) = store.claim(request.clone()).await? {
///     let _ = store.complete(&key, claimed.fence, Duration::from_secs(7 * 24 * 3600)).await?;
/// }
/// assert_eq!(store.claim(request).await?, Claim::Completed { fingerprint: 0 });
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore<C = ConnectionManager> {
    connection: C,
    keys: Keys,
    fences: Fences,
    time_limit: Duration,
    pub(crate) assume_noeviction: bool,
}

impl RedisStore<ConnectionManager> {
    /// A store over one connection that is made at the first call and again whenever it was lost.
    ///
    /// While the server is down, each call tries to connect once and fails at once, instead of
    /// waiting for the driver's own retries. A server that vanishes without a word (a partition) is
    /// noticed by TCP only: set a user timeout, or calls go on timing out until the system gives the
    /// connection up, which takes many minutes.
    ///
    /// ```no_run
    /// use core::time::Duration;
    /// use countersign_redis::{
    ///     RedisStore,
    ///     redis::{Client, IntoConnectionInfo, io::tcp::TcpSettings},
    /// };
    ///
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let info = "redis://127.0.0.1/".into_connection_info()?;
    /// let tcp = TcpSettings::default();
    /// # #[cfg(target_os = "linux")]
    /// let tcp = tcp.set_user_timeout(Duration::from_secs(5));
    /// let client = Client::open(info.set_tcp_settings(tcp))?;
    /// let store = RedisStore::from_client(client)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the driver does not take the client's settings.
    pub fn from_client(client: Client) -> Result<Self, StoreError> {
        let config = ConnectionManagerConfig::new().set_number_of_retries(0);
        ConnectionManager::new_lazy_with_config(client, config)
            .map(Self::new)
            .map_err(failure::store_error)
    }
}

impl<C> RedisStore<C> {
    /// A store over a connection that the application made: a [`ConnectionManager`], which connects
    /// anew after a loss, a cluster connection, or a multiplexed connection, which does not.
    ///
    /// A manager that retries for longer than the [time limit](Self::with_time_limit) makes an
    /// outage look like a timeout; [`from_client`](RedisStore::from_client) has one that does not.
    pub fn new(connection: C) -> Self {
        Self {
            connection,
            keys: Keys::default(),
            fences: Fences::new(),
            time_limit: TIME_LIMIT,
            assume_noeviction: false,
        }
    }

    /// Sets what the names of all keys begin with. The default is `{countersign}`.
    ///
    /// Stores with the same prefix share their rows. A prefix without a hash tag is put into braces,
    /// so that a cluster keeps the store in one slot: `shop` becomes `{shop}`, while `shop:{dedup}`
    /// is taken as it is.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.keys = Keys::new(prefix);
        self
    }

    /// Sets how long any one operation takes at most. The default is 1.5 s.
    ///
    /// The driver has limits of its own, 500 ms for an answer and 1 s to connect: an operation that
    /// may be repeated is asked once more when one of them passes and this limit does not.
    #[must_use]
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Says that the server does not evict, for one that does not let [`check`](Self::check) look.
    ///
    /// You have seen `maxmemory-policy noeviction` where your provider shows it. A policy that can
    /// be read is still refused.
    #[must_use]
    pub const fn assume_noeviction(mut self) -> Self {
        self.assume_noeviction = true;
        self
    }

    /// What the names of all keys begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.keys.prefix()
    }
}

impl<C> fmt::Debug for RedisStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix())
            .field("time_limit", &self.time_limit)
            .finish_non_exhaustive()
    }
}

impl<C> DedupStore for RedisStore<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claim, StoreError> {
        let row = self.keys.row(&request.key);
        let aliases: Vec<_> = request
            .aliases
            .iter()
            .map(|key| self.keys.alias(key))
            .collect();
        let mut keys = Vec::with_capacity(aliases.len().saturating_add(1));
        keys.push(row.as_slice());
        for alias in &aliases {
            if !keys.contains(&alias.as_slice()) {
                keys.push(alias);
            }
        }
        let subject = request.subject;
        let subject_key = subject.map(|subject| self.keys.subject(&subject.key));
        keys.extend(subject_key.as_deref());
        let suppress: &[u8] = match subject.map(|subject| subject.on_repeat) {
            Some(OnRepeat::Suppress) => b"1",
            Some(OnRepeat::Run) | None => b"0",
            Some(other) => return Err(StoreError::backend(format!("cannot do {other:?}"))),
        };
        let keep_subject = subject.map(|subject| millis(subject.keep.min(LONGEST)));
        let owner = request.owner.as_u128().to_be_bytes();
        let fingerprint = request.fingerprint.to_be_bytes();
        let lease = millis(request.lease.min(LONGEST));
        let begin = Instant::now();
        if self.fences.is_due() {
            self.learn_time(&row).await?;
        }
        let fence = Fence::from_u64(self.fences.next());
        let digits = digits(fence);
        let args: &[&[u8]] = &[
            &owner,
            lease.as_bytes(),
            &fingerprint,
            suppress,
            digits.as_bytes(),
            keep_subject.as_deref().unwrap_or_default().as_bytes(),
        ];
        let mut call = script::CLAIM.call(&keys, args);
        if aliases.is_empty() && subject.is_none() {
            // Nearly always the key is new, and then one plain command does all.
            let value: [&[u8]; 6] = [
                b"i",
                digits.as_bytes(),
                digits.as_bytes(),
                FIRST,
                &owner,
                &fingerprint,
            ];
            let keep = millis(request.lease.min(LONGEST).saturating_add(KEPT));
            call = call.unless_set(&row, value.concat(), &keep);
        }
        let left = self.time_limit.saturating_sub(begin.elapsed());
        match self.ask_within(left, call, Again::Yes).await? {
            Value::Okay => Ok(Claim::Claimed(Claimed {
                fence,
                attempt: 1,
                takeover: false,
                recurrence: Recurrence::None,
            })),
            value => reply::claim(&value),
        }
    }

    async fn extend(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> Result<Fenced, StoreError> {
        let lease = millis(lease.min(LONGEST));
        let (row, fence) = (self.keys.row(key), digits(fence));
        let (keys, args): (&[&[u8]], &[&[u8]]) = (&[&row], &[fence.as_bytes(), lease.as_bytes()]);
        let call = script::EXTEND.call(keys, args);
        reply::fenced(&self.ask(call, Again::Yes).await?)
    }

    async fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> Result<Fenced, StoreError> {
        let retention = millis(retention.min(LONGEST).saturating_add(KEPT));
        let (row, fence) = (self.keys.row(key), digits(fence));
        let (keys, args): (&[&[u8]], &[&[u8]]) =
            (&[&row], &[fence.as_bytes(), retention.as_bytes()]);
        let call = script::COMPLETE.call(keys, args);
        reply::fenced(&self.ask(call, Again::Yes).await?)
    }

    async fn release(&self, key: &DeliveryKey, fence: Fence) -> Result<Fenced, StoreError> {
        let (row, fence) = (self.keys.row(key), digits(fence));
        let (keys, args): (&[&[u8]], &[&[u8]]) = (&[&row], &[fence.as_bytes()]);
        let call = script::RELEASE.call(keys, args);
        reply::fenced(&self.ask(call, Again::No).await?)
    }

    async fn state(&self, key: &DeliveryKey) -> Result<KeyState, StoreError> {
        let row = self.keys.row(key);
        let keys: &[&[u8]] = &[&row];
        reply::state(&self.ask(script::STATE.call(keys, &[]), Again::Yes).await?)
    }

    async fn forget(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        let (row, alias, subject) = (
            self.keys.row(key),
            self.keys.alias(key),
            self.keys.subject(key),
        );
        let keys: &[&[u8]] = &[&row, &alias, &subject];
        reply::truth(&self.ask(script::FORGET.call(keys, &[]), Again::No).await?)
    }

    /// Does nothing: the server removes rows when their time has come.
    async fn purge(&self, _limit: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    /// Shared, and durable in that rows outlive the process; [`check`](RedisStore::check) says
    /// whether they outlive the server.
    fn capabilities(&self) -> Capabilities {
        Capabilities::new(true, true)
    }
}

/// Whether an operation may be asked again when it may have been applied. Where the second answer
/// would differ ("lost", because the first was applied) the caller is told of the doubt instead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Yes,
    No,
}

impl<C> RedisStore<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    async fn ask(&self, call: Call<'_>, again: Again) -> Result<Value, StoreError> {
        self.ask_within(self.time_limit, call, again).await
    }

    async fn ask_within(
        &self,
        limit: Duration,
        call: Call<'_>,
        again: Again,
    ) -> Result<Value, StoreError> {
        let asking = async {
            let mut connection = self.connection.clone();
            let first = match call.run(&mut connection).await {
                // A connection that was idle is often found lost by the next call only.
                Err(error) if again == Again::Yes && failure::is_ambiguous(&error) => error,
                answer => return answer,
            };
            match call.run(&mut connection).await {
                // The first may still have been applied, whatever became of the second.
                Err(error) if failure::is_unanswered(&error) => Err(first),
                answer => answer,
            }
        };
        in_time(limit, asking).await?.map_err(failure::store_error)
    }

    async fn learn_time(&self, row: &[u8]) -> Result<(), StoreError> {
        let keys: &[&[u8]] = &[row];
        let time = self.ask(script::TIME.call(keys, &[]), Again::Yes).await?;
        self.fences.learn(reply::micros(&time)?);
        Ok(())
    }

    /// A command's answer, which may be the driver's error.
    pub(crate) async fn command(
        &self,
        command: &redis::Cmd,
    ) -> Result<Result<Value, RedisError>, StoreError> {
        let mut connection = self.connection.clone();
        in_time(self.time_limit, script::answer(&mut connection, command)).await
    }
}

async fn in_time<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, StoreError> {
    tokio::time::timeout(limit, future)
        .await
        .map_err(|_| StoreError::timeout())
}

/// Milliseconds as digits, rounded up: a lease never ends sooner than was asked for.
fn millis(duration: Duration) -> String {
    let nanos = duration.min(LONGEST.saturating_add(KEPT)).as_nanos();
    nanos.div_ceil(1_000_000).to_string()
}

/// A fence as rows have it: a number of the server's microseconds, always 16 digits.
fn digits(fence: Fence) -> String {
    format!("{:016}", fence.as_u64())
}
