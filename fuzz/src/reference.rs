//! A second reading of signature headers, written from the documentation alone and for nobody's speed.

use countersign_core::scheme::{Encoding, Grammar, Scheme};

/// How strictly base64 padding is read where the documentation leaves it open.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Padding {
    /// All of it or none.
    WholeOrNone,
    /// Also a part of it.
    Any,
}

/// What one signature header says: its tags, and its time.
pub(crate) struct Reading {
    pub(crate) tags: Vec<Vec<u8>>,
    pub(crate) time: Option<String>,
}

/// Reads a header, or refuses it.
pub(crate) fn read(
    scheme: &Scheme,
    header: &[u8],
    most: usize,
    padding: Padding,
) -> Option<Reading> {
    if header.is_empty() || header.len() > 8 * 1024 {
        return None;
    }
    if header.iter().any(|byte| !(0x20..0x7f).contains(byte)) {
        return None;
    }
    let header = std::str::from_utf8(header).ok()?;
    let mut reading = Reading {
        tags: Vec::new(),
        time: None,
    };
    // A tag that cannot be decoded counts, and matches nothing.
    let mut offered = 0;
    let mut tag = |text: &str| {
        offered += 1;
        decode(scheme, text, padding)
    };
    match scheme.grammar() {
        Grammar::Bare => reading.tags.extend(tag(header)),
        Grammar::Prefix(prefix) => reading.tags.extend(tag(header.strip_prefix(prefix)?)),
        Grammar::OptionalPrefix(prefix) => {
            reading
                .tags
                .extend(tag(header.strip_prefix(prefix).unwrap_or(header)));
        }
        Grammar::Pairs { separator, tags } => {
            for pair in header.split(separator) {
                let (key, value) = pair.trim_start_matches(' ').split_once('=')?;
                if key.is_empty() || value.is_empty() {
                    return None;
                }
                if tags.contains(&key) {
                    reading.tags.extend(tag(value));
                } else if scheme.time_key() == Some(key)
                    && reading.time.replace(value.to_owned()).is_some()
                {
                    return None;
                }
            }
        }
        Grammar::Versioned(versions) => {
            for entry in header.split(' ').filter(|entry| !entry.is_empty()) {
                let (version, value) = entry.split_once(',')?;
                if version.is_empty() {
                    return None;
                }
                if versions.contains(&version) {
                    reading.tags.extend(tag(value));
                }
            }
        }
        _ => return None,
    }
    let some = !reading.tags.is_empty() && offered <= most;
    some.then_some(reading)
}

fn decode(scheme: &Scheme, text: &str, padding: Padding) -> Option<Vec<u8>> {
    let bytes = match scheme.encoding() {
        Encoding::Hex => hex(text),
        Encoding::Base64 => base64(text, b"+/", padding),
        Encoding::Base64Url => base64(text, b"-_", padding),
        _ => None,
    }?;
    (Some(bytes.len()) == scheme.algorithm().tag_len()).then_some(bytes)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .chars()
        .map(|digit| digit.to_digit(16))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|[high, low]| u8::try_from(high * 16 + low).unwrap());
    rest.is_empty().then(|| bytes.collect())
}

fn base64(text: &str, last_two: &[u8; 2], padding: Padding) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let (padded, missing) = (text.len() - digits.len(), (4 - digits.len() % 4) % 4);
    let right = match padding {
        Padding::WholeOrNone => padded == 0 || padded == missing,
        Padding::Any => padded <= missing,
    };
    if !right || missing == 3 {
        return None;
    }
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            _ => 62 + u8::try_from(last_two.iter().position(|last| *last == digit)?).unwrap(),
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held).unwrap());
            bits &= (1 << held) - 1;
        }
    }
    // Bits that no byte has room for must not say anything.
    (bits == 0).then_some(bytes)
}
