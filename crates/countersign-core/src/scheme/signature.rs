//! Reading signature headers into candidate tags of a fixed size.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{Encoding, Grammar, Scheme};
use crate::{
    detail::Fault,
    mac::{MAX_TAG, Tags},
    texts::decode_hex,
};

/// Why signature headers could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureFault {
    /// A value is out of grammar.
    Malformed(Fault),
    TooManyCandidates,
    /// The values are in the grammar, and none of their tags can be compared.
    NoCandidate(Fault),
}

const PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDING);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDING);

/// Reads every value of the signature header(s) by the scheme's grammar: adds the candidates and
/// returns the time, where it is here.
///
/// A tag that cannot be decoded counts among the candidates and matches nothing: senders repeat a
/// key while they rotate secrets, and a spoilt entry must not refuse the good one beside it (Paddle's
/// own tests have `h1=dummy;h1=<tag>`). A header out of grammar is refused whole.
pub(crate) fn parse<'a>(
    scheme: &Scheme,
    values: &[&'a [u8]],
    max_candidates: usize,
    candidates: &mut Tags,
) -> Result<Option<&'a [u8]>, SignatureFault> {
    let mut reader = Reader {
        scheme,
        max_candidates,
        offered: 0,
        candidates,
        spoilt: None,
        time: None,
    };
    let time_key = scheme.time_key();
    for value in values {
        reader.value(time_key, value)?;
    }
    if reader.candidates.is_empty() {
        let none = Fault::NoTag {
            due: scheme.grammar.tag_names(),
        };
        return Err(SignatureFault::NoCandidate(reader.spoilt.unwrap_or(none)));
    }
    Ok(reader.time)
}

struct Reader<'s, 'a> {
    scheme: &'s Scheme,
    max_candidates: usize,
    /// Tags seen, those that cannot be decoded included.
    offered: usize,
    candidates: &'s mut Tags,
    /// Why the first tag could not be decoded that could not be.
    spoilt: Option<Fault>,
    time: Option<&'a [u8]>,
}

impl<'a> Reader<'_, 'a> {
    fn value(&mut self, time_key: Option<&str>, value: &'a [u8]) -> Result<(), SignatureFault> {
        match self.scheme.grammar {
            Grammar::Bare => self.tag(value),
            Grammar::Prefix(prefix) => {
                let tag = value
                    .strip_prefix(prefix.as_bytes())
                    .ok_or(SignatureFault::Malformed(Fault::Prefix { due: prefix }))?;
                self.tag(tag)
            }
            Grammar::OptionalPrefix(prefix) => {
                self.tag(value.strip_prefix(prefix.as_bytes()).unwrap_or(value))
            }
            Grammar::Pairs { separator, tags } => {
                let malformed = SignatureFault::Malformed(Fault::Pairs { separator });
                for pair in value.split(|byte| char::from(*byte) == separator) {
                    let pair = pair.trim_ascii_start();
                    let (key, value) = split_once(pair, b'=').ok_or(malformed)?;
                    if value.is_empty() {
                        return Err(malformed);
                    }
                    if tags.iter().any(|tag| tag.as_bytes() == key) {
                        self.tag(value)?;
                    } else if time_key.is_some_and(|name| name.as_bytes() == key)
                        && self.time.replace(value).is_some()
                    {
                        return Err(malformed);
                    }
                }
                Ok(())
            }
            Grammar::TimeThenTags { separator } => {
                let mut entries = value
                    .split(|byte| char::from(*byte) == separator)
                    .map(<[u8]>::trim_ascii_start);
                let malformed = SignatureFault::Malformed(Fault::List { separator });
                let time = entries.next().filter(|time| !time.is_empty());
                // A header that is repeated would be two lists, with two times.
                if self.time.replace(time.ok_or(malformed)?).is_some() {
                    return Err(malformed);
                }
                for entry in entries {
                    if entry.is_empty() {
                        return Err(malformed);
                    }
                    self.tag(entry)?;
                }
                Ok(())
            }
            Grammar::Versioned(versions) => {
                for entry in value.split(|byte| *byte == b' ') {
                    if entry.is_empty() {
                        continue;
                    }
                    let (version, value) = split_once(entry, b',')
                        .ok_or(SignatureFault::Malformed(Fault::Versions))?;
                    if versions.iter().any(|known| known.as_bytes() == version) {
                        self.tag(value)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn tag(&mut self, text: &[u8]) -> Result<(), SignatureFault> {
        if self.offered >= self.max_candidates {
            return Err(SignatureFault::TooManyCandidates);
        }
        self.offered = self.offered.saturating_add(1);
        // One that cannot be decoded matches nothing, and is not added.
        if !decode_tag(self.scheme, text, self.candidates) {
            self.spoilt.get_or_insert_with(|| fault(self.scheme, text));
        }
        Ok(())
    }
}

fn split_once(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let mut halves = bytes.splitn(2, |byte| *byte == at);
    match (halves.next(), halves.next()) {
        (Some(left), Some(right)) if !left.is_empty() => Some((left, right)),
        _ => None,
    }
}

/// Decodes a tag of exactly the algorithm's length.
pub(super) fn decode_tag(scheme: &Scheme, text: &[u8], to: &mut Tags) -> bool {
    if scheme.algorithm.tag_len().is_none() {
        return decode_long(scheme, text, to);
    }
    // Room for what the longest accepted base64 text decodes to, which is then refused.
    let mut bytes = [0_u8; MAX_TAG + 8];
    let len = match scheme.encoding {
        Encoding::Hex => decode_hex(text, &mut bytes),
        Encoding::Base64 => BASE64.decode_slice(text, &mut bytes).ok(),
        Encoding::Base64Url => BASE64_URL.decode_slice(text, &mut bytes).ok(),
        Encoding::Text => None,
    };
    len.and_then(|len| bytes.get(..len))
        .is_some_and(|tag| to.offer(scheme.algorithm, tag))
}

/// Decodes what has no fixed length: a token, or a signature made with a private key.
fn decode_long(scheme: &Scheme, text: &[u8], to: &mut Tags) -> bool {
    let bytes = match scheme.encoding {
        Encoding::Hex => {
            let mut bytes = vec![0; text.len() / 2];
            decode_hex(text, &mut bytes).map(|_| bytes)
        }
        Encoding::Base64 => BASE64.decode(text).ok(),
        Encoding::Base64Url => BASE64_URL.decode(text).ok(),
        Encoding::Text => Some(text.to_vec()),
    };
    bytes.is_some_and(|bytes| to.offer(scheme.algorithm, &bytes))
}

/// Why a tag could not be decoded: its length says most.
fn fault(scheme: &Scheme, text: &[u8]) -> Fault {
    let Some(tag) = scheme.algorithm.tag_len() else {
        return Fault::NotASignature;
    };
    let (digits, due) = match scheme.encoding {
        Encoding::Hex | Encoding::Text => ("hexadecimal digits", tag.saturating_mul(2)),
        Encoding::Base64 => ("base64 characters", tag.div_ceil(3).saturating_mul(4)),
        Encoding::Base64Url => ("base64url characters", tag.div_ceil(3).saturating_mul(4)),
    };
    // Padding may be left out.
    let least = match scheme.encoding {
        Encoding::Hex | Encoding::Text => due,
        Encoding::Base64 | Encoding::Base64Url => tag.saturating_mul(4).div_ceil(3),
    };
    match (least..=due).contains(&text.len()) {
        true => Fault::NotDecoded { digits },
        false => Fault::TagLength {
            len: text.len(),
            due,
            digits,
        },
    }
}
