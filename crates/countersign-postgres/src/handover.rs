//! A job enqueued in the transaction that completes its delivery.

// docs/decisions.md: D73, D74.

use core::{error::Error, fmt};

use countersign_core::{Admitted, Fenced, StoreError};
use deadpool_postgres::Transaction;
use tokio::time::timeout;

use crate::{
    link::{Link, store_error},
    store::PostgresStore,
};

type BoxError = Box<dyn Error + Send + Sync>;

impl PostgresStore {
    /// Enqueues a job for a delivery and completes the delivery, in one transaction: it is done
    /// exactly when its job exists.
    ///
    /// For work that takes longer than the sender waits for an answer, with any queue that lives in
    /// this database: graphile-worker's `add_job`, pgmq's `send`, a table of your own. `enqueue` gets
    /// the open transaction and must not end it. The result is what the handler returns: with the
    /// feature `axum` or `actix` it is an answer, 200 for [`HandedOver`] and 503 for
    /// [`HandoverError`], after which the sender comes again.
    ///
    /// `delivery` must come from a receiver that has this very store; with another one, nothing is
    /// ever handed over. Each call holds one connection of the store's pool until it ends, so give
    /// the pool more of them than handlers run at once.
    ///
    /// ```no_run
    /// use countersign_core::Admitted;
    /// use countersign_postgres::{HandedOver, HandoverError, PostgresStore};
    ///
    /// async fn enqueue(store: &PostgresStore, delivery: &Admitted) -> Result<HandedOver, HandoverError> {
    ///     let insert = "INSERT INTO jobs (body) VALUES ($1)";
    ///     store
    ///         .handover(delivery, async |tx| tx.execute(insert, &[&&delivery.body()[..]]).await)
    ///         .await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When the job cannot be enqueued, the server does not answer, or somebody else runs the
    /// delivery. The transaction is rolled back. Only where the connection is lost in the commit may
    /// it have been applied; the delivery then is done, and the sender's next attempt a duplicate.
    pub async fn handover<F, T, E>(
        &self,
        delivery: &Admitted,
        enqueue: F,
    ) -> Result<HandedOver, HandoverError>
    where
        F: AsyncFnOnce(&mut Transaction<'_>) -> Result<T, E>,
        E: Into<BoxError>,
    {
        let limit = self.time_limit();
        let link = Link::open(self.pool(), limit).await?;
        let mut client = link.into_client();
        let begun = timeout(limit, client.transaction()).await;
        let mut transaction = begun
            .map_err(|_| StoreError::timeout())?
            .map_err(store_error)?;
        let done = match enqueue(&mut transaction).await {
            Ok(_) => self.complete_handover(&transaction, delivery).await,
            Err(error) => Err(HandoverError::Enqueue(error.into())),
        };
        if let Err(error) = done {
            // Dropped, it would be rolled back as well, but perhaps after the delivery is given back.
            let _late = timeout(limit, transaction.rollback()).await;
            return Err(error);
        }
        transaction.commit().await.map_err(store_error)?;
        Ok(HandedOver(()))
    }

    async fn complete_handover(
        &self,
        transaction: &Transaction<'_>,
        delivery: &Admitted,
    ) -> Result<(), HandoverError> {
        let completion = delivery.completion();
        match self.complete_in(transaction, &completion).await? {
            Fenced::Applied => Ok(()),
            Fenced::Lost => Err(HandoverError::Lost),
        }
    }
}

/// The job is enqueued and the delivery is done: as an answer, 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the handler's answer"]
pub struct HandedOver(());

/// Why a delivery was not handed over: as an answer, 503.
///
/// Its text stays in the service; the sender reads none of it.
#[derive(Debug)]
#[non_exhaustive]
pub enum HandoverError {
    /// The job could not be enqueued.
    Enqueue(BoxError),
    /// The store failed.
    Store(StoreError),
    /// The claim was lost, because the lease ran out or the receiver has another store.
    Lost,
}

impl From<StoreError> for HandoverError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for HandoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enqueue(_) => "the job of a delivery was not enqueued",
            Self::Store(_) => "a delivery was not completed with its job",
            Self::Lost => "the claim of a delivery is not held in this store any more",
        })
    }
}

impl Error for HandoverError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Enqueue(error) => Some(&**error),
            Self::Store(error) => Some(error),
            Self::Lost => None,
        }
    }
}

#[cfg(feature = "axum")]
mod axum {
    use axum_core::response::{IntoResponse, Response};
    use http::StatusCode;

    use super::{HandedOver, HandoverError};

    impl IntoResponse for HandedOver {
        fn into_response(self) -> Response {
            StatusCode::OK.into_response()
        }
    }

    impl IntoResponse for HandoverError {
        fn into_response(self) -> Response {
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

#[cfg(feature = "actix")]
mod actix {
    use actix_web::{
        HttpRequest, HttpResponse, Responder, ResponseError, body::BoxBody, http::StatusCode,
    };

    use super::{HandedOver, HandoverError};

    impl Responder for HandedOver {
        type Body = BoxBody;

        fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
            HttpResponse::Ok().finish()
        }
    }

    impl ResponseError for HandoverError {
        fn status_code(&self) -> StatusCode {
            StatusCode::SERVICE_UNAVAILABLE
        }

        fn error_response(&self) -> HttpResponse {
            HttpResponse::ServiceUnavailable().finish()
        }
    }
}
