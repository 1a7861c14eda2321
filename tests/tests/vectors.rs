//! Known answers: what senders publish, RFC 4231, and deliveries signed here for senders that
//! publish none.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use countersign_core::{
    Algorithm, Receiver, RejectionKind, Scheme, Secret, Timestamp,
    scheme::{Encoding, IdenticalBodies, Place},
};
use countersign_senders::{github, standard_webhooks, stripe};
use countersign_tests::{
    reference,
    request::{Request, URL, receiver},
    schemes,
    vectors::{Vector, VectorSecret, blocks, vectors},
};

const FILES: &[(&str, Scheme)] = &[
    ("bitbucket.txt", schemes::BITBUCKET),
    ("circleci.txt", schemes::CIRCLECI),
    ("coinbase_commerce.txt", schemes::COINBASE_COMMERCE),
    ("github.txt", github::SCHEME),
    ("paddle.txt", schemes::PADDLE),
    ("pagerduty.txt", schemes::PAGERDUTY),
    ("razorpay.txt", schemes::RAZORPAY),
    ("shopify.txt", schemes::SHOPIFY),
    ("slack.txt", schemes::SLACK),
    ("standard_webhooks.txt", standard_webhooks::SCHEME),
    ("stripe.txt", stripe::SCHEME),
    ("svix.txt", standard_webhooks::SVIX),
];

fn each_vector(valid: bool, mut test: impl FnMut(&str, Scheme, &Vector, &Receiver)) {
    for (file, scheme) in FILES {
        for vector in vectors(file) {
            if vector.valid == valid {
                let what = format!("{file}: {}", vector.name);
                test(
                    &what,
                    *scheme,
                    &vector,
                    &receiver(*scheme, vector.secrets()),
                );
            }
        }
    }
}

/// The tag that the vector's secret makes, as the text in its signature header.
fn published_tag(scheme: Scheme, vector: &Vector) -> (Vec<u8>, String) {
    let request = &vector.request;
    let header = String::from_utf8(request.header(scheme.signature_header()).unwrap().to_vec());
    let header = header.unwrap();
    let time = match (scheme.time_header(), scheme.time_key()) {
        (Some(name), _) => request.header(name).unwrap().to_vec(),
        (None, Some(key)) => {
            let pair = header
                .split([',', ';'])
                .find_map(|pair| pair.split_once('='));
            let (name, time) = pair.unwrap();
            assert_eq!(name, key);
            time.as_bytes().to_vec()
        }
        (None, None) => Vec::new(),
    };
    let id = match scheme.id() {
        Some(Place::Header(name)) => request.header(name).unwrap_or_default().to_vec(),
        _ => Vec::new(),
    };
    let key = match &vector.secret {
        VectorSecret::Text(text) => reference::key(&scheme, text),
        VectorSecret::Bytes(bytes) => bytes.clone(),
    };
    let message = reference::message(&scheme, request, &time, &id, URL);
    let tag = reference::tag(&scheme, &key, &message);
    let text = reference::encode(&scheme, &tag);
    (tag, text)
}

fn with_tag(scheme: Scheme, request: &Request, old: &str, new: &[u8]) -> Request {
    let mut changed = request.clone();
    for (name, value) in &mut changed.headers {
        if name.eq_ignore_ascii_case(scheme.signature_header()) {
            let at = value.windows(old.len()).position(|at| at == old.as_bytes());
            let at = at.expect("the tag is in the header");
            value.splice(at..at + old.len(), new.iter().copied());
        }
    }
    changed
}

#[test]
fn valid_vectors_are_accepted_whole_and_byte_by_byte() {
    let mut count = 0;
    each_vector(true, |what, _, vector, receiver| {
        let whole = vector.request.verify(receiver, vector.now);
        let whole = whole.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(whole.body(), &vector.request.body, "{what}");
        // With several active keys, the one that signed is named.
        let number = vector.other_secrets.len() + 1;
        assert_eq!(whole.matched_key(), format!("key-{number}"), "{what}");
        let bytes = vector.request.verify_in_chunks(receiver, &[1], vector.now);
        let bytes = bytes.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(bytes.body(), &vector.request.body, "{what}");
        count += 1;
    });
    assert_eq!(count, 23);
}

