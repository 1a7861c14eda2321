//! What is refused from the head alone, before a key is looked up or a body byte is read.

use super::*;
use crate::{rejection::RejectionKind::*, scheme::Encoding};

pub(super) fn precheck(verifier: &Verifier, request: &Request) -> Result<Prechecked, Rejection> {
    verifier.precheck(request, Timestamp::from_unix_seconds(NOW))
}

pub(super) type Rows<'a> = &'a [(&'a str, Vec<u8>, Result<(), RejectionKind>)];

/// Sets one header to each value in turn.
pub(super) fn each_value(verifier: &Verifier, header: &'static str, rows: Rows<'_>) {
    for (name, value, expected) in rows {
        let request = Request::full("{}").set(header, value.clone());
        let verdict = precheck(verifier, &request);
        if let Err(refused) = &verdict {
            // It says where, never what: the text goes into logs.
            let text = refused.to_string();
            let sent = String::from_utf8_lossy(value);
            // The scheme's own words may be what was sent, too.
            let own = verifier.scheme().content_types().join(" ").contains(&*sent);
            let shown = sent.len() >= 6 && text.contains(&*sent);
            assert!(own || !shown, "{header} {name}");
        }
        assert_eq!(kind(verdict), *expected, "{header}: {name}");
    }
}

#[test]
fn the_request_of_these_tests_is_right() {
    let request = Request::full(r#"{"type":"a"}"#);
    let verified = request.judge(&verifier(FULL)).unwrap();
    assert_eq!(verified.id(), Some("evt_1"));
    assert_eq!(verified.time(), Some(Timestamp::from_unix_seconds(NOW)));
    assert_eq!(verified.received_at(), Timestamp::from_unix_seconds(NOW));
    assert_eq!(verified.attempt_id(), None);
}

#[test]
fn every_header_is_judged_by_its_role() {
    let verifier = verifier(FULL);
    let missing = Err(HeaderMissing);
    let roles: &[(&str, Result<(), RejectionKind>)] = &[
        ("X-Sig", missing),
        ("X-Time", missing),
        ("X-Id", missing),
        ("X-Extra", missing),
        // Only claims and conveniences: they may be missing, not malformed.
        ("X-Id-Copy", Ok(())),
        ("X-Type-Copy", Ok(())),
    ];
    for (role, when_missing) in roles {
        let base = Request::full("{}");
        let request = base.clone().without(role);
        assert_eq!(
            kind(precheck(&verifier, &request)),
            *when_missing,
            "{role}: missing"
        );

        // Two values have two readings, also where they are equal.
        let value = base.headers.iter().find(|(name, _)| name == role);
        let value = value.map_or(b"x".to_vec(), |(_, value)| value.clone());
        let request = request.with(role, value.clone()).with(role, value);
        let refused = precheck(&verifier, &request).unwrap_err();
        assert_eq!(refused.kind(), HeaderRepeated, "{role}: repeated");
        assert_eq!(refused.header(), Some(*role));

        let malformed = Err(HeaderMalformed);
        let rows = [
            ("empty", b"".to_vec(), malformed),
            ("not ASCII", "evt_ü".into(), malformed),
            ("not UTF-8", b"evt_\xff".to_vec(), malformed),
            ("NUL", b"evt\0_".to_vec(), malformed),
            ("tab", b"evt\ttab".to_vec(), malformed),
            ("blank", b"evt blank".to_vec(), malformed),
            ("blank at the end", b"evt_1 ".to_vec(), malformed),
            ("line break", b"evt\r\nX: 1".to_vec(), malformed),
            ("over-long", vec![b'1'; 8 * 1024 + 1], malformed),
        ];
        each_value(&verifier, role, &rows);
    }
    let id = |len| vec![b'x'; len];
    each_value(
        &verifier,
        "X-Id",
        &[
            ("256 bytes", id(256), Ok(())),
            ("257 bytes", id(257), Err(HeaderMalformed)),
            // The separator in the id would let bytes move between id and time.
            ("separator", b"evt.1".to_vec(), Err(HeaderMalformed)),
            ("separator alone", b".".to_vec(), Err(HeaderMalformed)),
            ("another separator", b"evt:1".to_vec(), Ok(())),
        ],
    );
    each_value(
        &verifier,
        "X-Extra",
        &[
            ("its separator", b"a:b".to_vec(), Err(HeaderMalformed)),
            ("another separator", b"a.b".to_vec(), Ok(())),
        ],
    );
}

#[test]
fn header_names_are_compared_as_http_does() {
    let verifier = verifier(FULL);
    let mut request = Request::full("{}");
    request.headers[0].0 = "x-sIG";
    assert_eq!(kind(precheck(&verifier, &request)), Ok(()));
    let request = request.with("X-SIG", "00");
    assert_eq!(kind(precheck(&verifier, &request)), Err(HeaderRepeated));
}

#[test]
fn unsigned_ids_and_types_are_optional_but_not_ambiguous() {
    let scheme = Scheme::body_hmac("X-Sig")
        .id_header("X-Id")
        .id_header("X-Id")
        .event_header("X-Event");
    let verifier = verifier(scheme);
    let base = Request::new("{}").with("X-Sig", tag(b"{}"));
    let verified = base.judge(&verifier).unwrap();
    assert_eq!((verified.id(), verified.event_type()), (None, None));
    for role in ["X-Id", "X-Event"] {
        let twice = base.clone().with(role, "a").with(role, "b");
        assert_eq!(
            kind(precheck(&verifier, &twice)),
            Err(HeaderRepeated),
            "{role}"
        );
        for bad in [b"".to_vec(), b"a b".to_vec(), vec![0xff], vec![b'x'; 257]] {
            let request = base.clone().with(role, bad);
            assert_eq!(
                kind(precheck(&verifier, &request)),
                Err(HeaderMalformed),
                "{role}"
            );
        }
    }
}

#[test]
fn methods_and_content() {
    let verifier = verifier(FULL);
    for method in ["GET", "PUT", "HEAD", "OPTIONS", "post", "POST ", ""] {
        let mut request = Request::full("{}");
        request.method = method;
        assert_eq!(
            kind(precheck(&verifier, &request)),
            Err(MethodNotAllowed),
            "{method}"
        );
    }
    let text = |text: &str| text.as_bytes().to_vec();
    let (wrong, encoded) = (Err(ContentType), Err(ContentEncoding));
    each_value(
        &verifier,
        "Content-Type",
        &[
            ("JSON", text("application/json"), Ok(())),
            (
                "parameters",
                text("application/json; charset=utf-8"),
                Ok(()),
            ),
            ("no blank", text("application/json;charset=utf-8"), Ok(())),
            ("another case", text("Application/JSON"), Ok(())),
            (
                "blank before the semicolon",
                text("application/json ;v=1"),
                Ok(()),
            ),
            ("text", text("text/plain"), wrong),
            ("a form", text("application/x-www-form-urlencoded"), wrong),
            ("a suffix", text("application/json5"), wrong),
            ("a prefix", text("application/jso"), wrong),
            (
                "in a parameter",
                text("text/plain; application/json"),
                wrong,
            ),
            ("a list", text("application/json, text/plain"), wrong),
            ("empty", text(""), wrong),
            ("not ASCII", vec![0xff], wrong),
        ],
    );
    each_value(
        &verifier,
        "Content-Encoding",
        &[
            ("identity", text("identity"), Ok(())),
            ("in upper case", text("Identity"), Ok(())),
            ("gzip", text("gzip"), encoded),
            ("a list", text("identity, gzip"), encoded),
            ("empty", text(""), encoded),
        ],
    );
    for (header, value, expected) in [
        ("Content-Type", "application/json", wrong),
        ("Content-Encoding", "identity", encoded),
    ] {
        let twice = Request::full("{}").with(header, value).with(header, value);
        assert_eq!(
            kind(precheck(&verifier, &twice)),
            expected,
            "{header} twice"
        );
    }
}

#[test]
fn declared_lengths_are_held_against_the_limit() {
    let verifier = verifier(FULL.body_limit(100));
    let text = |text: &str| text.as_bytes().to_vec();
    let rows: Rows<'_> = &[
        ("none", text("0"), Ok(())),
        ("at the limit", text("100"), Ok(())),
        ("over by one", text("101"), Err(BodyTooLarge)),
        (
            "the largest",
            text("18446744073709551615"),
            Err(BodyTooLarge),
        ),
        // What cannot be read declares nothing; the limit is enforced while reading.
        ("2^64", text("18446744073709551616"), Ok(())),
        ("negative", text("-1"), Ok(())),
        ("a word", text("many"), Ok(())),
        ("empty", text(""), Ok(())),
        ("not UTF-8", vec![0xff], Ok(())),
    ];
    each_value(&verifier, "Content-Length", rows);
    let twice = Request::full("{}")
        .with("Content-Length", "1")
        .with("Content-Length", "1");
    assert_eq!(kind(precheck(&verifier, &twice)), Err(HeaderRepeated));
}

#[test]
fn signature_headers_are_bounded() {
    let list = Scheme::body_hmac("X-Sig")
        .id_header("X-Id")
        .pairs(',', &["v1"]);
    let repeated = Scheme::body_hmac("X-Sig")
        .id_header("X-Id")
        .repeated_header();
    let numbered = Scheme::body_hmac("X-Sig-")
        .id_header("X-Id")
        .numbered_header();
    let tag = "00".repeat(32);
    let entries = |count| vec!["v1=0"; count].join(",");
    let one = |value: String| Request::new("").with("X-Sig", value);
    let many = |name, count| {
        (0..count).fold(Request::new(""), |request, _| {
            request.with(name, tag.as_bytes())
        })
    };
    let rows: &[(&str, SchemeBuilder, Request, Result<(), RejectionKind>)] = &[
        (
            "8 KiB",
            list,
            one(format!("v1={tag},x={}", "y".repeat(8_122))),
            Ok(()),
        ),
        (
            "a byte more",
            list,
            one(format!("v1={tag},x={}", "y".repeat(8_123))),
            Err(HeaderMalformed),
        ),
        ("33 in one", list, one(entries(33)), Err(TooManyCandidates)),
        (
            "10,000 in one",
            list,
            one(entries(10_000)),
            Err(HeaderMalformed),
        ),
        ("32 headers", repeated, many("X-Sig", 32), Ok(())),
        (
            "33 headers",
            repeated,
            many("X-Sig", 33),
            Err(TooManyCandidates),
        ),
        (
            "10,000 headers",
            repeated,
            many("X-Sig", 10_000),
            Err(TooManyCandidates),
        ),
        ("32 numbers", numbered, many("X-Sig-7", 32), Ok(())),
        (
            "10,000 numbers",
            numbered,
            many("X-Sig-7", 10_000),
            Err(TooManyCandidates),
        ),
    ];
    for (name, scheme, request, expected) in rows {
        assert_eq!(
            kind(precheck(&verifier(*scheme), request)),
            *expected,
            "{name}"
        );
    }
}

// Nothing hangs on it but a line in a log, so no spelling of it may lose a delivery.
#[test]
fn the_attempt_is_never_a_reason_to_refuse() {
    let verifier = verifier(FULL);
    let base = Request::full("{}");
    for value in [b"".as_slice(), b"two words", b"\xff", &[b'x'; 300]] {
        let request = base
            .clone()
            .without("X-Attempt")
            .with("X-Attempt", value.to_vec());
        assert!(precheck(&verifier, &request).is_ok());
        assert!(precheck(&verifier, &request.with("X-Attempt", value.to_vec())).is_ok());
    }
}

#[test]
fn a_refusal_says_what_exactly_was_wrong() {
    let plain = || Scheme::body_hmac("X-Sig").id_header("X-Id");
    let base64 = || plain().encoding(Encoding::Base64);
    let versions = || base64().versioned(&["v1", "v1a"]);
    let digits = "0".repeat(64);
    let not_hex = format!("g{}", &digits[1..]);
    let rows = [
        (plain(), not_hex, "the tag is not hexadecimal digits"),
        (
            plain(),
            "0".repeat(40),
            "a tag of 40 characters where 64 hexadecimal digits are due",
        ),
        (
            base64(),
            digits,
            "a tag of 64 characters where 44 base64 characters are due",
        ),
        (base64(), "_".repeat(43), "the tag is not base64 characters"),
        (
            versions(),
            "v1".to_owned(),
            "expected a list of version,tag, parted by blanks",
        ),
        (
            versions(),
            "v2,AAAA".to_owned(),
            "the list has no tag under \"v1\", \"v1a\"",
        ),
    ];
    for (scheme, value, due) in rows {
        let request = Request::new("").with("X-Sig", value);
        let refused = precheck(&verifier(scheme), &request).unwrap_err();
        assert_eq!(refused.kind(), HeaderMalformed, "{due}");
        let detail = refused.detail().unwrap().to_string();
        assert_eq!(detail, due);
        assert_eq!(
            refused.to_string(),
            format!("header is malformed: X-Sig: {due}")
        );
    }
    // What is signed beside an id must not be in it.
    let dotted = Request::full("{}").set("X-Id", "evt.1");
    let refused = precheck(&verifier(FULL), &dotted).unwrap_err();
    let text = "header is malformed: X-Id: the value holds the separator that is signed beside it";
    assert_eq!(refused.to_string(), text);
    let millis = verifier(FULL.time_in_millis());
    let refused = precheck(&millis, &Request::full("{}")).unwrap_err();
    let text = "signed time is too old: X-Time: the time has 10 digits: seconds where milliseconds \
                are due";
    assert_eq!(refused.to_string(), text);
}
