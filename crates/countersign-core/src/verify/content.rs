//! Which content types are accepted, and what of a body is read as JSON.

// docs/decisions.md: D29.

use bytes::Bytes;

use super::{head::FoundHeaders, slots::HeaderSlots};
use crate::{
    detail::Fault,
    rejection::{Rejection, RejectionKind},
    scheme::Scheme,
};

const JSON: &str = "application/json";
/// The byte order mark of UTF-8.
const MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// Judges the content type and encoding, and says whether the body is labelled as compressed.
pub(super) fn check(
    scheme: &Scheme,
    slots: &HeaderSlots,
    found: &FoundHeaders<'_>,
) -> Result<bool, Rejection> {
    let takes_gzip = scheme.compression.is_some();
    let refused_encoding = || Rejection::new(RejectionKind::ContentEncoding);
    let refused = || {
        let due = scheme.content_types;
        Rejection::new(RejectionKind::ContentType).because(Fault::ContentType { due })
    };
    if let Some(value) = found.one(slots.content_type).map_err(|_| refused())? {
        // As nearly every sender writes it.
        let plainly = |known: &&str| {
            let behind = value.strip_prefix(known.as_bytes());
            matches!(behind, Some([] | [b';', ..]))
        };
        let is = |known: &&str| {
            let essence = essence(value);
            essence.eq_ignore_ascii_case(known.as_bytes()) || (*known == JSON && is_json(essence))
        };
        let known = scheme.content_types;
        if !known.iter().any(plainly) && !known.iter().any(is) {
            return Err(refused());
        }
    }
    match found.one(slots.content_encoding) {
        Ok(None) => Ok(false),
        Ok(Some(value)) if value.eq_ignore_ascii_case(b"identity") => Ok(false),
        Ok(Some(value)) if takes_gzip && value.eq_ignore_ascii_case(b"gzip") => Ok(true),
        _ if takes_gzip => Err(refused_encoding().because(Fault::NotOneGzip)),
        _ => Err(refused_encoding()),
    }
}

/// A content type without its parameters.
fn essence(value: &[u8]) -> &[u8] {
    let end = value.iter().position(|byte| *byte == b';');
    let (essence, _) = value.split_at(end.unwrap_or(value.len()));
    essence.trim_ascii()
}

/// Whether a content type is of JSON by its suffix (RFC 6839): `type/name+json`.
fn is_json(essence: &[u8]) -> bool {
    let token = |text: &[u8]| {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(byte);
        !text.is_empty() && text.iter().all(allowed)
    };
    let Some(slash) = essence.iter().position(|byte| *byte == b'/') else {
        return false;
    };
    let (kind, name) = essence.split_at(slash);
    let Some((_, name)) = name.split_first() else {
        return false;
    };
    let suffix = name.len().checked_sub(b"+json".len());
    let Some((name, suffix)) = suffix.and_then(|at| name.split_at_checked(at)) else {
        return false;
    };
    suffix.eq_ignore_ascii_case(b"+json") && token(kind) && token(name)
}

/// What of a proved body is read as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// All of it.
    Whole,
    /// All but a byte order mark, which a reader may ignore (RFC 8259, section 8.1).
    BehindMark,
    /// A text of its own: a field of a form, or what was compressed.
    Apart(Bytes),
    /// Nothing: the form does not have the field exactly once.
    Missing,
}

impl Payload {
    /// The signed bytes decide, not the content type: that is a header which anybody may have written,
    /// and a delivery that is replayed under another one must be read the same.
    pub(super) fn find(form_field: Option<&str>, body: &[u8]) -> Self {
        if body.starts_with(MARK) {
            return Self::BehindMark;
        }
        let Some(name) = form_field.filter(|_| is_form(body)) else {
            return Self::Whole;
        };
        let mut fields = form_urlencoded::parse(body).filter(|(field, _)| field == name);
        match (fields.next(), fields.next()) {
            (Some((_, value)), None) => Self::Apart(value.into_owned().into()),
            _ => Self::Missing,
        }
    }

