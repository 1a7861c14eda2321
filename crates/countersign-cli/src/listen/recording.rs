//! A request while it is received: its head, and its body as far as somebody has read it.

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use axum::body::Body;
use bytes::Bytes;
use countersign_core::{Scheme, Timestamp};
use http::request::Parts;
use http_body::{Body as _, Frame, SizeHint};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::endpoint::Endpoint;
use crate::{
    captures::{Arrival, BodyState, CaptureError, Captures, mask::Mask},
    input::Request,
};

/// How long the rest of a body is waited for that was refused before it was read.
const REST: Duration = Duration::from_secs(5);

/// Shared by whoever receives the request and whoever handles it.
pub(super) struct Recording {
    pub(super) endpoint: Option<Arc<Endpoint>>,
    pub(super) received: Timestamp,
    pub(super) begun: Instant,
    pub(super) mask: Arc<Mask>,
    head: Parts,
    keep: usize,
    source: Mutex<Source>,
    number: OnceCell<i64>,
    runs: Mutex<Runs>,
    /// What came of passing it on: once, however many events it holds.
    pub(super) forwarded: OnceCell<super::handler::Passed>,
}

struct Source {
    body: Body,
    taken: Vec<u8>,
    read: usize,
    has_ended: bool,
    has_failed: bool,
}

/// What the handler did.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    /// It was called: the request was proved, and is new.
    pub(super) handled: bool,
    /// An event in it is one that is looked for.
    pub(super) matched: bool,
    pub(super) forward: Option<Value>,
    /// Its line was shown.
    pub(super) reported: bool,
}

impl Recording {
    pub(super) fn new(
        head: Parts,
        body: Body,
        endpoint: Option<Arc<Endpoint>>,
        mask: Arc<Mask>,
        keep: usize,
    ) -> Self {
        Self {
            endpoint,
            mask,
            received: Timestamp::now(),
            begun: Instant::now(),
            head,
            keep,
            source: Mutex::new(Source {
                body,
                taken: Vec::new(),
                read: 0,
                has_ended: false,
                has_failed: false,
            }),
            number: OnceCell::new(),
            runs: Mutex::default(),
            forwarded: OnceCell::new(),
        }
    }

    pub(super) const fn head(&self) -> &Parts {
        &self.head
    }

    /// The scheme of the sender at its path.
    pub(super) fn scheme(&self) -> Option<&Scheme> {
        self.endpoint.as_ref().map(|endpoint| &endpoint.scheme)
    }

    pub(super) fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_frame(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut source = self.source();
        let source = &mut *source;
        if source.has_ended || source.has_failed {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut source.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    let room = self.keep.saturating_sub(source.taken.len());
                    let kept = data.get(..room.min(data.len())).unwrap_or_default();
                    source.taken.extend_from_slice(kept);
                    source.read = source.read.saturating_add(data.len());
                }
            }
            Some(Err(_)) => source.has_failed = true,
            None => source.has_ended = true,
        }
        Poll::Ready(frame)
    }

    /// Reads what the receiver did not, as far as it is kept.
    pub(super) async fn read_rest(&self) {
        let rest = poll_fn(|cx| {
            loop {
                if self.source().read > self.keep {
                    return Poll::Ready(());
                }
                match ready!(self.poll_frame(cx)) {
                    Some(Ok(_)) => {}
                    _ => return Poll::Ready(()),
                }
            }
        });
        let _ = tokio::time::timeout(REST, rest).await;
    }

    /// The request as it arrived, secrets included: for explaining it, and nothing else.
    pub(super) fn request(&self) -> Request {
        let headers = self.head.headers.iter();
        Request {
            method: self.head.method.to_string(),
            target: self
                .head
                .uri
                .path_and_query()
                .map_or("/", |target| target.as_str())
                .to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
                .collect(),
            body: self.source().taken.clone(),
            ..Request::default()
        }
    }

    pub(super) fn body_state(&self) -> BodyState {
        let source = self.source();
        match () {
            () if source.read > source.taken.len() => BodyState::Cut,
            () if !source.has_ended && !source.body.is_end_stream() => BodyState::Unread,
            () => BodyState::Whole,
        }
    }

    /// Keeps the request, once; its number.
    pub(super) async fn keep(&self, captures: &Captures) -> Result<i64, CaptureError> {
        let kept = self.number.get_or_try_init(|| {
            let arrival = self.arrival();
            captures.with(move |file| file.add(&arrival))
        });
        kept.await.copied()
    }

    fn arrival(&self) -> Arrival {
        let mut request = self.request();
        let (masked, changed) = self.mask.apply(self.scheme(), &mut request);
        Arrival {
            received_ms: self.received.unix_millis(),
            scheme: self.scheme().map(Scheme::name),
            request,
            masked,
            body_state: changed.unwrap_or_else(|| self.body_state()),
            body_bytes: self.source().read,
        }
    }
}

/// The body that the receiver reads: what passes is kept.
pub(super) struct Tee(pub(super) Arc<Recording>);

impl http_body::Body for Tee {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.0.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        let source = self.0.source();
        source.has_ended || source.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.source().body.size_hint()
    }
}
