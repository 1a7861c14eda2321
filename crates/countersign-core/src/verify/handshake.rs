//! Handshakes that a sender signs: what a proved body asks for in place of a run.

use core::fmt;

use serde::{Deserialize, de::IgnoredAny};

use super::{
    Head,
    fields::{self, Field},
    pick::{Value, pick},
    slots::text_fault,
};
use crate::{
    detail::Fault,
    keys::ActiveKeys,
    mac::Algorithm,
    rejection::{Rejection, RejectionKind},
    scheme::{Handshake, PingAnswer, Scheme, is_echo, is_token},
    texts::{MAX_VALUE, Texts},
};

/// A handshake in a proved request, and what its answer is made of.
pub(crate) struct SignedHandshake {
    pub(crate) handshake: Handshake,
    pub(crate) answer: SignedAnswer,
}

pub(crate) enum SignedAnswer {
    /// A text, sent back.
    Echo(String),
    /// A text without quotes and backslashes, sent back in JSON.
    Challenge(String),
    /// A token and its tag in hexadecimal.
    Encrypted {
        plain: String,
        tag: String,
    },
    Ping(PingAnswer),
    /// A success.
    Done,
    /// What the application says.
    Offer,
}

impl fmt::Debug for SignedHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedHandshake({})", self.handshake.as_str())
    }
}

/// Refuses a body that may be what a handshake signed for whoever asked.
pub(super) fn refuse_signed_token(scheme: &Scheme, body: &[u8]) -> Result<(), Rejection> {
    match scheme.may_be_signed_token(body) {
        true => Err(Rejection::new(RejectionKind::SignatureMismatch)),
        false => Ok(()),
    }
}

/// Finds out whether a proved body is a handshake of the scheme's: by what is signed, and nothing else.
///
/// `at`: which of the keys made the signature.
pub(super) fn recognise(
    scheme: &Scheme,
    keys: &ActiveKeys,
    at: usize,
    payload: &[u8],
) -> Result<Option<Box<SignedHandshake>>, Rejection> {
    for handshake in scheme.handshakes() {
        let answer = match *handshake {
            Handshake::BodyChallenge { at, is, challenge } => {
                let found = fields::read(payload, &[at, challenge]);
                let (kind, challenge) = pair(&found);
                (kind == Some(is)).then(|| {
                    let text = challenge.filter(|text| is_echo(text));
                    text.map(|text| SignedAnswer::Echo(text.to_owned()))
                })
            }
            Handshake::TokenChallenge {
                at, is, challenge, ..
            } => is_text(payload, at, is).then(|| match pick(payload, challenge) {
                Some(Value::Text(text)) if is_echo(&text) => Some(SignedAnswer::Challenge(text)),
                _ => None,
            }),
            Handshake::EncryptedToken => {
                let found = fields::read(payload, &["/event", "/payload/plainToken"]);
                let (kind, token) = pair(&found);
                (kind == Some("endpoint.url_validation")).then(|| {
                    let plain = token.filter(|token| is_token(token.as_bytes()))?;
                    let tag = keys.tag(at, Algorithm::HmacSha256, plain.as_bytes())?;
                    Some(SignedAnswer::Encrypted {
                        plain: plain.to_owned(),
                        tag: const_hex::encode(tag),
                    })
                })
            }
            Handshake::SignedPing { at, is, answer } => {
                let found = fields::read(payload, &[at]);
                let kind = found.first().and_then(Field::text);
                (kind == Some(is)).then_some(Some(SignedAnswer::Ping(answer)))
            }
            Handshake::IntentToReceive => {
                has_no_events(payload).then_some(Some(SignedAnswer::Done))
            }
            Handshake::Confirmation { at, is } => {
                let found = fields::read(payload, &[at]);
                let kind = found.first().and_then(Field::text);
                kind.is_some_and(|kind| is.contains(&kind))
                    .then_some(Some(SignedAnswer::Offer))
            }
            // The others are not signed.
            _ => None,
        };
        if let Some(answer) = answer {
            let answer = answer.ok_or_else(|| {
                let fault = Fault::Challenge;
                Rejection::new(RejectionKind::HandshakeRefused).because(fault)
            })?;
            return Ok(Some(Box::new(SignedHandshake {
                handshake: *handshake,
                answer,
            })));
        }
    }
    Ok(None)
}

/// Where the token of a body is that asks in place of delivering.
pub(super) fn token_of_question(scheme: &Scheme, payload: &[u8]) -> Option<&'static str> {
    scheme
        .handshakes()
        .iter()
        .find_map(|handshake| match *handshake {
            Handshake::TokenChallenge { at, is, token, .. } => {
                is_text(payload, at, is).then_some(token)
            }
            _ => None,
        })
}

fn is_text(payload: &[u8], at: &str, is: &str) -> bool {
    matches!(pick(payload, at), Some(Value::Text(text)) if text == is)
}

/// The only value of a header, of 1 to 256 visible ASCII characters.
pub(crate) fn read_text(
    head: &(impl Head + ?Sized),
    name: &'static str,
) -> Result<Option<String>, Rejection> {
    let (mut first, mut count) = (None, 0_u32);
    head.each_header(&mut |header, value| {
        if header.eq_ignore_ascii_case(name) {
            first.get_or_insert(value);
            count = count.saturating_add(1);
        }
    });
    let refuse = |kind, fault| Err(Rejection::header_fault(kind, name).because(fault));
    match first {
        None => Ok(None),
        Some(_) if count > 1 => refuse(RejectionKind::HeaderRepeated, Fault::Repeated),
        Some(value) => {
            let mut texts = Texts::default();
            let text = texts.add_header(value);
            match texts.get(text) {
                Some(text) => Ok(Some(text.to_owned())),
                None => refuse(RejectionKind::HeaderMalformed, text_fault(value, MAX_VALUE)),
            }
        }
    }
}

/// One field of a body that nobody has proved.
pub(crate) fn read_field(body: &[u8], pointer: &str) -> Option<String> {
    let found = fields::read(body, &[pointer]);
    found.first().and_then(Field::text).map(str::to_owned)
}

fn pair<'f>(found: &'f [Field<'_>]) -> (Option<&'f str>, Option<&'f str>) {
    let text = |at: usize| found.get(at).and_then(Field::text);
    (text(0), text(1))
}

/// Whether a body's list of events is there and empty.
fn has_no_events(payload: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Body {
        // What is ignored takes no room.
        events: Vec<IgnoredAny>,
    }
    serde_json::from_slice::<Body>(payload).is_ok_and(|body| body.events.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_list_that_is_there_and_empty_has_no_events() {
        let rows = [
            (
                r#"{"events":[],"firstEventSequence":0,"entropy":"x"}"#,
                true,
            ),
            (r#"{"events":[{}],"entropy":"x"}"#, false),
            (r#"{"events":[],"events":[{}]}"#, false),
            (r#"{"events":{}}"#, false),
            (r#"{"events":null}"#, false),
            (r#"{"entropy":"x"}"#, false),
            ("[]", false),
            ("", false),
        ];
        for (body, due) in rows {
            assert_eq!(has_no_events(body.as_bytes()), due, "{body}");
        }
    }
}
