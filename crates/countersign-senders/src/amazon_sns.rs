//! Amazon SNS over HTTPS, signed with RSA and SHA-256 (`SignatureVersion` 2).
//!
//! # What a receiver has to know
//!
//! * **The topic.** Anybody with an account at Amazon can have SNS send something to an endpoint, with the same
//!   signature. So the topic's ARN is configured, as [`url`](countersign_core::VerifierBuilder::url), and a message of
//!   another topic is refused.
//! * **The certificate.** A message names it by its address (`SigningCertURL`). Nothing is fetched here: an application
//!   takes the address with [`certificate_address`], which is one of Amazon's or none, fetches it over HTTPS without
//!   following redirects, and gives it, in PEM and trimmed, as the secret. Amazon changes it about once a year: keep the old one beside the new.
//! * **The version.** Topics sign with SHA-1 until their attribute `SignatureVersion` is set to 2. Version 1 is refused:
//!   a text of a stranger's may be in a message, and texts that SHA-1 does not tell apart can be bought.
//! * **The confirmation.** `SubscriptionConfirmation` is a delivery like others, under that type: the handler decides, and
//!   visits [`Message::subscribe_url`] if it wants the subscription.
//!
//! What is signed are the fields that [`Message`] has, a name and a value in a line each. Attributes and
//! `UnsubscribeURL` are not. Only `Message` may hold line breaks: else one who writes a part of it could write a field.
//!
//! ```
//! use countersign_senders::amazon_sns::is_amazons;
//!
//! assert!(is_amazons("https://sns.us-east-2.amazonaws.com/SimpleNotificationService-7ff5.pem"));
//! assert!(!is_amazons("https://sns.us-east-2.amazonaws.com.evil.example/a.pem"));
//! ```

// docs/decisions.md: D80.

use std::borrow::Cow;

use countersign_core::{
    Algorithm, Scheme, Verified,
    scheme::{Encoding, KeyFormat, Procedure, RetryTime, Signed, Unproved, Unreadable},
};
use serde::Deserialize;

use crate::{
    Confidence, Preset,
    spans::{FIVE_MINUTES, HOUR, late},
};

/// Amazon SNS, with the topic's ARN where other senders have an address. An application that verifies it says
/// [`accept_unsigned_body`](countersign_core::VerifierBuilder::accept_unsigned_body).
pub const SCHEME: Scheme = Scheme::signed_by(&Fields)
    .name("amazon-sns")
    .signature_pointer("/Signature")
    .algorithm(Algorithm::RsaSha256)
    .key_format(KeyFormat::PublicKey)
    .encoding(Encoding::Base64)
    .content_types(&["text/plain", "application/json"])
    .covers(&["/MessageId", "/Timestamp", "/TopicArn", "/Type"])
    .id_pointer("/MessageId")
    .event_pointer("/Type")
    .time_pointer("/Timestamp")
    .time_in_rfc3339()
    .tolerances(late(HOUR), FIVE_MINUTES)
    .retry_time(RetryTime::Kept)
    .retry_span(HOUR)
    .evidence("docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html")
    .declare();

pub(crate) const FAMILY: &[Preset] = &[Preset {
    name: SCHEME.name(),
    title: "Amazon SNS",
    scheme: SCHEME,
    source: SCHEME.evidence(),
    confidence: Confidence::High,
    sample: r#"{"Message":"Hello world","SignatureVersion":"2","SigningCertURL":"https://sns.us-east-2.amazonaws.com/SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem","UnsubscribeURL":"https://sns.us-east-2.amazonaws.com/?Action=Unsubscribe"}"#,
    note: "Configure the topic's ARN where others have the URL: anybody can have SNS send to you. The secret is Amazon's certificate, which you fetch. Set the topic's `SignatureVersion` to 2; version 1 (SHA-1) is refused. Attributes and `UnsubscribeURL` are not signed. `SubscriptionConfirmation` comes to the handler; nothing is fetched.",
}];

