//! Signatures by private keys, beside the bare crates.

use std::hint::black_box;

use bytes::Bytes;
use countersign_core::{
    Algorithm, Timestamp,
    scheme::{KeyFormat, Scheme, SchemeBuilder},
};
use p256::ecdsa::signature::Signer as _;
use rsa::{
    pkcs1::EncodeRsaPublicKey as _,
    signature::{Keypair as _, SignatureEncoding as _, Verifier as _},
};
use sha2::Sha256;

use crate::{
    report::{Budget, Section, figure},
    requests,
    turns::in_turns,
    verification::{verifier, verify},
};

const SCHEME: SchemeBuilder = Scheme::body_hmac("X-Signature")
    .key_format(KeyFormat::PublicKey)
    .id_header("X-Id");

/// Ed25519, ECDSA over P-256 and RSA of 2,048 bits over 1 KiB.
pub fn public_keys() -> Section {
    let mut section = Section {
        title: "Public keys",
        text: "From the head to `Verified` over a body of 1 KiB, in ns, beside the bare crate's check of a decoded \
               signature.",
        columns: ["algorithm", "countersign", "bare"]
            .map(str::to_owned)
            .to_vec(),
        rows: Vec::new(),
        budgets: Vec::new(),
        plot: None,
    };
    let body = requests::body(1_024);

    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let (public, signature) = (key.verifying_key(), key.sign(&body));
    let mut add = |name: &str, algorithm, key: &[u8], signature: &[u8], bare: &mut dyn FnMut()| {
        let [ours, bare] = one(algorithm, key, signature, &body, bare);
        section
            .rows
            .push(vec![name.to_owned(), figure(ours), figure(bare)]);
        section.budgets.push(Budget::at_most(
            format!("{name}, of bare"),
            ours / bare,
            1.05,
        ));
    };
    add(
        "Ed25519",
        Algorithm::Ed25519,
        public.as_bytes(),
        &signature.to_bytes(),
        &mut || public.verify_strict(black_box(&body), &signature).unwrap(),
    );

    let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let public = key.verifying_key();
    let signature: p256::ecdsa::Signature = key.sign(&body);
    add(
        "ECDSA P-256",
        Algorithm::EcdsaP256Sha256,
        &public.to_sec1_bytes(),
        signature.to_der().as_bytes(),
        &mut || public.verify(black_box(&body), &signature).unwrap(),
    );

    let key = rsa::PrivateKey::new(&mut getrandom::SysRng, 2_048).unwrap();
    let public = key.to_public_key().to_pkcs1_der().unwrap();
    let key = rsa::pkcs1v15::SigningKey::<Sha256>::new(key);
    let signature = key.sign(&body);
    let bare = key.verifying_key();
    add(
        "RSA 2,048",
        Algorithm::RsaSha256,
        public.as_bytes(),
        &signature.to_vec(),
        &mut || bare.verify(black_box(&body), &signature).unwrap(),
    );
    section
}

fn one(
    algorithm: Algorithm,
    key: &[u8],
    signature: &[u8],
    body: &Bytes,
    bare: &mut dyn FnMut(),
) -> [f64; 2] {
    let verifier = verifier(
        SCHEME.algorithm(algorithm).build().unwrap(),
        &hex::encode(key),
    );
    let request = requests::head(
        body.len(),
        &[("x-id", "1"), ("x-signature", &hex::encode(signature))],
    );
    let now = Timestamp::from_unix_seconds(1_760_000_000);
    in_turns([&mut || verify(&verifier, &request, body, now), bare])
}
