//! Receiving webhooks at a desk: proved, deduplicated, kept, shown, and passed on.
//!
//! A request is taken by [`receive`], which keeps what passes ([`recording`]) while countersign's own receiver
//! judges it. What was proved and is new reaches [`handler`], which keeps it and only then passes it on. A
//! refused one is explained on a thread of its own ([`explainer`]). Whatever happens is told as [`News`] to the
//! terminal and to the inspector.

// docs/decisions.md: D84.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde_json::Value;
use tokio::sync::{Semaphore, broadcast, mpsc};

pub(crate) mod endpoint;
pub(crate) mod explainer;
pub(crate) mod filter;
pub(crate) mod handler;
pub(crate) mod lines;
pub(crate) mod receive;
mod recording;
pub(crate) mod watch;

use self::{endpoint::Endpoint, explainer::Explainer, filter::Filter, watch::Watch};
use crate::{
    args::ListenArgs,
    captures::{CaptureError, Captures, Summary, mask::Mask},
    config::Config,
    console::Console,
    failure::Failure,
    forward::{ForwardLimits, Forwarder},
};

/// How many lines may wait for a terminal that stands still. Further ones are left out; captures are not.
const LINES: usize = 16_384;
/// How many changes the inspector's pages may be behind before they ask for the list again.
const CHANGES: usize = 4_096;
/// How many refused bodies are read to their end at once.
const RESTS: usize = 64;

/// Something that the terminal is told.
#[derive(Debug)]
pub(crate) enum News {
    /// A request has its answer.
    Answered(Box<Answered>),
    /// A delivery was passed on after its sender had been answered.
    PassedLate {
        number: i64,
        forward: Value,
    },
    /// A refused request was explained.
    Explained {
        number: i64,
        explanation: Value,
    },
    Note(String),
}

/// Why the listener cannot go on. The first one counts, and it has a place of its own: lines that nobody reads do not
/// keep it back.
#[derive(Clone)]
pub(crate) struct Fatal(mpsc::Sender<Failure>);

impl Fatal {
    fn new() -> (Self, mpsc::Receiver<Failure>) {
        let (first, heard) = mpsc::channel(1);
        (Self(first), heard)
    }

    fn tell(&self, failure: Failure) {
        // There is one already.
        let _ = self.0.try_send(failure);
    }
}

/// What the terminal hears.
pub(crate) struct Heard {
    pub(crate) news: mpsc::Receiver<News>,
    pub(crate) fatal: mpsc::Receiver<Failure>,
}

/// A request with its answer.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) summary: Summary,
    /// Whether the filters want it shown.
    pub(crate) shown: bool,
    pub(crate) headers: Vec<crate::captures::headers::Shown>,
}

/// What every request needs.
pub(crate) struct Shared {
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
    pub(crate) captures: Captures,
    pub(crate) forwarder: Forwarder,
    pub(crate) changes: broadcast::Sender<Summary>,
    filter: Filter,
    mask: Arc<Mask>,
    keep_body: usize,
    verbose: bool,
    explainer: Explainer,
    watches: Vec<Watch>,
    rests: Semaphore,
    news: mpsc::Sender<News>,
    fatal: Fatal,
    left_out: AtomicU64,
}

impl Shared {
    /// Reads the flags, and opens the files that they name.
    pub(crate) fn open(
        args: &ListenArgs,
        config: &Config,
        captures: Captures,
        console: &mut Console<'_>,
    ) -> Result<(Arc<Self>, Heard), Failure> {
        let (news, heard) = mpsc::channel(LINES);
        let (fatal, ends) = Fatal::new();
        let noted = news.clone();
        let notify: Arc<dyn Fn(&str) + Send + Sync> = Arc::new(move |text: &str| {
            let _ = noted.try_send(News::Note(text.to_owned()));
        });
        let store = endpoint::store(args)?;
        let endpoints = endpoint::read(args, config, &store, &notify, console)?;
        let (changes, _) = broadcast::channel(CHANGES);
        let explainer = Explainer::start(captures.clone(), changes.clone(), news.clone())?;
        let patience = args.give_up_after;
        let watches = endpoints
            .iter()
            .map(|endpoint| {
                Watch::new(
                    endpoint.forward.as_ref(),
                    patience,
                    news.clone(),
                    fatal.clone(),
                )
            })
            .collect();
        let limits = ForwardLimits::default();
        let senders = endpoints.iter();
        let mask = Mask::new(senders.map(|endpoint| (&endpoint.scheme, &*endpoint.hidden)));
        let shared = Arc::new(Self {
            endpoints,
            captures,
            forwarder: Forwarder::new(limits),
            changes,
            filter: Filter::parse(&args.event, &args.conditions)?,
            mask: Arc::new(mask),
            keep_body: usize::try_from(args.keep_body).unwrap_or(usize::MAX),
            verbose: args.verbose,
            explainer,
            watches,
            rests: Semaphore::new(RESTS),
            news,
            fatal,
            left_out: AtomicU64::new(0),
        });
        let heard = Heard {
            news: heard,
            fatal: ends,
        };
        Ok((shared, heard))
    }

    fn tell(&self, news: News) {
        if self.news.try_send(news).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines were left out because nobody read them.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    /// Captures that cannot be kept end the listener: nothing is taken that is not kept.
    fn fail(&self, error: &CaptureError) {
        let path = self.captures.path();
        self.fatal.tell(Failure::no_answer(error.at(path)));
    }

    fn changed(&self, summary: Option<Summary>) {
        if let Some(summary) = summary {
            // Nobody may be looking.
            let _ = self.changes.send(summary);
        }
    }
}
