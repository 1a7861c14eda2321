//! JSON, read from its beginning to its end without making anything of it.

// docs/decisions.md: D71.

use smallvec::SmallVec;

/// What is left of a text to be read. Each method reads one thing and moves on behind it; `None` where it is
/// not there, and then the text is not JSON.
///
/// The grammar is checked in full (RFC 8259), except that texts need not be UTF-8 and that half a surrogate
/// pair may be escaped: whoever takes a text out looks at that. Nothing recurses, however deep a value is.
pub(super) struct Scan<'b> {
    rest: &'b [u8],
}

/// A string's text as it is written, without its quotes.
#[derive(Clone, Copy)]
pub(super) struct Written<'b> {
    pub(super) text: &'b [u8],
    /// Whether it has escapes.
    pub(super) escaped: bool,
}

/// What may stand open around a value.
#[derive(Clone, Copy)]
enum Open {
    Object,
    Array,
}

impl<'b> Scan<'b> {
    pub(super) const fn new(text: &'b [u8]) -> Self {
        Self { rest: text }
    }

    /// The end of the text.
    pub(super) fn end(&mut self) -> Option<()> {
        self.blanks();
        self.rest.is_empty().then_some(())
    }

    /// The next byte that is not blank, which is not read.
    pub(super) fn peek(&mut self) -> Option<u8> {
        self.blanks();
        self.rest.first().copied()
    }

    /// One byte behind blanks, if it is this one.
    pub(super) fn eat(&mut self, due: u8) -> bool {
        if self.peek() == Some(due) {
            self.skip(1);
            return true;
        }
        false
    }

    /// A key and its colon.
    pub(super) fn key(&mut self) -> Option<Written<'b>> {
        self.eat(b'"').then_some(())?;
        let key = self.string()?;
        self.eat(b':').then_some(key)
    }

    /// A value, whatever it is, as it is written.
    pub(super) fn value(&mut self) -> Option<&'b [u8]> {
        self.blanks();
        let before = self.rest;
        self.pass()?;
        before.get(..before.len().checked_sub(self.rest.len())?)
    }

    /// Passes a value.
    pub(super) fn pass(&mut self) -> Option<()> {
        let mut open = SmallVec::<[Open; 32]>::new();
        loop {
            match self.peek()? {
                b'"' => {
                    self.skip(1);
                    self.string()?;
                }
                b'{' => {
                    self.skip(1);
                    if !self.eat(b'}') {
                        open.push(Open::Object);
                        self.key()?;
                        continue;
                    }
                }
                b'[' => {
                    self.skip(1);
                    if !self.eat(b']') {
                        open.push(Open::Array);
                        continue;
                    }
                }
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => return None,
            }
            // A value ends, and so may what stands open around it.
            loop {
                let Some(around) = open.last() else {
                    return Some(());
                };
                match (around, self.peek()?) {
                    (Open::Array, b',') => {
                        self.skip(1);
                        break;
                    }
                    (Open::Object, b',') => {
                        self.skip(1);
                        self.key()?;
                        break;
                    }
                    (Open::Array, b']') | (Open::Object, b'}') => {
                        self.skip(1);
                        open.pop();
                    }
                    _ => return None,
                }
            }
        }
    }

    /// A string behind its first quote.
    fn string(&mut self) -> Option<Written<'b>> {
        let before = self.rest;
        let mut escaped = false;
        loop {
            while let Some((eight, rest)) = self.rest.split_first_chunk() {
                let at = first_special(*eight);
                if at < 8 {
                    self.skip(at);
                    break;
                }
                self.rest = rest;
            }
            match *self.rest {
                [b'"', ref rest @ ..] => {
                    let text = before.get(..before.len().checked_sub(self.rest.len())?)?;
                    self.rest = rest;
                    return Some(Written { text, escaped });
                }
                [b'\\', ref rest @ ..] => {
                    escaped = true;
                    self.rest = match rest {
                        [
                            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                            rest @ ..,
                        ] => rest,
                        [b'u', rest @ ..] => {
                            let (digits, rest) = rest.split_first_chunk::<4>()?;
                            digits.iter().all(u8::is_ascii_hexdigit).then_some(rest)?
                        }
                        _ => return None,
                    };
                }
                [0x20..=0xff, ref rest @ ..] => self.rest = rest,
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        if let [b'-', rest @ ..] = self.rest {
            self.rest = rest;
        }
        match self.rest {
            // No digits behind a zero that begins.
            [b'0', rest @ ..] => self.rest = rest,
            _ => self.digits()?,
        }
        if let [b'.', rest @ ..] = self.rest {
            self.rest = rest;
            self.digits()?;
        }
        if let [b'e' | b'E', rest @ ..] = self.rest {
            self.rest = match rest {
                [b'+' | b'-', rest @ ..] => rest,
                rest => rest,
            };
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let [b'0'..=b'9', rest @ ..] = self.rest else {
            return None;
        };
        self.rest = rest;
        while let [b'0'..=b'9', rest @ ..] = self.rest {
            self.rest = rest;
        }
        Some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    fn blanks(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

/// Where in eight bytes of a string the first quote, backslash or control character is; 8 where there is
/// none.
fn first_special(eight: [u8; 8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let word = u64::from_le_bytes(eight);
    // The lowest byte that is marked is right in each of them, whatever is above it.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let is = |byte: u8| zero(word ^ (ONES * u64::from(byte)));
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
    ((is(b'"') | is(b'\\') | control).trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    fn is_json(text: &[u8]) -> bool {
        let mut scan = Scan::new(text);
        scan.pass().and_then(|()| scan.end()).is_some()
    }

    /// Every text of up to five characters.
    #[test]
    fn short_texts_are_json_when_they_are_for_another_parser() {
        let mut texts = vec![Vec::new()];
        for _ in 0..5 {
            let longer = texts.iter().flat_map(|text: &Vec<u8>| {
                b"{}[]\":,01-.e+ "
                    .iter()
                    .map(|byte| [text.as_slice(), &[*byte]].concat())
            });
            texts = longer.collect();
            for text in &texts {
                let due = serde_json::from_slice::<IgnoredAny>(text).is_ok();
                assert_eq!(is_json(text), due, "{}", text.escape_ascii());
            }
        }
    }

    #[test]
    fn words_and_escapes_are_those_of_json() {
        for text in [
            "true",
            "false",
            "null",
            "tru",
            "True",
            "nulll",
            "NaN",
            "Infinity",
            "'a'",
            r#""\u00e""#,
            r#""\u00eg""#,
            r#""\x41""#,
            r#""\"#,
            r#""\u""#,
            r#""\b\f\n\r\t\/\\\"""#,
            r#""\ud800""#,
            "\"\u{7f}\"",
            "\"\t\"",
            "\u{feff}{}",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "1_0",
            "0x1",
            ".5",
            "5.",
            "1e",
            "+1",
            "--1",
            "1.e3",
            "1e+",
            "// x\n1",
        ] {
            let due = serde_json::from_str::<IgnoredAny>(text).is_ok();
            assert_eq!(is_json(text.as_bytes()), due, "{text}");
        }
    }
}
