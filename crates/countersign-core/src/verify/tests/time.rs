//! Which times are read, and which are near enough.

use super::{
    head::{Rows, each_value, precheck},
    *,
};
use crate::{rejection::RejectionKind::*, scheme::Tolerance};

#[test]
fn times_are_plain_digits_within_the_tolerance() {
    let verifier = verifier(FULL);
    let at = |seconds: i64| (NOW + seconds).to_string().into_bytes();
    let text = |text: &str| text.as_bytes().to_vec();
    let rows: Rows<'_> = &[
        ("now", at(0), Ok(())),
        ("300 s old", at(-300), Ok(())),
        ("301 s old", at(-301), Err(TimestampStale)),
        ("300 s ahead", at(300), Ok(())),
        ("301 s ahead", at(301), Err(TimestampFuture)),
        ("the epoch", text("0"), Err(TimestampStale)),
        ("a leading zero", text("01712000000"), Ok(())),
        (
            "milliseconds for seconds",
            text("1712000000000"),
            Err(TimestampFuture),
        ),
        (
            "2^63 - 1",
            text("9223372036854775807"),
            Err(TimestampFuture),
        ),
        ("2^63", text("9223372036854775808"), Err(TimestampFuture)),
        ("2^64", text("18446744073709551616"), Err(TimestampFuture)),
        (
            "20 digits",
            text("99999999999999999999"),
            Err(TimestampFuture),
        ),
        (
            "21 digits",
            text("000000000001712000000"),
            Err(HeaderMalformed),
        ),
        (
            "30 digits",
            text("999999999999999999999999999999"),
            Err(HeaderMalformed),
        ),
        ("negative", text("-1712000000"), Err(HeaderMalformed)),
        (
            "i64::MIN",
            text("-9223372036854775808"),
            Err(HeaderMalformed),
        ),
        ("plus", text("+5"), Err(HeaderMalformed)),
        ("blank", text(" 5"), Err(HeaderMalformed)),
        ("blank behind", text("1712000000 "), Err(HeaderMalformed)),
        ("fraction", text("1712000000.0"), Err(HeaderMalformed)),
        ("exponent", text("1712e6"), Err(HeaderMalformed)),
        ("hexadecimal", text("0x660af100"), Err(HeaderMalformed)),
        ("underscores", text("1_712_000_000"), Err(HeaderMalformed)),
        ("a date", text("2024-04-01T19:33:20Z"), Err(HeaderMalformed)),
        ("other digits", text("١٧١٢"), Err(HeaderMalformed)),
        ("minus zero", text("-0"), Err(HeaderMalformed)),
        ("not a number", text("NaN"), Err(HeaderMalformed)),
    ];
    each_value(&verifier, "X-Time", rows);
}

#[test]
fn ages_are_told_and_no_clock_overflows() {
    let verifier = verifier(FULL);
    let late = Request::full("{}").set("X-Time", (NOW - 1_000).to_string());
    let refused = precheck(&verifier, &late).unwrap_err();
    assert_eq!(refused.age(), Some(Duration::from_secs(1_000)));
    // A second has 1,000 ms: a time in whole seconds is not older than it says.
    let edge = Request::full("{}").set("X-Time", (NOW - 300).to_string());
    let now = Timestamp::from_unix_millis(NOW * 1_000 + 999);
    assert_eq!(kind(verifier.precheck(&edge, now)), Ok(()));
    for clock in [i64::MIN, -1, 0, i64::MAX] {
        for time in ["0", "9223372036854775807", "99999999999999999999"] {
            let request = Request::full("{}").set("X-Time", time);
            let _verdict = verifier.precheck(&request, Timestamp::from_unix_millis(clock));
        }
    }
}

#[test]
fn a_time_may_be_missing_where_nothing_hangs_on_it() {
    let scheme = || {
        Scheme::body_hmac("X-Sig")
            .id_header("X-Id")
            .time_header("X-Time")
    };
    let timeless = |signed: &[u8]| Request::new("").with("X-Sig", tag(signed));
    let verdict = |scheme: SchemeBuilder, request: &Request| {
        let verdict = request.judge(&verifier(scheme));
        verdict
            .map(|verified| verified.time())
            .map_err(|refused| refused.kind())
    };
    // Neither signed nor judged.
    assert_eq!(verdict(scheme(), &timeless(b"")), Ok(None));
    let dated = timeless(b"").with("X-Time", NOW.to_string());
    let now = Timestamp::from_unix_seconds(NOW);
    assert_eq!(verdict(scheme(), &dated), Ok(Some(now)));
    // Signed, though not judged: without it there is nothing to sign.
    const SIGNED: &[Part] = &[Part::Timestamp, DOT, Part::Body];
    let signed = || scheme().signed(SIGNED);
    assert_eq!(verdict(signed(), &timeless(b".")), Err(HeaderMissing));
    let dated = timeless(format!("{NOW}.").as_bytes()).with("X-Time", NOW.to_string());
    assert_eq!(verdict(signed(), &dated), Ok(Some(now)));
    // Signed and judged.
    let judged = signed().tolerance(Duration::from_secs(300));
    assert_eq!(verdict(judged, &timeless(b".")), Err(HeaderMissing));
    assert_eq!(verdict(judged, &dated), Ok(Some(now)));
}

