//! A scheme as a document.

use core::fmt::{self, Write};

use countersign_core::{
    Algorithm,
    scheme::{
        Compression, Encoding, EventRule, Grammar, IdenticalBodies, KeyFormat, Location, Part,
        Place, RetryTime, Scheme, TimeUnit,
    },
};

use super::{
    handshake,
    values::{span, template},
};

/// Writes a scheme down, so that [`from_toml`](super::from_toml) reads the same one: a preset to begin with.
///
/// ```
/// use countersign_senders::{document, messaging};
///
/// let text = document::to_toml(&messaging::SLACK);
/// assert!(text.contains(r#"signed = "v0:{time}:{body}""#));
/// assert_eq!(document::from_toml(&text)?, messaging::SLACK);
/// # Ok::<(), countersign_senders::document::DocumentError>(())
/// ```
#[must_use]
pub fn to_toml(scheme: &Scheme) -> String {
    let mut page = Page(String::new());
    page.line("name", text(scheme.name()));
    if !scheme.evidence().is_empty() {
        page.line("evidence", text(scheme.evidence()));
    }
    // Documents cannot say code: this line is refused when it is read.
    if let Some(procedure) = scheme.procedure() {
        page.line("procedure", text(procedure.name()));
    }
    page.line("signature", table(&signature(scheme)));
    let key = key(scheme);
    if !key.is_empty() {
        page.line("key", table(&key));
    }
    if scheme.signed() != [Part::Body] && !scheme.signed().is_empty() {
        page.line("signed", text(&template(scheme.signed())));
    }
    if scheme.is_json_body() {
        page.line("json_body", "true");
    }
    match scheme.compression() {
        Some(Compression::SignedBefore) => page.line("gzip", text("signed_before")),
        Some(_) => page.line("gzip", text("signed_after")),
        None => {}
    }
    if let Some(unit) = scheme.time_unit() {
        page.line("time", table(&time(scheme, unit)));
    }
    match scheme.id() {
        Some(Place::Header(header)) if scheme.id_is_signed() => {
            let must = ("must_be_signed", "true".to_owned());
            let mut fields = vec![("header", text(header)), must];
            if let Some(length) = scheme.id_length() {
                fields.push(("length", length.to_string()));
            }
            page.line("id", table(&fields));
        }
        id => page.place("id", id),
    }
    page.place("event", scheme.event());
    page.maybe("id_copy", scheme.id_copy());
    page.maybe("event_copy", scheme.event_copy());
    page.maybe("attempt_header", scheme.attempt_header());
    page.maybe("subject", scheme.subject_pointer());
    match scheme.identical_bodies() {
        Some(IdenticalBodies::Copies { within }) => {
            page.line(
                "identical_bodies",
                table(&[("copies", text(&span(within)))]),
            );
        }
        Some(_) => page.line("identical_bodies", text("events")),
        None => {}
    }
    if !scheme.content_key().is_empty() {
        page.line("content_key", list(scheme.content_key()));
    }
    if scheme.unlisted_events_are_once() {
        page.line("unlisted_events_once", "true");
    }
    if !scheme.pings().is_empty() {
        page.line("pings", list(scheme.pings()));
    }
    if !scheme.handshakes().is_empty() {
        let handshakes = scheme.handshakes().iter().copied().map(handshake::write);
        let handshakes: Vec<_> = handshakes.collect();
        page.line("handshakes", format!("[{}]", handshakes.join(", ")));
    }
    page.maybe("batch", scheme.batch());
    page.maybe("done_body", scheme.done_body());
    page.line("content_types", list(scheme.content_types()));
    page.maybe("form_field", scheme.form_field());
    page.line("body_limit", scheme.body_limit());
    page.line("retry_span", text(&span(scheme.retry_span())));
    page.line("response_budget", text(&span(scheme.response_budget())));
    if let Some(failures) = scheme.switch_off_after() {
        page.line("switch_off_after", failures);
    }
    for rule in scheme.events() {
        page.event(rule);
    }
    page.0
}

/// JSON writes strings as TOML does.
pub(super) fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

pub(super) fn list(values: &[&str]) -> String {
    let values: Vec<_> = values.iter().map(|value| text(value)).collect();
    format!("[{}]", values.join(", "))
}

pub(super) fn table(fields: &[(&str, String)]) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    format!("{{ {} }}", fields.join(", "))
}

