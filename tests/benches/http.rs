//! Deliveries per second over loopback HTTP: `cargo bench -p countersign-tests --bench http`.
//!
//! Three axum servers in one process, each with a client that keeps its connections open and sends
//! signed deliveries of 1 KiB, every one with an id of its own:
//!
//! - **bare**: the handler reads the body and answers 200, and believes everything;
//! - **by hand**: an HMAC check and a `HashSet` of ids behind a mutex, as one would write it;
//! - **countersign**: `ReceiverLayer`, the memory store, `Delivery<Raw>`.
//!
//! They run in turns, and medians of the turns are shown: look at the ratios. Client and server share
//! the machine, as they do in all three. `COUNTERSIGN_BENCH_STRICT=1` makes a missed budget a failure.

#![allow(clippy::print_stdout, reason = "a bench prints")]
#![allow(clippy::unwrap_used, reason = "a bench may stop")]

use std::{
    collections::HashSet,
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use countersign_axum::{Delivery, ReceiverLayer};
use countersign_core::{MemoryStore, Raw, Receiver, Secret};
use countersign_senders::rebill_za;
use ring::hmac;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const SECRET: &str = "4ae1f9cb8a2d4b06a3a57d6a1b6f0c1f6f0f4a5f9d2e47d8b1c3e5f708192a3b";
const BODY: usize = 1_024;
const CONNECTIONS: u64 = 16;
const EACH: u64 = 250;
const TURNS: usize = 41;
const NAMES: [&str; 3] = ["bare", "by hand", "countersign"];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(compare());
}

async fn compare() {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let ports = [
        serve(bare()).await,
        serve(by_hand(key.clone())).await,
        serve(countersign()).await,
    ];
    let next = Arc::new(AtomicU64::new(0));
    let mut turns: [Vec<f64>; 3] = Default::default();
    for turn in 0..=TURNS {
        // Whoever goes first has the colder caches.
        for step in 0..ports.len() {
            let at = (turn + step) % ports.len();
            let requests = prepare(&key, &next);
            let seconds = send(ports[at], requests).await;
            // The first turn warms up.
            if turn > 0 {
                turns[at].push(seconds);
            }
        }
    }
    let [bare, by_hand, countersign] = [0, 1, 2].map(|at| {
        turns[at].sort_by(f64::total_cmp);
        let median = turns[at][TURNS / 2];
        let rate = (CONNECTIONS * EACH) as f64 / median;
        println!("{:<12} {rate:>8.0} deliveries/s", NAMES[at]);
        rate
    });
    let missed = [
        ("countersign / by hand", countersign / by_hand, 1.0),
        ("countersign / bare (an aim)", countersign / bare, 0.9),
    ]
    .map(|(name, ratio, budget)| {
        let met = if ratio >= budget { "met" } else { "MISSED" };
        println!("{name}: {ratio:.3} (at least {budget}: {met})");
        ratio < budget
    });
    if missed[0] && env::var_os("COUNTERSIGN_BENCH_STRICT").is_some() {
        std::process::exit(1);
    }
}

fn bare() -> Router {
    Router::new().route("/hook", post(async |_: Bytes| StatusCode::OK))
}

struct ByHand {
    key: hmac::Key,
    seen: Mutex<HashSet<String>>,
}

fn by_hand(key: hmac::Key) -> Router {
    let state = Arc::new(ByHand {
        key,
        seen: Mutex::new(HashSet::with_capacity(1_000_000)),
    });
    Router::new()
        .route("/hook", post(handle_by_hand))
        .with_state(state)
}

async fn handle_by_hand(
    State(state): State<Arc<ByHand>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let tag = text("x-rebill-signature")
        .and_then(|value| value.strip_prefix("sha256="))
        .and_then(|tag| hex::decode(tag).ok());
    let (Some(tag), Some(id)) = (tag, text("x-rebill-delivery")) else {
        return StatusCode::UNAUTHORIZED;
    };
    if hmac::verify(&state.key, &body, &tag).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    // A duplicate is answered like the first one.
    let _fresh = state.seen.lock().unwrap().insert(id.to_owned());
    StatusCode::OK
}

fn countersign() -> Router {
    let receiver = Receiver::builder(rebill_za::SCHEME)
        .endpoint("bench")
        .secret(Secret::new(SECRET).unwrap())
        .store(MemoryStore::with_capacity(2_000_000))
        .build()
        .unwrap();
    let handler = async |_: Delivery<Raw>| StatusCode::OK;
    Router::new().route("/hook", post(handler).layer(ReceiverLayer::new(&receiver)))
}

async fn serve(app: Router) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    port
}

/// The bytes of every connection's requests, signed beforehand.
fn prepare(key: &hmac::Key, next: &AtomicU64) -> Vec<Vec<Vec<u8>>> {
    let request = |_| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let mut body = format!(r#"{{"id":"inv_{number:020}","note":""#);
        body.push_str(&"x".repeat(BODY - body.len() - 2));
        body.push_str("\"}");
        let tag = hex::encode(hmac::sign(key, body.as_bytes()).as_ref());
        format!(
            "POST /hook HTTP/1.1\r\nhost: hooks.example.org\r\nuser-agent: bench\r\n\
             content-type: application/json\r\ncontent-length: {BODY}\r\n\
             x-rebill-event: invoice.updated\r\nx-rebill-delivery: dlv_{number:020}\r\n\
             x-rebill-signature: sha256={tag}\r\n\r\n{body}"
        )
        .into_bytes()
    };
    (0..CONNECTIONS)
        .map(|_| (0..EACH).map(request).collect())
        .collect()
}

/// Sends all of it, one request at a time on each connection, and says how long that took.
async fn send(port: u16, requests: Vec<Vec<Vec<u8>>>) -> f64 {
    let mut connections = Vec::new();
    for _ in &requests {
        let connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        connection.set_nodelay(true).unwrap();
        connections.push(connection);
    }
    let begin = Instant::now();
    let running: Vec<_> = connections
        .into_iter()
        .zip(requests)
        .map(|(connection, requests)| tokio::spawn(converse(connection, requests)))
        .collect();
    for connection in running {
        connection.await.unwrap();
    }
    begin.elapsed().as_secs_f64()
}

async fn converse(mut connection: TcpStream, requests: Vec<Vec<u8>>) {
    let mut answer = [0; 1_024];
    for request in requests {
        connection.write_all(&request).await.unwrap();
        let mut len = 0;
        // The answers have no body.
        while !answer[..len].ends_with(b"\r\n\r\n") {
            let read = connection.read(&mut answer[len..]).await.unwrap();
            assert!(read > 0, "the server hung up");
            len += read;
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "not accepted");
    }
}
