//! Both senders behind plain hyper, with tower's `ServiceBuilder`.
//!
//! ```text
//! REBILL_WEBHOOK_SECRET=.. INVOICE_MAKER_WEBHOOK_SECRET=.. cargo run --example hyper
//! ```

use std::{convert::Infallible, error::Error, pin::pin, process::ExitCode, time::Duration};

use bytes::Bytes;
use clap::Parser;
use countersign::{
    MemoryStore, Receiver, Scheme, Secret,
    integration::Admitted,
    invoice_maker, rebill_za,
    tower::{ReceiverLayer, VerifiedBody},
};
use countersign_examples::{Ledger, Options, listen_error, log, report, shutdown};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{rt::TokioIo, rt::TokioTimer, server::graceful::GracefulShutdown};
use tokio::net::TcpListener;
use tower::{Service, ServiceBuilder};

type Body = BoxBody<Bytes, Infallible>;

#[tokio::main]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    log();
    let options = Options::parse();
    let ledger = Ledger::new(options.trouble)?;
    let store = MemoryStore::new();
    let receiver = |scheme: Scheme, name: &str, secret: &str| -> Result<_, Box<dyn Error>> {
        let builder = Receiver::builder(scheme)
            .endpoint(name)
            .store(store.clone());
        Ok(builder.secret(Secret::from_env(secret)?).build()?)
    };
    let rebill = receiver(rebill_za::SCHEME, "rebill", "REBILL_WEBHOOK_SECRET")?;
    let invoices = receiver(
        invoice_maker::SCHEME,
        "invoice-maker",
        "INVOICE_MAKER_WEBHOOK_SECRET",
    )?;

    let service = |receiver: &Receiver| {
        let ledger = ledger.clone();
        ServiceBuilder::new()
            .layer(ReceiverLayer::new(receiver))
            .service_fn(move |request| handle(ledger.clone(), request))
    };
    let on_rebill = service(&rebill);
    let on_invoice = service(&invoices);

    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|error| listen_error(options.listen, &error))?;
    println!("{}", listener.local_addr()?);
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(shutdown());
    loop {
        let stream = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        let (rebill, invoices, ledger) = (on_rebill.clone(), on_invoice.clone(), ledger.clone());
        let route = service_fn(move |request: Request<Incoming>| {
            let (mut rebill, mut invoices, ledger) =
                (rebill.clone(), invoices.clone(), ledger.clone());
            async move {
                match request.uri().path() {
                    "/webhooks/rebill" => Ok(rebill.call(request).await?.map(BodyExt::boxed)),
                    "/webhooks/invoice-maker" => {
                        Ok(invoices.call(request).await?.map(BodyExt::boxed))
                    }
                    "/deliveries" => Ok(deliveries(&ledger)),
                    _ => Ok::<_, Infallible>(answer(StatusCode::NOT_FOUND, "")),
                }
            }
        });
        let mut http = http1::Builder::new();
        let connection = http
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), route);
        tokio::spawn(graceful.watch(connection));
    }
    graceful.shutdown().await;
    rebill.drain(Duration::from_secs(20)).await;
    invoices.drain(Duration::from_secs(20)).await;
    Ok(ExitCode::SUCCESS)
}

async fn handle(
    ledger: Ledger,
    request: Request<VerifiedBody>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    let Some(delivery) = request.extensions().get::<Admitted>() else {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return Ok(response);
    };
    let event = delivery.event_type().map_or("", |event| event.as_str());
    let run = ledger.run(delivery.endpoint(), event, delivery.id()).await;
    if run.is_err() {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    Ok(response)
}

fn deliveries(ledger: &Ledger) -> Response<Body> {
    match serde_json::to_vec(&ledger.seen()) {
        Ok(json) => answer(StatusCode::OK, json),
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, ""),
    }
}

fn answer(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).boxed());
    *response.status_mut() = status;
    response
}
