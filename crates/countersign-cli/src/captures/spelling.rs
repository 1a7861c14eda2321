//! Texts as addresses, forms and JSON write them, and where in what was written each byte of them stands.

/// What was written, read in one way.
pub(super) struct Reading {
    text: Vec<u8>,
    /// Where each byte of the text was written.
    places: Vec<usize>,
    written: usize,
}

/// All readings that differ from what was written.
pub(super) fn readings(written: &[u8]) -> Vec<Reading> {
    let has = |byte: u8| written.contains(&byte);
    let mut all = Vec::new();
    if has(b'%') {
        all.push(Reading::of(written, |rest, text| percent(rest, text, b'+')));
    }
    if has(b'+') {
        all.push(Reading::of(written, |rest, text| percent(rest, text, b' ')));
    }
    if has(b'\\') {
        all.push(Reading::of(written, escape));
    }
    all
}

impl Reading {
    /// `next` reads one piece, which is not empty, and says how long it was.
    fn of(written: &[u8], next: impl Fn(&[u8], &mut Vec<u8>) -> usize) -> Self {
        let mut text = Vec::with_capacity(written.len());
        let mut places = Vec::with_capacity(written.len());
        let mut at = 0;
        while let Some(rest) = written.get(at..).filter(|rest| !rest.is_empty()) {
            let length = next(rest, &mut text).max(1);
            places.resize(text.len(), at);
            at = at.saturating_add(length);
        }
        Self {
            text,
            places,
            written: written.len(),
        }
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where these bytes of the text were written.
    pub(super) fn place(&self, from: usize, until: usize) -> (usize, usize) {
        let place = |at: usize| self.places.get(at).copied().unwrap_or(self.written);
        (place(from), place(until))
    }
}

/// As addresses and forms write it; only forms mean a blank by `+`.
fn percent(rest: &[u8], text: &mut Vec<u8>, plus: u8) -> usize {
    let (byte, length) = match rest {
        [b'%', high, low, ..] => match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => (u8::try_from(high * 16 + low).unwrap_or(b'%'), 3),
            _ => (b'%', 1),
        },
        [b'+', ..] => (plus, 1),
        [byte, ..] => (*byte, 1),
        [] => return 1,
    };
    text.push(byte);
    length
}

/// As a text of JSON has it.
fn escape(rest: &[u8], text: &mut Vec<u8>) -> usize {
    let (byte, length) = match rest {
        [b'\\', b'u', one, two, three, four, ..] => {
            let digits = [one, two, three, four].map(|byte| digit(*byte));
            let code = digits
                .into_iter()
                .try_fold(0, |code, digit| Some(code * 16 + digit?));
            match code.and_then(char::from_u32) {
                Some(letter) => {
                    let mut bytes = [0; 4];
                    text.extend(letter.encode_utf8(&mut bytes).as_bytes());
                    return 6;
                }
                None => (b'\\', 1),
            }
        }
        [b'\\', escaped, ..] => match escaped {
            b'"' | b'\\' | b'/' => (*escaped, 2),
            b'b' => (8, 2),
            b'f' => (12, 2),
            b'n' => (b'\n', 2),
            b'r' => (b'\r', 2),
            b't' => (b'\t', 2),
            _ => (b'\\', 1),
        },
        [byte, ..] => (*byte, 1),
        [] => return 1,
    };
    text.push(byte);
    length
}

fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(written: &str) -> Vec<String> {
        let texts = readings(written.as_bytes()).into_iter();
        texts
            .map(|one| String::from_utf8_lossy(one.text()).into_owned())
            .collect()
    }

    #[test]
    fn what_is_escaped_is_read() {
        assert!(read("plain").is_empty());
        assert_eq!(read("a%2fb%2Gc%"), ["a/b%2Gc%"]);
        assert_eq!(read("a+b%2B"), ["a+b+", "a b+"]);
        assert_eq!(read(r#"a\/b\u00e9\"\\\x\u12"#), ["a/b\u{e9}\"\\\\x\\u12"]);
        let reading = readings(br"a\/b\u0063d").remove(0);
        assert_eq!(reading.text(), b"a/bcd");
        assert_eq!(reading.place(1, 2), (1, 3));
        assert_eq!(reading.place(3, 4), (4, 10));
        assert_eq!(reading.place(4, 5), (10, 11));
    }

    proptest! {
        #[test]
        fn every_place_is_in_what_was_written(written in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"%+\\u0a"[..])], 0..60)) {
            for reading in readings(&written) {
                let length = reading.text().len();
                for from in 0..length {
                    let (start, end) = reading.place(from, length);
                    prop_assert!(start < written.len() && end == written.len());
                }
            }
        }
    }
}
