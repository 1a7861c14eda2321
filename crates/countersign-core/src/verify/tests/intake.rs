//! Taking bodies in: limits, the budget, and what is compared after the proof.

use super::*;
use crate::{rejection::RejectionKind::*, scheme::samples::BODY_ONLY};

const PLAIN: SchemeBuilder = Scheme::body_hmac("X-Sig").id_header("X-Id");

fn open(verifier: &Verifier, body: &[u8]) -> Intake {
    let request = Request::new("").with("X-Sig", tag(body));
    let now = Timestamp::from_unix_seconds(NOW);
    let head = verifier.precheck(&request, now).unwrap();
    head.open(None).unwrap()
}

fn feed(verifier: &Verifier, body: &[u8], chunk: usize) -> Result<Verified, Rejection> {
    let mut intake = open(verifier, body);
    for chunk in body.chunks(chunk) {
        intake.push(Bytes::copy_from_slice(chunk))?;
    }
    intake.finish()
}

#[test]
fn the_body_limit_is_enforced_while_reading() {
    let verifier = verifier(PLAIN.body_limit(100));
    let body = [b'x'; 101];
    for chunk in [1, 7, 50, 100, 101] {
        let full = feed(&verifier, &body[..100], chunk).unwrap();
        assert_eq!(full.body(), &body[..100], "chunks of {chunk}");
        let over = feed(&verifier, &body, chunk);
        assert_eq!(kind(over), Err(BodyTooLarge), "chunks of {chunk}");
    }
    // The refused chunk is not kept: what was read stays what it was.
    let mut intake = open(&verifier, &body[..100]);
    intake.push(Bytes::copy_from_slice(&body[..99])).unwrap();
    assert_eq!(
        kind(intake.push(Bytes::from_static(b"xx"))),
        Err(BodyTooLarge)
    );
    intake.push(Bytes::from_static(b"x")).unwrap();
    assert_eq!(intake.finish().unwrap().body().len(), 100);
}

#[test]
fn empty_bodies_and_empty_chunks_are_bodies() {
    let verifier = verifier(PLAIN);
    assert!(feed(&verifier, b"", 1).unwrap().body().is_empty());
    let mut intake = open(&verifier, b"ab");
    for chunk in ["", "a", "", "", "b", ""] {
        intake.push(chunk.into()).unwrap();
    }
    assert_eq!(intake.finish().unwrap().body(), "ab");
}

#[test]
fn a_body_in_one_chunk_is_not_copied() {
    let verifier = verifier(PLAIN);
    let body = Bytes::from(vec![b'x'; 1_000]);
    let mut intake = open(&verifier, &body);
    intake.push(body.clone()).unwrap();
    let verified = intake.finish().unwrap();
    assert_eq!(verified.body().as_ptr(), body.as_ptr());
}

#[test]
fn the_declared_length_is_not_trusted() {
    let verifier = verifier(PLAIN.body_limit(10));
    let now = Timestamp::from_unix_seconds(NOW);
    for declared in ["1", "10", "99999999999999999999"] {
        let request = Request::new("")
            .with("X-Sig", tag(b"abcd"))
            .with("Content-Length", declared);
        let mut intake = verifier
            .precheck(&request, now)
            .unwrap()
            .open(None)
            .unwrap();
        for chunk in ["ab", "c", "d"] {
            intake.push(chunk.into()).unwrap();
        }
        assert_eq!(intake.finish().unwrap().body(), "abcd", "{declared}");
    }
}

#[test]
fn the_budget_of_buffered_bytes_is_shared_and_given_back() {
    let verifier = builder(PLAIN.body_limit(10).build().unwrap())
        .limits(|limits| limits.buffered_bytes = 15)
        .build()
        .unwrap();
    let ten = Bytes::from_static(b"0123456789");
    let six = || Bytes::from_static(b"012345");
    let mut first = open(&verifier, &ten);
    first.push(ten.clone()).unwrap();
    let mut second = open(&verifier, b"01234501");
    assert_eq!(kind(second.push(six())), Err(Busy));
    // A proved body is held until its handler is done with it.
    let verified = first.finish().unwrap();
    assert_eq!(kind(second.push(six())), Err(Busy));
    drop(verified);
    second.push(six()).unwrap();
    // A refused one is not, nor is one that broke off.
    assert_eq!(kind(second.finish()), Err(SignatureMismatch));
    let mut third = open(&verifier, &ten);
    third.push(ten.clone()).unwrap();
    drop(third);
    let mut fourth = open(&verifier, &ten);
    fourth.push(ten).unwrap();
    assert!(fourth.finish().is_ok());
    assert_eq!(verifier.buffered_bytes(), 0);
}

