//! Speed of verification: `cargo bench -p countersign-tests --bench verify`.
//!
//! Everything that is compared runs in turns of about 100 µs in one process, and medians of the
//! turns are shown, so that a busy machine slows all of it alike. Look at the ratios; times are
//! this machine's.
//!
//! - **verify**: from a request's headers and a body in one chunk to [`Verified`], with one key and
//!   an id in a header. Beside it, one SHA-256 over as many bytes and 128 more (what an HMAC cannot
//!   do without), and ring's HMAC over the same bytes with the tag already decoded.
//! - **id and type in the body**: what a scheme with pointers into the body costs more than the same
//!   scheme without, beside a walk over the body by `serde_json` that keeps nothing.
//! - **public keys**: the same from headers to [`Verified`], for signatures of Ed25519, ECDSA over P-256
//!   and RSA of 2,048 bits over a body of 1 KiB, beside the bare crates' checks of decoded signatures.
//!
//! `COUNTERSIGN_BENCH_STRICT=1` makes a missed budget a failure.

#![allow(clippy::print_stdout, reason = "a bench prints")]
#![allow(clippy::unwrap_used, reason = "a bench may stop")]

use std::{env, hint::black_box, time::Instant};

use bytes::Bytes;
use countersign_core::{
    Algorithm, Secret, Timestamp, Verified, Verifier,
    scheme::{IdenticalBodies, KeyFormat, Part, Scheme, SchemeBuilder},
};
use countersign_senders::{github, invoice_maker, rebill_za};
use ring::hmac;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

const TURNS: usize = 1_001;
const TURN_NANOS: f64 = 100_000.0;
const SECRET: &str = "4ae1f9cb8a2d4b06a3a57d6a1b6f0c1f6f0f4a5f9d2e47d8b1c3e5f708192a3b";
const NOW: Timestamp = Timestamp::from_unix_seconds(1_760_000_000);

fn main() {
    let mut missed = 0;
    for (name, scheme, signature, id, event) in [
        (
            "github",
            github::SCHEME,
            "x-hub-signature-256",
            ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
            ("x-github-event", "issues"),
        ),
        (
            "rebill-za",
            rebill_za::SCHEME,
            "x-rebill-signature",
            ("x-rebill-delivery", "dlv_01HZX4M8Q2J7K3N5P6R8S9T0VW"),
            ("x-rebill-event", "invoice.updated"),
        ),
    ] {
        for len in [256, 1_024, 64 * 1_024, 1_024 * 1_024] {
            missed += verification(name, scheme, signature, &[id, event], len);
        }
    }
    missed += facts();
    missed += public_keys();
    if missed > 0 && env::var_os("COUNTERSIGN_BENCH_STRICT").is_some() {
        println!("{missed} budget(s) missed");
        std::process::exit(1);
    }
}

fn verification(
    name: &str,
    scheme: Scheme,
    signature: &str,
    headers: &[(&str, &str)],
    len: usize,
) -> usize {
    // Lives for good, so that a clone of it costs nothing.
    let body = Vec::from_iter((0..len).map(|at| b"{\"amount\": 12345}"[at % 17]));
    let body = Bytes::from_static(body.leak());
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, &body);
    let request = request(
        headers,
        (signature, &format!("sha256={}", hex::encode(tag.as_ref()))),
        body.len(),
    );
    let verifier = verifier(scheme);
    let raw = vec![0x5a; len + 128];

    let mut ours = || verify(&verifier, &request, &body);
    let mut sha256 = || {
        black_box(Sha256::digest(black_box(&raw)));
    };
    let mut ring = || hmac::verify(black_box(&key), black_box(&body), tag.as_ref()).unwrap();
    let [ours, sha256, ring] = in_turns([&mut ours, &mut sha256, &mut ring]);
    let budget = match len {
        1_024 => Some(1.15),
        65_536.. => Some(1.02),
        _ => None,
    };
    println!(
        "verify {name:<10} {len:>8} B {ours:>9.0} ns  sha256(+128) {sha256:>9.0} ns  ring {ring:>9.0} ns  \
         of sha256: {:.3}{}  of ring: {:.3}",
        ours / sha256,
        judged(ours / sha256, budget),
        ours / ring,
    );
    usize::from(budget.is_some_and(|budget| ours / sha256 > budget))
}

