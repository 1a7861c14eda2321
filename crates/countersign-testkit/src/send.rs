//! Sending to an application without a socket.

use core::future::poll_fn;

use bytes::Bytes;
use countersign_core::{DEDUP_HEADER, Rejection};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use crate::{Sender, SignedDelivery};

/// What an application answered.
#[derive(Clone, Debug)]
pub struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    rejection: Option<Rejection>,
    body: Bytes,
}

impl Reply {
    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// A header, where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What deduplication made of the delivery.
    #[must_use]
    pub fn dedup(&self) -> Option<&str> {
        self.header(DEDUP_HEADER)
    }

    /// Whether the delivery was answered as completed before.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        self.dedup() == Some("duplicate")
    }

    /// Why it was refused.
    #[must_use]
    pub const fn rejection(&self) -> Option<&Rejection> {
        self.rejection.as_ref()
    }

    /// The body.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }
}

impl Sender {
    /// Sends a delivery to a tower service, such as an axum router.
    ///
    /// # Panics
    ///
    /// When the service fails or its body cannot be read: neither happens in a test that passes.
    ///
    /// ```
    /// use axum::{Router, routing::post};
    /// use countersign_axum::{Delivery, ReceiverLayer};
    /// use countersign_core::{MemoryStore, Receiver};
    /// use countersign_senders::rebill_za;
    /// use countersign_testkit::Sender;
    /// use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let kit = Sender::new(rebill_za::SCHEME);
    /// let receiver = Receiver::builder(rebill_za::SCHEME)
    ///     .endpoint("rebill")
    ///     .secret(kit.secret()?)
    ///     .store(MemoryStore::new())
    ///     .build()?;
    /// let app: Router = Router::new().route(
    ///     "/",
    ///     post(async |_: Delivery<rebill_za::Event>| {}).layer(ReceiverLayer::new(&receiver)),
    /// );
    ///
    /// let delivery = kit.delivery("invoice.paid", json!({"id": "inv_1", "status": "paid"}));
    /// assert_eq!(kit.send(&app, &delivery).await.status(), 200);
    /// assert!(kit.send(&app, &delivery).await.is_duplicate());
    /// assert_eq!(kit.send(&app, &delivery.tampered()).await.status(), 401);
    /// # Ok(())
    /// # }
    /// ```
    #[expect(clippy::panic, reason = "a test helper reports by panicking")]
    pub async fn send<S, B>(&self, app: &S, delivery: &SignedDelivery) -> Reply
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
        S::Error: core::fmt::Debug,
        B: Body,
        B::Error: core::fmt::Debug,
    {
        let mut app = app.clone();
        let ready = poll_fn(|cx| app.poll_ready(cx)).await;
        let answered = match ready {
            Ok(()) => app.call(delivery.request()).await,
            Err(error) => Err(error),
        };
        let (head, body) = match answered {
            Ok(response) => response.into_parts(),
            Err(error) => panic!("the service failed: {error:?}"),
        };
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => panic!("the response's body cannot be read: {error:?}"),
        };
        Reply {
            status: head.status,
            headers: head.headers,
            rejection: head.extensions.get::<Rejection>().cloned(),
            body,
        }
    }

    /// Sends a delivery to an actix-web application made by `actix_web::test::init_service`.
    ///
    /// # Panics
    ///
    /// When the response's body cannot be read.
    #[cfg(feature = "actix")]
    pub async fn send_actix<S, B>(&self, app: &S, delivery: &SignedDelivery) -> Reply
    where
        S: actix_web::dev::Service<
                actix_http::Request,
                Response = actix_web::dev::ServiceResponse<B>,
                Error = actix_web::Error,
            >,
        B: actix_web::body::MessageBody + 'static,
    {
        let mut request = actix_web::test::TestRequest::post().uri(&delivery.target());
        for (name, value) in delivery.headers() {
            request = request.append_header((name.as_str(), value.as_str()));
        }
        let request = request.set_payload(delivery.body().clone()).to_request();
        let response = match app.call(request).await {
            Ok(response) => response.map_into_boxed_body().into_parts().1,
            Err(error) => error.error_response(),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in response.headers() {
            if let (Ok(name), Ok(value)) = (
                http::HeaderName::try_from(name.as_str()),
                http::HeaderValue::try_from(value.as_bytes()),
            ) {
                headers.append(name, value);
            }
        }
        let status = response.status().as_u16();
        let rejection = response.extensions().get::<Rejection>().cloned();
        let body = actix_web::body::to_bytes(response.into_body()).await;
        Reply {
            status: StatusCode::from_u16(status).unwrap_or_default(),
            headers,
            rejection,
            body: body.unwrap_or_default(),
        }
    }
}
