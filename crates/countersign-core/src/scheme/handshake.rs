//! What a sender asks an endpoint before it sends events there, and from time to time after that. Long, because
//! half of it is the documentation of what each sender asks.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "const code has no iterators; every index is below the length, and nothing of a request gets here"
)]

use super::check::{is_header_name, is_pointer};

/// A question by which a sender learns whether an endpoint is there and wants its events.
///
/// The receiver answers it and that is all: nothing is stored, no handler runs, and no delivery gets
/// in by way of it. A receiver answers the handshakes of its own scheme; those of other senders are
/// refused as any other request that is no delivery.
///
/// Each variant is as narrow as what its sender documents. What is sent back of a request is 1 to 1,024
/// visible characters and blanks, without those that mean something in HTML, as `text/plain` and with
/// `X-Content-Type-Options: nosniff`, so that nobody can make a script of it.
///
/// ```
/// use core::time::Duration;
/// use countersign_core::{
///     MemoryStore, Receiver, Scheme, Secret,
///     scheme::{Handshake, IdenticalBodies},
/// };
///
/// const META: Scheme = Scheme::body_hmac("X-Hub-Signature-256")
///     .prefix("sha256=")
///     .identical_bodies(IdenticalBodies::Copies { within: Duration::from_secs(36 * 60 * 60) })
///     .handshakes(&[Handshake::HubChallenge])
///     .declare();
///
/// let builder = || {
///     Receiver::builder(META)
///         .endpoint("meta")
///         .secret(Secret::new("the app's secret").unwrap())
///         .store(MemoryStore::new())
/// };
/// let token = Secret::new("the text that was entered at Meta")?;
/// assert!(builder().verify_token(token).build().is_ok());
/// // Without the token, whoever asks would be told that the endpoint is theirs.
/// assert!(builder().build().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Handshake {
    /// Meta (WhatsApp, Instagram, Messenger): `GET ?hub.mode=subscribe&hub.verify_token=..&hub.challenge=..`,
    /// unsigned. The token is compared with the one of
    /// [`ReceiverBuilder::verify_token`](crate::ReceiverBuilder::verify_token), and the challenge sent
    /// back.
    ///
    /// <https://developers.facebook.com/docs/graph-api/webhooks/getting-started>, read 2026-11-27.
    HubChallenge,
    /// X: `GET ?crc_token=..`, unsigned, at registration and every hour. The answer is JSON with
    /// `sha256=` and the base64 of the token's HMAC-SHA256 under the newest key.
    ///
    /// That is the signature that X puts on a body, so whoever asks gets a signature over what they
    /// like. Therefore a token is 1 to 256 letters, digits and `-._~+/=`, and **a body that could be
    /// such a token is refused** though its signature is right. A scheme that signs more than the body
    /// needs a literal with another character in it.
    ///
    /// <https://docs.x.com/x-api/webhooks/quickstart>, read 2026-11-27.
    CrcToken,
    /// Dropbox (`challenge`): `GET ?challenge=..`, unsigned, sent back.
    ///
    /// <https://www.dropbox.com/developers/reference/webhooks>, read 2026-11-27.
    QueryChallenge {
        /// The name of the query's parameter.
        parameter: &'static str,
    },
    /// Okta's event hooks: `GET` with `X-Okta-Verification-Challenge`, unsigned, sent back as JSON:
    /// `{"verification":".."}`. A challenge is 1 to 256 letters, digits and `-._~+/=`, which mean nothing in
    /// JSON.
    ///
    /// <https://developer.okta.com/docs/concepts/event-hooks>, from its source
    /// (`okta/okta-developer-docs`), read 2026-11-27.
    HeaderChallenge {
        /// The header that holds the challenge.
        header: &'static str,
        /// The name under which it is sent back.
        field: &'static str,
    },
    /// Microsoft Graph: `POST ?validationToken=..`, unsigned, without a body; the decoded token is sent
    /// back. A request with a body or a signature is a delivery, whatever its query says.
    ///
    /// <https://learn.microsoft.com/graph/change-notifications-delivery-webhooks>, read 2026-11-27.
    ValidationToken,
    /// A signed POST whose body holds a challenge that is sent back as text.
    ///
    /// Slack: `/type` is `url_verification`, and the challenge is at `/challenge`. Twitch:
    /// `/subscription/status` is `webhook_callback_verification_pending`, and the challenge is at
    /// `/challenge`; the header that says so, too, is not signed and therefore not asked.
    ///
    /// <https://api.slack.com/events/url_verification> and
    /// <https://dev.twitch.tv/docs/eventsub/handling-webhook-events>, read 2026-11-27.
    BodyChallenge {
        /// Where the signed body says that it is a handshake.
        at: &'static str,
        /// What it says there.
        is: &'static str,
        /// Where the challenge is.
        challenge: &'static str,
    },
    /// Feishu and Lark without an Encrypt Key: a POST whose `/type` is `url_verification`, with a `/challenge` and
    /// the [token of the body](super::Scheme::token_in_body) at `/token`, where deliveries have it elsewhere. The answer is
    /// JSON with the challenge under `challenge`.
    ///
    /// Only for schemes whose token is in the body. What has the token in this place is this question or nothing.
    ///
    /// <https://open.feishu.cn/document/event-subscription-guide/event-subscription-configure-/request-url-configuration-case>,
    /// read 2026-11-27 in a mirror of it.
    TokenChallenge {
        /// Where the body says that it is a handshake.
        at: &'static str,
        /// What it says there.
        is: &'static str,
        /// Where the token is.
        token: &'static str,
        /// Where the challenge is.
        challenge: &'static str,
    },
    /// Zoom: a signed POST whose `/event` is `endpoint.url_validation`. The answer is JSON with
    /// `/payload/plainToken` and the hexadecimal HMAC-SHA256 of it, under the key that the request was
    /// signed with. A token is 1 to 256 letters, digits and `-._~+/=`.
    ///
    /// Zoom's own sample (<https://github.com/zoom/webhook-sample>, `index.js`) checks the signature of
    /// this request like that of every other, and its changelog has the 72 hours after which it comes
    /// again; read 2026-11-27. The page <https://developers.zoom.us/docs/api/webhooks> itself was not at
    /// hand.
    EncryptedToken,
    /// A signed POST that wants an answer of its own.
    ///
    /// Discord's interactions: `/type` is `1`, answered `{"type":1}`. Discord's webhook events: `/type`
    /// is `0`, answered 204. Discord also sends wrong signatures on purpose, which must get 401.
    ///
    /// <https://docs.discord.com/developers/events/webhook-events>, read 2026-11-27 in part and in mirrors
    /// of it; that of interactions from Discord's libraries (`discord-interactions` of npm and PyPI).
    SignedPing {
        /// Where the signed body says that it is a ping.
        at: &'static str,
        /// What it says there; a number as its digits.
        is: &'static str,
        /// What the sender wants to read.
        answer: PingAnswer,
    },
    /// Xero: signed POSTs whose `/events` is an empty list, answered 200, and the same with wrong
    /// signatures, which must get 401.
    ///
    /// <https://developer.xero.com/documentation/webhooks/configuring-your-server>, read 2026-11-27.
    IntentToReceive,
    /// Amazon SNS: a signed POST whose `/Type` is `SubscriptionConfirmation` (or
    /// `UnsubscribeConfirmation`). It is given to
    /// [`ReceiverBuilder::on_offer`](crate::ReceiverBuilder::on_offer): the application confirms with
    /// its own client, and checks first that the topic is its own. The library fetches nothing.
    ///
    /// <https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html>, read
    /// 2026-11-27.
    Confirmation {
        /// Where the signed body says that it is one.
        at: &'static str,
        /// What it may say there.
        is: &'static [&'static str],
    },
    /// Notion: an unsigned POST with `/verification_token`, which becomes the signing key. It is given
    /// to [`ReceiverBuilder::on_offer`](crate::ReceiverBuilder::on_offer), and becomes nothing by
    /// itself: anybody can send one.
    ///
    /// <https://developers.notion.com/reference/webhooks>, read 2026-11-27.
    VerificationToken,
    /// Asana: an unsigned POST with the header `X-Hook-Secret`, which is sent back and becomes the
    /// signing key. It is given to
    /// [`ReceiverBuilder::on_offer`](crate::ReceiverBuilder::on_offer), and becomes nothing by itself:
    /// anybody can send one.
    ///
    /// <https://developers.asana.com/docs/establish-a-webhook>, read 2026-11-27.
    HookSecret,
    /// WooCommerce (`webhook_id`): an unsigned form of one field that is a number, when a webhook is
    /// created. Answered 200.
    ///
    /// `deliver_ping` in WooCommerce's `class-wc-webhook.php`, read 2026-11-27.
    FormPing {
        /// The name of the only field.
        field: &'static str,
    },
    /// Mandrill, Trello, SurveyMonkey, Intercom: a HEAD request, answered 200.
    ///
    /// <https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks> and Mandrill's "Why can't
    /// my webhook or inbound route URL be verified", read 2026-11-27; SurveyMonkey's and Intercom's were
    /// not found on a page of theirs.
    Probe,
    /// CloudEvents' abuse protection (Azure Event Grid: `eventgrid.azure.net`): an OPTIONS request with
    /// `WebHook-Request-Origin`, answered with `WebHook-Allowed-Origin` where the origin is listed, and
    /// with `WebHook-Allowed-Rate: *`. `WebHook-Request-Callback` is never fetched.
    ///
    /// <https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md>, section 4, read
    /// 2026-11-27.
    AbuseProtection {
        /// The senders' names that may send here.
        origins: &'static [&'static str],
    },
}

