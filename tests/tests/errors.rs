//! The chain of every public error: each line says something that the one above it did not.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeSet, error::Error, fs, iter, path::Path, time::Duration};

use actix_web::{App, FromRequest, HttpResponse, test as actix, web};
use axum::extract::FromRequestParts;
use countersign_core::{
    FromDelivery, Keyring, LookupError, MemoryStore, Outcome, PayloadError, Raw, Receiver,
    RejectionKind, Scheme, Secret, StoreError, SystemClock, Timestamp, Verified, Verifier,
    scheme::Part,
};
use countersign_handoff::{
    Envelope, HandOffConfigError, HandOffError, HandedError, PublishError,
    jetstream::JetStreamError, redis_streams::RedisStreamsError,
};
use countersign_postgres::{HandoverError, Table};
use countersign_redis::CheckError;
use countersign_senders::{document, invoice_maker, rebill_za, stripe};
use countersign_sqlite::SqliteStore;
use countersign_testkit::Sender;
use countersign_tests::kit::Kit;
use futures_util::{FutureExt, stream};
use serde_json::{Value, json};

/// The lines of an error, the outermost first, and the name of its type.
#[derive(Debug)]
struct Chain {
    of: &'static str,
    lines: Vec<String>,
}

fn chain<E: Error + 'static>(error: E) -> Chain {
    let of = std::any::type_name::<E>().rsplit("::").next().unwrap();
    let first: &dyn Error = &error;
    let errors = iter::successors(Some(first), |&error| error.source());
    let lines = errors.map(ToString::to_string).collect();
    Chain { of, lines }
}

/// A delivery that cannot be read as what is asked for: what is not JSON, or another sender's event.
/// What an application reads by itself, and never can.
#[derive(Debug)]
struct Never;

impl FromDelivery for Never {
    fn from_delivery(_: &Verified) -> Result<Self, PayloadError> {
        Err(PayloadError::unexpected())
    }
}

fn unreadable<T: countersign_core::FromDelivery + std::fmt::Debug>(body: &'static str) -> Chain {
    let receiver = Receiver::builder(rebill_za::SCHEME)
        .endpoint("test")
        .secret(Secret::new("secret").unwrap())
        .store(MemoryStore::new())
        .build()
        .unwrap();
    receiver.attach(SystemClock::new(|_| Box::pin(async {})), |_| true);
    let signed = Sender::with_secret(rebill_za::SCHEME, "secret").raw("x", "id", body);
    let chunks = stream::iter([Ok::<_, ()>(signed.body().clone())]);
    let received = receiver.receive(&signed.request(), chunks).now_or_never();
    let run = receiver.admit(received.unwrap().unwrap()).now_or_never();
    let run = run.unwrap().unwrap();
    chain(countersign_core::Delivery::<T>::extract(Some(run.admitted())).unwrap_err())
}

/// A document of a scheme that proves nothing.
const UNSIGNED: &str = r#"
    name = "acme"
    signature = { header = "X-Sig" }
    id = { header = "X-Id" }
    signed = "{id}"
"#;

