//! The serving examples, started as a user starts them and watched from outside.

use std::{error::Error, process::Command};

use countersign_examples::process::{Example, binary, paid};
use serde_json::json;

#[tokio::test]
async fn every_server_accepts_refuses_deduplicates_and_retries() -> Result<(), Box<dyn Error>> {
    for name in ["axum", "actix", "hyper"] {
        let effects =
            std::env::temp_dir().join(format!("countersign-{name}-{}", std::process::id()));
        let file = effects.to_str().ok_or("not UTF-8")?;
        let example = Example::start(name, &["--fail-first", "1", "--effects", file], &[])?;
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
        let example = Example::start(name, &["--panic-first", "2"], &[])?;
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
fn the_short_examples_end_well() -> Result<(), Box<dyn Error>> {
    let run = |name, flags: &[&str]| {
        Command::new(binary(name)?)
            .args(flags)
            .output()
            .map_err(Box::<dyn Error>::from)
    };
    assert!(run("custom_scheme", &[])?.status.success());
    assert!(run("multi_tenant", &[])?.status.success());
    assert!(run("verify_only", &[])?.status.success());
    Ok(())
}
