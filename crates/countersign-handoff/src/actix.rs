//! A handler for actix-web, and what a hand-off is answered as.

use core::{future::Future, pin::Pin};

use actix_web::{
    HttpRequest, HttpResponse, Responder, ResponseError, body::BoxBody, http::StatusCode,
};
use countersign_actix::Delivery;

use crate::{HandOff, HandOffError, HandedOver, Publisher};

/// A hand-off under way.
type Passing = Pin<Box<dyn Future<Output = Result<HandedOver, HandOffError>> + Send>>;

/// A handler that hands every delivery over, for `web::post().to(..)`; the receiver's middleware goes around
/// it as around any other.
///
/// ```
/// use actix_web::{Resource, web};
/// use countersign_actix::ReceiverMiddleware;
/// use countersign_core::Receiver;
/// use countersign_handoff::{HandOff, Publisher, actix::hand_off};
///
/// fn configure<P: Publisher>(app: &mut web::ServiceConfig, rebill: &Receiver, queue: &HandOff<P>) {
///     app.service(
///         web::resource("/webhooks/rebill")
///             .wrap(ReceiverMiddleware::new(rebill))
///             .route(web::post().to(hand_off(queue))),
///     );
/// }
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

impl Responder for HandedOver {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().finish()
    }
}

impl ResponseError for HandOffError {
    fn status_code(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::ServiceUnavailable().finish()
    }
}