#[derive(Debug)]
struct Fields;

/// serde refuses a field that is there twice.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    message_id: Cow<'a, str>,
    #[serde(borrow)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "SubscribeURL")]
    subscribe_url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    topic_arn: Cow<'a, str>,
    #[serde(borrow, rename = "Type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    signature: Cow<'a, str>,
    #[serde(borrow)]
    signature_version: Cow<'a, str>,
    #[serde(borrow, rename = "SigningCertURL")]
    certificate: Cow<'a, str>,
}

impl Procedure for Fields {
    fn name(&self) -> &'static str {
        "amazon-sns"
    }

    fn signs_url(&self) -> bool {
        true
    }

    fn url_pointer(&self) -> Option<&'static str> {
        Some("/TopicArn")
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        let body: Body<'_> = serde_json::from_slice(request.body())
            .map_err(|_| Unreadable("the body is no message of Amazon SNS"))?;
        if body.signature_version != "2" {
            return Err(Unreadable(
                "the topic signs with SHA-1: set its attribute SignatureVersion to 2",
            ));
        }
        if body.topic_arn != request.url() {
            return Err(Unreadable(
                "the message is of another topic than the one that is configured as `url`",
            ));
        }
        if !is_amazons(&body.certificate) {
            return Err(Unreadable("the certificate's address is not Amazon's"));
        }
        let confirms = matches!(
            &*body.kind,
            "SubscriptionConfirmation" | "UnsubscribeConfirmation"
        );
        let (subject, subscribe_url, token) = match confirms {
            true => (None, body.subscribe_url, body.token),
            false => (body.subject, None, None),
        };
        let fields = [
            (MESSAGE, Some(body.message)),
            (MESSAGE_ID, Some(body.message_id)),
            (SUBJECT, subject),
            (SUBSCRIBE_URL, subscribe_url),
            (TIMESTAMP, Some(body.timestamp)),
            (TOKEN, token),
            (TOPIC_ARN, Some(body.topic_arn)),
            (TYPE, Some(body.kind)),
        ];
        let mut message = String::new();
        for (name, value) in fields {
            let Some(value) = value else { continue };
            if name != MESSAGE && value.contains('\n') {
                return Err(Unreadable(
                    "a signed field other than Message has a line break",
                ));
            }
            for line in [name, &value] {
                message.push_str(line);
                message.push('\n');
            }
        }
        signed.prove(message, &body.signature)
    }
}

const MESSAGE: &str = "Message";
const MESSAGE_ID: &str = "MessageId";
const SUBJECT: &str = "Subject";
const SUBSCRIBE_URL: &str = "SubscribeURL";
const TIMESTAMP: &str = "Timestamp";
const TOKEN: &str = "Token";
const TOPIC_ARN: &str = "TopicArn";
const TYPE: &str = "Type";

/// What SNS signed, read from the proved message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message<'v> {
    /// `Notification`, `SubscriptionConfirmation` or `UnsubscribeConfirmation`.
    pub kind: &'v str,
    /// The id, the same at every attempt.
    pub message_id: &'v str,
    /// The topic, which is the one that is configured.
    pub topic_arn: &'v str,
    /// When it was published.
    pub timestamp: &'v str,
    /// What was published.
    pub message: &'v str,
    /// Its subject, where it has one.
    pub subject: Option<&'v str>,
    /// The address that confirms a subscription, in a confirmation. Nothing visits it by itself.
    pub subscribe_url: Option<&'v str>,
    /// The same as a token for Amazon's API.
    pub token: Option<&'v str>,
}

impl<'v> Message<'v> {
    /// Reads the proved message. `None` for another sender's delivery.
    #[must_use]
    pub fn of(verified: &'v Verified) -> Option<Self> {
        if verified.scheme().procedure().map(Procedure::name) != Some("amazon-sns") {
            return None;
        }
        Self::read(verified.proved_message()?)
    }