fn signature(scheme: &Scheme) -> Vec<(&'static str, String)> {
    let mut fields = match scheme.location() {
        Location::AnyOf(names) => vec![("first_of", list(names))],
        Location::AllOf(names) => vec![("all_of", list(names))],
        Location::Body(pointer) if scheme.procedure().is_some() => {
            vec![("pointer", text(pointer))]
        }
        Location::Body(pointer) => vec![("token_in_body", text(pointer))],
        _ => vec![("header", text(scheme.signature_header()))],
    };
    match scheme.location() {
        Location::Repeated(_) => fields.push(("repeated", "true".to_owned())),
        Location::Numbered(_) => fields.push(("numbered", "true".to_owned())),
        _ => {}
    }
    match scheme.grammar() {
        Grammar::Prefix(prefix) => fields.push(("prefix", text(prefix))),
        Grammar::OptionalPrefix(prefix) => fields.push(("optional_prefix", text(prefix))),
        Grammar::Pairs { separator, tags } => {
            let separator = text(separator.encode_utf8(&mut [0; 4]));
            fields.push((
                "pairs",
                table(&[("separator", separator), ("tags", list(tags))]),
            ));
        }
        Grammar::Versioned(versions) => fields.push(("versions", list(versions))),
        Grammar::TimeThenTags { separator } => {
            fields.push(("time_then_tags", text(separator.encode_utf8(&mut [0; 4]))));
        }
        _ => {}
    }
    let algorithm = match scheme.algorithm() {
        Algorithm::HmacSha384 => "hmac-sha384",
        Algorithm::HmacSha512 => "hmac-sha512",
        Algorithm::HmacSha1 => "hmac-sha1",
        Algorithm::PlainSha256 => "sha256",
        Algorithm::PlainSha1 => "sha1",
        Algorithm::Ed25519 => "ed25519",
        Algorithm::EcdsaP256Sha256 => "ecdsa-p256-sha256",
        Algorithm::RsaSha256 => "rsa-sha256",
        Algorithm::Token => "token",
        _ => "",
    };
    if !algorithm.is_empty() {
        fields.push(("algorithm", text(algorithm)));
    }
    match scheme.encoding() {
        Encoding::Base64 => fields.push(("encoding", text("base64"))),
        Encoding::Base64Url => fields.push(("encoding", text("base64url"))),
        Encoding::Text => fields.push(("encoding", text("text"))),
        _ => {}
    }
    fields
}

fn key(scheme: &Scheme) -> Vec<(&'static str, String)> {
    match scheme.key_format() {
        KeyFormat::TextWithPrefix(prefix) => vec![("prefix", text(prefix))],
        KeyFormat::Hex => vec![("format", text("hex"))],
        KeyFormat::Base64 => vec![("format", text("base64"))],
        KeyFormat::PublicKey => vec![("format", text("public"))],
        KeyFormat::PublicKeyAfterPrefix(prefix) => {
            vec![("format", text("public")), ("prefix", text(prefix))]
        }
        KeyFormat::Base64AfterPrefix(prefix) => {
            vec![("format", text("base64")), ("prefix", text(prefix))]
        }
        _ => Vec::new(),
    }
}

fn time(scheme: &Scheme, unit: TimeUnit) -> Vec<(&'static str, String)> {
    let at = [
        ("header", scheme.time_header()),
        ("signature_key", scheme.time_key()),
        ("pointer", scheme.time_pointer()),
    ];
    let mut fields: Vec<_> = at
        .into_iter()
        .filter_map(|(name, value)| Some((name, text(value?))))
        .collect();
    let unit = match unit {
        TimeUnit::Millis => "milliseconds",
        TimeUnit::Rfc3339 => "rfc3339",
        TimeUnit::Rfc3339WithoutZone => "rfc3339_without_zone",
        _ => "seconds",
    };
    fields.push(("unit", text(unit)));
    if let Some(digits) = scheme.time_digits() {
        fields.push(("digits", digits.to_string()));
    }
    if let Some(tolerance) = scheme.tolerance() {
        fields.push(("past", text(&span(tolerance.past))));
        fields.push(("future", text(&span(tolerance.future))));
    }
    match scheme.retry_time() {
        RetryTime::Kept => fields.push(("retries", text("kept"))),
        RetryTime::Renewed => fields.push(("retries", text("renewed"))),
        _ => {}
    }
    fields
}

struct Page(String);

impl Page {
    fn line(&mut self, name: &str, value: impl fmt::Display) {
        // A string takes everything that is written to it.
        let _ = writeln!(self.0, "{name} = {value}");
    }

    fn maybe(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.line(name, text(value));
        }
    }

    fn place(&mut self, name: &str, place: Option<Place>) {
        match place {
            Some(Place::Header(header)) => self.line(name, table(&[("header", text(header))])),
            Some(Place::Body(pointer)) => self.line(name, table(&[("pointer", text(pointer))])),
            _ => {}
        }
    }

    fn event(&mut self, rule: &EventRule) {
        let _ = writeln!(self.0, "\n[[events]]");
        self.line("name", text(rule.name()));
        if rule.is_once() {
            self.line("once", "true");
        }
        if let Some((pointer, values)) = rule.proof() {
            self.line(
                "when",
                table(&[("pointer", text(pointer)), ("values", list(values))]),
            );
        }
    }
}
