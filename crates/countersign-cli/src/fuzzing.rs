//! What fuzz targets call.

use countersign_core::{Scheme, Timestamp, scheme::IdenticalBodies};
use zeroize::Zeroizing;

use crate::{
    captures::{headers, mask::Mask},
    commands::replay::instant,
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
    let mask = Mask::new(Some(&TOKEN), &[Zeroizing::new(SECRET.to_owned())]);
    let (masked, _) = mask.apply(&mut request);
    assert_eq!(masked.len(), request.headers.len());
    let there = |bytes: &[u8]| {
        let mut windows = bytes.windows(SECRET.len());
        windows.any(|window| window == SECRET.as_bytes())
    };
    assert!(!there(&request.body) && !there(request.target.as_bytes()));
    assert!(!request.headers.iter().any(|(_, value)| there(value)));
}
