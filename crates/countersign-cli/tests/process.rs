//! The command as a process: codes, answers, and how it behaves in a terminal.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;

mod support;

use support::{BODY, Place, Ran, binary, root, signature};

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

/// Square signs its address, and whoever sends a request writes its `Host`.
#[test]
fn an_address_that_only_the_request_says_is_marked() {
    let place = Place::new();
    let body = place.file("body", BODY);
    let url = "https://shop.example/hooks";
    let signed = place.run(&["sign", "--scheme", "square", "--body", &body, "--url", url]);
    let is_signature = |line: &&str| line.to_ascii_lowercase().contains("signature: ");
    let header = signed.out.lines().find(is_signature).unwrap();
    let request = format!("POST /hooks HTTP/1.1\r\nHost: shop.example\r\n{header}\r\n\r\n{BODY}");
    let request = place.file("request", request);
    for command in ["verify", "explain"] {
        let args = [command, "--scheme", "square", "--request", &request];
        let marked = place.run(&args);
        assert_eq!(marked.code, Some(0), "{}{}", marked.out, marked.err);
        let line = "  address https://shop.example/hooks  (the request's own word";
        assert!(marked.out.contains(line), "{}", marked.out);
        let said = place.run(&[&args[..], &["--url", url]].concat());
        assert!(!said.out.contains("address"), "{}", said.out);
        let json = |more: &[&str]| {
            let answer = place.run(&[&["--json"], &args[..], more].concat());
            answer.json()["claimed_address"].clone()
        };
        assert_eq!(json(&[]), url);
        assert!(json(&["--url", url]).is_null());
    }
    // A signature that says nothing of the address needs no such line.
    let header = signature(&place, &body);
    let request = format!("POST /hooks HTTP/1.1\r\nHost: shop.example\r\n{header}\r\n\r\n{BODY}");
    let request = place.file("request", request);
    let plain = place.run(&["verify", "--scheme", "rebill-za", "--request", &request]);
    assert!(
        plain.code == Some(0) && !plain.out.contains("address"),
        "{}",
        plain.out
    );
}

/// A limit that a document sets is not answered with one that only code can set.
#[test]
fn a_document_with_long_bodies_is_judged() {
    let place = Place::new();
    let document = r#"
        name = "acme"
        signature = { header = "X-Acme-Signature", prefix = "sha256=" }
        id = { header = "X-Acme-Id" }
        body_limit = 200_000_000
    "#;
    let document = place.file("acme.toml", document);
    let body = place.file("body", BODY);
    let sign = ["sign", "--scheme", &document, "--body", &body];
    let signed = place.run(&sign);
    let header = signed.out.lines().find(|line| line.contains("Signature: "));
    let header = header.unwrap_or_else(|| panic!("{}", signed.err));
    let args = ["--scheme", &document, "--body", &body, "--header", header];
    for command in ["verify", "explain"] {
        let judged = place.run(&[&[command], &args[..]].concat());
        assert_eq!(judged.code, Some(0), "{}{}", judged.out, judged.err);
    }
}
