//! Schemes from a document, for senders that are configuration and not code.
//!
//! Everything that [`SchemeBuilder`] says can be said in TOML, and what could not prove anything is refused with
//! the same words, and with the document's own where they differ. A misspelt key is refused, too. Texts are kept for as long as the program runs, each once.
//!
//! ```
//! use countersign_core::{Secret, Timestamp, Verifier};
//! use countersign_senders::document;
//!
//! let acme = document::from_toml(
//!     r#"
//!     name = "acme"
//!     signature = { header = "X-Acme-Signature", prefix = "sha256=" }
//!     id = { header = "X-Acme-Delivery" }
//!     event = { pointer = "/type" }
//!     retry_span = "24h"
//!     "#,
//! )?;
//! assert_eq!(acme.signature_header(), "X-Acme-Signature");
//!
//! let verifier = Verifier::builder(acme).secret(Secret::new("secret")?).build()?;
//! let request = http::Request::post("/").header("X-Acme-Signature", "sha256=00").body(())?;
//! assert!(verifier.verify(&request, "{}".into(), Timestamp::now()).is_err());
//!
//! let wrong = document::from_toml("name = \"acme\"\nsignature = { header = \"X-Sig\" }\n");
//! assert!(wrong.unwrap_err().to_string().contains("no id: are two equal bodies a retry"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::{error::Error, fmt};

use countersign_core::{
    Algorithm,
    scheme::{
        Compression, Encoding, EventRule, IdenticalBodies, KeyFormat, RetryTime, Scheme,
        SchemeBuilder, SchemeError, Tolerance,
    },
};

mod handshake;
mod intern;
mod tables;
mod values;
mod words;
mod write;

use handshake::HandshakeTable;
use tables::{
    AlgorithmName, Bodies, Document, EncodingName, Event, GzipName, Key, KeyName, Pairs,
    RetriesName, Signature, Time, UnitName, When,
};
use values::{Span, Template};
pub use write::to_toml;

/// Reads a scheme.
///
/// # Errors
///
/// When the text is no TOML, has a key or a value that nothing knows (the message says the line), or describes a
/// scheme that could not prove anything.
pub fn from_toml(text: &str) -> Result<Scheme, DocumentError> {
    let document: Document =
        toml::from_str(text).map_err(|error| DocumentError::Text(Box::new(error)))?;
    document.scheme()
}

