//! The handler behind each receiver: one upstream.

use core::{
    convert::Infallible,
    task::{Context, Poll},
};
use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use countersign_core::Admitted;
use countersign_tower::VerifiedBody;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header, request};
use http_body_util::Full;
use metrics::{counter, histogram};
use tower_service::Service;
use tracing::{info, warn};

use super::signing::{OURS, Signing};
use crate::forward::{ForwardError, Forwarder, Outgoing, Upstream, UpstreamAnswer, keeps_encoding};

/// After this many seconds a sender that knows `Retry-After` may come again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Passes proved deliveries on to one upstream.
#[derive(Clone, Debug)]
pub(super) struct PassOn {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    endpoint: String,
    forwarder: Forwarder,
    upstream: Upstream,
    signing: Signing,
    leave_out: Vec<HeaderName>,
}

impl PassOn {
    pub(super) fn new(
        endpoint: &str,
        forwarder: Forwarder,
        upstream: Upstream,
        signing: Signing,
        scheme: &countersign_core::Scheme,
    ) -> Self {
        let mut leave_out = OURS.to_vec();
        if !keeps_encoding(scheme, scheme.batch().is_some()) {
            leave_out.push(header::CONTENT_ENCODING);
        }
        Self {
            inner: Arc::new(Inner {
                endpoint: endpoint.to_owned(),
                forwarder,
                upstream,
                signing,
                leave_out,
            }),
        }
    }
}

impl Service<Request<VerifiedBody>> for PassOn {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<VerifiedBody>) -> Self::Future {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            Ok(inner.run(&head, body.bytes().clone()).await)
        })
    }
}

impl Inner {
    async fn run(&self, head: &request::Parts, body: Bytes) -> Response<Full<Bytes>> {
        let begun = Instant::now();
        let headers = head
            .extensions
            .get::<Admitted>()
            .and_then(|admitted| self.signing.headers(&admitted.key(), &body));
        // Without a proof there is nothing to pass on.
        let Some(add) = headers else {
            return try_again();
        };
        let outgoing = Outgoing {
            method: &head.method,
            uri: &head.uri,
            headers: &head.headers,
            leave_out: &self.leave_out,
            add,
            body,
        };
        let result = self.forwarder.forward(&self.upstream, outgoing).await;
        self.report(&result, begun);
        match result {
            Ok(answer) if answer.status.is_success() => handed_back(answer),
            // Whatever it is, the sender is to come again: to some, a 4xx is final, and a 410 ends the endpoint.
            Ok(_) | Err(_) => try_again(),
        }
    }

    /// The names are the configuration's and ours; nothing that a sender or an upstream wrote is told.
    fn report(&self, result: &Result<UpstreamAnswer, ForwardError>, begun: Instant) {
        let endpoint = &self.endpoint;
        let name = match result {
            Ok(answer) if answer.status.is_success() => "done",
            Ok(_) => "answered otherwise",
            Err(error) => error.as_str(),
        };
        counter!("countersign_gateway_forwards_total", "endpoint" => endpoint.clone(), "result" => name).increment(1);
        histogram!("countersign_gateway_forward_seconds", "endpoint" => endpoint.clone())
            .record(begun.elapsed().as_secs_f64());
        match result {
            Ok(answer) if answer.status.is_success() => {
                info!(target: "countersign", endpoint, status = answer.status.as_u16(), "passed on");
            }
            Ok(answer) => {
                let status = answer.status.as_u16();
                warn!(target: "countersign", endpoint, status, "the upstream did not take it: the sender is to come again");
            }
            Err(error) => {
                warn!(target: "countersign", endpoint, "{error}: the sender is to come again");
            }
        }
    }
}

/// The upstream's answer: some senders read it.
fn handed_back(answer: UpstreamAnswer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    if let Some(kind) = answer.content_type {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

fn try_again() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from("try again later\n"));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, RETRY_AFTER);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}
