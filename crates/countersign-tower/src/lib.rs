//! countersign's webhook receiver as a tower layer.
//!
//! [`ReceiverLayer`] proves a request's signature over the exact bytes that arrived, runs the inner
//! service once per delivery, and answers everything else itself. It works wherever a
//! [`tower_layer::Layer`] does: in axum's routers, in a `ServiceBuilder`, over plain hyper.
//!
//! The inner service receives a request whose body is [`VerifiedBody`], exactly the proved bytes,
//! and whose extensions hold an [`Admitted`](countersign_core::Admitted). Trailers are not signed
//! and are dropped.
//!
//! 1. The head is judged, then the body is read within the receiver's limits and proved.
//! 2. The delivery is claimed in the store; duplicates are answered.
//! 3. A clone of the inner service is awaited ready, so that an unproved upload never holds a permit
//!    of a limit below, and then called. The request polls the handler for as long as it lasts. A sender that
//!    hangs up, or a response budget that is over, does not end it: from there on it runs in a task of its
//!    own. It keeps the delivery's tracing span; task-locals of the request's task do not travel along.
//! 4. A response with a 2xx status completes the delivery; anything else gives it back.
//!
//! Refusals are responses, never errors: `type Error = S::Error`. Their extensions hold the
//! [`Rejection`](countersign_core::Rejection), for layers outside of this one to log.
//!
//! # Deployment caveats
//!
//! Put the layer on the method router of one path: two of them on one `Router` would judge each
//! other's requests. Nothing in front of it may change the body (decompression, re-encoding
//! proxies). The service needs a tokio runtime with time enabled.
//!
//! # Example
//!
//! ```
//! use bytes::Bytes;
//! use countersign_core::{Admitted, MemoryStore, Receiver, Secret};
//! use countersign_senders::github;
//! use countersign_tower::{ReceiverLayer, VerifiedBody};
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let receiver = Receiver::builder(github::SCHEME)
//!     .endpoint("github")
//!     .secret(Secret::new("It's a Secret to Everybody")?)
//!     .store(MemoryStore::new())
//!     .build()?;
//!
//! let app = ServiceBuilder::new()
//!     .layer(ReceiverLayer::new(&receiver))
//!     .service_fn(async |request: Request<VerifiedBody>| {
//!         let delivery = request.extensions().get::<Admitted>().ok_or("no delivery")?;
//!         assert_eq!(delivery.body(), "Hello, World!");
//!         Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Response::new(VerifiedBody::default()))
//!     });
//!
//! // The example of GitHub's documentation, whole and with one byte changed.
//! let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
//! for (body, status) in [
//!     ("Hello, World!", StatusCode::OK),
//!     ("Hello, World?", StatusCode::UNAUTHORIZED),
//! ] {
//!     let request = Request::post("/webhooks/github")
//!         .header("x-hub-signature-256", signature)
//!         .body(Full::new(Bytes::from(body)))?;
//!     let response = app.clone().oneshot(request).await.map_err(|error| error.to_string())?;
//!     assert_eq!(response.status(), status);
//! }
//! # Ok(())
//! # }
//! ```

mod body;
mod future;
mod layer;
mod service;

pub use self::{
    body::{ResponseBody, VerifiedBody},
    future::ResponseFuture,
    layer::ReceiverLayer,
    service::ReceiverService,
};

use bytes::Bytes;
use countersign_core::Answer;
use http::{HeaderName, HeaderValue, Response, StatusCode};

/// Writes out an answer that core gave in place of the handler's.
///
/// For integrations that answer on their own; the layer does this for you.
#[must_use]
pub fn response_from_answer<B: From<Bytes>>(answer: &Answer) -> Response<B> {
    let mut response = Response::new(B::from(answer.body()));
    *response.status_mut() =
        StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers() {
        if let Ok(value) = HeaderValue::try_from(value.to_string()) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    if let Some(rejection) = answer.rejection() {
        response.extensions_mut().insert(rejection.clone());
    }
    response
}
