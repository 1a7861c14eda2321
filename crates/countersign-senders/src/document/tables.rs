//! The tables of a document, as serde reads them.

use serde::Deserialize;

use super::{
    handshake::HandshakeTable,
    values::{Span, Template},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) name: String,
    #[serde(default)]
    pub(super) evidence: String,
    pub(super) signature: Signature,
    #[serde(default)]
    pub(super) key: Key,
    pub(super) signed: Option<Template>,
    #[serde(default)]
    pub(super) json_body: bool,
    pub(super) gzip: Option<GzipName>,
    pub(super) time: Option<Time>,
    pub(super) id: Option<Location>,
    pub(super) event: Option<Location>,
    pub(super) id_copy: Option<String>,
    pub(super) event_copy: Option<String>,
    pub(super) attempt_header: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) identical_bodies: Option<Bodies>,
    #[serde(default)]
    pub(super) content_key: Vec<String>,
    #[serde(default)]
    pub(super) events: Vec<Event>,
    #[serde(default)]
    pub(super) unlisted_events_once: bool,
    #[serde(default)]
    pub(super) pings: Vec<String>,
    #[serde(default)]
    pub(super) handshakes: Vec<HandshakeTable>,
    pub(super) batch: Option<String>,
    pub(super) done_body: Option<String>,
    pub(super) content_types: Option<Vec<String>>,
    pub(super) form_field: Option<String>,
    pub(super) body_limit: Option<usize>,
    pub(super) retry_span: Option<Span>,
    pub(super) response_budget: Option<Span>,
    pub(super) switch_off_after: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signature {
    pub(super) header: Option<String>,
    pub(super) token_in_body: Option<String>,
    #[serde(default)]
    pub(super) first_of: Vec<String>,
    #[serde(default)]
    pub(super) all_of: Vec<String>,
    #[serde(default)]
    pub(super) repeated: bool,
    #[serde(default)]
    pub(super) numbered: bool,
    pub(super) prefix: Option<String>,
    pub(super) optional_prefix: Option<String>,
    pub(super) pairs: Option<Pairs>,
    pub(super) versions: Option<Vec<String>>,
    pub(super) time_then_tags: Option<char>,
    #[serde(default)]
    pub(super) algorithm: AlgorithmName,
    #[serde(default)]
    pub(super) encoding: EncodingName,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pairs {
    pub(super) separator: char,
    pub(super) tags: Vec<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
pub(super) enum AlgorithmName {
    #[default]
    #[serde(rename = "hmac-sha256")]
    Sha256,
    #[serde(rename = "hmac-sha512")]
    Sha512,
    #[serde(rename = "hmac-sha384")]
    Sha384,
    #[serde(rename = "hmac-sha1")]
    Sha1,
    #[serde(rename = "sha256")]
    PlainSha256,
    #[serde(rename = "sha1")]
    PlainSha1,
    #[serde(rename = "ed25519")]
    Ed25519,
    #[serde(rename = "ecdsa-p256-sha256")]
    EcdsaP256Sha256,
    #[serde(rename = "rsa-sha256")]
    RsaSha256,
    #[serde(rename = "token")]
    Token,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum EncodingName {
    #[default]
    Hex,
    Base64,
    Base64url,
    Text,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    #[serde(default)]
    pub(super) format: KeyName,
    pub(super) prefix: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KeyName {
    #[default]
    Text,
    Hex,
    Base64,
    Public,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Time {
    pub(super) header: Option<String>,
    pub(super) signature_key: Option<String>,
    pub(super) pointer: Option<String>,
    #[serde(default)]
    pub(super) unit: UnitName,
    pub(super) digits: Option<usize>,
    pub(super) past: Option<Span>,
    pub(super) future: Option<Span>,
    #[serde(default)]
    pub(super) retries: RetriesName,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UnitName {
    #[default]
    Seconds,
    Milliseconds,
    Rfc3339,
    Rfc3339WithoutZone,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RetriesName {
    #[default]
    Unknown,
    Kept,
    Renewed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Location {
    pub(super) length: Option<usize>,
    pub(super) header: Option<String>,
    pub(super) pointer: Option<String>,
    #[serde(default)]
    pub(super) must_be_signed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Bodies {
    Events,
    Copies(Span),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum GzipName {
    SignedBefore,
    SignedAfter,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    pub(super) name: String,
    #[serde(default)]
    pub(super) once: bool,
    pub(super) when: Option<When>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    pub(super) pointer: String,
    pub(super) values: Vec<String>,
}