/// Invoice Maker's scheme with its pointers and without, so that the difference is what they cost.
fn facts() -> usize {
    const BARE: Scheme = Scheme::body_hmac("X-Webhook-Signature")
        .signed(&[Part::Timestamp, Part::Literal("."), Part::Body])
        .time_header("X-Webhook-Timestamp")
        .tolerance(core::time::Duration::from_secs(300))
        .identical_bodies(IdenticalBodies::Events)
        .declare();

    let body = Bytes::from_static(ENVELOPE.as_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, format!("1760000000.{ENVELOPE}").as_bytes());
    let request = request(
        &[
            ("x-webhook-timestamp", "1760000000"),
            ("x-webhook-id", "6d7b6a34-3d0e-4f55-b1a5-0a6d4e6f2c11"),
        ],
        ("x-webhook-signature", &hex::encode(tag.as_ref())),
        body.len(),
    );
    let (with, without) = (verifier(invoice_maker::SCHEME), verifier(BARE));

    let mut with = || verify(&with, &request, &body);
    let mut without = || verify(&without, &request, &body);
    let mut scan = || {
        serde_json::from_slice::<IgnoredAny>(black_box(&body)).unwrap();
    };
    let [with, without, scan] = in_turns([&mut with, &mut without, &mut scan]);
    let ratio = (with - without) / scan;
    println!(
        "id and type in the body, {} B: {:.0} ns (verify {with:.0} ns, without them {without:.0} ns)  \
         serde_json scan {scan:.0} ns  of the scan: {ratio:.3}{}",
        body.len(),
        with - without,
        judged(ratio, Some(1.2)),
    );
    usize::from(ratio > 1.2)
}

fn public_keys() -> usize {
    use p256::ecdsa::signature::Signer as _;
    use rsa::{
        pkcs1::EncodeRsaPublicKey as _,
        signature::{SignatureEncoding as _, Verifier as _},
    };

    let body = Bytes::from_static(&[b'x'; 1_024]);

    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let (public, signature) = (key.verifying_key(), key.sign(&body));
    let mut missed = public_key(
        Algorithm::Ed25519,
        (public.as_bytes(), &signature.to_bytes()),
        &body,
        &mut || public.verify_strict(black_box(&body), &signature).unwrap(),
    );

    let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let public = key.verifying_key();
    let signature: p256::ecdsa::Signature = key.sign(&body);
    missed += public_key(
        Algorithm::EcdsaP256Sha256,
        (&public.to_sec1_bytes(), signature.to_der().as_bytes()),
        &body,
        &mut || public.verify(black_box(&body), &signature).unwrap(),
    );

    let key = rsa::PrivateKey::new(&mut getrandom::SysRng, 2_048).unwrap();
    let public = key.to_public_key().to_pkcs1_der().unwrap();
    let key = rsa::pkcs1v15::SigningKey::<Sha256>::new(key);
    let signature = key.sign(&body);
    let bare = rsa::signature::Keypair::verifying_key(&key);
    missed
        + public_key(
            Algorithm::RsaSha256,
            (public.as_bytes(), &signature.to_vec()),
            &body,
            &mut || bare.verify(black_box(&body), &signature).unwrap(),
        )
}

fn public_key(
    algorithm: Algorithm,
    (key, signature): (&[u8], &[u8]),
    body: &Bytes,
    bare: &mut dyn FnMut(),
) -> usize {
    const SCHEME: SchemeBuilder = Scheme::body_hmac("X-Signature")
        .key_format(KeyFormat::PublicKey)
        .id_header("X-Id");

    let verifier = Verifier::builder(SCHEME.algorithm(algorithm).build().unwrap())
        .secret(Secret::new(hex::encode(key)).unwrap())
        .build()
        .unwrap();
    let request = request(
        &[("x-id", "1")],
        ("x-signature", &hex::encode(signature)),
        body.len(),
    );
    let mut ours = || verify(&verifier, &request, body);
    let [ours, bare] = in_turns([&mut ours, bare]);
    let ratio = ours / bare;
    println!(
        "public key {algorithm:?}: {ours:.0} ns  bare {bare:.0} ns  of bare: {ratio:.3}{}",
        judged(ratio, Some(1.05)),
    );
    usize::from(ratio > 1.05)
}

