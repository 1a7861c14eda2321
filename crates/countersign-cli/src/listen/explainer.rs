//! Explaining what was refused, off the way of requests.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use bytes::Bytes;
use countersign_core::{Timestamp, explain::Question};
use countersign_senders::all;
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};

use super::{News, endpoint::Endpoint, recording::Recording};
use crate::{
    captures::{BodyState, Captures, Summary},
    commands::{explain::row, verify::refusal},
    failure::Failure,
    input::Request,
};

/// How many refused requests may wait. Whoever sends more gets no explanation of the others.
const WAITING: usize = 64;

/// A thread that explains one request after the other.
pub(super) struct Explainer {
    jobs: SyncSender<Job>,
    captures: Captures,
}

struct Job {
    number: i64,
    endpoint: Arc<Endpoint>,
    request: Request,
    received: Timestamp,
}

impl Explainer {
    pub(super) fn start(
        captures: Captures,
        changes: broadcast::Sender<Summary>,
        news: mpsc::Sender<News>,
    ) -> Result<Self, Failure> {
        let (jobs, waiting) = sync_channel(WAITING);
        let writer = captures.clone();
        thread::Builder::new()
            .name("explanations".to_owned())
            .spawn(move || run(&waiting, &writer, &changes, &news))
            .map_err(|error| Failure::no_answer(format!("no thread for explanations: {error}")))?;
        Ok(Self { jobs, captures })
    }

    pub(super) fn ask(&self, number: i64, recording: &Recording) {
        let Some(endpoint) = recording.endpoint.clone() else {
            return;
        };
        let why_not = match recording.body_state() {
            BodyState::Whole => {
                let job = Job {
                    number,
                    endpoint,
                    request: recording.request(),
                    received: recording.received,
                };
                match self.jobs.try_send(job) {
                    Ok(()) => return,
                    Err(_) => "too many were refused at once: only some are explained",
                }
            }
            BodyState::Cut => "the body is longer than what is kept of one (`--keep-body`)",
            BodyState::Unread | BodyState::Masked => "the body did not arrive as a whole",
        };
        let captures = self.captures.clone();
        let explanation = json!({ "unexplained": why_not });
        tokio::spawn(async move {
            let set = move |file: &mut crate::captures::file::CaptureFile| {
                file.set_explanation(number, &explanation)
            };
            // A failure shows with the next request that is to be kept.
            let _ = captures.with(set).await;
        });
    }
}

fn run(
    waiting: &Receiver<Job>,
    captures: &Captures,
    changes: &broadcast::Sender<Summary>,
    news: &mpsc::Sender<News>,
) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else {
        return;
    };
    for job in waiting {
        let number = job.number;
        let explanation = explain(&job);
        let kept = explanation.clone();
        let set = captures.with(move |file| file.set_explanation(number, &kept));
        if let Ok(Some(summary)) = runtime.block_on(set) {
            let _ = changes.send(summary);
        }
        let _ = news.try_send(News::Explained {
            number,
            explanation,
        });
    }
}

fn explain(job: &Job) -> Value {
    let endpoint = &job.endpoint;
    let Some(((_, secret), others)) = endpoint.secrets.split_first() else {
        return Value::Null;
    };
    let body = Bytes::from(job.request.body.clone());
    let scheme = endpoint.scheme;
    let mut question = Question::new(scheme, secret.to_string(), &job.request, body, job.received)
        .other_schemes(all().map(|preset| preset.scheme));
    for (name, text) in others {
        question = question.other_secret(name, text.to_string());
    }
    if let Some(url) = &endpoint.url {
        question = question.url(url);
    }
    let explanation = question.explain();
    let findings: Vec<Value> = explanation.findings().iter().map(row).collect();
    json!({
        "reproduced": explanation.is_reproduced(),
        "refusal": explanation.refusal().map(refusal),
        "unusable": explanation.unusable(),
        "findings": findings,
    })
}
