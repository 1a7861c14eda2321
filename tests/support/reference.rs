//! What a scheme's signature should be, worked out apart from the core and with another library.
#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "test data")]

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use countersign_core::{
    Algorithm, Scheme,
    scheme::{Encoding, KeyFormat, Part},
};
use ring::hmac;

use crate::request::Request;

/// The key bytes that a sender of this scheme makes of the secret's text.
#[must_use]
pub fn key(scheme: &Scheme, secret: &str) -> Vec<u8> {
    match scheme.key_format() {
        KeyFormat::Hex => hex::decode(secret).expect("a secret in hex"),
        KeyFormat::Base64 => STANDARD.decode(secret).expect("a secret in base64"),
        KeyFormat::Base64AfterPrefix(prefix) => STANDARD
            .decode(secret.strip_prefix(prefix).unwrap_or(secret))
            .expect("a secret in base64"),
        _ => secret.as_bytes().to_vec(),
    }
}

/// The signed bytes of a request.
#[must_use]
pub fn message(scheme: &Scheme, request: &Request, time: &[u8], id: &[u8], url: &str) -> Vec<u8> {
    let parts = scheme.signed().iter().map(|part| match part {
        Part::Literal(text) => text.as_bytes(),
        Part::Timestamp => time,
        Part::Id => id,
        Part::Header(name) => request.header(name).expect("a signed header"),
        Part::Url => url.as_bytes(),
        Part::Body => &request.body,
        other => panic!("the reference does not know {other:?}"),
    });
    parts.collect::<Vec<_>>().concat()
}

/// The tag over the signed bytes.
#[must_use]
pub fn tag(scheme: &Scheme, key: &[u8], message: &[u8]) -> Vec<u8> {
    let algorithm = match scheme.algorithm() {
        Algorithm::HmacSha256 => hmac::HMAC_SHA256,
        Algorithm::HmacSha512 => hmac::HMAC_SHA512,
        Algorithm::HmacSha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        other => panic!("the reference does not know {other:?}"),
    };
    let key = hmac::Key::new(algorithm, key);
    hmac::sign(&key, message).as_ref().to_vec()
}

/// The tag as text.
#[must_use]
pub fn encode(scheme: &Scheme, tag: &[u8]) -> String {
    match scheme.encoding() {
        Encoding::Base64 => STANDARD.encode(tag),
        Encoding::Base64Url => URL_SAFE.encode(tag),
        _ => hex::encode(tag),
    }
}
