//! What is peculiar about single senders, one row each: why the scheme type has the shape it has.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use countersign_core::{RejectionKind, Scheme, Secret, Timestamp, Verifier, scheme::RetryTime};
use countersign_testkit::{ManualClock, Sender, SignedDelivery};
use countersign_tests::{
    reference,
    request::{Request, URL, receiver},
    schemes,
};
use serde_json::json;

const SECRET: &str = "f01dab1e";
const NOW: i64 = 1_712_000_000;
const BODY: &str = r#"{"type":"Issue","webhookTimestamp":1712000000000}"#;

/// The encoded tag of a body (behind what is signed before it) under [`SECRET`].
fn tag(scheme: &Scheme, signed_before: &str, body: &str) -> String {
    let key = reference::key(scheme, SECRET);
    let message = format!("{signed_before}{body}");
    reference::encode(scheme, &reference::tag(scheme, &key, message.as_bytes()))
}

type Verdict = Result<(), RejectionKind>;

fn judge(name: &str, scheme: Scheme, headers: &[(&str, String)], body: &str, expected: Verdict) {
    let request = headers
        .iter()
        .fold(Request::default(), |request, (name, value)| {
            request.with(name, value.as_str())
        });
    let receiver = receiver(scheme, [Secret::new(SECRET).unwrap()]);
    let now = Timestamp::from_unix_seconds(NOW);
    let verdict = request.with_body(body.to_owned()).verify(&receiver, now);
    let verdict = verdict.map(drop).map_err(|refused| refused.kind());
    assert_eq!(verdict, expected, "{} {name}", scheme.name());
}

const MISMATCH: Verdict = Err(RejectionKind::SignatureMismatch);
const MALFORMED: Verdict = Err(RejectionKind::HeaderMalformed);

#[test]
fn mollie_sends_several_headers_with_or_without_a_prefix() {
    let scheme = schemes::MOLLIE;
    let good = tag(&scheme, "", BODY);
    let wrong = tag(&scheme, "", "another body");
    let header = "X-Mollie-Signature";
    let judge = |name, values: &[String], expected| {
        let headers: Vec<_> = values.iter().map(|value| (header, value.clone())).collect();
        judge(name, scheme, &headers, BODY, expected);
    };
    judge("bare", core::slice::from_ref(&good), Ok(()));
    judge("prefix", &[format!("sha256={good}")], Ok(()));
    judge(
        "good last",
        &[wrong.clone(), format!("sha256={good}")],
        Ok(()),
    );
    judge(
        "spoilt first",
        &["sha256=".to_owned(), good.clone()],
        Ok(()),
    );
    judge("none good", &[wrong.clone(), wrong], MISMATCH);
    judge(
        "prefix twice",
        &[format!("sha256=sha256={good}")],
        MALFORMED,
    );
    // The algorithm is the scheme's, whatever the request names.
    judge("another algorithm", &[format!("sha512={good}")], MALFORMED);
    judge("list in one", &[format!("{good},{good}")], MALFORMED);
}

#[test]
fn docusign_numbers_its_headers() {
    let scheme = schemes::DOCUSIGN;
    let good = tag(&scheme, "", BODY);
    let wrong = tag(&scheme, "", "another body");
    let first = "X-DocuSign-Signature-1";
    let judge = |name, headers: &[(&str, &String)], expected| {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, (*value).clone()))
            .collect();
        judge(name, scheme, &headers, BODY, expected);
    };
    judge("first", &[(first, &good)], Ok(()));
    judge("lower case", &[("x-docusign-signature-1", &good)], Ok(()));
    judge(
        "second",
        &[(first, &wrong), ("X-DocuSign-Signature-2", &good)],
        Ok(()),
    );
    judge("hundredth", &[("X-DocuSign-Signature-100", &good)], Ok(()));
    judge(
        "none good",
        &[(first, &wrong), ("X-DocuSign-Signature-2", &wrong)],
        MISMATCH,
    );
    let missing = Err(RejectionKind::HeaderMissing);
    judge("no number", &[("X-DocuSign-Signature-", &good)], missing);
    judge("a word", &[("X-DocuSign-Signature-one", &good)], missing);
    judge(
        "a thousand",
        &[("X-DocuSign-Signature-1000", &good)],
        missing,
    );
}

