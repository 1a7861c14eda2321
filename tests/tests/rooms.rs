//! What only one room does: nobody else derives keys, settles claims, calls the store, or knows how a row is laid
//! out. That imports go one way, and what a crate may know, is in `boundaries.rs`.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeSet, fs};

use countersign_tests::code::{crates, files, sources};

/// The files of core that have one of these in their code, by path; its unit tests are not read.
fn having(folder: &str, what: &[&str]) -> BTreeSet<(String, String)> {
    let root = crates().join(folder);
    let mut found = BTreeSet::new();
    for (path, code) in sources(&root) {
        let path = path.strip_prefix(&root).unwrap();
        if path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs")
        {
            continue;
        }
        let code: String = code.split_whitespace().collect();
        for what in what.iter().filter(|what| code.contains(**what)) {
            found.insert((path.to_str().unwrap().to_owned(), (*what).to_owned()));
        }
    }
    found
}

fn due(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    let owned = pairs
        .iter()
        .map(|(path, what)| ((*path).to_owned(), (*what).to_owned()));
    owned.collect()
}

/// Unit tests at a file's end, and files of tests, are as long as their tables.
#[test]
fn a_long_file_of_core_says_why() {
    let root = crates().join("countersign-core/src");
    let mut read = 0;
    for file in files(&root) {
        let is_test = file.contains("tests/") || file.ends_with("tests.rs");
        if !file.ends_with(".rs") || is_test {
            continue;
        }
        let text = fs::read_to_string(root.join(&file)).unwrap();
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        let head: Vec<&str> = code
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        let long = code.lines().count() > 400;
        assert!(!long || head.concat().contains("Long, because"), "{file}");
        read += 1;
    }
    assert!(read > 80, "{read} files");
}

#[test]
fn one_room_of_core_derives_keys() {
    let derived = [
        "for_id",
        "for_body",
        "for_tag",
        "for_subject",
        "for_request",
    ]
    .map(|of| format!("DeliveryKey::{of}("));
    let derived: Vec<&str> = derived.iter().map(String::as_str).collect();
    let due = due(&[
        ("identity.rs", "DeliveryKey::for_id("),
        ("identity.rs", "DeliveryKey::for_body("),
        ("identity.rs", "DeliveryKey::for_tag("),
        ("identity.rs", "DeliveryKey::for_subject("),
        ("identity.rs", "DeliveryKey::for_request("),
        // What an operator wants forgotten is named, not received.
        ("receiver/mod.rs", "DeliveryKey::for_id("),
        ("receiver/mod.rs", "DeliveryKey::for_subject("),
    ]);
    assert_eq!(having("countersign-core/src", &derived), due);
}

#[test]
fn one_room_orders_a_delivery_s_own_row_and_those_of_its_bytes() {
    // The engines that decide by themselves do it in one file each: docs/decisions.md, D8.
    let asked = ["Claim::Suppressed"];
    let stores = [
        ("countersign-core/src/store", "rule.rs"),
        ("countersign-postgres/src", "claim.rs"),
        ("countersign-redis/src", "reply.rs"),
    ];
    for (folder, file) in stores {
        assert_eq!(having(folder, &asked), due(&[(file, asked[0])]), "{folder}");
    }
    assert_eq!(having("countersign-sqlite/src", &asked), due(&[]));
}

#[test]
fn one_room_of_the_receiver_settles_claims() {
    let calls = ["inner.release(", "inner.complete("];
    let due = due(&[("claim.rs", calls[0]), ("claim.rs", calls[1])]);
    assert_eq!(having("countersign-core/src/receiver", &calls), due);
}

#[test]
fn one_room_of_the_receiver_calls_the_store() {
    let calls = [
        "store.claim(",
        "store.extend(",
        "store.complete(",
        "store.release(",
        "store.state(",
        "store.wait(",
        "store.forget(",
        "store.purge(",
    ];
    let due = due(&[
        ("store_calls.rs", "store.claim("),
        ("store_calls.rs", "store.extend("),
        ("store_calls.rs", "store.complete("),
        ("store_calls.rs", "store.release("),
        ("store_calls.rs", "store.state("),
        // A claim that is dropped has no time to wait for an answer.
        ("claim.rs", "store.release("),
        // A wait is bounded by itself.
        ("copies.rs", "store.wait("),
        // Only an operator asks for these, and bounds them.
        ("mod.rs", "store.forget("),
        ("mod.rs", "store.purge("),
    ]);
    assert_eq!(having("countersign-core/src/receiver", &calls), due);
}

#[test]
fn one_script_of_redis_knows_how_a_row_is_laid_out() {
    let folder = crates().join("countersign-redis/src/lua");
    let mut scripts = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("row.lua") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        // A key's own name ends with 32 bytes wherever it is.
        let text = text.replace("sub(KEYS[n], -32)", "");
        for call in ["sub(", "byte("] {
            assert!(!text.contains(call), "{}: {call}", path.display());
        }
        scripts += 1;
    }
    assert!(scripts > 4, "{scripts} scripts");
}
