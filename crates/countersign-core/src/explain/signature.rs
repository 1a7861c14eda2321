//! Signatures that are written otherwise than the scheme says.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};

use super::{Cause, Finding, case::Case, search::Try};
use crate::{
    mac::Algorithm,
    scheme::{Encoding, Grammar, Scheme},
    texts::decode_hex,
};

/// Longer header values are not taken apart.
const MAX_VALUE: usize = 8 * 1024;
/// The most texts that may be tags.
const MAX_TAGS: usize = 200;

const PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDING);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDING);

/// A tag as it stands in a header.
struct Found<'a> {
    header: &'a str,
    value: &'a str,
    /// The name under which it stands in a list, where it has one.
    name: &'a str,
    text: &'a str,
    encoding: Encoding,
    tag: Vec<u8>,
}

/// Every text in a header that may be the tag, written as the scheme wants it.
pub(super) fn tries(base: &Case) -> Vec<Try> {
    let mut tries = moved(base);
    if base.scheme.algorithm().tag_len().is_none() {
        return tries;
    }
    for found in tags(base).iter().take(MAX_TAGS) {
        let Some(algorithm) = made_by(base.scheme.algorithm(), found.tag.len()) else {
            continue;
        };
        let scheme = base.scheme.to_builder().algorithm(algorithm).build();
        let Ok(scheme) = scheme else { continue };
        let Some(value) = compose(&scheme, &found.tag, time(base, found)) else {
            continue;
        };
        let case = Case {
            scheme,
            ..base.with_signature(value)
        };
        tries.push((found.differences(base, algorithm), case));
    }
    tries
}

/// The whole value, found under another header's name.
fn moved(base: &Case) -> Vec<Try> {
    let others = base.head.headers.iter().filter(|(name, value)| {
        !base.is_signature_header(name) && !is_aside(name) && value.len() <= MAX_VALUE
    });
    others
        .map(|(name, value)| {
            let finding = Finding::proved(Cause::SignatureHeader, shown(name));
            (vec![finding], base.with_signature(value.clone()))
        })
        .collect()
}

/// Headers that no sender signs in.
fn is_aside(name: &str) -> bool {
    const ASIDE: [&str; 8] = [
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "connection",
        "content-type",
        "content-length",
        "content-encoding",
    ];
    ASIDE.iter().any(|aside| name.eq_ignore_ascii_case(aside))
}

/// A header's name for a message.
fn shown(name: &str) -> String {
    let token = |at: char| at.is_ascii_alphanumeric() || "-_".contains(at);
    name.chars().filter(|at| token(*at)).take(64).collect()
}

/// Texts that decode to as many bytes as a tag has.
fn tags(base: &Case) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    for (header, value) in &base.head.headers {
        let Some(value) = core::str::from_utf8(value)
            .ok()
            .filter(|value| value.len() <= MAX_VALUE)
        else {
            continue;
        };
        if is_aside(header) {
            continue;
        }
        let mut before = "";
        for entry in value.split([',', ';', ' ', '\t']) {
            let entry = entry.trim_matches(['"', '\'']);
            for (name, text) in names(entry, before) {
                let text = text.trim_matches(['"', '\'']);
                for (encoding, tag) in decoded(text) {
                    found.push(Found {
                        header,
                        value,
                        name,
                        text,
                        encoding,
                        tag,
                    });
                }
            }
            before = entry;
        }
    }
    found
}

/// An entry of a list as a tag alone, and as one behind a name.
fn names<'a>(entry: &'a str, before: &'a str) -> Vec<(&'a str, &'a str)> {
    // In `v1,5257..` the version is an entry of its own.
    let version = if (1..=4).contains(&before.len()) {
        before
    } else {
        ""
    };
    let mut names = vec![(version, entry)];
    for at in ['=', ':'] {
        if let Some((name, text)) = entry.split_once(at)
            && !text.trim_matches('=').is_empty()
        {
            names.push((name, text));
        }
    }
    names
}

fn decoded(text: &str) -> Vec<(Encoding, Vec<u8>)> {
    let is_tag = |bytes: &Vec<u8>| matches!(bytes.len(), 20 | 32 | 48 | 64);
    let mut hex = vec![0; text.len() / 2];
    let hex = decode_hex(text.as_bytes(), &mut hex).map(|_| hex);
    let all = [
        (Encoding::Hex, hex),
        (Encoding::Base64, BASE64.decode(text).ok()),
        (Encoding::Base64Url, BASE64_URL.decode(text).ok()),
    ];
    let all = all
        .into_iter()
        .filter_map(|(encoding, bytes)| Some((encoding, bytes.filter(is_tag)?)));
    let mut all: Vec<_> = all.collect();
    // Text without any of the four characters that differ is both.
    all.dedup_by(|(_, one), (_, other)| one == other);
    all
}

