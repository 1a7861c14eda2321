//! Through sqlx.

use axum::{Router, extract::State, http::StatusCode, routing::post};
use countersign::{
    Receiver,
    axum::{Delivery, ReceiverLayer},
    integration::Completion,
    postgres::sql::{self, CompleteIn},
    rebill_za,
    store::Fenced,
};
use sqlx::{PgConnection, PgPool};

/// Creates the tables: the application's, and the store's. Or copy the second one into a file of
/// your own migrations.
///
/// # Errors
///
/// When Postgres refuses.
pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::Error> {
    let payments = "CREATE TABLE payments (event_id text NOT NULL, amount bigint)";
    sqlx::query(payments).execute(pool).await?;
    sqlx::raw_sql(sql::MIGRATION).execute(pool).await?;
    Ok(())
}

/// The receiver's store is a `PostgresStore` on the same database.
pub fn router(pool: PgPool, receiver: &Receiver) -> Router {
    Router::new()
        .route(
            "/webhooks/rebill",
            post(on_rebill).layer(ReceiverLayer::new(receiver)),
        )
        .with_state(pool)
}

async fn on_rebill(
    State(pool): State<PgPool>,
    delivery: Delivery<rebill_za::Event>,
) -> Result<(), StatusCode> {
    // Nothing to write: the receiver completes the delivery by itself.
    let rebill_za::Event::InvoicePaid(invoice) = delivery.event() else {
        return Ok(());
    };
    let id = delivery.id().unwrap_or("-");
    let amount = invoice.amount_due.map(|due| due.get());
    // From here on the receiver looks whether the transaction was committed.
    let completion = delivery.completion();
    match book(&pool, id, amount, &completion).await {
        Ok(Fenced::Applied) => Ok(()),
        Ok(Fenced::Lost) | Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// Books a payment and completes its delivery, or does neither.
async fn book(
    pool: &PgPool,
    id: &str,
    amount: Option<i64>,
    completion: &Completion,
) -> Result<Fenced, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query("INSERT INTO payments (event_id, amount) VALUES ($1, $2)")
        .bind(id)
        .bind(amount)
        .execute(&mut *transaction)
        .await?;
    // Last: until the transaction ends, it holds the delivery's row.
    let completed = complete_in(&mut transaction, completion).await?;
    match completed {
        Fenced::Applied => transaction.commit().await?,
        // Somebody else runs the delivery, and books it.
        Fenced::Lost => transaction.rollback().await?,
    }
    Ok(completed)
}

async fn complete_in(
    transaction: &mut PgConnection,
    completion: &Completion,
) -> Result<Fenced, sqlx::Error> {
    let values = CompleteIn::new(completion);
    sqlx::raw_sql(sql::LOCK_TIMEOUT)
        .execute(&mut *transaction)
        .await?;
    let done = sqlx::query(sql::COMPLETE_IN)
        .bind(values.key)
        .bind(values.fence)
        .bind(values.retention)
        .execute(&mut *transaction)
        .await?;
    sqlx::raw_sql(sql::LOCK_TIMEOUT_RESTORE)
        .execute(&mut *transaction)
        .await?;
    Ok(match done.rows_affected() {
        1 => Fenced::Applied,
        _ => Fenced::Lost,
    })
}