    /// Reads a proved message that was handed over, in the process that takes it. It says nothing of who proved it:
    /// look first that the scheme is [`SCHEME`], by its name.
    #[must_use]
    pub fn read(proved: &'v [u8]) -> Option<Self> {
        let text = str::from_utf8(proved).ok()?;
        let mut read = Self {
            kind: "",
            message_id: "",
            topic_arn: "",
            timestamp: "",
            message: "",
            subject: None,
            subscribe_url: None,
            token: None,
        };
        // From the end: of all fields only the first one may hold line breaks.
        let mut rest = text.strip_suffix('\n')?;
        loop {
            let (before, value) = rest.rsplit_once('\n')?;
            let (before, name) = before.rsplit_once('\n')?;
            match name {
                TYPE => read.kind = value,
                TOPIC_ARN => read.topic_arn = value,
                TIMESTAMP => read.timestamp = value,
                SUBJECT => read.subject = Some(value),
                SUBSCRIBE_URL => read.subscribe_url = Some(value),
                TOKEN => read.token = Some(value),
                MESSAGE_ID => {
                    read.message_id = value;
                    read.message = before.strip_prefix(MESSAGE)?.strip_prefix('\n')?;
                    return Some(read);
                }
                _ => return None,
            }
            rest = before;
        }
    }
}

/// The address of the certificate that a body names, where it is [one of Amazon's](is_amazons). Nothing of the body is
/// proved: it says where to look, and the certificate there is what proves it. Fetch it without following redirects.
#[must_use]
pub fn certificate_address(body: &[u8]) -> Option<String> {
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    is_amazons(&body.certificate).then(|| body.certificate.into_owned())
}

