//! Signed parts with nothing between them: the same bytes cut at every other place are refused.

use super::*;
use crate::{
    rejection::RejectionKind::*,
    scheme::{SchemeError, SchemeError::AmbiguousParts},
};

const ID: Part = Part::Id;
const TIME: Part = Part::Timestamp;
const BODY: Part = Part::Body;

/// Discord, SendGrid; HubSpot; Twitch; Zendesk; Orb; Box.
const DIGITS_JSON: SchemeBuilder = scheme(&[TIME, BODY]).json_body();
const JSON_DIGITS: SchemeBuilder = scheme(&[BODY, TIME]).json_body().time_in_millis();
const ID_DATE_JSON: SchemeBuilder = scheme(&[ID, TIME, BODY]).time_in_rfc3339();
const DATE_BODY: SchemeBuilder = scheme(&[TIME, BODY]).time_in_rfc3339();
const DATE_COLON: SchemeBuilder =
    scheme(&[Part::Literal("v1:"), TIME, Part::Literal(":"), BODY]).time_in_rfc3339_without_zone();
const BODY_DATE: SchemeBuilder = scheme(&[BODY, TIME]).time_in_rfc3339();

/// A scheme with these parts; its time is in a header, and any time is near enough.
const fn scheme(parts: &'static [Part]) -> SchemeBuilder {
    Scheme::body_hmac("X-Sig")
        .signed(parts)
        .id_header("X-Id")
        .time_header("X-Time")
}

fn judge(verifier: &Verifier, id: &[u8], time: &[u8], body: &[u8], tag: &str) -> bool {
    let request = Request::new(body.to_vec())
        .with("X-Sig", tag)
        .with("X-Id", id)
        .with("X-Time", time);
    request.judge(verifier).is_ok()
}

#[test]
fn bytes_are_not_traded_over_a_boundary() {
    let body = r#"{"a":"2026-11-27T10:11:12Z","b":[1712000000]}"#;
    let rows: &[(SchemeBuilder, &str, &str, &str)] = &[
        (DIGITS_JSON, "", "1712000000", body),
        (DIGITS_JSON, "", "1", "[17]"),
        (JSON_DIGITS, "", "1712000000000", body),
        (JSON_DIGITS, "", "12", "[1]"),
        (ID_DATE_JSON, "a1-2026", "2026-11-27T10:11:12.5Z", body),
        (ID_DATE_JSON, "12-34-5", "2026-11-27T10:11:12+01:00", "Z{}"),
        (
            DATE_BODY,
            "",
            "2026-11-27T10:11:12Z",
            "2026-11-27T10:11:12Z",
        ),
        (DATE_BODY, "", "2026-11-27T10:11:12.25-01:00", "30:00{}"),
        (DATE_COLON, "", "2026-11-27T10:11:12", body),
        (DATE_COLON, "", "2026-11-27T10:11:12.5", "12:5:{}"),
        (
            BODY_DATE,
            "",
            "2026-11-27T10:11:12Z",
            "2026-11-27T10:11:12Z",
        ),
        (BODY_DATE, "", "2026-11-27T10:11:12Z", "{\"a\":12}-1"),
    ];
    for (scheme, id, time, body) in rows {
        let verifier = verifier(*scheme);
        let parts = verifier.scheme().signed();
        let bytes = |part: &Part| match part {
            Part::Literal(text) => text,
            Part::Id => *id,
            Part::Timestamp => *time,
            _ => *body,
        };
        let signed: String = parts.iter().map(bytes).collect();
        let tag = tag(signed.as_bytes());
        // Behind the text that is always there, each way to cut what is left into the parts.
        let fixed = match parts {
            [Part::Literal(first), ..] => first.len(),
            _ => 0,
        };
        let rest = &signed.as_bytes()[fixed..];
        let mut accepted = Vec::new();
        for first in 0..=rest.len() {
            for second in first..=rest.len() {
                let (one, two, three) = (&rest[..first], &rest[first..second], &rest[second..]);
                let (id, time, body) = match parts {
                    [Part::Id, ..] => (one, two, three),
                    [Part::Body, ..] if second == rest.len() => (&b"id"[..], two, one),
                    [Part::Literal(_), ..] if two == b":" => (&b"id"[..], one, three),
                    [Part::Timestamp, ..] if first == second => (&b"id"[..], one, three),
                    _ => continue,
                };
                if judge(&verifier, id, time, body, &tag) {
                    accepted.push((id.to_vec(), time.to_vec(), body.to_vec()));
                }
            }
        }
        assert_eq!(accepted.len(), 1, "{signed}: {accepted:?}");
        assert_eq!(accepted[0].1, time.as_bytes(), "{signed}");
        assert_eq!(accepted[0].2, body.as_bytes(), "{signed}");
    }
}

