//! The second address: for whoever runs the gateway, not for senders.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::sync::watch;

use super::endpoints::Endpoints;
use crate::failure::Failure;

/// Seconds, from what a call in memory takes to what a sender waits at most.
const BUCKETS: [f64; 12] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0,
];

/// Answers on the second address.
#[derive(Clone)]
pub(crate) struct Admin {
    endpoints: Endpoints,
    metrics: PrometheusHandle,
    stopping: watch::Receiver<bool>,
}

/// Collects metrics from now on, for the whole process.
///
/// # Errors
///
/// When somebody else collects them already.
pub(crate) fn collect() -> Result<PrometheusHandle, Failure> {
    let failed = |error| Failure::no_answer(format!("metrics: {error}"));
    let seconds = Matcher::Suffix("_seconds".to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(seconds, &BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(failed)
}

impl Admin {
    pub(crate) const fn new(
        endpoints: Endpoints,
        metrics: PrometheusHandle,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            endpoints,
            metrics,
            stopping,
        }
    }

    pub(crate) fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" => self.ready(),
            "/metrics" => {
                let mut response = text(StatusCode::OK, self.metrics.render());
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
                response
            }
            _ => text(StatusCode::NOT_FOUND, "/healthz, /readyz or /metrics\n"),
        }
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        if *self.stopping.borrow() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
        }
        let unready = self.endpoints.unready();
        if unready.is_empty() {
            return text(StatusCode::OK, "ready\n");
        }
        let names = unready.join(", ");
        text(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the store does not answer: {names}\n"),
        )
    }
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