/// What a sender wants to read in answer to a [signed ping](Handshake::SignedPing).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PingAnswer {
    /// 204 without a body.
    NoContent,
    /// 200 with this JSON.
    Json(&'static str),
}

/// The header of [`Handshake::HookSecret`].
pub(crate) const HOOK_SECRET: &str = "X-Hook-Secret";

impl Handshake {
    /// Its name in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HubChallenge => "hub-challenge",
            Self::CrcToken => "crc-token",
            Self::QueryChallenge { .. } => "query-challenge",
            Self::HeaderChallenge { .. } => "header-challenge",
            Self::ValidationToken => "validation-token",
            Self::BodyChallenge { .. } => "body-challenge",
            Self::TokenChallenge { .. } => "token-challenge",
            Self::EncryptedToken => "encrypted-token",
            Self::SignedPing { .. } => "signed-ping",
            Self::IntentToReceive => "intent-to-receive",
            Self::Confirmation { .. } => "confirmation",
            Self::VerificationToken => "verification-token",
            Self::HookSecret => "hook-secret",
            Self::FormPing { .. } => "form-ping",
            Self::Probe => "probe",
            Self::AbuseProtection { .. } => "abuse-protection",
        }
    }

    /// Whether the application must hear of it.
    pub(crate) const fn is_offer(self) -> bool {
        matches!(
            self,
            Self::Confirmation { .. } | Self::VerificationToken | Self::HookSecret
        )
    }

    /// Whether its sender tries wrong signatures, and expects 401.
    pub(crate) const fn needs_401(self) -> bool {
        matches!(self, Self::SignedPing { .. } | Self::IntentToReceive)
    }

    /// Whether its answer is a MAC of something that the request holds.
    pub(super) const fn signs(self) -> bool {
        matches!(self, Self::CrcToken | Self::EncryptedToken)
    }

    /// A bit for each method but POST.
    pub(super) const fn method(self) -> usize {
        match self {
            Self::HubChallenge
            | Self::CrcToken
            | Self::QueryChallenge { .. }
            | Self::HeaderChallenge { .. } => 1,
            Self::Probe => 2,
            Self::AbuseProtection { .. } => 4,
            _ => 0,
        }
    }

    pub(super) const fn is_valid(self) -> bool {
        match self {
            Self::QueryChallenge { parameter } => is_parameter(parameter),
            Self::HeaderChallenge { header, field } => {
                is_header_name(header) && is_parameter(field)
            }
            Self::FormPing { field } => is_parameter(field),
            Self::BodyChallenge { at, is, challenge } => {
                is_pointer(at) && is_pointer(challenge) && !is.is_empty()
            }
            Self::TokenChallenge {
                at,
                is,
                token,
                challenge,
            } => is_pointer(at) && is_pointer(token) && is_pointer(challenge) && !is.is_empty(),
            Self::SignedPing { at, is, .. } => is_pointer(at) && !is.is_empty(),
            Self::Confirmation { at, is } => is_pointer(at) && is_list(is),
            Self::AbuseProtection { origins } => {
                let mut at = 0;
                let mut valid = !origins.is_empty();
                while at < origins.len() {
                    valid = valid && is_origin(origins[at]);
                    at += 1;
                }
                valid
            }
            _ => true,
        }
    }
}