// What is read out of a form is held beside it, for as long as the delivery is.
#[test]
fn the_text_in_a_form_counts_too() {
    let scheme = PLAIN
        .body_limit(20)
        .content_types(&["application/x-www-form-urlencoded"])
        .form_field("payload");
    let verifier = builder(scheme.build().unwrap())
        .limits(|limits| limits.buffered_bytes = 30)
        .build()
        .unwrap();
    let body = b"payload=0123456789";
    let verified = feed(&verifier, body, 100).unwrap();
    assert_eq!(verifier.buffered_bytes(), 18 + 10);
    drop(verified);
    assert_eq!(verifier.buffered_bytes(), 0);
    assert_eq!(
        kind(feed(&verifier, b"payload=0123456789ab", 100)),
        Err(Busy)
    );
    assert_eq!(verifier.buffered_bytes(), 0);
}

// Three stalled uploads of the largest body must not refuse every small one.
#[test]
fn large_bodies_leave_a_quarter_of_the_budget_to_small_ones() {
    const KIB: usize = 1024;
    let budget = 1_000 * KIB;
    let verifier = |longest: usize| {
        builder(PLAIN.body_limit(longest).build().unwrap())
            .limits(|limits| limits.buffered_bytes = budget)
            .build()
            .unwrap()
    };
    let push = |intake: &mut Intake, kib: usize| kind(intake.push(vec![b'x'; kib * KIB].into()));
    // Bodies of up to 200 KiB: large ones get 750 KiB in all, and not a byte more.
    let shared = verifier(200 * KIB);
    let mut large: Vec<_> = (0..4).map(|_| open(&shared, b"")).collect();
    for intake in &mut large[..3] {
        assert_eq!(push(intake, 200), Ok(()));
    }
    assert_eq!(push(&mut large[3], 150), Ok(()));
    assert_eq!(kind(large[3].push(Bytes::from_static(b"x"))), Err(Busy));
    // Small ones get the rest, up to 64 KiB each.
    let mut small: Vec<_> = (0..5).map(|_| open(&shared, b"")).collect();
    for intake in &mut small[..3] {
        assert_eq!(push(intake, 64), Ok(()));
    }
    assert_eq!(kind(small[0].push(Bytes::from_static(b"x"))), Err(Busy));
    assert_eq!(push(&mut small[3], 58), Ok(()));
    assert_eq!(push(&mut small[4], 1), Err(Busy));
    // Where the longest body needs it, the part that is kept is smaller.
    let tight = verifier(900 * KIB);
    let mut one = open(&tight, b"");
    assert_eq!(push(&mut one, 900), Ok(()));
    let mut other = open(&tight, b"");
    assert_eq!(push(&mut other, 65), Err(Busy));
    assert_eq!(push(&mut open(&tight, b""), 64), Ok(()));
}

type Copies = &'static [(&'static str, &'static str)];

#[test]
fn copies_must_agree_with_what_is_signed() {
    let verifier = verifier(FULL);
    let typed = r#"{"type":"a"}"#;
    let rows: &[(&str, &str, Copies, Result<(), RejectionKind>)] = &[
        ("none", typed, &[], Ok(())),
        (
            "both agree",
            typed,
            &[("X-Id-Copy", "evt_1"), ("X-Type-Copy", "a")],
            Ok(()),
        ),
        (
            "another id",
            typed,
            &[("X-Id-Copy", "evt_2")],
            Err(CopyDisagrees),
        ),
        (
            "another type",
            typed,
            &[("X-Type-Copy", "b")],
            Err(CopyDisagrees),
        ),
        (
            "another case",
            typed,
            &[("X-Type-Copy", "A")],
            Err(CopyDisagrees),
        ),
        (
            "a longer type",
            typed,
            &[("X-Type-Copy", "a.b")],
            Err(CopyDisagrees),
        ),
        // Nothing to compare with; the copy is not taken in its place either.
        ("no type", "{}", &[("X-Type-Copy", "b")], Ok(())),
        (
            "two types",
            r#"{"type":"a","type":"b"}"#,
            &[("X-Type-Copy", "b")],
            Ok(()),
        ),
    ];
    for (name, body, copies, expected) in rows {
        let mut request = Request::full(body);
        for (header, value) in *copies {
            request = request.with(header, *value);
        }
        let verdict = request.judge(&verifier);
        if let Ok(verified) = &verdict {
            let event = verified.event_type().map(|event| event.as_str());
            assert_eq!(event, (*body == typed).then_some("a"), "{name}");
        }
        assert_eq!(kind(verdict), *expected, "{name}");
    }
    // The copies are looked at only after the proof: a forger learns nothing from them.
    let forged = Request::full(typed)
        .set("X-Sig", tag(b""))
        .with("X-Type-Copy", "b");
    assert_eq!(kind(forged.judge(&verifier)), Err(SignatureMismatch));
}

