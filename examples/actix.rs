//! Both senders behind actix-web, on two workers.
//!
//! ```text
//! REBILL_WEBHOOK_SECRET=.. INVOICE_MAKER_WEBHOOK_SECRET=.. cargo run --example actix
//! ```

use std::{error::Error, process::ExitCode, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, web};
use clap::Parser;
use countersign::{
    MemoryStore, Receiver, Secret,
    actix::{Delivery, ReceiverMiddleware},
    invoice_maker, rebill_za,
};
use countersign_examples::{Failed, Ledger, Options, listen_error, log, report, shutdown};

#[actix_web::main]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    log();
    let options = Options::parse();
    let ledger = web::Data::new(Ledger::new(options.trouble)?);

    // Built once, outside the closure: inside, each worker would have a memory store of its own.
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

    let (on_path_1, on_path_2) = (rebill.clone(), invoices.clone());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(ledger.clone())
            .service(
                web::resource("/webhooks/rebill")
                    .wrap(ReceiverMiddleware::new(&on_path_1))
                    .route(web::post().to(on_rebill)),
            )
            .service(
                web::resource("/webhooks/invoice-maker")
                    .wrap(ReceiverMiddleware::new(&on_path_2))
                    .route(web::post().to(on_invoice)),
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

    // Handlers die with the workers, so they get their time before the server stops.
    let handle = server.handle();
    actix_web::rt::spawn(async move {
        shutdown().await;
        rebill.drain(Duration::from_secs(20)).await;
        invoices.drain(Duration::from_secs(20)).await;
        handle.stop(true).await;
    });
    server.await?;
    Ok(ExitCode::SUCCESS)
}

async fn on_rebill(
    ledger: web::Data<Ledger>,
    delivery: Delivery<rebill_za::Event>,
) -> HttpResponse {
    let event = delivery.event().name();
    answer(ledger.run("rebill", event, delivery.id()).await)
}

async fn on_invoice(
    ledger: web::Data<Ledger>,
    delivery: Delivery<invoice_maker::Event>,
) -> HttpResponse {
    let event = delivery.event().name();
    answer(ledger.run("invoice-maker", event, delivery.id()).await)
}

fn answer(run: Result<(), Failed>) -> HttpResponse {
    match run {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(Failed) => HttpResponse::InternalServerError().finish(),
    }
}

async fn deliveries(ledger: web::Data<Ledger>) -> HttpResponse {
    HttpResponse::Ok().json(ledger.seen())
}
