//! A receiver on loopback that sends itself good and bad deliveries, and then waits for yours.
//!
//! ```text
//! cargo run -p quickstart
//! ```

use std::{
    error::Error,
    net::SocketAddr,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use clap::Parser;
use countersign::{
    MemoryStore, Receiver, Secret,
    axum::{Delivery, ReceiverLayer},
    invoice_maker, rebill_za,
    store::DedupStore,
};
use quickstart::{
    Ledger, Seen, Trouble,
    client::{Http, curl},
    listen_error, log, report, shutdown,
    tour::{INVOICE_MAKER_SECRET, REBILL_SECRET, fresh, tour},
};
use tokio::net::TcpListener;

/// Shows what countersign makes of good and bad deliveries.
#[derive(Debug, Parser)]
struct Options {
    /// Where to listen; port 0 takes a free one. The first line on stdout is the bound address.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// Exit after the table: 0 when every row is as it must be, else 1.
    #[arg(long)]
    once: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    log();
    let options = Options::parse();
    // A handler that takes a moment, so that copies really meet.
    let ledger = Ledger::new(Trouble {
        handler_ms: 20,
        ..Trouble::default()
    })?;
    let [rebill, invoices] = receivers(MemoryStore::new())?;
    let app = Router::new()
        .route(
            "/webhooks/rebill",
            post(on_rebill).layer(ReceiverLayer::new(&rebill)),
        )
        .route(
            "/webhooks/invoice-maker",
            post(on_invoice).layer(ReceiverLayer::new(&invoices)),
        )
        .route("/deliveries", get(deliveries))
        .with_state(ledger.clone());

    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|error| listen_error(options.listen, &error))?;
    let addr = listener.local_addr()?;
    println!("{addr}");
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown());
    let server = tokio::spawn(server.into_future());

    let run = &SystemTime::now()
        .duration_since(UNIX_EPOCH)?
        .as_secs()
        .to_string();
    let good = tour(&Http::new(addr), &ledger, run).await?;
    if options.once {
        return Ok(ExitCode::from(u8::from(!good)));
    }
    println!("\nTry it yourself. Each is new once and a duplicate from then on:\n");
    for delivery in fresh(run) {
        println!("{}\n", curl(addr, &delivery));
    }
    println!("(Invoice Maker signs the time: its command is good for 5 minutes.)");
    println!("What the handlers saw: curl http://{addr}/deliveries");
    println!("Serving until Ctrl-C.");
    server.await??;
    rebill.drain(Duration::from_secs(20)).await;
    invoices.drain(Duration::from_secs(20)).await;
    Ok(ExitCode::SUCCESS)
}

fn receivers(store: impl DedupStore + Clone) -> Result<[Receiver; 2], Box<dyn Error>> {
    let rebill = Receiver::builder(rebill_za::SCHEME)
        .endpoint("rebill")
        .secret(Secret::new(REBILL_SECRET)?)
        .store(store.clone())
        .build()?;
    let invoices = Receiver::builder(invoice_maker::SCHEME)
        .endpoint("invoice-maker")
        .secret(Secret::new(INVOICE_MAKER_SECRET)?)
        .store(store)
        .build()?;
    Ok([rebill, invoices])
}

async fn on_rebill(State(ledger): State<Ledger>, delivery: Delivery<rebill_za::Event>) {
    let event = delivery.event().name();
    // This handler was not told to fail.
    let _done = ledger.run("rebill", event, delivery.id()).await;
}

async fn on_invoice(State(ledger): State<Ledger>, delivery: Delivery<invoice_maker::Event>) {
    let event = delivery.event().name();
    let _done = ledger.run("invoice-maker", event, delivery.id()).await;
}

async fn deliveries(State(ledger): State<Ledger>) -> Json<Vec<Seen>> {
    Json(ledger.seen())
}
