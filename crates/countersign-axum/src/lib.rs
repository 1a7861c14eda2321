//! countersign's webhook receiver for axum.
//!
//! [`ReceiverLayer`] goes on the method router of a path; [`Delivery`] is the extractor of the
//! handler behind it. The handler runs once per delivery, and only for requests whose signature was
//! proved.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::post};
//! use countersign_axum::{Delivery, ReceiverLayer};
//! use countersign_core::{MemoryStore, Receiver, Secret};
//! use countersign_senders::rebill_za;
//! use tower::ServiceExt;
//!
//! async fn on_rebill(delivery: Delivery<rebill_za::Event>) {
//!     if let rebill_za::Event::InvoicePaid(invoice) = delivery.event() {
//!         println!("paid: {:?} under fence {:?}", invoice.id, delivery.fence());
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rebill = Receiver::builder(rebill_za::SCHEME)
//!     .endpoint("rebill")
//!     .secret(Secret::new("a secret")?)
//!     .store(MemoryStore::new())
//!     .build()?;
//! let app: Router = Router::new().route(
//!     "/webhooks/rebill",
//!     post(on_rebill).layer(ReceiverLayer::new(&rebill)),
//! );
//!
//! let request = |signature: &str| {
//!     Request::post("/webhooks/rebill")
//!         .header("x-rebill-signature", signature)
//!         .header("x-rebill-event", "invoice.paid")
//!         .header("x-rebill-delivery", "dlv_01")
//!         .body(Body::from(r#"{"id":"inv_1","status":"paid"}"#))
//! };
//! let signed = "sha256=32f10a24dfb88c65be74d0a171a749c9f74716918f999ef22281497887b236cb";
//! let forged = "sha256=0000000000000000000000000000000000000000000000000000000000000000";
//! assert_eq!(app.clone().oneshot(request(signed)?).await?.status(), 200);
//! let again = app.clone().oneshot(request(signed)?).await?;
//! assert_eq!(again.headers()["countersign-dedup"], "duplicate");
//! assert_eq!(app.oneshot(request(forged)?).await?.status(), 401);
//! # Ok(())
//! # }
//! ```
//!
//! # Several senders
//!
//! Give each path its own receiver and its own layer, on the method router. A layer on a whole
//! `Router` judges every path below it.
//!
//! # Batches
//!
//! Where a sender puts several events into one request, the scheme says where they are
//! ([`SchemeBuilder::batch`](countersign_core::scheme::SchemeBuilder::batch)), and the handler stays as it is:
//! it runs once for each of them, with the event's own text as the body. An event that failed runs again on
//! the sender's next attempt, and those that are done do not.
//!
//! ```
//! use axum::{Router, body::Body, http::{Request, StatusCode}, routing::post};
//! use countersign_axum::{Delivery, ReceiverLayer};
//! use countersign_core::{MemoryStore, Receiver, Scheme, Secret};
//! use serde::Deserialize;
//! use tower::ServiceExt;
//!
//! const CRM: Scheme = Scheme::body_hmac("X-Crm-Signature")
//!     .batch("")
//!     .id_pointer("/eventId")
//!     .event_pointer("/subscriptionType")
//!     .declare();
//!
//! /// One event of a request that may hold hundreds.
//! #[derive(Deserialize)]
//! struct Event {
//!     #[serde(rename = "subscriptionType")]
//!     kind: String,
//! }
//!
//! async fn on_event(delivery: Delivery<Event>) -> StatusCode {
//!     match delivery.event().kind.as_str() {
//!         "contact.creation" => StatusCode::OK,
//!         _ => StatusCode::INTERNAL_SERVER_ERROR,
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let crm = Receiver::builder(CRM)
//!     .endpoint("crm")
//!     .secret(Secret::new("a secret")?)
//!     .store(MemoryStore::new())
//!     .build()?;
//! let app: Router =
//!     Router::new().route("/webhooks/crm", post(on_event).layer(ReceiverLayer::new(&crm)));
//!
//! let body = concat!(
//!     r#"[{"eventId":1,"subscriptionType":"contact.creation"},"#,
//!     r#"{"eventId":2,"subscriptionType":"deal.deletion"}]"#,
//! );
//! let signature = "547fd49c04228c08c9b17e1f3e4b57b21c1b461bf7b93c0f231a4f9783bf3f65";
//! let request = || Request::post("/webhooks/crm").header("x-crm-signature", signature);
//! // The first one is done, the second one is not: the sender is to come again.
//! let answer = app.clone().oneshot(request().body(Body::from(body))?).await?;
//! assert_eq!(answer.status(), 503);
//! // And one signature covers all of them.
//! let spoilt = body.replace('1', "3");
//! assert_eq!(app.oneshot(request().body(Body::from(spoilt))?).await?.status(), 401);
//! # Ok(())
//! # }
//! ```
//!
//! # Handshakes
//!
//! Some senders ask before they send, with GET, HEAD or OPTIONS
//! ([`Handshake`](countersign_core::scheme::Handshake)). A layer on the method router
//! (`post(handler).layer(..)`) sees those requests, too, and answers them. One on the handler alone does not.
//!
//! # Body limits
//!
//! The layer reads the body within the receiver's own limit
//! ([`Limits::body_bytes`](countersign_core::Limits)). axum's default limit of 2 MB is switched off
//! behind it, so that a handler can take a larger proved body with `Bytes` or `Json`.
//!
//! # Shutdown
//!
//! Await [`Receiver::drain`](countersign_core::Receiver::drain) after
//! `axum::serve(..).with_graceful_shutdown(..)` returned.

mod extract;
mod layer;

pub use self::{
    extract::{Delivery, DeliveryRejection},
    layer::{NoBodyLimit, ReceiverLayer},
};
