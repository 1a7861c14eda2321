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
