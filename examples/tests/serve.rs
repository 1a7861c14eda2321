//! The serving examples, started as a user starts them and watched from outside.

use std::{
    error::Error,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use countersign::{invoice_maker, rebill_za};
use countersign_examples::client::Http;
use countersign_testkit::{Sender, SignedDelivery};
use serde_json::{Value, json};

/// A running example, ended with the test.
struct Example {
    child: Child,
    http: Http,
}

impl Example {
    fn start(name: &str, flags: &[&str]) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(binary(name)?)
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
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
    async fn send(&self, delivery: &SignedDelivery) -> Result<(u16, String), Box<dyn Error>> {
        let answer = self.http.send(delivery).await?;
        let dedup = answer.headers().get("countersign-dedup");
        let dedup = dedup.map_or("", |value| value.to_str().unwrap_or_default());
        Ok((answer.status().as_u16(), dedup.to_owned()))
    }

    async fn deliveries(&self) -> Result<Value, Box<dyn Error>> {
        Ok(serde_json::from_slice(
            &self.http.get("/deliveries").await?,
        )?)
    }

    /// Asks the process to stop, and says whether it ended well.
    fn stop(mut self) -> Result<bool, Box<dyn Error>> {
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status()?;
        Ok(asked.success() && self.child.wait()?.success())
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Cargo builds the examples of a package before it runs the package's tests.
fn binary(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let test = std::env::current_exe()?;
    let profile = test.ancestors().nth(2).ok_or("no target directory")?;
    Ok(profile.join("examples").join(name))
}

fn paid(id: &str, path: &str) -> SignedDelivery {
    let body = json!({"id": "inv_1", "status": "paid"});
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

#[tokio::test]
async fn every_server_accepts_refuses_deduplicates_and_retries() -> Result<(), Box<dyn Error>> {
    for name in ["axum", "actix", "hyper"] {
        let effects =
            std::env::temp_dir().join(format!("countersign-{name}-{}", std::process::id()));
        let file = effects.to_str().ok_or("not UTF-8")?;
        let example = Example::start(name, &["--fail-first", "1", "--effects", file])?;
        for (path, id) in [
            ("/webhooks/rebill", "dlv_1"),
            ("/webhooks/invoice-maker", "evt_1"),
        ] {
            let delivery = paid(id, path);
            assert_eq!(example.send(&delivery.tampered()).await?.0, 401, "{name}");
            assert_eq!(example.send(&delivery).await?.0, 500, "{name}");
            assert_eq!(
                example.send(&delivery).await?,
                (200, "fresh".into()),
                "{name}"
            );
            assert_eq!(
                example.send(&delivery).await?,
                (200, "duplicate".into()),
                "{name}"
            );
        }
        let due = json!([
            {"source": "rebill", "event": "invoice.paid", "id": "dlv_1", "runs": 2},
            {"source": "invoice-maker", "event": "invoice.paid", "id": "evt_1", "runs": 2},
        ]);
        assert_eq!(example.deliveries().await?, due, "{name}");
        assert!(example.stop()?, "{name} did not end well");

        let lines = std::fs::read_to_string(&effects)?;
        std::fs::remove_file(&effects)?;
        let due = "start dlv_1 invoice.paid\nstart dlv_1 invoice.paid\ndone dlv_1 invoice.paid\n\
                   start evt_1 invoice.paid\nstart evt_1 invoice.paid\ndone evt_1 invoice.paid\n";
        assert_eq!(lines, due, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_panicking_handler_is_answered_and_run_again() -> Result<(), Box<dyn Error>> {
    for name in ["axum", "actix", "hyper"] {
        let example = Example::start(name, &["--panic-first", "2"])?;
        let delivery = paid("dlv_1", "/webhooks/rebill");
        for due in [500, 500, 200, 200] {
            assert_eq!(example.send(&delivery).await?.0, due, "{name}");
        }
        assert!(example.stop()?, "{name} did not end well");
    }
    Ok(())
}

#[test]
fn a_missing_secret_is_said_in_words() -> Result<(), Box<dyn Error>> {
    for name in ["axum", "actix", "hyper"] {
        let output = Command::new(binary(name)?)
            .env_remove("REBILL_WEBHOOK_SECRET")
            .output()?;
        let text = String::from_utf8(output.stderr)?;
        assert!(!output.status.success(), "{name}");
        assert_eq!(
            text.trim(),
            "error: REBILL_WEBHOOK_SECRET: the environment variable is not set"
        );
    }
    Ok(())
}

#[test]
fn the_quickstart_and_the_short_examples_end_well() -> Result<(), Box<dyn Error>> {
    let run = |name, flags: &[&str]| {
        Command::new(binary(name)?)
            .args(flags)
            .output()
            .map_err(Box::<dyn Error>::from)
    };
    let tour = run("quickstart", &["--once", "--listen", "127.0.0.1:0"])?;
    let table = String::from_utf8(tour.stdout)?;
    assert!(tour.status.success(), "{table}");
    assert!(table.contains("200 of 200: 200"), "{table}");
    assert!(run("custom_scheme", &[])?.status.success());
    assert!(run("multi_tenant", &[])?.status.success());
    Ok(())
}
