//! Mailgun, which signs a time and a token that stand in the body beside the event.

use std::borrow::Cow;

use countersign_core::scheme::{Procedure, Signed, Unproved, Unreadable};
use serde::Deserialize;

#[derive(Debug)]
pub(super) struct Mailgun;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    signature: Signature<'a>,
}

/// serde refuses a field that is there twice.
#[derive(Deserialize)]
struct Signature<'a> {
    timestamp: Seconds,
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(borrow)]
    signature: Cow<'a, str>,
}

/// A text, though Mailgun's page says a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Text(String),
    Number(u64),
}

impl Seconds {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

/// Seconds, until the year 2286.
const DIGITS: usize = 10;

impl Procedure for Mailgun {
    fn name(&self) -> &'static str {
        "mailgun"
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        let Body { signature } = serde_json::from_slice(request.body())
            .map_err(|_| Unreadable("the body has no signature of Mailgun's"))?;
        let (timestamp, token) = (signature.timestamp.into_text(), signature.token);
        // Nothing is between the two, so the time must have one length.
        if timestamp.len() != DIGITS || token.is_empty() {
            return Err(Unreadable(
                "the time is no ten digits, or there is no token",
            ));
        }
        signed.prove(format!("{timestamp}{token}"), &signature.signature)
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::{RejectionKind, Secret, Timestamp, Verified, Verifier, VerifierError};

    use super::super::MAILGUN;

    // From Mailgun's PHP library, `tests/Api/WebhookTest.php`.
    const KEY: &str = "key-3ax6xnjp29jd6fds4gc373sgvjxteol0";
    const TIME: i64 = 1_403_645_220;
    const TOKEN: &str = "5egbgr1vjgqxtrnp65xfznchgdccwh5d6i09vijqi3whgowmn6";
    const TAG: &str = "9cfc5c41582e51246e73c88d34db3af0a3a2692a76fbab81492842f000256d33";

    fn verify(time: &str, token: &str, data: &str, now: i64) -> Result<Verified, RejectionKind> {
        let verifier = Verifier::builder(MAILGUN).secret(Secret::new(KEY).unwrap());
        let verifier = verifier.accept_unsigned_body().build().unwrap();
        let body = format!(
            r#"{{"signature":{{"timestamp":"{time}","token":"{token}","signature":"{TAG}"}},"event-data":{data}}}"#
        );
        let request = http::Request::post("/").body(()).unwrap();
        let now = Timestamp::from_unix_seconds(now);
        let judged = verifier.verify(&request, body.into(), now);
        judged.map_err(|refused| refused.kind())
    }

    const DATA: &str = r#"{"event":"delivered","id":"a"}"#;

    #[test]
    fn a_published_signature_is_proved_and_the_event_is_not() {
        let time = TIME.to_string();
        let proved = verify(&time, TOKEN, DATA, TIME).unwrap();
        assert!(!proved.body_is_signed() && !proved.event_type().unwrap().is_signed());
        assert_eq!(proved.time(), Some(Timestamp::from_unix_seconds(TIME)));
        // Another event under the same signature verifies, and is the same delivery.
        let forged = verify(&time, TOKEN, r#"{"event":"opened","id":"b"}"#, TIME).unwrap();
        assert_eq!(forged.proved_message(), proved.proved_message());
        assert_ne!(forged.body(), proved.body());
    }

    #[test]
    fn digits_that_change_sides_are_refused() {
        let time = TIME.to_string();
        let (all, shifted) = (format!("{time}{TOKEN}"), [9, 11]);
        for at in shifted {
            let (time, token) = all.split_at(at);
            let judged = verify(time, token, DATA, TIME).err();
            assert_eq!(judged, Some(RejectionKind::SignatureMismatch), "{at}");
        }
        assert!(
            verify(
                &time,
                "owyldpe6nxhmrn78epljl6bj0orrki1u3d2v5e6cnlmmuox8jr",
                DATA,
                TIME
            )
            .is_err()
        );
    }

    #[test]
    fn its_time_is_judged() {
        let judge = |now| verify(&TIME.to_string(), TOKEN, DATA, TIME + now).err();
        assert_eq!(judge(8 * 3_600), None);
        assert_eq!(judge(9 * 3_600), Some(RejectionKind::TimestampStale));
        assert_eq!(judge(-301), Some(RejectionKind::TimestampFuture));
    }

    #[test]
    fn it_is_asked_for_by_name() {
        let silent = Verifier::builder(MAILGUN).secret(Secret::new(KEY).unwrap());
        assert_eq!(silent.build().unwrap_err(), VerifierError::BodyNotSigned);
    }
}
