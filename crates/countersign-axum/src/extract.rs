use core::{error::Error, fmt, ops::Deref};

use axum_core::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use countersign_core::{Admitted, Answer, FromDelivery, Raw};
use countersign_tower::{ResponseBody, response_from_answer};
use http::{StatusCode, request::Parts};

/// The proved delivery that a handler runs for.
///
/// `T` is what is made of its body: the `Event` of a preset, any type that implements
/// `serde::Deserialize`, or [`Raw`] bytes. It dereferences to
/// [`countersign_core::Delivery`], which has the event, the exact bytes, the id, the matched key and
/// the fence.
///
/// It verifies nothing: it hands over what [`ReceiverLayer`](crate::ReceiverLayer) proved, and
/// answers 500 where that layer is missing. See the [crate docs](crate) for an example.
#[derive(Clone, Debug)]
pub struct Delivery<T = Raw>(pub countersign_core::Delivery<T>);

impl<T> Deref for Delivery<T> {
    type Target = countersign_core::Delivery<T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T, S> FromRequestParts<S> for Delivery<T>
where
    T: FromDelivery,
    S: Sync,
{
    type Rejection = DeliveryRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, DeliveryRejection> {
        let admitted = parts
            .extensions
            .get::<Admitted>()
            .ok_or(DeliveryRejection(Reason::MissingLayer))?;
        countersign_core::Delivery::read(admitted.clone())
            .map(Self)
            .map_err(|_| DeliveryRejection(Reason::UnexpectedBody(admitted.unexpected_body())))
    }
}

/// Why a handler could not be given its [`Delivery`].
#[derive(Debug)]
pub struct DeliveryRejection(Reason);

#[derive(Debug)]
enum Reason {
    MissingLayer,
    UnexpectedBody(Answer),
}

impl DeliveryRejection {
    /// Whether there is no `ReceiverLayer` around the handler, a mistake in the application.
    #[must_use]
    pub const fn is_missing_layer(&self) -> bool {
        matches!(self.0, Reason::MissingLayer)
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match &self.0 {
            Reason::MissingLayer => StatusCode::INTERNAL_SERVER_ERROR,
            Reason::UnexpectedBody(answer) => {
                StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl fmt::Display for DeliveryRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Reason::MissingLayer => {
                "`Delivery` needs `ReceiverLayer` around the handler: add it to the method router"
            }
            Reason::UnexpectedBody(_) => "the delivery's body is not of the expected form",
        })
    }
}

impl Error for DeliveryRejection {}

impl IntoResponse for DeliveryRejection {
    fn into_response(self) -> Response {
        match &self.0 {
            Reason::MissingLayer => (self.status(), self.to_string()).into_response(),
            Reason::UnexpectedBody(answer) => {
                response_from_answer::<ResponseBody<Body>>(answer).map(Body::new)
            }
        }
    }
}
