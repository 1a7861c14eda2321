//! The middleware that takes a request in, and runs the handler once.

use core::{
    cell::Cell,
    fmt,
    future::{Future, Ready, ready},
    pin::Pin,
};
use std::rc::Rc;

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    error::{ErrorInternalServerError, InternalError},
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    rt,
};
use countersign_core::{
    Accepted, Admitted, Answer, DEDUP_HEADER, Dedup, Outcome, Receiver, Reply, SystemClock, Verdict,
};

use crate::{
    answer::{AnswerError, respond},
    head::ActixHead,
};

/// Proves, deduplicates and admits the deliveries of one sender before the handler sees them.
///
/// Wrap it around the handlers of one [`Receiver`]: a `Resource`, a `Route` or a `Scope`, or an
/// `App` that serves nothing else. What is refused, and every copy of what is done, is answered
/// without the handler.
///
/// The handler runs in a task of its own: it goes on when the sender hangs up, and when the
/// response budget ends before it does. A response that says 2xx completes the delivery, anything
/// else gives it back for the sender's next attempt; an [`Outcome`] in the extensions of the
/// response overrules that.
///
/// Build the receiver outside the factory closure of `HttpServer`. The closure runs once per
/// worker, and a memory store made in there belongs to that worker alone: the copy of a delivery
/// that reaches another worker would run again.
///
/// ```
/// use actix_web::{App, HttpServer, http::StatusCode, rt, test, web};
/// use countersign_actix::{Delivery, ReceiverMiddleware};
/// use countersign_core::{MemoryStore, Receiver, Secret};
/// use countersign_senders::github;
///
/// async fn on_event(_: Delivery) -> &'static str {
///     "thanks"
/// }
///
/// # rt::System::new().block_on(async {
/// let receiver = Receiver::builder(github::SCHEME)
///     .endpoint("github")
///     .secret(Secret::new("It's a Secret to Everybody")?)
///     .store(MemoryStore::new())
///     .build()?;
/// let app = move || {
///     App::new().service(
///         web::resource("/webhooks/github")
///             .wrap(ReceiverMiddleware::new(&receiver))
///             .route(web::post().to(on_event)),
///     )
/// };
/// let app_in_test = test::init_service(app()).await;
/// let server = HttpServer::new(app).workers(2).bind(("127.0.0.1", 0))?;
///
/// let signed = || {
///     test::TestRequest::post().uri("/webhooks/github").insert_header((
///         "X-Hub-Signature-256",
///         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
///     ))
/// };
/// let send = async |request: test::TestRequest, body: &'static str| {
///     let request = request.set_payload(body).to_request();
///     let response = test::call_service(&app_in_test, request).await;
///     let dedup = response.headers().get("countersign-dedup").cloned();
///     (response.status(), dedup)
/// };
/// let (status, dedup) = send(signed(), "Hello, World!").await;
/// assert_eq!((status, dedup.unwrap().as_bytes()), (StatusCode::OK, b"fresh".as_slice()));
/// let (status, dedup) = send(signed(), "Hello, World!").await;
/// assert_eq!((status, dedup.unwrap().as_bytes()), (StatusCode::OK, b"duplicate".as_slice()));
/// let (status, dedup) = send(signed(), "Hello, World?").await;
/// assert_eq!((status, dedup), (StatusCode::UNAUTHORIZED, None));
/// # drop(server);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct ReceiverMiddleware {
    receiver: Receiver,
}

/// Runs a future on a thread of its own, which no handler can block. False when there is none to be
/// had.
fn on_a_thread(future: Pin<Box<dyn Future<Output = ()> + Send>>) -> bool {
    let thread = std::thread::Builder::new().name("countersign".to_owned());
    let started = thread.spawn(move || {
        // Not built here: actix's runtime cannot change threads. Without one the future is dropped,
        // and the next delivery tries again.
        if let Ok(runtime) = rt::Runtime::new() {
            runtime.block_on(future);
        }
    });
    started.is_ok()
}

impl ReceiverMiddleware {
    /// A middleware that feeds this receiver, and brings the runtime's timers to it.
    #[must_use]
    pub fn new(receiver: &Receiver) -> Self {
        let clock = SystemClock::new(|duration| Box::pin(rt::time::sleep(duration)));
        receiver.attach(clock, on_a_thread);
        Self {
            receiver: receiver.clone(),
        }
    }
}

impl<S, B> Transform<S, ServiceRequest> for ReceiverMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = ReceiverService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(ReceiverService {
            receiver: self.receiver.clone(),
            service: Rc::new(service),
        }))
    }
}

/// A service with a [`ReceiverMiddleware`] around it.
pub struct ReceiverService<S> {
    receiver: Receiver,
    service: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for ReceiverService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let receiver = self.receiver.clone();
        let service = Rc::clone(&self.service);
        Box::pin(async move {
            match accept(&receiver, &mut request).await {
                Ok(accepted) => handle(accepted, service, request).await,
                Err(answer) => Ok(request
                    .into_response(respond(&answer))
                    .map_into_right_body()),
            }
        })
    }
}

