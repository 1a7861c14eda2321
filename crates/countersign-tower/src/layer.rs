use countersign_core::{Receiver, SystemClock};
use tower_layer::Layer;

use super::ReceiverService;

/// Puts a [`Receiver`] in front of a service.
///
/// See the [crate docs](crate) for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct ReceiverLayer {
    receiver: Receiver,
}

impl ReceiverLayer {
    /// A layer over a receiver. Unless the receiver was given a clock, tokio's timers drive it.
    pub fn new(receiver: &Receiver) -> Self {
        receiver.use_clock(SystemClock::new(|duration| {
            Box::pin(tokio::time::sleep(duration))
        }));
        Self {
            receiver: receiver.clone(),
        }
    }
}

impl<S> Layer<S> for ReceiverLayer {
    type Service = ReceiverService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ReceiverService::new(inner, self.receiver.clone())
    }
}
