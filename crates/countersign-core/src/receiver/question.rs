//! What a request without a signature asks, read from its head.

use std::borrow::Cow;

use super::Inner;
use crate::{
    detail::Fault,
    rejection::{Rejection, RejectionKind},
    scheme::{HOOK_SECRET, Handshake, is_echo, is_token},
    verify::{Head, read_text},
};

/// What an unsigned request asks for.
pub(super) struct Asked {
    pub(super) handshake: Handshake,
    pub(super) what: What,
}

pub(super) enum What {
    /// A text, sent back.
    Echo(String),
    /// A text, sent back as JSON under this name.
    Field(&'static str, String),
    /// A token, to be signed.
    Sign(String),
    /// A success.
    Done,
    /// Leave to send, from this origin.
    Allow(&'static str),
    /// A key, in a header that is sent back.
    Header(String),
    /// Its body says so.
    InBody,
}

pub(super) fn refused(fault: Fault) -> Rejection {
    Rejection::new(RejectionKind::HandshakeRefused).because(fault)
}

impl Inner {
    /// What a head asks for.
    pub(super) fn asked(&self, head: &(impl Head + ?Sized)) -> Result<Option<Asked>, Rejection> {
        let handshakes = self.scheme().handshakes();
        let Some((handshake, what)) = (match head.method() {
            "POST" => self.asked_by_post(head, handshakes)?,
            "GET" => self.asked_by_get(head, handshakes)?,
            "HEAD" => {
                let probe = handshakes.iter().find(|one| **one == Handshake::Probe);
                probe.map(|probe| (*probe, What::Done))
            }
            "OPTIONS" => asked_by_options(head, handshakes)?,
            _ => None,
        }) else {
            return Ok(None);
        };
        Ok(Some(Asked { handshake, what }))
    }

    /// A POST that is signed is a delivery, whatever else it says.
    fn asked_by_post(
        &self,
        head: &(impl Head + ?Sized),
        handshakes: &[Handshake],
    ) -> Result<Option<(Handshake, What)>, Rejection> {
        let scheme = self.scheme();
        let (mut signed, mut declared, mut kind) = (false, None, None);
        head.each_header(&mut |name, value| {
            signed |= scheme.is_signature_header(name);
            if name.eq_ignore_ascii_case("content-length") {
                declared = Some(value);
            }
            if name.eq_ignore_ascii_case("content-type") {
                kind = Some(value);
            }
        });
        if signed {
            return Ok(None);
        }
        let is = |due: &[u8]| {
            let essence = kind.and_then(|kind: &[u8]| kind.split(|byte| *byte == b';').next());
            essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(due))
        };
        for handshake in handshakes {
            let what = match handshake {
                Handshake::ValidationToken if matches!(declared, None | Some(b"0")) => {
                    parameter(head, "validationToken")?.map(|token| echo(token, "validationToken"))
                }
                Handshake::HookSecret => {
                    let secret = read_text(head, HOOK_SECRET)?;
                    secret.map(|secret| Ok(What::Header(secret)))
                }
                Handshake::FormPing { .. } if is(b"application/x-www-form-urlencoded") => {
                    Some(Ok(What::InBody))
                }
                Handshake::VerificationToken if is(b"application/json") => Some(Ok(What::InBody)),
                _ => None,
            };
            if let Some(what) = what {
                return Ok(Some((*handshake, what?)));
            }
        }
        Ok(None)
    }

    fn asked_by_get(
        &self,
        head: &(impl Head + ?Sized),
        handshakes: &[Handshake],
    ) -> Result<Option<(Handshake, What)>, Rejection> {
        let mut missing = None;
        for handshake in handshakes {
            let (fault, what) = match *handshake {
                Handshake::HubChallenge => (
                    Fault::Parameter {
                        name: "hub.challenge",
                    },
                    parameter(head, "hub.challenge")?.map(|challenge| {
                        self.check_verify_token(head)?;
                        echo(challenge, "hub.challenge")
                    }),
                ),
                Handshake::CrcToken => {
                    let fault = Fault::Parameter { name: "crc_token" };
                    let what = parameter(head, "crc_token")?.map(|token| {
                        let token = Some(token).filter(|token| is_token(token.as_bytes()));
                        let token = token.ok_or_else(|| refused(fault))?;
                        Ok(What::Sign(token.into_owned()))
                    });
                    (fault, what)
                }
                Handshake::QueryChallenge { parameter: name } => {
                    let what = parameter(head, name)?.map(|text| echo(text, name));
                    (Fault::Parameter { name }, what)
                }
                Handshake::HeaderChallenge { header, field } => {
                    let fault = Fault::ChallengeHeader { name: header };
                    let what =
                        read_text(head, header)?.map(|token| match is_token(token.as_bytes()) {
                            true => Ok(What::Field(field, token)),
                            false => Err(refused(fault)),
                        });
                    (fault, what)
                }
                _ => continue,
            };
            if let Some(what) = what {
                return Ok(Some((*handshake, what?)));
            }
            missing.get_or_insert(fault);
        }
        match missing {
            Some(fault) => Err(refused(fault)),
            None => Ok(None),
        }
    }

    /// Meta's token is the only thing that tells its question from anybody's.
    fn check_verify_token(&self, head: &(impl Head + ?Sized)) -> Result<(), Rejection> {
        let given = |name| {
            let fault = Fault::Parameter { name };
            parameter(head, name)?.ok_or_else(|| refused(fault))
        };
        if given("hub.mode")? != "subscribe" {
            return Err(refused(Fault::Parameter { name: "hub.mode" }));
        }
        let token = given("hub.verify_token")?;
        let due = self.verify_token.as_ref();
        match due.is_some_and(|due| due.is(token.as_bytes())) {
            true => Ok(()),
            false => Err(refused(Fault::VerifyToken)),
        }
    }
}

fn asked_by_options(
    head: &(impl Head + ?Sized),
    handshakes: &[Handshake],
) -> Result<Option<(Handshake, What)>, Rejection> {
    for handshake in handshakes {
        let Handshake::AbuseProtection { origins } = handshake else {
            continue;
        };
        let asks = read_text(head, "WebHook-Request-Origin")?;
        let asks = asks.as_deref().unwrap_or_default();
        let listed = origins
            .iter()
            .find(|known| known.eq_ignore_ascii_case(asks));
        let origin = listed.ok_or_else(|| refused(Fault::Origin))?;
        return Ok(Some((*handshake, What::Allow(origin))));
    }
    Ok(None)
}

/// The only value of a query's parameter, decoded.
fn parameter<'h>(
    head: &'h (impl Head + ?Sized),
    name: &'static str,
) -> Result<Option<Cow<'h, str>>, Rejection> {
    let query = head.query().unwrap_or_default();
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(refused(Fault::Parameter { name })),
        (first, None) => Ok(first.map(|(_, value)| value)),
    }
}

fn echo(text: Cow<'_, str>, name: &'static str) -> Result<What, Rejection> {
    match is_echo(&text) {
        true => Ok(What::Echo(text.into_owned())),
        false => Err(refused(Fault::Parameter { name })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_decoded_and_counts_once() {
        let read = |query: &str| {
            let uri = format!("/hook?{query}");
            let head = http::Request::get(uri).body(()).unwrap();
            let value = parameter(&head, "a.b").map(|value| value.map(Cow::into_owned));
            value.ok()
        };
        assert_eq!(read("a.b=1%3a+2"), Some(Some("1: 2".to_owned())));
        assert_eq!(read("a%2Eb=1"), Some(Some("1".to_owned())));
        assert_eq!(read("a_b=1"), Some(None));
        assert_eq!(read("a.b=1&a.b=1"), None);
    }
}
