//! What happens to secrets between the sender's page and the receiver.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

use super::{
    Cause, Finding,
    case::{Case, Key},
    search::Try,
};
use crate::{scheme::KeyFormat, texts::decode_hex};

/// Prefixes that are not in the scheme are tried up to this length.
const MAX_PREFIX: usize = 16;

/// What is made of a secret by guessing is a key only from this length on: a short one could be guessed, too, by
/// whoever forges.
const MIN_KEY: usize = 16;

/// Other readings of the secret's text, the likeliest first.
pub(super) fn tries(base: &Case, text: &str) -> Vec<Try> {
    let mut tries = Vec::new();
    let mut add = |causes: &[Cause], key: Key| {
        let findings = causes
            .iter()
            .map(|cause| Finding::proved(*cause, ""))
            .collect();
        tries.push((findings, base.with_key(key)));
    };
    let (clean, cleaned) = clean(text);
    if !cleaned.is_empty() {
        add(&cleaned, Key::Text(clean.clone()));
    }
    // Anybody has a public key: read as anything else, it would prove what anybody wrote.
    if base.scheme.algorithm().has_public_key() {
        return tries;
    }
    for (cause, key) in readings(base.scheme.key_format(), &clean) {
        let causes: Vec<Cause> = cleaned.iter().copied().chain([cause]).collect();
        add(&causes, key);
    }
    for end in ["\n", "\r\n"] {
        let bytes = [clean.as_bytes(), end.as_bytes()].concat();
        add(
            &[Cause::SecretLineBreakAtSender],
            Key::Bytes(Zeroizing::new(bytes)),
        );
    }
    tries
}

/// The text without what is around a secret, and what that was.
fn clean(text: &str) -> (Zeroizing<String>, Vec<Cause>) {
    let mut causes = Vec::new();
    let unmarked = text.trim_start_matches('\u{feff}');
    if unmarked.len() != text.len() {
        causes.push(Cause::SecretMark);
    }
    let mut rest = unmarked.trim();
    // Line breaks are also written out.
    while let Some(before) = rest
        .strip_suffix("\\n")
        .or_else(|| rest.strip_suffix("\\r"))
    {
        rest = before;
    }
    if rest.len() != unmarked.len() {
        causes.push(Cause::SecretWhiteSpace);
    }
    if let Some((name, value)) = rest.split_once('=')
        && is_variable(name)
        && !value.trim_matches('=').is_empty()
    {
        rest = value.trim();
        causes.push(Cause::SecretAssignment);
    }
    for quote in ['"', '\'', '`'] {
        let inside = rest
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote));
        if let Some(inside) = inside.filter(|inside| !inside.is_empty()) {
            rest = inside;
            causes.push(Cause::SecretQuotes);
            if rest.trim().len() != rest.len() {
                rest = rest.trim();
                causes.push(Cause::SecretWhiteSpace);
            }
            break;
        }
    }
    causes.dedup();
    (Zeroizing::new(rest.to_owned()), causes)
}

/// Whether this is how a variable is named: `STRIPE_SECRET`, `export STRIPE_SECRET`.
fn is_variable(name: &str) -> bool {
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    let allowed = |at: u8| at.is_ascii_uppercase() || at.is_ascii_digit() || at == b'_';
    (3..=64).contains(&name.len()) && name.bytes().all(allowed) && name.contains('_')
}

/// What else the text can mean as a key.
fn readings(format: KeyFormat, text: &str) -> Vec<(Cause, Key)> {
    let bytes = |bytes: Vec<u8>| Key::Bytes(Zeroizing::new(bytes));
    let plain = |text: &str| bytes(text.as_bytes().to_vec());
    let mut readings = Vec::new();
    let (is_hex, is_base64) = match format {
        KeyFormat::Hex => (true, false),
        KeyFormat::Base64 | KeyFormat::Base64AfterPrefix(_) => (false, true),
        _ => (false, false),
    };
    match format {
        KeyFormat::TextWithPrefix(prefix) => match text.strip_prefix(prefix) {
            Some(rest) => readings.push((Cause::SecretPrefixKept, plain(rest))),
            None => readings.push((Cause::SecretPrefixLost, plain(&[prefix, text].concat()))),
        },
        KeyFormat::Base64AfterPrefix(prefix) => {
            readings.push((Cause::SecretText, plain(text)));
            match text.strip_prefix(prefix) {
                Some(rest) => readings.push((Cause::SecretText, plain(rest))),
                None => readings.push((Cause::SecretText, plain(&[prefix, text].concat()))),
            }
        }
        KeyFormat::Hex | KeyFormat::Base64 => readings.push((Cause::SecretText, plain(text))),
        _ => {
            let known = ["whsec_", "sk_", "v1,"];
            for prefix in known.into_iter().filter(|prefix| !text.starts_with(prefix)) {
                readings.push((Cause::SecretPrefixLost, plain(&[prefix, text].concat())));
            }
        }
    }
    // Behind each underscore near the beginning there may be the key.
    let prefixes: Vec<&str> = text
        .match_indices(['_', ',', ':'])
        .take_while(|(at, _)| *at < MAX_PREFIX)
        .filter_map(|(at, _)| text.get(at.checked_add(1)?..))
        .filter(|rest| rest.len() >= MIN_KEY && rest.len() >= text.len() / 2)
        .collect();
    if !matches!(format, KeyFormat::TextWithPrefix(_)) {
        for rest in &prefixes {
            readings.push((Cause::SecretPrefixKept, plain(rest)));
            if is_base64 && let Some(key) = base64(rest) {
                readings.push((Cause::SecretPrefixKept, bytes(key)));
            }
        }
    }
    for candidate in core::iter::once(text).chain(prefixes.iter().copied()) {
        if !is_hex || candidate != text {
            readings.extend(hex(candidate).map(|key| (Cause::SecretHex, bytes(key))));
        }
        if !is_base64 {
            readings.extend(base64(candidate).map(|key| (Cause::SecretBase64, bytes(key))));
        }
    }
    readings
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    let mut bytes = vec![0; text.len() / 2];
    decode_hex(text.as_bytes(), &mut bytes)?;
    (bytes.len() >= MIN_KEY).then_some(bytes)
}

fn base64(text: &str) -> Option<Vec<u8>> {
    [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD]
        .into_iter()
        .find_map(|engine| engine.decode(text).ok())
        // A short word is base64, too.
        .filter(|key| key.len() >= MIN_KEY)
}
