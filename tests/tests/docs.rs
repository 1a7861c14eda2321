//! What the docs say of the library, against the library.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

use countersign_core::RejectionKind;
use countersign_tests::table::rows;

fn page(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(name)).unwrap()
}

/// `N` for every number and `".."` for every list of quoted texts, as the page writes them.
fn general(text: &str) -> String {
    let mut shown = String::new();
    let mut quoted = false;
    for at in text.chars() {
        match at {
            '"' if quoted => {
                quoted = false;
                shown.push_str("..\"");
            }
            '"' => {
                quoted = true;
                shown.push(at);
            }
            _ if quoted => {}
            '0'..='9' if shown.ends_with('N') => {}
            '0'..='9' => shown.push('N'),
            _ => shown.push(at),
        }
    }
    shown.replace("\"..\", \"..\"", "\"..\"")
}

/// The kind and the detail of a refusal, without the header between them.
fn without_header(text: &str) -> String {
    let kind = RejectionKind::ALL
        .iter()
        .map(|kind| kind.as_str())
        .find(|kind| text.starts_with(kind))
        .unwrap();
    let rest = text[kind.len()..].trim_start_matches(": ");
    let is_header = |part: &str| !part.contains(' ');
    let detail = match rest.split_once(": ") {
        Some((header, detail)) if is_header(header) => detail,
        _ if is_header(rest) => "",
        _ => rest,
    };
    match detail {
        "" => kind.to_owned(),
        detail => format!("{kind}: {detail}"),
    }
}

#[test]
fn every_refusal_is_explained() {
    let page = page("docs/refusals.md");
    let explains = |text: &str| page.contains(&format!("| {text} |"));
    for kind in RejectionKind::ALL {
        let begun = format!("| {}", kind.as_str());
        assert!(page.contains(&begun), "{kind:?}");
    }
    let mut told = 0;
    for row in rows() {
        for refused in row.steps.iter().filter_map(|step| step.refused) {
            let text = general(&without_header(refused));
            assert!(explains(&text), "{}: {text}", row.name);
            told += 1;
        }
    }
    assert!(told > 60, "{told} refusals");
}
