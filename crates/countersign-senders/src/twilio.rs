//! Twilio, which signs its address and the fields of a form, or its address with the hash of a JSON body.
//!
//! # What is proved of a form
//!
//! The address and the fields, sorted, name and value **put together without anything between them**.
//! Whoever captured one request can cut the same characters into other names and values; then it verifies,
//! and it is the same delivery, so that within the time of [`FORM`] no handler runs for it. After that time,
//! or with a verifier alone, it would. Take what matters from Twilio by `MessageSid` or `CallSid`.
//!
//! The address is the one that Twilio was given, with the port if it has one there, and without its query,
//! which comes with the request and is signed.

// docs/decisions.md: D58.

use core::time::Duration;
use std::collections::BTreeSet;

use crate::{Confidence, Preset, forms};

use countersign_core::{
    Algorithm, Scheme,
    scheme::{Encoding, IdenticalBodies, Procedure, SchemeBuilder, Signed, Unproved, Unreadable},
};

/// Twilio's callbacks as forms, for messages and states, whose fields tell two of them apart. For what a call
/// asks for, use [`VOICE`].
pub const FORM: Scheme = begin(&Form)
    .name("twilio")
    .content_types(&["application/x-www-form-urlencoded"])
    .declare();

/// What Twilio asks for during a call. Whoever is called can press the same digit twice, so equal forms are two
/// requests: **every one runs, retries and replays too, and so does one whose bytes were cut into other names and
/// values**. The handler must be idempotent, and configure the address with its query, if it has one.
pub const VOICE: Scheme = FORM
    .to_builder()
    .name("twilio-voice")
    .identical_bodies(IdenticalBodies::Events)
    .declare();

/// Twilio's callbacks as JSON: the query's `bodySHA256` is signed with the address, and must be the body's.
/// So the body is proved.
pub const JSON: Scheme = begin(&Json).name("twilio-json").signs_body().declare();

pub(crate) const FAMILY: &[Preset] = &[
    Preset {
        name: FORM.name(),
        title: "Twilio (forms)",
        scheme: FORM,
        source: FORM.evidence(),
        confidence: Confidence::High,
        sample: r#"{"MessageSid":"SM90c6fc909d8504d45ecdb3a3d5b3556e","MessageStatus":"delivered","To":"+15558675310"}"#,
        note: "Signs the URL, and the names and values of the fields with nothing in between: whoever captured a request can cut the same characters otherwise, which is the same delivery. Take what matters (`MessageSid`) from its API. Configure the URL without its query, which comes with the request and is signed.",
    },
    Preset {
        name: VOICE.name(),
        title: "Twilio (calls)",
        scheme: VOICE,
        source: VOICE.evidence(),
        confidence: Confidence::High,
        sample: r#"{"CallSid":"CA1234567890ABCDE","Digits":"1234","From":"+14158675309"}"#,
        note: "As the forms, but every request runs, because equal ones are two requests of a call: the handler must be idempotent.",
    },
    Preset {
        name: JSON.name(),
        title: "Twilio (JSON)",
        scheme: JSON,
        source: JSON.evidence(),
        confidence: Confidence::High,
        sample: r#"{"property":"value","boolean":true}"#,
        note: "The query's `bodySHA256` is signed, and must be the body's.",
    },
];

const HEADER: &str = "X-Twilio-Signature";
const HASH: &str = "bodySHA256=";

const fn begin(procedure: &'static dyn Procedure) -> SchemeBuilder {
    Scheme::signed_by(procedure)
        .signature_header(HEADER)
        .algorithm(Algorithm::HmacSha1)
        .encoding(Encoding::Base64)
        .identical_bodies(IdenticalBodies::Copies {
            within: Duration::from_secs(7 * 86_400),
        })
        .evidence("twilio.com/docs/usage/webhooks/webhooks-security")
}

/// The configured address, with the query of the request; where a query was configured, it must be that one.
fn address(request: &Unproved<'_>) -> Result<String, Unreadable> {
    let url = request.url();
    match (url.split_once('?'), request.query()) {
        (Some((_, due)), query) if query == Some(due) => Ok(url.to_owned()),
        (Some(_), _) => Err(Unreadable(
            "the query is not that of the configured address",
        )),
        (None, Some(query)) => Ok(format!("{url}?{query}")),
        (None, None) => Ok(url.to_owned()),
    }
}

