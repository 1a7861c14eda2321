//! What a handler gets, and what its answers mean.
#![allow(clippy::unwrap_used, reason = "tests")]

use core::{
    fmt,
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use actix_web::{
    App, Error, HttpMessage as _, HttpRequest, HttpResponse, ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::{Next, from_fn},
    rt::{System, time::timeout},
    test::{self, TestRequest},
    web::{self, Bytes, Data, PayloadConfig},
};
use countersign_actix::{AnswerError, Delivery, DeliveryRejection, ReceiverMiddleware};
use countersign_core::{
    Limits, MemoryStore, Outcome, Receiver, ReceiverBuilder, Rejection, RejectionKind, Secret,
};
use countersign_senders::github;

/// Long enough for any machine; a test that waits for this long has failed.
const FAR: Duration = Duration::from_secs(20);

const SECRET: &str = "a secret of the tests, 32 bytes!";

fn builder() -> ReceiverBuilder {
    Receiver::builder(github::SCHEME)
        .endpoint("github")
        .secret(Secret::new(SECRET).unwrap())
        .store(MemoryStore::new())
}

fn receiver(change: impl FnOnce(&mut Limits)) -> Receiver {
    builder().limits(change).build().unwrap()
}

/// A delivery on its way: head and body, signed with another implementation of HMAC than the receiver's.
#[derive(Clone, Debug)]
struct Sent {
    headers: [(&'static str, String); 4],
    body: Vec<u8>,
}

fn sign(id: &str, body: impl Into<Vec<u8>>) -> Sent {
    let body = body.into();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hex::encode(ring::hmac::sign(&key, &body));
    Sent {
        headers: [
            ("Content-Type", "application/json".to_owned()),
            ("X-Hub-Signature-256", format!("sha256={tag}")),
            ("X-GitHub-Delivery", id.to_owned()),
            ("X-GitHub-Event", "push".to_owned()),
        ],
        body,
    }
}

/// A handler that counts its runs.
async fn on_delivery(_: Delivery, runs: Data<AtomicUsize>) -> &'static str {
    runs.fetch_add(1, Ordering::SeqCst);
    "handled"
}

#[test]
fn a_handler_without_the_middleware_answers_500_and_says_why() {
    System::new().block_on(async {
        let runs = Data::new(AtomicUsize::new(0));
        let app = App::new()
            .app_data(runs.clone())
            .service(web::resource("/hooks/in").to(on_delivery));
        let app = test::init_service(app).await;
        let request = request(&sign("d_1", "{}")).to_request();
        let answered = test::call_service(&app, request).await;
        assert_eq!(answered.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let text = test::read_body(answered).await;
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.contains("`ReceiverMiddleware`"), "{text}");
        assert_eq!(runs.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_body_of_another_form_is_refused_and_given_back() {
    System::new().block_on(async {
        let receiver = receiver(|_| {});
        let app = App::new().service(
            web::resource("/hooks/in")
                .wrap(ReceiverMiddleware::new(&receiver))
                .to(async |numbers: Delivery<Vec<u32>>| format!("{:?}", numbers.into_event())),
        );
        let app = test::init_service(app).await;

        assert_eq!(send!(app, &sign("d_1", "[1, 2]")), said(200, "fresh"));
        let odd = sign("d_2", r#"{"not": "numbers"}"#);
        assert_eq!(send!(app, &odd), said(422, "fresh"));
        assert_eq!(send!(app, &odd), said(422, "fresh"), "it was given back");

        let answered = test::call_service(&app, request(&odd).to_request()).await;
        let error = answered.response().error().unwrap();
        let error = error.as_error::<DeliveryRejection>().unwrap();
        assert_eq!(error.to_string(), "the delivery's body cannot be read");
        let source = std::error::Error::source(error).unwrap();
        assert_eq!(
            source.to_string(),
            "the body is JSON, but not of the expected form"
        );
        let rejection = answered.response().extensions().get::<Rejection>().cloned();
        assert_eq!(rejection.unwrap().kind(), RejectionKind::UnexpectedBody);
        assert_eq!(test::read_body(answered).await, "refused\n");
    });
}

#[test]
fn statuses_settle_and_outcomes_overrule_them() {
    let cases = [
        (204, None, said(204, "fresh"), said(200, "duplicate")),
        (400, None, said(400, "fresh"), said(400, "fresh")),
        (302, None, said(302, "fresh"), said(302, "fresh")),
        (500, None, said(500, "fresh"), said(500, "fresh")),
        (
            400,
            Some(Outcome::Discard),
            said(200, "discarded"),
            said(200, "duplicate"),
        ),
        (
            200,
            Some(Outcome::Discard),
            said(200, "fresh"),
            said(200, "duplicate"),
        ),
        (200, Some(Outcome::Retry), (503, None), (503, None)),
        (
            422,
            Some(Outcome::Retry),
            said(422, "fresh"),
            said(422, "fresh"),
        ),
    ];
    for (status, outcome, first, second) in cases {
        // From the handler, and from a middleware around it as an error.
        let handler = async |_: Delivery, asked: Data<Asked>| asked.error_response();
        let inner = async |request: ServiceRequest, _: Next<actix_web::body::BoxBody>| {
            let asked = *request.app_data::<Data<Asked>>().unwrap().get_ref();
            Err::<ServiceResponse, Error>(asked.into())
        };
        let status = StatusCode::from_u16(status).unwrap();
        let asked = Data::new(Asked { status, outcome });
        System::new().block_on(async {
            let app = App::new().app_data(asked.clone()).service(
                web::resource("/hooks/in")
                    .wrap(ReceiverMiddleware::new(&receiver(|_| {})))
                    .to(handler),
            );
            let app = test::init_service(app).await;
            assert_eq!(send!(app, &sign("d_1", "{}")), first, "{asked:?}");
            assert_eq!(send!(app, &sign("d_1", "{}")), second, "{asked:?}");

            let app = App::new().app_data(asked.clone()).service(
                web::resource("/hooks/in")
                    .wrap(from_fn(inner))
                    .wrap(ReceiverMiddleware::new(&receiver(|_| {})))
                    .to(handler),
            );
            let app = test::init_service(app).await;
            assert_eq!(
                send!(app, &sign("d_1", "{}")),
                first,
                "as an error: {asked:?}"
            );
            assert_eq!(
                send!(app, &sign("d_1", "{}")),
                second,
                "as an error: {asked:?}"
            );
        });
    }
}

#[test]
fn an_error_that_answers_only_once_is_heard() {
    System::new().block_on(async {
        let inner = async |_: ServiceRequest, _: Next<actix_web::body::BoxBody>| {
            let response = HttpResponse::ImATeapot().body("short and stout");
            let error = actix_web::error::InternalError::from_response("no coffee", response);
            Err::<ServiceResponse, Error>(error.into())
        };
        let app = App::new().service(
            web::resource("/hooks/in")
                .wrap(from_fn(inner))
                .wrap(ReceiverMiddleware::new(&receiver(|_| {})))
                .to(HttpResponse::Ok),
        );
        let app = test::init_service(app).await;
        let request = request(&sign("d_1", "{}")).to_request();
        let error = test::try_call_service(&app, request).await.unwrap_err();
        assert_eq!(error.to_string(), "no coffee");
        let response = error.error_response();
        assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
        let body = response.into_body().try_into_bytes().unwrap();
        assert_eq!(body, "short and stout");
    });
}

#[test]
fn refusals_leave_their_reason_for_outer_layers() {
    System::new().block_on(async {
        let receiver = receiver(|limits| {
            limits.response_budget = Duration::from_millis(50);
            limits.wait = Duration::from_millis(50);
        });
        let app = App::new().service(
            web::resource("/hooks/in")
                .wrap(ReceiverMiddleware::new(&receiver))
                .to(async |_: Delivery| pending::<&str>().await),
        );
        let app = test::init_service(app).await;

        let mut tampered = sign("d_1", "{}");
        tampered.body.push(b' ');
        let answered = test::call_service(&app, request(&tampered).to_request()).await;
        let rejection = answered.response().extensions().get::<Rejection>().cloned();
        assert_eq!(rejection.unwrap().kind(), RejectionKind::SignatureMismatch);

        let late = request(&sign("d_2", "{}")).to_request();
        let late = timeout(FAR, test::try_call_service(&app, late)).await;
        let error = late.expect("an answer in time").unwrap_err();
        let answer = error.as_error::<AnswerError>().unwrap().answer().clone();
        assert_eq!(
            answer.rejection().unwrap().kind(),
            RejectionKind::StillRunning
        );
        let response = error.error_response();
        let rejection = response.extensions().get::<Rejection>().cloned();
        assert_eq!(rejection.as_ref(), answer.rejection());
    });
}

#[test]
fn an_outer_middleware_may_keep_the_request() {
    async fn keep(
        kept: HttpRequest,
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let answered = next.call(request).await;
        assert_eq!(kept.path(), "/hooks/in");
        answered
    }
    System::new().block_on(async {
        let receiver = receiver(|_| {});
        let runs = Data::new(AtomicUsize::new(0));
        let app = App::new().app_data(runs.clone()).service(
            web::resource("/hooks/in")
                .wrap(ReceiverMiddleware::new(&receiver))
                .wrap(from_fn(keep))
                .to(on_delivery),
        );
        let app = test::init_service(app).await;
        assert_eq!(send!(app, &sign("d_1", "{}")), said(200, "fresh"));
        assert_eq!(send!(app, &sign("d_1", "{}")), said(200, "duplicate"));
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn the_extractors_of_actix_web_keep_limits_of_their_own() {
    System::new().block_on(async {
        let receiver = receiver(|_| {});
        let around = || web::resource("/hooks/in").wrap(ReceiverMiddleware::new(&receiver));
        let len = async |_: Delivery, body: Bytes| body.len().to_string();
        let big = |id| sign(id, vec![b' '; 300 * 1024]);

        let app = test::init_service(App::new().service(around().to(len))).await;
        assert_eq!(
            send!(app, &big("d_1")),
            said(413, "fresh"),
            "from `web::Bytes`"
        );

        let raised = PayloadConfig::new(receiver.limits().verify.body_bytes);
        let app = around().app_data(raised).to(len);
        let app = test::init_service(App::new().service(app)).await;
        assert_eq!(send!(app, &big("d_1")), said(200, "fresh"));

        let own = async |delivery: Delivery| delivery.event().bytes().len().to_string();
        let app = test::init_service(App::new().service(around().to(own))).await;
        assert_eq!(
            send!(app, &sign("d_2", vec![b'x'; 300 * 1024])),
            said(200, "fresh")
        );
    });
}

#[test]
fn the_delivery_is_in_the_request_for_others_too() {
    System::new().block_on(async {
        let receiver = receiver(|_| {});
        let app = App::new().service(
            web::resource("/hooks/in")
                .wrap(ReceiverMiddleware::new(&receiver))
                .to(async |request: HttpRequest, delivery: Delivery| {
                    let extensions = request.extensions();
                    let admitted: &countersign_core::Admitted = extensions.get().unwrap();
                    assert_eq!(admitted.key(), delivery.key());
                    assert_eq!(delivery.clone().into_inner().endpoint(), "github");
                    "handled"
                }),
        );
        let app = test::init_service(app).await;
        assert_eq!(send!(app, &sign("d_1", "{}")), said(200, "fresh"));
    });
}

/// The answer that a case asks for, also as an error whose `status_code` says something else.
#[derive(Clone, Copy, Debug)]
struct Asked {
    status: StatusCode,
    outcome: Option<Outcome>,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as asked")
    }
}

impl ResponseError for Asked {
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status);
        if let Some(outcome) = self.outcome {
            response.extensions_mut().insert(outcome);
        }
        response
    }
}

/// A request of actix-web's own test support, without a socket.
fn request(sent: &Sent) -> TestRequest {
    let mut request = TestRequest::post().uri("/hooks/in");
    for (name, value) in &sent.headers {
        request = request.insert_header((*name, value.as_str()));
    }
    request.set_payload(sent.body.clone())
}

/// Sends to an app, and reads the status and what deduplication made of the delivery.
#[macro_export]
macro_rules! send {
    ($app:expr, $sent:expr) => {{
        let answered = test::try_call_service(&$app, request($sent).to_request()).await;
        let response = match answered {
            Ok(answered) => answered.into_parts().1.map_into_boxed_body(),
            Err(error) => error.error_response(),
        };
        let dedup = response.headers().get("countersign-dedup");
        let dedup = dedup.map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), dedup)
    }};
}

fn said(status: u16, dedup: &str) -> (u16, Option<String>) {
    (status, Some(dedup.to_owned()))
}