/// The name of a parameter or field that means the same encoded or not.
const fn is_parameter(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !(bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'-' | b'.' | b'_')) {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty()
}

const fn is_list(values: &[&str]) -> bool {
    let mut at = 0;
    while at < values.len() {
        if values[at].is_empty() {
            return false;
        }
        at += 1;
    }
    !values.is_empty()
}

/// A name of the DNS: what a parameter's name may hold, and no blank or separator.
const fn is_origin(name: &str) -> bool {
    is_parameter(name)
}

const _: () = assert!(is_header_name(HOOK_SECRET));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::{Scheme, SchemeBuilder, SchemeError};

    const fn scheme(handshakes: &'static [Handshake]) -> SchemeBuilder {
        Scheme::body_hmac("X-Sig")
            .id_header("X-Id")
            .handshakes(handshakes)
    }

    #[test]
    fn handshakes_that_could_not_be_read_do_not_build() {
        use Handshake::{
            AbuseProtection, BodyChallenge, Confirmation, FormPing, HeaderChallenge,
            QueryChallenge, SignedPing,
        };
        const ANSWER: PingAnswer = PingAnswer::NoContent;
        let wrong: &[&'static [Handshake]] = &[
            &[QueryChallenge { parameter: "" }],
            &[QueryChallenge { parameter: "a b" }],
            &[HeaderChallenge {
                header: "",
                field: "a",
            }],
            &[HeaderChallenge {
                header: "X A",
                field: "a",
            }],
            &[HeaderChallenge {
                header: "X-A",
                field: "a\":\"",
            }],
            &[HeaderChallenge {
                header: "X-A",
                field: "",
            }],
            &[FormPing { field: "a=b" }],
            &[BodyChallenge {
                at: "type",
                is: "a",
                challenge: "/c",
            }],
            &[BodyChallenge {
                at: "/type",
                is: "",
                challenge: "/c",
            }],
            &[BodyChallenge {
                at: "/type",
                is: "a",
                challenge: "",
            }],
            &[SignedPing {
                at: "/a//b",
                is: "1",
                answer: ANSWER,
            }],
            &[Confirmation {
                at: "/Type",
                is: &[],
            }],
            &[AbuseProtection { origins: &[] }],
            &[Handshake::Probe, AbuseProtection { origins: &["a, b"] }],
        ];
        for handshakes in wrong {
            let built = scheme(handshakes).build();
            assert_eq!(built, Err(SchemeError::InvalidHandshake), "{handshakes:?}");
        }
    }
}