#[test]
fn a_late_retry_is_taken_and_says_how_late_it_is() {
    let hour = 3_600;
    let late = |age: i64| {
        let time = NOW - age;
        Request::new("{}")
            .with("X-Sig", tag(format!("{time}.{{}}").as_bytes()))
            .with("X-Time", time.to_string())
    };
    let scheme = |time| {
        Scheme::body_hmac("X-Sig")
            .id_header("X-Id")
            .signed(&[Part::Timestamp, DOT, Part::Body])
            .time_header("X-Time")
            .tolerances(
                Duration::from_secs(27 * 3_600 + 300),
                Duration::from_secs(300),
            )
            .retry_time(time)
            .retry_span(Duration::from_secs(27 * 3_600))
    };
    let verifier = verifier(scheme(RetryTime::Unknown));
    let age = |age: i64| {
        let verified = late(age).judge(&verifier);
        verified
            .map(|verified| verified.lateness().map(|late| late.as_secs()))
            .map_err(|refused| refused.kind())
    };
    assert_eq!(age(0), Ok(None));
    assert_eq!(age(300), Ok(None));
    assert_eq!(age(301), Ok(Some(301)));
    assert_eq!(age(27 * hour + 300), Ok(Some(97_500)));
    assert_eq!(age(27 * hour + 301), Err(TimestampStale));
    // The side of the future is as narrow as it was.
    assert_eq!(age(-300), Ok(None));
    assert_eq!(age(-301), Err(TimestampFuture));

    // An application may refuse them, when it says so.
    let scheme = scheme(RetryTime::Kept).build().unwrap();
    let five_minutes = Tolerance::both(Duration::from_secs(300));
    let shorter = builder(scheme).tolerance(five_minutes).build();
    let least = Duration::from_secs(27 * 3_600 + 300);
    assert_eq!(
        shorter.unwrap_err(),
        VerifierError::LateRetriesRefused { least }
    );
    let refusing = builder(scheme).refuse_late_retries_after(Duration::from_secs(300));
    let refusing = refusing.build().unwrap();
    assert_eq!(kind(late(300).judge(&refusing)), Ok(()));
    assert_eq!(kind(late(301).judge(&refusing)), Err(TimestampStale));
    let untimed = builder(crate::scheme::samples::BODY_ONLY).refuse_late_retries_after(least);
    assert_eq!(
        untimed.build().unwrap_err(),
        VerifierError::ToleranceWithoutSignedTime
    );
}

#[test]
fn milliseconds_are_milliseconds() {
    let scheme = Scheme::body_hmac("X-Sig")
        .id_header("X-Id")
        .pairs(',', &["v1"])
        .time_key("t")
        .time_in_millis()
        .signed(&[Part::Timestamp, DOT, Part::Body])
        .tolerance(Duration::from_secs(300));
    let verifier = verifier(scheme);
    let rows = [
        ("now", 1_712_000_000_000_i64, Ok(())),
        ("300 s old", 1_711_999_700_000, Ok(())),
        ("301 s old", 1_711_999_699_000, Err(TimestampStale)),
        (
            "1 ms too far ahead",
            1_712_000_300_001,
            Err(TimestampFuture),
        ),
        (
            "seconds for milliseconds",
            1_712_000_000,
            Err(TimestampStale),
        ),
        ("the largest", i64::MAX, Err(TimestampFuture)),
    ];
    for (name, time, expected) in rows {
        let value = format!("t={time},v1={}", "00".repeat(32));
        let request = Request::new("").with("X-Sig", value);
        assert_eq!(kind(precheck(&verifier, &request)), expected, "{name}");
    }
    let timeless = Request::new("").with("X-Sig", format!("v1={}", "00".repeat(32)));
    assert_eq!(kind(precheck(&verifier, &timeless)), Err(HeaderMalformed));
}
