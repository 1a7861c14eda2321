use core::{future::Future, pin::Pin};

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
        let clock = SystemClock::new(|duration| Box::pin(tokio::time::sleep(duration)));
        receiver.attach(clock, on_a_thread);
        Self {
            receiver: receiver.clone(),
        }
    }
}

/// Runs a future on a thread of its own, which no handler can block. False when there is none to be
/// had.
fn on_a_thread(future: Pin<Box<dyn Future<Output = ()> + Send>>) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let thread = std::thread::Builder::new().name("countersign".to_owned());
    runtime.is_ok_and(|runtime| thread.spawn(move || runtime.block_on(future)).is_ok())
}

impl<S> Layer<S> for ReceiverLayer {
    type Service = ReceiverService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ReceiverService::new(inner, self.receiver.clone())
    }
}
