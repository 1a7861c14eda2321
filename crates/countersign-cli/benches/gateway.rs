//! The gateway beside a bare reverse proxy: `cargo bench -p countersign-cli --bench gateway`.
//!
//! Both are processes of their own, made of the same libraries (hyper's server, hyper-util's client, tokio), in front of one
//! upstream that answers 200 at once. Sixteen connections that stay open send signed deliveries of 1 KiB, every one with
//! an id of its own:
//!
//! - **proxy**: reads the body, passes it on, hands the answer back, and believes everything;
//! - **gateway**: `countersign serve` with the memory store and its log at `warn`.
//!
//! They run in turns, and medians of the turns are shown: look at the ratio. Client, upstream and proxy share the machine, as they
//! do in both. `COUNTERSIGN_BENCH_STRICT=1` makes a missed budget a failure.

#![allow(clippy::print_stdout, reason = "a bench prints")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench may stop"
)]

use std::{
    convert::Infallible,
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use countersign_senders::rebill_za;
use countersign_testkit::Sender;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const SECRET: &str = "of-rebill";
const KEY: &str = "whsec_c2VydmljZXMta25vdy1tZS1ieS10aGlzLWtleQ==";
const BODY: usize = 1_024;
const CONNECTIONS: u64 = 16;
const EACH: u64 = 100;
const TURNS: usize = 31;
const BUDGET: f64 = 0.35;
/// Set in the process that is the bare proxy: where its upstream is.
const PROXY_TO: &str = "COUNTERSIGN_BENCH_PROXY_TO";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    match env::var(PROXY_TO) {
        Ok(to) => runtime.block_on(proxy(to.parse().unwrap())),
        Err(_) => runtime.block_on(compare()),
    }
}

async fn compare() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = upstream.local_addr().unwrap();
    tokio::spawn(serve(upstream, async |request: Request<Incoming>| {
        let _ = request.into_body().collect().await;
        Response::new(Full::new(Bytes::from_static(b"ok\n")))
    }));
    let folder = tempfile::tempdir().unwrap();
    let (mut proxy, proxy_at) = start_proxy(to);
    let (mut gateway, gateway_at) = start_gateway(to, folder.path());

    let next = AtomicU64::new(0);
    let mut turns: [Vec<f64>; 2] = Default::default();
    let mut latencies: [Vec<Duration>; 2] = Default::default();
    for turn in 0..=TURNS {
        for step in 0..2 {
            // Whoever goes first has the colder caches.
            let at = (turn + step) % 2;
            let requests = prepare(&next);
            let (seconds, mut took) = send([proxy_at, gateway_at][at], requests).await;
            // The first turn warms up.
            if turn > 0 {
                turns[at].push(seconds);
                latencies[at].append(&mut took);
            }
        }
    }
    for child in [&mut proxy, &mut gateway] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let [proxy, gateway] = [0, 1].map(|at| {
        turns[at].sort_by(f64::total_cmp);
        latencies[at].sort();
        let each = turns[at][TURNS / 2] / (CONNECTIONS * EACH) as f64;
        let p99 = latencies[at][latencies[at].len() * 99 / 100];
        let name = ["proxy", "gateway"][at];
        println!(
            "{name:<8} {:>7.0} requests/s, {:>6.1} us each, p99 {p99:.1?}",
            1.0 / each,
            each * 1e6
        );
        each
    });
    let added = gateway / proxy - 1.0;
    let met = if added <= BUDGET { "met" } else { "MISSED" };
    println!(
        "added by the gateway: {:.0} % (at most {:.0} %: {met})",
        added * 100.0,
        BUDGET * 100.0
    );
    if added > BUDGET && env::var_os("COUNTERSIGN_BENCH_STRICT").is_some() {
        std::process::exit(1);
    }
}

