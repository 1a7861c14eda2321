//! The handle.

// docs/decisions.md: D36.

use core::{fmt, sync::atomic::Ordering, time::Duration};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use countersign_core::{
    Capabilities, Claim, ClaimRequest, Clock, DedupStore, DeliveryKey, Fence, Fenced, KeyState,
    StoreError,
};
use futures_channel::oneshot;
use futures_util::{
    FutureExt,
    future::{Shared, select},
};

use crate::{
    OpenError, SqliteStoreBuilder,
    builder::Options,
    file::Database,
    operation::{Answer, Job, Operation, Request},
    writer::{self, Link},
};

/// How often a delivery that another process may settle is looked at, at first and at most.
const POLL: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(400));

/// Remembers deliveries in an SQLite file.
///
/// Clones are handles to the same open file, so one store serves all receivers of a process. See the
/// [crate's documentation](crate) for what it promises, and for an example.
///
/// When the last handle is dropped, what is queued is still written and the file is closed, on the
/// writer's thread; [`close`](Self::close) waits for it.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    jobs: SyncSender<Job>,
    link: Arc<Link>,
    ended: Shared<oneshot::Receiver<()>>,
}

impl SqliteStore {
    /// Opens a database, or makes it, with the default choices.
    ///
    /// Blocks on the disk, and up to a second on other processes: call it before serving begins, or
    /// on a thread that may block.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, is locked, read-only, damaged, of something else or of a
    /// later version, or cannot be kept durably.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::builder(path).open()
    }

    /// A store with other choices.
    pub fn builder(path: impl AsRef<Path>) -> SqliteStoreBuilder {
        SqliteStoreBuilder::new(path.as_ref())
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Writes what is queued, closes the file for all handles, and waits until that is done.
    ///
    /// Operations that come later fail. Call it after [`Receiver::drain`] where a process goes on,
    /// or opens the file again: only a closed file gives up its lock.
    ///
    /// [`Receiver::drain`]: countersign_core::Receiver::drain
    pub async fn close(&self) {
        self.inner.link.closing.store(true, Ordering::Release);
        // A writer whose queue is full is awake.
        let (reply, _) = oneshot::channel();
        let operation = Operation::Wake;
        let _ = self.inner.jobs.try_send(Job { operation, reply });
        // The sender is never used: it ends with the thread.
        let _ = self.inner.ended.clone().await;
    }

    pub(crate) fn with_options(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let database = Database::open(path, options)?;
        let (jobs, queue) = sync_channel(options.max_pending.max(1));
        let (ready, is_ready) = sync_channel(1);
        let (end, ended) = oneshot::channel();
        let link = Arc::new(Link::default());
        let (options, writers_link) = (options.clone(), Arc::clone(&link));
        thread::Builder::new()
            .name("countersign-sqlite".to_owned())
            .spawn(move || {
                writer::run(database, &options, &queue, &writers_link, &ready, end);
            })
            .map_err(|error| OpenError::io(path, error))?;
        match is_ready.recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(OpenError::sqlite(path, error)),
            Err(_) => return Err(OpenError::new(crate::OpenErrorKind::Other, path)),
        }
        let ended = ended.shared();
        Ok(Self {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                jobs,
                link,
                ended,
            }),
        })
    }

    async fn ask(&self, operation: Operation) -> Result<Answer, StoreError> {
        if self.inner.link.closing.load(Ordering::Acquire) {
            return Err(StoreError::unavailable("the store was closed"));
        }
        let (reply, answer) = oneshot::channel();
        match self.inner.jobs.try_send(Job { operation, reply }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(StoreError::unavailable("too many operations are pending"));
            }
            Err(TrySendError::Disconnected(_)) => {
                return Err(StoreError::unavailable("the store was closed"));
            }
        }
        // Without an answer it is not known how far the writer came.
        answer.await.unwrap_or_else(|_| Err(StoreError::timeout()))
    }

    async fn ask_fenced(&self, operation: Operation) -> Result<Fenced, StoreError> {
        match self.ask(operation).await? {
            Answer::Fenced(fenced) => Ok(fenced),
            _ => Err(mismatch()),
        }
    }
}

impl DedupStore for SqliteStore {
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claim, StoreError> {
        let request = Request::new(&request);
        match self.ask(Operation::Claim(request)).await? {
            Answer::Claim(claim) => Ok(claim),
            _ => Err(mismatch()),
        }
    }

    async fn extend(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        lease: Duration,
    ) -> Result<Fenced, StoreError> {
        self.ask_fenced(Operation::Extend(*key, fence, lease)).await
    }

    async fn complete(
        &self,
        key: &DeliveryKey,
        fence: Fence,
        retention: Duration,
    ) -> Result<Fenced, StoreError> {
        self.ask_fenced(Operation::Complete(*key, fence, retention))
            .await
    }

    async fn release(&self, key: &DeliveryKey, fence: Fence) -> Result<Fenced, StoreError> {
        self.ask_fenced(Operation::Release(*key, fence)).await
    }

    async fn state(&self, key: &DeliveryKey) -> Result<KeyState, StoreError> {
        match self.ask(Operation::State(*key)).await? {
            Answer::State(state) => Ok(state),
            _ => Err(mismatch()),
        }
    }

    /// Woken at once by whoever of this process settles the key; other processes' doings are looked
    /// for every 50 to 400 ms.
    async fn wait(
        &self,
        key: &DeliveryKey,
        at_most: Duration,
        clock: &dyn Clock,
    ) -> Result<KeyState, StoreError> {
        let until = clock.elapsed().saturating_add(at_most);
        let (mut pause, longest) = POLL;
        loop {
            let mut waiter = self.inner.link.waiters.register(key);
            let state = self.state(key).await?;
            let left = until.saturating_sub(clock.elapsed());
            let KeyState::InFlight { remaining } = state else {
                return Ok(state);
            };
            if remaining.is_zero() || left.is_zero() {
                return Ok(state);
            }
            let timer = clock.sleep(pause.min(left).min(remaining));
            select(&mut waiter.woken, timer).await;
            pause = pause.saturating_mul(2).min(longest);
        }
    }

    async fn forget(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        match self.ask(Operation::Forget(*key)).await? {
            Answer::Forgot(there) => Ok(there),
            _ => Err(mismatch()),
        }
    }

    /// Counts deliveries; the aliases of each go with it.
    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        match self.ask(Operation::Purge(limit)).await? {
            Answer::Purged(rows) => Ok(rows),
            _ => Err(mismatch()),
        }
    }

    /// Durable, and not shared: processes of one machine may use one file, but machines may not.
    fn capabilities(&self) -> Capabilities {
        Capabilities::new(true, false)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.inner.path)
            .finish_non_exhaustive()
    }
}

fn mismatch() -> StoreError {
    StoreError::backend("the writer answered another question")
}
