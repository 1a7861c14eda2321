//! The command as a process: codes, answers, and what it never shows.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{fs, io::Read, process::Stdio};

use countersign_core::Algorithm;
use countersign_senders::all;

mod support;

use support::{Place, Ran, SECRET, binary, root};

const BODY: &str = r#"{"id":"inv_1","status":"paid"}"#;

fn signature(place: &Place, body: &str) -> String {
    let signed = place.run(&[
        "sign",
        "--scheme",
        "rebill-za",
        "--body",
        body,
        "--id",
        "d1",
        "--event",
        "invoice.paid",
    ]);
    let line = signed
        .out
        .lines()
        .find(|line| line.starts_with("X-Rebill-Signature: "));
    line.unwrap().to_owned()
}

#[test]
fn codes_are_yes_no_usage_and_no_answer() {
    let place = Place::new();
    let body = place.file("body", BODY);
    let header = signature(&place, &body);
    let verify = |more: &[&str]| {
        let args = [&["verify", "--scheme", "rebill-za", "--body", &body], more].concat();
        place.run(&args).code
    };
    assert_eq!(verify(&["--header", &header]), Some(0));
    assert_eq!(
        verify(&["--header", "X-Rebill-Signature: sha256=00"]),
        Some(1)
    );
    assert_eq!(verify(&[]), Some(1));
    assert_eq!(verify(&["--header", "no colon"]), Some(2));
    assert_eq!(verify(&["--nonsense"]), Some(2));
    let codes = [
        (
            vec!["verify", "--scheme", "rebill-za", "--body", "/nowhere"],
            3,
        ),
        (vec!["verify", "--body", &body], 2),
        (vec!["verify", "--scheme", "rebill-zaa", "--body", &body], 2),
        (
            vec!["verify", "--scheme", "./nowhere.toml", "--body", &body],
            3,
        ),
        (vec!["schemes", "nobody"], 2),
        (vec!["schemes", "stripe"], 0),
        (vec!["--help"], 0),
        (vec!["--version"], 0),
        (vec![], 2),
        (
            vec![
                "send",
                "--scheme",
                "rebill-za",
                "--event",
                "a",
                "--to",
                "http://127.0.0.1:1/",
            ],
            3,
        ),
        (
            vec![
                "send",
                "--scheme",
                "rebill-za",
                "--event",
                "a",
                "--to",
                "http://10.0.0.1/",
            ],
            2,
        ),
        (
            vec![
                "send",
                "--scheme",
                "rebill-za",
                "--event",
                "a",
                "--to",
                "http://example.com/",
                "--count",
                "2",
            ],
            2,
        ),
        (
            vec![
                "send",
                "--scheme",
                "rebill-za",
                "--to",
                "http://127.0.0.1:1/",
            ],
            2,
        ),
    ];
    for (args, due) in codes {
        let ran = place.run(&args);
        assert_eq!(ran.code, Some(due), "{args:?}: {}{}", ran.out, ran.err);
        assert!(due < 2 || !ran.err.is_empty(), "{args:?} says nothing");
    }
}

#[test]
fn every_answer_is_of_the_schema() {
    let place = Place::new();
    let body = place.file("body", BODY);
    let header = signature(&place, &body);
    let vectors = root().join("tests/vectors/published.json");
    let vectors = vectors.to_str().unwrap();
    for args in [
        &["schemes"][..],
        &["schemes", "stripe"],
        &["sign", "--scheme", "rebill-za", "--body", &body],
        &["sign", "--scheme", "rebill-za", "--body", &body, "--curl"],
        &[
            "verify",
            "--scheme",
            "rebill-za",
            "--body",
            &body,
            "--header",
            &header,
        ],
        &["verify", "--scheme", "rebill-za", "--body", &body],
        &["verify", "--vectors", vectors],
        &[
            "explain",
            "--scheme",
            "rebill-za",
            "--body",
            &body,
            "--header",
            &header,
        ],
        &[
            "explain", "--scheme", "stripe", "--body", &body, "--header", &header,
        ],
        &["schemes", "nobody"],
        &["verify", "--body", "/nowhere", "--scheme", "stripe"],
        &["verify", "--nonsense"],
        &[
            "send",
            "--scheme",
            "stripe",
            "--event",
            "a",
            "--to",
            "http://10.0.0.1/",
        ],
    ] {
        let answer = place.run(&[&["--json"], args].concat()).json();
        let name = if args.contains(&"--nonsense") {
            "countersign"
        } else {
            args[0]
        };
        assert_eq!(answer["command"], name, "{args:?}");
    }
    // An answer of another form is not of it, either.
    let not = Ran {
        code: None,
        out: r#"{"command":"verify","verified":true}"#.to_owned(),
        err: String::new(),
    };
    assert!(std::panic::catch_unwind(|| not.json()).is_err());
}

