//! A connection for the length of one operation, and what its failures mean.

use core::{error::Error as _, future::Future, time::Duration};
use std::io;

use countersign_core::StoreError;
use deadpool_postgres::{Object, Pool};
use tokio::time::{Instant, error::Elapsed, sleep, timeout_at};
use tokio_postgres::{Error, error::SqlState};

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// A connection out of the pool, and until when it is used.
pub(crate) struct Link {
    client: Object,
    until: Instant,
}

impl Link {
    pub(crate) async fn open(pool: &Pool, limit: Duration) -> Result<Self, StoreError> {
        let now = Instant::now();
        let until = now.checked_add(limit).unwrap_or(now);
        match timeout_at(until, pool.get()).await {
            Ok(Ok(client)) => Ok(Self { client, until }),
            Ok(Err(error)) => Err(StoreError::unavailable(error)),
            Err(_) => Err(StoreError::unavailable("no connection in time")),
        }
    }

    pub(crate) const fn client(&self) -> &Object {
        &self.client
    }

    /// The connection, for what has a bound of its own.
    pub(crate) fn into_client(self) -> Object {
        self.client
    }

    /// Runs a part of the operation, until its time is over.
    pub(crate) async fn bounded<T>(
        &self,
        part: impl Future<Output = Result<T, Error>>,
    ) -> Result<Result<T, Error>, Elapsed> {
        timeout_at(self.until, part).await
    }

    /// Gives the connection back. One that did not answer in time is closed instead: what it was
    /// sent may still be waiting, and whoever uses it next would wait behind that.
    pub(crate) fn close<T>(
        self,
        answer: Result<Result<T, Error>, Elapsed>,
    ) -> Result<T, StoreError> {
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(store_error(error)),
            Err(_) => {
                drop(Object::take(self.client));
                Err(StoreError::timeout())
            }
        }
    }
}

/// Around what must not meet another default.
pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
pub(crate) const COMMIT: &str = "COMMIT";

/// The pauses before a locked row is looked at again.
pub(crate) struct Pauses {
    next: Duration,
    taken: u32,
}

impl Pauses {
    pub(crate) const fn new() -> Self {
        Self {
            next: FIRST_PAUSE,
            taken: 0,
        }
    }

    /// How often it was asked in vain.
    pub(crate) const fn taken(&self) -> u32 {
        self.taken
    }

    pub(crate) async fn pause(&mut self) {
        sleep(self.next).await;
        self.next = self.next.saturating_mul(2).min(LONGEST_PAUSE);
        self.taken = self.taken.saturating_add(1);
    }
}

/// Whether the server asks for another try: it lost a race, and nothing was applied.
pub(crate) fn asks_again(error: &Error) -> bool {
    matches!(
        error.code(),
        Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED)
    )
}

/// What an error of a statement that was sent means to a receiver.
pub(crate) fn store_error(error: Error) -> StoreError {
    let Some(code) = error.code() else {
        // The connection broke between question and answer.
        let broke = error.is_closed()
            || error
                .source()
                .is_some_and(|source| source.is::<io::Error>());
        return if broke {
            StoreError::timeout()
        } else {
            StoreError::backend(error)
        };
    };
    match *code {
        SqlState::DISK_FULL => StoreError::full(),
        SqlState::LOCK_NOT_AVAILABLE | SqlState::QUERY_CANCELED => StoreError::timeout(),
        SqlState::TOO_MANY_CONNECTIONS
        | SqlState::OUT_OF_MEMORY
        | SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::unavailable(error),
        _ => StoreError::backend(error),
    }
}
