//! Attributes by name, and binary mode: a header for each, the bytes as they are.

use std::{borrow::Cow, collections::HashMap};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use countersign_core::{DeliveryKey, Fence, Recurrence};

use super::{Body, Envelope, Malformed, Payload, Signed, names, text, times};

/// What the names of headers begin with in binary mode.
pub const CE_PREFIX: &str = "ce-";

/// Attributes by name.
pub(super) type Attributes<'a> = HashMap<Cow<'a, str>, Cow<'a, str>>;

impl Envelope {
    /// The message in binary mode: a header for each attribute, with `ce-` before its name and
    /// percent-encoded as the bindings of CloudEvents for HTTP and NATS say. The [body](Self::body) goes
    /// beside them as it is. A [proved message](Self::proved_message) of more than 24 KiB is left out.
    pub fn headers(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let encoded = |value: &str| text::percent_encoded(value, text::is_header_text);
        let fits = self.proved.as_deref().is_none_or(super::fits_a_header);
        let headers = self.attributes().into_iter();
        let headers = headers.filter(move |(name, _)| fits || name != names::PROVED);
        headers.map(move |(name, value)| (format!("{CE_PREFIX}{name}"), encoded(&value)))
    }

    /// Reads a message in binary mode. Headers of other names are passed over.
    ///
    /// # Errors
    ///
    /// When it is no delivery that was handed over.
    pub fn from_headers<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: Bytes,
    ) -> Result<Self, Malformed> {
        let mut attributes = Attributes::new();
        for (name, value) in headers {
            let of_event = name
                .split_at_checked(CE_PREFIX.len())
                .filter(|(prefix, _)| prefix.eq_ignore_ascii_case(CE_PREFIX));
            let Some((_, name)) = of_event else {
                continue;
            };
            let value = text::percent_decoded(value).ok_or(Malformed::no_event())?;
            let name = Cow::Owned(name.to_ascii_lowercase());
            if attributes.insert(name, value).is_some() {
                return Err(Malformed::twice());
            }
        }
        Self::from_attributes(&attributes, body)
    }

    /// Every attribute, by name.
    pub(super) fn attributes(&self) -> Vec<(Cow<'static, str>, String)> {
        let mut all = Vec::with_capacity(24);
        let mut put = |name: &'static str, value: &str| all.push((name.into(), value.to_owned()));
        put(names::SPEC_VERSION, names::VERSION);
        put(names::ID, &self.message_id());
        put(names::SOURCE, &self.source);
        put(names::TYPE, self.type_attribute());
        put(names::CONTENT_TYPE, &self.content_type);
        if let Some(time) = self.time.and_then(times::text_of) {
            put(names::TIME, &time);
        }
        if let Some(time) = times::text_of(self.proved_at) {
            put(names::PROVED_AT, &time);
        }
        let mut texts = vec![
            (names::ENDPOINT, Some(self.endpoint.as_str())),
            (names::SCHEME, Some(&self.scheme)),
            (names::TENANT, self.tenant.as_deref()),
            (names::MATCHED_KEY, Some(&self.matched_key)),
            (names::DELIVERY_ID, self.delivery_id.as_deref()),
            (names::ATTEMPT_ID, self.attempt_id.as_deref()),
            (names::ENTITY, self.entity.as_deref()),
        ];
        match self.event.as_deref() {
            None => put(names::NO_TYPE, "true"),
            // What `type` cannot say.
            Some(name) if !text::is_allowed(name) => texts.push((names::TYPE, Some(name))),
            Some(_) => {}
        }
        let signed = self.signed.names();
        if !signed.is_empty() {
            put(names::SIGNED, &signed);
        }
        match self.recurrence {
            Recurrence::Repeat => put(names::RECURRENCE, "repeat"),
            Recurrence::Return => put(names::RECURRENCE, "return"),
            _ => {}
        }
        if self.contradicted {
            put(names::CONTRADICTED, "true");
        }
        put(names::FENCE, &self.fence.as_u64().to_string());
        put(names::ATTEMPT, &self.attempt.to_string());
        match &self.payload {
            Payload::Whole => {}
            Payload::Form(field) => put(names::PAYLOAD, &format!("form:{field}")),
            Payload::Decoded => put(names::PAYLOAD, "decoded"),
            Payload::Missing => put(names::PAYLOAD, "none"),
        }
        if let Some(proved) = &self.proved {
            put(names::PROVED, &STANDARD.encode(proved));
        }
        if let Body::There { at, sha256 } = &self.body {
            put(names::DATA_REF, at);
            put(names::DATA_HASH, &const_hex::encode(sha256));
        }
        for (name, value) in texts {
            all.extend(value.map(|value| match text::is_allowed(value) {
                true => (name.into(), value.to_owned()),
                false => (
                    format!("{name}{}", names::ENCODED).into(),
                    STANDARD.encode(value),
                ),
            }));
        }
        all
    }

    pub(super) fn from_attributes(
        attributes: &Attributes<'_>,
        body: Bytes,
    ) -> Result<Self, Malformed> {
        let get = |name: &'static str| attributes.get(name).map(|value| &**value);
        let need = |name: &'static str| get(name).ok_or(Malformed::missing(name));
        if get(names::SPEC_VERSION) != Some(names::VERSION) {
            return Err(Malformed::no_event());
        }
        // A text, wherever it is.
        let read = |name: &'static str| -> Result<Option<String>, Malformed> {
            let encoded = attributes.get(&*format!("{name}{}", names::ENCODED));
            match (get(name), encoded) {
                (Some(_), Some(_)) if name != names::TYPE => Err(Malformed::twice()),
                (Some(text), None) => Ok(Some(text.to_owned())),
                (_, Some(encoded)) => {
                    let decoded = STANDARD.decode(encoded.as_bytes()).ok();
                    let text = decoded.and_then(|text| String::from_utf8(text).ok());
                    text.map(Some).ok_or(Malformed::unreadable(name))
                }
                (None, None) => Ok(None),
            }
        };
        let required = |name: &'static str| read(name)?.ok_or(Malformed::missing(name));
        let number = |name: &'static str| {
            let text = need(name)?;
            let plain = text.bytes().all(|digit| digit.is_ascii_digit());
            let number = text.parse::<u64>().ok().filter(|_| plain);
            number.ok_or(Malformed::unreadable(name))
        };
        let flag = |name: &'static str| match get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Malformed::unreadable(name)),
        };
        let time = |name: &'static str| {
            let time =
                get(name).map(|text| times::time_of(text).ok_or(Malformed::unreadable(name)));
            time.transpose()
        };
        let mut key = [0; 32];
        const_hex::decode_to_slice(need(names::ID)?, &mut key)
            .map_err(|_| Malformed::unreadable(names::ID))?;
        let event = required(names::TYPE)?;
        let body = match get(names::DATA_REF) {
            None => Body::Here(body),
            Some(at) => {
                let mut sha256 = [0; 32];
                const_hex::decode_to_slice(need(names::DATA_HASH)?, &mut sha256)
                    .map_err(|_| Malformed::unreadable(names::DATA_HASH))?;
                let at = at.to_owned();
                Body::There { at, sha256 }
            }
        };
        Ok(Self {
            key: DeliveryKey::from_bytes(key),
            source: need(names::SOURCE)?.to_owned(),
            endpoint: required(names::ENDPOINT)?,
            scheme: required(names::SCHEME)?,
            tenant: read(names::TENANT)?,
            matched_key: required(names::MATCHED_KEY)?,
            event: Some(event).filter(|_| !matches!(flag(names::NO_TYPE), Ok(true))),
            signed: Signed::from_names(get(names::SIGNED).unwrap_or_default())?,
            delivery_id: read(names::DELIVERY_ID)?,
            attempt_id: read(names::ATTEMPT_ID)?,
            entity: read(names::ENTITY)?,
            time: time(names::TIME)?,
            proved_at: time(names::PROVED_AT)?.ok_or(Malformed::missing(names::PROVED_AT))?,
            recurrence: match get(names::RECURRENCE) {
                None => Recurrence::None,
                Some("repeat") => Recurrence::Repeat,
                Some("return") => Recurrence::Return,
                Some(_) => return Err(Malformed::unreadable(names::RECURRENCE)),
            },
            contradicted: flag(names::CONTRADICTED)?,
            fence: Fence::from_u64(number(names::FENCE)?),
            attempt: u32::try_from(number(names::ATTEMPT)?)
                .map_err(|_| Malformed::unreadable(names::ATTEMPT))?,
            content_type: need(names::CONTENT_TYPE)?.to_owned(),
            payload: match get(names::PAYLOAD) {
                None => Payload::Whole,
                Some("decoded") => Payload::Decoded,
                Some("none") => Payload::Missing,
                Some(other) => {
                    let field = other.strip_prefix("form:");
                    let field = field.ok_or(Malformed::unreadable(names::PAYLOAD))?;
                    Payload::Form(field.to_owned())
                }
            },
            proved: get(names::PROVED)
                .map(|proved| STANDARD.decode(proved).map(Bytes::from))
                .transpose()
                .map_err(|_| Malformed::unreadable(names::PROVED))?,
            body,
        })
    }
}

impl Signed {
    fn names(self) -> String {
        let all = [
            (self.body, "body"),
            (self.id, "id"),
            (self.event, "type"),
            (self.time, "time"),
        ];
        let covered = all.iter().filter(|(covered, _)| *covered);
        covered.map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
    }

    fn from_names(text: &str) -> Result<Self, Malformed> {
        let mut signed = Self::default();
        for name in text.split_whitespace() {
            let place = match name {
                "body" => &mut signed.body,
                "id" => &mut signed.id,
                "type" => &mut signed.event,
                "time" => &mut signed.time,
                _ => return Err(Malformed::unreadable(names::SIGNED)),
            };
            *place = true;
        }
        Ok(signed)
    }
}
