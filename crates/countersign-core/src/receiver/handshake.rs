//! Answering handshakes: those without a signature before anything else is judged, signed ones once they
//! are proved. An answer ends the request; nothing here can make a delivery.

// docs/decisions.md: D50, D53.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use core::{fmt, pin::Pin, time::Duration};
use futures_util::{Stream, StreamExt};

use super::{
    Inner, Offer, OfferedSecret, Received,
    deadline::within,
    question::{Asked, What, refused},
};
use crate::{
    answer::Answer,
    clock::Clock,
    detail::Fault,
    keys::{Secret, SecretError},
    mac::{self, Algorithm},
    rejection::{Rejection, RejectionKind},
    report,
    scheme::{Handshake, KeyFormat, PingAnswer, is_token},
    verify::{Head, SignedAnswer, SignedHandshake, read_field},
};

/// The longest body of an unsigned handshake. It is read on credit, so it is short.
const MAX_BODY: usize = 1_024;
/// The longest number in a form ping.
const MAX_NUMBER: usize = 20;

/// The text that was entered at Meta; only its hash is kept.
#[derive(Clone)]
pub(super) struct VerifyToken([u8; 32]);

impl VerifyToken {
    pub(super) fn new(token: &Secret) -> Result<Self, SecretError> {
        let text = token.key(KeyFormat::Text)?;
        Ok(Self(mac::sha256(&text)))
    }

    pub(super) fn is(&self, given: &[u8]) -> bool {
        mac::same_hash(&self.0, &mac::sha256(given))
    }
}

impl fmt::Debug for VerifyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyToken(..)")
    }
}

/// Why a request does not go on as a delivery.
pub(super) enum Ended {
    Answered(Answer),
    Rejected(Rejection),
}