async fn chains() -> Vec<Chain> {
    let secret = |text: &str| Secret::new(text).unwrap();
    let builder = || {
        Receiver::builder(stripe::SCHEME)
            .endpoint("test")
            .store(MemoryStore::new())
    };
    let wrong = Keyring::new(&stripe::SCHEME, secret("no prefix")).unwrap_err();
    let request = http::Request::post("/hook").body(()).unwrap();
    let verifier = Verifier::builder(stripe::SCHEME).secret(secret("whsec_x"));
    let verifier = verifier.build().unwrap();
    let refused = verifier.verify(&request, "".into(), Timestamp::now());
    let mut parts = request.into_parts().0;
    let axum = countersign_axum::Delivery::<Raw>::from_request_parts(&mut parts, &()).await;
    let bare = actix::TestRequest::default().to_http_request();
    let actix = countersign_actix::Delivery::<Raw>::extract(&bare).await;
    let unsigned = Scheme::body_hmac("X-Sig")
        .signed(&[Part::Timestamp])
        .build();
    let directory = tempfile::tempdir().unwrap();
    let mut chains = vec![
        chain(Secret::new("").unwrap_err()),
        chain(Secret::from_file("no/such/file").unwrap_err()),
        chain(wrong.clone()),
        chain(
            Verifier::builder(stripe::SCHEME)
                .secret(secret("no prefix"))
                .build()
                .unwrap_err(),
        ),
        chain(builder().secret(secret("no prefix")).build().unwrap_err()),
        chain(builder().build().unwrap_err()),
        chain(unsigned.unwrap_err()),
        chain(refused.unwrap_err()),
        chain(LookupError::new("the database is away")),
        chain(StoreError::backend("the disk is away")),
        chain(StoreError::timeout()),
        chain(CheckError::Store(StoreError::unavailable(
            "connection refused",
        ))),
        chain(SqliteStore::open(directory.path()).unwrap_err()),
        chain(HandoverError::Enqueue("the queue is away".into())),
        chain(HandoverError::Store(StoreError::timeout())),
        chain(HandoverError::Lost),
        chain(HandOffError::from(PublishError::engine(
            "the queue says no",
        ))),
        chain(HandOffError::from(PublishError::timeout())),
        chain(HandOffError::Place("the bucket is away".into())),
        chain(HandOffError::NotCovered),
        chain(PublishError::full("10 of 10 messages")),
        chain(HandOffConfigError::NoReceiver),
        chain(HandOffConfigError::RemembersTooLong {
            window: Duration::from_secs(60),
            most: Duration::from_secs(30),
        }),
        chain(HandOffConfigError::CopiesAreEvents),
        chain(HandedError::from(Envelope::from_json(b"{}").unwrap_err())),
        chain(HandedError::Unreadable(PayloadError::unexpected())),
        chain(HandedError::Elsewhere),
        chain(Envelope::from_json(b"{}").unwrap_err()),
        chain(JetStreamError::Server("connection refused".into())),
        chain(JetStreamError::Subject),
        chain(RedisStreamsError::Check(CheckError::NotPermitted)),
        chain(RedisStreamsError::from(CheckError::Store(
            StoreError::timeout(),
        ))),
        chain(RedisStreamsError::Forgets),
        chain(RedisStreamsError::Name {
            stream: "a}b".to_owned(),
        }),
        chain("No Table".parse::<Table>().unwrap_err()),
        chain(axum.unwrap_err()),
        chain(actix.unwrap_err()),
        unreadable::<Value>("no JSON"),
        unreadable::<Vec<u8>>("{}"),
        unreadable::<Never>("{}"),
        unreadable::<invoice_maker::Event>("{}"),
        chain(document::from_toml("name = 1").unwrap_err()),
        chain(document::from_toml(UNSIGNED).unwrap_err()),
    ];

    // What actix-web's middleware answers in place of a handler that asked for a retry.
    let kit = Kit::rebill().unwrap();
    let middleware = countersign_actix::ReceiverMiddleware::new(&kit.receiver);
    let retry = async || {
        let mut response = HttpResponse::Ok().finish();
        response.extensions_mut().insert(Outcome::Retry);
        response
    };
    let hook = web::resource("/hook")
        .wrap(middleware)
        .route(web::post().to(retry));
    let app = actix::init_service(App::new().service(hook)).await;
    let paid = kit.delivery("invoice.paid", "dlv_1", json!({"id": "inv_1"}));
    let mut request = actix::TestRequest::post().uri("/hook");
    for (name, value) in paid.headers() {
        request = request.insert_header((name.as_str(), value.as_str()));
    }
    let request = request.set_payload(paid.body().clone()).to_request();
    let error = actix::try_call_service(&app, request).await.unwrap_err();
    let error = error.as_error::<countersign_actix::AnswerError>().unwrap();
    assert_eq!(
        error.answer().rejection().unwrap().kind(),
        RejectionKind::RetryAsked
    );
    chains.push(chain(error.clone()));
    chains
}

/// The names of the public error types in the sources.
fn declared() -> BTreeSet<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("crates");
    let mut found = BTreeSet::new();
    let mut folders = vec![crates];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_source = path.components().any(|part| part.as_os_str() == "src");
            if path.is_dir() {
                folders.push(path);
            } else if is_source && path.extension().is_some_and(|kind| kind == "rs") {
                for line in fs::read_to_string(path).unwrap().lines() {
                    let of = line.strip_prefix("impl Error for ");
                    let of = of.or_else(|| line.strip_prefix("impl core::error::Error for "));
                    let name = of.and_then(|of| of.split([' ', '{']).next());
                    found.extend(name.map(str::to_owned));
                }
            }
        }
    }
    found
}

#[actix_web::test]
async fn no_chain_says_a_thing_twice_and_none_is_left_out() {
    let chains = chains().await;
    for Chain { of, lines } in &chains {
        assert!(
            lines.iter().all(|line| !line.is_empty()),
            "{of}: {lines:#?}"
        );
        for (at, line) in lines.iter().enumerate() {
            let again = lines
                .iter()
                .skip(at + 1)
                .any(|later| line.contains(later.as_str()));
            assert!(!again, "{of}: {lines:#?}");
        }
    }
    let walked: BTreeSet<String> = chains.iter().map(|chain| chain.of.to_owned()).collect();
    // `PayloadError` is the source of `DeliveryRejection`; the conformance suite's `Report` has no source.
    let missing: Vec<_> = declared()
        .into_iter()
        .filter(|name| !walked.contains(name))
        .collect();
    assert_eq!(missing, ["PayloadError", "Report"]);
}