fn verifier(scheme: Scheme) -> Verifier {
    Verifier::builder(scheme)
        .secret(Secret::new(SECRET).unwrap())
        .build()
        .unwrap()
}

/// A request as it comes from a proxy, with headers that are nobody's business here.
fn request(headers: &[(&str, &str)], signature: (&str, &str), len: usize) -> http::Request<()> {
    let mut request = http::Request::post("/webhooks/bench")
        .header("host", "hooks.example.org")
        .header("user-agent", "Hookshot/044aadd")
        .header("accept", "*/*")
        .header("content-type", "application/json; charset=utf-8")
        .header("content-length", len)
        .header("x-forwarded-for", "192.0.2.7")
        .header("x-forwarded-proto", "https");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.header(signature.0, signature.1).body(()).unwrap()
}

fn verify(verifier: &Verifier, request: &http::Request<()>, body: &Bytes) {
    let verified: Verified = verifier
        .verify(black_box(request), body.clone(), NOW)
        .unwrap();
    black_box(&verified);
}

/// Nanoseconds each takes, the median of many short turns.
fn in_turns<const N: usize>(runs: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut runs = runs.map(|run| {
        let once = time(run, 3).max(1.0);
        let times = (TURN_NANOS / once).ceil().max(1.0) as u32;
        (run, times, Vec::with_capacity(TURNS))
    });
    for _ in 0..TURNS {
        for (run, times, turns) in &mut runs {
            turns.push(time(*run, *times));
        }
    }
    runs.map(|(_, _, mut turns)| {
        turns.sort_by(f64::total_cmp);
        turns[TURNS / 2]
    })
}

fn time(run: &mut dyn FnMut(), times: u32) -> f64 {
    let begin = Instant::now();
    for _ in 0..times {
        run();
    }
    begin.elapsed().as_nanos() as f64 / f64::from(times)
}

fn judged(ratio: f64, budget: Option<f64>) -> String {
    match budget {
        Some(budget) if ratio <= budget => format!(" (budget {budget}: met)"),
        Some(budget) => format!(" (budget {budget}: MISSED)"),
        None => String::new(),
    }
}

const ENVELOPE: &str = r#"{"id":"evt_8f14e45fceea167a5a36dedd4bea2543","type":"invoice.paid","created_at":"2026-04-01T10:30:00.000Z","api_version":"2026-01-15","data":{"id":"inv_6512bd43d9caa6e02c990b0a82652dca","invoice_number":"INV-2026-0042","status":"paid","currency":"USD","issue_date":"2026-03-18","due_date":"2026-04-17","customer_id":"cus_c20ad4d76fe97759aa27a0c99bff6710","business_id":"biz_c51ce410c124a10e0db5e4b97fc2af39","customer":{"name":"Acme \"Tools\" GmbH","email":"accounts@acme.example","address":{"line1":"Hauptstra\u00dfe 12","city":"Berlin","postal_code":"10827","country":"DE"},"tax_id":"DE136695976"},"items":[{"description":"Consulting, March 2026","quantity":16,"unit_price":145.50,"tax_rate":19,"amount":2328.00},{"description":"Travel, flat rate","quantity":1,"unit_price":285.35,"tax_rate":19,"amount":285.35},{"description":"Hosting and on-call, one month\nincludes two incidents","quantity":1,"unit_price":0,"tax_rate":19,"amount":0}],"subtotal":2613.35,"tax_total":496.53,"discount_total":0,"total":3109.88,"amount_paid":3109.88,"amount_due":0,"notes":"Thank you. Please quote the invoice number with your transfer; payments without it may take a week to be matched.","payment":{"method":"bank_transfer","reference":"TRF-99381-22","received_at":"2026-04-01T10:29:41.000Z"},"metadata":{"project":"orion","cost_center":"4711","po_number":"PO-2026-118"},"public_url":"https://invoices.example.org/i/6512bd43d9caa6e02c990b0a82652dca","created_at":"2026-03-18T08:15:12.000Z","updated_at":"2026-04-01T10:30:00.000Z"}}"#;
