//! What happens to secrets.

use countersign_core::{explain::Cause, scheme::KeyFormat};

use crate::{BODY, Case, Seed, signer};

pub(crate) fn of_secrets(seeds: &mut Vec<Seed>) {
    for name in [
        "github",
        "stripe",
        "standard-webhooks",
        "slack",
        "shopify",
        "paddle",
        "rebill-za",
        "convoy",
    ] {
        let case = Case::of(name);
        let delivery = case.signed(BODY);
        let secret = &case.secret;
        let rows = [
            (
                "a line break",
                format!("{secret}\n"),
                Cause::SecretWhiteSpace,
            ),
            ("blanks", format!("  {secret} "), Cause::SecretWhiteSpace),
            (
                "a byte order mark",
                format!("\u{feff}{secret}"),
                Cause::SecretMark,
            ),
            ("quotes", format!("\"{secret}\""), Cause::SecretQuotes),
            (
                "a whole line",
                format!("WEBHOOK_SECRET={secret}"),
                Cause::SecretAssignment,
            ),
        ];
        for (what, text, due) in rows {
            let question = case.question_with(&delivery, &text);
            seeds.push(case.seed(format!("secret: {what}"), &question, &[due]));
        }
        let other = case
            .question_with(&delivery, "whsec_c2FuZGJveC1zZWNyZXQ=")
            .other_secret("the sandbox's", secret);
        seeds.push(case.seed("secret: the sandbox's", &other, &[Cause::SecretOther]));
        // The sender, too, reads secrets from files.
        if !matches!(case.scheme.key_format(), KeyFormat::Base64AfterPrefix(_)) {
            let sender = signer(case.scheme, &format!("{secret}\n"));
            let question = case.question(&sender.raw("invoice.paid", "evt_1", BODY));
            seeds.push(case.seed(
                "secret: a line break at the sender",
                &question,
                &[Cause::SecretLineBreakAtSender],
            ));
        }
    }
    let key = "5f2b6c00112233445566778899aabbccddeeff0011223344";
    let base64 = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    for name in ["github", "slack", "shopify", "rebill-za"] {
        let case = Case::of(name);
        let signed_by = |format: KeyFormat, secret: &str| {
            let scheme = case.scheme.to_builder().key_format(format).declare();
            signer(scheme, secret).raw("invoice.paid", "evt_1", BODY)
        };
        let hex = case.question_with(&signed_by(KeyFormat::Hex, key), key);
        seeds.push(case.seed("secret: hexadecimal", &hex, &[Cause::SecretHex]));
        let decoded = case.question_with(&signed_by(KeyFormat::Base64, base64), base64);
        seeds.push(case.seed("secret: base64", &decoded, &[Cause::SecretBase64]));
        let kept = case.question_with(
            &signed_by(KeyFormat::Text, base64),
            &format!("whsec_{base64}"),
        );
        seeds.push(case.seed("secret: a prefix kept", &kept, &[Cause::SecretPrefixKept]));
        let lost = case.question_with(
            &signed_by(KeyFormat::Text, &format!("whsec_{base64}")),
            base64,
        );
        seeds.push(case.seed("secret: a prefix lost", &lost, &[Cause::SecretPrefixLost]));
    }
    let stripe = Case::of("stripe");
    let delivery = stripe.signed(BODY);
    let lost = stripe.question_with(&delivery, stripe.secret.trim_start_matches("whsec_"));
    seeds.push(stripe.seed("secret: its prefix lost", &lost, &[Cause::SecretPrefixLost]));
    let standard = Case::of("standard-webhooks");
    let text = standard
        .scheme
        .to_builder()
        .key_format(KeyFormat::Text)
        .declare();
    let signed = signer(text, &standard.secret).raw("invoice.paid", "evt_1", BODY);
    seeds.push(standard.seed(
        "secret: decoded",
        &standard.question(&signed),
        &[Cause::SecretText],
    ));
}