impl<S> fmt::Debug for ReceiverService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverService")
            .field("receiver", &self.receiver)
            .finish_non_exhaustive()
    }
}

/// Takes the request's body in, and asks for the right to run the handler.
async fn accept(receiver: &Receiver, request: &mut ServiceRequest) -> Result<Accepted, Answer> {
    let body = request.take_payload();
    let received = receiver.receive(&ActixHead(request.head()), body).await?;
    receiver.accept(received).await
}

/// Runs the handler in a task of its own, and waits for it as long as the receiver says.
async fn handle<S, B>(
    accepted: Accepted,
    service: Rc<S>,
    request: ServiceRequest,
) -> Result<ServiceResponse<EitherBody<B>>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    // No clone of the request may stay here, though it would make the answers below responses:
    // the routers of an `App` and a `Scope` write to the request and panic when it is shared. So it goes
    // from call to call.
    let place = Rc::new(Cell::new(Some((request, None))));
    let calls = Rc::clone(&place);
    let call = move |admitted: &Admitted, still_needed: bool| {
        let (service, calls, admitted) = (Rc::clone(&service), Rc::clone(&calls), admitted.clone());
        let request = calls.take();
        async move {
            let Some((mut request, routed)) = request else {
                return Handled::Nothing;
            };
            // Routed as far as it was when it first came here.
            if let Some(routed) = &routed {
                request.match_info_mut().clone_from(routed);
            }
            let routed = routed.or_else(|| still_needed.then(|| request.match_info().clone()));
            request.set_payload(Payload::from(admitted.body().clone()));
            request.extensions_mut().insert(admitted);
            match service.call(request).await {
                Err(error) => Handled::Failed(Failure::new(error)),
                Ok(response) if !still_needed => Handled::Response(response),
                Ok(response) => {
                    let (request, response) = response.into_parts();
                    let request = ServiceRequest::from_request(request);
                    calls.set(Some((request, routed)));
                    Handled::Apart(response)
                }
            }
        }
    };
    let (task, handle) = accepted.start(call, judge);
    drop(rt::spawn(task));
    let reply = handle.await;
    // While calls go on, the request is theirs.
    let request = || Some(Rc::into_inner(place)?.into_inner()?.0);
    match reply {
        Reply::Handled(Handled::Response(mut response), dedup) => {
            mark(response.headers_mut(), dedup);
            Ok(response.map_into_left_body())
        }
        Reply::Handled(Handled::Apart(mut response), dedup) => {
            mark(response.headers_mut(), dedup);
            let request = request().ok_or_else(|| ErrorInternalServerError("no request"))?;
            Ok(request.into_response(response).map_into_left_body())
        }
        Reply::Handled(Handled::Failed(mut failure), dedup) => {
            mark(failure.response.headers_mut(), dedup);
            Err(failure.into_error())
        }
        Reply::Handled(Handled::Nothing, _) => Err(ErrorInternalServerError("no request")),
        Reply::Answer(answer) => match request() {
            Some(request) => Ok(request
                .into_response(respond(&answer))
                .map_into_right_body()),
            None => Err(AnswerError::new(answer).into()),
        },
    }
}

/// What a call of the wrapped service came to.
enum Handled<B> {
    /// The answer to the request.
    Response(ServiceResponse<B>),
    /// An answer that the receiver may give in place of, without its request.
    Apart(HttpResponse<B>),
    Failed(Failure),
    /// It was not called: an inner middleware failed before, and kept the request.
    Nothing,
}

/// An error of the wrapped service and the response that it is going to be, which some errors can
/// make only once.
struct Failure {
    error: Error,
    response: HttpResponse,
}

impl Failure {
    fn new(error: Error) -> Self {
        let response = error.error_response();
        Self { error, response }
    }

    fn into_error(self) -> Error {
        InternalError::from_response(self.error, self.response).into()
    }
}

/// Tells the core what the wrapped service answered.
fn judge<B>(handled: &Handled<B>) -> Verdict {
    match handled {
        Handled::Response(response) => told(response.status(), response.response()),
        Handled::Apart(response) => told(response.status(), response),
        Handled::Failed(failure) => told(failure.response.status(), &failure.response),
        Handled::Nothing => Verdict::not_called(),
    }
}

fn told<B>(status: StatusCode, response: &HttpResponse<B>) -> Verdict {
    Verdict::answered(status.as_u16(), outcome(response))
}

fn outcome<B>(response: &HttpResponse<B>) -> Option<Outcome> {
    response.extensions().get().copied()
}

/// Says what deduplication made of a delivery, unless the extractor has already said more.
fn mark(headers: &mut HeaderMap, dedup: Dedup) {
    static NAME: HeaderName = HeaderName::from_static(DEDUP_HEADER);
    if !headers.contains_key(&NAME) {
        headers.insert(NAME.clone(), HeaderValue::from_static(dedup.as_str()));
    }
}
