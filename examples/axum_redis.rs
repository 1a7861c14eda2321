//! The `axum` example with deliveries remembered in Redis, shared by processes.
//!
//! ```text
//! REDIS_URL=redis://127.0.0.1/ REBILL_WEBHOOK_SECRET=.. INVOICE_MAKER_WEBHOOK_SECRET=.. \
//!     cargo run --example axum_redis
//! ```

use std::{error::Error, process::ExitCode};

use clap::Parser;
use countersign::redis::{RedisStore, redis::Client};
use countersign_examples::{
    Ledger, Options, log, report,
    serve::{Receivers, serve},
};

#[derive(Debug, Parser)]
struct Flags {
    /// Where Redis is.
    #[arg(long, env = "REDIS_URL", default_value = "redis://127.0.0.1/")]
    redis_url: String,
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    log();
    let Flags { redis_url, options } = Flags::parse();
    let store = RedisStore::from_client(Client::open(redis_url)?)?;
    // Refuses a server that evicts; what it says of persistence is worth reading.
    let persistence = store.check().await?;
    eprintln!("Redis persists: {persistence:?}");
    let receivers = Receivers::new(&options, store)?;
    let router = receivers.router(Ledger::new(options.trouble)?);
    serve(options.listen, router, &receivers).await
}
