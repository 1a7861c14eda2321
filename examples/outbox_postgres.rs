//! Acknowledge within the sender's deadline, work later: the handler only writes a job, in the
//! transaction that completes the delivery, and a worker runs the jobs.
//!
//! ```text
//! DATABASE_URL=postgres://app@127.0.0.1/app REBILL_WEBHOOK_SECRET=.. \
//!     INVOICE_MAKER_WEBHOOK_SECRET=.. cargo run --example outbox_postgres
//! ```

use std::{error::Error, process::ExitCode, time::Duration};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use clap::Parser;
use countersign::{
    axum::{Delivery, ReceiverLayer},
    postgres::{PostgresStore, deadpool_postgres::Pool},
    store::Fenced,
};
use countersign_examples::{
    Ledger,
    database::PostgresOptions,
    log, report,
    serve::{Receivers, serve},
};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS outbox (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery text NOT NULL, event text NOT NULL, body bytea NOT NULL,
    due timestamptz NOT NULL DEFAULT clock_timestamp())";

#[derive(Clone)]
struct App {
    pool: Pool,
    store: PostgresStore,
}

#[tokio::main]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    log();
    let flags = PostgresOptions::parse();
    let (pool, store) = flags.connect().await?;
    pool.get().await?.batch_execute(TABLE).await?;
    let options = flags.options;
    let receivers = Receivers::new(&options, store.clone())?;
    tokio::spawn(work(pool.clone(), Ledger::new(options.trouble)?));

    let router = Router::new()
        .route(
            "/webhooks/rebill",
            post(enqueue).layer(ReceiverLayer::new(&receivers.rebill)),
        )
        .route(
            "/webhooks/invoice-maker",
            post(enqueue).layer(ReceiverLayer::new(&receivers.invoices)),
        )
        .with_state(App { pool, store });
    serve(options.listen, router, &receivers).await
}

/// One short transaction: the job and the delivery stand or fall together.
async fn enqueue(State(app): State<App>, delivery: Delivery) -> Result<(), StatusCode> {
    let failed = |_| StatusCode::SERVICE_UNAVAILABLE;
    let mut client = app
        .pool
        .get()
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let transaction = client.transaction().await.map_err(failed)?;
    let id = delivery.id().unwrap_or("-");
    let event = delivery.event_type().map_or("", |event| event.as_str());
    let insert = "INSERT INTO outbox (delivery, event, body) VALUES ($1, $2, $3)";
    let body: &[u8] = delivery.body();
    transaction
        .execute(insert, &[&id, &event, &body])
        .await
        .map_err(failed)?;
    let completion = delivery.completion();
    let completed = app.store.complete_in(&transaction, &completion).await;
    match completed.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)? {
        Fenced::Applied => transaction.commit().await.map_err(failed),
        Fenced::Lost => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// Runs jobs one by one; several processes share the table.
async fn work(pool: Pool, ledger: Ledger) {
    loop {
        match next(&pool, &ledger).await {
            Ok(true) => {}
            Ok(false) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(error) => {
                eprintln!("the outbox waits: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Takes a job that is due and nobody else holds, and deletes it in the transaction that it ran in.
async fn next(pool: &Pool, ledger: &Ledger) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    let take = "SELECT number, delivery, event FROM outbox WHERE due <= clock_timestamp()
        ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED";
    let Some(job) = transaction.query_opt(take, &[]).await? else {
        return Ok(false);
    };
    let (number, id, event): (i64, String, String) = (job.get(0), job.get(1), job.get(2));
    // What fails or panics is due again a little later; one bad job does not stop the others.
    let (ledger, run) = (ledger.clone(), (id, event));
    let ran = tokio::spawn(async move { ledger.run("outbox", &run.1, Some(&run.0)).await }).await;
    let done = match ran {
        Ok(Ok(())) => "DELETE FROM outbox WHERE number = $1",
        _ => "UPDATE outbox SET due = clock_timestamp() + interval '1 second' WHERE number = $1",
    };
    transaction.execute(done, &[&number]).await?;
    transaction.commit().await?;
    Ok(true)
}