fn start_proxy(to: SocketAddr) -> (Child, SocketAddr) {
    let mut child = Command::new(env::current_exe().unwrap())
        .env(PROXY_TO, to.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = first_line(&mut child);
    (child, line.trim().parse().unwrap())
}

fn start_gateway(to: SocketAddr, folder: &std::path::Path) -> (Child, SocketAddr) {
    let file = folder.join("countersign.toml");
    let text = format!(
        "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nlog = \"warn\"\n[signing]\nsecret_env = \"KEY\"\n\
         [store]\nkind = \"memory\"\n[endpoints.rebill]\npath = \"/hook\"\nscheme = \"rebill-za\"\n\
         secret_env = \"SECRET\"\nupstream = \"http://{to}/hook\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["serve", "--json", "--config"])
        .arg(&file)
        .env("KEY", KEY)
        .env("SECRET", SECRET)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let ready: serde_json::Value = serde_json::from_str(&first_line(&mut child)).unwrap();
    (child, ready["listen"].as_str().unwrap().parse().unwrap())
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    line
}

async fn proxy(to: SocketAddr) {
    let client: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let answer = move |request: Request<Incoming>| {
        let client = client.clone();
        async move {
            let (mut head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            head.uri = format!("http://{to}{}", head.uri.path()).parse().unwrap();
            let host = HeaderValue::try_from(to.to_string()).unwrap();
            head.headers.insert(header::HOST, host);
            let request = Request::from_parts(head, Full::new(body));
            let (head, body) = client.request(request).await.unwrap().into_parts();
            Response::from_parts(head, Full::new(body.collect().await.unwrap().to_bytes()))
        }
    };
    serve(listener, answer).await;
}

async fn serve<F>(
    listener: TcpListener,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) where
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answer = answer(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        tokio::spawn(async move {
            let mut http = http1::Builder::new();
            let connection = http
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
        });
    }
}

/// What each connection is to write, signed before the clock starts.
fn prepare(next: &AtomicU64) -> Vec<Vec<Vec<u8>>> {
    let sender = Sender::with_secret(rebill_za::SCHEME, SECRET);
    let one = || {
        let id = format!("dlv_{}", next.fetch_add(1, Ordering::Relaxed));
        let start = format!("{{\"id\":\"{id}\",\"status\":\"paid\",\"note\":\"");
        let body = format!("{start}{}\"}}", "x".repeat(BODY - start.len() - 2));
        let delivery = sender.raw("invoice.paid", &id, body);
        let mut text = format!("POST /hook HTTP/1.1\r\nhost: bench\r\ncontent-length: {BODY}\r\n");
        for (name, value) in delivery.headers() {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        [text.as_bytes(), delivery.body()].concat()
    };
    (0..CONNECTIONS)
        .map(|_| (0..EACH).map(|_| one()).collect())
        .collect()
}

/// Sends all, and says how long it took in all and each.
async fn send(to: SocketAddr, requests: Vec<Vec<Vec<u8>>>) -> (f64, Vec<Duration>) {
    let mut connections = Vec::new();
    for _ in 0..requests.len() {
        let stream = TcpStream::connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        connections.push(stream);
    }
    let begun = Instant::now();
    let lanes = connections
        .into_iter()
        .zip(requests)
        .map(|(mut stream, requests)| {
            tokio::spawn(async move {
                let mut buffer = vec![0; 4_096];
                let mut took = Vec::with_capacity(requests.len());
                for request in requests {
                    let begun = Instant::now();
                    stream.write_all(&request).await.unwrap();
                    let mut length = 0;
                    while !buffer[..length].ends_with(b"ok\n") {
                        let read = stream.read(&mut buffer[length..]).await.unwrap();
                        assert!(read > 0, "the connection ended");
                        length += read;
                    }
                    assert!(
                        buffer.starts_with(b"HTTP/1.1 200"),
                        "a delivery was refused"
                    );
                    took.push(begun.elapsed());
                }
                took
            })
        });
    let lanes: Vec<_> = lanes.collect();
    let mut took = Vec::new();
    for lane in lanes {
        took.append(&mut lane.await.unwrap());
    }
    (begun.elapsed().as_secs_f64(), took)
}
