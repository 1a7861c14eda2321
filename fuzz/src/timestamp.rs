use std::{sync::LazyLock, time::Duration};

use countersign_core::{
    RejectionKind, Timestamp, Verifier,
    scheme::{Part, Scheme, SchemeBuilder, TimeUnit, Tolerance},
};

use crate::request::{Request, secret, verifier};

const SIGNATURE: &[u8] = b"0000000000000000000000000000000000000000000000000000000000000000";

const fn timed() -> SchemeBuilder {
    Scheme::body_hmac("X-Signature")
        .id_header("X-Id")
        .signed(&[Part::Timestamp, Part::Literal("."), Part::Body])
        .time_header("X-Time")
        .tolerance(Duration::from_secs(300))
}

static VERIFIERS: LazyLock<[Verifier; 4]> = LazyLock::new(|| {
    [
        (timed().declare(), 300, 300),
        (timed().time_in_millis().declare(), 300, 300),
        (timed().declare(), 0, 0),
        (timed().declare(), 86_400, 5),
    ]
    .map(|(scheme, past, future)| {
        let tolerance = Tolerance {
            past: Duration::from_secs(past),
            future: Duration::from_secs(future),
        };
        let verifier = verifier(scheme).secret(secret()).tolerance(tolerance);
        verifier.build().expect("a verifier")
    })
});

const TOLERANCES: [(i128, i128); 4] = [(300, 300), (300, 300), (0, 0), (86_400, 5)];

/// The first byte picks a verifier, up to the line's end comes its clock in milliseconds, and the
/// rest is the time's text. It is accepted exactly when it is plain digits within the tolerance.
pub fn timestamp(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else {
        return;
    };
    let mut halves = rest.splitn(2, |byte| *byte == b'\n');
    let (Some(now), Some(text)) = (halves.next(), halves.next()) else {
        return;
    };
    let Some(now) = str::from_utf8(now)
        .ok()
        .and_then(|now| now.parse::<i64>().ok())
    else {
        return;
    };
    // No clock shows a time so late that adding a tolerance to it would not fit.
    let now = now / 4;
    let which = usize::from(*which) % VERIFIERS.len();
    let verifier = &VERIFIERS[which];
    let request = Request::post(vec![("x-signature", SIGNATURE), ("x-time", text)]);

    let unit = match verifier.scheme().time_unit() {
        Some(TimeUnit::Millis) => 1,
        _ => 1_000,
    };
    let (past, future) = TOLERANCES[which];
    let digits = (1..=20).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    let age = digits
        .then(|| str::from_utf8(text).ok()?.parse::<i128>().ok())
        .flatten()
        .map(|time| i128::from(now) - time * unit);
    // A time in whole seconds is not older for what the clock shows behind the comma.
    let expected = match age {
        None => Some(RejectionKind::HeaderMalformed),
        Some(age) if -age > future * 1_000 => Some(RejectionKind::TimestampFuture),
        Some(age) if age.div_euclid(1_000) > past => Some(RejectionKind::TimestampStale),
        Some(_) => None,
    };
    let judged = verifier.precheck(&request, Timestamp::from_unix_millis(now));
    assert_eq!(judged.err().map(|rejection| rejection.kind()), expected);
}
