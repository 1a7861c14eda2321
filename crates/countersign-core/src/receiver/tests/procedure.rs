//! What tells deliveries apart whose signed bytes a procedure reads, and what such a scheme may not say.

use super::*;
use crate::{
    Verifier,
    identity::Identity,
    mac::{Algorithm, sha256},
    rejection::RejectionKind,
    scheme::{
        Encoding, EventRule, IdenticalBodies, Procedure, RetryTime, SchemeError, Signed, Unproved,
        Unreadable,
    },
};

const KEEP: Duration = Duration::from_secs(7);

/// Signs the first line. A body of `twice` names it twice, and an empty one nothing.
#[derive(Debug)]
struct FirstLine;

impl Procedure for FirstLine {
    fn name(&self) -> &'static str {
        "first-line"
    }

    fn headers(&self) -> &'static [&'static str] {
        &["X-Sig"]
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        let tag = request.header("x-sig").ok_or(Unreadable("no tag"))?;
        let line = request.body().split(|byte| *byte == b'\n').next();
        let line = line.unwrap_or_default();
        if line == b"nothing" {
            return Ok(());
        }
        if line == b"twice" {
            signed.prove(line, tag)?;
        }
        signed.prove(line, tag)
    }
}

const fn scheme() -> SchemeBuilder {
    Scheme::signed_by(&FirstLine)
        .signature_header("X-Sig")
        .identical_bodies(COPIES)
}

const COPIES: IdenticalBodies = IdenticalBodies::Copies {
    within: Duration::from_secs(60),
};

fn take(body: &str, signed: &str) -> Option<Identity> {
    let scheme = scheme().content_types(&["application/json", "text/plain"]);
    let receiver = builder(scheme.declare()).accept_unsigned_body();
    let receiver = receiver.build().unwrap();
    let request = Request::new(body.to_owned()).with("X-Sig", tag(signed.as_bytes()));
    let received = received(&receiver, &request).ok()?;
    Some(Identity::of(&received, KEEP))
}

#[test]
fn what_is_not_signed_makes_no_other_delivery() {
    let first = take("paid\nnote", "paid").unwrap();
    let other_note = take("paid\nanother note", "paid").unwrap();
    assert_eq!(other_note.key, first.key);
    assert_eq!(other_note.fingerprint, first.fingerprint);
    assert!(first.aliases.is_empty() && first.subject.is_none());
    assert_ne!(take("open\nnote", "open").unwrap().key, first.key);
}

#[test]
fn nothing_is_proved_by_what_is_not_named_once_and_signed() {
    assert!(take("open\nnote", "paid").is_none());
    for named in ["", "nothing", "twice"] {
        assert!(take(named, named).is_none(), "{named}");
    }
}

const RULES: &[EventRule] = &[EventRule::repeats("a")];

#[test]
fn a_procedure_goes_with_nothing_that_it_does_not_prove() {
    assert!(scheme().build().is_ok());
    let with_id = Scheme::signed_by(&FirstLine).signature_header("X-Sig");
    for wrong in [
        with_id.id_header("X-Id"),
        with_id.id_pointer("/id"),
        with_id.id_pointer("/id").covers(&["/other", "id"]),
        scheme().subject_pointer("/id"),
        scheme().time_header("X-Time"),
        scheme().time_header("X-Time").covers(&["/X-Time"]),
        scheme().time_pointer("/time"),
        scheme().time_key("t"),
        scheme().event_header("X-Event"),
        scheme().events(RULES),
        scheme().form_field("payload"),
        scheme().json_body(),
        scheme().content_key(&["/id"]),
        scheme().prefix("v1="),
        scheme().covers(&["no header"]),
        scheme().covers(&["/"]),
        scheme().signed(&[Part::Body]),
        scheme().any_header_of(&["X-Sig"]),
        scheme().algorithm(Algorithm::Token),
        scheme().algorithm(Algorithm::PlainSha256),
        scheme().encoding(Encoding::Text),
    ] {
        assert_eq!(wrong.build().unwrap_err(), SchemeError::NotOfProcedure);
    }
    // Where the signature is has to be said.
    let nowhere = Scheme::signed_by(&FirstLine).identical_bodies(COPIES);
    assert_eq!(nowhere.build(), Err(SchemeError::InvalidHeaderName));
    // What is covered may be all of these.
    let covered = with_id.id_pointer("/id").covers(&["/id"]).declare();
    assert!(covered.id_is_signed() && !covered.body_is_signed());
    let whole = scheme().signs_body().subject_pointer("/id").declare();
    assert!(whole.body_is_signed());
}

