//! Services in other languages behind the gateway: they verify with a library that others wrote.
//!
//! Needs `standardwebhooks` of PyPI and npm in `target/gateway-clients`, where `.ci/run` puts them. Where they are
//! missing the test says so, unless `COUNTERSIGN_REQUIRE_SERVERS=1`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use countersign_senders::rebill_za;
use countersign_testkit::Sender;
use serde_json::Value;

#[path = "support/gateway.rs"]
mod gateway;
mod support;

use gateway::{Gateway, KEY, Upstream, config, headers, request};
use support::{Place, SECRET, root};

const MEMORY: &str = "kind = \"memory\"";

/// A service of `examples/gateway`, ended with the test.
struct Service {
    child: Child,
    address: SocketAddr,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Service {
    /// None where the language or its library is missing.
    fn start(program: &str, file: &str, variable: &str, library: &str) -> Option<Self> {
        let libraries = clients().join(library);
        let there = Command::new(program).arg("--version").output().is_ok() && libraries.is_dir();
        if !there {
            let what =
                format!("{program} or its standardwebhooks is missing (.ci/run installs it)");
            let required = std::env::var_os("COUNTERSIGN_REQUIRE_SERVERS");
            assert!(required.is_none_or(|value| value != "1"), "{what}");
            eprintln!("not tested: {what}");
            return None;
        }
        let mut child = Command::new(program)
            .arg(root().join("examples/gateway").join(file))
            .env(variable, libraries)
            .env("GATEWAY_SECRET", KEY)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port: u16 = lines.next().unwrap().unwrap().parse().unwrap();
        let address = ([127, 0, 0, 1], port).into();
        Some(Self {
            child,
            address,
            lines,
        })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn clients() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("gateway-clients")
}

fn verifies(mut service: Service) {
    let place = Place::new();
    let file = |upstream| place.file("c.toml", config(upstream, "rebill-za", MEMORY, ""));
    let event = |id: &str| {
        let body = format!("{{ \"id\":\"{id}\",\r\n\"who\": \"Zo\u{eb}\" }}");
        Sender::with_secret(rebill_za::SCHEME, SECRET)
            .raw("invoice.paid", id, body)
            .to("/hook")
    };
    let gateway = Gateway::start(&place, &file(service.address));
    for id in ["inv_1", "inv_2", "inv_2"] {
        let answer = gateway.send(&event(id));
        assert!(matches!(answer.status, 200 | 204), "{answer:?}");
    }
    for id in ["inv_1", "inv_2"] {
        let line = service.lines.next().unwrap().unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&told["event"]["id"], &told["event"]["who"]),
            (&id.into(), &"Zo\u{eb}".into())
        );
        assert_eq!(told["path"], "/in");
    }
    // What does not come from the gateway is refused: without a signature, and with one over other bytes.
    assert_eq!(
        request(service.address, "POST", "/in", &[], b"{}")
            .unwrap()
            .status,
        401
    );
    let upstream = Upstream::start();
    let recording = Gateway::start(&place, &file(upstream.address));
    assert_eq!(recording.send(&event("inv_3")).status, 200);
    let seen = upstream.seen();
    let signed: Vec<_> = headers(&seen[0].head)
        .filter(|(name, _)| name.starts_with("webhook-"))
        .collect();
    assert_eq!(signed.len(), 3);
    assert_eq!(
        request(
            service.address,
            "POST",
            "/in",
            &signed,
            b"{\"id\":\"inv_4\"}"
        )
        .unwrap()
        .status,
        401
    );
    assert_eq!(
        request(service.address, "POST", "/in", &signed, &seen[0].body)
            .unwrap()
            .status,
        204
    );
}

#[test]
fn the_library_of_pypi_verifies() {
    if let Some(service) = Service::start("python3", "receiver.py", "PYTHONPATH", "python") {
        verifies(service);
    }
}

#[test]
fn the_library_of_npm_verifies() {
    if let Some(service) = Service::start("node", "receiver.cjs", "NODE_PATH", "node/node_modules")
    {
        verifies(service);
    }
}

/// The page shows the files that the tests run.
#[test]
fn the_page_shows_these_files() {
    let page = fs::read_to_string(root().join("docs/gateway.md")).unwrap();
    for (file, language) in [
        ("examples/gateway/receiver.py", "python"),
        ("examples/gateway/receiver.cjs", "javascript"),
        ("examples/gateway/countersign.toml", "toml"),
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let block = format!("```{language}\n{text}```\n");
        assert!(
            page.contains(&block),
            "docs/gateway.md does not show {file} as it is"
        );
    }
    // And the libraries are those that are installed for the tests.
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    for pinned in ["standardwebhooks==1.0.1", "standardwebhooks@1.1.1"] {
        assert!(page.contains(pinned) && ci.contains(pinned), "{pinned}");
    }
}

/// The configuration of the page is one.
#[test]
fn the_configuration_of_the_page_is_good() {
    let place = Place::new();
    let page = fs::read_to_string(root().join("docs/gateway.md")).unwrap();
    let block = page
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let file = place.file("countersign.toml", block);
    let check = |without: &str| {
        let mut command = place.command(&["serve", "--check", "--config", &file]);
        command.env("GATEWAY_SECRET", KEY);
        for name in [
            "STRIPE_WEBHOOK_SECRET",
            "GITHUB_WEBHOOK_SECRET",
            "GITHUB_WEBHOOK_SECRET_OLD",
        ] {
            if name != without {
                command.env(name, "whsec_of-this-sender");
            }
        }
        support::Ran::of(command.output().unwrap())
    };
    let ran = check("");
    assert_eq!(ran.code, Some(0), "{}", ran.out);
    let ran = check("STRIPE_WEBHOOK_SECRET");
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(
        ran.out.contains("the variable that this names is not set"),
        "{}",
        ran.out
    );
    // Every key that the gateway knows is in the page's tables.
    for wrong in [
        "no_such_key = 1\n",
        "[store]\nkind = \"memory\"\nno_such_key = 1",
        "[endpoints.a]\nno_such_key = 1",
    ] {
        let file = place.file("wrong.toml", wrong);
        let ran = support::Ran::of(
            place
                .command(&["serve", "--check", "--config", &file])
                .output()
                .unwrap(),
        );
        let told = ran
            .out
            .lines()
            .find(|line| line.contains("no_such_key"))
            .unwrap()
            .to_owned();
        let keys = told.split_once("there are ").unwrap().1;
        for key in keys.split(", ") {
            assert!(
                page.contains(&format!("`{key}`")),
                "`{key}` is not in docs/gateway.md"
            );
        }
    }
}
