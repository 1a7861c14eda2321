//! What fuzz targets call.

use std::{
    ffi::OsString,
    io::{self, ErrorKind},
    path::Path,
};

use countersign_core::{Scheme, Timestamp, scheme::IdenticalBodies};
use zeroize::Zeroizing;

use crate::{
    captures::{headers, mask::Mask},
    commands::replay::instant,
    gateway::config::{Settings, Sources},
    input,
    listen::filter::Filter,
};

/// A request as HTTP/1.1 writes it.
pub fn raw(bytes: &[u8]) {
    let _ = input::raw::parse(bytes);
}

/// An HTTP archive.
pub fn har(bytes: &[u8]) {
    let _ = input::har::parse(bytes, None, |_| true);
}

/// A curl command. Files that it names are not read.
pub fn curl(bytes: &[u8]) {
    let _ = input::curl::parse(bytes);
}

/// An event of a gateway.
pub fn gateway(bytes: &[u8]) {
    let _ = input::gateway::parse(bytes);
}

/// The headers of a capture.
pub fn capture_headers(bytes: &[u8]) {
    if let Some(read) = headers::decode(bytes) {
        let pairs: Vec<_> = read
            .iter()
            .map(|header| (header.name.clone(), header.value.clone()))
            .collect();
        let masked: Vec<bool> = read.iter().map(|header| header.masked).collect();
        assert_eq!(headers::encode(&pairs, &masked), bytes);
    }
}

/// A time as people write it, and a condition on a body.
pub fn arguments(text: &str) {
    let _ = instant(text, Timestamp::from_unix_seconds(1_760_000_000));
    let (condition, body) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(filter) = Filter::parse(&[], &[condition.to_owned()]) {
        let _ = filter.matches(None, body.as_bytes());
    }
}

/// A request that is kept.
///
/// # Panics
///
/// When the secret is left in it.
pub fn mask(bytes: &[u8]) {
    const SECRET: &str = "hunter2-of-the-sender";
    const TOKEN: Scheme = Scheme::token_in_body("/a/*/token")
        .batch("/a")
        .identical_bodies(IdenticalBodies::Events)
        .declare();
    let Ok(mut request) = input::raw::parse(bytes) else {
        return;
    };
    // The secret is put where the input says, so that no luck is needed.
    let place = bytes.first().copied().unwrap_or_default();
    let at = usize::from(place).min(request.body.len());
    request.body.splice(at..at, SECRET.bytes());
    request.target.push_str(&format!("?{SECRET}"));
    let secrets = [Zeroizing::new(SECRET.to_owned())];
    let mask = Mask::new([(&TOKEN, &secrets[..])]);
    let (masked, _) = mask.apply(Some(&TOKEN), &mut request);
    assert_eq!(masked.len(), request.headers.len());
    let there = |bytes: &[u8]| {
        let mut windows = bytes.windows(SECRET.len());
        windows.any(|window| window == SECRET.as_bytes())
    };
    assert!(!there(&request.body) && !there(request.target.as_bytes()));
    assert!(!request.headers.iter().any(|(_, value)| there(value)));
}
/// A gateway's file, on a machine without files, where one variable holds a secret of the gateway's own.
pub fn config(text: &str) {
    struct Nothing;

    impl Sources for Nothing {
        fn variable(&self, name: &str) -> Option<OsString> {
            (name == "SECRET").then(|| CONFIG_SECRET.into())
        }

        fn file(&self, _: &Path) -> io::Result<(Zeroizing<Vec<u8>>, bool)> {
            Err(ErrorKind::NotFound.into())
        }
    }

    let lines = text.matches('\n').count().saturating_add(1);
    if let Err(problems) = Settings::read(text, Path::new(""), &Nothing) {
        assert!(!problems.is_empty(), "a refusal without a reason");
        for problem in problems {
            assert!(
                (1..=lines).contains(&problem.line),
                "a line that there is not"
            );
            let told = problem.to_string();
            assert!(
                text.contains(CONFIG_SECRET) || !told.contains(CONFIG_SECRET),
                "a secret is told"
            );
        }
    }
}

const CONFIG_SECRET: &str = "whsec_c2VydmljZXMta25vdy1tZS1ieS10aGlzLWtleQ==";
