//! The inspector: a page on this machine that shows what arrives.
//!
//! It is served on an address of its own, so that whatever is let through to the listener (a tunnel, a
//! container's port) never leads to it. Every request passes [`guard`]; [`api`] is what the page asks.

// docs/decisions.md: D86.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hyper::body::Incoming;
use tokio::{net::TcpListener, sync::watch};
use tower_service::Service as _;

mod api;
mod guard;

use self::guard::Guard;
use crate::{
    failure::Failure,
    forward::{PathPolicy, Upstream},
    gateway::server,
    listen::Shared,
};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Nothing but what this address serves; no frame around it, no form, no base.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// A running inspector; it takes no more requests when this is dropped.
#[derive(Debug)]
pub(crate) struct Inspector {
    address: String,
    /// Dropped, it would end.
    _stop: watch::Sender<bool>,
}

/// What the page's requests need.
struct Desk {
    shared: Arc<Shared>,
    /// The listener, for replays that it judges.
    listener: Upstream,
    listener_url: String,
}

impl Inspector {
    pub(crate) fn start(
        listener: TcpListener,
        receives_at: SocketAddr,
        shared: &Arc<Shared>,
    ) -> Result<Self, Failure> {
        let own = listener
            .local_addr()
            .map_err(|error| Failure::no_answer(format!("--inspect: {error}")))?;
        let guard = Guard::new(own)?;
        let address = format!("http://{own}/{}/", guard.token());
        let listener_url = reachable(receives_at);
        let desk = Arc::new(Desk {
            shared: Arc::clone(shared),
            listener: Upstream::parse(&listener_url, PathPolicy::Append)
                .map_err(|mistake| Failure::no_answer(mistake.to_string()))?,
            listener_url,
        });
        let router = router(desk, guard);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(server::serve(
            listener,
            server::FEW,
            stopped,
            move |request: http::Request<Incoming>| {
                let mut router = router.clone();
                async move {
                    match router.call(request.map(Body::new)).await {
                        Ok(response) => response,
                        Err(never) => match never {},
                    }
                }
            },
        ));
        Ok(Self {
            address,
            _stop: stop,
        })
    }

    /// With the token, as it is opened.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

/// An address that somebody on this machine can ask.
pub(crate) fn reachable(address: SocketAddr) -> String {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

fn router(desk: Arc<Desk>, guard: Guard) -> Router {
    let text = |kind: &'static str, text: &'static str| {
        get(async move || {
            (
                [(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
                text,
            )
        })
    };
    let guard = Arc::new(guard);
    Router::new()
        .route("/{token}/", text("text/html; charset=utf-8", PAGE))
        .route("/{token}/page.css", text("text/css; charset=utf-8", STYLE))
        .route(
            "/{token}/page.js",
            text("text/javascript; charset=utf-8", SCRIPT),
        )
        .route("/{token}/api/about", get(api::about))
        .route("/{token}/api/captures", get(api::list))
        .route("/{token}/api/captures/{number}", get(api::one))
        .route("/{token}/api/captures/{number}/body", get(api::body))
        .route("/{token}/api/captures/{number}/replay", post(api::replay))
        .route("/{token}/api/changes", get(api::changes))
        .with_state(desk)
        // Whatever it is, a path that does not exist included.
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            let guard = Arc::clone(&guard);
            async move {
                let response = match guard.admits(&request) {
                    Ok(()) => next.run(request).await,
                    Err(refusal) => refusal.into_response(),
                };
                with_headers(response)
            }
        }))
}

fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
