//! Texts as attributes may have them, and percent-encoding.

use std::borrow::Cow;

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Whether an attribute may hold the text: CloudEvents 1.0, section 3.1.1.
pub(super) fn is_allowed(text: &str) -> bool {
    let forbidden = |at: char| {
        let code = u32::from(at);
        at.is_control() || matches!(code, 0xfdd0..=0xfdef) || code & 0xfffe == 0xfffe
    };
    !text.is_empty() && !text.chars().any(forbidden)
}

/// What needs no encoding in any part of a URI.
pub(super) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What needs no encoding in a header of a message.
pub(super) const fn is_header_text(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'%')
}

/// A text whose other bytes are written as `%XY`.
pub(super) fn percent_encoded(text: &str, is_plain: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
            continue;
        }
        encoded.push('%');
        for digit in [byte >> 4, byte & 15] {
            encoded.extend(
                DIGITS
                    .get(usize::from(digit))
                    .map(|&digit| char::from(digit)),
            );
        }
    }
    encoded
}

/// The text behind percent-encoding; none where it is none.
pub(super) fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (digits, behind) = rest.split_at_checked(2)?;
        let digits = str::from_utf8(digits).ok()?;
        // `from_str_radix` also reads a sign.
        let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        decoded.push(u8::from_str_radix(digits, 16).ok().filter(|_| plain)?);
        rest = behind;
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

/// A form's field; none unless it is there once.
pub(crate) fn form_field(body: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut fields = form_urlencoded::parse(body).filter(|(field, _)| field == name);
    match (fields.next(), fields.next()) {
        (Some((_, value)), None) => Some(value.into_owned().into_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_encoded_as_the_binding_says() {
        let text = "Euro \u{20ac} \u{1f600}";
        let encoded = percent_encoded(text, is_header_text);
        assert_eq!(encoded, "Euro%20%E2%82%AC%20%F0%9F%98%80");
        assert_eq!(percent_decoded(&encoded).unwrap(), text);
        assert_eq!(percent_decoded("a%2fb").unwrap(), "a/b");
        for wrong in ["%", "%2", "%zz", "%+1", "%C0%A0", "%ff"] {
            assert_eq!(percent_decoded(wrong), None, "{wrong}");
        }
        // Nothing ends a header's line.
        assert_eq!(
            percent_encoded("a\r\nb: c", is_header_text),
            "a%0D%0Ab:%20c"
        );
    }

    #[test]
    fn control_characters_and_what_is_no_character_are_no_text_of_an_attribute() {
        for text in ["a", "in_1", "\u{e4} b", "\u{1f600}"] {
            assert!(is_allowed(text), "{text}");
        }
        for text in [
            "",
            "\n",
            "a\u{7f}",
            "\u{85}",
            "\u{fdd0}",
            "\u{ffff}",
            "\u{1fffe}",
        ] {
            assert!(!is_allowed(text), "{text:?}");
        }
    }
}
