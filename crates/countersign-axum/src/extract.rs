use core::{error::Error, fmt, ops::Deref};

use axum_core::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use countersign_core::{Admitted, FromDelivery, Raw};
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
pub struct Delivery<T = Raw>(countersign_core::Delivery<T>);

impl<T> Delivery<T> {
    /// What was made of the body, for keeping.
    #[must_use]
    pub fn into_event(self) -> T {
        self.0.into_event()
    }

    /// The delivery without the extractor around it, for code that knows no web framework.
    #[must_use]
    pub fn into_inner(self) -> countersign_core::Delivery<T> {
        self.0
    }
}

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
        let admitted = parts.extensions.get::<Admitted>();
        countersign_core::Delivery::extract(admitted)
            .map(Self)
            .map_err(DeliveryRejection)
    }
}

/// Why a handler could not be given its [`Delivery`]: what it dereferences to says so.
#[derive(Debug)]
pub struct DeliveryRejection(countersign_core::DeliveryRejection);

impl Deref for DeliveryRejection {
    type Target = countersign_core::DeliveryRejection;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Display for DeliveryRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for DeliveryRejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl IntoResponse for DeliveryRejection {
    fn into_response(self) -> Response {
        match self.answer() {
            Some(answer) => response_from_answer::<ResponseBody<Body>>(answer).map(Body::new),
            None => (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response(),
        }
    }
}
