//! `GITHUB_WEBHOOK_SECRET=.. cargo run --bin github`

use std::{error::Error, time::Duration};

use countersign::Secret;
use countersign_typed::{Ledger, github};
use tokio::{net::TcpListener, signal::ctrl_c};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let receiver = github::receiver(Secret::from_env("GITHUB_WEBHOOK_SECRET")?)?;
    let app = github::app(&receiver, Ledger::default());
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            let _ = ctrl_c().await;
        })
        .await?;
    receiver.drain(Duration::from_secs(20)).await;
    Ok(())
}
