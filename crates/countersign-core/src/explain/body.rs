//! What happens to bodies between the sender and the check.

use std::{collections::HashSet, io::Read as _};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;

use super::{
    Cause, Finding,
    case::Case,
    json,
    search::{SMALL, Try},
};

const MARK: &[u8] = &[0xef, 0xbb, 0xbf];
/// What a compressed body may become.
const MAX_UNPACKED: u64 = 64 * 1024 * 1024;
/// Bodies up to this length are also tried with two changes of their own.
const SHORT: usize = 64 * 1024;

/// The first body that the signature was made over.
pub(super) fn first(base: &Case) -> Option<Try> {
    let mut found = None;
    let mut seen = HashSet::new();
    let mut attempt = |cause: Cause, more: &str, body: Vec<u8>| {
        if body == base.body || !seen.insert(mark(&body)) {
            return false;
        }
        let case = base.with_body(body);
        let proves = case.proves();
        if proves {
            found = Some((vec![Finding::proved(cause, more)], case));
        }
        proves
    };
    // Each stops at the first that proves.
    let _ = edges(&base.body, &mut attempt)
        || wrapped(base, &mut attempt)
        || charsets(&base.body, &mut attempt)
        || (base.body.len() <= SMALL
            && json::styles(&base.body, &mut |style, body| {
                written(&mut attempt, style, body)
            }));
    found
}

/// A body that was written anew, and, where it is short, with the line break that files end in.
fn written(attempt: &mut Attempt<'_>, style: &str, body: Vec<u8>) -> bool {
    let ended = (body.len() <= SHORT).then(|| joined([&body, b"\n"]));
    attempt(Cause::BodyReserialised, style, body)
        || ended.is_some_and(|body| {
            let style = format!("{style}, with a line break at its end");
            attempt(Cause::BodyReserialised, &style, body)
        })
}

/// The commonest, to be tried together with something else.
pub(super) fn short(base: &Case) -> Vec<Try> {
    let mut tries = Vec::new();
    let mut keep = |cause: Cause, more: &str, body: Vec<u8>| {
        if body != base.body && tries.len() < 12 {
            tries.push((vec![Finding::proved(cause, more)], base.with_body(body)));
        }
        false
    };
    let _ = edges(&base.body, &mut keep)
        || json::styles(&base.body, &mut |style, body| {
            keep(Cause::BodyReserialised, style, body)
        });
    tries
}

type Attempt<'a> = dyn FnMut(Cause, &str, Vec<u8>) -> bool + 'a;

/// Tells bodies apart without keeping them.
fn mark(body: &[u8]) -> (usize, u64) {
    (body.len(), twox_hash::XxHash3_64::oneshot(body))
}

fn joined(parts: [&[u8]; 2]) -> Vec<u8> {
    parts.concat()
}

/// Ends, line ends, marks.
fn edges(body: &[u8], attempt: &mut Attempt<'_>) -> bool {
    for end in [&b"\n"[..], b"\r\n"] {
        if let Some(rest) = body.strip_suffix(end)
            && attempt(Cause::BodyLineBreakAdded, "", rest.to_vec())
        {
            return true;
        }
    }
    if attempt(Cause::BodyLineBreakLost, "", joined([body, b"\n"]))
        || attempt(Cause::BodyLineBreakLost, "CR LF", joined([body, b"\r\n"]))
    {
        return true;
    }
    if let Some(rest) = body.strip_prefix(MARK)
        && attempt(Cause::BodyMarkAdded, "", rest.to_vec())
    {
        return true;
    }
    if attempt(Cause::BodyMarkLost, "", joined([MARK, body])) {
        return true;
    }
    let unix = without_cr(body);
    let dos = with_cr(&unix);
    if attempt(Cause::BodyLineEnds, "LF was signed", unix.clone())
        || attempt(Cause::BodyLineEnds, "CR LF was signed", dos.clone())
    {
        return true;
    }
    // A file that was saved with other line ends has one more of them, too.
    let last = |body: &[u8], end: &[u8]| body.strip_suffix(end).map(<[u8]>::to_vec);
    let both = last(&unix, b"\n").is_some_and(|rest| {
        attempt(
            Cause::BodyLineEnds,
            "LF was signed, without one at the end",
            rest,
        )
    }) || attempt(
        Cause::BodyLineEnds,
        "CR LF was signed, with one at the end",
        joined([&dos, b"\r\n"]),
    );
    both || attempt(Cause::BodyWhiteSpace, "", body.trim_ascii().to_vec())
}

fn without_cr(body: &[u8]) -> Vec<u8> {
    let mut unix = Vec::with_capacity(body.len());
    let mut rest = body.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if !(byte == b'\r' && rest.peek() == Some(&b'\n')) {
            unix.push(byte);
        }
    }
    unix
}

