//! Both senders behind actix-web, handed over to a stream of Redis, and the worker that does the work.
//!
//! ```text
//! REDIS_URL=redis://127.0.0.1/ REBILL_WEBHOOK_SECRET=.. INVOICE_MAKER_WEBHOOK_SECRET=.. \
//!     cargo run --example actix_redis_streams
//! ```

use std::{collections::HashSet, error::Error, process::ExitCode, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, web};
use clap::Parser;
use countersign::{
    DeliveryKey, MemoryStore, Raw,
    actix::ReceiverMiddleware,
    handoff::{
        HandOff, Handed, RedisStreams,
        actix::hand_off,
        redis::{
            self, AsyncCommands, AsyncConnectionConfig, Client, RedisError,
            aio::MultiplexedConnection,
            streams::{StreamClaimReply, StreamId, StreamPendingCountReply, StreamReadReply},
        },
    },
};
use countersign_examples::{
    Ledger, Options, listen_error, log, report, serve::Receivers, shutdown,
};
use tokio::sync::watch;

const STREAM: &str = "webhooks";
const GROUP: &str = "workers";
const DEAD: &str = "webhooks-dead";
/// What fails so often goes to the dead letters.
const ATTEMPTS: usize = 5;

#[derive(Debug, Parser)]
struct Flags {
    /// Where Redis is.
    #[arg(long, env = "REDIS_URL", default_value = "redis://127.0.0.1/")]
    redis_url: String,
    #[command(flatten)]
    options: Options,
}

#[actix_web::main]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    log();
    let Flags { redis_url, options } = Flags::parse();
    let client = Client::open(redis_url)?;
    make_stream(&client).await?;
    // What was completed is forgotten with the process: the stream still knows the copies.
    let receivers = Receivers::new(&options, MemoryStore::new())?;
    let stream = RedisStreams::from_client(client.clone(), STREAM)?
        .check()
        .await?;
    let queue = HandOff::builder(stream)
        .receiver(&receivers.rebill)
        .receiver(&receivers.invoices)
        .build()?;

    let ledger = Ledger::new(options.trouble.clone())?;
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(work(client, ledger.clone(), stopped));
    let (shared, on_paths) = (web::Data::new(ledger), receivers.clone());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .service(
                web::resource("/webhooks/rebill")
                    .wrap(ReceiverMiddleware::new(&on_paths.rebill))
                    .route(web::post().to(hand_off(&queue))),
            )
            .service(
                web::resource("/webhooks/invoice-maker")
                    .wrap(ReceiverMiddleware::new(&on_paths.invoices))
                    .route(web::post().to(hand_off(&queue))),
            )
            .route("/deliveries", web::get().to(deliveries))
    })
    .workers(2)
    .disable_signals()
    .bind(options.listen)
    .map_err(|error| listen_error(options.listen, &error))?;
    for addr in server.addrs() {
        println!("{addr}");
    }
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(async move {
        shutdown().await;
        receivers.drain().await;
        handle.stop(true).await;
    });
    server.await?;
    // The entry at hand is finished; what is left is for another worker.
    stop.send_replace(true);
    worker.await?;
    Ok(ExitCode::SUCCESS)
}

/// An operator does this once.
async fn make_stream(client: &Client) -> Result<(), RedisError> {
    let mut connection = client.get_multiplexed_async_connection().await?;
    let made: Result<(), _> = connection.xgroup_create_mkstream(STREAM, GROUP, "0").await;
    match made {
        Err(error) if error.code() != Some("BUSYGROUP") => Err(error),
        _ => Ok(()),
    }
}

