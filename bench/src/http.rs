//! Deliveries per second over loopback.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use ring::hmac;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    admission,
    report::{Budget, Plot, Section, figure},
    requests,
    servers::{self, Kind},
    turns::median,
};

const TURNS: usize = 21;
const REQUESTS: u64 = 2_048;
const CONNECTIONS: [u64; 3] = [1, 16, 64];
const KINDS: [Kind; 3] = [Kind::Bare, Kind::ByHand, Kind::Countersign];

/// Each framework's servers, over some numbers of connections.
pub fn over_loopback() -> Section {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(compare())
}

async fn compare() -> Section {
    let mut section = Section {
        title: "Over HTTP",
        text: "Deliveries of 1 KiB, each with an id of its own, in thousands a second: connections stay open and send one \
               request at a time. Client and server share the machine.",
        columns: [
            "framework",
            "connections",
            "bare",
            "by hand",
            "countersign",
            "of by hand",
            "of bare",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: Vec::new(),
        budgets: Vec::new(),
        plot: None,
    };
    let key = requests::key();
    let next = AtomicU64::new(0);
    let mut lines = KINDS.map(|kind| (kind.name(), Vec::new()));
    for framework in ["axum", "actix-web", "hyper"] {
        let mut ports = Vec::new();
        for kind in KINDS {
            ports.push(match framework {
                "axum" => servers::serve_axum(kind).await,
                "actix-web" => servers::serve_actix(kind),
                _ => servers::serve_hyper(kind).await,
            });
        }
        for connections in CONNECTIONS {
            let mut turns = KINDS.map(|_| Vec::with_capacity(TURNS));
            for turn in 0..=TURNS {
                // Whoever goes first has the colder caches.
                for step in 0..ports.len() {
                    let at = (turn + step) % ports.len();
                    let requests = prepare(&key, &next, connections);
                    let seconds = send(ports[at], requests).await;
                    // The first turn warms up.
                    if turn > 0 {
                        turns[at].push(seconds);
                    }
                }
            }
            let each = REQUESTS / connections * connections;
            let [bare, by_hand, ours] = turns.map(|turns| each as f64 / median(turns) / 1_000.0);
            section.rows.push(
                [framework.to_owned(), connections.to_string()]
                    .into_iter()
                    .chain([bare, by_hand, ours].map(figure))
                    .chain([ours / by_hand, ours / bare].map(|ratio| format!("{ratio:.2}")))
                    .collect(),
            );
            if connections == 16 {
                let of = |what| format!("{framework}, 16 connections, of {what}");
                section
                    .budgets
                    .push(Budget::at_least(of("by hand"), ours / by_hand, 0.97));
                section
                    .budgets
                    .push(Budget::at_least(of("bare"), ours / bare, 0.85));
            }
            if framework == "axum" {
                for (line, rate) in lines.iter_mut().zip([bare, by_hand, ours]) {
                    line.1.push((connections as f64, rate));
                }
            }
        }
    }
    section.plot = Some(Plot {
        name: "http",
        x: "connections (axum)",
        y: "thousand deliveries a second",
        lines: lines.into(),
    });
    section
}

/// The bytes of every connection's requests, signed beforehand.
fn prepare(key: &hmac::Key, next: &AtomicU64, connections: u64) -> Vec<Vec<Vec<u8>>> {
    let request = |_| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let body = admission::body(number);
        let tag = requests::prefixed_tag(key, body.as_bytes());
        format!(
            "POST /hook HTTP/1.1\r\nhost: hooks.example.org\r\nuser-agent: bench\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\
             x-rebill-event: invoice.updated\r\nx-rebill-delivery: dlv_{number:020}\r\n\
             x-rebill-signature: {tag}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    (0..connections)
        .map(|_| (0..REQUESTS / connections).map(request).collect())
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
