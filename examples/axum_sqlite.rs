//! The `axum` example with deliveries remembered in an SQLite file, across restarts.
//!
//! ```text
//! REBILL_WEBHOOK_SECRET=.. INVOICE_MAKER_WEBHOOK_SECRET=.. \
//!     cargo run --example axum_sqlite -- --db deliveries.db
//! ```

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::Parser;
use countersign::sqlite::SqliteStore;
use countersign_examples::{
    Ledger, Options, log, report,
    serve::{Receivers, serve},
};

#[derive(Debug, Parser)]
struct Flags {
    /// The database file; made where there is none.
    #[arg(long, value_name = "FILE", default_value = "deliveries.db")]
    db: PathBuf,
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    log();
    let Flags { db, options } = Flags::parse();
    // Opening blocks: do it before the server serves.
    let store = SqliteStore::open(&db)?;
    let receivers = Receivers::new(&options, store)?;
    let router = receivers.router(Ledger::new(options.trouble)?);
    serve(options.listen, router, &receivers).await
}
