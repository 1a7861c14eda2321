//! Senders that send a secret and sign nothing.

use super::*;
use crate::scheme::{Encoding, KeyFormat, SchemeError};

const TOKEN: SchemeBuilder = Scheme::token("X-Token").id_header("X-Id");

fn verifier_of(scheme: SchemeBuilder, secrets: &[&str]) -> Verifier {
    let mut verifier = Verifier::builder(scheme.build().unwrap()).accept_unsigned_body();
    for secret in secrets {
        verifier = verifier.secret(Secret::new(*secret).unwrap());
    }
    verifier.build().unwrap()
}

fn judge(verifier: &Verifier, header: &'static str, token: &[u8]) -> Result<String, RejectionKind> {
    let request = Request::new("{}").with(header, token.to_vec());
    let verified = request.judge(verifier);
    verified
        .map(|verified| verified.matched_key().to_owned())
        .map_err(|refused| refused.kind())
}

#[test]
fn the_whole_token_counts_and_nothing_else() {
    let verifier = verifier_of(TOKEN, &["another", KEY]);
    let due = Err(RejectionKind::SignatureMismatch);
    assert_eq!(
        judge(&verifier, "X-Token", KEY.as_bytes()).as_deref(),
        Ok("key-2")
    );
    for len in 1..KEY.len() {
        assert_eq!(
            judge(&verifier, "X-Token", &KEY.as_bytes()[..len]),
            due,
            "{len} bytes"
        );
        assert_eq!(
            judge(&verifier, "X-Token", &KEY.as_bytes()[len..]),
            due,
            "from {len}"
        );
    }
    for at in 0..KEY.len() {
        let mut other = KEY.as_bytes().to_vec();
        other[at] ^= 1;
        assert_eq!(judge(&verifier, "X-Token", &other), due, "byte {at}");
    }
    for more in ["x", ".", KEY] {
        let longer = format!("{KEY}{more}");
        assert_eq!(judge(&verifier, "X-Token", longer.as_bytes()), due);
    }
    assert_eq!(
        judge(&verifier, "X-Token", b""),
        Err(RejectionKind::HeaderMalformed)
    );
    assert_eq!(
        judge(&verifier, "X-Other", KEY.as_bytes()),
        Err(RejectionKind::HeaderMissing)
    );
    let twice = Request::new("{}").with("X-Token", KEY).with("X-Token", KEY);
    assert_eq!(
        kind(twice.judge(&verifier)),
        Err(RejectionKind::HeaderRepeated)
    );
}

#[test]
fn basic_authentication_is_a_token_in_base64() {
    let scheme = Scheme::token("Authorization")
        .prefix("Basic ")
        .encoding(Encoding::Base64)
        .id_pointer("/ID");
    // RFC 7617's example.
    let verifier = verifier_of(scheme, &["Aladdin:open sesame"]);
    let judged = |value: &str| judge(&verifier, "Authorization", value.as_bytes());
    assert_eq!(
        judged("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").as_deref(),
        Ok("key-1")
    );
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(judged("Basic QWxhZGRpbjpvcGVuIHNlc2FtZA=="), mismatch);
    let malformed = Err(RejectionKind::HeaderMalformed);
    for wrong in [
        "QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "Basic !",
    ] {
        assert_eq!(judged(wrong), malformed, "{wrong}");
    }
}

#[test]
fn nothing_of_such_a_request_is_said_to_be_signed() {
    let scheme = Scheme::token("X-Token")
        .id_pointer("/id")
        .event_pointer("/type")
        .time_pointer("/at");
    let verifier = verifier_of(scheme, &[KEY]);
    let request = Request::new(r#"{"id":"1","type":"a","at":1}"#).with("X-Token", KEY);
    let verified = request.judge(&verifier).unwrap();
    assert!(!verified.body_is_signed() && !verified.id_is_signed());
    assert_eq!(verified.id(), Some("1"));
    assert!(!verified.event_type().unwrap().is_signed());
    assert!(!verifier.scheme().time_is_signed());
    // Two bodies are told apart all the same.
    let other = Request::new("{}")
        .with("X-Token", KEY)
        .judge(&verifier)
        .unwrap();
    assert_ne!(
        verified.tags().iter().next().unwrap(),
        other.tags().iter().next().unwrap()
    );
    assert!(
        Request::full("{}")
            .judge(&super::verifier(FULL))
            .unwrap()
            .body_is_signed()
    );
}

#[test]
fn an_application_says_that_it_accepts_unsigned_bodies_or_nothing_is_built() {
    let builder = |scheme: SchemeBuilder| builder(scheme.build().unwrap());
    assert_eq!(
        builder(TOKEN).build().unwrap_err(),
        VerifierError::BodyNotSigned
    );
    assert!(builder(TOKEN).accept_unsigned_body().build().is_ok());
    assert_eq!(
        builder(FULL).accept_unsigned_body().build().unwrap_err(),
        VerifierError::BodyIsSigned
    );
}

#[test]
fn what_only_a_signature_has_is_not_said_of_a_token() {
    use SchemeError::*;
    let rows: &[(&str, SchemeBuilder, SchemeError)] = &[
        ("parts", TOKEN.signed(&[Part::Body]), TokenSignsNothing),
        ("hex", TOKEN.encoding(Encoding::Hex), TokenSignsNothing),
        ("pairs", TOKEN.pairs(',', &["v1"]), TokenSignsNothing),
        ("versions", TOKEN.versioned(&["v1"]), TokenSignsNothing),
        (
            "a tag as text",
            Scheme::body_hmac("X-Sig")
                .id_header("X-Id")
                .encoding(Encoding::Text),
            TokenSignsNothing,
        ),
        (
            "a public key",
            TOKEN.key_format(KeyFormat::PublicKey),
            KeyFormatMismatch,
        ),
        ("a signed id", TOKEN.signed_id_header("X-Id"), IdNotSigned),
        (
            "a tolerance",
            TOKEN
                .time_header("X-Time")
                .tolerance(Duration::from_secs(300)),
            TimeNotSigned,
        ),
        (
            "a tolerance in the body",
            TOKEN.time_pointer("/t").tolerance(Duration::from_secs(300)),
            TimeNotSigned,
        ),
        (
            "a copy of what is not signed",
            TOKEN.event_pointer("/type").event_copy("X-Type"),
            CopyOfUnsigned,
        ),
    ];
    for (name, scheme, due) in rows {
        assert_eq!(scheme.build(), Err(*due), "{name}");
    }
}
