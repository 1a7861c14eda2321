//! Which crate may know what; and what no text may show.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use countersign_core::{
    Admitted, Intake, Keyring, MemoryStore, Prechecked, Received, Receiver, Rejection, Secret,
    Tenant, Verified,
};
use countersign_senders::standard_webhooks;
use countersign_testkit::Sender;
use countersign_tests::{
    code::{crates, sources, words},
    request::Request,
};
use serde_json::json;

#[test]
fn core_depends_on_no_framework_runtime_or_driver() {
    let tree = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args([
            "tree",
            "--package",
            "countersign-core",
            "--all-features",
            "--offline",
        ])
        // What is built for those who depend on it: no dev-dependencies.
        .args([
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).unwrap();
    let seen: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(seen.contains("sha2") && seen.contains("bytes"), "{seen:?}");
    for forbidden in [
        "tokio",
        "async-std",
        "smol",
        "actix-rt",
        "actix-web",
        "actix-http",
        "axum",
        "axum-core",
        "hyper",
        "tower",
        "tower-service",
        "tower-layer",
        "tower-http",
        "http-body",
        "rusqlite",
        "redis",
        "tokio-postgres",
        "sqlx",
        "countersign-tower",
        "countersign-senders",
        "countersign-testkit",
    ] {
        assert!(
            !seen.contains(forbidden),
            "countersign-core is built with {forbidden}"
        );
    }
}

/// The rooms of core from the ground up: each may name those of earlier rows, and of its own row only
/// itself. The last row is the receiver and what is said to the world, which are one.
const FLOORS: [&[&str]; 7] = [
    &["detail", "packed"],
    &["clock", "mac", "rejection", "texts"],
    &["scheme", "key"],
    &["keys", "store"],
    &["verify"],
    &["answer", "explain"],
    &["delivery", "extract", "identity", "receiver", "report"],
];

/// The rooms that code names by `crate::`, in imports and in the middle of lines.
fn named_rooms(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            rooms.extend(words(rest).next().map(str::to_owned));
            continue;
        };
        // The first word after the brace, and after every comma that is in no inner group.
        let (mut depth, mut fresh) = (0, true);
        let mut word = String::new();
        for at in group.chars() {
            match at {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => fresh = true,
                _ if depth == 0 && fresh && (at.is_alphanumeric() || at == '_') => word.push(at),
                _ if !word.is_empty() => {
                    rooms.push(core::mem::take(&mut word));
                    fresh = false;
                }
                _ => {}
            }
        }
        if !word.is_empty() {
            rooms.push(word);
        }
    }
    rooms
}

#[test]
fn imports_of_core_go_one_way() {
    let root = crates().join("countersign-core/src");
    let floor = |room: &str| FLOORS.iter().position(|rooms| rooms.contains(&room));
    let mut arrows = 0;
    for (path, code) in sources(&root) {
        let path = path.strip_prefix(&root).unwrap();
        let is_test = path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs");
        let first = path.iter().next().unwrap().to_str().unwrap();
        let room = first.trim_end_matches(".rs");
        if is_test || room == "lib" {
            continue;
        }
        let here = floor(room).unwrap_or_else(|| panic!("{room} is on no floor"));
        for named in named_rooms(&code).iter().filter(|named| *named != room) {
            let there = floor(named).unwrap_or_else(|| {
                panic!(
                    "{}: `crate::{named}` is no room: name the room, not the root",
                    path.display()
                )
            });
            let top = here == FLOORS.len() - 1 && there == here;
            assert!(there < here || top, "{} names {named}", path.display());
            arrows += 1;
        }
    }
    assert!(arrows > 50, "{arrows} arrows");
}

/// What helps somebody mend a request would help somebody forge one.
#[test]
fn nothing_on_the_way_of_a_request_names_explain() {
    let root = crates().join("countersign-core/src");
    for (path, code) in sources(&root) {
        let path = path.strip_prefix(&root).unwrap();
        if !path.starts_with("explain") && path != Path::new("lib.rs") {
            assert!(
                !words(&code).any(|word| word == "explain"),
                "{}",
                path.display()
            );
        }
    }
    let lib = fs::read_to_string(root.join("lib.rs")).unwrap();
    assert!(lib.contains("#[cfg(feature = \"explain\")]\npub mod explain;"));
    // The crates that applications depend on cannot switch it on.
    let mut asked = 0;
    for entry in fs::read_dir(crates()).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("countersign-core") || path.ends_with("countersign-cli") {
            continue;
        }
        let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("explain"), "{}", path.display());
        asked += 1;
    }
    assert!(asked >= 9, "{asked} crates");
}

