//! `countersign send` against the serving examples: what it counts is what their handlers saw.

use std::{error::Error, ffi::OsString, fs};

use countersign_cli::{Streams, run};
use countersign_examples::process::Example;
use serde_json::Value;

/// Runs the command in this process: its code, and its answer.
fn countersign(args: &[&str]) -> Result<(u8, Value), Box<dyn Error>> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let streams = Streams {
        stdin: &mut std::io::empty(),
        out: &mut out,
        err: &mut err,
        out_is_terminal: false,
        err_is_terminal: false,
    };
    let args = ["countersign", "--json"]
        .iter()
        .chain(args)
        .map(OsString::from);
    let code = run(args, streams);
    let answer = serde_json::from_slice(&out)
        .map_err(|_| format!("{code}: {}", String::from_utf8_lossy(&err)))?;
    Ok((code, answer))
}

/// A row of the answer: how many deliveries, and how many answers with each status.
fn row<'a>(answer: &'a Value, kind: &str) -> Result<&'a Value, Box<dyn Error>> {
    let rows = answer["sent"].as_array().ok_or("no rows")?;
    let row = rows.iter().find(|row| row["kind"] == kind);
    Ok(row.ok_or("no such row")?)
}

/// How many deliveries a handler saw, how often they ran, and whether one was a forgery.
async fn seen(example: &Example, source: &str) -> Result<(usize, u64, bool), Box<dyn Error>> {
    let deliveries = example.deliveries().await?;
    let of_source = deliveries.as_array().ok_or("no list")?.iter();
    let of_source: Vec<&Value> = of_source.filter(|seen| seen["source"] == source).collect();
    let runs = of_source
        .iter()
        .filter_map(|seen| seen["runs"].as_u64())
        .sum();
    let stale = of_source.iter().any(|seen| {
        seen["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("stale"))
    });
    Ok((of_source.len(), runs, stale))
}

#[tokio::test]
async fn the_counts_of_both_sides_add_up() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let secret = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text)?;
        file.into_os_string()
            .into_string()
            .map_err(|_| std::io::Error::other("not UTF-8"))
    };
    let of_rebill = secret("rebill", "of-rebill\n")?;
    let of_invoices = secret("invoices", "of-invoice-maker")?;
    for name in ["axum", "actix", "hyper"] {
        let example = Example::start(name, &[], &[])?;
        let to = |path: &str| format!("http://{}{path}", example.http.to());

        // Copies meet their events in flight; ids are not signed, so a body can be replayed under another.
        let rebill = to("/webhooks/rebill");
        let args = [
            "send",
            "--scheme",
            "rebill-za",
            "--secret-file",
            &of_rebill,
            "--to",
            &rebill,
            "--event",
            "invoice.paid",
            "--count",
            "60",
            "--duplicates",
            "0.5",
            "--tamper",
            "0.25",
            "--new-ids",
            "0.2",
            "--concurrent",
            "8",
        ];
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let asked = tokio::task::spawn_blocking(move || {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            countersign(&args).map_err(|error| error.to_string())
        });
        let (code, answer) = asked.await??;
        assert_eq!(
            (code, &answer["as_expected"]),
            (0, &Value::Bool(true)),
            "{name}: {answer}"
        );
        for (kind, deliveries) in [
            ("event", 60),
            ("duplicate", 30),
            ("tampered", 15),
            ("new id", 12),
        ] {
            assert_eq!(
                row(&answer, kind)?["deliveries"],
                deliveries,
                "{name}: {kind}"
            );
        }
        assert_eq!(row(&answer, "tampered")?["statuses"]["401"], 15, "{name}");
        // An event and its replay have the same bytes: one of the two ran.
        let (_, runs, _) = seen(&example, "rebill").await?;
        assert_eq!(runs, 60, "{name}");
        let fresh = |kind| -> Result<u64, Box<dyn Error>> {
            Ok(row(&answer, kind)?["dedup"]["fresh"]
                .as_u64()
                .unwrap_or_default())
        };
        let told = fresh("event")? + fresh("duplicate")? + fresh("new id")?;
        assert_eq!(told, 60, "{name}: {answer}");

        let invoices = to("/webhooks/invoice-maker");
        let args = [
            "send",
            "--scheme",
            "invoice-maker",
            "--secret-file",
            &of_invoices,
            "--to",
            &invoices,
            "--event",
            "invoice.paid",
            "--count",
            "40",
            "--duplicates",
            "0.5",
            "--tamper",
            "0.25",
            "--stale",
            "0.25",
            "--concurrent",
            "6",
        ];
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let asked = tokio::task::spawn_blocking(move || {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            countersign(&args).map_err(|error| error.to_string())
        });
        let (code, answer) = asked.await??;
        assert_eq!(
            (code, &answer["as_expected"]),
            (0, &Value::Bool(true)),
            "{name}: {answer}"
        );
        assert_eq!(row(&answer, "stale")?["statuses"]["401"], 10, "{name}");
        assert_eq!(
            seen(&example, "invoice-maker").await?,
            (40, 40, false),
            "{name}"
        );
        assert!(example.stop()?, "{name} did not end well");
    }
    Ok(())
}

#[tokio::test]
async fn a_failed_event_is_sent_again() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("secret");
    fs::write(&file, "of-invoice-maker")?;
    let file = file
        .into_os_string()
        .into_string()
        .map_err(|_| "not UTF-8")?;
    for name in ["axum", "actix", "hyper"] {
        let example = Example::start(name, &["--fail-first", "2"], &[])?;
        let to = format!("http://{}/webhooks/invoice-maker", example.http.to());
        let send = |more: &[&str]| {
            let args = [
                "send",
                "--scheme",
                "invoice-maker",
                "--secret-file",
                &file,
                "--to",
                &to,
                "--event",
                "invoice.paid",
            ];
            let args: Vec<String> = args
                .iter()
                .chain(more)
                .map(|arg| (*arg).to_owned())
                .collect();
            tokio::task::spawn_blocking(move || {
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                countersign(&args).map_err(|error| error.to_string())
            })
        };
        let (code, answer) =
            send(&["--count", "5", "--retries", "--time-scale", "100000"]).await??;
        assert_eq!(code, 0, "{name}: {answer}");
        let events = row(&answer, "event")?;
        assert_eq!(
            (&events["attempts"], &events["statuses"]["500"]),
            (&15.into(), &10.into()),
            "{name}"
        );
        // Without retries it is lost, and that is said.
        let (code, answer) = send(&["--count", "1"]).await??;
        assert_eq!(
            (code, &answer["as_expected"]),
            (1, &Value::Bool(false)),
            "{name}"
        );
        assert!(example.stop()?, "{name} did not end well");
    }
    Ok(())
}
