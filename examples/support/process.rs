//! Examples as processes of their own, for tests that watch them from outside.

use std::{
    error::Error,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use countersign::{invoice_maker, rebill_za};
use countersign_testkit::{Sender, SignedDelivery};
use serde_json::{Value, json};

use crate::client::Http;

/// A running example, ended with the test.
pub struct Example {
    child: Child,
    pub http: Http,
}

impl Example {
    /// Starts an example on a free port.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    pub fn start(name: &str, flags: &[&str], env: &[(&str, &str)]) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(binary(name)?)
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .envs(env.iter().copied())
            .env("REBILL_WEBHOOK_SECRET", "of-rebill")
            .env("INVOICE_MAKER_WEBHOOK_SECRET", "of-invoice-maker")
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("no stdout")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let addr: SocketAddr = line.trim().parse()?;
        let http = Http::new(addr);
        Ok(Self { child, http })
    }

    /// The status of a delivery, and what deduplication made of it.
    pub async fn send(&self, delivery: &SignedDelivery) -> Result<(u16, String), Box<dyn Error>> {
        let answer = self.http.send(delivery).await?;
        let dedup = answer.headers().get("countersign-dedup");
        let dedup = dedup.map_or("", |value| value.to_str().unwrap_or_default());
        Ok((answer.status().as_u16(), dedup.to_owned()))
    }

    /// What its handlers saw.
    pub async fn deliveries(&self) -> Result<Value, Box<dyn Error>> {
        Ok(serde_json::from_slice(
            &self.http.get("/deliveries").await?,
        )?)
    }

    /// Asks the process to stop, and says whether it ended well.
    pub fn stop(mut self) -> Result<bool, Box<dyn Error>> {
        let asked = self.signal("TERM")?;
        Ok(asked && self.child.wait()?.success())
    }

    /// Ends the process at once, as `kill -9` does.
    pub fn kill(mut self) -> Result<(), Box<dyn Error>> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends the process a signal.
    pub fn signal(&self, name: &str) -> Result<bool, Box<dyn Error>> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status()?;
        Ok(sent.success())
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Cargo builds the examples of a package before it runs the package's tests.
pub fn binary(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let test = std::env::current_exe()?;
    let profile = test.ancestors().nth(2).ok_or("no target directory")?;
    let binary = profile.join("examples").join(name);
    if !binary.is_file() {
        return Err("the examples are not built: run `cargo test -p countersign-examples`".into());
    }
    Ok(binary)
}

/// A payment of one of the two senders, signed with the secret that [`Example::start`] sets.
pub fn paid(id: &str, path: &str) -> SignedDelivery {
    // A body of its own: the same bytes under another id would be a replay.
    let body = json!({"id": format!("inv_of_{id}"), "status": "paid"});
    let sender = match path {
        "/webhooks/rebill" => Sender::with_secret(rebill_za::SCHEME, "of-rebill"),
        _ => Sender::with_secret(invoice_maker::SCHEME, "of-invoice-maker"),
    };
    match path {
        "/webhooks/rebill" => sender.delivery_with_id("invoice.paid", id, body).to(path),
        _ => sender
            .delivery_with_id("invoice.paid", id, json!({"data": body}))
            .to(path),
    }
}
