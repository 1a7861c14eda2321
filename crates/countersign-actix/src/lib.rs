//! Takes webhooks in with actix-web: a middleware that proves and deduplicates, and the extractor
//! for what it proved.
//!
//! Applications get this crate as `countersign::actix`. All decisions are made in
//! `countersign-core`; this crate hands it requests and writes its answers out.
//!
//! # Setting up and shutting down
//!
//! The receiver is built once, outside the factory closure of `HttpServer`, which runs once per
//! worker: a memory store made inside would belong to one worker alone, and copies that reach
//! another one would run again.
//!
//! Handlers may outlive their requests, and die with the workers when the server stops. So
//! [drain](countersign_core::Receiver::drain) first and stop afterwards, which needs the server's
//! own signal handling to be off:
//!
//! ```
//! use core::time::Duration;
//!
//! use actix_web::{App, HttpServer, rt, web};
//! use countersign_actix::{Delivery, ReceiverMiddleware};
//! use countersign_core::{MemoryStore, Receiver, Secret};
//! use countersign_senders::rebill_za;
//!
//! async fn on_rebill(delivery: Delivery<rebill_za::Event>) -> &'static str {
//!     match delivery.event() {
//!         rebill_za::Event::InvoicePaid(_) => "thanks",
//!         _ => "noted",
//!     }
//! }
//!
//! # rt::System::new().block_on(async {
//! let rebill = Receiver::builder(rebill_za::SCHEME)
//!     .endpoint("rebill")
//!     .secret(Secret::new("an example of a webhook secret")?)
//!     .store(MemoryStore::new())
//!     .build()?;
//!
//! let receiver = rebill.clone();
//! let server = HttpServer::new(move || {
//!     App::new().service(
//!         web::resource("/webhooks/rebill")
//!             .wrap(ReceiverMiddleware::new(&receiver))
//!             .route(web::post().to(on_rebill)),
//!     )
//! })
//! .workers(2)
//! .disable_signals()
//! .bind(("127.0.0.1", 0))?
//! .run();
//!
//! let handle = server.handle();
//! rt::spawn(async move {
//!     // An application waits for its signal here, such as `rt::signal::ctrl_c()`.
//!     let dropped = rebill.drain(Duration::from_secs(20)).await;
//!     assert_eq!(dropped, 0, "every handler came to its end");
//!     handle.stop(true).await;
//! });
//! server.await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! [`ReceiverMiddleware`] has an example of what is accepted and what is refused.
//!
//! # What to know about actix-web
//!
//! - **Limits.** The receiver limits the body, and [`Delivery`] knows no other limit. Handlers that
//!   take `web::Bytes`, `String` or `web::Json` see the proved bytes too, but under the limits of
//!   `PayloadConfig` (256 kB) and `JsonConfig` (2 MB): a longer body is answered 413 and given back,
//!   again and again. Raise them with `app_data` next to the handler, or take a [`Delivery`].
//! - **Handshakes.** Some senders ask before they send, with GET, HEAD or OPTIONS
//!   ([`Handshake`](countersign_core::scheme::Handshake)). The middleware answers them around an `App`, a
//!   `Scope` or a `Resource`. Around a `Route`, the route must take every method: `web::route()`, not
//!   `web::post()`.
//! - **Batches.** The items of one request are handled one after the other with the same request, so a
//!   handler must not keep a clone of its `HttpRequest` beyond its answer. A handler that panics, or an
//!   inner middleware that fails with an `Err`, keeps the request, and the items behind wait for the
//!   sender's next attempt, when they come before it. An error that a handler returns keeps nothing.
//! - **Late answers are errors.** While the handler has the request, there is nothing to make a
//!   response from. An answer that cannot wait for it (503 when the response budget ends, 500 after
//!   a panic) leaves the middleware as an `Err` with an [`AnswerError`]. The sender sees no
//!   difference; an outer middleware that only looks at responses, such as `Logger`, does not see
//!   it.
//! - **Errors of inner middlewares** come out as they went in, with the same response, but wrapped
//!   in an `InternalError`: their response is made early, to know whether the delivery is done.
//! - **Hang-ups.** actix-web takes a connection that the sender closed for one that is closed by
//!   half, and keeps the request until it is answered, unless
//!   `HttpServer::h1_allow_half_closed(false)` is set. The handler comes to its end in both cases.
//! - **Refusals before the body.** Where a sender asks with `Expect: 100-continue`, actix-web says yes
//!   before any middleware is asked. A refusal that leaves a body unread ends the connection.
//! - **Streamed responses.** A handler is done when it returns its response. What happens while a
//!   body is streamed out cannot change what was settled.
//! - **Runtimes.** Handlers are spawned with `actix_web::rt::spawn`. `HttpServer` always provides
//!   what that needs; a test that calls the app on its own needs `#[actix_web::test]`.

mod answer;
mod extract;
mod head;
mod middleware;

pub use self::{
    answer::AnswerError,
    extract::{Delivery, DeliveryRejection},
    middleware::{ReceiverMiddleware, ReceiverService},
};
