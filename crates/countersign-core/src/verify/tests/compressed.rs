//! Bodies that come compressed: what is one member of gzip, and what is not.

use std::io::Write;

use flate2::{Compression as Level, GzBuilder, write::GzEncoder};

use super::*;
use crate::{
    rejection::RejectionKind::*,
    scheme::{Compression, SchemeError},
};

const BEFORE: SchemeBuilder = scheme(Compression::SignedBefore);
const AFTER: SchemeBuilder = scheme(Compression::SignedAfter);
const TEXT: &str = r#"{"id":"evt_1","type":"a","text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#;

const fn scheme(compression: Compression) -> SchemeBuilder {
    Scheme::body_hmac("X-Sig")
        .id_pointer("/id")
        .gzip(compression)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A request with this body and the tag of other bytes, labelled as gzip.
fn request(body: &[u8], signed: &[u8]) -> Request {
    Request::new(body.to_vec())
        .with("X-Sig", tag(signed))
        .with("Content-Encoding", "gzip")
}

/// What both kinds of scheme say to a body: its tag is right by either, whatever can be made of it.
fn judge(body: &[u8], text: &[u8]) -> [Result<(), RejectionKind>; 2] {
    [
        kind(request(body, text).judge(&verifier(BEFORE))),
        kind(request(body, body).judge(&verifier(AFTER))),
    ]
}

/// The body in chunks that end at these places.
fn in_chunks(
    verifier: &Verifier,
    request: &Request,
    ends: impl IntoIterator<Item = usize>,
) -> Result<Verified, Rejection> {
    let head = verifier.precheck(request, Timestamp::from_unix_seconds(NOW))?;
    let mut intake = head.open(None)?;
    let mut rest = request.body.clone();
    let mut at = 0;
    for end in ends {
        intake.push(rest.split_to(end - at))?;
        at = end;
    }
    intake.push(rest)?;
    intake.finish()
}

#[test]
fn what_is_signed_is_the_body_and_the_text_is_what_is_read() {
    let body = gzip(TEXT.as_bytes());
    let before = request(&body, TEXT.as_bytes()).judge(&verifier(BEFORE));
    let before = before.unwrap();
    assert_eq!(before.body(), TEXT);
    assert_eq!(before.payload(), Some(TEXT.as_bytes()));
    assert_eq!(before.id(), Some("evt_1"));

    let after = request(&body, &body).judge(&verifier(AFTER)).unwrap();
    assert_eq!(*after.body(), body);
    assert_eq!(after.payload(), Some(TEXT.as_bytes()));
    assert_eq!(after.id(), Some("evt_1"));

    // The other one's tag is no proof.
    for (scheme, signed) in [(BEFORE, &*body), (AFTER, TEXT.as_bytes())] {
        let wrong = request(&body, signed).judge(&verifier(scheme));
        assert_eq!(kind(wrong), Err(SignatureMismatch));
    }
    // Compressed anew, the text is the same body.
    let anew = GzBuilder::new().mtime(7).filename("x").comment("y");
    let mut anew = anew.extra([1, 2, 3]).write(Vec::new(), Level::none());
    anew.write_all(TEXT.as_bytes()).unwrap();
    let anew = anew.finish().unwrap();
    assert_ne!(anew, body);
    let anew = request(&anew, TEXT.as_bytes()).judge(&verifier(BEFORE));
    assert_eq!(anew.unwrap().body(), before.body());
}

#[test]
fn a_body_may_be_split_anywhere() {
    let named = GzBuilder::new()
        .filename("a-name")
        .comment("c")
        .extra([0; 3]);
    let mut named = named.write(Vec::new(), Level::best());
    named.write_all(TEXT.as_bytes()).unwrap();
    for body in [gzip(TEXT.as_bytes()), named.finish().unwrap()] {
        for (scheme, signed) in [(BEFORE, TEXT.as_bytes()), (AFTER, &*body)] {
            let verifier = verifier(scheme);
            let request = request(&body, signed);
            for end in 0..=body.len() {
                let proved = in_chunks(&verifier, &request, [end]).unwrap();
                assert_eq!(proved.payload(), Some(TEXT.as_bytes()), "{end}");
            }
            let proved = in_chunks(&verifier, &request, 1..body.len()).unwrap();
            assert_eq!(proved.payload(), Some(TEXT.as_bytes()));
            assert_eq!(proved.id(), Some("evt_1"));
        }
    }
}

#[test]
fn one_whole_member_counts_and_nothing_else() {
    let (text, body) = (TEXT.as_bytes(), gzip(TEXT.as_bytes()));
    assert_eq!(judge(&body, text), [Ok(()); 2]);
    let broken = [Err(BodyNotDecoded); 2];
    for len in 0..body.len() {
        assert_eq!(judge(&body[..len], text), broken, "{len} bytes of it");
    }
    let twice = [&*body, &body].concat();
    assert_eq!(judge(&twice, &[text, text].concat()), broken);
    assert_eq!(judge(&twice, text), broken);
    for behind in [&b"\0"[..], b"x", b"{}", &[0x1f, 0x8b]] {
        assert_eq!(judge(&[&*body, behind].concat(), text), broken);
    }
    // Plain text under a label; gzip in gzip, labelled once.
    assert_eq!(judge(text, text), broken);
    let nested = gzip(&body);
    assert_eq!(judge(&nested, text), broken);
    assert_eq!(judge(&nested, &body), broken);
    // The checksum, and the length.
    for at in body.len() - 8..body.len() {
        let mut other = body.clone();
        other[at] ^= 1;
        assert_eq!(judge(&other, text), broken, "byte {at}");
    }
    // Another method, and flags that nobody has given a meaning to.
    for (at, byte) in [(0, 0x1e), (1, 0x8a), (2, 7), (3, 0x20), (3, 0x80)] {
        let mut other = body.clone();
        other[at] = byte;
        assert_eq!(judge(&other, text), broken, "byte {at}");
    }
}

#[test]
fn the_label_is_one_gzip_or_none() {
    let body = gzip(TEXT.as_bytes());
    for (scheme, signed) in [(BEFORE, TEXT.as_bytes()), (AFTER, &*body)] {
        let verifier = verifier(scheme);
        let right = request(&body, signed);
        for (label, due) in [
            ("GZip", Ok(())),
            ("gzip, gzip", Err(ContentEncoding)),
            ("gzip,identity", Err(ContentEncoding)),
            ("identity, gzip", Err(ContentEncoding)),
            ("x-gzip", Err(ContentEncoding)),
            ("deflate", Err(ContentEncoding)),
            ("br", Err(ContentEncoding)),
            ("", Err(ContentEncoding)),
        ] {
            let labelled = right.clone().set("Content-Encoding", label);
            assert_eq!(kind(labelled.judge(&verifier)), due, "{label}");
        }
        let twice = right.clone().with("Content-Encoding", "gzip");
        assert_eq!(kind(twice.judge(&verifier)), Err(ContentEncoding));
        // A body that is not compressed is one of this sender's, too.
        for plain in [
            Request::new(TEXT).with("X-Sig", tag(TEXT.as_bytes())),
            Request::new(TEXT)
                .with("X-Sig", tag(TEXT.as_bytes()))
                .with("Content-Encoding", "identity"),
        ] {
            assert_eq!(plain.judge(&verifier).unwrap().id(), Some("evt_1"));
        }
        // Gzip without its label.
        let due = match scheme.build().unwrap().compression() {
            Some(Compression::SignedBefore) => Err(SignatureMismatch),
            _ => Err(BodyNotDecoded),
        };
        for bare in [
            right.clone().without("Content-Encoding"),
            right.clone().set("Content-Encoding", "identity"),
        ] {
            assert_eq!(kind(bare.judge(&verifier)), due);
        }
    }
    let refused = request(&body, &body).set("Content-Encoding", "br");
    let refused = refused.judge(&verifier(BEFORE)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "content encoding is not the scheme's: expected gzip, once, or identity"
    );
    // A scheme that says nothing of it takes none.
    let none = verifier(Scheme::body_hmac("X-Sig").id_pointer("/id"));
    let refused = request(&body, TEXT.as_bytes()).judge(&none).unwrap_err();
    assert_eq!(refused.to_string(), "content encoding is not the scheme's");
}

#[test]
fn both_forms_of_a_body_are_within_the_limit() {
    let limit = 1_000;
    let limited = |scheme: SchemeBuilder| verifier(scheme.body_limit(limit));
    let long = |len: usize| {
        let text = vec![b' '; len];
        (gzip(&text), text)
    };
    for (len, due) in [(limit, Ok(())), (limit + 1, Err(BodyTooLarge))] {
        let (body, text) = long(len);
        assert!(body.len() < 100);
        for (scheme, signed) in [(BEFORE, &text), (AFTER, &body)] {
            let verifier = limited(scheme);
            let right = request(&body, signed);
            assert_eq!(kind(right.judge(&verifier)), due);
            assert_eq!(kind(in_chunks(&verifier, &right, 1..body.len())), due);
            assert_eq!(verifier.buffered_bytes(), 0);
        }
    }
    // Stored blocks of nothing: what comes in is bounded although nothing comes out.
    let mut endless = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    endless.extend([0, 0, 0, 0xff, 0xff].repeat(300));
    for scheme in [BEFORE, AFTER] {
        let refused = request(&endless, &endless).judge(&limited(scheme));
        assert_eq!(kind(refused), Err(BodyTooLarge));
    }
    // And so is a header that does not end.
    let mut named = vec![0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
    named.resize(limit + 1, b'x');
    let refused = request(&named, b"").judge(&limited(BEFORE));
    assert_eq!(kind(refused), Err(BodyTooLarge));
}

#[test]
fn what_is_decoded_counts_among_the_bytes_that_are_held() {
    let text = vec![b' '; 100_000];
    let body = gzip(&text);
    let verifier = verifier(BEFORE);
    let right = request(&body, &text);
    let head = || verifier.precheck(&right, Timestamp::from_unix_seconds(NOW));
    let mut intake = head().unwrap().open(None).unwrap();
    assert_eq!(verifier.buffered_bytes(), 0);
    intake.push(Bytes::from(body.clone())).unwrap();
    // Whoever stops here holds what it sent, and not what that would become.
    assert_eq!(verifier.buffered_bytes(), body.len());
    let proved = intake.finish().unwrap();
    // The decoder is gone.
    assert_eq!(verifier.buffered_bytes(), text.len());
    drop(proved);
    assert_eq!(verifier.buffered_bytes(), 0);
    // A room that is too small for a body and its decoder is none.
    for scheme in [BEFORE, AFTER] {
        let due = 2_000 + 48 * 1024;
        let built = |bytes| {
            let builder = builder(scheme.body_limit(1_000).build().unwrap());
            builder
                .limits(|limits| limits.buffered_bytes = bytes)
                .build()
        };
        assert!(built(due).is_ok());
        assert_eq!(
            built(due - 1).unwrap_err(),
            VerifierError::BufferSmallerThanBody
        );
    }
    // In a room that is just large enough, the longest body gets in.
    for (scheme, of_text) in [(BEFORE, true), (AFTER, false)] {
        let len = 200_000;
        let text = vec![b' '; len];
        let body = gzip(&text);
        let room = 2 * len + 48 * 1024;
        let verifier = builder(scheme.body_limit(len).build().unwrap())
            .limits(|limits| limits.buffered_bytes = room)
            .build()
            .unwrap();
        let signed = if of_text { &text } else { &body };
        assert_eq!(kind(request(&body, signed).judge(&verifier)), Ok(()));
    }
}

#[test]
fn a_form_that_was_compressed_gives_its_field() {
    let form = b"payload=%7B%22id%22%3A%22evt_2%22%7D";
    for scheme in [BEFORE, AFTER] {
        let scheme = scheme
            .content_types(&["application/json", "application/x-www-form-urlencoded"])
            .form_field("payload");
        let body = gzip(form);
        let signed = match scheme.build().unwrap().compression() {
            Some(Compression::SignedBefore) => &form[..],
            _ => &body,
        };
        let proved = request(&body, signed).judge(&verifier(scheme)).unwrap();
        assert_eq!(proved.payload(), Some(&br#"{"id":"evt_2"}"#[..]));
        assert_eq!(proved.id(), Some("evt_2"));
    }
}

#[test]
fn signed_bytes_that_are_compressed_are_no_json() {
    let built = AFTER.json_body().build();
    assert_eq!(built, Err(SchemeError::CompressedJson));
    assert!(BEFORE.json_body().build().is_ok());
}