/// Whether an address is of a certificate of SNS:
/// `https://sns.<region>.amazonaws.com/SimpleNotificationService-<letters and digits>.pem`, or the same in China
/// (`.com.cn`).
///
/// Whoever fetches it must not follow a redirect: it would lead to where nobody looked.
#[must_use]
pub fn is_amazons(address: &str) -> bool {
    let Some((host, path)) = address
        .strip_prefix("https://sns.")
        .and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let region = host
        .strip_suffix(".amazonaws.com")
        .or_else(|| host.strip_suffix(".amazonaws.com.cn"));
    let of_region = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    // A label that begins with `s3` is of storage, where anybody may own a bucket with the name `sns`.
    let is_storage = |region: &str| {
        let begin = region.as_bytes().get(..2);
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(b"s3"))
    };
    let name = path
        .strip_prefix("SimpleNotificationService-")
        .and_then(|name| name.strip_suffix(".pem"));
    region.is_some_and(|region| {
        region.len() >= 3 && region.bytes().all(of_region) && !is_storage(region)
    }) && name.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use countersign_core::{RejectionKind, Secret, Timestamp, Verifier, VerifierError};

    use super::*;

    // From Amazon's PHP library, `tests/FunctionalValidationsTest.php`.
    const CERTIFICATE: &str = include_str!("amazon_sns/certificate.pem");
    const TOPIC: &str = "arn:aws:sns:us-east-2:295079676684:publish-and-verify-530b26da-0687-4fe4-9f71-780bad3181e2";
    const BODY: &str = include_str!("amazon_sns/notification.json");
    /// 2022-07-28T22:53:55Z.
    const NOW: i64 = 1_659_048_835;

    fn verifier(topic: &str) -> Verifier {
        let secret = Secret::new(CERTIFICATE.trim()).unwrap();
        let builder = Verifier::builder(SCHEME).secret(secret).url(topic);
        builder.accept_unsigned_body().build().unwrap()
    }

    fn verify(topic: &str, body: &str, now: i64) -> Result<Verified, RejectionKind> {
        let request = http::Request::post("/").header("content-type", "text/plain; charset=UTF-8");
        let request = request.body(()).unwrap();
        let now = Timestamp::from_unix_seconds(now);
        let judged = verifier(topic).verify(&request, body.to_owned().into(), now);
        judged.map_err(|refused| refused.kind())
    }

    #[test]
    fn a_published_notification_is_proved_and_read() {
        let proved = verify(TOPIC, BODY, NOW).unwrap();
        assert!(proved.id_is_signed() && proved.event_type().unwrap().is_signed());
        assert!(!proved.body_is_signed());
        let message = Message::of(&proved).unwrap();
        assert_eq!(message.kind, "Notification");
        assert_eq!(proved.id(), Some(message.message_id));
        assert_eq!(
            Message::read(proved.proved_message().unwrap()),
            Some(message)
        );
        assert_eq!(Message::read(b"Message\nx\n"), None);
        assert_eq!(
            (message.message, message.subject),
            ("Hello world", Some("Hello world"))
        );
        assert_eq!((message.topic_arn, message.subscribe_url), (TOPIC, None));
    }

    #[test]
    fn every_signed_field_counts_and_the_others_change_nothing() {
        let first = verify(TOPIC, BODY, NOW).unwrap();
        for (from, to) in [
            ("\"Message\": \"Hello", "\"Message\": \"hello"),
            ("\"Subject\": \"Hello", "\"Subject\": \"hello"),
            ("4504e649", "4504e640"),
            ("22:53:55.086", "22:53:55.087"),
            ("\"Notification\"", "\"SubscriptionConfirmation\""),
            ("\"Notification\"", "\"notification\""),
            ("\"Message\"", "\"Message\": \"a\", \"Message\""),
            ("\"SignatureVersion\": \"2\"", "\"SignatureVersion\": \"1\""),
            ("cETcSvmm", "cETcSvmn"),
            ("sns.us-east-2.amazonaws.com/S", "evil.example/S"),
        ] {
            let other = BODY.replacen(from, to, 1);
            assert_ne!(other, BODY, "{from}");
            let judged = verify(TOPIC, &other, NOW).err();
            assert_eq!(judged, Some(RejectionKind::SignatureMismatch), "{from}");
        }
        let other = verify(
            TOPIC,
            &BODY.replace("Action=Unsubscribe", "Action=Other"),
            NOW,
        )
        .unwrap();
        assert_eq!(other.proved_message(), first.proved_message());
    }

    #[test]
    fn another_topic_is_refused_and_one_has_to_be_said() {
        let other = "arn:aws:sns:us-east-2:295079676684:another";
        let judged = verify(other, BODY, NOW).err();
        assert_eq!(judged, Some(RejectionKind::SignatureMismatch));
        let secret = Secret::new(CERTIFICATE.trim()).unwrap();
        let silent = Verifier::builder(SCHEME)
            .secret(secret)
            .accept_unsigned_body();
        assert_eq!(silent.build().unwrap_err(), VerifierError::Url);
    }

    #[test]
    fn its_time_is_judged() {
        let judge = |seconds| verify(TOPIC, BODY, NOW + seconds).err();
        assert_eq!(judge(3_900), None);
        assert_eq!(judge(3_902), Some(RejectionKind::TimestampStale));
        assert_eq!(judge(-301), Some(RejectionKind::TimestampFuture));
    }

    /// One text that could be read as two messages: only a message may hold line breaks.
    #[test]
    fn no_field_is_written_inside_of_another() {
        let messages = |message: &str, id: &str, subject: &str| {
            let body = serde_json::json!({
                "Type": "Notification", "MessageId": id, "TopicArn": TOPIC, "Message": message, "Subject": subject,
                "Timestamp": "t", "SignatureVersion": "2", "Signature": "",
                "SigningCertURL": "https://sns.us-east-2.amazonaws.com/SimpleNotificationService-7ff5.pem",
            });
            let body = body.to_string();
            SCHEME.messages(&Unproved::new(TOPIC, None, &[], body.as_bytes()))
        };
        let inside = messages("x\nMessageId\nforged\nSubject\nof", "1", "s").unwrap();
        let apart = messages("x", "forged", "of\nMessageId\n1\nSubject\ns");
        assert!(apart.is_err());
        assert!(
            inside[0].starts_with(b"Message\nx\nMessageId\nforged\nSubject\nof\nMessageId\n1\n")
        );
    }

    #[test]
    fn an_address_is_amazons_or_none() {
        let body = |address: &str| BODY.replace("https://sns.us-east-2.amazonaws.com/S", address);
        let found = |address: &str| certificate_address(body(address).as_bytes());
        assert!(found("https://sns.eu-central-1.amazonaws.com/S").is_some());
        for wrong in [
            "http://sns.us-east-2.amazonaws.com/a.pem",
            "https://sns.us-east-2.amazonaws.com",
            "https://sns.us-east-2.amazonaws.com.evil.example/a.pem",
            "https://sns.us-east-2.amazonaws.com:8443/a.pem",
            "https://evil@sns.us-east-2.amazonaws.com/a.pem",
            "https://sns.evil.example/.amazonaws.com/a.pem",
            "https://sns.evil.example?.amazonaws.com/a.pem",
            "https://sns.evil.example#.amazonaws.com/a.pem",
            "https://sns.evil\\.amazonaws.com/a.pem",
            "https://sns..amazonaws.com/a.pem",
            "https://sns.amazonaws.com/a.pem",
            "https://s3.us-east-2.amazonaws.com/a.pem",
            "",
        ] {
            assert!(!is_amazons(wrong), "{wrong}");
        }
        // A bucket of anybody's may be behind such a name, and on any other path something else is served.
        let certificate = "SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem";
        for host in [
            "sns.s3-us-west-2.amazonaws.com",
            "sns.s3-accelerate.amazonaws.com",
            "sns.S3-website.amazonaws.com",
            "sns.s3express.amazonaws.com.cn",
            "sns.amazonaws.com",
            "sns..amazonaws.com",
            "sns.us-east-2.amazonaws.com.evil.example",
            "sns.us-east-2.amazonaws.com:8443",
            "evil@sns.us-east-2.amazonaws.com",
            "sns.evil.example?.amazonaws.com",
            "sns.evil.example#.amazonaws.com",
            "sns.evil\\.amazonaws.com",
        ] {
            let wrong = format!("https://{host}/{certificate}");
            assert!(!is_amazons(&wrong), "{wrong}");
        }
        for path in [
            "",
            "a.pem",
            "SimpleNotificationService-.pem",
            "SimpleNotificationService-7ff5",
            "SimpleNotificationService-7ff5.PEM",
            "SimpleNotificationService-7ff5.pem?a=.pem",
            "SimpleNotificationService-7ff5.pem?",
            "SimpleNotificationService-7ff5.pem#.pem",
            "SimpleNotificationService-7ff5/a.pem",
            "SimpleNotificationService-../../a.pem",
            "SimpleNotificationService-%2e%2e.pem",
            "SimpleNotificationService-7ff5.pem.pem",
            "/SimpleNotificationService-7ff5.pem",
            "a/SimpleNotificationService-7ff5.pem",
            "?Action=Publish&a=SimpleNotificationService-7ff5.pem",
            "SimpleNotificationService-\u{e4}.pem",
            "SimpleNotificationService-7ff5.pem\n",
        ] {
            let wrong = format!("https://sns.us-east-2.amazonaws.com/{path}");
            assert!(!is_amazons(&wrong), "{wrong}");
        }
        for region in ["us-east-2", "eu-central-1", "us-gov-west-1", "me-south-1"] {
            let right = format!("https://sns.{region}.amazonaws.com/{certificate}");
            assert!(is_amazons(&right), "{right}");
        }
        let china = format!("https://sns.cn-north-1.amazonaws.com.cn/{certificate}");
        assert!(is_amazons(&china));
        assert_eq!(certificate_address(b"{}"), None);
    }
}
