//! Explanations of whatever arrived.

use countersign_core::explain::Question;
use countersign_senders::all;

use crate::request::{NOW, Request};

/// Nobody who writes requests knows it.
const SECRET: &str = "6f1c4a80b7-of-nobody-e95d2233";

/// The first byte picks a sender, the first line is a secret, then come headers and, behind an empty line, the
/// body. Whatever it says, nothing is reproduced with a secret that nobody knew, and nothing panics.
pub fn explain(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else {
        return;
    };
    let presets: Vec<_> = all().collect();
    let preset = presets[usize::from(*which) % presets.len()];
    let (mut headers, mut body, mut secret) = (Vec::new(), &b""[..], "");
    let mut left = rest;
    let mut number = 0;
    while let Some(at) = left.iter().position(|byte| *byte == b'\n') {
        let line = &left[..at];
        left = &left[at + 1..];
        if number == 0 {
            secret = str::from_utf8(line).unwrap_or_default();
        } else if line.is_empty() {
            body = left;
            break;
        } else if let Some(colon) = line.iter().position(|byte| *byte == b':') {
            let name = str::from_utf8(&line[..colon]).unwrap_or("x");
            headers.push((name, line[colon + 1..].trim_ascii()));
        }
        number += 1;
    }
    let request = Request::post(headers);
    let ask = |secret: &str| {
        Question::new(preset.scheme, secret, &request, body.to_vec(), NOW)
            .url("https://shop.example/hooks?b=2&a=1")
            .other_secret("other", SECRET)
            .other_schemes(presets.iter().take(12).map(|preset| preset.scheme))
            .explain()
    };
    let forged = ask(SECRET);
    assert!(
        !forged.is_reproduced(),
        "{}: {:?}",
        preset.name,
        forged.findings()
    );
    // With a secret of their own they may be right.
    let own = ask(secret);
    assert!(own.is_accepted() || !own.findings().is_empty());
}
