//! The extractor through which a handler gets its delivery.

use core::{
    error::Error,
    fmt,
    future::{Ready, ready},
    ops::Deref,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError, dev::Payload,
    http::StatusCode,
};
use countersign_core::{Admitted, Answer, FromDelivery, PayloadError, Raw};

use crate::answer::{respond, status};

/// The delivery that [`ReceiverMiddleware`](crate::ReceiverMiddleware) proved and claimed for this
/// handler.
///
/// `T` is what is made of the body: [`Raw`] bytes, the `Event` of a preset, or anything that serde
/// can read from JSON. The extractor verifies nothing; it takes what the middleware left in the
/// request, and a handler without the middleware answers 500. It does not touch the payload, so its
/// place among the arguments does not matter, and no limit of actix-web applies to it.
///
/// Do not ask for an `Option<Delivery<T>>`: actix-web gives one for every extractor, and `None` is a
/// request that nobody proved.
///
/// It dereferences to the [`Delivery`](countersign_core::Delivery) of the core: event, id, type,
/// fence, exact bytes.
///
/// ```
/// use actix_web::{App, http::StatusCode, test, web};
/// use countersign_actix::{Delivery, ReceiverMiddleware};
/// use countersign_core::{MemoryStore, Receiver, Secret};
/// use countersign_senders::github;
///
/// async fn on_push(delivery: Delivery) -> String {
///     format!("{} bytes", delivery.event().bytes().len())
/// }
///
/// # actix_web::rt::System::new().block_on(async {
/// let receiver = Receiver::builder(github::SCHEME)
///     .endpoint("github")
///     .secret(Secret::new("It's a Secret to Everybody")?)
///     .store(MemoryStore::new())
///     .build()?;
/// let guarded = web::resource("/guarded")
///     .wrap(ReceiverMiddleware::new(&receiver))
///     .route(web::post().to(on_push));
/// let forgotten = web::resource("/forgotten").route(web::post().to(on_push));
/// let app = test::init_service(App::new().service(guarded).service(forgotten)).await;
///
/// let signed = |path| {
///     test::TestRequest::post().uri(path).set_payload("Hello, World!").insert_header((
///         "X-Hub-Signature-256",
///         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
///     ))
/// };
/// let accepted = test::call_service(&app, signed("/guarded").to_request()).await;
/// assert_eq!(accepted.status(), StatusCode::OK);
/// assert_eq!(test::read_body(accepted).await, "13 bytes");
///
/// let refused = signed("/guarded").set_payload("Hello, World?").to_request();
/// assert_eq!(test::call_service(&app, refused).await.status(), StatusCode::UNAUTHORIZED);
///
/// // The same request, and nobody looked at its signature: the handler does not run.
/// let unguarded = test::call_service(&app, signed("/forgotten").to_request()).await;
/// assert_eq!(unguarded.status(), StatusCode::INTERNAL_SERVER_ERROR);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
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

impl<T: FromDelivery> FromRequest for Delivery<T> {
    type Error = DeliveryError;
    type Future = Ready<Result<Self, DeliveryError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Cloned, so that what reads the body may use the extensions.
        let admitted = request.extensions().get::<Admitted>().cloned();
        ready(
            admitted
                .ok_or(DeliveryError::NotAdmitted)
                .and_then(|admitted| read(&admitted)),
        )
    }
}

fn read<T: FromDelivery>(admitted: &Admitted) -> Result<Delivery<T>, DeliveryError> {
    match countersign_core::Delivery::read(admitted.clone()) {
        Ok(delivery) => Ok(Delivery(delivery)),
        Err(error) => Err(DeliveryError::UnexpectedBody {
            answer: admitted.unexpected_body(),
            error,
        }),
    }
}

/// Why a handler does not get its [`Delivery`].
#[derive(Debug)]
#[non_exhaustive]
pub enum DeliveryError {
    /// No [`ReceiverMiddleware`](crate::ReceiverMiddleware) is wrapped around the handler, so that
    /// nobody proved the request. A mistake in the application.
    NotAdmitted,
    /// The body is not what the handler expects.
    UnexpectedBody {
        /// What the receiver was configured to answer.
        answer: Answer,
        /// In what way it is not.
        error: PayloadError,
    },
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAdmitted => {
                f.write_str("`ReceiverMiddleware` is not wrapped around this handler")
            }
            Self::UnexpectedBody { error, .. } => error.fmt(f),
        }
    }
}

impl Error for DeliveryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotAdmitted => None,
            Self::UnexpectedBody { error, .. } => Some(error),
        }
    }
}

impl ResponseError for DeliveryError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotAdmitted => StatusCode::INTERNAL_SERVER_ERROR,
            Self::UnexpectedBody { answer, .. } => status(answer),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::NotAdmitted => HttpResponse::build(self.status_code()).body(self.to_string()),
            Self::UnexpectedBody { answer, .. } => respond(answer),
        }
    }
}
