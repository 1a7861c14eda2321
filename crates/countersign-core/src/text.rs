//! Short texts from requests, kept without a heap allocation.

use core::fmt;

use smallvec::SmallVec;

/// The longest header value that is taken as an id, a type, a copy or a tenant's name.
pub(crate) const MAX_VALUE: usize = 256;

/// A UTF-8 text; ids and event names of the usual length stay inline.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Text(SmallVec<[u8; 40]>);

impl Text {
    /// A header value of 1 to 256 visible ASCII characters.
    pub(crate) fn from_header(value: &[u8]) -> Option<Self> {
        let visible = value.iter().all(u8::is_ascii_graphic);
        ((1..=MAX_VALUE).contains(&value.len()) && visible).then(|| Self(SmallVec::from(value)))
    }

    pub(crate) fn from_text(text: &str) -> Self {
        Self(SmallVec::from(text.as_bytes()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(..)")
    }
}

/// Decodes hexadecimal digits of either case into the front of a buffer, and says how many bytes
/// there are.
///
/// `const_hex` steps over a leading `0x`; the length leaves no room for one.
pub(crate) fn decode_hex(text: &[u8], to: &mut [u8]) -> Option<usize> {
    let len = text.len() / 2;
    const_hex::decode_to_slice(text, to.get_mut(..len)?).ok()?;
    Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_digits_and_nothing_else() {
        let decode = |text: &str| {
            let mut bytes = [0; 4];
            decode_hex(text.as_bytes(), &mut bytes).map(|len| bytes[..len].to_vec())
        };
        assert_eq!(decode("00ffAa"), Some(vec![0, 255, 170]));
        assert_eq!(decode(""), Some(Vec::new()));
        for wrong in [
            "a",
            "abc",
            "0x",
            "0xabcd",
            "0Xabcd",
            "gg",
            "a b ",
            "0123456789",
        ] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
