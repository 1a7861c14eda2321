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
use countersign_core::{Admitted, FromDelivery, Raw};

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
    type Error = DeliveryRejection;
    type Future = Ready<Result<Self, DeliveryRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Cloned, so that what reads the body may use the extensions.
        let admitted = request.extensions().get::<Admitted>().cloned();
        let delivery = countersign_core::Delivery::extract(admitted.as_ref());
        ready(delivery.map(Self).map_err(DeliveryRejection))
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

impl ResponseError for DeliveryRejection {
    fn status_code(&self) -> StatusCode {
        self.answer()
            .map_or(StatusCode::INTERNAL_SERVER_ERROR, status)
    }

    fn error_response(&self) -> HttpResponse {
        match self.answer() {
            Some(answer) => respond(answer),
            None => HttpResponse::build(self.status_code()).body(self.to_string()),
        }
    }
}
