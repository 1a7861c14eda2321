//! Through diesel, with diesel-async: its driver is `tokio-postgres`, and no C library is linked.

use axum::{Router, extract::State, http::StatusCode, routing::post};
use countersign::{
    Receiver,
    axum::{Delivery, ReceiverLayer},
    integration::Completion,
    postgres::sql::{self, CompleteIn},
    rebill_za,
};
use diesel::{
    ExpressionMethods, QueryResult,
    result::Error,
    sql_types::{BigInt, Binary},
};
use diesel_async::{
    AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
    pooled_connection::deadpool::Pool,
};

diesel::table! {
    payments (event_id) {
        event_id -> Text,
        amount -> Nullable<BigInt>,
    }
}

/// Creates the tables: the application's, and the store's. Or copy the second one into a file of
/// your own migrations.
///
/// # Errors
///
/// When Postgres refuses.
pub async fn migrate(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    let payments = "CREATE TABLE payments (event_id text NOT NULL, amount bigint)";
    connection.batch_execute(payments).await?;
    connection.batch_execute(sql::MIGRATION).await
}

/// The receiver's store is a `PostgresStore` on the same database.
pub fn router(pool: Pool<AsyncPgConnection>, receiver: &Receiver) -> Router {
    Router::new()
        .route(
            "/webhooks/rebill",
            post(on_rebill).layer(ReceiverLayer::new(receiver)),
        )
        .with_state(pool)
}

async fn on_rebill(
    State(pool): State<Pool<AsyncPgConnection>>,
    delivery: Delivery<rebill_za::Event>,
) -> Result<(), StatusCode> {
    // Nothing to write: the receiver completes the delivery by itself.
    let rebill_za::Event::InvoicePaid(invoice) = delivery.event() else {
        return Ok(());
    };
    let id = delivery.id().unwrap_or("-");
    let amount = invoice.amount_due.map(|due| due.get());
    let mut connection = pool
        .get()
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    // From here on the receiver looks whether the transaction was committed.
    let completion = delivery.completion();
    book(&mut connection, id, amount, &completion)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

/// Books a payment and completes its delivery, or does neither.
async fn book(
    connection: &mut AsyncPgConnection,
    id: &str,
    amount: Option<i64>,
    completion: &Completion,
) -> QueryResult<()> {
    let payment = (payments::event_id.eq(id), payments::amount.eq(amount));
    connection
        .transaction(async |transaction| {
            diesel::insert_into(payments::table)
                .values(payment)
                .execute(transaction)
                .await?;
            // Last: until the transaction ends, it holds the delivery's row.
            complete_in(transaction, completion).await
        })
        .await
}

/// An error makes the caller roll back; a claim that was lost is one.
async fn complete_in(
    transaction: &mut AsyncPgConnection,
    completion: &Completion,
) -> QueryResult<()> {
    let values = CompleteIn::new(completion);
    transaction.batch_execute(sql::LOCK_TIMEOUT).await?;
    let done = diesel::sql_query(sql::COMPLETE_IN)
        .bind::<Binary, _>(values.key)
        .bind::<BigInt, _>(values.fence)
        .bind::<BigInt, _>(values.retention)
        .execute(transaction)
        .await?;
    transaction.batch_execute(sql::LOCK_TIMEOUT_RESTORE).await?;
    match done {
        1 => Ok(()),
        // Somebody else runs the delivery, and books it.
        _ => Err(Error::RollbackTransaction),
    }
}
