//! A job enqueued in the transaction that completes its delivery, behind both frameworks.

use std::{error::Error, sync::Arc, time::Duration};

use actix_web::{App, test as actix, web};
use axum::{Router, body::Body, extract::State, routing::post};
use countersign_core::{Receiver, Secret, SystemClock};
use countersign_postgres::{HandedOver, HandoverError, PostgresStore};
use countersign_senders::rebill_za;
use countersign_testkit::{Sender, SignedDelivery};
use countersign_tests::postgres_server::PostgresServer;
use futures_util::stream;
use tokio::{sync::Semaphore, task::JoinSet};
use tower::ServiceExt;

use crate::help::{age, store};

const SECRET: &str = "secret";

/// What one process has.
#[derive(Clone)]
struct Process {
    store: PostgresStore,
    table: &'static str,
    receiver: Receiver,
}

impl Process {
    fn new(store: &PostgresStore, table: &'static str) -> Self {
        let receiver = Receiver::builder(rebill_za::SCHEME)
            .endpoint("test")
            .secret(Secret::new(SECRET).unwrap())
            .store(store.clone())
            .build()
            .unwrap();
        let store = store.clone();
        Self {
            store,
            table,
            receiver,
        }
    }

    /// A new store with a table for jobs, and a function that enqueues as graphile-worker's does.
    async fn start(server: &PostgresServer, table: &'static str) -> Self {
        let store = store(server, table, 8).await;
        let schema = format!(
            "CREATE TABLE {table}_jobs (id text NOT NULL, body bytea NOT NULL);
             CREATE FUNCTION {table}_add_job(id text, body bytea) RETURNS void LANGUAGE sql
             AS $$ INSERT INTO {table}_jobs VALUES (id, body) $$;"
        );
        let client = server.pool(1).get().await.unwrap();
        client.batch_execute(&schema).await.unwrap();
        Self::new(&store, table)
    }

    /// The ways to enqueue: the body says which, and what goes wrong after it.
    async fn hand_over(
        &self,
        delivery: &countersign_core::Admitted,
    ) -> Result<HandedOver, HandoverError> {
        let body = delivery.body();
        let told = String::from_utf8_lossy(body);
        let id = delivery.id().unwrap_or_default();
        let insert = match told.contains("function") {
            true => format!("SELECT {}_add_job($1, $2)", self.table),
            false => format!("INSERT INTO {}_jobs VALUES ($1, $2)", self.table),
        };
        self.store
            .handover(delivery, async |tx| {
                tx.execute(&insert, &[&id, &&body[..]]).await?;
                assert!(!told.contains("panic"), "told to panic");
                if told.contains("fail") {
                    tx.execute("SELECT 1 / 0", &[]).await?;
                }
                if told.contains("swallow") {
                    let _error = tx.execute("SELECT 1 / 0", &[]).await;
                }
                if told.contains("steal") {
                    // Another process takes the delivery over: its fence is a new one.
                    let steal = format!("UPDATE {} SET fence = fence + 1", self.table);
                    tx.execute(&steal, &[]).await?;
                }
                match told.contains("refuse") {
                    true => Err("the queue takes no more".into()),
                    false => Ok::<_, Box<dyn Error + Send + Sync>>(()),
                }
            })
            .await
    }

    fn axum(&self) -> Router {
        let layer = countersign_axum::ReceiverLayer::new(&self.receiver);
        Router::new()
            .route("/hook", post(on_axum).layer(layer))
            .with_state(self.clone())
    }

    async fn send(&self, delivery: &SignedDelivery) -> u16 {
        let mut request = http::Request::post("/hook");
        for (name, value) in delivery.headers() {
            request = request.header(name.as_str(), value.as_str());
        }
        let request = request.body(Body::from(delivery.body().clone())).unwrap();
        let answer = self.axum().oneshot(request).await.unwrap();
        answer.status().as_u16()
    }
}

async fn on_axum(
    State(process): State<Process>,
    delivery: countersign_axum::Delivery,
) -> Result<HandedOver, HandoverError> {
    process.hand_over(&delivery).await
}

async fn on_actix(
    process: web::Data<Process>,
    delivery: countersign_actix::Delivery,
) -> Result<HandedOver, HandoverError> {
    process.hand_over(&delivery).await
}