/// Why a document is no scheme.
#[derive(Debug)]
#[non_exhaustive]
pub enum DocumentError {
    /// It cannot be read: the message names line, column and key.
    Text(Box<dyn Error + Send + Sync>),
    /// Two keys that exclude each other, or one that needs another.
    Keys(&'static str),
    /// What it says could not prove anything, or is ambiguous.
    Scheme(SchemeError),
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(error) => write!(f, "{}", error.to_string().trim_end()),
            Self::Keys(message) => f.write_str(message),
            Self::Scheme(error) => {
                fmt::Display::fmt(error, f)?;
                match words::in_a_document(*error) {
                    Some(words) => write!(f, " (in a document: {words})"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// The message is the cause's own, so there is no source to print twice.
impl Error for DocumentError {}

/// How many of several exclusive keys are there.
fn given(keys: &[bool]) -> usize {
    keys.iter().filter(|given| **given).count()
}

impl Document {
    fn scheme(&self) -> Result<Scheme, DocumentError> {
        let mut builder = self.signature.builder()?;
        builder = builder
            .name(intern::text(&self.name))
            .evidence(intern::text(&self.evidence))
            .key_format(self.key.format()?);
        if let Some(Template(parts)) = self.signed {
            builder = builder.signed(parts);
        } else if matches!(self.signature.algorithm, AlgorithmName::Token) {
            builder = builder.signed(&[]);
        }
        if self.json_body {
            builder = builder.json_body();
        }
        if let Some(gzip) = self.gzip {
            builder = builder.gzip(match gzip {
                GzipName::SignedBefore => Compression::SignedBefore,
                GzipName::SignedAfter => Compression::SignedAfter,
            });
        }
        if let Some(time) = &self.time {
            builder = time.add_to(builder, self.signature.time_then_tags.is_some())?;
            if let Some(digits) = time.digits {
                builder = builder.time_digits(digits);
            }
        } else if self.signature.time_then_tags.is_some() {
            return Err(DocumentError::Keys(
                "`signature.time_then_tags` needs `time`, with its unit",
            ));
        }
        builder = self.identity(builder)?;
        if !self.handshakes.is_empty() {
            let handshakes = self.handshakes.iter().map(HandshakeTable::handshake);
            builder = builder.handshakes(intern::handshakes(handshakes.collect()));
        }
        self.rest(builder).build().map_err(DocumentError::Scheme)
    }

    fn identity(&self, mut builder: SchemeBuilder) -> Result<SchemeBuilder, DocumentError> {
        if let Some(id) = &self.id {
            builder = match (&id.header, &id.pointer) {
                (Some(header), None) if id.must_be_signed => {
                    builder.signed_id_header(intern::text(header))
                }
                (Some(header), None) => builder.id_header(intern::text(header)),
                (None, Some(pointer)) => builder.id_pointer(intern::text(pointer)),
                _ => {
                    return Err(DocumentError::Keys(
                        "`id` needs either `header` or `pointer`, and not both",
                    ));
                }
            };
        }
        if let Some(length) = self.id.as_ref().and_then(|id| id.length) {
            builder = builder.id_length(length);
        }
        if self
            .event
            .as_ref()
            .is_some_and(|event| event.length.is_some())
        {
            return Err(DocumentError::Keys("`length` is a key of `id` only"));
        }
        if let Some(event) = &self.event {
            builder = match (&event.header, &event.pointer, event.must_be_signed) {
                (Some(header), None, false) => builder.event_header(intern::text(header)),
                (None, Some(pointer), false) => builder.event_pointer(intern::text(pointer)),
                (_, _, true) => {
                    return Err(DocumentError::Keys(
                        "`must_be_signed` is a key of `id` only",
                    ));
                }
                _ => {
                    return Err(DocumentError::Keys(
                        "`event` needs either `header` or `pointer`, and not both",
                    ));
                }
            };
        }
        Ok(match self.identical_bodies {
            Some(Bodies::Events) => builder.identical_bodies(IdenticalBodies::Events),
            Some(Bodies::Copies(Span(within))) => {
                builder.identical_bodies(IdenticalBodies::Copies { within })
            }
            None => builder,
        })
    }

    fn rest(&self, mut builder: SchemeBuilder) -> SchemeBuilder {
        if let Some(name) = &self.id_copy {
            builder = builder.id_copy(intern::text(name));
        }
        if let Some(name) = &self.event_copy {
            builder = builder.event_copy(intern::text(name));
        }
        if let Some(name) = &self.attempt_header {
            builder = builder.attempt_header(intern::text(name));
        }
        if let Some(pointer) = &self.subject {
            builder = builder.subject_pointer(intern::text(pointer));
        }
        let rules = self.events.iter().map(Event::rule).collect();
        builder = builder.events(intern::events(rules));
        if self.unlisted_events_once {
            builder = builder.unlisted_events_once();
        }
        if !self.content_key.is_empty() {
            builder = builder.content_key(intern::texts(&self.content_key));
        }
        builder = builder.pings(intern::texts(&self.pings));
        if let Some(pointer) = &self.batch {
            builder = builder.batch(intern::text(pointer));
        }
        if let Some(text) = &self.done_body {
            builder = builder.done_body(intern::text(text));
        }
        if let Some(types) = &self.content_types {
            builder = builder.content_types(intern::texts(types));
        }
        if let Some(field) = &self.form_field {
            builder = builder.form_field(intern::text(field));
        }
        if let Some(bytes) = self.body_limit {
            builder = builder.body_limit(bytes);
        }
        if let Some(Span(span)) = self.retry_span {
            builder = builder.retry_span(span);
        }
        if let Some(Span(budget)) = self.response_budget {
            builder = builder.response_budget(budget);
        }
        if let Some(failures) = self.switch_off_after {
            builder = builder.switch_off_after(failures);
        }
        builder
    }
}

impl Signature {
    fn builder(&self) -> Result<SchemeBuilder, DocumentError> {
        let named = [
            self.header.is_some(),
            !self.first_of.is_empty(),
            !self.all_of.is_empty(),
            self.token_in_body.is_some(),
        ];
        if given(&named) != 1 {
            return Err(DocumentError::Keys(
                "`signature` needs one of `header`, `first_of` and `all_of`, or `token_in_body`",
            ));
        }
        if self.header.is_none() && (self.repeated || self.numbered)
            || self.repeated && self.numbered
        {
            return Err(DocumentError::Keys(
                "`repeated` and `numbered` are about one `header`, and exclude each other",
            ));
        }
        let mut builder = match &self.token_in_body {
            Some(pointer) => Scheme::token_in_body(intern::text(pointer)),
            None => Scheme::body_hmac(intern::text(self.header.as_deref().unwrap_or_default())),
        };
        if !self.first_of.is_empty() {
            builder = builder.any_header_of(intern::texts(&self.first_of));
        }
        if !self.all_of.is_empty() {
            builder = builder.all_headers_of(intern::texts(&self.all_of));
        }
        if self.repeated {
            builder = builder.repeated_header();
        }
        if self.numbered {
            builder = builder.numbered_header();
        }
        let grammars = [
            self.prefix.is_some(),
            self.optional_prefix.is_some(),
            self.pairs.is_some(),
            self.versions.is_some(),
            self.time_then_tags.is_some(),
        ];
        if given(&grammars) > 1 {
            return Err(DocumentError::Keys(
                "`signature` takes one of `prefix`, `optional_prefix`, `pairs`, `versions` and `time_then_tags`",
            ));
        }
        if let Some(prefix) = &self.prefix {
            builder = builder.prefix(intern::text(prefix));
        }
        if let Some(prefix) = &self.optional_prefix {
            builder = builder.optional_prefix(intern::text(prefix));
        }
        if let Some(Pairs { separator, tags }) = &self.pairs {
            builder = builder.pairs(*separator, intern::texts(tags));
        }
        if let Some(versions) = &self.versions {
            builder = builder.versioned(intern::texts(versions));
        }
        if let Some(separator) = self.time_then_tags {
            builder = builder.time_then_tags(separator);
        }
        let algorithm = match self.algorithm {
            AlgorithmName::Sha256 => Algorithm::HmacSha256,
            AlgorithmName::Sha512 => Algorithm::HmacSha512,
            AlgorithmName::Sha384 => Algorithm::HmacSha384,
            AlgorithmName::Sha1 => Algorithm::HmacSha1,
            AlgorithmName::PlainSha256 => Algorithm::PlainSha256,
            AlgorithmName::PlainSha1 => Algorithm::PlainSha1,
            AlgorithmName::Ed25519 => Algorithm::Ed25519,
            AlgorithmName::EcdsaP256Sha256 => Algorithm::EcdsaP256Sha256,
            AlgorithmName::RsaSha256 => Algorithm::RsaSha256,
            AlgorithmName::Token => Algorithm::Token,
        };
        let encoding = match self.encoding {
            EncodingName::Hex => Encoding::Hex,
            EncodingName::Base64 => Encoding::Base64,
            EncodingName::Base64url => Encoding::Base64Url,
            EncodingName::Text => Encoding::Text,
        };
        Ok(builder.algorithm(algorithm).encoding(encoding))
    }
}

impl Key {
    fn format(&self) -> Result<KeyFormat, DocumentError> {
        Ok(match (self.format, &self.prefix) {
            (KeyName::Text, None) => KeyFormat::Text,
            (KeyName::Text, Some(prefix)) => KeyFormat::TextWithPrefix(intern::text(prefix)),
            (KeyName::Hex, None) => KeyFormat::Hex,
            (KeyName::Hex, Some(_)) => {
                return Err(DocumentError::Keys(
                    "`key.prefix` is for text, base64 and public keys",
                ));
            }
            (KeyName::Public, None) => KeyFormat::PublicKey,
            (KeyName::Public, Some(prefix)) => {
                KeyFormat::PublicKeyAfterPrefix(intern::text(prefix))
            }
            (KeyName::Base64, None) => KeyFormat::Base64,
            (KeyName::Base64, Some(prefix)) => KeyFormat::Base64AfterPrefix(intern::text(prefix)),
        })
    }
}

impl Time {
    fn add_to(
        &self,
        mut builder: SchemeBuilder,
        is_first: bool,
    ) -> Result<SchemeBuilder, DocumentError> {
        builder = match (&self.header, &self.signature_key, &self.pointer, is_first) {
            (Some(name), None, None, false) => builder.time_header(intern::text(name)),
            (None, Some(key), None, false) => builder.time_key(intern::text(key)),
            (None, None, Some(pointer), false) => builder.time_pointer(intern::text(pointer)),
            (None, None, None, true) => builder,
            _ => {
                return Err(DocumentError::Keys(
                    "`time` needs one of `header`, `signature_key` and `pointer`, \
                     and none of them with `signature.time_then_tags`",
                ));
            }
        };
        builder = match self.unit {
            UnitName::Seconds => builder,
            UnitName::Milliseconds => builder.time_in_millis(),
            UnitName::Rfc3339 => builder.time_in_rfc3339(),
            UnitName::Rfc3339WithoutZone => builder.time_in_rfc3339_without_zone(),
        };
        builder = builder.retry_time(match self.retries {
            RetriesName::Unknown => RetryTime::Unknown,
            RetriesName::Kept => RetryTime::Kept,
            RetriesName::Renewed => RetryTime::Renewed,
        });
        match (self.past, self.future) {
            (Some(Span(past)), Some(Span(future))) => {
                let Tolerance { past, future } = Tolerance { past, future };
                Ok(builder.tolerances(past, future))
            }
            (None, None) => Ok(builder),
            _ => Err(DocumentError::Keys(
                "`time.past` and `time.future` need each other: give both, such as \"5m\"",
            )),
        }
    }
}

impl Event {
    fn rule(&self) -> EventRule {
        let name = intern::text(&self.name);
        let rule = match self.once {
            true => EventRule::once(name),
            false => EventRule::repeats(name),
        };
        match &self.when {
            Some(When { pointer, values }) => {
                rule.when(intern::text(pointer), intern::texts(values))
            }
            None => rule,
        }
    }
}

#[cfg(test)]
mod tests;
