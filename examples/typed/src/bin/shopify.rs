//! `SHOPIFY_WEBHOOK_SECRET=.. cargo run --bin shopify -- jsmith.myshopify.com 548380009`

use std::{env, error::Error, time::Duration};

use actix_web::{App, HttpServer, rt};
use countersign::Secret;
use countersign_typed::{
    Ledger,
    shopify::{Shops, receiver, routes},
};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let domain = arguments.next().ok_or("which shop?")?;
    let number = arguments.next().ok_or("which number?")?.parse()?;
    let shops = Shops::from([(domain, number)]);
    let ledger = Ledger::default();
    // Outside of the closure: inside, each worker would have a store of its own.
    let orders = receiver(Secret::from_env("SHOPIFY_WEBHOOK_SECRET")?)?;
    let receiver = orders.clone();
    let server = HttpServer::new(move || {
        App::new().configure(routes(&receiver, shops.clone(), ledger.clone()))
    })
    .disable_signals()
    .bind(("127.0.0.1", 3000))?
    .run();

    // Handlers die with actix's workers: drain first, stop then.
    let handle = server.handle();
    rt::spawn(async move {
        let _ = rt::signal::ctrl_c().await;
        orders.drain(Duration::from_secs(20)).await;
        handle.stop(true).await;
    });
    server.await?;
    Ok(())
}
