//! The servers that are compared: one that believes everything, one as one would write it by hand, one that
//! verifies and remembers nothing, and one with countersign.

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Resource, web};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use countersign_actix::ReceiverMiddleware;
use countersign_axum::{Delivery, ReceiverLayer};
use countersign_core::{MemoryStore, Raw, Receiver, Secret, Timestamp, Verifier};
use countersign_senders::rebill_za;
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use ring::hmac;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::requests::{self, SECRET};

type NoBody = Empty<Bytes>;

/// What a server does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads the body and answers 200.
    Bare,
    /// An HMAC check and a set of ids behind a mutex, as one would write it.
    ByHand,
    /// countersign's verifier in a handler, which remembers nothing; for axum.
    Verified,
    /// countersign's layer, the memory store, and a handler that takes the delivery.
    Countersign,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Bare, Self::ByHand, Self::Verified, Self::Countersign];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::ByHand => "by hand",
            Self::Verified => "verified",
            Self::Countersign => "countersign",
        }
    }
}

/// What the one by hand knows.
pub struct ByHand {
    key: hmac::Key,
    seen: Mutex<HashSet<String>>,
}

impl ByHand {
    /// With room for many ids, so that it does not grow while it is measured.
    pub fn new() -> Self {
        Self {
            key: requests::key(),
            seen: Mutex::new(HashSet::with_capacity(1_000_000)),
        }
    }

    fn takes<'a>(&self, header: impl Fn(&str) -> Option<&'a str>, body: &[u8]) -> bool {
        let tag = header("x-rebill-signature")
            .and_then(|value| value.strip_prefix("sha256="))
            .and_then(|tag| hex::decode(tag).ok());
        let (Some(tag), Some(id)) = (tag, header("x-rebill-delivery")) else {
            return false;
        };
        if hmac::verify(&self.key, body, &tag).is_err() {
            return false;
        }
        // A duplicate is answered like the first one.
        let _fresh = self.seen.lock().unwrap().insert(id.to_owned());
        true
    }
}

impl Default for ByHand {
    fn default() -> Self {
        Self::new()
    }
}

/// A receiver of Rebill's with the memory store.
pub fn receiver() -> Receiver {
    Receiver::builder(rebill_za::SCHEME)
        .endpoint("bench")
        .secret(Secret::new(SECRET).unwrap())
        .store(MemoryStore::with_capacity(4_000_000))
        .build()
        .unwrap()
}

/// A verifier of Rebill's.
pub fn verifier() -> Verifier {
    Verifier::builder(rebill_za::SCHEME)
        .secret(Secret::new(SECRET).unwrap())
        .build()
        .unwrap()
}

/// One of the servers, for axum.
pub fn axum(kind: Kind) -> Router {
    match kind {
        Kind::Bare => Router::new().route("/hook", post(async |_: Bytes| StatusCode::OK)),
        Kind::ByHand => {
            let state = Arc::new(ByHand::new());
            Router::new()
                .route("/hook", post(axum_by_hand))
                .with_state(state)
        }
        Kind::Verified => Router::new()
            .route("/hook", post(axum_verified))
            .with_state(verifier()),
        Kind::Countersign => {
            let handler = async |_: Delivery<Raw>| StatusCode::OK;
            Router::new().route(
                "/hook",
                post(handler).layer(ReceiverLayer::new(&receiver())),
            )
        }
    }
}

async fn axum_by_hand(
    State(state): State<Arc<ByHand>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match state.takes(header, &body) {
        true => StatusCode::OK,
        false => StatusCode::UNAUTHORIZED,
    }
}

async fn axum_verified(
    State(verifier): State<Verifier>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut head = http::Request::new(());
    *head.method_mut() = http::Method::POST;
    *head.headers_mut() = headers;
    match verifier.verify(&head, body, Timestamp::now()) {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::UNAUTHORIZED,
    }
}

/// Serves one of the servers by axum, on a port of its own.
pub async fn serve_axum(kind: Kind) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { ::axum::serve(listener, axum(kind)).await.unwrap() });
    port
}

/// Serves one of the servers by plain hyper.
pub async fn serve_hyper(kind: Kind) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let by_hand = Arc::new(ByHand::new());
    let layer = countersign_tower::ReceiverLayer::new(&receiver());
    let answered =
        tower::service_fn(async |_| Ok::<_, Infallible>(http::Response::new(NoBody::new())));
    let received = tower::Layer::layer(&layer, answered);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (by_hand, received) = (Arc::clone(&by_hand), received.clone());
            let service = service_fn(move |request: http::Request<Incoming>| {
                let (by_hand, received) = (Arc::clone(&by_hand), received.clone());
                async move {
                    if kind == Kind::Countersign {
                        let response = received.oneshot(request).await?;
                        return Ok::<_, Infallible>(response.map(BodyExt::boxed));
                    }
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let header =
                        |name: &str| head.headers.get(name).and_then(|it| it.to_str().ok());
                    let mut response = http::Response::new(NoBody::new().boxed());
                    if kind == Kind::ByHand && !by_hand.takes(header, &body) {
                        *response.status_mut() = StatusCode::UNAUTHORIZED;
                    }
                    Ok(response)
                }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    port
}

/// Serves one of the servers by actix-web, on threads of its own.
pub fn serve_actix(kind: Kind) -> u16 {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let by_hand = web::Data::new(ByHand::new());
            let receiver = receiver();
            // Each kind is an application of a type of its own.
            macro_rules! serve {
                ($resource:expr) => {{
                    let server = HttpServer::new(move || {
                        App::new().service($resource(web::resource("/hook")))
                    })
                    .workers(2)
                    .disable_signals()
                    .bind(("127.0.0.1", 0))
                    .unwrap();
                    tell.send(server.addrs()[0].port()).unwrap();
                    server.run().await.unwrap();
                }};
            }
            match kind {
                Kind::Bare | Kind::Verified => serve!(|hook: Resource| {
                    hook.route(web::post().to(async |_: web::Bytes| HttpResponse::Ok()))
                }),
                Kind::ByHand => serve!(|hook: Resource| {
                    hook.app_data(by_hand.clone())
                        .route(web::post().to(actix_by_hand))
                }),
                Kind::Countersign => serve!(|hook: Resource| {
                    hook.wrap(ReceiverMiddleware::new(&receiver))
                        .route(web::post().to(actix_delivered))
                }),
            }
        });
    });
    told.recv().unwrap()
}

async fn actix_by_hand(
    state: web::Data<ByHand>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let headers = request.headers();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match state.takes(header, &body) {
        true => HttpResponse::Ok().finish(),
        false => HttpResponse::Unauthorized().finish(),
    }
}

async fn actix_delivered(_: countersign_actix::Delivery<Raw>) -> HttpResponse {
    HttpResponse::Ok().finish()
}
