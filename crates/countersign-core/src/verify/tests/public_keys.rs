//! Signatures with public keys, made by another library.

use ring::signature::{Ed25519KeyPair, KeyPair};

use super::*;
use crate::{
    keys::KeyringError, rejection::RejectionKind::*, scheme::KeyFormat, verify::VerifierError,
};

const SCHEME: SchemeBuilder = Scheme::body_hmac("X-Sig")
    .algorithm(Algorithm::Ed25519)
    .key_format(KeyFormat::PublicKey)
    .id_header("X-Id");

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn public(pair: &Ed25519KeyPair) -> Secret {
    Secret::new(const_hex::encode(pair.public_key().as_ref())).unwrap()
}

fn judge(verifier: &Verifier, body: &str, signature: &[u8]) -> Result<(), RejectionKind> {
    let request = Request::new(body.to_owned())
        .with("X-Sig", const_hex::encode(signature))
        .with("X-Id", "1");
    kind(request.judge(verifier))
}

fn verifier(pairs: &[&Ed25519KeyPair]) -> Verifier {
    let builder = Verifier::builder(SCHEME.build().unwrap());
    let builder = pairs
        .iter()
        .fold(builder, |builder, pair| builder.secret(public(pair)));
    builder.build().unwrap()
}

#[test]
fn what_the_private_key_signed_is_proved() {
    let (one, other) = (pair(1), pair(2));
    let verifier = verifier(&[&one, &other]);
    for body in [
        "",
        "{}",
        "a body that is longer than one block of any hash function, or is it not quite",
    ] {
        for pair in [&one, &other] {
            assert_eq!(
                judge(&verifier, body, pair.sign(body.as_bytes()).as_ref()),
                Ok(())
            );
        }
        let stranger = pair(3).sign(body.as_bytes());
        assert_eq!(
            judge(&verifier, body, stranger.as_ref()),
            Err(SignatureMismatch)
        );
        let of_another = one.sign(b"another body");
        assert_eq!(
            judge(&verifier, body, of_another.as_ref()),
            Err(SignatureMismatch)
        );
    }
    let request = Request::new("{}")
        .with("X-Sig", const_hex::encode(other.sign(b"{}").as_ref()))
        .with("X-Id", "1");
    assert_eq!(request.judge(&verifier).unwrap().matched_key(), "key-2");
}

#[test]
fn no_bit_of_a_signature_can_be_changed() {
    let pair = pair(1);
    let verifier = verifier(&[&pair]);
    let signature = pair.sign(b"{}").as_ref().to_vec();
    for bit in 0..512 {
        let mut other = signature.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            judge(&verifier, "{}", &other),
            Err(SignatureMismatch),
            "bit {bit}"
        );
    }
    for len in [0, 32, 63, 65] {
        let mut other = signature.clone();
        other.resize(len, 0);
        assert_eq!(
            judge(&verifier, "{}", &other),
            Err(HeaderMalformed),
            "{len} bytes"
        );
    }
    // The same signature with the order of the group added to its number: one signature has one encoding.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut twin = signature;
    let mut carry = 0;
    for (byte, add) in twin[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert_eq!(carry, 0);
    assert_eq!(judge(&verifier, "{}", &twin), Err(SignatureMismatch));
}

/// Ed25519 reads the message again when it is whole: all that is around the body must be in it.
#[test]
fn what_is_around_the_body_is_part_of_the_message() {
    const DOT: Part = Part::Literal(".");
    let pair = pair(1);
    let parts = &[Part::Timestamp, DOT, Part::Body, DOT, Part::Id];
    let scheme = SCHEME.signed(parts).time_header("X-Time");
    let verifier = Verifier::builder(scheme.build().unwrap());
    let verifier = verifier.secret(public(&pair)).build().unwrap();
    let signature = const_hex::encode(pair.sign(b"1712000000.{}.7").as_ref());
    let judge = |time: &str, id: &str| {
        let request = Request::new("{}").with("X-Sig", signature.clone());
        kind(
            request
                .with("X-Time", time)
                .with("X-Id", id)
                .judge(&verifier),
        )
    };
    assert_eq!(judge("1712000000", "7"), Ok(()));
    assert_eq!(judge("1712000001", "7"), Err(SignatureMismatch));
    assert_eq!(judge("1712000000", "8"), Err(SignatureMismatch));
}

/// For the key of RFC 8032, 7.1, test 1: a point of small order, and the number that makes the equation hold.
/// Only the owner of the key can make one, and no honest sender does.
#[test]
fn a_signature_that_begins_with_a_point_of_small_order_is_refused() {
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let verifier = Verifier::builder(SCHEME.build().unwrap());
    let verifier = verifier.secret(Secret::new(key).unwrap()).build().unwrap();
    let signature = const_hex::decode(
        "01000000000000000000000000000000000000000000000000000000000000007a944bb6e074f92c34d2b4b27216f7e7\
         ea7cb6554102c4186a4b51daad91c005",
    );
    let judged = judge(&verifier, "{}", &signature.unwrap());
    assert_eq!(judged, Err(SignatureMismatch));
}

#[test]
fn what_is_no_key_does_not_build() {
    let build = |text: &str| {
        let secret = Secret::new(text).unwrap();
        let builder = Verifier::builder(SCHEME.build().unwrap());
        builder.secret(secret).build().err()
    };
    // The neutral element, and a point of order four: with such a key anybody can sign.
    let neutral = format!("01{}", "00".repeat(31));
    for wrong in [
        "00",
        &"00".repeat(31),
        &"00".repeat(33),
        &neutral,
        &"00".repeat(32),
    ] {
        let error = build(wrong).unwrap().to_string();
        assert!(error.contains("an Ed25519 public key: 32 bytes"), "{error}");
    }
    // About half of all texts are no point of the curve.
    let points =
        (2_u8..102).filter(|byte| build(&format!("{byte:02x}{}", "00".repeat(31))).is_none());
    assert!((30..70).contains(&points.count()));
    assert!(matches!(
        build("no hexadecimal digits"),
        Some(VerifierError::Keyring(KeyringError::Secret(_)))
    ));
}