impl From<Rejection> for Ended {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl Inner {
    /// Answers a handshake that is not signed. `None`: the request is to be judged as a delivery, of
    /// whose body nothing was read.
    pub(super) async fn unsigned_handshake<E>(
        &self,
        head: &(impl Head + ?Sized),
        body: Pin<&mut impl Stream<Item = Result<Bytes, E>>>,
        clock: &dyn Clock,
        arrived: Duration,
    ) -> Result<Option<Answer>, Rejection> {
        let Some(Asked { handshake, what }) = self.asked(head)? else {
            return Ok(None);
        };
        let answer = match what {
            What::Echo(text) => Answer::text(text),
            // Neither holds what means something in JSON.
            What::Field(name, token) => Answer::json(format!(r#"{{"{name}":"{token}"}}"#)),
            What::Sign(token) => self.sign(head, &token, clock, arrived).await?,
            What::Done => Answer::success(),
            What::Allow(origin) => Answer::success()
                .with_header("webhook-allowed-origin", origin)
                .with_header("webhook-allowed-rate", "*")
                .with_header("allow", self.scheme().allowed_methods()),
            What::Header(secret) => {
                // What else it brings is read, so that the sender hears the answer, and dropped.
                let _dropped = self.read_short(body, clock, arrived).await?;
                self.take_secret(head, &secret, clock).await?;
                Answer::success().with_header("x-hook-secret", secret)
            }
            What::InBody => {
                let body = self.read_short(body, clock, arrived).await?;
                self.ask_body(head, handshake, &body, clock).await?
            }
        };
        report::handshake(self, None, handshake);
        Ok(Some(answer))
    }

    /// Answers a handshake whose signature was proved. What is none comes back.
    pub(super) async fn signed_handshake(
        &self,
        received: Received,
        clock: &dyn Clock,
    ) -> Result<Received, Ended> {
        let Some(SignedHandshake { handshake, answer }) = received.handshake() else {
            return Ok(received);
        };
        let handshake = *handshake;
        let tenant = received.tenant_arc();
        let answer = match answer {
            SignedAnswer::Echo(text) => Answer::text(text.clone()),
            SignedAnswer::Challenge(text) => Answer::json(format!(r#"{{"challenge":"{text}"}}"#)),
            SignedAnswer::Encrypted { plain, tag } => Answer::json(format!(
                r#"{{"plainToken":"{plain}","encryptedToken":"{tag}"}}"#
            )),
            SignedAnswer::Ping(PingAnswer::Json(json)) => Answer::json((*json).to_owned()),
            SignedAnswer::Ping(PingAnswer::NoContent) => Answer::no_content(),
            SignedAnswer::Done => Answer::success(),
            SignedAnswer::Offer => {
                let received = Box::new(received);
                self.offer(clock, Offer::Confirmation(received)).await?;
                Answer::success()
            }
        };
        report::handshake(self, tenant.as_deref(), handshake);
        Err(Ended::Answered(answer))
    }

    /// The answer with a token's signature, under the newest key.
    async fn sign(
        &self,
        head: &(impl Head + ?Sized),
        token: &str,
        clock: &dyn Clock,
        arrived: Duration,
    ) -> Result<Answer, Rejection> {
        let named = self.verifier.tenant_of(head)?;
        let tenant = self.look_up(named.as_deref(), clock, arrived).await?;
        let keyring = match &tenant {
            Some(tenant) => Some(&tenant.keyring),
            None => self.verifier.keyring(),
        };
        let fits = keyring.filter(|keyring| keyring.fits(self.scheme()));
        let tag = fits.and_then(|keyring| {
            let keys = keyring.active(clock.now());
            keys.tag(0, Algorithm::HmacSha256, token.as_bytes())
        });
        let tag = tag.ok_or(Rejection::new(RejectionKind::NoActiveKey))?;
        let tag = STANDARD.encode(tag);
        Ok(Answer::json(format!(
            r#"{{"response_token":"sha256={tag}"}}"#
        )))
    }

    /// What an unsigned body asks for. One that asks for nothing is a delivery without its signature.
    async fn ask_body(
        &self,
        head: &(impl Head + ?Sized),
        handshake: Handshake,
        body: &[u8],
        clock: &dyn Clock,
    ) -> Result<Answer, Rejection> {
        let unsigned = || {
            let name = self.scheme().signature_header();
            Rejection::header_fault(RejectionKind::HeaderMissing, name)
        };
        match handshake {
            Handshake::FormPing { field } if is_form_ping(body, field) => Ok(Answer::success()),
            Handshake::VerificationToken => {
                let found = read_field(body, "/verification_token");
                let token = found.filter(|token| is_token(token.as_bytes()));
                let token = token.ok_or_else(unsigned)?;
                self.take_secret(head, &token, clock).await?;
                Ok(Answer::success())
            }
            _ => Err(unsigned()),
        }
    }

    async fn take_secret(
        &self,
        head: &(impl Head + ?Sized),
        text: &str,
        clock: &dyn Clock,
    ) -> Result<(), Rejection> {
        let tenant = self.verifier.tenant_of(head)?;
        let secret = Secret::new(text).map_err(|_| refused(Fault::NotExpected))?;
        let offer = Offer::Secret(OfferedSecret::new(secret, tenant));
        self.offer(clock, offer).await
    }

    /// Reads a body that nobody has proved, and that is no longer than a handshake's.
    async fn read_short<E>(
        &self,
        mut body: Pin<&mut impl Stream<Item = Result<Bytes, E>>>,
        clock: &dyn Clock,
        arrived: Duration,
    ) -> Result<Vec<u8>, Rejection> {
        let until = arrived.saturating_add(self.limits.read_time);
        let mut read = Vec::new();
        loop {
            let chunk = within(clock, until, body.next()).await;
            // Chunks that are always ready would never meet the timer.
            if chunk.is_none() || clock.elapsed() > until {
                return Err(Rejection::new(RejectionKind::BodyTimeout));
            }
            let chunk = match chunk.flatten() {
                None => return Ok(read),
                Some(Err(_)) => return Err(Rejection::new(RejectionKind::BodyUnreadable)),
                Some(Ok(chunk)) => chunk,
            };
            if chunk.len().saturating_add(read.len()) > MAX_BODY {
                let name = self.scheme().signature_header();
                return Err(Rejection::header_fault(RejectionKind::HeaderMissing, name));
            }
            read.extend_from_slice(&chunk);
        }
    }
}

/// Whether a body is a form of one field with a number.
fn is_form_ping(body: &[u8], field: &str) -> bool {
    let number = body
        .strip_prefix(field.as_bytes())
        .and_then(|rest| rest.strip_prefix(b"="));
    number.is_some_and(|number| {
        (1..=MAX_NUMBER).contains(&number.len()) && number.iter().all(u8::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_ping_is_one_number_and_nothing_else() {
        let is = |body: &str| is_form_ping(body.as_bytes(), "webhook_id");
        assert!(is("webhook_id=7") && is("webhook_id=18446744073709551615"));
        for body in [
            "",
            "webhook_id=",
            "webhook_id=7&x=1",
            "x=1&webhook_id=7",
            "webhook_id=-7",
            "webhook_id=7 ",
            "webhook_id=%37",
            "webhook_ids=7",
            "{\"webhook_id\":7}",
            "webhook_id=184467440737095516150",
        ] {
            assert!(!is(body), "{body}");
        }
    }
}
