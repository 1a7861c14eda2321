//! A handler for axum, and what a hand-off is answered as.

use core::{future::Future, pin::Pin};

use axum_core::response::{IntoResponse, Response};
use countersign_axum::Delivery;
use http::StatusCode;

use crate::{HandOff, HandOffError, HandedOver, Publisher};

/// A hand-off under way.
type Passing = Pin<Box<dyn Future<Output = Result<HandedOver, HandOffError>> + Send>>;

/// A handler that hands every delivery over, for `post(..)`; the receiver's layer goes around it as around
/// any other.
///
/// ```
/// use core::time::Duration;
///
/// use axum::{Router, routing::post};
/// use countersign_axum::ReceiverLayer;
/// use countersign_core::{MemoryStore, Receiver};
/// use countersign_handoff::{
///     Envelope, HandOff, PublishError, Published, Publisher, axum::hand_off,
/// };
/// use countersign_senders::rebill_za;
/// use countersign_testkit::Sender;
/// use serde_json::json;
///
/// /// Stands for an engine: it takes what is said of invoices, and has no room for the rest.
/// struct Queue;
///
/// impl Publisher for Queue {
///     async fn publish(&self, message: &Envelope) -> Result<Published, PublishError> {
///         match message.subject() {
///             Some(_) => Ok(Published::New),
///             None => Err(PublishError::full("no room")),
///         }
///     }
///
///     fn duplicate_window(&self) -> Option<Duration> {
///         Some(Duration::from_secs(7 * 24 * 60 * 60))
///     }
///
///     fn name(&self) -> &'static str {
///         "queue"
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let kit = Sender::new(rebill_za::SCHEME);
/// let rebill = Receiver::builder(rebill_za::SCHEME)
///     .endpoint("rebill")
///     .secret(kit.secret()?)
///     .store(MemoryStore::new())
///     .build()?;
/// let queue = HandOff::builder(Queue).receiver(&rebill).build()?;
/// let app: Router = Router::new()
///     .route("/hook", post(hand_off(&queue)).layer(ReceiverLayer::new(&rebill)));
///
/// let paid = kit.delivery("invoice.paid", json!({"id": "inv_1", "status": "paid"})).to("/hook");
/// assert_eq!(kit.send(&app, &paid.tampered()).await.status(), 401);
/// assert_eq!(kit.send(&app, &paid).await.status(), 200);
/// // What the engine does not take is not done: the sender comes again.
/// let nameless = kit.delivery("payment.received", json!({})).to("/hook");
/// assert_eq!(kit.send(&app, &nameless).await.status(), 503);
/// # Ok(())
/// # }
/// ```
pub fn hand_off<P: Publisher>(
    to: &HandOff<P>,
) -> impl Fn(Delivery) -> Passing + Clone + Send + Sync + use<P> {
    let to = to.clone();
    move |delivery| {
        let to = to.clone();
        Box::pin(async move { to.pass(&delivery).await })
    }
}

impl IntoResponse for HandedOver {
    fn into_response(self) -> Response {
        StatusCode::OK.into_response()
    }
}

impl IntoResponse for HandOffError {
    fn into_response(self) -> Response {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}