fn told(id: &str, word: &str) -> SignedDelivery {
    let body = format!(r#"{{"id":"inv_{id}","told":"{word}"}}"#);
    Sender::with_secret(rebill_za::SCHEME, SECRET).raw("invoice.paid", id, body)
}

async fn jobs(server: &PostgresServer, table: &str) -> i64 {
    let client = server.pool(1).get().await.unwrap();
    let count = format!("SELECT count(*) FROM {table}_jobs");
    client.query_one(&count, &[]).await.unwrap().get(0)
}

async fn completed(server: &PostgresServer, table: &str) -> i64 {
    let client = server.pool(1).get().await.unwrap();
    let count = format!("SELECT count(*) FROM {table} WHERE completed");
    client.query_one(&count, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_done_exactly_when_its_job_exists() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let process = Process::start(&server, "handover").await;
    for (number, word, status) in [
        (0, "row", 200),
        (1, "function", 200),
        (1, "fail", 503),
        (1, "swallow", 503),
        (1, "refuse", 503),
        (1, "panic", 500),
    ] {
        let delivery = told(&format!("{word}_{number}"), word);
        let before = jobs(&server, "handover").await;
        let answered = process.send(&delivery).await;
        assert_eq!(answered, status, "{word}");
        let made = i64::from(status == 200);
        assert_eq!(jobs(&server, "handover").await, before + made, "{word}");
        assert_eq!(
            completed(&server, "handover").await,
            before + made,
            "{word}"
        );
        if status == 200 {
            // A copy is a duplicate, and enqueues nothing.
            assert_eq!(process.send(&delivery).await, 200, "{word}");
            assert_eq!(jobs(&server, "handover").await, before + 1, "{word}");
        }
    }
}

// The worst moment to die at: between the commit and everything that the receiver does after it.
#[tokio::test(flavor = "multi_thread")]
async fn the_commit_alone_makes_it_done() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let process = Process::start(&server, "alone_done").await;
    let clock = SystemClock::new(|time| Box::pin(tokio::time::sleep(time)));
    process.receiver.attach(clock, |future| {
        drop(tokio::spawn(future));
        true
    });
    let delivery = told("dies", "row");
    let chunks = stream::iter([Ok::<_, ()>(delivery.body().clone())]);
    let received = process.receiver.receive(&delivery.request(), chunks).await;
    let run = process.receiver.admit(received.unwrap()).await.unwrap();
    let _done = process.hand_over(run.admitted()).await.unwrap();
    assert_eq!(jobs(&server, "alone_done").await, 1);
    assert_eq!(completed(&server, "alone_done").await, 1);
    std::mem::forget(run);

    let other = Process::new(&process.store, "alone_done");
    assert_eq!(other.send(&delivery).await, 200);
    assert_eq!(jobs(&server, "alone_done").await, 1);
}

// What failed was given back: the sender's next attempt runs at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_given_back() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let process = Process::start(&server, "given").await;
    let client = server.pool(1).get().await.unwrap();
    let refuse = "ALTER TABLE given_jobs ADD CONSTRAINT none CHECK (false)";
    client.batch_execute(refuse).await.unwrap();
    let delivery = told("once", "row");
    assert_eq!(process.send(&delivery).await, 503);
    let allow = "ALTER TABLE given_jobs DROP CONSTRAINT none";
    client.batch_execute(allow).await.unwrap();
    assert_eq!(process.send(&delivery).await, 200);
    assert_eq!(jobs(&server, "given").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lost_the_claim_enqueues_nothing() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let process = Process::start(&server, "stolen").await;
    assert_eq!(process.send(&told("late", "steal")).await, 503);
    assert_eq!(jobs(&server, "stolen").await, 0);
    assert_eq!(completed(&server, "stolen").await, 0);
    age(&server, "stolen", Duration::from_secs(3_600)).await;
    assert_eq!(process.send(&told("late", "row")).await, 200);
    assert_eq!(jobs(&server, "stolen").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_over_several_receivers_make_one_job() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let first = Process::start(&server, "many").await;
    let processes = [(); 3].map(|()| Process::new(&first.store, "many"));
    let mut tasks = JoinSet::new();
    for copy in 0..120 {
        let process = processes[copy % 3].clone();
        tasks.spawn(async move { process.send(&told("copied", "function")).await });
    }
    for status in tasks.join_all().await {
        assert!(matches!(status, 200 | 503), "{status}");
    }
    assert_eq!(jobs(&server, "many").await, 1);
    assert_eq!(first.send(&told("copied", "function")).await, 200);
    assert_eq!(jobs(&server, "many").await, 1);
}

#[actix_web::test]
async fn actix_answers_the_same() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let process = Process::start(&server, "actix").await;
    let hook = web::resource("/hook")
        .wrap(countersign_actix::ReceiverMiddleware::new(
            &process.receiver,
        ))
        .route(web::post().to(on_actix));
    let data = web::Data::new(process);
    let app = actix::init_service(App::new().app_data(data).service(hook)).await;
    for (word, status) in [("function", 200), ("function", 200), ("fail", 503)] {
        let delivery = told(word, word);
        let mut request = actix::TestRequest::post().uri("/hook");
        for (name, value) in delivery.headers() {
            request = request.insert_header((name.as_str(), value.as_str()));
        }
        let request = request.set_payload(delivery.body().clone()).to_request();
        let answer = actix::call_service(&app, request).await;
        assert_eq!(answer.status().as_u16(), status, "{word}");
    }
    assert_eq!(jobs(&server, "actix").await, 1);
}

// The server is killed in the middle of many hand-overs, a little later each round.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_outlives_the_server() {
    const ROUNDS: usize = 10;
    const DELIVERIES: usize = 60;
    let Some(server) = PostgresServer::start() else {
        return;
    };
    let first = Process::start(&server, "killed").await;
    for round in 0..ROUNDS {
        let ids: Vec<_> = (0..DELIVERIES).map(|n| format!("{round}_{n}")).collect();
        // A process of its own, whose breaker knows nothing of the last round.
        let process = Process::new(&first.store, "killed");
        // Whoever sends has a permit until its answer was counted: the kill cannot come too late.
        let permits = Arc::new(Semaphore::new(8));
        let mut tasks = JoinSet::new();
        for id in ids.clone() {
            let (process, permits) = (process.clone(), Arc::clone(&permits));
            tasks.spawn(async move {
                let permit = permits.acquire_owned().await.unwrap();
                (process.send(&told(&id, "function")).await, id, permit)
            });
        }
        let mut answered = Vec::new();
        while let Some(sent) = tasks.join_next().await {
            let (status, id, _permit) = sent.unwrap();
            if status == 200 {
                answered.push(id);
                if answered.len() == 1 + round * 4 {
                    server.kill();
                }
            }
        }
        assert!(answered.len() < DELIVERIES, "nothing was cut off");
        server.resume();

        let there = handed(&server, "killed").await;
        assert!(answered.iter().all(|id| there.contains(id)), "{round}");
        let done = completed(&server, "killed").await;
        assert_eq!(usize::try_from(done).unwrap(), there.len(), "{round}");

        // The sender comes again, when the leases of what was cut off are over.
        age_claims(&server, "killed").await;
        let process = Process::new(&first.store, "killed");
        for id in &ids {
            assert_eq!(process.send(&told(id, "function")).await, 200, "{id}");
        }
        let mut there = handed(&server, "killed").await;
        assert_eq!(there.len(), (round + 1) * DELIVERIES);
        there.sort_unstable();
        there.dedup();
        assert_eq!(there.len(), (round + 1) * DELIVERIES, "a job came twice");
    }
}

/// The ids of all jobs.
async fn handed(server: &PostgresServer, table: &str) -> Vec<String> {
    let client = server.pool(1).get().await.unwrap();
    let select = format!("SELECT id FROM {table}_jobs");
    let rows = client.query(&select, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Ends the leases of what is not done.
async fn age_claims(server: &PostgresServer, table: &str) {
    let client = server.pool(1).get().await.unwrap();
    let end = format!("UPDATE {table} SET until = until - interval '1 hour' WHERE NOT completed");
    client.execute(&end, &[]).await.unwrap();
}
