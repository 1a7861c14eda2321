//! One HTTP/1.1 client.

// docs/decisions.md: D69.

use core::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use countersign_core::DEDUP_HEADER;
use countersign_testkit::SignedDelivery;
use http::{HeaderValue, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};

use crate::input::Address;

/// What is added to the time that a receiver promises to answer within.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sends to one address, and follows no redirect: no sender does.
pub(super) struct Client {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    to: Uri,
    timeout: Duration,
}

/// A status, or why there is none.
pub(super) type Answer = Result<u16, &'static str>;

/// What became of one request.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) answer: Answer,
    /// What deduplication made of it, where the receiver says so.
    pub(super) dedup: Option<&'static str>,
    pub(super) took: Duration,
}

impl Attempt {
    pub(super) fn is_success(&self) -> bool {
        matches!(self.answer, Ok(200..=299))
    }
}

impl Client {
    pub(super) fn new(address: &Address, to: &str, budget: Duration) -> Self {
        let whole = || format!("{}://{}{}", address.scheme, address.host, address.target).parse();
        Self {
            http: legacy::Client::builder(TokioExecutor::new()).build_http(),
            to: to.parse().or_else(|_| whole()).unwrap_or_default(),
            timeout: budget.saturating_add(PATIENCE),
        }
    }

    pub(super) async fn send(&self, delivery: &SignedDelivery) -> Attempt {
        let mut request = delivery.request();
        // A sender that signs a query of its own sends that one.
        let with_query = |query| {
            format!("{}?{query}", self.to.to_string().split('?').next()?)
                .parse()
                .ok()
        };
        let to = delivery.query().and_then(with_query);
        *request.uri_mut() = to.unwrap_or_else(|| self.to.clone());
        let agent = HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, agent);
        let begun = Instant::now();
        let answered = tokio::time::timeout(self.timeout, async {
            let response =
                self.http
                    .request(request)
                    .await
                    .map_err(|error| match error.is_connect() {
                        true => "no connection",
                        false => "the connection broke",
                    })?;
            let status = response.status().as_u16();
            let dedup = response.headers().get(DEDUP_HEADER).and_then(dedup);
            // A connection is used again once its answer was read; what is in it is nobody's business.
            let mut body = http_body_util::Limited::new(response.into_body(), 1024 * 1024);
            while let Some(Ok(_)) = body.frame().await {}
            Ok((status, dedup))
        });
        let answered = answered.await.unwrap_or(Err("no answer in time"));
        Attempt {
            answer: answered.map(|(status, _)| status),
            dedup: answered.ok().and_then(|(_, dedup)| dedup),
            took: begun.elapsed(),
        }
    }
}

/// A word of the receiver's that is known.
fn dedup(value: &HeaderValue) -> Option<&'static str> {
    [
        "fresh",
        "takeover",
        "duplicate",
        "suppressed",
        "in-flight",
        "ping",
        "unavailable",
        "discarded",
    ]
    .into_iter()
    .find(|word| value.as_bytes() == word.as_bytes())
}
