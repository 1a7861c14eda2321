//! Both senders behind axum, for the examples that are about something else. The `axum` example
//! shows it in full.

use std::{error::Error, net::SocketAddr, process::ExitCode, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use countersign::{
    Receiver, Scheme, Secret,
    axum::{Delivery, ReceiverLayer},
    invoice_maker, rebill_za,
    store::DedupStore,
};
use tokio::net::TcpListener;

use crate::{Failed, Ledger, Options, Seen, listen_error, shutdown};

/// The receivers of both senders.
#[derive(Clone, Debug)]
pub struct Receivers {
    pub rebill: Receiver,
    pub invoices: Receiver,
}

impl Receivers {
    /// Over one store, with the secrets from the environment.
    pub fn new(options: &Options, store: impl DedupStore + Clone) -> Result<Self, Box<dyn Error>> {
        let lease = options.lease_ms.map(Duration::from_millis);
        let receiver = |scheme: Scheme, endpoint: &str, variable: &str| {
            let builder = Receiver::builder(scheme)
                .endpoint(endpoint)
                .secret(Secret::from_env(variable)?)
                .store(store.clone());
            let builder = builder.limits(|limits| limits.lease = lease.unwrap_or(limits.lease));
            Ok::<_, Box<dyn Error>>(builder.build()?)
        };
        Ok(Self {
            rebill: receiver(rebill_za::SCHEME, "rebill", "REBILL_WEBHOOK_SECRET")?,
            invoices: receiver(
                invoice_maker::SCHEME,
                "invoice-maker",
                "INVOICE_MAKER_WEBHOOK_SECRET",
            )?,
        })
    }

    /// The paths of the `axum` example.
    pub fn router(&self, ledger: Ledger) -> Router {
        Router::new()
            .route(
                "/webhooks/rebill",
                post(on_delivery).layer(ReceiverLayer::new(&self.rebill)),
            )
            .route(
                "/webhooks/invoice-maker",
                post(on_delivery).layer(ReceiverLayer::new(&self.invoices)),
            )
            .route("/deliveries", get(deliveries))
            .with_state(ledger)
    }

    /// Gives running handlers their time.
    pub async fn drain(&self) {
        self.rebill.drain(Duration::from_secs(20)).await;
        self.invoices.drain(Duration::from_secs(20)).await;
    }
}

/// Listens, says where, and serves until the process is told to stop.
pub async fn serve(
    listen: SocketAddr,
    router: Router,
    receivers: &Receivers,
) -> Result<ExitCode, Box<dyn Error>> {
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| listen_error(listen, &error))?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown())
        .await?;
    receivers.drain().await;
    Ok(ExitCode::SUCCESS)
}

/// One handler serves both: what these examples do with a delivery does not depend on its event.
async fn on_delivery(State(ledger): State<Ledger>, delivery: Delivery) -> Result<(), StatusCode> {
    let event = delivery.event_type().map_or("", |event| event.as_str());
    let run = ledger.run(delivery.endpoint(), event, delivery.id()).await;
    run.map_err(|Failed| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn deliveries(State(ledger): State<Ledger>) -> Json<Vec<Seen>> {
    Json(ledger.seen())
}
