//! Short texts from requests, kept without a heap allocation.

use core::{fmt, num::NonZeroU32};

use crate::packed::Packed;

/// The longest header value that is taken as an id, a type, a copy or a tenant's name.
pub(crate) const MAX_VALUE: usize = 256;

/// The texts of one request; those of the usual length stay inline.
#[derive(Clone, Default)]
pub(crate) struct Texts {
    packed: Packed<104>,
}

/// Where one text is among those of its request. Never empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextRef {
    start: u32,
    len: NonZeroU32,
}

impl Texts {
    /// Keeps a header value of 1 to 256 visible ASCII characters.
    pub(crate) fn add_header(&mut self, value: &[u8]) -> Option<TextRef> {
        (value.len() <= MAX_VALUE && all(value, u8::is_ascii_graphic))
            .then(|| self.add(value))
            .flatten()
    }

    /// Keeps a text that is not empty.
    pub(crate) fn add(&mut self, text: &[u8]) -> Option<TextRef> {
        let len = NonZeroU32::new(u32::try_from(text.len()).ok()?)?;
        let start = u32::try_from(self.packed.add(text)?.start).ok()?;
        Some(TextRef { start, len })
    }

    /// The bytes of a text; none where there is none.
    pub(crate) fn bytes(&self, at: Option<TextRef>) -> &[u8] {
        at.and_then(|at| {
            let start = usize::try_from(at.start).ok()?;
            let len = usize::try_from(at.len.get()).ok()?;
            self.packed.all().get(start..)?.get(..len)
        })
        .unwrap_or_default()
    }

    pub(crate) fn get(&self, at: Option<TextRef>) -> Option<&str> {
        at.is_some()
            .then(|| core::str::from_utf8(self.bytes(at)).unwrap_or_default())
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Texts(..)")
    }
}

/// Whether every byte passes. It looks at all of them, which is faster than stopping early.
pub(crate) fn all(bytes: &[u8], passes: impl Fn(&u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, byte| all & passes(byte))
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