#[test]
fn one_room_of_core_tells_what_happens() {
    let root = crates().join("countersign-core/src");
    for (path, code) in sources(&root) {
        let path = path.strip_prefix(&root).unwrap();
        // A store of one's own tells of itself.
        if path.starts_with("report") || path.starts_with("store/memory") {
            continue;
        }
        for word in words(&code) {
            let tells = ["tracing", "metrics", "spans"];
            assert!(!tells.contains(&word), "{}: {word}", path.display());
        }
        assert!(!code.contains("notify.send"), "{}", path.display());
    }
}

#[test]
fn a_verifier_knows_of_nothing_that_waits_or_remembers() {
    let root = crates().join("countersign-core/src/verify");
    for (path, code) in sources(&root) {
        for word in words(&code) {
            let foreign = [
                "receiver",
                "store",
                "futures_util",
                "Mutex",
                "Instant",
                "async",
            ];
            assert!(!foreign.contains(&word), "{}: {word}", path.display());
        }
    }
}

#[test]
fn one_room_of_core_names_cryptography() {
    let root = crates().join("countersign-core/src");
    let names = [
        "hmac",
        "Sha1",
        "sha2",
        "subtle",
        "ct_eq",
        "ed25519_dalek",
        "ecdsa",
        "pkcs1v15",
    ];
    let naming: Vec<PathBuf> = sources(&root)
        .into_iter()
        .filter(|(_, code)| words(code).any(|word| names.contains(&word)))
        .map(|(path, _)| path.strip_prefix(&root).unwrap().to_owned())
        .collect();
    assert!(naming.len() > 2, "{naming:?}");
    for path in naming {
        assert!(path.starts_with("mac"), "{}", path.display());
    }
}

// Timing is not measured here; that the comparison has no way out in the middle can be read.
#[test]
fn the_comparison_of_tags_has_no_early_exit() {
    let mac = fs::read_to_string(crates().join("countersign-core/src/mac/mod.rs")).unwrap();
    let (_, from) = mac.split_once("pub(crate) fn matching_key(").unwrap();
    let (body, _) = from.split_once("\npub(crate) fn hash_fields(").unwrap();
    let body: String = body
        .lines()
        .filter(|line| !line.starts_with("///"))
        .collect();
    // What differs is gathered before it is looked at.
    assert_eq!(body.matches("ct_eq").count(), 1);
    for word in words(&body) {
        let exits = [
            "break", "return", "continue", "if", "any", "find", "position", "take",
        ];
        assert!(!exits.contains(&word), "matching_key: {word}");
    }
    assert!(!body.contains('?'));
}

#[test]
fn adapters_neither_compare_nor_choose_statuses_nor_call_stores() {
    let (mut files, mut adapters) = (0, 0);
    for entry in fs::read_dir(crates()).unwrap() {
        let source = entry.unwrap().path().join("src");
        let code = sources(&source);
        // What an adapter brings, by either of the frameworks' words for it.
        let brings = ["ReceiverLayer", "ReceiverMiddleware"];
        let exports = code.iter().filter(|(path, _)| path.ends_with("lib.rs"));
        if !exports
            .flat_map(|(_, code)| words(code))
            .any(|word| brings.contains(&word))
        {
            continue;
        }
        adapters += 1;
        for (path, code) in code {
            let at = path.display();
            files += 1;
            for word in words(&code) {
                // 4xx and 5xx as numbers, in any of the ways that Rust writes them.
                let digits = word.trim_end_matches("u16").replace('_', "");
                let status = digits
                    .parse::<u16>()
                    .is_ok_and(|number| (100..=599).contains(&number));
                assert!(!status, "{at}: the status {word}");
                let comparing = ["ct_eq", "subtle", "hmac", "sha2", "constant_time_eq"];
                assert!(!comparing.contains(&word), "{at}: {word}");
                let store = ["DedupStore", "claim", "complete", "release", "extend_lease"];
                assert!(!store.contains(&word), "{at}: {word}");
            }
            // The one constant: an extractor without its layer is the application's fault.
            let constants = code.split("StatusCode::").skip(1);
            for constant in constants.filter_map(|rest| words(rest).next()) {
                let allowed = ["from_u16", "INTERNAL_SERVER_ERROR"];
                assert!(allowed.contains(&constant), "{at}: StatusCode::{constant}");
            }
        }
    }
    assert!(
        adapters >= 3 && files > 5,
        "{adapters} adapters, {files} files"
    );
}

