//! Deliveries handed over per second, beside the engine's bare publish:
//! `cargo bench -p countersign-tests --bench handoff`.
//!
//! Over a NATS and a Redis server of its own, 64 at a time, bodies of 1 KiB, every one with an id of its own:
//!
//! - **bare**: the body is published as it is, and acknowledged: with `Nats-Msg-Id`, or by `XADD`;
//! - **handed over**: the request is proved, claimed in the memory store, handed over as a message, completed,
//!   and answered 200.
//!
//! They run in turns, and medians of the turns are shown: look at the ratios. The servers share the machine.
//! `COUNTERSIGN_BENCH_STRICT=1` makes a missed budget a failure.

#![allow(clippy::print_stdout, reason = "a bench prints")]
#![allow(clippy::unwrap_used, reason = "a bench may stop")]

use std::{env, sync::Arc, time::Instant};

use axum::{Router, body::Body, routing::post};
use countersign_axum::ReceiverLayer;
use countersign_core::{MemoryStore, Receiver, Secret};
use countersign_handoff::{
    HandOff, JetStream, Publisher, RedisStreams,
    async_nats::jetstream::{Context, message::PublishMessage, stream},
    axum::hand_off,
    redis::{self, aio::MultiplexedConnection},
};
use countersign_senders::rebill_za;
use countersign_testkit::{Sender, SignedDelivery};
use countersign_tests::{nats_server, nats_server::NatsServer, redis_server::RedisServer};
use tokio::task::JoinSet;
use tower::ServiceExt;

const AT_ONCE: usize = 64;
const EACH: usize = 50;
const TURNS: usize = 15;
const BUDGET: f64 = 0.8;

#[tokio::main]
async fn main() {
    let mut met = true;
    if let Some(server) = NatsServer::start().unwrap() {
        let nats = nats_server::context(server.addr()).await.unwrap();
        let config = stream::Config {
            name: "WEBHOOKS".to_owned(),
            subjects: vec!["webhooks".to_owned(), "bare".to_owned()],
            duplicate_window: std::time::Duration::from_secs(7 * 24 * 60 * 60),
            ..stream::Config::default()
        };
        nats.create_stream(config).await.unwrap();
        let stream = JetStream::builder(nats.clone(), "webhooks").check();
        let site = Arc::new(Site::new(stream.await.unwrap()));
        let bare = |delivery: SignedDelivery, nats: Context| async move {
            let message = PublishMessage::build().payload(delivery.body().clone());
            let message = message.message_id(delivery.header("x-rebill-delivery").unwrap());
            nats.send_publish("bare", message)
                .await
                .unwrap()
                .await
                .unwrap();
        };
        met &= compare("JetStream", &site, nats, bare).await;
    }
    let durable = ["--appendonly", "yes", "--appendfsync", "everysec"];
    if let Some(server) = RedisServer::start(&durable).unwrap() {
        let client = server.client().unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut make = redis::cmd("XGROUP");
        make.arg("CREATE")
            .arg("webhooks")
            .arg("workers")
            .arg("0")
            .arg("MKSTREAM");
        let _made: () = make.query_async(&mut connection).await.unwrap();
        let stream = RedisStreams::builder(connection.clone(), "webhooks").check();
        let site = Arc::new(Site::new(stream.await.unwrap()));
        let bare = |delivery: SignedDelivery, mut connection: MultiplexedConnection| async move {
            let mut add = redis::cmd("XADD");
            add.arg("bare")
                .arg("*")
                .arg("body")
                .arg(&delivery.body()[..]);
            let _id: String = add.query_async(&mut connection).await.unwrap();
        };
        met &= compare("Redis Streams", &site, connection, bare).await;
    }
    let strict = env::var_os("COUNTERSIGN_BENCH_STRICT").is_some_and(|value| value == "1");
    assert!(met || !strict, "a budget is missed");
}

struct Site {
    app: Router,
    sender: Sender,
}

impl Site {
    fn new(publisher: impl Publisher) -> Self {
        let receiver = Receiver::builder(rebill_za::SCHEME)
            .endpoint("rebill")
            .secret(Secret::new("secret").unwrap())
            .store(MemoryStore::new())
            .build()
            .unwrap();
        let queue = HandOff::builder(publisher)
            .receiver(&receiver)
            .build()
            .unwrap();
        let hook = post(hand_off(&queue)).layer(ReceiverLayer::new(&receiver));
        Self {
            app: Router::new().route("/", hook),
            sender: Sender::with_secret(rebill_za::SCHEME, "secret"),
        }
    }

    /// Signed beforehand, for each who sends.
    fn deliveries(&self, turn: usize) -> Vec<Vec<SignedDelivery>> {
        let delivery = |of: usize, number: usize| {
            let id = format!("{turn}_{of}_{number}");
            let body = format!(r#"{{"id":"inv_{id}","status":"paid","note":"{:900}"}}"#, "");
            self.sender.raw("invoice.paid", &id, body)
        };
        let share = |of| (0..EACH).map(|number| delivery(of, number)).collect();
        (0..AT_ONCE).map(share).collect()
    }

    async fn send(&self, delivery: &SignedDelivery) {
        let mut request = http::Request::post("/");
        for (name, value) in delivery.headers() {
            request = request.header(name.as_str(), value.as_str());
        }
        let request = request.body(Body::from(delivery.body().clone())).unwrap();
        let answer = self.app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

async fn compare<C, F>(
    name: &str,
    site: &Arc<Site>,
    client: C,
    bare: impl Fn(SignedDelivery, C) -> F + Clone + Send + 'static,
) -> bool
where
    C: Clone + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let mut turns: [Vec<f64>; 2] = Default::default();
    for turn in 0..=TURNS {
        let mut took = [0.0; 2];
        // Whoever goes first has the colder caches.
        for step in 0..2 {
            let at = (turn + step) % 2;
            let mut tasks = JoinSet::new();
            let shares = site.deliveries(turn);
            let begin = Instant::now();
            for share in shares {
                let (bare, client, site) = (bare.clone(), client.clone(), Arc::clone(site));
                tasks.spawn(async move {
                    for delivery in share {
                        match at {
                            0 => bare(delivery, client.clone()).await,
                            _ => site.send(&delivery).await,
                        }
                    }
                });
            }
            tasks.join_all().await;
            took[at] = begin.elapsed().as_secs_f64();
        }
        // The first turn warms up.
        if turn > 0 {
            for at in 0..2 {
                turns[at].push((AT_ONCE * EACH) as f64 / took[at]);
            }
        }
    }
    let [bare, handed] = turns.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[TURNS / 2]
    });
    let ratio = handed / bare;
    println!("{name}: bare {bare:.0}/s, handed over {handed:.0}/s: {ratio:.2} (budget {BUDGET})");
    ratio >= BUDGET
}