/// Signs what is at `/id` and `/time` of a JSON body that has only texts, or of each item of a list; or, with the
/// header `X-Claims`, only the id.
#[derive(Debug)]
struct Claims;

impl Procedure for Claims {
    fn name(&self) -> &'static str {
        "claims"
    }

    fn headers(&self) -> &'static [&'static str] {
        &["X-Sig", "X-Claims"]
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        let whole: serde_json::Value =
            serde_json::from_slice(request.body()).map_err(|_| Unreadable("no JSON"))?;
        let text = |item: &serde_json::Value, name: &str| {
            let text = item[name].as_str().map(str::to_owned);
            text.unwrap_or_default()
        };
        let message = |item: &serde_json::Value| match request.header("X-Claims") {
            Some(_) => text(item, "id"),
            None => format!("{}.{}", text(item, "id"), text(item, "time")),
        };
        match whole.as_array() {
            None => signed.prove(message(&whole), request.header("X-Sig").unwrap_or_default()),
            Some(items) => (items.iter())
                .filter(|item| item.is_object())
                .try_for_each(|item| signed.prove(message(item), &text(item, "sig"))),
        }
    }
}

const CLAIMS: SchemeBuilder = Scheme::signed_by(&Claims)
    .signature_header("X-Sig")
    .id_pointer("/id")
    .covers(&["/id", "/time"]);

fn judge(
    scheme: Scheme,
    body: &str,
    signed: &str,
    claims: bool,
) -> Result<Received, RejectionKind> {
    let receiver = builder(scheme).accept_unsigned_body().build().unwrap();
    let mut request = Request::new(body.to_owned()).with("X-Sig", tag(signed.as_bytes()));
    if claims {
        request = request.with("X-Claims", "id");
    }
    received(&receiver, &request).map_err(|refused| refused.kind())
}