/// Does the work, until it is told to stop. Several processes share the group, each under a name of its
/// own.
async fn work(client: Client, ledger: Ledger, mut stopped: watch::Receiver<bool>) {
    let name = format!("worker-{}", std::process::id());
    // Stands for a unique index over the keys, written in the transaction of the work.
    let mut done = HashSet::new();
    while !*stopped.borrow() {
        if let Err(error) = rounds(&client, &name, &ledger, &mut done, &stopped).await {
            eprintln!("the worker waits: {error}");
            let pause = tokio::time::sleep(Duration::from_secs(1));
            tokio::select! {
                () = pause => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
        }
    }
}

async fn rounds(
    client: &Client,
    name: &str,
    ledger: &Ledger,
    done: &mut HashSet<DeliveryKey>,
    stopped: &watch::Receiver<bool>,
) -> Result<(), RedisError> {
    // A connection of its own: what waits for entries holds up what is behind it.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let mut connection = client
        .get_multiplexed_async_connection_with_config(&config)
        .await?;
    while !*stopped.borrow() {
        for (entry, attempt) in due(&mut connection, name).await? {
            settle(&mut connection, ledger, done, &entry, attempt).await?;
        }
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(name).arg("COUNT").arg(1);
        read.arg("BLOCK")
            .arg(100)
            .arg("STREAMS")
            .arg(STREAM)
            .arg(">");
        let read: Option<StreamReadReply> = read.query_async(&mut connection).await?;
        for entry in read
            .into_iter()
            .flat_map(|read| read.keys)
            .flat_map(|key| key.ids)
        {
            settle(&mut connection, ledger, done, &entry, 1).await?;
        }
    }
    Ok(())
}

/// What failed, or was held by a worker that died, and has waited for long enough: with which attempt that
/// is now.
async fn due(
    connection: &mut MultiplexedConnection,
    name: &str,
) -> Result<Vec<(StreamId, usize)>, RedisError> {
    let pending: StreamPendingCountReply = connection
        .xpending_count(STREAM, GROUP, "-", "+", 100)
        .await?;
    let mut due = Vec::new();
    for entry in pending.ids {
        let wait = 100 << entry.times_delivered.min(16);
        if entry.last_delivered_ms < wait {
            continue;
        }
        // Only the worker that finds it idle for so long gets it.
        let claimed: StreamClaimReply = connection
            .xclaim(STREAM, GROUP, name, wait, &[&entry.id])
            .await?;
        due.extend(
            claimed
                .ids
                .into_iter()
                .map(|id| (id, entry.times_delivered + 1)),
        );
    }
    Ok(due)
}

/// Works on an entry. What fails stays pending, and is due again later.
async fn settle(
    connection: &mut MultiplexedConnection,
    ledger: &Ledger,
    done: &mut HashSet<DeliveryKey>,
    entry: &StreamId,
    attempt: usize,
) -> Result<(), RedisError> {
    let Ok(handed) = Handed::<Raw>::from_redis(entry) else {
        // No attempt makes it a delivery.
        return finish(connection, entry, true).await;
    };
    let key = handed.key();
    if !done.contains(&key) {
        let ledger = ledger.clone();
        let ran = tokio::spawn(async move {
            let event = handed.event_type().map_or("", |event| event.as_str());
            ledger.run(handed.endpoint(), event, handed.id()).await
        });
        match ran.await {
            Ok(Ok(())) => done.insert(key),
            _ if attempt >= ATTEMPTS => return finish(connection, entry, true).await,
            _ => return Ok(()),
        };
    }
    finish(connection, entry, false).await
}

/// Takes an entry out of the stream, in one step with its burial.
async fn finish(
    connection: &mut MultiplexedConnection,
    entry: &StreamId,
    bury: bool,
) -> Result<(), RedisError> {
    let mut step = redis::pipe();
    step.atomic();
    if bury {
        let mut add = redis::cmd("XADD");
        add.arg(DEAD).arg("*");
        for (field, value) in &entry.map {
            if let redis::Value::BulkString(bytes) = value {
                add.arg(field).arg(bytes);
            }
        }
        step.add_command(add).ignore();
    }
    step.xack(STREAM, GROUP, &[&entry.id]).ignore();
    step.xdel(STREAM, &[&entry.id]).ignore();
    step.query_async(connection).await
}

async fn deliveries(ledger: web::Data<Ledger>) -> HttpResponse {
    HttpResponse::Ok().json(ledger.seen())
}
