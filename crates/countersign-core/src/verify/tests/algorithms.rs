//! Every algorithm against what other implementations signed, and keys that are none.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{samples::*, *};
use crate::{
    keys::{KeyringError, SecretFault},
    scheme::{Encoding, KeyFormat, SchemeError},
};

const BODY: &str = "sample";

fn signed_with(algorithm: Algorithm) -> SchemeBuilder {
    let scheme = Scheme::body_hmac("X-Sig")
        .algorithm(algorithm)
        .id_header("X-Id");
    if algorithm.has_public_key() {
        scheme.key_format(KeyFormat::PublicKey)
    } else {
        scheme
    }
}

fn with_keys(scheme: SchemeBuilder, keys: &[&str]) -> Verifier {
    let scheme = scheme.build().unwrap();
    let mut verifier = Verifier::builder(scheme);
    for key in keys {
        verifier = verifier.secret(Secret::new(*key).unwrap());
    }
    verifier.build().unwrap()
}

fn judge(verifier: &Verifier, signature: &str, body: &str) -> Result<String, RejectionKind> {
    let request = Request::new(body.to_owned()).with("X-Sig", signature);
    let verified = request.judge(verifier);
    verified
        .map(|verified| verified.matched_key().to_owned())
        .map_err(|refused| refused.kind())
}

fn base64_of(hex: &str) -> String {
    STANDARD.encode(const_hex::decode(hex).unwrap())
}

fn pem(label: &str, key: &str) -> String {
    let lines = key.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let lines = lines.collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----")
}

/// What is not among the algorithms of this build.
fn is_off(algorithm: Algorithm) -> bool {
    let off = !algorithm.is_available();
    if off {
        let error = signed_with(algorithm).build().unwrap_err();
        assert!(error.to_string().contains("feature"), "{error}");
    }
    off
}

/// A public key in every way that it is written, with a signature over [`BODY`].
fn public_keys() -> Vec<(Algorithm, Vec<String>, Vec<String>)> {
    vec![
        (
            Algorithm::Ed25519,
            vec![
                ED_HEX.to_owned(),
                ED_HEX.to_uppercase(),
                ED_PUB.to_owned(),
                ED_PUB.trim_end_matches('=').to_owned(),
                ED_SPKI.to_owned(),
                pem("PUBLIC KEY", ED_SPKI),
            ],
            vec![base64_of(ED_SIG)],
        ),
        (
            Algorithm::EcdsaP256Sha256,
            vec![
                P_SPKI.to_owned(),
                P_POINT.to_owned(),
                P_COMP.to_owned(),
                pem("PUBLIC KEY", P_SPKI),
                pem("PUBLIC KEY", P_SPKI).replace('\n', "\\n"),
                pem("PUBLIC KEY", P_SPKI).replace('\n', "\r\n"),
            ],
            // Both halves of the curve: senders do not agree on one.
            vec![P_SIG.to_owned(), P_LOW.to_owned()],
        ),
        (
            Algorithm::RsaSha256,
            vec![
                R_SPKI.to_owned(),
                R_PKCS1.to_owned(),
                R_CERT.to_owned(),
                pem("PUBLIC KEY", R_SPKI),
                pem("RSA PUBLIC KEY", R_PKCS1),
                pem("CERTIFICATE", R_CERT),
            ],
            vec![R_SIG.to_owned()],
        ),
    ]
}

