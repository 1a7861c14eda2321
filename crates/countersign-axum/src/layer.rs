use core::task::{Context, Poll};

use axum_core::extract::DefaultBodyLimit;
use countersign_core::Receiver;
use countersign_tower::ReceiverService;
use http::Request;
use tower_layer::Layer;
use tower_service::Service;

/// Puts a [`Receiver`] in front of axum handlers.
///
/// It is countersign-tower's layer with axum's default body limit switched off behind it: the
/// receiver has a limit of its own. See the [crate docs](crate) for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct ReceiverLayer {
    inner: countersign_tower::ReceiverLayer,
}

impl ReceiverLayer {
    /// A layer over a receiver. Unless the receiver was given a clock, tokio's timers drive it.
    pub fn new(receiver: &Receiver) -> Self {
        Self {
            inner: countersign_tower::ReceiverLayer::new(receiver),
        }
    }
}

impl<S> Layer<S> for ReceiverLayer {
    type Service = ReceiverService<NoBodyLimit<S>>;

    fn layer(&self, inner: S) -> Self::Service {
        self.inner.layer(NoBodyLimit { inner })
    }
}

/// Switches axum's default body limit off for the service within.
#[derive(Clone, Debug)]
pub struct NoBodyLimit<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for NoBodyLimit<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        DefaultBodyLimit::disable().apply(&mut request);
        self.inner.call(request)
    }
}
