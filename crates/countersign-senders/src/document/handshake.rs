//! Handshakes in documents.

use countersign_core::scheme::{Handshake, PingAnswer};
use serde::Deserialize;

use super::{
    intern,
    write::{list, table, text},
};

/// A handshake as a document has it: its kind, named as by [`Handshake::as_str`], and what that kind needs. Those
/// that need nothing are tables, too, so that a key too many is refused.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum HandshakeTable {
    HubChallenge {},
    CrcToken {},
    QueryChallenge {
        parameter: String,
    },
    HeaderChallenge {
        header: String,
        field: String,
    },
    ValidationToken {},
    BodyChallenge {
        at: String,
        is: String,
        challenge: String,
    },
    TokenChallenge {
        at: String,
        is: String,
        token: String,
        challenge: String,
    },
    EncryptedToken {},
    SignedPing {
        at: String,
        is: String,
        /// JSON; none is 204.
        answer: Option<String>,
    },
    IntentToReceive {},
    Confirmation {
        at: String,
        is: Vec<String>,
    },
    VerificationToken {},
    HookSecret {},
    FormPing {
        field: String,
    },
    Probe {},
    AbuseProtection {
        origins: Vec<String>,
    },
}

impl HandshakeTable {
    pub(super) fn handshake(&self) -> Handshake {
        let text = |value: &String| intern::text(value);
        match self {
            Self::HubChallenge {} => Handshake::HubChallenge,
            Self::CrcToken {} => Handshake::CrcToken,
            Self::QueryChallenge { parameter } => Handshake::QueryChallenge {
                parameter: text(parameter),
            },
            Self::HeaderChallenge { header, field } => Handshake::HeaderChallenge {
                header: text(header),
                field: text(field),
            },
            Self::ValidationToken {} => Handshake::ValidationToken,
            Self::BodyChallenge { at, is, challenge } => Handshake::BodyChallenge {
                at: text(at),
                is: text(is),
                challenge: text(challenge),
            },
            Self::TokenChallenge {
                at,
                is,
                token,
                challenge,
            } => Handshake::TokenChallenge {
                at: text(at),
                is: text(is),
                token: text(token),
                challenge: text(challenge),
            },
            Self::EncryptedToken {} => Handshake::EncryptedToken,
            Self::SignedPing { at, is, answer } => Handshake::SignedPing {
                at: text(at),
                is: text(is),
                answer: match answer {
                    Some(json) => PingAnswer::Json(text(json)),
                    None => PingAnswer::NoContent,
                },
            },
            Self::IntentToReceive {} => Handshake::IntentToReceive,
            Self::Confirmation { at, is } => Handshake::Confirmation {
                at: text(at),
                is: intern::texts(is),
            },
            Self::VerificationToken {} => Handshake::VerificationToken,
            Self::HookSecret {} => Handshake::HookSecret,
            Self::FormPing { field } => Handshake::FormPing { field: text(field) },
            Self::Probe {} => Handshake::Probe,
            Self::AbuseProtection { origins } => Handshake::AbuseProtection {
                origins: intern::texts(origins),
            },
        }
    }
}

/// A handshake as [`HandshakeTable`] reads it.
pub(super) fn write(handshake: Handshake) -> String {
    let mut fields = vec![("kind", text(handshake.as_str()))];
    match handshake {
        Handshake::QueryChallenge { parameter } => fields.push(("parameter", text(parameter))),
        Handshake::HeaderChallenge { header, field } => {
            fields.extend([("header", text(header)), ("field", text(field))]);
        }
        Handshake::FormPing { field } => fields.push(("field", text(field))),
        Handshake::BodyChallenge { at, is, challenge } => fields.extend([
            ("at", text(at)),
            ("is", text(is)),
            ("challenge", text(challenge)),
        ]),
        Handshake::TokenChallenge {
            at,
            is,
            token,
            challenge,
        } => fields.extend([
            ("at", text(at)),
            ("is", text(is)),
            ("token", text(token)),
            ("challenge", text(challenge)),
        ]),
        Handshake::SignedPing { at, is, answer } => {
            fields.extend([("at", text(at)), ("is", text(is))]);
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
            Handshake::HeaderChallenge {
                header: "X-A",
                field: "b",
            },
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
            assert_eq!(page.handshakes[0].handshake(), handshake);
        }
        for (wrong, named) in [
            (r#"{ kind = "probe", at = "/a" }"#, "`at`"),
            (r#"{ kind = "query-challenge" }"#, "`parameter`"),
            (
                r#"{ kind = "header-challenge", header = "X-A" }"#,
                "`field`",
            ),
            (r#"{ kind = "signed-ping", is = "b" }"#, "`at`"),
            (
                r#"{ kind = "confirmation", at = "/a", is = "b" }"#,
                "sequence",
            ),
            (r#"{ kind = "knock" }"#, "`hook-secret`"),
            (r#"{ at = "/a" }"#, "`kind`"),
        ] {
            let page = toml::from_str::<Page>(&format!("handshakes = [{wrong}]"));
            let error = page.err().unwrap().to_string();
            assert!(error.contains("line 1") && error.contains(named), "{error}");
        }
    }
}
