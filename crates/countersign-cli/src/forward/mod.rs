//! Passing a request on: the bytes that were proved, to one upstream, once.
//!
//! 1. The caller has proved the request. Nothing in here looks at a signature.
//! 2. The method, the headers and the body go to the upstream as they arrived. Headers of the connection are
//!    left out, and so is what the caller wants left out; what the caller adds comes last.
//! 3. What comes back is a status between 200 and 599 that is no redirect, with a bounded body that was read
//!    to its end, or a [`ForwardError`] that says how far it came.
//!
//! Nothing is sent twice: whoever wants it again asks again.

// docs/decisions.md: D87.

use core::time::Duration;

use bytes::Bytes;
use countersign_core::{Scheme, scheme::Compression};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

mod error;
mod headers;
mod upstream;

pub(crate) use self::{
    error::ForwardError,
    upstream::{PathPolicy, Upstream},
};

/// A connection that lay idle for longer is not used again. Servers close theirs after 2 s (gunicorn) or 5 s
/// (Node, uvicorn), and what is sent into a closing connection fails although nothing is wrong.
const IDLE: Duration = Duration::from_secs(1);

/// What may be spent on passing one request on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ForwardLimits {
    /// Until the upstream has taken the connection.
    pub(crate) connect_time: Duration,
    /// Until its answer was read to the end, the connection included.
    pub(crate) total_time: Duration,
    /// The longest body of an answer that is read.
    pub(crate) answer_bytes: usize,
}

impl Default for ForwardLimits {
    fn default() -> Self {
        Self {
            connect_time: Duration::from_secs(2),
            total_time: Duration::from_secs(30),
            answer_bytes: 64 * 1024,
        }
    }
}

/// A request to pass on.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'a Method,
    /// The path and query that arrived; [`Upstream`] says what becomes of them.
    pub(crate) uri: &'a http::Uri,
    /// The headers that arrived.
    pub(crate) headers: &'a HeaderMap,
    /// Which of them stay behind, however they are spelt: `webhook_id` is `webhook-id` to a server that makes
    /// variables of headers.
    pub(crate) leave_out: &'a [HeaderName],
    /// Headers that take the place of all that have their names.
    pub(crate) add: Vec<(HeaderName, HeaderValue)>,
    /// The body, byte for byte.
    pub(crate) body: Bytes,
}

/// What the upstream answered, read to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamAnswer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) body: Bytes,
}

/// Whether `Content-Encoding` is true of what is passed on: what was proved is, which is the text where a body was decoded
/// on its way to the proof, and where one item of it goes on by itself.
pub(crate) fn keeps_encoding(scheme: &Scheme, is_item: bool) -> bool {
    scheme.compression() == Some(Compression::SignedAfter) && !is_item
}

/// Passes requests on. A cheap handle over one pool of connections.
#[derive(Clone, Debug)]
pub(crate) struct Forwarder {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    limits: ForwardLimits,
}

impl Forwarder {
    pub(crate) fn new(limits: ForwardLimits) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(limits.connect_time));
        connector.set_nodelay(true);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self { http, limits }
    }

    /// Sends the request once, and reads the answer to its end.
    ///
    /// # Errors
    ///
    /// When no whole answer came in time, it is a redirect, or it is too long.
    pub(crate) async fn forward(
        &self,
        upstream: &Upstream,
        outgoing: Outgoing<'_>,
    ) -> Result<UpstreamAnswer, ForwardError> {
        let request = build(upstream, outgoing)?;
        let exchange = self.exchange(request);
        tokio::time::timeout(self.limits.total_time, exchange)
            .await
            .unwrap_or(Err(ForwardError::TimedOut))
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<UpstreamAnswer, ForwardError> {
        let response = self.http.request(request).await;
        let response = response.map_err(|error| ForwardError::of(&error))?;
        let (head, body) = response.into_parts();
        if head.status.is_redirection() {
            return Err(ForwardError::Redirect(head.status));
        }
        // A head alone proves little: who dies while writing the answer may not have done the work.
        let body = Limited::new(body, self.limits.answer_bytes).collect().await;
        let body = body.map_err(
            |error| match error.is::<http_body_util::LengthLimitError>() {
                true => ForwardError::AnswerTooLong,
                false => ForwardError::DiedMidAnswer,
            },
        )?;
        Ok(UpstreamAnswer {
            status: head.status,
            content_type: head.headers.get(header::CONTENT_TYPE).cloned(),
            body: body.to_bytes(),
        })
    }
}

fn build(
    upstream: &Upstream,
    outgoing: Outgoing<'_>,
) -> Result<Request<Full<Bytes>>, ForwardError> {
    let mut request = Request::new(Full::new(outgoing.body));
    *request.method_mut() = outgoing.method.clone();
    *request.uri_mut() = upstream.address(outgoing.uri)?;
    *request.version_mut() = Version::HTTP_11;
    let mut headers = headers::passed_on(outgoing.headers, outgoing.leave_out);
    for (name, value) in outgoing.add {
        headers.insert(name, value);
    }
    *request.headers_mut() = headers;
    Ok(request)
}

#[cfg(test)]
mod tests;
