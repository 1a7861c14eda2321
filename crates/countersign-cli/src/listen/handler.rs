//! What runs once for each new delivery that was proved.

use core::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use countersign_core::Admitted;
use countersign_tower::VerifiedBody;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::json;
use tower_service::Service;

use super::{
    News, Shared,
    endpoint::{Endpoint, Target},
    recording::Recording,
};
use crate::forward::{ForwardError, Outgoing, UpstreamAnswer, keeps_encoding};

/// Keeps a delivery, then passes it on.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(super) shared: Arc<Shared>,
    pub(super) endpoint: Arc<Endpoint>,
}

/// What the upstream said.
pub(super) type Passed = Result<UpstreamAnswer, ForwardError>;

impl Service<Request<VerifiedBody>> for Handler {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<VerifiedBody>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { Ok(this.handle(&request).await) })
    }
}

impl Handler {
    async fn handle(&self, request: &Request<VerifiedBody>) -> Response<Full<Bytes>> {
        let extensions = request.extensions();
        let (Some(admitted), Some(recording)) = (
            extensions.get::<Admitted>(),
            extensions.get::<Arc<Recording>>(),
        ) else {
            return again();
        };
        recording.runs().handled = true;
        // Kept before it is passed on: what was accepted is never without a capture.
        let number = match recording.keep(&self.shared.captures).await {
            Ok(number) => number,
            Err(error) => {
                self.shared.fail(&error);
                return again();
            }
        };
        let event = admitted.event_type().map(|event| event.as_str().to_owned());
        if !self
            .shared
            .filter
            .matches(event.as_deref(), admitted.body())
        {
            return self.done();
        }
        recording.runs().matched = true;
        let Some(target) = &self.endpoint.forward else {
            return self.done();
        };
        // Several events in one request go on as the one request that they came in.
        let passed = recording
            .forwarded
            .get_or_init(|| self.pass(number, target, recording, admitted.whole_body().clone()))
            .await;
        match passed {
            Ok(answer) => {
                let mut response = Response::new(Full::new(answer.body.clone()));
                *response.status_mut() = answer.status;
                if let Some(content_type) = &answer.content_type {
                    let headers = response.headers_mut();
                    headers.insert(header::CONTENT_TYPE, content_type.clone());
                }
                response
            }
            Err(_) => again(),
        }
    }

    async fn pass(
        &self,
        number: i64,
        target: &Target,
        recording: &Recording,
        body: Bytes,
    ) -> Passed {
        let head = recording.head();
        let begun = Instant::now();
        // Several events go on as the one body that they came in.
        let leave_out: &[HeaderName] = match keeps_encoding(&self.endpoint.scheme, false) {
            true => &[],
            false => &[header::CONTENT_ENCODING],
        };
        let outgoing = Outgoing {
            method: &head.method,
            uri: &head.uri,
            headers: &head.headers,
            leave_out,
            add: Vec::new(),
            body,
        };
        let passed = self
            .shared
            .forwarder
            .forward(&target.upstream, outgoing)
            .await;
        let place = self.shared.endpoints.iter();
        let mut watches = place.zip(&self.shared.watches);
        if let Some((_, watch)) =
            watches.find(|(endpoint, _)| Arc::ptr_eq(endpoint, &self.endpoint))
        {
            watch.passed(&passed);
        }
        let forward = json!({
            "to": target.url,
            "status": passed.as_ref().ok().map(|answer| answer.status.as_u16()),
            "error": passed.as_ref().err().map(ForwardError::to_string),
            "took_ms": u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        let kept = forward.clone();
        let set = self
            .shared
            .captures
            .with(move |file| file.set_forward(number, &kept))
            .await;
        let is_late = {
            let mut runs = recording.runs();
            runs.forward = Some(forward.clone());
            runs.reported
        };
        match set {
            Ok(summary) if is_late => {
                self.shared.changed(summary);
                self.shared.tell(News::PassedLate { number, forward });
            }
            Ok(_) => {}
            Err(error) => self.shared.fail(&error),
        }
        passed
    }

    /// Nothing is left to do. Some senders want to read a text of theirs.
    fn done(&self) -> Response<Full<Bytes>> {
        let text = self.endpoint.scheme.done_body().unwrap_or("ok\n");
        Response::new(Full::new(Bytes::from_static(text.as_bytes())))
    }
}

/// The sender is to come again.
fn again() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"try again later\n")));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    response
}
