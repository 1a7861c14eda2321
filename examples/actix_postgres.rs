//! The `actix` example with deliveries remembered in Postgres, shared by processes.
//!
//! ```text
//! DATABASE_URL=postgres://app@127.0.0.1/app REBILL_WEBHOOK_SECRET=.. \
//!     INVOICE_MAKER_WEBHOOK_SECRET=.. cargo run --example actix_postgres
//! ```

use std::{error::Error, process::ExitCode};

use actix_web::{App, HttpResponse, HttpServer, web};
use clap::Parser;
use countersign::actix::{Delivery, ReceiverMiddleware};
use countersign_examples::{
    Failed, Ledger, database::PostgresOptions, listen_error, log, report, serve::Receivers,
    shutdown,
};

#[actix_web::main]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    log();
    let flags = PostgresOptions::parse();
    let (_pool, store) = flags.connect().await?;
    let options = flags.options;
    let receivers = Receivers::new(&options, store)?;
    let ledger = web::Data::new(Ledger::new(options.trouble)?);

    let shared = receivers.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(ledger.clone())
            .service(
                web::resource("/webhooks/rebill")
                    .wrap(ReceiverMiddleware::new(&shared.rebill))
                    .route(web::post().to(on_delivery)),
            )
            .service(
                web::resource("/webhooks/invoice-maker")
                    .wrap(ReceiverMiddleware::new(&shared.invoices))
                    .route(web::post().to(on_delivery)),
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
    Ok(ExitCode::SUCCESS)
}

/// One handler serves both: what this example does with a delivery does not depend on its event.
async fn on_delivery(ledger: web::Data<Ledger>, delivery: Delivery) -> HttpResponse {
    let event = delivery.event_type().map_or("", |event| event.as_str());
    match ledger.run(delivery.endpoint(), event, delivery.id()).await {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(Failed) => HttpResponse::InternalServerError().finish(),
    }
}

async fn deliveries(ledger: web::Data<Ledger>) -> HttpResponse {
    HttpResponse::Ok().json(ledger.seen())
}