#[test]
fn macs_are_those_of_the_rfcs() {
    let rows: &[(Algorithm, &str, &str, &str)] = &[
        // RFC 2202, case 2; RFC 4231, case 2.
        (
            Algorithm::HmacSha1,
            "Jefe",
            "what do ya want for nothing?",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ),
        (
            Algorithm::HmacSha256,
            "Jefe",
            "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            Algorithm::HmacSha384,
            "Jefe",
            "what do ya want for nothing?",
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
        (
            Algorithm::HmacSha512,
            "Jefe",
            "what do ya want for nothing?",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ];
    for (algorithm, key, body, tag) in rows {
        if is_off(*algorithm) {
            continue;
        }
        let verifier = with_keys(signed_with(*algorithm), &["another", key]);
        assert_eq!(judge(&verifier, tag, body).as_deref(), Ok("key-2"));
        for at in 0..tag.len() {
            let mut other = tag.as_bytes().to_vec();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            let other = String::from_utf8(other).unwrap();
            let due = Err(RejectionKind::SignatureMismatch);
            assert_eq!(judge(&verifier, &other, body), due, "{algorithm:?} {at}");
        }
        let due = Err(RejectionKind::HeaderMalformed);
        assert_eq!(judge(&verifier, &tag[2..], body), due);
        assert_eq!(judge(&verifier, &format!("{tag}00"), body), due);
    }
}

#[test]
fn public_keys_prove_what_their_owner_signed() {
    for (algorithm, keys, signatures) in public_keys() {
        if is_off(algorithm) {
            continue;
        }
        let scheme = signed_with(algorithm).encoding(Encoding::Base64);
        for key in &keys {
            let verifier = with_keys(scheme, &[key]);
            for signature in &signatures {
                assert_eq!(
                    judge(&verifier, signature, BODY).as_deref(),
                    Ok("key-1"),
                    "{key}"
                );
                let due = Err(RejectionKind::SignatureMismatch);
                assert_eq!(judge(&verifier, signature, "Sample"), due, "{key}");
                assert_eq!(judge(&verifier, signature, ""), due, "{key}");
            }
        }
        let verifier = with_keys(scheme, &[&keys[0]]);
        for signature in &signatures {
            let bytes = STANDARD.decode(signature).unwrap();
            for at in 0..bytes.len() {
                let mut other = bytes.clone();
                other[at] ^= 1;
                let other = STANDARD.encode(other);
                assert!(
                    judge(&verifier, &other, BODY).is_err(),
                    "{algorithm:?} {at}"
                );
            }
            for len in [0, 1, bytes.len() - 1] {
                let other = STANDARD.encode(&bytes[..len]);
                assert!(
                    judge(&verifier, &other, BODY).is_err(),
                    "{algorithm:?} {len}"
                );
            }
            let mut longer = bytes;
            longer.push(0);
            let longer = STANDARD.encode(longer);
            assert!(judge(&verifier, &longer, BODY).is_err(), "{algorithm:?}");
        }
    }
}

// A number that no signature has, and one that fits every message where it is not looked at.
#[test]
fn zeros_and_other_schemes_of_the_same_key_are_no_signatures() {
    for (algorithm, keys, _) in public_keys() {
        if is_off(algorithm) {
            continue;
        }
        let verifier = with_keys(
            signed_with(algorithm).encoding(Encoding::Base64),
            &[&keys[0]],
        );
        let zeros: &[&[u8]] = &[
            &[0; 64],
            &[0; 256],
            &[0xff; 64],
            &[0xff; 256],
            &[0x30, 6, 2, 1, 0, 2, 1, 0],
            &[0x30, 6, 2, 1, 1, 2, 1, 0],
            &[1, 0, 0, 0, 0, 0, 0, 0],
        ];
        for zeros in zeros {
            let zeros = STANDARD.encode(zeros);
            assert!(judge(&verifier, &zeros, BODY).is_err(), "{algorithm:?}");
        }
        for other in [R_SHA1, R_PSS, P_SIG, R_SIG] {
            let right = judge(&verifier, other, BODY).is_ok();
            let due = matches!(
                (algorithm, other),
                (Algorithm::EcdsaP256Sha256, P_SIG) | (Algorithm::RsaSha256, R_SIG)
            );
            assert_eq!(right, due, "{algorithm:?}");
        }
    }
}

#[test]
fn an_old_public_key_is_accepted_for_its_time() {
    let off = is_off(Algorithm::Ed25519);
    if off {
        return;
    }
    let scheme = signed_with(Algorithm::Ed25519).encoding(Encoding::Base64);
    let verifier = with_keys(scheme, &[ED_HEX]);
    let now = Timestamp::from_unix_seconds(NOW);
    // Any other point of the curve.
    let new = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    let new = Secret::new(new).unwrap();
    let hour = Duration::from_secs(3_600);
    verifier
        .keyring()
        .unwrap()
        .rotate_at(new, hour, now)
        .unwrap();
    let request = Request::new(BODY).with("X-Sig", base64_of(ED_SIG));
    let judged = verifier
        .verify(&request, request.body.clone(), now)
        .unwrap();
    assert_eq!(judged.matched_key(), "key-1");
    assert_eq!(judged.tags().iter().count(), 2);
    let after = Timestamp::from_unix_seconds(NOW + 3_601);
    let refused = verifier.verify(&request, request.body.clone(), after);
    assert_eq!(kind(refused), Err(RejectionKind::SignatureMismatch));
}

// More candidates would let anybody make a receiver work: each costs a check.
#[test]
fn few_signatures_are_checked_with_a_public_key() {
    if is_off(Algorithm::Ed25519) {
        return;
    }
    let scheme = signed_with(Algorithm::Ed25519)
        .encoding(Encoding::Base64)
        .versioned(&["v1a"]);
    let verifier = with_keys(scheme, &[ED_HEX]);
    let right = format!("v1a,{}", base64_of(ED_SIG));
    let wrong = format!("v1a,{}", STANDARD.encode([0; 64]));
    let list = |wrongs| format!("{} {right}", vec![wrong.clone(); wrongs].join(" "));
    assert_eq!(judge(&verifier, &list(3), BODY).as_deref(), Ok("key-1"));
    let due = Err(RejectionKind::TooManyCandidates);
    assert_eq!(judge(&verifier, &list(4), BODY), due);
}

#[test]
fn a_malformed_key_is_refused_by_the_name_of_what_is_due() {
    let fault = |algorithm, key: Result<Secret, _>| {
        let scheme = signed_with(algorithm).build().unwrap();
        match Keyring::new(&scheme, key.unwrap()).unwrap_err() {
            KeyringError::Secret(error) => {
                // The message never shows the key.
                assert!(error.to_string().len() < 160, "{error}");
                error.fault()
            }
            other => panic!("{other:?}"),
        }
    };
    let private = pem("PRIVATE KEY", ED_SPKI);
    let mut truncated = STANDARD.decode(R_SPKI).unwrap();
    truncated.truncate(100);
    // The point of order two: a signature that anybody can make fits it.
    let weak = "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
    for (algorithm, name) in [
        (Algorithm::Ed25519, "Ed25519"),
        (Algorithm::EcdsaP256Sha256, "P-256"),
        (Algorithm::RsaSha256, "RSA"),
    ] {
        if is_off(algorithm) {
            continue;
        }
        let text = |text: &str| fault(algorithm, Secret::new(text.to_owned()));
        assert_eq!(text("not a key!"), SecretFault::NotKeyText);
        assert_eq!(text("-----BEGIN PUBLIC KEY-----"), SecretFault::NotKeyText);
        assert_eq!(text("-----BEGIN PUBLIC KEY"), SecretFault::NotKeyText);
        assert_eq!(text(&private), SecretFault::PrivateKey);
        // A page that has a key somewhere in it is no key.
        let key = pem("PUBLIC KEY", ED_SPKI);
        for around in [
            format!("<a>\n{key}"),
            format!("{key}\n<a>"),
            format!("{key}-"),
            format!("{key}\n{key}"),
            format!("\\n-{key}"),
            key.replace("END PUBLIC", "END OTHER"),
        ] {
            assert_eq!(text(&around), SecretFault::NotKeyText, "{around}");
        }
        let wrongs: Vec<Vec<u8>> = vec![
            vec![0],
            vec![0; 31],
            vec![2; 32],
            vec![0; 33],
            vec![4; 65],
            vec![0x30, 0x80],
            vec![0x30, 0x82, 0xff, 0xff],
            vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            const_hex::decode(weak).unwrap(),
            truncated.clone(),
            STANDARD.decode(K1).unwrap(),
            STANDARD.decode(R_SMALL).unwrap(),
        ];
        for wrong in wrongs {
            match fault(algorithm, Secret::from_bytes(wrong.clone())) {
                SecretFault::NotPublicKey(due) => assert!(due.contains(name), "{due}"),
                other => panic!("{algorithm:?}: {other:?} for {wrong:?}"),
            }
        }
        // Every beginning of a right key, and a right key with every byte changed: no panic.
        for key in [ED_SPKI, P_SPKI, R_SPKI, R_PKCS1, R_CERT] {
            let key = STANDARD.decode(key).unwrap();
            let scheme = signed_with(algorithm).build().unwrap();
            for at in 0..key.len() {
                let mut other = key.clone();
                other[at] ^= 0x41;
                let _ = Keyring::new(&scheme, Secret::from_bytes(other.clone()).unwrap());
                let start = key[..at].to_vec();
                if !start.is_empty() {
                    assert!(Keyring::new(&scheme, Secret::from_bytes(start).unwrap()).is_err());
                }
            }
        }
    }
}

#[test]
fn keys_and_algorithms_are_of_one_kind() {
    for algorithm in [Algorithm::HmacSha256, Algorithm::HmacSha512] {
        let public = signed_with(algorithm).key_format(KeyFormat::PublicKey);
        assert_eq!(public.build(), Err(SchemeError::KeyFormatMismatch));
    }
    for algorithm in [
        Algorithm::Ed25519,
        Algorithm::EcdsaP256Sha256,
        Algorithm::RsaSha256,
    ] {
        if is_off(algorithm) {
            continue;
        }
        for format in [KeyFormat::Text, KeyFormat::Hex, KeyFormat::Base64] {
            let secret = signed_with(algorithm).key_format(format);
            assert_eq!(secret.build(), Err(SchemeError::KeyFormatMismatch));
        }
    }
}

const NONCE: Part = Part::Header("X-Nonce");
const DOT: Part = Part::Literal(".");
const PLAIN: &[Part] = &[Part::Timestamp, DOT, NONCE, DOT, Part::Secret, Part::Body];

fn hashed() -> SchemeBuilder {
    Scheme::body_hmac("X-Sig")
        .algorithm(Algorithm::PlainSha256)
        .signed(PLAIN)
        .time_header("X-Time")
        .id_pointer("/uuid")
        .json_body()
}

fn plain(parts: &[&[u8]]) -> String {
    const_hex::encode(crate::mac::sha256(&parts.concat()))
}

#[test]
fn a_plain_hash_holds_the_secret_and_text() {
    let verifier = with_keys(hashed(), &["other", KEY]);
    let body = "{\"a\":\"ü\"}";
    let request = |hash: String, body: &[u8]| {
        Request::new(body.to_vec())
            .with("X-Sig", hash)
            .with("X-Time", "1712000000")
            .with("X-Nonce", "n1")
    };
    let hash = plain(&[b"1712000000.n1.", KEY.as_bytes(), body.as_bytes()]);
    let honest = request(hash.clone(), body.as_bytes());
    let verified = honest.judge(&verifier).unwrap();
    assert_eq!(verified.matched_key(), "key-2");
    let due = Err(RejectionKind::SignatureMismatch);
    assert_eq!(kind(request(hash, b"{}").judge(&verifier)), due);
    // Without the secret, and with it in another place.
    for parts in [
        &[b"1712000000.n1.".as_slice(), body.as_bytes()][..],
        &[KEY.as_bytes(), b"1712000000.n1.", body.as_bytes()],
    ] {
        let forged = request(plain(parts), body.as_bytes());
        assert_eq!(kind(forged.judge(&verifier)), due);
    }
}

// What SHA-256 appends to a message of `len` bytes.
fn padding(len: usize) -> Vec<u8> {
    let mut bytes = vec![0x80];
    while (len + bytes.len()) % 64 != 56 {
        bytes.push(0);
    }
    bytes.extend_from_slice(&(len as u64 * 8).to_be_bytes());
    bytes
}

// Whoever has one hash can compute that of a longer message: the padding, and then anything. Such a body is
// refused, although the hash is right.
#[test]
fn a_plain_hash_is_not_extended() {
    let verifier = with_keys(hashed(), &[KEY]);
    let body = b"{\"paid\":false}";
    for fill in 0..80 {
        let nonce = "n".repeat(fill + 1);
        let before = [
            b"1712000000.".as_slice(),
            nonce.as_bytes(),
            b".",
            KEY.as_bytes(),
            body,
        ]
        .concat();
        let more = [&padding(before.len()), b"{\"paid\":true}".as_slice()].concat();
        let longer = [before.as_slice(), &more].concat();
        let extended = [body.as_slice(), &more].concat();
        let request = Request::new(extended)
            .with("X-Sig", plain(&[&longer]))
            .with("X-Time", "1712000000")
            .with("X-Nonce", nonce);
        let refused = request.judge(&verifier).unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::SignatureMismatch);
    }
}

#[test]
fn a_secret_is_a_part_of_plain_hashes_alone() {
    use SchemeError::SecretNotSigned;
    let with = |parts: &'static [Part]| hashed().signed(parts);
    let rows: &[SchemeBuilder] = &[
        with(&[Part::Body]),
        with(&[Part::Secret, Part::Body, Part::Secret]),
        hashed().algorithm(Algorithm::HmacSha256),
        Scheme::body_hmac("X-Sig")
            .id_pointer("/id")
            .algorithm(Algorithm::PlainSha256)
            .signed(&[Part::Secret, Part::Body]),
    ];
    for scheme in rows {
        let built = scheme.build();
        assert_eq!(built, Err(SecretNotSigned));
    }
    // HubSpot v1, and Cloudinary's order.
    for parts in [
        &[Part::Secret, Part::Body][..],
        &[Part::Secret, Part::Url, Part::Body],
        &[Part::Body, Part::Timestamp, Part::Secret],
    ] {
        let scheme = Scheme::body_hmac("X-Sig")
            .id_pointer("/id")
            .time_header("X-Time")
            .algorithm(Algorithm::PlainSha256)
            .signed(parts)
            .json_body();
        assert!(scheme.build().is_ok(), "{:?}", scheme.build());
    }
}