#[test]
fn only_an_engine_s_own_file_names_its_driver() {
    let root = crates().join("countersign-handoff/src");
    let mut named = 0;
    for (path, code) in sources(&root) {
        let path = path.strip_prefix(&root).unwrap();
        for word in words(&code) {
            let home = match word {
                "async_nats" => "jetstream.rs",
                "redis" | "countersign_redis" => "redis_streams",
                // What to do with a store is the receiver's.
                "DedupStore" | "completion" => "",
                _ => continue,
            };
            // It is offered to applications there.
            let offered = path == Path::new("lib.rs") && !home.is_empty();
            assert!(
                offered || path.starts_with(home) && !home.is_empty(),
                "{}: {word}",
                path.display()
            );
            named += 1;
        }
    }
    assert!(named > 5, "{named} names");
}

#[test]
fn what_handlers_and_adapters_hold_may_travel() {
    const fn travels<T: Send + Sync + Unpin + 'static>() {}
    travels::<Receiver>();
    travels::<Prechecked>();
    travels::<Intake>();
    travels::<Verified>();
    travels::<Received>();
    travels::<Admitted>();
    travels::<Rejection>();
    travels::<Keyring>();
    travels::<Secret>();
}

/// Whether a text holds bytes, in any of the ways that they could be printed.
fn shows(text: &str, bytes: &[u8]) -> bool {
    let list = format!("{bytes:?}");
    let forms = [
        String::from_utf8_lossy(bytes).into_owned(),
        hex::encode(bytes),
        hex::encode_upper(bytes),
        STANDARD.encode(bytes),
        list.trim_matches(['[', ']']).to_owned(),
    ];
    forms.iter().any(|form| text.contains(form.as_str()))
}

#[test]
fn no_text_shows_a_secret_or_a_tag() {
    let encoded = "aHVudGVyMi1odW50ZXIyLWh1bnRlcjI=";
    let key = "hunter2-hunter2-hunter2";
    assert!(shows(&format!("{:?}", key.as_bytes()), key.as_bytes()));
    let shown = format!("whsec_{encoded}");
    let scheme = standard_webhooks::SCHEME;
    let sender = Sender::with_secret(scheme, shown.clone());
    let secret = || Secret::new(shown.clone()).unwrap();
    let bytes = Secret::from_bytes(key.as_bytes()).unwrap();
    let keyring = Keyring::from_secrets(&scheme, [secret(), bytes.clone()]).unwrap();
    let builder = Receiver::builder(scheme)
        .endpoint("test")
        .secret(secret())
        .store(MemoryStore::new());
    let mut texts = vec![
        format!("{:?} {:?} {:#?}", secret(), secret().labelled("x"), bytes),
        format!("{keyring:?} {keyring:#?} {builder:?} {builder:#?} {sender:?}"),
        format!("{:?}", Tenant::new("x", keyring)),
    ];
    let receiver = builder.build().unwrap();
    let delivery = sender.delivery("a", json!({}));
    let request = Request::from(&delivery);
    let head = receiver
        .verifier()
        .precheck(&request, sender.now())
        .unwrap();
    texts.push(format!("{receiver:?} {receiver:#?} {head:?} {head:#?}"));
    let mut intake = head.open(None).unwrap();
    intake.push(request.body.clone()).unwrap();
    texts.push(format!("{intake:?} {intake:#?}"));
    texts.push(format!("{:?}", intake.finish().unwrap()));

    // Errors name the mistake.
    let wrong = |text: &str| Keyring::new(&scheme, Secret::new(text).unwrap()).unwrap_err();
    for error in [
        wrong("whpk_hunter2-hunter2-hunter2"),
        wrong("hunter2-hunter2-hunter2!"),
    ] {
        texts.push(format!("{error} {error:?} {error:#?}"));
    }
    let padded = Secret::new(format!(" {key}")).unwrap_err();
    texts.push(format!("{padded} {padded:?}"));
    let refused = receiver
        .verifier()
        .verify(&request, "{ }".into(), sender.now())
        .unwrap_err();
    texts.push(format!("{refused} {refused:?}"));

    let signature = delivery.header("webhook-signature").unwrap();
    let tag = signature.strip_prefix("v1,").unwrap();
    let decoded = STANDARD.decode(encoded).unwrap();
    let raw_tag = STANDARD.decode(tag).unwrap();
    for text in texts {
        for secret in [
            key.as_bytes(),
            encoded.as_bytes(),
            &decoded,
            tag.as_bytes(),
            &raw_tag,
        ] {
            assert!(!shows(&text, secret), "{text}");
        }
    }
}
