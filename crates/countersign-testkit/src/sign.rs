//! Signing as senders do, written apart from the core that checks it.

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE};
use countersign_core::{
    Timestamp,
    scheme::{Encoding, Grammar, KeyFormat, Part, Scheme, TimeUnit},
};
use serde_json::{Map, Value};

use crate::tag::{self, tag};

/// The values around the body that a scheme signs.
pub(crate) struct Signed<'a> {
    pub(crate) time: &'a str,
    pub(crate) id: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a [u8],
}

/// A secret's text as a sender of this scheme would show it.
pub(crate) fn example_secret(scheme: &Scheme) -> String {
    const BYTES: &[u8; 24] = b"countersign test secret!";
    if let Some(private) = tag::example_private_key(scheme.algorithm()) {
        return private;
    }
    match scheme.key_format() {
        KeyFormat::Hex => hex::encode(BYTES),
        KeyFormat::Base64 => STANDARD.encode(BYTES),
        KeyFormat::Base64AfterPrefix(prefix) => format!("{prefix}{}", STANDARD.encode(BYTES)),
        KeyFormat::TextWithPrefix(prefix) => format!("{prefix}countersign-test-secret"),
        _ => "countersign-test-secret".to_owned(),
    }
}

/// What a receiver is given of a sender's secret: the same, or the public key that belongs to it.
pub(crate) fn shared(scheme: &Scheme, secret: &str) -> String {
    tag::public_key(scheme.algorithm(), secret).unwrap_or_else(|| secret.to_owned())
}

/// The key that a sender makes of the secret's text.
pub(crate) fn key(scheme: &Scheme, secret: &str) -> Option<Vec<u8>> {
    match scheme.key_format() {
        KeyFormat::Hex => hex::decode(secret).ok(),
        KeyFormat::Base64 => STANDARD.decode(secret).ok(),
        KeyFormat::Base64AfterPrefix(prefix) => STANDARD
            .decode(secret.strip_prefix(prefix).unwrap_or(secret))
            .ok(),
        _ => Some(secret.as_bytes().to_vec()),
    }
}

/// An object of texts as a form.
pub(crate) fn form(fields: &Map<String, Value>) -> String {
    let pairs = fields.iter().map(|(name, value)| {
        let text = value.as_str().map(str::to_owned);
        let value = text.unwrap_or_else(|| value.to_string());
        format!("{}={}", escaped(name), escaped(&value))
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) => {
            char::from(byte).to_string()
        }
        b' ' => "+".to_owned(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The signed bytes.
pub(crate) fn message(scheme: &Scheme, key: &[u8], signed: &Signed<'_>) -> Vec<u8> {
    let mut message = Vec::new();
    for part in scheme.signed() {
        match part {
            Part::Literal(text) => message.extend_from_slice(text.as_bytes()),
            Part::Timestamp => message.extend_from_slice(signed.time.as_bytes()),
            Part::Id => message.extend_from_slice(signed.id.as_bytes()),
            Part::Secret => message.extend_from_slice(key),
            Part::Url => message.extend_from_slice(signed.url.as_bytes()),
            Part::Body => message.extend_from_slice(signed.body),
            Part::Header(name) => {
                let of_name = |(header, _): &&(String, String)| header.eq_ignore_ascii_case(name);
                if let Some((_, value)) = signed.headers.iter().find(of_name) {
                    message.extend_from_slice(value.as_bytes());
                }
            }
            _ => {}
        }
    }
    message
}

/// The value of the signature header.
pub(crate) fn header_value(scheme: &Scheme, key: &[u8], message: &[u8], time: &str) -> String {
    let tag = tag(scheme.algorithm(), key, message);
    let tag = match scheme.encoding() {
        Encoding::Base64 => STANDARD.encode(tag),
        Encoding::Base64Url => URL_SAFE.encode(tag),
        Encoding::Text => String::from_utf8_lossy(&tag).into_owned(),
        _ => hex::encode(tag),
    };
    match scheme.grammar() {
        Grammar::Prefix(prefix) | Grammar::OptionalPrefix(prefix) => format!("{prefix}{tag}"),
        Grammar::Versioned(versions) => format!("{},{tag}", first(versions)),
        Grammar::Pairs { separator, tags } => {
            let tag = format!("{}={tag}", first(tags));
            match scheme.time_key() {
                Some(key) => format!("{key}={time}{separator}{tag}"),
                None => tag,
            }
        }
        Grammar::TimeThenTags { separator } => format!("{time}{separator}{tag}"),
        _ => tag,
    }
}

/// A time as the scheme's sender writes it.
pub(crate) fn time_text(scheme: &Scheme, time: Timestamp) -> String {
    match scheme.time_unit() {
        Some(TimeUnit::Millis) => time.unix_millis().to_string(),
        Some(TimeUnit::Rfc3339) => format!("{}Z", date(time)),
        Some(TimeUnit::Rfc3339WithoutZone) => date(time),
        _ => time.unix_seconds().to_string(),
    }
}

/// Counts years and months off, one by one.
fn date(time: Timestamp) -> String {
    let (mut days, second) = (
        time.unix_seconds().div_euclid(86_400),
        time.unix_seconds().rem_euclid(86_400),
    );
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let (mut year, mut month) = (1970, 1);
    loop {
        let len = match month {
            2 => 28 + i64::from(leap(year)),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if days < len {
            break;
        }
        days -= len;
        (year, month) = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
    }
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    let (day, second) = (days + 1, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

fn first(words: &'static [&'static str]) -> &'static str {
    words.first().copied().unwrap_or_default()
}
