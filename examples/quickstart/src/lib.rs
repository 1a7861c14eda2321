//! The quickstart's parts, which the other examples use, too: a handler that can be made to misbehave
//! and a ledger of what it saw, a client, and the tour.

use std::{
    error::Error,
    fs::{File, OpenOptions},
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use clap::Parser;
use serde::Serialize;

pub mod client;
pub mod tour;

/// How the handlers misbehave.
#[derive(Clone, Debug, Default, Parser)]
pub struct Trouble {
    /// How long each run of a handler takes, in milliseconds.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub handler_ms: u64,
    /// The first N runs of each delivery answer 500.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub fail_first: u32,
    /// The first N runs of each delivery panic.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub panic_first: u32,
    /// Append `start <id> <event>` and `done <id> <event>` to this file around each run.
    #[arg(long, value_name = "FILE")]
    pub effects: Option<PathBuf>,
}

/// What the handlers saw. A cheap handle.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    trouble: Trouble,
    effects: Option<Mutex<File>>,
    seen: Mutex<Vec<Seen>>,
}

/// One delivery that reached a handler.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    pub source: String,
    pub event: String,
    pub id: String,
    pub runs: u32,
}

/// A run was made to fail.
#[derive(Clone, Copy, Debug)]
pub struct Failed;

impl Ledger {
    /// An empty ledger.
    pub fn new(trouble: Trouble) -> std::io::Result<Self> {
        let open = |path| OpenOptions::new().create(true).append(true).open(path);
        let effects = trouble.effects.as_ref().map(open).transpose()?;
        Ok(Self {
            inner: Arc::new(Inner {
                trouble,
                effects: effects.map(Mutex::new),
                seen: Mutex::default(),
            }),
        })
    }

    /// What every handler does: count the run, take its time, and misbehave if told to.
    ///
    /// # Errors
    ///
    /// On the first runs of a delivery, when `--fail-first` says so.
    ///
    /// # Panics
    ///
    /// On the first runs of a delivery, when `--panic-first` says so.
    pub async fn run(&self, source: &str, event: &str, id: Option<&str>) -> Result<(), Failed> {
        let id = id.unwrap_or("-");
        let run = self.count(source, event, id);
        self.note("start", id, event);
        let trouble = &self.inner.trouble;
        tokio::time::sleep(Duration::from_millis(trouble.handler_ms)).await;
        assert!(run > trouble.panic_first, "told to panic");
        if run <= trouble.fail_first {
            return Err(Failed);
        }
        self.note("done", id, event);
        Ok(())
    }

    /// Appends a line to the effects file, if there is one.
    pub fn note(&self, what: &str, id: &str, event: &str) {
        if let Some(file) = &self.inner.effects {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // One write a line, so that lines of several processes do not mix.
            let written = file.write_all(format!("{what} {id} {event}\n").as_bytes());
            if let Err(error) = written.and_then(|()| file.flush()) {
                eprintln!("the effects file cannot be written: {error}");
            }
        }
    }

    /// Everything seen so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.inner.lock().clone()
    }

    /// How often the handlers ran in all.
    pub fn runs(&self) -> u32 {
        self.inner.lock().iter().map(|seen| seen.runs).sum()
    }

    fn count(&self, source: &str, event: &str, id: &str) -> u32 {
        let mut all = self.inner.lock();
        let same = |seen: &&mut Seen| seen.source == source && seen.id == id;
        if let Some(seen) = all.iter_mut().find(same) {
            seen.runs += 1;
            return seen.runs;
        }
        all.push(Seen {
            source: source.to_owned(),
            event: event.to_owned(),
            id: id.to_owned(),
            runs: 1,
        });
        1
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends when the process is told to stop.
pub async fn shutdown() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}

/// Writes log lines to stderr, as RUST_LOG says: try `RUST_LOG=countersign=debug`.
pub fn log() {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
}

/// Ends the process, with what went wrong in words.
pub fn report(result: Result<ExitCode, Box<dyn Error>>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

/// Turns "address in use" into something that says what to do.
pub fn listen_error(addr: SocketAddr, error: &std::io::Error) -> Box<dyn Error> {
    format!("cannot listen on {addr}: {error}; choose another with --listen 127.0.0.1:0").into()
}
