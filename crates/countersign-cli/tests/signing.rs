//! What the command signs, and how it judges what is signed: its own, and what senders published.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{fs, io::Read, process::Stdio};

use countersign_senders::all;

mod support;

use support::{Place, Ran, SECRET, root};

#[test]
fn published_vectors_agree() {
    let place = Place::new();
    let vectors = root().join("tests/vectors/published.json");
    let ran = place.run(&["verify", "--vectors", vectors.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{}", ran.out);
    assert_eq!(
        ran.out.lines().last(),
        Some("92 agree, 0 disagree, 11 of senders that have no preset")
    );
    // One that expects something else, and nothing but a list.
    let text = fs::read_to_string(vectors).unwrap();
    let other = place.file(
        "other",
        text.replacen("\"expect\": \"valid\"", "\"expect\": \"invalid\"", 1),
    );
    let ran = place.run(&["--json", "verify", "--vectors", &other]);
    assert_eq!((ran.code, &ran.json()["disagree"]), (Some(1), &1.into()));
    let broken = place.file("broken", r#"[{"secret":"hunter2-of-the-sender"}]"#);
    let ran = place.run(&["verify", "--vectors", &broken]);
    assert_eq!(ran.code, Some(2));
    assert!(!ran.err.contains(SECRET), "{}", ran.err);
}

/// A tolerance is how far back and how far ahead a time may lie; for late retries it may be longer, and back alone.
#[test]
fn a_tolerance_is_no_wider_ahead_than_it_was_asked_for() {
    let place = Place::new();
    let body = place.file("body", r#"{"event":"invitee.created"}"#);
    let run = |args: &[&str]| {
        let command = place
            .command(args)
            .env("COUNTERSIGN_SECRET", "3vAbC9zZk1-of-the-sender")
            .output();
        Ran::of(command.unwrap())
    };
    let signed = run(&[
        "sign",
        "--scheme",
        "calendly",
        "--body",
        &body,
        "--at",
        "1760000000",
    ]);
    let header = signed
        .out
        .lines()
        .find(|line| line.starts_with("Calendly"))
        .unwrap();
    for (at, due) in [
        ("1760000000", 0),
        ("1759999941", 0),
        ("1759999930", 1),
        ("1759920000", 1),
        ("1760000059", 0),
        ("1760000070", 1),
    ] {
        let args = [
            "verify",
            "--scheme",
            "calendly",
            "--header",
            header,
            "--body",
            &body,
            "--at",
            at,
            "--tolerance",
            "60",
        ];
        let ran = run(&args);
        assert_eq!(ran.code, Some(due), "{at}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn what_is_signed_verifies_in_every_form() {
    let place = Place::new();
    let url = "https://shop.example/hooks?a=1";
    for preset in all() {
        let scheme = preset.scheme;
        // A procedure's sender has bodies of its own form.
        let by_procedure = scheme.procedure().is_some();
        if scheme.algorithm().has_public_key() || !scheme.body_is_signed() || by_procedure {
            continue;
        }
        let secret = match scheme.key_format() {
            countersign_core::scheme::KeyFormat::Hex => {
                "00112233445566778899aabbccddeeff".to_owned()
            }
            countersign_core::scheme::KeyFormat::Base64 => {
                "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()
            }
            countersign_core::scheme::KeyFormat::Base64AfterPrefix(prefix) => {
                format!("{prefix}MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            }
            countersign_core::scheme::KeyFormat::TextWithPrefix(prefix) => {
                format!("{prefix}3vAbC9zZk1")
            }
            _ => "3vAbC9zZk1-of-the-sender".to_owned(),
        };
        // Some have their time in the body, in a field of its own.
        let time = scheme.time_pointer().map(|pointer| {
            let millis = scheme.time_unit() == Some(countersign_core::scheme::TimeUnit::Millis);
            let zeros = if millis { "000" } else { "" };
            format!(",\"{}\":1760000000{zeros}", pointer.trim_start_matches('/'))
        });
        let time = time.unwrap_or_default();
        let body = place.file(
            "body",
            format!("{{\"type\":\"it's\",\"name\":\"Zoë\\n\"{time}}}"),
        );
        let run = |args: &[&str], code: i32| {
            let args: Vec<&str> = args.iter().copied().chain(["--url", url]).collect();
            let output = place
                .command(&args)
                .env("COUNTERSIGN_SECRET", &secret)
                .output()
                .unwrap();
            let ran = Ran::of(output);
            assert_eq!(
                ran.code,
                Some(code),
                "{} {args:?}: {}{}",
                preset.name,
                ran.out,
                ran.err
            );
            assert!(
                !ran.out.contains(&secret) && !ran.err.contains(&secret),
                "{}",
                preset.name
            );
            ran.out
        };
        let at = "1760000000";
        let headers = run(
            &["sign", "--scheme", preset.name, "--body", &body, "--at", at],
            0,
        );
        let content = fs::read(&body).unwrap();
        let mut raw = format!(
            "POST /hooks?a=1 HTTP/1.1\r\nHost: shop.example\r\n{}\r\n",
            headers.replace('\n', "\r\n")
        )
        .into_bytes();
        raw.extend(&content);
        let raw = place.file("raw", raw);
        run(
            &[
                "verify",
                "--scheme",
                preset.name,
                "--request",
                &raw,
                "--at",
                at,
            ],
            0,
        );
        let curl = run(
            &[
                "sign",
                "--scheme",
                preset.name,
                "--body",
                &body,
                "--at",
                at,
                "--curl",
            ],
            0,
        );
        let curl = place.file("curl", curl);
        run(
            &[
                "verify",
                "--scheme",
                preset.name,
                "--curl",
                &curl,
                "--at",
                at,
            ],
            0,
        );
        let pairs: serde_json::Map<String, serde_json::Value> = headers
            .lines()
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let list: Vec<_> = pairs
            .iter()
            .map(|(name, value)| serde_json::json!({"name": name, "value": value}))
            .collect();
        let text = String::from_utf8(content.clone()).unwrap();
        let har = serde_json::json!({"log": {"entries": [{"request": {"method": "POST", "url": url, "headers": list, "postData": {"text": text}}}]}});
        let har = place.file("har", har.to_string());
        run(
            &["verify", "--scheme", preset.name, "--har", &har, "--at", at],
            0,
        );
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &content);
        let event = serde_json::json!({"httpMethod": "POST", "path": "/hooks", "headers": pairs, "body": encoded, "isBase64Encoded": true});
        let event = place.file("event", event.to_string());
        run(
            &[
                "verify",
                "--scheme",
                preset.name,
                "--gateway-event",
                &event,
                "--at",
                at,
            ],
            0,
        );
        let changed = place.file(
            "changed",
            fs::read_to_string(&raw).unwrap().replace("Zoë", "Zoe"),
        );
        run(
            &[
                "verify",
                "--scheme",
                preset.name,
                "--request",
                &changed,
                "--at",
                at,
            ],
            1,
        );
    }
}

/// A curl command does what it says when it is pasted.
#[test]
fn a_curl_command_works_when_it_is_pasted() {
    let place = Place::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("http://{}/hooks", listener.local_addr().unwrap());
    if std::process::Command::new("curl")
        .arg("--version")
        .output()
        .is_err()
    {
        assert!(std::env::var_os("CI").is_none(), "curl is missing");
        return;
    }
    for (input, body) in [
        ("-", &b"{\"it's\": \"$HOME `x`\",\n\t\"\xff\"}"[..]),
        ("-", b"@body"),
        ("body", b"\0\r\nx"),
    ] {
        let file = place.file("body", body);
        let name = if input == "-" { "-" } else { &file };
        let command = place.run_with(
            &[
                "sign", "--scheme", "github", "--body", name, "--url", &to, "--curl",
            ],
            body,
        );
        assert_eq!(command.code, Some(0), "{}", command.err);
        let mut curl = std::process::Command::new("bash")
            .args(["-c", &command.out])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut chunk = [0; 4096];
        while !complete(&request) {
            let read = stream.read(&mut chunk).unwrap();
            assert!(read > 0, "curl went away");
            request.extend_from_slice(&chunk[..read]);
        }
        drop(stream);
        let _ended = curl.wait().unwrap();
        let raw = place.file("raw", &request);
        let ran = place.run(&["verify", "--scheme", "github", "--request", &raw]);
        assert_eq!(ran.code, Some(0), "{}{}\n{}", ran.out, ran.err, command.out);
    }
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some(end) = request.windows(4).position(|at| at == b"\r\n\r\n") else {
        return false;
    };
    let length = text.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length: ")
            .map(|len| len.parse::<usize>().unwrap())
    });
    request.len() >= end + 4 + length.unwrap_or_default()
}
