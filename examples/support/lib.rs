//! What the serving examples share: their flags, and starting them from tests.

use std::net::SocketAddr;

use clap::Parser;
pub use quickstart::{Failed, Ledger, Seen, Trouble, client, listen_error, log, report, shutdown};

pub mod database;
pub mod process;
pub mod serve;

/// The flags of the serving examples.
///
/// The secrets come from REBILL_WEBHOOK_SECRET and INVOICE_MAKER_WEBHOOK_SECRET.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// Where to listen; port 0 takes a free one. The first line on stdout is the bound address.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787")]
    pub listen: SocketAddr,
    /// For stores that outlive the process: how long a claim is held without a heartbeat, in
    /// milliseconds. After a crash the retry runs once it has ended.
    #[arg(long, value_name = "N")]
    pub lease_ms: Option<u64>,
    #[command(flatten)]
    pub trouble: Trouble,
}