    /// The same of a body that was decoded after it was proved.
    pub(super) fn find_decoded(form_field: Option<&str>, text: &Bytes) -> Self {
        match Self::find(form_field, text) {
            found @ (Self::Apart(_) | Self::Missing) => found,
            found => found.bytes(text).map_or(Self::Missing, Self::Apart),
        }
    }

    /// The same, as a part of the body.
    pub(super) fn bytes(&self, body: &Bytes) -> Option<Bytes> {
        match self {
            Self::Apart(field) => Some(field.clone()),
            _ => self.of(body).map(|text| body.slice_ref(text)),
        }
    }

    /// The text itself, of the body in which it was found.
    pub(super) fn of<'b>(&'b self, body: &'b [u8]) -> Option<&'b [u8]> {
        match self {
            Self::Whole => Some(body),
            Self::BehindMark => body.get(MARK.len()..),
            Self::Apart(field) => Some(field),
            Self::Missing => None,
        }
    }
}

/// Whether a body may be a form: it has none of the bytes that every form encodes and that every JSON
/// text with a string in it has, so no text inside of JSON can pass for a field.
fn is_form(body: &[u8]) -> bool {
    let encoded = |byte: &u8| byte.is_ascii_graphic() && !b"\"{}[]".contains(byte);
    body.iter().all(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_counts_as_its_type() {
        let rows: &[(&str, bool)] = &[
            ("application/vnd.acme.v2+json", true),
            ("application/cloudevents+json; charset=utf-8", true),
            ("application/problem+JSON ;q=1", true),
            ("model/gltf+json", true),
            ("application/a+b+json", true),
            ("application/json", false),
            ("application/+json", false),
            ("/x+json", false),
            ("+json", false),
            ("application/x+jsonp", false),
            ("application/xml; a=b+json", false),
            ("application/x y+json", false),
            ("application/a/b+json", false),
            ("json", false),
            ("", false),
        ];
        for (value, due) in rows {
            assert_eq!(is_json(essence(value.as_bytes())), *due, "{value}");
        }
    }

    #[test]
    fn a_form_gives_its_field_and_a_mark_is_left_out() {
        let read = |field, body: &[u8]| {
            let payload = Payload::find(field, body);
            payload.of(body).map(<[u8]>::to_vec)
        };
        let form = |body: &str| {
            let read = read(Some("payload"), body.as_bytes())?;
            String::from_utf8(read).ok()
        };
        assert_eq!(form("payload=%7B%7D&x=1").unwrap(), "{}");
        assert_eq!(
            form("a=b&payload=%7B%22a%22%3A+1%7D").unwrap(),
            r#"{"a": 1}"#
        );
        assert_eq!(form("payload=").unwrap(), "");
        for other in ["", "payloads=1", "payload=1&payload=2"] {
            assert_eq!(form(other), None, "{other}");
        }
        // JSON that is sent as a form is JSON.
        assert_eq!(form(" {\"payload\":1}").unwrap(), " {\"payload\":1}");
        let inside = r#"{"title":"x&payload=%7B%7D&y"}"#;
        for json in [inside, &format!("[{inside}]"), r#""x&payload=%7B%7D&y""#] {
            assert_eq!(form(json).unwrap(), *json);
        }
        let plain = |body: &[u8]| read(None, body);
        assert_eq!(plain(b"\xef\xbb\xbf{}").unwrap(), b"{}");
        // One mark, and not in the middle.
        assert_eq!(
            plain(b"\xef\xbb\xbf\xef\xbb\xbf{}").unwrap(),
            b"\xef\xbb\xbf{}"
        );
        assert_eq!(plain(b" \xef\xbb\xbf{}").unwrap().len(), 6);
        assert_eq!(plain(b"\xef\xbb").unwrap().len(), 2);
    }
}
