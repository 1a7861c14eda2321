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

impl Written<'_> {
    /// Whether it means this. A key that is no text means nothing.
    pub(super) fn is(&self, text: &str) -> bool {
        match self.escaped {
            false => self.text == text.as_bytes(),
            true => unescaped(self.text).is_some_and(|known| known == text),
        }
    }
}

/// The text of a string, as it is written between its quotes.
#[cold]
pub(super) fn unescaped(text: &[u8]) -> Option<String> {
    let quoted = [b"\"", text, b"\""].concat();
    serde_json::from_slice(&quoted).ok()
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
        loop {
            match self.rest {
                [first, rest @ ..] if *first == due => {
                    self.rest = rest;
                    return true;
                }
                [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] => self.rest = rest,
                _ => return false,
            }
        }
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
        match self.peek()? {
            b'{' | b'[' => self.nested(),
            _ => self.scalar(),
        }
    }

    /// Passes a value that holds none.
    fn scalar(&mut self) -> Option<()> {
        match self.rest {
            [b'"', rest @ ..] => {
                self.rest = rest;
                self.string().map(drop)
            }
            [b'-' | b'0'..=b'9', ..] => self.number(),
            [b't', ..] => self.word(b"true"),
            [b'f', ..] => self.word(b"false"),
            [b'n', ..] => self.word(b"null"),
            _ => None,
        }
    }

    fn nested(&mut self) -> Option<()> {
        let mut open = SmallVec::<[Open; 32]>::new();
        loop {
            match self.peek()? {
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
                _ => self.scalar()?,
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
        let mut rest = before;
        let mut escaped = false;
        loop {
            rest = rest.get(plain(rest)..)?;
            rest = match rest {
                [b'"', behind @ ..] => {
                    self.rest = behind;
                    let text = before.get(..before.len().checked_sub(rest.len())?)?;
                    return Some(Written { text, escaped });
                }
                [
                    b'\\',
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                    behind @ ..,
                ] => behind,
                [b'\\', b'u', digits @ ..] => {
                    let (digits, behind) = digits.split_first_chunk::<4>()?;
                    digits.iter().all(u8::is_ascii_hexdigit).then_some(behind)?
                }
                _ => return None,
            };
            escaped = true;
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

/// How many bytes of a string come before a quote, a backslash or a control character.
fn plain(text: &[u8]) -> usize {
    let mut rest = text;
    let mut words = 0_u8;
    while let Some((eight, behind)) = rest.split_first_chunk() {
        if let Some(at) = marked(u64::from_le_bytes(*eight)) {
            return text.len().saturating_sub(rest.len()).saturating_add(at);
        }
        rest = behind;
        words = words.saturating_add(1);
        if words == 4 {
            // Most texts are short. A long one goes on by more than a word, which is compiled to a few instructions.
            while let Some((chunk, behind)) = rest.split_first_chunk::<32>() {
                let special = |byte: &u8| (*byte == b'"') | (*byte == b'\\') | (*byte < b' ');
                if chunk.iter().fold(false, |any, byte| any | special(byte)) {
                    break;
                }
                rest = behind;
            }
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
    let end = rest.iter().position(special).unwrap_or(rest.len());
    text.len().saturating_sub(rest.len()).saturating_add(end)
}

/// Where in a word the first byte is that ends plain text.
fn marked(word: u64) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // The lowest byte that is marked is right in each of the three, whatever is above it, and none that
    // is not ASCII is marked.
    let quote = (word ^ (ONES * 0x22)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    let control = word.wrapping_sub(ONES * 0x20);
    let marked = (quote | backslash | control) & !word & HIGH;
    (marked != 0).then(|| (marked.trailing_zeros() / 8) as usize)
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    fn is_json(text: &[u8]) -> bool {
        let mut scan = Scan::new(text);
        scan.pass().and_then(|()| scan.end()).is_some()
    }

    #[test]
    fn plain_text_ends_at_the_first_byte_that_is_special() {
        for len in 0..150 {
            let text = vec![b'x'; len];
            assert_eq!(plain(&text), len);
            for at in 0..len {
                for special in [b'"', b'\\', 0, 0x1f] {
                    let mut text = text.clone();
                    text[at..].fill(special);
                    assert_eq!(plain(&text), at, "{len}");
                    let mut text = vec![0xc3; len];
                    text[at] = special;
                    assert_eq!(plain(&text), at, "{len}");
                }
            }
        }
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