#[test]
fn published_vectors_agree() {
    let place = Place::new();
    let vectors = root().join("tests/vectors/published.json");
    let ran = place.run(&["verify", "--vectors", vectors.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{}", ran.out);
    assert_eq!(
        ran.out.lines().last(),
        Some("80 agree, 0 disagree, 23 of senders that have no preset")
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
        if scheme.algorithm().has_public_key() || !scheme.body_is_signed() {
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

#[test]
fn bad_input_gets_a_line_and_a_code() {
    let place = Place::new();
    let verify = |body: &str| {
        place.run(&[
            "verify",
            "--scheme",
            "github",
            "--body",
            body,
            "--header",
            "X-Hub-Signature-256: sha256=00",
        ])
    };
    for (name, content) in [
        ("long", vec![b'x'; 25 * 1024 * 1024]),
        ("empty", Vec::new()),
        ("bytes", vec![0xff, 0xfe, 0]),
    ] {
        let file = place.file(name, &content);
        assert_eq!(verify(&file).code, Some(1), "{name}");
        // Right ones are accepted, whatever they are.
        let signed = place.run(&["sign", "--scheme", "github", "--body", &file]);
        let header = signed
            .out
            .lines()
            .find(|line| line.starts_with("X-Hub"))
            .unwrap();
        let args = [
            "verify", "--scheme", "github", "--body", &file, "--header", header,
        ];
        assert_eq!(place.run(&args).code, Some(0), "{name}");
    }
    let over = place.file("over", vec![b'x'; 64 * 1024 * 1024 + 1]);
    let ran = verify(&over);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("longer than 64 MiB"), "{}", ran.err);

    let body = place.file("body", BODY);
    let said = |more: &[&str], code: i32, due: &str| {
        let args = [&["verify", "--scheme", "github", "--body", &body], more].concat();
        let ran = Ran::of(place.command(&args).output().unwrap());
        assert_eq!(ran.code, Some(code), "{more:?}: {}", ran.err);
        assert!(ran.err.contains(due), "{more:?}: {}", ran.err);
        assert_eq!(ran.err.trim_end().lines().count(), 1, "{}", ran.err);
    };
    let empty = place.file("no-secret", "\n");
    said(&["--secret-file", &empty], 2, "the secret is empty");
    said(
        &["--secret-file", "/nowhere/secret"],
        3,
        "/nowhere/secret: entity not found",
    );
    said(
        &["--secret-env", "NO_SUCH_VARIABLE"],
        2,
        "NO_SUCH_VARIABLE: not set",
    );
    said(&[], 2, "which secret?");
    said(&["--secret-prompt"], 3, "cannot be asked for");
    let bytes = place.file("no-text", [0xff, 0xfe]);
    said(&["--secret-file", &bytes], 2, "not UTF-8");
    let padded = place.file("padded", " a\n");
    said(&["--secret-file", &padded], 2, "white space");
    let ran = place.run(&["verify", "--scheme", "gihtub", "--body", &body]);
    assert!(
        ran.err.contains("the nearest names are github, "),
        "{}",
        ran.err
    );
}

#[cfg(unix)]
#[test]
fn a_secret_that_everybody_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let (body, secret) = (place.file("body", BODY), place.file("secret", SECRET));
    let sign = || {
        place.run(&[
            "sign",
            "--scheme",
            "github",
            "--body",
            &body,
            "--secret-file",
            &secret,
        ])
    };
    assert_eq!(sign().err, "");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = sign();
    assert_eq!(ran.code, Some(0));
    assert!(
        ran.err.contains("warning: ") && ran.err.contains("everybody"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains(SECRET));
}

/// In no answer, no mistake, no argument: whatever is asked, and whatever goes wrong.
#[test]
fn a_secret_is_shown_nowhere() {
    let place = Place::new();
    let body = place.file("body", BODY);
    let header = signature(&place, &body);
    let tag = header.rsplit('=').next().unwrap();
    let token = place.file(
        "token.toml",
        "name = \"token\"\nsignature = { header = \"X-Token\", algorithm = \"token\", encoding = \"text\" }\nid = { header = \"X-Id\" }\n",
    );
    let secret = place.file("secret", SECRET);
    let quoted = place.file("quoted", format!("\"{SECRET}\"\n\n"));
    for args in [
        &["sign", "--scheme", "rebill-za", "--body", &body][..],
        &["sign", "--scheme", &token, "--body", &body],
        &["sign", "--scheme", &token, "--body", &body, "--curl"],
        &[
            "sign",
            "--scheme",
            &token,
            "--body",
            &body,
            "--curl",
            "--secret-file",
            &secret,
        ],
        &[
            "verify",
            "--scheme",
            "rebill-za",
            "--body",
            &body,
            "--header",
            &header,
        ],
        &[
            "verify", "--scheme", "stripe", "--body", &body, "--header", &header,
        ],
        &["verify", "--scheme", "standard-webhooks", "--body", &body],
        &[
            "explain",
            "--scheme",
            "rebill-za",
            "--body",
            "/dev/null",
            "--header",
            &header,
        ],
        &[
            "explain", "--scheme", "stripe", "--body", &body, "--header", &header,
        ],
        &[
            "explain",
            "--scheme",
            "rebill-za",
            "--body",
            &body,
            "--header",
            &header,
            "--secret-file",
            &quoted,
        ],
        &[
            "explain",
            "--scheme",
            "rebill-za",
            "--body",
            &body,
            "--header",
            &header,
            "--secret-file",
            &quoted,
            "--secret-file",
            &secret,
        ],
        &[
            "send",
            "--scheme",
            "rebill-za",
            "--event",
            "a",
            "--to",
            "http://127.0.0.1:1/",
        ],
        // Somebody who gives the secret where a name or a path is due.
        &[
            "verify",
            "--scheme",
            "rebill-za",
            "--body",
            &body,
            "--secret-env",
            SECRET,
        ],
        &[
            "verify",
            "--scheme",
            "rebill-za",
            "--body",
            &body,
            "--secret-file",
            SECRET,
        ],
    ] {
        for json in [&[][..], &["--json"]] {
            let ran = place.run(&[json, args].concat());
            assert!(!ran.out.contains(SECRET), "{args:?}: {}", ran.out);
            assert!(!ran.err.contains(SECRET), "{args:?}: {}", ran.err);
            if args[0] == "explain" || args[0] == "verify" {
                assert!(!ran.out.contains(tag) && !ran.err.contains(tag), "{args:?}");
            }
        }
    }
    // There is no option that takes one.
    let help = Place::new().run(&["verify", "--help"]).out;
    assert!(!help.contains("--secret <") && !help.contains("--secret="));
    assert_eq!(place.run(&["verify", "--secret", "x"]).code, Some(2));
    // What a process was started with can be read by everybody: the command starts none.
    let source = fs::read_to_string(root().join("crates/countersign-cli/src/secrets.rs")).unwrap();
    assert!(!source.contains("Command::new"));
}

#[test]
fn tokens_and_public_keys_are_explained() {
    let place = Place::new();
    let body = place.file("body", BODY);
    let token = place.file(
        "token.toml",
        "name = \"token\"\nsignature = { header = \"X-Token\", algorithm = \"token\", encoding = \"text\" }\nid = { header = \"X-Id\" }\n",
    );
    let ran = place.run(&["sign", "--scheme", &token, "--body", &body]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("signs nothing"), "{}", ran.err);
    let header = format!("X-Token: {SECRET}");
    let ran = place.run(&[
        "verify", "--scheme", &token, "--body", &body, "--header", &header,
    ]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.out.contains("nothing is signed"), "{}", ran.out);
    let public = all()
        .find(|preset| preset.scheme.algorithm() == Algorithm::Ed25519)
        .unwrap();
    let ran = place.run(&["sign", "--scheme", public.name, "--body", &body]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err.contains("private key") && !ran.err.contains(SECRET),
        "{}",
        ran.err
    );
    let mut command = place.command(&["sign", "--scheme", public.name, "--body", &body]);
    let ran = Ran::of(
        command
            .env("COUNTERSIGN_SECRET", "7f".repeat(32))
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

/// A reader that goes away is no mistake, and changes no verdict.
#[test]
fn a_closed_pipe_is_quiet() {
    let place = Place::new();
    for args in [
        "schemes",
        "schemes stripe --toml",
        "man",
        "completions bash",
        "--help",
    ] {
        let script = format!("'{}' {args} | true; exit ${{PIPESTATUS[0]}}", binary());
        let mut bash = std::process::Command::new("bash");
        let output = bash
            .args(["-c", &script])
            .current_dir(place.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{args}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args}");
    }
    // A disk that is full is one.
    if fs::metadata("/dev/full").is_ok() {
        let script = format!("'{}' schemes > /dev/full", binary());
        let output = std::process::Command::new("bash")
            .args(["-c", &script])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("cannot be written"), "{said}");
    }
}

#[test]
fn colours_are_for_terminals() {
    let place = Place::new();
    assert!(!place.run(&["schemes", "stripe"]).out.contains('\u{1b}'));
    assert!(
        place
            .run(&["--color", "always", "schemes", "stripe"])
            .out
            .contains('\u{1b}')
    );
    assert!(
        !place
            .run(&["--color", "always", "--json", "schemes", "stripe"])
            .out
            .contains('\u{1b}')
    );
}

/// What somebody else wrote is shown as text, and moves no cursor.
#[test]
fn a_terminal_is_told_nothing_by_a_request() {
    let place = Place::new();
    let body = place.file(
        "body",
        "{\"id\":\"\\u001b[2J\",\"type\":\"\\u202eevil\\u0007\"}",
    );
    let mut sign = place.command(&["sign", "--scheme", "stripe", "--body", &body]);
    let signed = Ran::of(sign.env("COUNTERSIGN_SECRET", "whsec_1").output().unwrap());
    let header = signed
        .out
        .lines()
        .find(|line| line.starts_with("Stripe"))
        .unwrap();
    let mut verify = place.command(&[
        "verify", "--scheme", "stripe", "--body", &body, "--header", header,
    ]);
    let ran = Ran::of(
        verify
            .env("COUNTERSIGN_SECRET", "whsec_1")
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let obeyed = |at: char| at.is_control() && at != '\n' || at == '\u{202e}';
    assert!(!ran.out.contains(obeyed), "{:?}", ran.out);
    let odd = place.run(&["schemes", "no\u{1b}[31msuch"]);
    assert!(!odd.err.contains('\u{1b}'), "{:?}", odd.err);
}

#[test]
fn flags_come_before_the_environment_and_that_before_the_file() {
    let place = Place::new();
    let body = place.file("body", BODY);
    let config = place.file(
        "config.toml",
        "scheme = \"github\"\nsecret_env = \"OTHER\"\n",
    );
    let sign = |flags: &[&str], env: &[(&str, &str)]| {
        let args = [&["sign", "--body", &body, "--config", &config], flags].concat();
        let output = place
            .command(&args)
            .env("OTHER", "abc")
            .envs(env.iter().copied())
            .output()
            .unwrap();
        Ran::of(output).out
    };
    assert!(sign(&[], &[]).contains("X-Hub-Signature-256"));
    assert!(sign(&[], &[("COUNTERSIGN_SCHEME", "shopify")]).contains("X-Shopify"));
    assert!(
        sign(
            &["--scheme", "rebill-za"],
            &[("COUNTERSIGN_SCHEME", "shopify")]
        )
        .contains("X-Rebill")
    );
    let wrong = place.file("wrong.toml", "shceme = \"github\"\n");
    let ran = place.run(&["sign", "--body", &body, "--config", &wrong]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("shceme"), "{}", ran.err);
}

#[test]
fn completions_and_the_page_are_of_this_binary() {
    let place = Place::new();
    let page = place.run(&["man"]).out;
    for command in ["schemes", "sign", "verify", "explain", "send"] {
        assert!(page.contains(command), "{command}");
        for shell in ["bash", "zsh", "fish"] {
            assert!(
                place.run(&["completions", shell]).out.contains(command),
                "{shell} {command}"
            );
        }
    }
}
