//! What happens to signatures.

use countersign_core::{Algorithm, explain::Cause, scheme::Encoding};

use crate::{BODY, Case, Seed, signer};

pub(crate) fn of_signatures(seeds: &mut Vec<Seed>) {
    let mut encoding = |name, other: Encoding| {
        let case = Case::of(name);
        let scheme = case.scheme.to_builder().encoding(other).declare();
        let signed = signer(scheme, &case.secret).raw("invoice.paid", "evt_1", BODY);
        seeds.push(case.seed(
            format!("signature: {other:?}"),
            &case.question(&signed),
            &[Cause::SignatureEncoding],
        ));
    };
    for name in [
        "github",
        "slack",
        "stripe",
        "paddle",
        "rebill-za",
        "invoice-maker",
    ] {
        encoding(name, Encoding::Base64);
    }
    for name in ["shopify", "standard-webhooks"] {
        encoding(name, Encoding::Hex);
    }
    for name in ["github", "slack", "stripe", "shopify", "rebill-za"] {
        let case = Case::of(name);
        for algorithm in [Algorithm::HmacSha1, Algorithm::HmacSha512] {
            let scheme = case.scheme.to_builder().algorithm(algorithm).declare();
            let signed = signer(scheme, &case.secret).raw("invoice.paid", "evt_1", BODY);
            let question = case.question(&signed);
            seeds.push(case.seed(
                format!("signature: {algorithm:?}"),
                &question,
                &[Cause::SignatureAlgorithm],
            ));
        }
    }
    // GitHub's older header, which is all that Intercom sends.
    let github = Case::of("github");
    let sha1 = github.scheme.to_builder().algorithm(Algorithm::HmacSha1);
    let signed = signer(sha1.declare(), &github.secret).raw("invoice.paid", "evt_1", BODY);
    let value = signed.header("X-Hub-Signature-256").unwrap();
    let older = signed
        .with_header("X-Hub-Signature", &value.replace("sha256=", "sha1="))
        .without_header("X-Hub-Signature-256");
    seeds.push(github.seed(
        "signature: GitHub's older header",
        &github.question(&older),
        &[Cause::SignatureHeader, Cause::SignatureAlgorithm],
    ));
    for name in [
        "github",
        "slack",
        "stripe",
        "shopify",
        "standard-webhooks",
        "rebill-za",
    ] {
        let case = Case::of(name);
        let signed = case.signed(BODY);
        let header = signed.signature_header().to_owned();
        let value = signed.header(&header).unwrap().to_owned();
        let moved = signed
            .without_header(&header)
            .with_header("X-Forwarded-Signature-Of", &value);
        seeds.push(case.seed(
            "signature: another header",
            &case.question(&moved),
            &[Cause::SignatureHeader],
        ));
    }
    for (name, due, other) in [
        ("github", "sha256=", ""),
        ("slack", "v0=", ""),
        ("rebill-za", "sha256=", "hmac "),
    ] {
        let case = Case::of(name);
        let signed = case.signed(BODY);
        let header = signed.signature_header().to_owned();
        let tag = signed
            .header(&header)
            .unwrap()
            .trim_start_matches(due)
            .to_owned();
        let bare = signed.with_header(&header, &format!("{other}{tag}"));
        seeds.push(case.seed(
            "signature: its prefix",
            &case.question(&bare),
            &[Cause::SignaturePrefix],
        ));
        let upper = signed.with_header(&header, &format!("{}{tag}", due.to_uppercase()));
        seeds.push(case.seed(
            "signature: its case",
            &case.question(&upper),
            &[Cause::SignatureCase],
        ));
    }
    let shopify = Case::of("shopify");
    let signed = shopify.signed(BODY);
    let value = format!(
        "sha256={}",
        signed.header(signed.signature_header()).unwrap()
    );
    let prefixed = signed.with_header(signed.signature_header(), &value);
    seeds.push(shopify.seed(
        "signature: a prefix",
        &shopify.question(&prefixed),
        &[Cause::SignaturePrefix],
    ));
    for (name, old, new) in [
        ("stripe", "v1=", "v2="),
        ("paddle", "h1=", "h9="),
        ("standard-webhooks", "v1,", "v3,"),
    ] {
        let case = Case::of(name);
        let signed = case.signed(BODY);
        let header = signed.signature_header().to_owned();
        let value = signed.header(&header).unwrap().replace(old, new);
        let question = case.question(&signed.with_header(&header, &value));
        seeds.push(case.seed(
            "signature: its version",
            &question,
            &[Cause::SignatureVersion],
        ));
    }
}
