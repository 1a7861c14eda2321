//! Captures: requests as they arrived, with what came of them, in an SQLite file.
//!
//! One thread owns the file ([`Captures`]); [`file`] is what it does there. What is kept went through
//! [`mask`] before: no secret is in a capture.

// docs/decisions.md: D83.

use std::{
    path::{Path, PathBuf},
    thread,
};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

pub(crate) mod file;
pub(crate) mod headers;
pub(crate) mod mask;
mod spelling;

use self::file::CaptureFile;
pub(crate) use self::file::{CaptureError, Limits};
use crate::{failure::Failure, input::Request};

/// How many operations may wait for the file. Further requests wait for their turn.
const QUEUE: usize = 1_024;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// It was kept, and nothing is known of its end: the process died, or it still runs.
    Arrived,
    /// Its signature was proved.
    Verified,
    /// It was refused: whoever sent it is not to come again with it.
    Refused,
    /// It could not be taken now: the sender is to come again.
    NotYet,
    /// The sender asked something, and was answered.
    Handshake,
    /// No scheme is at its path.
    Nowhere,
}

impl Verdict {
    pub(crate) const ALL: [Self; 6] = [
        Self::Arrived,
        Self::Verified,
        Self::Refused,
        Self::NotYet,
        Self::Handshake,
        Self::Nowhere,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::Verified => "verified",
            Self::Refused => "refused",
            Self::NotYet => "not-yet",
            Self::Handshake => "handshake",
            Self::Nowhere => "nowhere",
        }
    }
}

/// How much of a body was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BodyState {
    /// All of it, byte for byte.
    Whole,
    /// Its beginning: it is longer than what is kept.
    Cut,
    /// It was not read to its end: the sender hung up, or too many were read at once.
    Unread,
    /// A secret in it was written over.
    Masked,
}

impl BodyState {
    pub(crate) const ALL: [Self; 4] = [Self::Whole, Self::Cut, Self::Unread, Self::Masked];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Cut => "cut",
            Self::Unread => "unread",
            Self::Masked => "masked",
        }
    }
}

/// A request that is to be kept; its secrets are masked.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) received_ms: i64,
    pub(crate) scheme: Option<&'static str>,
    pub(crate) request: Request,
    /// Which of the headers are masked, by their place.
    pub(crate) masked: Vec<bool>,
    pub(crate) body_state: BodyState,
    /// How long the body was, as far as it was read.
    pub(crate) body_bytes: usize,
}

/// What came of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) reason: Option<String>,
    pub(crate) status: u16,
    pub(crate) dedup: Option<String>,
    pub(crate) event: Option<Claim>,
    pub(crate) delivery: Option<Claim>,
    pub(crate) took_ms: u64,
}

/// A text that the request holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Claim {
    pub(crate) value: String,
    pub(crate) signed: bool,
}

/// A request that was kept, in one row of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) number: i64,
    pub(crate) received_ms: i64,
    pub(crate) scheme: Option<String>,
    pub(crate) method: String,
    /// Its first 2,048 characters.
    pub(crate) target: String,
    pub(crate) verdict: Verdict,
    pub(crate) reason: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) dedup: Option<String>,
    pub(crate) event: Option<Claim>,
    pub(crate) delivery: Option<Claim>,
    pub(crate) took_ms: Option<u64>,
    pub(crate) body_bytes: u64,
    pub(crate) forward: Value,
}

/// All of a request that was kept.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    pub(crate) summary: Summary,
    /// All of it; the one of the summary is cut.
    pub(crate) target: String,
    pub(crate) headers: Vec<headers::Header>,
    pub(crate) body: Vec<u8>,
    pub(crate) body_state: BodyState,
    pub(crate) explanation: Value,
    pub(crate) replays: Vec<Replay>,
}

/// A capture that was sent once more.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Replay {
    pub(crate) at_ms: i64,
    pub(crate) to: String,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) took_ms: u64,
}

type Job = Box<dyn FnOnce(&mut CaptureFile) + Send>;

/// A handle to the thread that has the file open.
#[derive(Clone)]
pub(crate) struct Captures {
    jobs: mpsc::Sender<Job>,
    path: PathBuf,
}

impl Captures {
    /// Opens the file for the one process that adds to it.
    pub(crate) fn open(path: &Path, limits: Limits) -> Result<Self, Failure> {
        let named = |error: &CaptureError| Failure::no_answer(error.at(path));
        let mut file = CaptureFile::open(path, limits).map_err(|error| named(&error))?;
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        thread::Builder::new()
            .name("captures".to_owned())
            .spawn(move || {
                while let Some(job) = queue.blocking_recv() {
                    job(&mut file);
                }
            })
            .map_err(|error| Failure::no_answer(format!("no thread for the captures: {error}")))?;
        Ok(Self {
            jobs,
            path: path.to_owned(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Has the thread do something with the file.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut CaptureFile) -> Result<T, CaptureError> + Send + 'static,
    ) -> Result<T, CaptureError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |file| {
            // Who asked may have gone.
            let _ = reply.send(work(file));
        });
        if self.jobs.send(job).await.is_err() {
            return Err(CaptureError::Closed);
        }
        answer.await.unwrap_or(Err(CaptureError::Closed))
    }
}

/// Where captures are kept when nothing is said.
pub(crate) fn default_path() -> Result<PathBuf, Failure> {
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")));
    let state = state.ok_or_else(|| {
        Failure::usage("where are captures kept? there is no home folder: give `--captures FILE`")
    })?;
    Ok(state.join("countersign/captures.db"))
}
