//! Senders that write a secret into the body and sign nothing.

use super::*;
use crate::scheme::{Handshake, IdenticalBodies, SchemeError};

const GRAPH: SchemeBuilder = Scheme::token_in_body("/value/*/clientState")
    .batch("/value")
    .identical_bodies(IdenticalBodies::Events);
const LARK: SchemeBuilder = Scheme::token_in_body("/header/token").id_pointer("/header/id");

const WRONG: Result<(), RejectionKind> = Err(RejectionKind::SignatureMismatch);

fn verifier_of(scheme: SchemeBuilder, secrets: &[&str]) -> Verifier {
    let mut verifier = Verifier::builder(scheme.build().unwrap()).accept_unsigned_body();
    for secret in secrets {
        verifier = verifier.secret(Secret::new(*secret).unwrap());
    }
    verifier.build().unwrap()
}

fn judge(verifier: &Verifier, body: &str) -> Result<String, Rejection> {
    let verified = Request::new(body.to_owned()).judge(verifier)?;
    assert!(!verified.body_is_signed() && !verified.id_is_signed());
    assert_eq!(verified.body(), body);
    Ok(verified.matched_key().to_owned())
}

/// A body of items with these tokens, as JSON.
fn items(tokens: &[&str]) -> String {
    let items: Vec<_> = tokens
        .iter()
        .enumerate()
        .map(|(at, token)| format!(r#"{{"id":"n{at}","clientState":{token},"changeType":"x"}}"#))
        .collect();
    format!(r#"{{"value":[{}]}}"#, items.join(","))
}

fn quoted(token: &str) -> String {
    format!("\"{token}\"")
}

#[test]
fn every_item_of_ten_must_hold_the_token() {
    let verifier = verifier_of(GRAPH, &["another", KEY]);
    let key = quoted(KEY);
    let right = [key.as_str(); 10];
    assert_eq!(judge(&verifier, &items(&right)).as_deref(), Ok("key-2"));
    // During a rotation, subscriptions have either.
    let mut both = right;
    both[3] = "\"another\"";
    assert_eq!(judge(&verifier, &items(&both)).as_deref(), Ok("key-2"));

    let prefix = quoted(&KEY[..KEY.len() - 1]);
    let longer = quoted(&format!("{KEY}x"));
    let upper = quoted(&KEY.to_uppercase());
    for at in 0..10 {
        for wrong in [
            &*prefix,
            &longer,
            &upper,
            "\"\"",
            "null",
            "1",
            "true",
            "[]",
            "{}",
            &format!("[{key}]"),
        ] {
            let mut tokens = right;
            tokens[at] = wrong;
            let judged = judge(&verifier, &items(&tokens));
            assert_eq!(kind(judged), WRONG, "{wrong} at {at}");
        }
    }
    for len in 1..KEY.len() {
        let tokens = [&*quoted(&KEY[..len])];
        assert_eq!(kind(judge(&verifier, &items(&tokens))), WRONG, "{len}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_holds_none() {
    let verifier = verifier_of(GRAPH, &[KEY]);
    let item = format!(r#"{{"clientState":"{KEY}"}}"#);
    let right = format!(r#"{{"value":[{item}]}}"#);
    assert_eq!(judge(&verifier, &right).as_deref(), Ok("key-1"));
    // Written in another way, it is the same text.
    let escaped = right.replacen("a signing", r"\u0061 signing", 1);
    assert_eq!(judge(&verifier, &escaped).as_deref(), Ok("key-1"));
    let mark = format!("\u{feff}{right}");
    assert_eq!(judge(&verifier, &mark).as_deref(), Ok("key-1"));
    for body in [
        // The token twice, in either order, and a second list.
        format!(r#"{{"value":[{{"clientState":"{KEY}","clientState":"x"}}]}}"#),
        format!(r#"{{"value":[{{"clientState":"x","clientState":"{KEY}"}}]}}"#),
        format!(r#"{{"value":[{{"clientState":"{KEY}","\u0063lientState":"{KEY}"}}]}}"#),
        format!(r#"{{"value":[{item}],"value":[{{}}]}}"#),
        format!(r#"{{"value":[{{}}],"value":[{item}]}}"#),
        // An item that lacks it, or is none; no items; no list.
        format!(r#"{{"value":[{item},{{}}]}}"#),
        format!(r#"{{"value":[{item},null]}}"#),
        format!(r#"{{"value":[{item},"{KEY}"]}}"#),
        format!(r#"{{"value":[{item},[{item}]]}}"#),
        r#"{"value":[]}"#.to_owned(),
        format!(r#"{{"value":{item}}}"#),
        format!(r#"{{"clientState":"{KEY}"}}"#),
        format!(r#"[{item}]"#),
        format!(r#"{{"value":[{{"inner":{item}}}]}}"#),
        // No JSON.
        format!(r#"{{"value":[{item}]"#),
        format!(r#"{{"value":[{item}]}}{{"value":[]}}"#),
        quoted(KEY),
        KEY.to_owned(),
        String::new(),
    ] {
        assert_eq!(kind(judge(&verifier, &body)), WRONG, "{body}");
    }
    for body in [r#"{"value":[{}]}"#, r#"{"value":[]}"#] {
        let missing = judge(&verifier, body).unwrap_err();
        let due = "no key matches the signature: the body, or an item of it, has no token where the scheme says";
        assert_eq!(missing.to_string(), due, "{body}");
    }
    let other = judge(&verifier, r#"{"value":[{"clientState":"x"}]}"#).unwrap_err();
    assert_eq!(
        other.to_string(),
        "no key matches the signature: the token in the body, or in an item of it, is another"
    );
}

#[test]
fn one_token_may_stand_for_the_whole_body() {
    let verifier = verifier_of(LARK, &[KEY]);
    let right = format!(r#"{{"header":{{"id":"1","token":"{KEY}"}}}}"#);
    assert_eq!(judge(&verifier, &right).as_deref(), Ok("key-1"));
    for body in [
        format!(r#"{{"token":"{KEY}","header":{{}}}}"#),
        format!(r#"{{"header":{{"token":"{KEY}"}},"header":{{}}}}"#),
        format!(r#"{{"header":[{{"token":"{KEY}"}}]}}"#),
        r#"{"header":{"token":"x"}}"#.to_owned(),
    ] {
        assert_eq!(kind(judge(&verifier, &body)), WRONG, "{body}");
    }
    // No header says anything.
    let request = Request::new("{}").with("X-Token", KEY).with("", KEY);
    assert_eq!(kind(request.judge(&verifier)), WRONG);
    // And nothing is built without saying that the body is not signed.
    let silent = Verifier::builder(LARK.build().unwrap()).secret(Secret::new(KEY).unwrap());
    assert_eq!(silent.build().unwrap_err(), VerifierError::BodyNotSigned);
}

#[test]
fn the_body_comes_in_chunks_and_within_its_limit() {
    let scheme = LARK.body_limit(64);
    let verifier = verifier_of(scheme, &[KEY]);
    let body = format!(r#"{{"header":{{"token":"{KEY}"}}}}"#);
    let request = Request::new(body.clone());
    let head = || verifier.precheck(&request, Timestamp::from_unix_seconds(NOW));
    let mut intake = head().unwrap().open(None).unwrap();
    for byte in body.bytes() {
        intake.push(Bytes::copy_from_slice(&[byte])).unwrap();
    }
    assert_eq!(intake.finish().unwrap().matched_key(), "key-1");
    let long = format!("{body}{}", " ".repeat(64));
    assert_eq!(
        kind(judge(&verifier, &long)),
        Err(RejectionKind::BodyTooLarge)
    );
}

#[test]
fn a_question_has_its_token_elsewhere_and_is_no_delivery() {
    const ASKS: Handshake = Handshake::TokenChallenge {
        at: "/type",
        is: "url_verification",
        token: "/token",
        challenge: "/challenge",
    };
    let verifier = verifier_of(LARK.handshakes(&[ASKS]), &[KEY]);
    let judge = |body: &str| {
        let verified = Request::new(body.to_owned()).judge(&verifier)?;
        Ok::<_, Rejection>(verified.is_handshake())
    };
    let asks = |token: &str, rest: &str| {
        format!(r#"{{"type":"url_verification","token":"{token}","challenge":"c-1"{rest}}}"#)
    };
    assert_eq!(judge(&asks(KEY, "")), Ok(true));
    let delivery = format!(r#"{{"header":{{"token":"{KEY}"}},"token":"x"}}"#);
    assert_eq!(judge(&delivery), Ok(false));
    let head = format!(r#","header":{{"id":"1","token":"{KEY}"}}"#);
    // With both tokens it is the question, and no delivery.
    assert_eq!(judge(&asks(KEY, &head)), Ok(true));
    for (body, due) in [
        (asks("x", ""), RejectionKind::SignatureMismatch),
        (asks("x", &head), RejectionKind::SignatureMismatch),
        // The token of a question proves nothing else.
        (
            format!(r#"{{"type":"event","token":"{KEY}","challenge":"c"}}"#),
            RejectionKind::SignatureMismatch,
        ),
        (
            asks(KEY, r#","type":"url_verification""#),
            RejectionKind::SignatureMismatch,
        ),
        (
            asks(KEY, &format!(r#","token":"{KEY}""#)),
            RejectionKind::SignatureMismatch,
        ),
        (
            asks(KEY, r#","challenge":"d""#),
            RejectionKind::HandshakeRefused,
        ),
        (
            asks(KEY, "").replace("c-1", "<script>"),
            RejectionKind::HandshakeRefused,
        ),
        (
            asks(KEY, "").replace("c-1", r#"\""#),
            RejectionKind::HandshakeRefused,
        ),
    ] {
        assert_eq!(
            judge(&body).map_err(|refused| refused.kind()),
            Err(due),
            "{body}"
        );
    }
    let header = Scheme::token("X-Token")
        .id_pointer("/id")
        .handshakes(&[ASKS]);
    assert_eq!(header.build(), Err(SchemeError::InvalidHandshake));
}