// A captured `invoice.updated` verifies under any event name, where the type is not signed.
#[test]
fn a_type_that_the_body_contradicts_is_told_apart() {
    let verifier = builder(BODY_ONLY).build().unwrap();
    let rows: &[(&str, &str, bool)] = &[
        ("invoice.paid", r#"{"status":"paid"}"#, false),
        ("invoice.paid", r#"{"status":"draft"}"#, true),
        ("invoice.paid", r#"{"status":"PAID"}"#, true),
        ("invoice.paid", r#"{"status":"paid_partial"}"#, true),
        ("invoice.paid", r#"{"status":""}"#, true),
        ("invoice.paid", r#"{"status":1}"#, true),
        ("invoice.paid", r#"{"status":["paid"]}"#, true),
        // Parsers differ on which of two counts.
        (
            "invoice.paid",
            r#"{"status":"paid","status":"draft"}"#,
            true,
        ),
        (
            "invoice.paid",
            r#"{"status":"draft","status":"paid"}"#,
            true,
        ),
        ("invoice.paid", "status=paid", true),
        ("invoice.paid", r#"[{"status":"paid"}]"#, true),
        ("invoice.paid", r#"{"id":"inv_1"}"#, false),
        ("invoice.paid", r#"{"status":null}"#, false),
        ("invoice.updated", r#"{"status":"draft"}"#, false),
        ("quote.accepted", r#"{"status":"accepted"}"#, false),
        ("quote.accepted", r#"{"status":"sent"}"#, true),
        ("invoice.unheard_of", r#"{"status":"draft"}"#, false),
    ];
    for (event, body, contradicted) in rows {
        let request = Request::new(body.to_owned())
            .with("X-Sig", format!("sha256={}", tag(body.as_bytes())))
            .with("X-Event", *event);
        let verified = request.judge(&verifier).unwrap();
        assert_eq!(verified.is_contradicted(), *contradicted, "{event} {body}");
        assert_eq!(
            verified.event_type().map(|event| event.is_signed()),
            Some(false)
        );
        assert!(!verified.is_ping());
    }
    let ping = Request::new("{}")
        .with("X-Sig", format!("sha256={}", tag(b"{}")))
        .with("X-Event", "ping");
    assert!(ping.judge(&verifier).unwrap().is_ping());
}

#[test]
fn keys_come_and_go_by_the_verifier_s_clock() {
    let verifier = verifier(PLAIN);
    let request = Request::new("{}").with("X-Sig", tag(b"{}"));
    let at = |seconds| request_at(&verifier, &request, seconds);
    let keyring = verifier.keyring().unwrap();
    let new = Secret::new("the next secret").unwrap().labelled("next");
    let now = Timestamp::from_unix_seconds(NOW);
    keyring
        .rotate_at(new, Duration::from_secs(60), now)
        .unwrap();
    assert_eq!(at(0).unwrap().matched_key(), "key-1");
    assert_eq!(at(60).unwrap().matched_key(), "key-1");
    // An old secret that leaked is of no use after its time.
    assert_eq!(kind(at(61)), Err(SignatureMismatch));
}

fn request_at(verifier: &Verifier, request: &Request, late: i64) -> Result<Verified, Rejection> {
    verifier.verify(
        request,
        request.body.clone(),
        Timestamp::from_unix_seconds(NOW.saturating_add(late)),
    )
}