/// The algorithm of the scheme's kind that makes tags of this length.
fn made_by(known: Algorithm, len: usize) -> Option<Algorithm> {
    use Algorithm::{HmacSha1, HmacSha256, HmacSha384, HmacSha512, PlainSha1, PlainSha256};
    let kind: &[Algorithm] = match known {
        HmacSha1 | HmacSha256 | HmacSha384 | HmacSha512 => {
            &[HmacSha1, HmacSha256, HmacSha384, HmacSha512]
        }
        PlainSha1 | PlainSha256 => &[PlainSha1, PlainSha256],
        _ => return (known.tag_len() == Some(len)).then_some(known),
    };
    let mut fitting = kind
        .iter()
        .copied()
        .filter(|at| at.is_available() && at.tag_len() == Some(len));
    fitting.next()
}

/// The time that stands beside a tag, or in the scheme's own header.
fn time<'a>(base: &'a Case, found: &Found<'a>) -> Option<&'a str> {
    let scheme = &base.scheme;
    let key = match (scheme.time_key(), scheme.grammar()) {
        (Some(key), _) => key,
        (None, Grammar::TimeThenTags { separator }) => {
            return found.value.split(separator).next().map(str::trim);
        }
        _ => return None,
    };
    let values = [Some(found.value), base.head.text(scheme.signature_header())];
    values.into_iter().flatten().find_map(|value| {
        let pairs = value
            .split([',', ';', ' '])
            .filter_map(|pair| pair.split_once('='));
        let mut of_key = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case(key));
        of_key.next().map(|(_, time)| time.trim())
    })
}

/// A signature header as the scheme describes it.
fn compose(scheme: &Scheme, tag: &[u8], time: Option<&str>) -> Option<String> {
    let text = match scheme.encoding() {
        Encoding::Hex => const_hex::encode(tag),
        Encoding::Base64 => general_purpose::STANDARD.encode(tag),
        Encoding::Base64Url => general_purpose::URL_SAFE_NO_PAD.encode(tag),
        Encoding::Text => return None,
    };
    Some(match scheme.grammar() {
        Grammar::Bare | Grammar::OptionalPrefix(_) => text,
        Grammar::Prefix(prefix) => format!("{prefix}{text}"),
        Grammar::Versioned(versions) => format!("{},{text}", versions.first()?),
        Grammar::Pairs { separator, tags } => match scheme.time_key() {
            Some(key) => format!("{key}={}{separator}{}={text}", time?, tags.first()?),
            None => format!("{}={text}", tags.first()?),
        },
        Grammar::TimeThenTags { separator } => format!("{}{separator}{text}", time?),
    })
}

impl Found<'_> {
    /// What of it is not as the scheme says.
    fn differences(&self, base: &Case, algorithm: Algorithm) -> Vec<Finding> {
        let scheme = &base.scheme;
        let mut findings = Vec::new();
        let mut add = |cause, more: String| findings.push(Finding::proved(cause, more));
        if !base.is_signature_header(self.header) {
            add(Cause::SignatureHeader, shown(self.header));
        }
        if algorithm != scheme.algorithm() {
            add(Cause::SignatureAlgorithm, format!("{algorithm:?}"));
        } else if self.encoding != scheme.encoding() && !self.is_both(scheme.encoding()) {
            let name = match self.encoding {
                Encoding::Hex => "hexadecimal",
                Encoding::Base64 => "base64",
                Encoding::Base64Url => "base64url",
                Encoding::Text => "text",
            };
            add(Cause::SignatureEncoding, name.to_owned());
        }
        let same = algorithm == scheme.algorithm();
        match scheme.grammar() {
            Grammar::Prefix(prefix) | Grammar::OptionalPrefix(prefix) if same => {
                let start = self
                    .value
                    .split_at_checked(prefix.len())
                    .map(|(start, _)| start);
                let may_lack = matches!(scheme.grammar(), Grammar::OptionalPrefix(_))
                    && self.value == self.text;
                match start {
                    _ if may_lack => {}
                    Some(start) if start == prefix => {}
                    Some(start) if start.eq_ignore_ascii_case(prefix) => {
                        add(Cause::SignatureCase, String::new())
                    }
                    _ => add(Cause::SignaturePrefix, format!("\"{prefix}\" is expected")),
                }
            }
            Grammar::Bare if same && self.value != self.text => {
                add(Cause::SignaturePrefix, "none is expected".to_owned());
            }
            grammar => {
                let names = grammar.tag_names();
                let is = |name: &&str| *name == self.name;
                if !names.is_empty() && !names.iter().any(is) {
                    let other_case = names
                        .iter()
                        .any(|name| name.eq_ignore_ascii_case(self.name));
                    match other_case {
                        true => add(Cause::SignatureCase, String::new()),
                        false => add(
                            Cause::SignatureVersion,
                            format!("\"{}\" is expected", names.join("\" or \"")),
                        ),
                    }
                }
            }
        }
        if findings.is_empty() {
            findings.push(Finding::proved(Cause::SignatureGrammar, ""));
        }
        findings
    }

    /// Whether the text is also of the scheme's encoding, so that the encoding is not what is wrong.
    fn is_both(&self, due: Encoding) -> bool {
        match due {
            Encoding::Base64 => BASE64
                .decode(self.text)
                .is_ok_and(|bytes| bytes == self.tag),
            Encoding::Base64Url => BASE64_URL
                .decode(self.text)
                .is_ok_and(|bytes| bytes == self.tag),
            Encoding::Hex | Encoding::Text => false,
        }
    }
}