fn with_cr(unix: &[u8]) -> Vec<u8> {
    let mut dos = Vec::with_capacity(unix.len());
    for byte in unix {
        if *byte == b'\n' {
            dos.push(b'\r');
        }
        dos.push(*byte);
    }
    dos
}

/// Bodies inside of something, and the other way round.
fn wrapped(base: &Case, attempt: &mut Attempt<'_>) -> bool {
    let body: &[u8] = &base.body;
    if body.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        let read = flate2::read::MultiGzDecoder::new(body)
            .take(MAX_UNPACKED)
            .read_to_end(&mut plain);
        if read.is_ok() && attempt(Cause::BodyCompressed, "", plain) {
            return true;
        }
    }
    let text = body.trim_ascii();
    if let Ok(decoded) = STANDARD.decode(text)
        && !decoded.is_empty()
        && attempt(Cause::BodyBase64, "", decoded)
    {
        return true;
    }
    if text.starts_with(b"\"")
        && let Ok(inside) = serde_json::from_slice::<String>(text)
        && attempt(Cause::BodyQuoted, "", inside.into_bytes())
    {
        return true;
    }
    let field = base.scheme.form_field();
    for name in field.into_iter().chain(["payload", "data", "body"]) {
        let value = form_urlencoded::parse(body).find(|(known, _)| known == name);
        if let Some((_, value)) = value
            && attempt(
                Cause::BodyFormField,
                "the field was signed",
                value.as_bytes().to_vec(),
            )
        {
            return true;
        }
        let encoded: String = form_urlencoded::byte_serialize(body).collect();
        // Blanks are written in two ways.
        for encoded in [encoded.replace('+', "%20"), encoded] {
            let form = format!("{name}={encoded}").into_bytes();
            if attempt(Cause::BodyFormField, "the whole form was signed", form) {
                return true;
            }
        }
    }
    false
}

/// Character sets.
fn charsets(body: &[u8], attempt: &mut Attempt<'_>) -> bool {
    if body.is_ascii() {
        return false;
    }
    let Ok(text) = core::str::from_utf8(body) else {
        // Not UTF-8 any more: read as Latin-1 it was.
        let utf8: String = body.iter().copied().map(char::from).collect();
        return attempt(
            Cause::BodyCharset,
            "UTF-8 was signed, and Latin-1 arrived",
            utf8.into_bytes(),
        );
    };
    let narrow = |text: &str| {
        let bytes = text.chars().map(|at| u8::try_from(u32::from(at)).ok());
        bytes.collect::<Option<Vec<u8>>>()
    };
    if let Some(bytes) = narrow(text)
        && (attempt(
            Cause::BodyCharset,
            "it was taken for Latin-1 and converted to UTF-8",
            bytes.clone(),
        ))
    {
        return true;
    }
    let utf16 =
        |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    if attempt(
        Cause::BodyCharset,
        "UTF-16 was signed",
        utf16(u16::to_le_bytes),
    ) || attempt(
        Cause::BodyCharset,
        "UTF-16 was signed",
        utf16(u16::to_be_bytes),
    ) {
        return true;
    }
    // What string functions of several languages make of characters that do not fit into a byte.
    let low = text
        .encode_utf16()
        .map(|unit| unit.to_le_bytes())
        .map(|[low, _]| low);
    if attempt(
        Cause::BodyCutToAscii,
        "each character was cut to its low byte",
        low.collect(),
    ) {
        return true;
    }
    let seven = body.iter().map(|byte| byte & 0x7f);
    if attempt(
        Cause::BodyCutToAscii,
        "each byte was cut to seven bits",
        seven.collect(),
    ) {
        return true;
    }
    let ascii = |other: Option<char>| -> Vec<u8> {
        let chars = text
            .chars()
            .filter_map(|at| if at.is_ascii() { Some(at) } else { other });
        chars.collect::<String>().into_bytes()
    };
    let bytes = |other: Option<u8>| -> Vec<u8> {
        let bytes = body
            .iter()
            .filter_map(|at| if at.is_ascii() { Some(*at) } else { other });
        bytes.collect()
    };
    attempt(Cause::BodyCutToAscii, "they were left out", ascii(None))
        || attempt(Cause::BodyCutToAscii, "each became a question mark", ascii(Some('?')))
        || attempt(Cause::BodyCutToAscii, "each byte of them became a question mark", bytes(Some(b'?')))
        || attempt(Cause::BodyCutToAscii, "each became U+FFFD", text.chars().map(|at| if at.is_ascii() { at } else { '\u{fffd}' }).collect::<String>().into_bytes())
        // Length in characters, and not in bytes: the end is missing.
        || attempt(
            Cause::BodyCutToAscii,
            "as many bytes were signed as there are characters",
            Bytes::copy_from_slice(body).slice(..text.chars().count()).to_vec(),
        )
}
