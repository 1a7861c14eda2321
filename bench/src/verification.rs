//! From a request's headers and a body in one chunk to a proof, beside what it cannot do without and
//! beside peers.

use std::hint::black_box;

use bytes::Bytes;
use countersign_core::{Scheme, Secret, Timestamp, Verified, Verifier};
use countersign_senders::{github, rebill_za, standard_webhooks};
use http::Request;
use ring::hmac;
use sha2::{Digest, Sha256};
use webhook_verify::{Provider, VerifyOptions};

use crate::{
    report::{Budget, Plot, Section, figure},
    requests::{self, SECRET, STANDARD_SECRET},
    turns::in_turns,
};

const SIZES: [usize; 6] = [0, 256, 1_024, 8_192, 65_536, 1_048_576];

/// A verifier with one key.
pub fn verifier(scheme: Scheme, secret: &str) -> Verifier {
    Verifier::builder(scheme)
        .secret(Secret::new(secret).unwrap())
        .build()
        .unwrap()
}

/// One verification, which must succeed.
pub fn verify(verifier: &Verifier, request: &Request<()>, body: &Bytes, now: Timestamp) {
    let verified: Verified = verifier
        .verify(black_box(request), body.clone(), now)
        .unwrap();
    black_box(&verified);
}

/// A tag over the body in a header, as GitHub and Rebill send it.
pub fn body_tags() -> Section {
    let mut section = Section {
        title: "A tag over the body",
        text: "GitHub's and Rebill's schemes with one key and ten headers, in ns: from the head to `Verified`, \
               beside one SHA-256 over as many bytes and 128 more (what an HMAC cannot do without), \
               `ring`'s HMAC with the tag already decoded, and webhook-verify for GitHub.",
        columns: [
            "body",
            "GitHub",
            "Rebill",
            "SHA-256 (+128)",
            "ring",
            "webhook-verify",
            "GitHub of SHA-256",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: Vec::new(),
        budgets: Vec::new(),
        plot: None,
    };
    let mut lines: [(&str, Vec<(f64, f64)>); 4] = [
        ("countersign", Vec::new()),
        ("webhook-verify", Vec::new()),
        ("ring, the HMAC alone", Vec::new()),
        ("SHA-256 (+128)", Vec::new()),
    ];
    let (on_github, on_rebill) = (
        verifier(github::SCHEME, SECRET),
        verifier(rebill_za::SCHEME, SECRET),
    );
    let secret = webhook_verify::Secret::new(SECRET);
    let now = Timestamp::from_unix_seconds(1_760_000_000);
    for len in SIZES {
        let body = requests::body(len);
        let (github, rebill) = (requests::github(&body), requests::rebill(&body));
        let key = requests::key();
        let tag = hmac::sign(&key, &body);
        let raw = vec![0x5a; len + 128];
        let [ours, of_rebill, sha256, ring, peer] = in_turns([
            &mut || verify(&on_github, &github, &body, now),
            &mut || verify(&on_rebill, &rebill, &body, now),
            &mut || {
                black_box(Sha256::digest(black_box(&raw)));
            },
            &mut || hmac::verify(black_box(&key), black_box(&body), tag.as_ref()).unwrap(),
            &mut || {
                let headers = black_box(&github).headers();
                let options = VerifyOptions::default();
                webhook_verify::verify(Provider::GitHub, headers, &body, &secret, options).unwrap();
            },
        ]);
        let ratio = ours / sha256;
        section.rows.push(
            [format!("{len} B")]
                .into_iter()
                .chain([ours, of_rebill, sha256, ring, peer].map(figure))
                .chain([format!("{ratio:.2}")])
                .collect(),
        );
        for (line, nanos) in lines.iter_mut().zip([ours, peer, ring, sha256]) {
            line.1.push((len.max(64) as f64, nanos));
        }
        match len {
            1_024 => section
                .budgets
                .push(Budget::at_most("1 KiB, of SHA-256", ratio, 1.15)),
            65_536.. => section.budgets.push(Budget::at_most(
                format!("{} KiB, of SHA-256", len / 1_024),
                ratio,
                1.02,
            )),
            _ => {}
        }
        section.budgets.push(Budget::at_most(
            format!("{len} B, of webhook-verify"),
            ours / peer,
            1.0,
        ));
    }
    section.plot = Some(Plot {
        name: "verification",
        x: "bytes of the body (none drawn as 64)",
        y: "ns for a verification",
        lines: lines.into(),
    });
    section
}

/// A tag over id, time and body, beside every peer that reads it.
pub fn standard() -> Section {
    let mut section = Section {
        title: "Standard Webhooks",
        text: "The same for a tag over id, time and body, in ns. The other libraries return no id and no type. \
               svix's crate has \
               the same code by the same authors, beside an HTTP client, and is not built here.",
        columns: ["body", "countersign", "webhook-verify", "standardwebhooks"]
            .map(str::to_owned)
            .to_vec(),
        rows: Vec::new(),
        budgets: Vec::new(),
        plot: None,
    };
    let ours = verifier(standard_webhooks::SCHEME, STANDARD_SECRET);
    let secret = webhook_verify::Secret::new(STANDARD_SECRET);
    let standard = standardwebhooks::Webhook::new(STANDARD_SECRET).unwrap();
    for len in SIZES {
        let body = json(len);
        let request = requests::standard(&body);
        let now = requests::now();
        let [ours, peer, standard] = in_turns([
            &mut || verify(&ours, &request, &body, now),
            &mut || {
                let headers = black_box(&request).headers();
                let options = VerifyOptions::default();
                webhook_verify::verify(
                    Provider::StandardWebhooks,
                    headers,
                    &body,
                    &secret,
                    options,
                )
                .unwrap();
            },
            &mut || {
                standard
                    .verify(&body, black_box(&request).headers())
                    .unwrap()
            },
        ]);
        section.rows.push(
            [format!("{} B", body.len())]
                .into_iter()
                .chain([ours, peer, standard].map(figure))
                .collect(),
        );
        let fastest = peer.min(standard);
        section.budgets.push(Budget::at_most(
            format!("{} B, of the fastest of them", body.len()),
            ours / fastest,
            1.0,
        ));
    }
    section
}

/// A JSON text of about some length whose type is its first field, as Standard Webhooks asks for.
fn json(len: usize) -> Bytes {
    let mut body = r#"{"type":"invoice.paid","data":""#.to_owned();
    body.push_str(&"x".repeat(len.saturating_sub(body.len() + 2)));
    body.push_str("\"}");
    body.into()
}

/// What more keys, more signatures and a bad head cost.
pub fn keys() -> Section {
    let body = requests::body(1_024);
    let now = Timestamp::from_unix_seconds(1_760_000_000);
    let mut section = Section {
        title: "Keys, and refusals from the head",
        text: "1 KiB under Rebill's scheme, in ns. With several keys the last of them made the tag. A refused \
               head is one without a signature, and one whose signature has the wrong length.",
        columns: ["what", "ns"].map(str::to_owned).to_vec(),
        rows: Vec::new(),
        budgets: Vec::new(),
        plot: None,
    };
    let request = requests::rebill(&body);
    let ring = |count: usize| {
        let mut builder = Verifier::builder(rebill_za::SCHEME);
        for key in (1..count)
            .map(|at| format!("{at:064x}"))
            .chain([SECRET.to_owned()])
        {
            builder = builder.secret(Secret::new(&key).unwrap());
        }
        builder.build().unwrap()
    };
    let (one, two, four) = (ring(1), ring(2), ring(4));
    let key = requests::key();
    let tag = hmac::sign(&key, &body);
    let none = requests::head(1_024, &[("x-rebill-delivery", "dlv_1")]);
    let short = requests::head(
        1_024,
        &[
            ("x-rebill-signature", "sha256=abcd"),
            ("x-rebill-delivery", "dlv_1"),
        ],
    );
    let refuse = |request: &Request<()>| {
        assert!(one.precheck(black_box(request), now).is_err());
    };
    let [a, b, c, mac, none, short] = in_turns([
        &mut || verify(&one, &request, &body, now),
        &mut || verify(&two, &request, &body, now),
        &mut || verify(&four, &request, &body, now),
        &mut || hmac::verify(black_box(&key), black_box(&body), tag.as_ref()).unwrap(),
        &mut || refuse(&none),
        &mut || refuse(&short),
    ]);
    for (what, nanos) in [
        ("one key", a),
        ("two keys", b),
        ("four keys", c),
        ("an HMAC by ring", mac),
        ("no signature", none),
        ("a signature of the wrong length", short),
    ] {
        section.rows.push(vec![what.to_owned(), figure(nanos)]);
    }
    let each = (c - a) / 3.0;
    section.budgets = vec![
        Budget::at_most(
            "each more key, of an HMAC by ring and 60 ns",
            each / (mac + 60.0),
            1.0,
        ),
        Budget::at_most("a head without a signature, ns", none, 100.0),
        Budget::at_most("a head with a bad signature, ns", short, 100.0),
    ];
    section
}
