//! The handler behind every test server; the delivery's body says how it behaves.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, ThreadId},
    time::Instant,
};

use countersign_core::{Outcome, Verified};
use tokio::sync::Semaphore;

use crate::kit::in_time;

/// What the handlers of one server count and wait for.
#[derive(Clone, Debug)]
pub struct TestHandler {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    begun: AtomicU32,
    ended: AtomicU32,
    entered: Semaphore,
    gate: Semaphore,
    runs: Mutex<Vec<(String, Instant)>>,
    threads: Mutex<HashSet<ThreadId>>,
}

/// What a handler answers.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// What is put into the response's extensions.
    pub outcome: Option<Outcome>,
}

impl Default for TestHandler {
    fn default() -> Self {
        Self {
            inner: Arc::new(Inner {
                begun: AtomicU32::new(0),
                ended: AtomicU32::new(0),
                entered: Semaphore::new(0),
                gate: Semaphore::new(0),
                runs: Mutex::default(),
                threads: Mutex::default(),
            }),
        }
    }
}

impl TestHandler {
    /// How many runs began.
    #[must_use]
    pub fn begun(&self) -> u32 {
        self.inner.begun.load(Ordering::SeqCst)
    }

    /// How many runs came to their end.
    #[must_use]
    pub fn ended(&self) -> u32 {
        self.inner.ended.load(Ordering::SeqCst)
    }

    /// The ids of the deliveries that ran, and when each run began.
    #[must_use]
    pub fn runs(&self) -> Vec<(String, Instant)> {
        let runs = self.inner.runs.lock();
        runs.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many threads runs began on.
    #[must_use]
    pub fn threads(&self) -> usize {
        let threads = self.inner.threads.lock();
        threads.unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits until one more run began.
    ///
    /// # Panics
    ///
    /// When none did after a minute.
    pub async fn entered(&self) {
        if let Ok(permit) = in_time(self.inner.entered.acquire()).await {
            permit.forget();
        }
    }

    /// Lets this many waiting handlers go on.
    pub fn open(&self, handlers: usize) {
        self.inner.gate.add_permits(handlers);
    }

    /// Runs a delivery as [`run`](Self::run) does, when what the handler reads of its request is what was proved.
    pub async fn run_reading(&self, delivery: &Verified, read: &[u8]) -> Answered {
        match *delivery.body() == *read {
            true => self.run(delivery).await,
            false => Answered {
                status: 418,
                outcome: None,
            },
        }
    }

    /// Runs a delivery. Words in its body say how:
    ///
    /// `do:wait` waits until [`open`](Self::open), `do:panic` and `do:fail` spoil the first run,
    /// `do:404` answers that, `do:discard` and `do:retry` overrule the status, `do:once-fail` spoils the
    /// first run of this id.
    ///
    /// # Panics
    ///
    /// When told to.
    pub async fn run(&self, delivery: &Verified) -> Answered {
        let run = self.inner.begun.fetch_add(1, Ordering::SeqCst);
        let id = delivery.id().unwrap_or_default().to_owned();
        let first_of_id = {
            let runs = self.inner.runs.lock();
            let mut runs = runs.unwrap_or_else(PoisonError::into_inner);
            let first = runs.iter().all(|(of, _)| *of != id);
            runs.push((id, Instant::now()));
            first
        };
        {
            let threads = self.inner.threads.lock();
            let mut threads = threads.unwrap_or_else(PoisonError::into_inner);
            threads.insert(thread::current().id());
        }
        self.inner.entered.add_permits(1);
        let body = String::from_utf8_lossy(delivery.body()).into_owned();
        let told = |word: &str| body.contains(word);
        if told("do:wait")
            && let Ok(permit) = self.inner.gate.acquire().await
        {
            permit.forget();
        }
        assert!(run > 0 || !told("do:panic"), "told to panic");
        self.inner.ended.fetch_add(1, Ordering::SeqCst);
        let status = match run {
            0 if told("do:fail") => 500,
            _ if told("do:once-fail") && first_of_id => 500,
            _ if told("do:404") || told("do:discard") => 404,
            _ => 200,
        };
        let outcome = match () {
            () if told("do:discard") => Some(Outcome::Discard),
            () if told("do:retry") => Some(Outcome::Retry),
            () => None,
        };
        Answered { status, outcome }
    }
}