fn tag<'r>(request: &Unproved<'r>) -> Result<&'r str, Unreadable> {
    request
        .header(HEADER)
        .ok_or(Unreadable("X-Twilio-Signature is missing"))
}

#[derive(Debug)]
struct Form;

impl Procedure for Form {
    fn name(&self) -> &'static str {
        "twilio-form"
    }

    fn headers(&self) -> &'static [&'static str] {
        &[HEADER]
    }

    fn signs_url(&self) -> bool {
        true
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        let tag = tag(request)?;
        // Sorted by name and then by value, equal pairs once.
        let fields: BTreeSet<_> = forms::fields(request.body(), MAX_FIELDS)?
            .into_iter()
            .collect();
        let mut message = address(request)?.into_bytes();
        for (name, value) in fields {
            message.extend_from_slice(&name);
            message.extend_from_slice(&value);
        }
        signed.prove(message, tag)
    }
}

/// Twilio's largest forms have some dozens.
const MAX_FIELDS: usize = 1_000;

#[derive(Debug)]
struct Json;

impl Procedure for Json {
    fn name(&self) -> &'static str {
        "twilio-json"
    }

    fn headers(&self) -> &'static [&'static str] {
        &[HEADER]
    }

    fn signs_url(&self) -> bool {
        true
    }

    fn query_to_add(&self, request: &Unproved<'_>) -> Option<String> {
        let digits = |byte: &u8| format!("{byte:02x}");
        let hash: String = request.body_sha256().iter().map(digits).collect();
        Some(format!("{HASH}{hash}"))
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        let url = request.url();
        let (separator, due) = match url.split_once('?') {
            Some((_, due)) => ('&', due),
            None => ('?', ""),
        };
        // Nothing but the hash behind the configured address: a form's signature, which is under the same key,
        // covers texts of strangers, who could write a hash of their own among them.
        let hash = (request.query())
            .and_then(|query| query.strip_prefix(due))
            .map(|rest| {
                if due.is_empty() {
                    Some(rest)
                } else {
                    rest.strip_prefix('&')
                }
            })
            .and_then(|rest| rest?.strip_prefix(HASH))
            .filter(|hash| request.body_has_sha256(hash))
            .ok_or(Unreadable(
                "the query is not that of the configured address and the body's bodySHA256",
            ))?;
        signed.prove(format!("{url}{separator}{HASH}{hash}"), tag(request)?)
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::{Rejection, Secret, Timestamp, Verified, Verifier};

    use super::*;

    // From Twilio's Python library, `tests/unit/test_request_validator.py`.
    const URL: &str = "https://mycompany.com/myapp.php";
    const JSON_URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
    const FIELDS: &str = "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309";
    const TAG: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    const HASH: &str = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    const JSON_BODY: &str = r#"{"property": "value", "boolean": true}"#;
    const JSON_TAG: &str = "a9nBmqA0ju/hNViExpshrM61xv4=";

    fn verify(scheme: Scheme, query: &str, tag: &str, body: &str) -> Result<Verified, Rejection> {
        let url = match scheme.name() {
            "twilio-json" => JSON_URL,
            _ => URL,
        };
        let verifier = verifier(scheme, url);
        let request = http::Request::post(format!("/myapp.php?{query}")).header(HEADER, tag);
        let (request, now) = (request.body(()).unwrap(), Timestamp::from_unix_seconds(0));
        verifier.verify(&request, body.to_owned().into(), now)
    }

    fn verifier(scheme: Scheme, url: &str) -> Verifier {
        let verifier = Verifier::builder(scheme).secret(Secret::new("12345").unwrap());
        let verifier = match scheme.body_is_signed() {
            true => verifier,
            false => verifier.accept_unsigned_body(),
        };
        verifier.url(url).build().unwrap()
    }

    fn form(body: &str) -> Result<Verified, Rejection> {
        verify(FORM, "foo=1&bar=2", TAG, body)
    }

    #[test]
    fn published_forms_and_json_are_proved() {
        let proved = form(FIELDS).unwrap();
        assert!(!proved.body_is_signed());
        let message = proved.proved_message().unwrap();
        assert!(message.starts_with(b"https://mycompany.com/myapp.php?foo=1&bar=2CallSid"));
        let query = format!("foo=1&bar=2&bodySHA256={HASH}");
        assert!(verify(JSON, &query, JSON_TAG, JSON_BODY).is_ok());
        let tag = "NBdBDr/T/lgjI+tlgpXjKZQZs/k=";
        assert!(verify(FORM, "foo=1&bar=2", tag, "property=value&boolean=true").is_ok());
    }

    #[test]
    fn what_is_changed_is_refused() {
        for (from, to) in [
            ("1234&", "1235&"),
            ("&Digits=1234", ""),
            ("Digits", "Digit"),
            ("Digits=1234", "Digits=1234&Digits=5"),
            ("Digits=1234", "Digits=1234&Added=1"),
            ("%2B", "%2"),
            ("%2B", "%"),
        ] {
            assert!(form(&FIELDS.replace(from, to)).is_err(), "{from} {to}");
        }
        assert!(verify(FORM, "foo=1&bar=3", TAG, FIELDS).is_err());
        let mut other = TAG.replace("RSO", "RSP");
        assert!(verify(FORM, "foo=1&bar=2", &other, FIELDS).is_err());
        other.clear();
        assert!(verify(FORM, "foo=1&bar=2", &other, FIELDS).is_err());
    }

    #[test]
    fn json_is_the_body_that_the_signed_hash_names() {
        let query = format!("foo=1&bar=2&bodySHA256={HASH}");
        let changed = JSON_BODY.replace("true", "false");
        assert!(verify(JSON, &query, JSON_TAG, &changed).is_err());
        assert!(verify(JSON, "foo=1&bar=2", JSON_TAG, JSON_BODY).is_err());
        let twice = format!("{query}&bodySHA256={HASH}");
        assert!(verify(JSON, &twice, JSON_TAG, JSON_BODY).is_err());
        for other in [
            format!("bodySHA256={HASH}"),
            format!("foo=1&bar=2bodySHA256={HASH}"),
            format!("foo=1&bar=2&x=&bodySHA256={HASH}"),
            format!("foo=1&bar=2&bodySHA256={HASH}&"),
        ] {
            assert!(
                verify(JSON, &other, JSON_TAG, JSON_BODY).is_err(),
                "{other}"
            );
        }
        // A form's request proves no JSON.
        assert!(verify(JSON, "foo=1&bar=2", TAG, FIELDS).is_err());
    }

    /// Both are signed under one key, and a form holds texts of strangers.
    #[test]
    fn a_forms_signature_proves_no_json() {
        const EVIL: &str = r#"{"evil":true}"#;
        const HASH: &str = "f94dd6fad2748707c1fd1777873479912e937bec6a6f116a1368b0dddb9f5580";
        const TAG: &str = "a7hugn4OzK3JQ+KlrMSvsXpWDz4=";
        let judge = |scheme, query: &str, body: String| {
            let verifier = verifier(scheme, URL);
            let request = http::Request::post(format!("/myapp.php?{query}")).header(HEADER, TAG);
            let (request, now) = (request.body(()).unwrap(), Timestamp::from_unix_seconds(0));
            verifier.verify(&request, body.into(), now).is_ok()
        };
        let form = format!("AccountSid=AC1&Body=%26bodySHA256%3D{HASH}%26&From=%2B1415&To=%2B1800");
        assert!(judge(FORM, "x=1", form));
        let query = format!("x=1AccountSidAC1Body&bodySHA256={HASH}&From+1415To+1800");
        assert!(!judge(JSON, &query, EVIL.to_owned()));
    }

    #[test]
    fn bytes_traded_between_names_and_values_are_the_same_delivery() {
        let traded = form(&FIELDS.replace("Digits=1234", "Digits1=234")).unwrap();
        let first = form(FIELDS).unwrap();
        assert_ne!(traded.body(), first.body());
        assert_eq!(traded.proved_message(), first.proved_message());
    }

    #[test]
    fn a_call_is_proved_as_a_form_is() {
        assert!(verify(VOICE, "foo=1&bar=2", TAG, FIELDS).is_ok());
        let changed = FIELDS.replace("1234&", "1235&");
        assert!(verify(VOICE, "foo=1&bar=2", TAG, &changed).is_err());
    }

    #[test]
    fn huge_forms_are_refused() {
        let fields: Vec<String> = (0..100_000).map(|at| format!("k{at}=1")).collect();
        let refused = form(&fields.join("&")).unwrap_err();
        assert!(refused.to_string().contains("too many fields"), "{refused}");
    }
}