#[test]
fn what_has_more_than_one_reading_does_not_build() {
    const HEADER: Part = Part::Header("X-A");
    for (what, scheme, due) in [
        ("digits before any body", scheme(&[TIME, BODY]), true),
        ("digits behind any body", scheme(&[BODY, TIME]), true),
        ("digits before JSON", DIGITS_JSON, false),
        ("digits behind JSON", JSON_DIGITS, false),
        ("a date before any body", DATE_BODY, false),
        ("a date behind any body", BODY_DATE, false),
        ("an id before digits", scheme(&[ID, TIME, DOT, BODY]), true),
        (
            "an id before digits and JSON",
            scheme(&[ID, TIME, BODY]).json_body(),
            true,
        ),
        ("an id before JSON", scheme(&[ID, BODY]).json_body(), false),
        ("an id behind JSON", scheme(&[BODY, ID]).json_body(), false),
        ("an id before any body", scheme(&[ID, BODY]), true),
        (
            "two ids before JSON",
            scheme(&[ID, HEADER, BODY]).json_body(),
            true,
        ),
        (
            "an id of one length before any body",
            scheme(&[ID, BODY]).id_length(36),
            false,
        ),
        (
            "an id of one length, a header and JSON",
            scheme(&[ID, HEADER, BODY]).id_length(36).json_body(),
            false,
        ),
        (
            "a header, an id of one length and JSON",
            scheme(&[HEADER, ID, BODY]).id_length(36).json_body(),
            false,
        ),
        (
            "ten digits before any body, as a form",
            scheme(&[TIME, BODY])
                .time_digits(10)
                .content_types(&["application/x-www-form-urlencoded"]),
            false,
        ),
        (
            "ten digits, a header and JSON",
            scheme(&[TIME, HEADER, BODY]).time_digits(10).json_body(),
            false,
        ),
        (
            "digits, a header and JSON",
            scheme(&[TIME, HEADER, BODY]).json_body(),
            true,
        ),
        (
            "a header, ten digits and JSON, as QuickNode",
            scheme(&[HEADER, TIME, BODY]).time_digits(10).json_body(),
            false,
        ),
        (
            "a header, digits and JSON",
            scheme(&[HEADER, TIME, BODY]).json_body(),
            true,
        ),
        (
            "a header, ten digits and any body",
            scheme(&[HEADER, TIME, BODY]).time_digits(10),
            true,
        ),
        ("an id before a date", ID_DATE_JSON, false),
        (
            "an id behind a date",
            scheme(&[TIME, ID, BODY]).time_in_rfc3339(),
            true,
        ),
        (
            "an id, behind a date, with its own end",
            scheme(&[TIME, ID, DOT, BODY]).time_in_rfc3339(),
            false,
        ),
        (
            "two headers before a date",
            scheme(&[ID, HEADER, TIME, BODY]).time_in_rfc3339(),
            true,
        ),
        (
            "a date behind an id behind the body",
            scheme(&[BODY, DOT, ID, TIME]).time_in_rfc3339(),
            false,
        ),
        (
            "an id behind a date behind the body",
            scheme(&[BODY, TIME, ID]).time_in_rfc3339(),
            true,
        ),
        (
            "a date without a zone before any body",
            scheme(&[TIME, BODY]).time_in_rfc3339_without_zone(),
            true,
        ),
        (
            "a date without a zone before JSON",
            scheme(&[TIME, BODY])
                .time_in_rfc3339_without_zone()
                .json_body(),
            false,
        ),
        (
            "a date without a zone before a point",
            scheme(&[TIME, DOT, BODY]).time_in_rfc3339_without_zone(),
            true,
        ),
        ("a date without a zone before a colon", DATE_COLON, false),
    ] {
        let built = scheme.build();
        assert_eq!(
            built.err() == Some(AmbiguousParts),
            due,
            "{what}: {built:?}"
        );
    }
}

