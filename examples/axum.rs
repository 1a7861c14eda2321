//! Both senders behind axum.
//!
//! ```text
//! REBILL_WEBHOOK_SECRET=.. INVOICE_MAKER_WEBHOOK_SECRET=.. cargo run --example axum
//! ```

use std::{error::Error, process::ExitCode, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use clap::Parser;
use countersign::{
    MemoryStore, Receiver, Secret,
    axum::{Delivery, ReceiverLayer},
    invoice_maker, rebill_za,
};
use countersign_examples::{Failed, Ledger, Options, Seen, listen_error, log, report, shutdown};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    log();
    let options = Options::parse();
    let ledger = Ledger::new(options.trouble)?;

    // One store can serve several receivers: their endpoint names keep them apart.
    let store = MemoryStore::new();
    let rebill = Receiver::builder(rebill_za::SCHEME)
        .endpoint("rebill")
        .secret(Secret::from_env("REBILL_WEBHOOK_SECRET")?)
        .store(store.clone())
        .build()?;
    let invoices = Receiver::builder(invoice_maker::SCHEME)
        .endpoint("invoice-maker")
        .secret(Secret::from_env("INVOICE_MAKER_WEBHOOK_SECRET")?)
        .store(store)
        .build()?;

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
        .with_state(ledger);

    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|error| listen_error(options.listen, &error))?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(shutdown())
        .await?;

    // The server takes nothing new; what still runs gets its time.
    rebill.drain(Duration::from_secs(20)).await;
    invoices.drain(Duration::from_secs(20)).await;
    Ok(ExitCode::SUCCESS)
}

async fn on_rebill(
    State(ledger): State<Ledger>,
    delivery: Delivery<rebill_za::Event>,
) -> Result<(), StatusCode> {
    let event = delivery.event().name();
    let run = ledger.run("rebill", event, delivery.id()).await;
    run.map_err(|Failed| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn on_invoice(
    State(ledger): State<Ledger>,
    delivery: Delivery<invoice_maker::Event>,
) -> Result<(), StatusCode> {
    let event = delivery.event().name();
    let run = ledger.run("invoice-maker", event, delivery.id()).await;
    run.map_err(|Failed| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn deliveries(State(ledger): State<Ledger>) -> Json<Vec<Seen>> {
    Json(ledger.seen())
}