#[test]
fn linear_has_its_time_in_the_body_in_milliseconds() {
    let scheme = schemes::LINEAR;
    let judge = |name, body: &str, copy: &str, expected| {
        let signature = tag(&scheme, "", body);
        let mut headers = vec![("Linear-Signature", signature)];
        if !copy.is_empty() {
            headers.push(("Linear-Event", copy.to_owned()));
        }
        judge(name, scheme, &headers, body, expected);
    };
    judge("fresh", BODY, "Issue", Ok(()));
    judge("no copy", BODY, "", Ok(()));
    judge(
        "copy differs",
        BODY,
        "Comment",
        Err(RejectionKind::CopyDisagrees),
    );
    let stale = Err(RejectionKind::TimestampStale);
    let future = Err(RejectionKind::TimestampFuture);
    // Its retries come up to seven hours later, with their first time.
    judge(
        "8 h 5 min",
        r#"{"webhookTimestamp":1711970900000}"#,
        "",
        Ok(()),
    );
    judge(
        "and a second",
        r#"{"webhookTimestamp":1711970899000}"#,
        "",
        stale,
    );
    judge(
        "60.001 s ahead",
        r#"{"webhookTimestamp":1712000060001}"#,
        "",
        future,
    );
    judge("seconds", r#"{"webhookTimestamp":1712000000}"#, "", stale);
    // A body without a time, or with two, is not fresh for ever.
    let missing = Err(RejectionKind::TimestampMissing);
    judge("no time", r#"{"type":"Issue"}"#, "", missing);
    judge("no JSON", "type=Issue", "", missing);
    let twice = r#"{"webhookTimestamp":1712000000000,"webhookTimestamp":1}"#;
    judge("two times", twice, "", missing);
    judge("negative", r#"{"webhookTimestamp":-1}"#, "", missing);
    judge(
        "huge",
        r#"{"webhookTimestamp":99999999999999999999}"#,
        "",
        future,
    );
}

#[test]
fn workos_puts_a_blank_behind_the_comma() {
    let scheme = schemes::WORKOS;
    let good = tag(&scheme, "1712000000000.", BODY);
    let judge = |name, value: String, expected| {
        judge(name, scheme, &[("WorkOS-Signature", value)], BODY, expected);
    };
    judge("blank", format!("t=1712000000000, v1={good}"), Ok(()));
    judge("none", format!("t=1712000000000,v1={good}"), Ok(()));
    // The time is signed as sent.
    judge(
        "leading zero",
        format!("t=01712000000000, v1={good}"),
        MISMATCH,
    );
    judge(
        "blank before",
        format!("t=1712000000000 ,v1={good}"),
        MALFORMED,
    );
    judge(
        "blank in key",
        format!("t=1712000000000,v1 ={good}"),
        MALFORMED,
    );
    let zero = tag(&scheme, "01712000000000.", BODY);
    judge(
        "zero signed",
        format!("t=01712000000000, v1={zero}"),
        Ok(()),
    );
}

#[test]
fn typeform_puts_a_prefix_before_base64() {
    let scheme = schemes::TYPEFORM;
    let good = tag(&scheme, "", BODY);
    let judge = |name, value: String, expected| {
        judge(
            name,
            scheme,
            &[("Typeform-Signature", value)],
            BODY,
            expected,
        );
    };
    judge("prefix", format!("sha256={good}"), Ok(()));
    judge(
        "no padding",
        format!("sha256={}", good.trim_end_matches('=')),
        Ok(()),
    );
    judge("no prefix", good.clone(), MALFORMED);
    judge("upper-case prefix", format!("SHA256={good}"), MALFORMED);
    let hex = tag(&schemes::BITBUCKET, "", BODY);
    judge("hexadecimal", format!("sha256={hex}"), MALFORMED);
    // Base64 means something else in another case.
    judge(
        "lower case",
        format!("sha256={}", good.to_lowercase()),
        MISMATCH,
    );
}

#[test]
fn adyen_decodes_its_key_and_xero_does_not() {
    let adyen = schemes::ADYEN_PLATFORM;
    let decoded = tag(&adyen, "", BODY);
    let text = tag(&schemes::XERO, "", BODY);
    assert_ne!(decoded, text);
    for (scheme, header, good, wrong) in [
        (adyen, "HmacSignature", &decoded, &text),
        (schemes::XERO, "x-xero-signature", &text, &decoded),
    ] {
        judge(
            "its reading",
            scheme,
            &[(header, good.clone())],
            BODY,
            Ok(()),
        );
        judge(
            "the other",
            scheme,
            &[(header, wrong.clone())],
            BODY,
            MISMATCH,
        );
    }
}

#[test]
fn paystack_signs_with_sha_512() {
    let scheme = schemes::PAYSTACK;
    let judge = |name, value: String, expected| {
        judge(
            name,
            scheme,
            &[("x-paystack-signature", value)],
            BODY,
            expected,
        );
    };
    let good = tag(&scheme, "", BODY);
    judge("whole", good.clone(), Ok(()));
    judge("upper case", good.to_uppercase(), Ok(()));
    judge("half", good[..64].to_owned(), MALFORMED);
    judge("SHA-256", tag(&schemes::RAZORPAY, "", BODY), MALFORMED);
}

#[test]
fn square_signs_the_configured_url_and_not_the_request_s() {
    let scheme = schemes::SQUARE;
    let judge = |name, url: &str, expected| {
        let good = tag(&scheme, url, BODY);
        judge(
            name,
            scheme,
            &[("x-square-hmacsha256-signature", good)],
            BODY,
            expected,
        );
    };
    judge("configured", URL, Ok(()));
    judge("another", "https://example.com/webhooks/other", MISMATCH);
    judge("none", "", MISMATCH);
}

#[test]
fn gitlab_repeats_its_signed_id() {
    let scheme = schemes::GITLAB;
    let key = reference::key(&scheme, SECRET);
    let message = format!("msg_1.{NOW}.{BODY}");
    let good = reference::encode(&scheme, &reference::tag(&scheme, &key, message.as_bytes()));
    let judge = |name, copy: Option<&str>, expected| {
        let mut headers = vec![
            ("webhook-signature", format!("v1,{good}")),
            ("webhook-id", "msg_1".to_owned()),
            ("webhook-timestamp", NOW.to_string()),
        ];
        headers.extend(copy.map(|copy| ("Idempotency-Key", copy.to_owned())));
        judge(name, scheme, &headers, BODY, expected);
    };
    judge("same", Some("msg_1"), Ok(()));
    judge("none", None, Ok(()));
    // What is not signed must not say something else.
    judge("other", Some("msg_2"), Err(RejectionKind::CopyDisagrees));
}

#[test]
fn gitea_takes_the_preferred_name_alone() {
    let scheme = schemes::GITEA;
    let good = tag(&scheme, "", BODY);
    let wrong = tag(&scheme, "", "another body");
    let (old, new) = ("X-Gogs-Signature", "X-Forgejo-Signature");
    let judge = |name, headers: &[(&str, &String)], expected| {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, (*value).clone()))
            .collect();
        judge(name, scheme, &headers, BODY, expected);
    };
    judge("old", &[(old, &good)], Ok(()));
    judge("new", &[(new, &good)], Ok(()));
    judge("both", &[(old, &good), (new, &good)], Ok(()));
    judge(
        "only the preferred counts",
        &[(old, &good), (new, &wrong)],
        MISMATCH,
    );
    judge(
        "same twice",
        &[(old, &good), (old, &good)],
        Err(RejectionKind::HeaderRepeated),
    );
}

#[test]
fn the_test_kit_writes_times_into_bodies_and_keeps_them_as_the_sender_does() {
    let clock = ManualClock::new();
    let sender = Sender::new(schemes::LINEAR).with_clock(clock.clone());
    let receiver = verifier(&sender);
    let first = sender.delivery("Issue", json!({"action": "create"}));
    let again = |delivery: &SignedDelivery| {
        let verified = receiver.verify(&delivery.request(), delivery.body().clone(), sender.now());
        verified.map(|verified| verified.lateness().is_some())
    };
    assert_eq!(again(&first), Ok(false));
    clock.advance(Duration::from_secs(6 * 3_600));
    let retry = sender.retry(&first);
    assert_eq!(retry.body(), first.body());
    assert_eq!(again(&retry), Ok(true));

    // Where retries are stamped anew, the body is another one.
    const RENEWED: Scheme = Scheme::body_hmac("X-Sig")
        .id_header("X-Id")
        .time_pointer("/sent/at")
        .tolerance(Duration::from_secs(300))
        .retry_time(RetryTime::Renewed)
        .declare();
    let sender = Sender::new(RENEWED).with_clock(clock.clone());
    let receiver = verifier(&sender);
    let first = sender.delivery("x", json!({"n": 1}));
    clock.advance(Duration::from_secs(301));
    let verdict = |delivery: &SignedDelivery| {
        let verified = receiver.verify(&delivery.request(), delivery.body().clone(), sender.now());
        verified.map(drop).map_err(|refused| refused.kind())
    };
    assert_eq!(verdict(&first), Err(RejectionKind::TimestampStale));
    assert_eq!(verdict(&sender.retry(&first)), Ok(()));
}

fn verifier(sender: &Sender) -> Verifier {
    let builder = Verifier::builder(*sender.scheme());
    builder.secret(sender.secret().unwrap()).build().unwrap()
}