#[test]
fn invalid_vectors_are_refused_whole_and_byte_by_byte() {
    let mut count = 0;
    each_vector(false, |what, _, vector, receiver| {
        let whole = vector.request.verify(receiver, vector.now).expect_err(what);
        let bytes = vector.request.verify_in_chunks(receiver, &[1], vector.now);
        assert_eq!(bytes.expect_err(what), whole, "{what}");
        count += 1;
    });
    assert_eq!(count, 26);
}

// Nothing of the body is left out of the MAC, wherever it is.
#[test]
fn a_changed_byte_anywhere_in_the_body_is_refused() {
    each_vector(true, |what, _, vector, receiver| {
        for at in 0..vector.request.body.len() {
            let mut body = vector.request.body.to_vec();
            body[at] ^= 1;
            let request = vector.request.with_body(body);
            let refused = request.verify(receiver, vector.now).expect_err(what);
            assert_eq!(
                refused.kind(),
                RejectionKind::SignatureMismatch,
                "{what} {at}"
            );
        }
    });
}

// The whole tag is compared: no prefix of it is enough.
#[test]
fn a_changed_byte_anywhere_in_the_tag_is_refused() {
    each_vector(true, |what, scheme, vector, receiver| {
        let (tag, text) = published_tag(scheme, vector);
        for at in 0..tag.len() {
            let mut other = tag.clone();
            other[at] ^= 1;
            let other = reference::encode(&scheme, &other);
            let request = with_tag(scheme, &vector.request, &text, other.as_bytes());
            let refused = request.verify(receiver, vector.now).expect_err(what);
            assert_eq!(
                refused.kind(),
                RejectionKind::SignatureMismatch,
                "{what} {at}"
            );
        }
        // As text: the result may no longer be hexadecimal or base64.
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] ^= 1;
            let request = with_tag(scheme, &vector.request, &text, &other);
            assert!(request.verify(receiver, vector.now).is_err(), "{what} {at}");
        }
        // A tag that lacks its end is none.
        let request = with_tag(
            scheme,
            &vector.request,
            &text,
            &text.as_bytes()[..text.len() / 2],
        );
        assert!(request.verify(receiver, vector.now).is_err(), "{what}");
    });
}

const SHA256: Scheme = Scheme::body_hmac("X-Tag")
    .identical_bodies(IdenticalBodies::Events)
    .declare();
const SHA512: Scheme = Scheme::body_hmac("X-Tag")
    .identical_bodies(IdenticalBodies::Events)
    .algorithm(Algorithm::HmacSha512)
    .declare();
const SHA512_BASE64URL: Scheme = Scheme::body_hmac("X-Tag")
    .identical_bodies(IdenticalBodies::Events)
    .algorithm(Algorithm::HmacSha512)
    .encoding(Encoding::Base64Url)
    .declare();

#[test]
fn rfc_4231() {
    let cases = blocks("rfc4231.txt");
    assert_eq!(cases.len(), 6);
    for case in cases {
        let name = &case[0].1;
        let field = |wanted: &str| {
            let (_, value) = case.iter().find(|(key, _)| key == wanted).unwrap();
            hex::decode(value).unwrap()
        };
        for (scheme, field_name) in [
            (SHA256, "HmacSha256"),
            (SHA512, "HmacSha512"),
            (SHA512_BASE64URL, "HmacSha512"),
        ] {
            let receiver = receiver(scheme, [Secret::from_bytes(field("Key")).unwrap()]);
            let tag = reference::encode(&scheme, &field(field_name));
            let request = Request::default()
                .with("X-Tag", tag)
                .with_body(field("Data"));
            let now = Timestamp::from_unix_seconds(0);
            let verified = request.verify(&receiver, now);
            assert!(verified.is_ok(), "{name} {field_name}: {verified:?}");
            let mut other = field("Data");
            other.push(0);
            let refused = request.with_body(other).verify(&receiver, now);
            assert!(refused.is_err(), "{name} {field_name}");
        }
    }
}
