//! The business row and the claim in one Postgres transaction: the payment is booked if and only if
//! the delivery is done, whatever dies when. Through `tokio-postgres`; `drivers` beside this file has
//! the same through sqlx and diesel.
//!
//! ```text
//! DATABASE_URL=postgres://app@127.0.0.1/app REBILL_WEBHOOK_SECRET=.. \
//!     INVOICE_MAKER_WEBHOOK_SECRET=.. cargo run --example exactly_once_postgres
//! ```
//!
//! To end it at the worst moments, slow them down with `--commit-ms` and `--answer-ms`, and watch the
//! file of `--effects`: it says `completed <id> <event>` before the commit and `committed` after it.

use std::{error::Error, process::ExitCode, time::Duration};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use clap::Parser;
use countersign::{
    axum::{Delivery, ReceiverLayer},
    invoice_maker,
    postgres::{PostgresStore, deadpool_postgres::Pool},
    rebill_za,
    store::Fenced,
};
use countersign_examples::{
    Failed, Ledger,
    database::PostgresOptions,
    log, report,
    serve::{Receivers, serve},
};

/// The flags of this example.
#[derive(Debug, Parser)]
struct Flags {
    #[command(flatten)]
    postgres: PostgresOptions,
    #[command(flatten)]
    pauses: Pauses,
}

/// Moments to end the process at.
#[derive(Clone, Copy, Debug, Parser)]
struct Pauses {
    /// How long to wait between completing a delivery and the commit, in milliseconds.
    #[arg(long, value_name = "N", default_value_t = 0)]
    commit_ms: u64,
    /// How long to wait between the commit and the answer, in milliseconds.
    #[arg(long, value_name = "N", default_value_t = 0)]
    answer_ms: u64,
}

#[derive(Clone)]
struct App {
    pool: Pool,
    store: PostgresStore,
    ledger: Ledger,
    pauses: Pauses,
}

#[tokio::main]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    log();
    let Flags { postgres, pauses } = Flags::parse();
    let (pool, store) = postgres.connect().await?;
    let table = "CREATE TABLE IF NOT EXISTS payments (event_id text NOT NULL, amount bigint)";
    pool.get().await?.batch_execute(table).await?;

    let options = postgres.options;
    let receivers = Receivers::new(&options, store.clone())?;
    let ledger = Ledger::new(options.trouble)?;
    let app = App {
        pool,
        store,
        ledger,
        pauses,
    };
    let router = Router::new()
        .route(
            "/webhooks/rebill",
            post(on_rebill).layer(ReceiverLayer::new(&receivers.rebill)),
        )
        .route(
            "/webhooks/invoice-maker",
            post(on_invoice).layer(ReceiverLayer::new(&receivers.invoices)),
        )
        .with_state(app);
    serve(options.listen, router, &receivers).await
}

async fn on_rebill(
    State(app): State<App>,
    delivery: Delivery<rebill_za::Event>,
) -> Result<(), StatusCode> {
    let event = delivery.event();
    let due = match event {
        rebill_za::Event::InvoicePaid(invoice) => invoice.amount_due.map(|due| due.get()),
        _ => None,
    };
    app.book(event.name(), &delivery, due).await
}

async fn on_invoice(
    State(app): State<App>,
    delivery: Delivery<invoice_maker::Event>,
) -> Result<(), StatusCode> {
    let event = delivery.event();
    let total = match event {
        invoice_maker::Event::InvoicePaid(event) => event
            .invoice()
            .and_then(|invoice| invoice.total.as_ref()?.to_minor_units(2)),
        _ => None,
    };
    let total = total.map(|cents| cents.get());
    app.book(event.name(), &delivery, total).await
}

impl App {
    async fn book<T>(
        &self,
        event: &str,
        delivery: &Delivery<T>,
        amount: Option<i64>,
    ) -> Result<(), StatusCode> {
        let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
        let mut client = self
            .pool
            .get()
            .await
            .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        let transaction = client.transaction().await.map_err(failed)?;
        let insert = "INSERT INTO payments (event_id, amount) VALUES ($1, $2)";
        let id = delivery.id().unwrap_or("-");
        transaction
            .execute(insert, &[&id, &amount])
            .await
            .map_err(failed)?;
        let source = delivery.endpoint();
        let run = self.ledger.run(source, event, delivery.id()).await;
        run.map_err(|Failed| StatusCode::INTERNAL_SERVER_ERROR)?;

        // Last, and in the same transaction: what was lost to somebody else is rolled back.
        let completion = delivery.completion();
        let completed = self.store.complete_in(&transaction, &completion).await;
        match completed.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)? {
            Fenced::Applied => {}
            Fenced::Lost => return Err(StatusCode::SERVICE_UNAVAILABLE),
        }
        self.ledger.note("completed", id, event);
        tokio::time::sleep(Duration::from_millis(self.pauses.commit_ms)).await;
        transaction.commit().await.map_err(failed)?;
        self.ledger.note("committed", id, event);
        tokio::time::sleep(Duration::from_millis(self.pauses.answer_ms)).await;
        Ok(())
    }
}