#[test]
fn a_body_that_is_no_json_is_refused_although_its_tag_is_right() {
    let before = verifier(DIGITS_JSON);
    for (body, due) in [
        ("{}", true),
        ("[", true),
        ("{}\r\n", true),
        (" {}", false),
        ("\"\"", false),
        ("", false),
        ("1", false),
    ] {
        let tag = tag(format!("1712000000{body}").as_bytes());
        assert_eq!(
            judge(&before, b"id", b"1712000000", body.as_bytes(), &tag),
            due,
            "{body:?}"
        );
    }
    let behind = verifier(JSON_DIGITS);
    for (body, due) in [
        ("{}", true),
        ("{]", true),
        ("{}\n", false),
        ("{\"a\":1", false),
        ("[", false),
        ("1]", false),
    ] {
        let tag = tag(format!("{body}1712000000000").as_bytes());
        let judged = judge(&behind, b"id", b"1712000000000", body.as_bytes(), &tag);
        assert_eq!(judged, due, "{body:?}");
    }
    let request = Request::new("17{}")
        .with("X-Sig", tag(b"171200000017{}"))
        .with("X-Time", "1712000000");
    let refused = request.judge(&before).unwrap_err();
    assert_eq!(refused.kind(), SignatureMismatch);
    assert_eq!(
        refused.to_string(),
        "no key matches the signature: the body is no JSON object or array"
    );
}

#[test]
fn an_id_that_holds_the_beginning_of_a_date_is_refused() {
    let verifier = verifier(ID_DATE_JSON);
    let time = "2026-11-27T10:11:12Z";
    for (id, due) in [
        ("a-11-27", Ok(())),
        ("a-1-27T", Ok(())),
        ("a-11-27T", Err(HeaderMalformed)),
        ("2026-11-27T10:11:12Z", Err(HeaderMalformed)),
    ] {
        let request = Request::new("{}")
            .with("X-Sig", tag(format!("{id}{time}{{}}").as_bytes()))
            .with("X-Id", id)
            .with("X-Time", time);
        assert_eq!(kind(request.judge(&verifier)), due, "{id}");
    }
}

#[test]
fn a_list_begins_with_its_time() {
    let verifier = verifier(
        Scheme::body_hmac("X-Sig")
            .time_then_tags(',')
            .time_in_millis()
            .signed(&[TIME, DOT, BODY])
            .tolerance(Duration::from_secs(300))
            .retry_time(RetryTime::Renewed)
            .id_header("X-Id"),
    );
    let millis = NOW * 1_000;
    let good = tag(format!("{millis}.{{}}").as_bytes());
    let wrong = tag(b"another");
    for (value, due) in [
        (format!("{millis},{good}"), Ok(())),
        (format!("{millis},{wrong},{good}"), Ok(())),
        (format!("{millis}, {good}"), Ok(())),
        (format!("{millis},{wrong}"), Err(SignatureMismatch)),
        (format!("{},{good}", millis + 1), Err(SignatureMismatch)),
        (format!("{millis}"), Err(HeaderMalformed)),
        (format!("{millis},"), Err(HeaderMalformed)),
        (format!(",{good}"), Err(HeaderMalformed)),
        (format!("{good},{millis}"), Err(HeaderMalformed)),
        (format!("{millis},{good},,"), Err(HeaderMalformed)),
        (format!("{},{good}", millis - 301_000), Err(TimestampStale)),
    ] {
        let request = Request::new("{}")
            .with("X-Sig", value.clone())
            .with("X-Id", "1");
        assert_eq!(kind(request.judge(&verifier)), due, "{value}");
    }
}

