//! Structured mode: one JSON object with the bytes in base64.

use core::fmt;
use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::{Body, Envelope, Malformed, binary::Attributes, names};

const DATA: &str = "data_base64";

impl Envelope {
    /// The message in structured mode: a JSON object that holds the attributes, and the bytes in
    /// `data_base64`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let body: &[u8] = match &self.body {
            Body::Here(body) => body,
            Body::There { .. } => &[],
        };
        let mut json = Vec::with_capacity(body.len().div_ceil(3).saturating_mul(4) + 1_024);
        json.push(b'{');
        for (name, value) in self.attributes() {
            write_text(&mut json, &name);
            json.push(b':');
            match &*name {
                // A number and a truth value in the type system of CloudEvents; a fence has more digits.
                names::ATTEMPT if i32::try_from(self.attempt).is_ok() => {
                    json.extend_from_slice(value.as_bytes());
                }
                names::CONTRADICTED | names::NO_TYPE => json.extend_from_slice(value.as_bytes()),
                _ => write_text(&mut json, &value),
            }
            json.push(b',');
        }
        match &self.body {
            Body::Here(body) => {
                json.extend_from_slice(b"\"data_base64\":\"");
                let at = json.len();
                json.resize(at + body.len().div_ceil(3).saturating_mul(4), b'=');
                let place = json.get_mut(at..).unwrap_or_default();
                let written = STANDARD.encode_slice(body, place);
                debug_assert!(written.is_ok(), "base64 has the length that it always has");
                json.extend_from_slice(b"\"}");
            }
            Body::There { .. } => {
                json.pop();
                json.push(b'}');
            }
        }
        json
    }

    /// Reads a message in structured mode.
    ///
    /// # Errors
    ///
    /// When it is no delivery that was handed over.
    pub fn from_json(json: &[u8]) -> Result<Self, Malformed> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let (attributes, body) = reader
            .deserialize_map(Read)
            .and_then(|read| reader.end().map(|()| read))
            .map_err(|_| Malformed::no_event())?;
        let body = match body {
            Some(body) => {
                let decoded = STANDARD.decode(body.as_bytes());
                decoded.map_err(|_| Malformed::unreadable(DATA))?
            }
            None if attributes.contains_key(names::DATA_REF) => Vec::new(),
            None => return Err(Malformed::missing(DATA)),
        };
        Self::from_attributes(&attributes, Bytes::from(body))
    }
}

fn write_text(json: &mut Vec<u8>, text: &str) {
    // Texts are always written.
    let _written = serde_json::to_writer(json, text);
}

/// Reads an object of texts, numbers and truth values, each name once.
struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = (Attributes<'static>, Option<String>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut attributes, mut body) = (Attributes::new(), None);
        while let Some(name) = map.next_key::<String>()? {
            if name == DATA {
                if body.replace(map.next_value::<String>()?).is_some() {
                    return Err(A::Error::custom("the data are there twice"));
                }
                continue;
            }
            let value = match map.next_value::<Value>()? {
                Value::String(text) => text,
                Value::Bool(value) => value.to_string(),
                Value::Number(number) => number.to_string(),
                // The same as an attribute that is not there.
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => {
                    return Err(A::Error::custom(
                        "an attribute is a text, a number or a truth value",
                    ));
                }
            };
            if attributes
                .insert(Cow::Owned(name), Cow::Owned(value))
                .is_some()
            {
                return Err(A::Error::custom("an attribute is there twice"));
            }
        }
        Ok((attributes, body))
    }
}
