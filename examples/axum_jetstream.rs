//! Both senders behind axum, handed over to NATS JetStream, and the worker that does the work.
//!
//! ```text
//! NATS_URL=nats://127.0.0.1 REBILL_WEBHOOK_SECRET=.. INVOICE_MAKER_WEBHOOK_SECRET=.. \
//!     cargo run --example axum_jetstream
//! ```

use std::{collections::HashSet, error::Error, process::ExitCode, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use clap::Parser;
use countersign::{
    DeliveryKey, MemoryStore, Raw,
    axum::ReceiverLayer,
    handoff::{
        HandOff, Handed, JetStream,
        async_nats::{
            self,
            jetstream::{self, AckKind, Context, Message, consumer::pull, stream},
        },
        axum::hand_off,
    },
};
use countersign_examples::{
    Ledger, Options, Seen, log, report,
    serve::{Receivers, serve},
};
use futures_util::StreamExt;
use tokio::sync::watch;

const SUBJECT: &str = "webhooks.all";
const DEAD: &str = "dead.webhooks";
/// Longer than either sender retries.
const WINDOW: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// What fails so often goes to the dead letters.
const ATTEMPTS: i64 = 5;

type BoxError = Box<dyn Error + Send + Sync>;

#[derive(Debug, Parser)]
struct Flags {
    /// Where NATS is.
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1")]
    nats_url: String,
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    log();
    let Flags { nats_url, options } = Flags::parse();
    let nats = jetstream::new(async_nats::connect(nats_url).await?);
    make_streams(&nats).await?;
    // What was completed is forgotten with the process: the stream still knows the copies.
    let receivers = Receivers::new(&options, MemoryStore::new())?;
    let stream = JetStream::builder(nats.clone(), SUBJECT).check().await?;
    let queue = HandOff::builder(stream)
        .receiver(&receivers.rebill)
        .receiver(&receivers.invoices)
        .build()?;

    let ledger = Ledger::new(options.trouble.clone())?;
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(work(nats, ledger.clone(), stopped));
    let router = Router::new()
        .route(
            "/webhooks/rebill",
            post(hand_off(&queue)).layer(ReceiverLayer::new(&receivers.rebill)),
        )
        .route(
            "/webhooks/invoice-maker",
            post(hand_off(&queue)).layer(ReceiverLayer::new(&receivers.invoices)),
        )
        .route("/deliveries", get(deliveries))
        .with_state(ledger);
    let served = serve(options.listen, router, &receivers).await;
    // The message at hand is finished; what is left is delivered to another worker.
    stop.send_replace(true);
    worker.await?.map_err(|error| error.to_string())?;
    served
}

/// An operator does this once. `discard: new` refuses when it is full, and does not delete.
async fn make_streams(nats: &Context) -> Result<(), Box<dyn Error>> {
    for (name, subject) in [("WEBHOOKS", SUBJECT), ("DEAD_WEBHOOKS", DEAD)] {
        let config = stream::Config {
            name: name.to_owned(),
            subjects: vec![subject.to_owned()],
            discard: stream::DiscardPolicy::New,
            duplicate_window: WINDOW,
            max_age: WINDOW * 4,
            ..stream::Config::default()
        };
        nats.get_or_create_stream(config).await?;
    }
    Ok(())
}

/// Does the work, one message after the other. Several processes share the consumer.
async fn work(
    nats: Context,
    ledger: Ledger,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), BoxError> {
    let config = pull::Config {
        durable_name: Some("workers".to_owned()),
        // Longer than any work takes; what a worker that died held is delivered again then.
        ack_wait: Duration::from_secs(30),
        ..pull::Config::default()
    };
    let stream = nats.get_stream("WEBHOOKS").await?;
    let consumer = stream.get_or_create_consumer("workers", config).await?;
    let mut messages = consumer.messages().await?;
    // Stands for a unique index over the keys, written in the transaction of the work.
    let mut done = HashSet::new();
    loop {
        let message = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return Ok(()),
            message = messages.next() => message,
        };
        let Some(message) = message else {
            return Ok(());
        };
        if let Err(error) = settle(&nats, &ledger, &mut done, message?).await {
            // Not acknowledged: it is delivered again.
            eprintln!("the worker waits: {error}");
        }
    }
}

/// Works on a message, and says what is to become of it.
async fn settle(
    nats: &Context,
    ledger: &Ledger,
    done: &mut HashSet<DeliveryKey>,
    message: Message,
) -> Result<(), BoxError> {
    let attempt = message.info()?.delivered;
    let Ok(handed) = Handed::<Raw>::from_nats(&message) else {
        // No attempt makes it a delivery.
        return bury(nats, &message).await;
    };
    if done.contains(&handed.key()) {
        return message.double_ack().await;
    }
    let (ledger, key) = (ledger.clone(), handed.key());
    let ran = tokio::spawn(async move {
        let event = handed.event_type().map_or("", |event| event.as_str());
        ledger.run(handed.endpoint(), event, handed.id()).await
    });
    match ran.await {
        Ok(Ok(())) => {
            done.insert(key);
            // Answered by the server, so that it does not come again.
            message.double_ack().await
        }
        _ if attempt >= ATTEMPTS => bury(nats, &message).await,
        _ => {
            let wait = Duration::from_millis(100) * 2_u32.pow(attempt.try_into().unwrap_or(1));
            message.ack_with(AckKind::Nak(Some(wait))).await
        }
    }
}

/// There first, then gone here: at worst it is in both places.
async fn bury(nats: &Context, message: &Message) -> Result<(), BoxError> {
    let headers = message.headers.clone().unwrap_or_default();
    let buried = nats.publish_with_headers(DEAD, headers, message.payload.clone());
    buried.await?.await?;
    message.double_ack().await
}

async fn deliveries(State(ledger): State<Ledger>) -> Json<Vec<Seen>> {
    Json(ledger.seen())
}