#[test]
fn every_header_of_several_counts() {
    let verifier = verifier(
        Scheme::body_hmac("X-Sig")
            .all_headers_of(&["X-First", "X-Second"])
            .id_header("X-Id"),
    );
    let (good, wrong) = (tag(b"{}"), tag(b"another"));
    let judge = |headers: &[(&'static str, &str)]| {
        let request = headers
            .iter()
            .fold(Request::new("{}"), |request, (name, value)| {
                request.with(name, *value)
            });
        kind(request.with("X-Id", "1").judge(&verifier))
    };
    assert_eq!(judge(&[("X-First", &good)]), Ok(()));
    assert_eq!(judge(&[("X-Second", &good)]), Ok(()));
    assert_eq!(judge(&[("X-First", &wrong), ("X-Second", &good)]), Ok(()));
    assert_eq!(judge(&[("X-First", &good), ("X-Second", &wrong)]), Ok(()));
    let both = [("X-First", &*wrong), ("X-Second", &*wrong)];
    assert_eq!(judge(&both), Err(SignatureMismatch));
    assert_eq!(judge(&[]), Err(HeaderMissing));
    let twice = [("X-First", &*good), ("X-First", &*good)];
    assert_eq!(judge(&twice), Err(HeaderRepeated));
}

#[test]
fn a_value_of_another_length_is_refused_and_so_is_a_brace() {
    const HEADER: Part = Part::Header("X-A");
    let verifier = verifier(
        scheme(&[HEADER, ID, TIME, BODY])
            .id_length(3)
            .time_digits(10)
            .json_body(),
    );
    let judge = |header: &str, id: &str, time: &str, body: &str| {
        let request = Request::new(body.to_owned())
            .with("X-Sig", tag(format!("{header}{id}{time}{body}").as_bytes()))
            .with("X-A", header)
            .with("X-Id", id)
            .with("X-Time", time);
        kind(request.judge(&verifier))
    };
    assert_eq!(judge("nonce", "abc", "1712000000", "{}"), Ok(()));
    for (header, id, time) in [
        ("nonce", "ab", "1712000000"),
        ("nonce", "abcd", "1712000000"),
        ("nonce", "abc", "171200000"),
        ("nonce", "abc", "17120000000"),
        ("no{ce", "abc", "1712000000"),
        ("no[ce", "abc", "1712000000"),
        ("nonce", "a{c", "1712000000"),
    ] {
        assert_eq!(
            judge(header, id, time, "{}"),
            Err(HeaderMalformed),
            "{header} {id} {time}"
        );
    }
    // The other braces part nothing here.
    assert_eq!(judge("no}]e", "a}]", "1712000000", "{}"), Ok(()));
    for wrong in [
        scheme(&[DOT, BODY]).time_digits(10),
        scheme(&[TIME, DOT, BODY]).time_digits(21),
        scheme(&[TIME, DOT, BODY]).time_digits(0),
        scheme(&[TIME, DOT, BODY]).time_in_rfc3339().time_digits(10),
        scheme(&[DOT, BODY]).id_length(36),
        scheme(&[ID, DOT, BODY]).id_length(0),
        scheme(&[ID, DOT, BODY]).id_length(257),
    ] {
        assert_eq!(wrong.build(), Err(SchemeError::InvalidLength));
    }
    let forms = scheme(&[TIME, BODY])
        .json_body()
        .content_types(&["application/json", "application/x-www-form-urlencoded"]);
    assert_eq!(forms.build(), Err(SchemeError::FormsAtBoundary));
}
