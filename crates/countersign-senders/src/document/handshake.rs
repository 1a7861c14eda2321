//! Handshakes in documents.

use countersign_core::scheme::{Handshake, PingAnswer};
use serde::Deserialize;

use super::{
    DocumentError, intern,
    write::{list, table, text},
};

/// A handshake as a document has it: its kind, and what that kind needs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HandshakeTable {
    kind: Kind,
    parameter: Option<String>,
    field: Option<String>,
    at: Option<String>,
    #[serde(default)]
    is: Vec<String>,
    challenge: Option<String>,
    /// JSON; none is 204.
    answer: Option<String>,
    #[serde(default)]
    origins: Vec<String>,
}

/// The names are those of [`Handshake::as_str`].
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    HubChallenge,
    CrcToken,
    QueryChallenge,
    ValidationToken,
    BodyChallenge,
    EncryptedToken,
    SignedPing,
    IntentToReceive,
    Confirmation,
    VerificationToken,
    HookSecret,
    FormPing,
    Probe,
    AbuseProtection,
}

impl HandshakeTable {
    pub(super) fn handshake(&self) -> Result<Handshake, DocumentError> {
        let text = |value: &Option<String>| value.as_deref().map(intern::text);
        let (parameter, field) = (text(&self.parameter), text(&self.field));
        let (at, challenge, answer) = (text(&self.at), text(&self.challenge), text(&self.answer));
        let lists = (intern::texts(&self.is), intern::texts(&self.origins));
        let all = (parameter, field, at, challenge, answer, lists);
        Ok(match (self.kind, all) {
            (Kind::HubChallenge, (None, None, None, None, None, ([], []))) => {
                Handshake::HubChallenge
            }
            (Kind::CrcToken, (None, None, None, None, None, ([], []))) => Handshake::CrcToken,
            (Kind::ValidationToken, (None, None, None, None, None, ([], []))) => {
                Handshake::ValidationToken
            }
            (Kind::EncryptedToken, (None, None, None, None, None, ([], []))) => {
                Handshake::EncryptedToken
            }
            (Kind::IntentToReceive, (None, None, None, None, None, ([], []))) => {
                Handshake::IntentToReceive
            }
            (Kind::VerificationToken, (None, None, None, None, None, ([], []))) => {
                Handshake::VerificationToken
            }
            (Kind::HookSecret, (None, None, None, None, None, ([], []))) => Handshake::HookSecret,
            (Kind::Probe, (None, None, None, None, None, ([], []))) => Handshake::Probe,
            (Kind::QueryChallenge, (Some(parameter), None, None, None, None, ([], []))) => {
                Handshake::QueryChallenge { parameter }
            }
            (Kind::FormPing, (None, Some(field), None, None, None, ([], []))) => {
                Handshake::FormPing { field }
            }
            (Kind::BodyChallenge, (None, None, Some(at), Some(challenge), None, ([is], []))) => {
                Handshake::BodyChallenge { at, is, challenge }
            }
            (Kind::SignedPing, (None, None, Some(at), None, answer, ([is], []))) => {
                let answer = answer.map_or(PingAnswer::NoContent, PingAnswer::Json);
                Handshake::SignedPing { at, is, answer }
            }
            (Kind::Confirmation, (None, None, Some(at), None, None, (is, []))) => {
                Handshake::Confirmation { at, is }
            }
            (Kind::AbuseProtection, (None, None, None, None, None, ([], origins))) => {
                Handshake::AbuseProtection { origins }
            }
            _ => {
                return Err(DocumentError::Keys(
                    "a handshake needs the keys of its kind and no other: `parameter` for query-challenge; \
                     `field` for form-ping; `at`, one `is` and `challenge` for body-challenge; `at`, one \
                     `is` and perhaps `answer` for signed-ping; `at` and `is` for confirmation; `origins` \
                     for abuse-protection",
                ));
            }
        })
    }
}

/// A handshake as [`HandshakeTable`] reads it.
pub(super) fn write(handshake: Handshake) -> String {
    let mut fields = vec![("kind", text(handshake.as_str()))];
    match handshake {
        Handshake::QueryChallenge { parameter } => fields.push(("parameter", text(parameter))),
        Handshake::FormPing { field } => fields.push(("field", text(field))),
        Handshake::BodyChallenge { at, is, challenge } => fields.extend([
            ("at", text(at)),
            ("is", list(&[is])),
            ("challenge", text(challenge)),
        ]),
        Handshake::SignedPing { at, is, answer } => {
            fields.extend([("at", text(at)), ("is", list(&[is]))]);
            if let PingAnswer::Json(json) = answer {
                fields.push(("answer", text(json)));
            }
        }
        Handshake::Confirmation { at, is } => {
            fields.extend([("at", text(at)), ("is", list(is))]);
        }
        Handshake::AbuseProtection { origins } => fields.push(("origins", list(origins))),
        _ => {}
    }
    table(&fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_as_it_is_written() {
        let all = [
            Handshake::HubChallenge,
            Handshake::CrcToken,
            Handshake::QueryChallenge { parameter: "a" },
            Handshake::ValidationToken,
            Handshake::BodyChallenge {
                at: "/a",
                is: "b",
                challenge: "/c",
            },
            Handshake::EncryptedToken,
            Handshake::SignedPing {
                at: "/a",
                is: "1",
                answer: PingAnswer::NoContent,
            },
            Handshake::SignedPing {
                at: "/a",
                is: "1",
                answer: PingAnswer::Json(r#"{"type":1}"#),
            },
            Handshake::IntentToReceive,
            Handshake::Confirmation {
                at: "/a",
                is: &["b", "c"],
            },
            Handshake::VerificationToken,
            Handshake::HookSecret,
            Handshake::FormPing { field: "a" },
            Handshake::Probe,
            Handshake::AbuseProtection {
                origins: &["example.com"],
            },
        ];
        #[derive(Deserialize)]
        struct Page {
            handshakes: Vec<HandshakeTable>,
        }
        for handshake in all {
            let page = format!("handshakes = [{}]", write(handshake));
            let page: Page = toml::from_str(&page).unwrap();
            assert_eq!(page.handshakes[0].handshake().unwrap(), handshake);
        }
        for wrong in [
            r#"{ kind = "probe", at = "/a" }"#,
            r#"{ kind = "query-challenge" }"#,
            r#"{ kind = "body-challenge", at = "/a", is = ["b", "c"], challenge = "/c" }"#,
            r#"{ kind = "signed-ping", is = ["b"] }"#,
        ] {
            let page: Page = toml::from_str(&format!("handshakes = [{wrong}]")).unwrap();
            let error = page.handshakes[0].handshake().unwrap_err();
            assert!(
                error.to_string().contains("the keys of its kind"),
                "{wrong}"
            );
        }
    }
}
