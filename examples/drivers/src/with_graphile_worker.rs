//! Through graphile_worker: `invoice.paid` marks the invoice as paid, and `invoice.created` is synced to an
//! accounting service that is slow and fails now and then. The sender waits for neither.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use axum::{Router, extract::State, routing::post};
use countersign::{
    Receiver,
    axum::{Delivery, ReceiverLayer},
    handoff::{Envelope, Handed},
    postgres::{HandedOver, HandoverError, PostgresStore, deadpool_postgres::Pool},
    rebill_za,
};
use graphile_worker::{
    IntoTaskHandlerResult, JobSpecBuilder, Schema, TaskHandler, WorkerContext, WorkerOptions,
    sql::add_job::single::add_job,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The receiver's store is the one that hands over.
pub fn router(store: PostgresStore, receiver: &Receiver) -> Router {
    Router::new()
        .route(
            "/webhooks/rebill",
            post(on_rebill).layer(ReceiverLayer::new(receiver)),
        )
        .with_state(store)
}

/// The job exists exactly when the delivery is done.
async fn on_rebill(
    State(store): State<PostgresStore>,
    delivery: Delivery,
) -> Result<HandedOver, HandoverError> {
    store
        .handover(&delivery, async |tx| {
            let message = serde_json::from_slice(&Envelope::of(&delivery).to_json())?;
            // Jobs of one invoice run one after the other.
            let spec = match delivery.subject() {
                Some(invoice) => JobSpecBuilder::new().queue_name(invoice),
                None => JobSpecBuilder::new(),
            };
            let spec = spec.build();
            add_job(
                &**tx,
                Schema::default(),
                Work::IDENTIFIER,
                message,
                spec,
                false,
            )
            .await?;
            Ok::<_, Error>(())
        })
        .await
}

/// A job: the message of a delivery.
#[derive(Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Work(Value);

impl TaskHandler for Work {
    const IDENTIFIER: &'static str = "webhook";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let company = context.get_ext::<Company>().ok_or("no company")?;
        // What fails is run again by graphile_worker, later each time.
        company
            .work(&self.0)
            .await
            .map_err(|error| error.to_string())
    }
}

/// A call to the accounting service: with the key of the delivery, by which it knows a repeated call, and
/// the invoice.
pub type Accounting = Arc<
    dyn Fn(String, String) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> + Send + Sync,
>;

/// What jobs work with.
#[derive(Clone)]
pub struct Company {
    pool: Pool,
    accounting: Accounting,
}

impl fmt::Debug for Company {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Company").finish_non_exhaustive()
    }
}

impl Company {
    /// Over the application's tables.
    pub fn new(pool: Pool, accounting: Accounting) -> Self {
        Self { pool, accounting }
    }

    /// A worker, with the tables of graphile_worker.
    ///
    /// # Errors
    ///
    /// When Postgres refuses.
    pub async fn worker(
        self,
    ) -> Result<graphile_worker::Worker, graphile_worker::WorkerBuildError> {
        let options = WorkerOptions::default().database(self.pool.clone());
        options
            .add_extension(self)
            .define_job::<Work>()
            .init()
            .await
    }

    async fn work(&self, message: &Value) -> Result<(), Error> {
        let message = serde_json::to_vec(message)?;
        let handed = Handed::<rebill_za::Event>::from_json(&message)?;
        let invoice = handed.subject().unwrap_or_default().to_owned();
        match handed.event() {
            rebill_za::Event::InvoicePaid(_) => {
                let paid = "INSERT INTO invoices (id, paid) VALUES ($1, true)
                    ON CONFLICT (id) DO UPDATE SET paid = true";
                self.pool.get().await?.execute(paid, &[&invoice]).await?;
                Ok(())
            }
            rebill_za::Event::InvoiceCreated(_) => {
                let created = "INSERT INTO invoices (id) VALUES ($1) ON CONFLICT DO NOTHING";
                self.pool.get().await?.execute(created, &[&invoice]).await?;
                (self.accounting)(handed.message_id(), invoice).await
            }
            _ => Ok(()),
        }
    }
}
