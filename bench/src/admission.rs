//! From a request to its answer within one thread and without a socket.

use axum::{Router, body::Body, http::Request};
use ring::hmac;
use tower::ServiceExt;

use crate::{
    report::{Budget, Section, figure},
    requests,
    servers::{self, Kind},
    turns::median,
};

const BODY: usize = 1_024;
const ROUND: u64 = 64;
const ROUNDS: usize = 1_001;

/// A request of 1 KiB with an id of its own.
pub fn request(number: u64, key: &hmac::Key) -> Request<Body> {
    let body = body(number);
    let tag = requests::prefixed_tag(key, body.as_bytes());
    Request::post("/hook")
        .header("host", "hooks.example.org")
        .header("user-agent", "bench")
        .header("content-type", "application/json")
        .header("content-length", BODY)
        .header("x-rebill-event", "invoice.updated")
        .header("x-rebill-delivery", format!("dlv_{number:020}"))
        .header("x-rebill-signature", tag)
        .body(Body::from(body))
        .unwrap()
}

/// A body of 1 KiB with an id of its own.
pub fn body(number: u64) -> String {
    let mut body = format!(r#"{{"id":"inv_{number:020}","note":""#);
    body.push_str(&"x".repeat(BODY - body.len() - 2));
    body.push_str("\"}");
    body
}

/// Sends requests through an application, each of which is answered 200.
pub async fn serve(app: &Router, requests: Vec<Request<Body>>) {
    for request in requests {
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
    }
}

/// axum's router with each of the handlers behind it.
pub fn in_process() -> Section {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let key = requests::key();
    let mut next = 0_u64;
    let mut kinds = Kind::ALL.map(|kind| (servers::axum(kind), Vec::with_capacity(ROUNDS)));
    for round in 0..ROUNDS {
        for step in 0..kinds.len() {
            let at = (round + step) % kinds.len();
            let (app, times) = &mut kinds[at];
            let requests = (0..ROUND).map(|at| request(next + at, &key)).collect();
            next += ROUND;
            let begin = std::time::Instant::now();
            runtime.block_on(serve(app, requests));
            times.push(begin.elapsed().as_nanos() as f64 / ROUND as f64);
        }
    }
    let [bare, by_hand, verified, ours] = kinds.map(|(_, times)| median(times));
    let row =
        |kind: Kind, nanos: f64| vec![kind.name().to_owned(), figure(nanos), figure(nanos - bare)];
    Section {
        title: "A request without its socket",
        text: "A delivery of 1 KiB through axum's router to the answer, on one thread, in ns. `by hand` is an HMAC check by \
               `ring` and a set of ids, which it never forgets; `verified` is countersign's verifier in a handler; \
               `countersign` is the layer with the memory store.",
        columns: ["server", "ns", "above bare"].map(str::to_owned).to_vec(),
        rows: [
            (Kind::Bare, bare),
            (Kind::ByHand, by_hand),
            (Kind::Verified, verified),
            (Kind::Countersign, ours),
        ]
        .map(|(kind, nanos)| row(kind, nanos))
        .to_vec(),
        budgets: vec![Budget::at_most(
            "countersign, of by hand",
            ours / by_hand,
            1.0,
        )],
        plot: None,
    }
}