/// The procedure's word that a field is covered is looked at: a text that is not in the message refuses the request.
#[test]
fn what_is_said_to_be_covered_is_in_the_message() {
    let body = r#"{"id":"a","time":"1700000000"}"#;
    let proved = judge(CLAIMS.declare(), body, "a.1700000000", false).unwrap();
    assert_eq!(proved.id(), Some("a"));
    assert!(proved.id_is_signed() && !proved.body_is_signed());
    // Signed and right, but the time is not in what was signed.
    let refused = judge(CLAIMS.declare(), body, "a", true).err();
    assert_eq!(refused, Some(RejectionKind::SignatureMismatch));
    // A field twice is not to be relied on, whichever of the two the procedure took.
    let twice = r#"{"id":"b","id":"a","time":"1700000000"}"#;
    assert!(judge(CLAIMS.declare(), twice, "a.1700000000", false).is_err());
    // What is not there is not covered, and no harm: it is not used either.
    assert!(judge(CLAIMS.declare(), r#"{"id":"a"}"#, "a", true).is_ok());
}

#[test]
fn a_covered_time_is_judged() {
    let (past, future) = (Duration::from_secs(60), Duration::from_secs(5));
    let scheme = CLAIMS
        .time_pointer("/time")
        .tolerances(past, future)
        .retry_time(RetryTime::Renewed)
        .declare();
    assert!(scheme.time_is_signed());
    let at = |seconds: i64| {
        let time = NOW + seconds;
        let body = format!(r#"{{"id":"a","time":"{time}"}}"#);
        judge(scheme, &body, &format!("a.{time}"), false).map(drop)
    };
    assert_eq!((at(-60), at(5)), (Ok(()), Ok(())));
    assert_eq!(at(-61), Err(RejectionKind::TimestampStale));
    assert_eq!(at(6), Err(RejectionKind::TimestampFuture));
    // No time at all is none that is near enough.
    let none = judge(scheme, r#"{"id":"a"}"#, "a", true).map(drop);
    assert_eq!(none, Err(RejectionKind::TimestampMissing));
}

/// Each item of a batch by a tag of its own: all of them, by one key, or none.
#[test]
fn items_are_proved_all_or_none() {
    let scheme = CLAIMS.batch("").signature_pointer("/*/sig").declare();
    let item = |id: &str, key: &str| {
        let tag = tag_by(key, format!("{id}.1").as_bytes());
        format!(r#"{{"id":"{id}","time":"1","sig":"{tag}"}}"#)
    };
    let judge = |items: &[String]| {
        let [first, second] = [KEY, OTHER].map(|key| Secret::new(key).unwrap());
        let builder = Verifier::builder(scheme).secret(first).secret(second);
        let verifier = builder.accept_unsigned_body().build().unwrap();
        Request::new(format!("[{}]", items.join(","))).judge(&verifier)
    };
    let (a, b) = (item("a", KEY), item("b", KEY));
    let whole = judge(&[a.clone(), b.clone()]).unwrap();
    assert!(whole.proved_message().is_none());
    let items: Vec<_> = whole.into_items(2).unwrap().collect();
    let proved: Vec<_> = (items.iter())
        .map(|item| (item.id().unwrap(), &item.proved_message().unwrap()[..]))
        .collect();
    assert_eq!(proved, [("a", &b"a.1"[..]), ("b", b"b.1")]);
    // By another key that is active, too; but not by two of them.
    let other = item("b", OTHER);
    assert!(judge(core::slice::from_ref(&other)).is_ok());
    assert!(judge(&[a.clone(), other.clone()]).is_err());
    assert!(judge(&[other, a.clone()]).is_err());
    // One item that is not signed, wherever it is, and none at all.
    let wrong = b.replace("\"b\"", "\"c\"");
    for items in [
        vec![a.clone(), wrong.clone()],
        vec![wrong, a.clone()],
        vec![],
    ] {
        assert!(judge(&items).is_err(), "{items:?}");
    }
    // One that the procedure passes over is not proved by its neighbour.
    for passed in ["1".to_owned(), "[]".to_owned()] {
        assert!(judge(&[a.clone(), passed.clone()]).is_err(), "{passed}");
        assert!(judge(&[passed.clone(), a.clone()]).is_err(), "{passed}");
    }
    // As many as may be, and one more.
    assert!(judge(&vec![a.clone(); 100]).is_ok());
    assert!(judge(&vec![a; 101]).is_err());
}

const OTHER: &str = "another signing secret";

/// A header is the request's, so every item's message has to hold it.
#[test]
fn a_covered_header_is_in_every_message() {
    let scheme = CLAIMS.batch("").signature_pointer("/*/sig");
    let scheme = scheme.covers(&["/id", "X-Claims"]).declare();
    let item = |id: &str| format!(r#"{{"id":"{id}","sig":"{}"}}"#, tag(id.as_bytes()));
    let builder = Verifier::builder(scheme).secret(Secret::new(KEY).unwrap());
    let verifier = builder.accept_unsigned_body().build().unwrap();
    let judge = |claims: &str| {
        let request = Request::new(format!("[{},{}]", item("a1"), item("b1")));
        request.with("X-Claims", claims).judge(&verifier).is_ok()
    };
    assert!(judge("1"));
    assert!(!judge("a") && !judge("b") && !judge("c"));
}

/// Signs the time of a header and the body's hash.
#[derive(Debug)]
struct Hashes;

impl Procedure for Hashes {
    fn name(&self) -> &'static str {
        "hashes"
    }

    fn headers(&self) -> &'static [&'static str] {
        &["X-Sig", "X-Time"]
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        let time = request.header("X-Time").unwrap_or_default();
        let message = [time.as_bytes(), b"\n", &request.body_sha256()].concat();
        signed.prove(message, request.header("X-Sig").unwrap_or_default())
    }
}

/// A retry with another time is the same delivery where the body's hash is signed.
#[test]
fn a_body_whose_hash_is_signed_tells_the_delivery() {
    let scheme = Scheme::signed_by(&Hashes)
        .signature_header("X-Sig")
        .signs_body()
        .time_header("X-Time")
        .covers(&["X-Time"])
        .tolerance(Duration::from_secs(10))
        .identical_bodies(COPIES)
        .retry_time(RetryTime::Renewed)
        .declare();
    assert!(scheme.body_is_signed() && scheme.time_is_signed());
    let receiver = builder(scheme).build().unwrap();
    let take = |body: &str, signed: &str, time: i64| {
        let time = (NOW + time).to_string();
        let hash = sha256(signed.as_bytes());
        let message = [time.as_bytes(), b"\n", &hash].concat();
        let request = Request::new(body.to_owned())
            .with("X-Sig", tag(&message))
            .with("X-Time", time);
        let received = received(&receiver, &request).map_err(|refused| refused.kind())?;
        Ok(Identity::of(&received, KEEP).key)
    };
    let first = take("{}", "{}", 0).unwrap();
    assert_eq!(take("{}", "{}", 3), Ok(first));
    assert_ne!(take("{ }", "{ }", 0).unwrap(), first);
    assert_eq!(take("{ }", "{}", 0), Err(RejectionKind::SignatureMismatch));
    assert_eq!(take("{}", "{}", 11), Err(RejectionKind::TimestampFuture));
    assert_eq!(take("{}", "{}", -11), Err(RejectionKind::TimestampStale));
}
