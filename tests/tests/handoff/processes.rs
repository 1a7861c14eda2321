//! Receivers that are killed in the middle of many hand-offs: processes of their own.

use std::{
    collections::HashSet,
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use axum::{Router, routing::post};
use countersign_axum::ReceiverLayer;
use countersign_core::{MemoryStore, Receiver, Secret};
use countersign_handoff::{HandOff, JetStream, Publisher, RedisStreams, axum::hand_off};
use countersign_senders::rebill_za;
use countersign_tests::{nats_server, raw::Request, redis_server};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    crash::rounds,
    engine::{Engine, STREAM, SUBJECT},
    site::{SECRET, ids, paid},
};

/// Says to a process of this program that it is a receiver, for which engine, and where that is.
const ENGINE: &str = "COUNTERSIGN_TEST_RECEIVER";
const DELIVERIES: usize = 60;

/// What a process that the test starts does, and no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by other tests"]
async fn a_receiver_of_its_own() {
    let told = env::var(ENGINE).unwrap();
    let (engine, at) = told.split_once(' ').unwrap();
    let at: SocketAddr = at.parse().unwrap();
    match engine {
        "nats" => {
            let context = nats_server::context(at).await.unwrap();
            serve(JetStream::builder(context, SUBJECT).check().await.unwrap()).await;
        }
        "redis" => {
            let client = redis_server::client(at).unwrap();
            let stream = RedisStreams::from_client(client, STREAM).unwrap();
            serve(stream.check().await.unwrap()).await;
        }
        other => panic!("{other}"),
    }
}

#[allow(clippy::print_stdout, reason = "whoever started it reads the address")]
async fn serve(publisher: impl Publisher) {
    let receiver = Receiver::builder(rebill_za::SCHEME)
        .endpoint("rebill")
        .secret(Secret::new(SECRET).unwrap())
        .store(MemoryStore::new())
        .build()
        .unwrap();
    let queue = HandOff::builder(publisher)
        .receiver(&receiver)
        .build()
        .unwrap();
    let hook = post(hand_off(&queue)).layer(ReceiverLayer::new(&receiver));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on {}", listener.local_addr().unwrap());
    axum::serve(listener, Router::new().route("/hook", hook))
        .await
        .unwrap();
}

/// A running receiver; ends with the value.
struct Process {
    child: Child,
    addr: SocketAddr,
}

impl Process {
    fn start(engine: &impl Engine, name: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "processes::a_receiver_of_its_own",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(ENGINE, format!("{name} {}", engine.addr()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let addr = lines
            .find_map(|line| line.unwrap().split_once("listening on ")?.1.parse().ok())
            .unwrap();
        Self { child, addr }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The status; none where the connection broke.
async fn send(to: SocketAddr, id: &str) -> Option<u16> {
    let delivery = paid(id).to("/hook");
    let answer = Request::of(&delivery).send(to).await.ok()?;
    Some(answer.status)
}

pub(crate) async fn what_was_answered_outlives_the_receiver<E: Engine>(engine: &E) {
    let mut all = HashSet::new();
    for round in 0..rounds() {
        let mut process = Process::start(engine, E::NAME);
        let names: Vec<_> = (0..DELIVERIES).map(|n| format!("{round}_{n}")).collect();
        let mut tasks = JoinSet::new();
        let to = process.addr;
        for share in names.chunks(DELIVERIES.div_ceil(8)) {
            let share = share.to_vec();
            tasks.spawn(async move {
                let mut answered = Vec::new();
                for name in share {
                    if send(to, &name).await == Some(200) {
                        answered.push(name);
                    }
                }
                answered
            });
        }
        // While hand-offs are under way, at a moment that no one chose.
        while engine.count().await <= all.len() + round % 12 * 2 {
            tokio::task::yield_now().await;
        }
        process.kill();
        let answered: Vec<String> = tasks.join_all().await.concat();
        let there = ids(&engine.messages().await);
        for name in &answered {
            assert!(there.contains(name), "{name} was answered, and is lost");
        }
        // The sender comes again with all of them, to a process that remembers nothing.
        let process = Process::start(engine, E::NAME);
        for name in names {
            assert_eq!(send(process.addr, &name).await, Some(200), "{name}");
            all.insert(name);
        }
        assert_eq!(ids(&engine.messages().await), all, "{round}");
    }
}
