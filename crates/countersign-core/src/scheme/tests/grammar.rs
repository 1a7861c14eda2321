//! What a signature header may say.

use super::super::*;
use crate::mac::Tags;

fn body() -> SchemeBuilder {
    Scheme::body_hmac("X-Signature").id_header("X-Id")
}

/// What kind of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Malformed,
    TooManyCandidates,
    NoCandidate,
}

impl From<SignatureFault> for Is {
    fn from(fault: SignatureFault) -> Self {
        match fault {
            SignatureFault::Malformed(_) => Self::Malformed,
            SignatureFault::TooManyCandidates => Self::TooManyCandidates,
            SignatureFault::NoCandidate(_) => Self::NoCandidate,
        }
    }
}

/// What header values say: how many candidates, and which time.
fn read(scheme: &Scheme, values: &[&[u8]]) -> Result<(usize, Option<String>), Is> {
    let mut candidates = Tags::new(scheme.algorithm());
    let time = parse_signature(scheme, values, 32, &mut candidates)?;
    let time = time.map(|time| String::from_utf8_lossy(time).into_owned());
    Ok((candidates.iter().count(), time))
}

/// What a header of one value says: how many candidates, and which time.
fn parse(builder: SchemeBuilder, value: &str) -> Result<(usize, Option<String>), Is> {
    let scheme = builder.build().unwrap();
    read(&scheme, &[value.as_bytes()])
}

#[test]
fn the_grammar_of_signature_headers() {
    use Is::{Malformed, NoCandidate, TooManyCandidates};
    let hex = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let upper = hex.to_uppercase();
    let base64 = "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=";
    let url = "ABEiM0RVZneImaq7zN3u_wARIjNEVWZ3iJmqu8zd7v8=";
    let short = &hex[2..];
    let bare = body();
    let b64 = body().encoding(Encoding::Base64);
    let b64url = body().encoding(Encoding::Base64Url);
    let prefix = body().prefix("sha256=");
    let optional = body().optional_prefix("sha256=");
    let pairs = body().pairs(',', &["v1"]).time_key("t");
    let many_keys = body().pairs(';', &["h1", "h2"]).time_key("ts");
    let versioned = body().versioned(&["v1"]).encoding(Encoding::Base64);
    let list = |entry: &str, separator: &str, count| vec![entry; count].join(separator);
    let v1 = format!("v1={hex}");
    let entry = format!("v1,{base64}");
    let rows: &[(&str, SchemeBuilder, String, Result<usize, Is>)] = &[
        ("hex", bare, hex.into(), Ok(1)),
        ("upper-case hex", bare, upper.clone(), Ok(1)),
        ("one byte short", bare, short.into(), Err(NoCandidate)),
        ("one byte long", bare, format!("{hex}00"), Err(NoCandidate)),
        ("odd hex", bare, hex[1..].into(), Err(NoCandidate)),
        ("no hex", bare, hex.replace('0', "g"), Err(NoCandidate)),
        ("0x", bare, format!("0x{short}"), Err(NoCandidate)),
        (
            "base64 where hex is due",
            bare,
            base64.into(),
            Err(NoCandidate),
        ),
        (
            "prefix where none is due",
            bare,
            format!("sha256={hex}"),
            Err(NoCandidate),
        ),
        (
            "a list where one is due",
            bare,
            format!("{hex},{hex}"),
            Err(NoCandidate),
        ),
        ("space before", bare, format!(" {hex}"), Err(NoCandidate)),
        ("space behind", bare, format!("{hex} "), Err(NoCandidate)),
        (
            "space inside",
            bare,
            hex.replacen("00", "0 0", 1),
            Err(NoCandidate),
        ),
        ("base64", b64, base64.into(), Ok(1)),
        (
            "base64 without padding",
            b64,
            base64.trim_end_matches('=').into(),
            Ok(1),
        ),
        (
            "too much padding",
            b64,
            format!("{base64}="),
            Err(NoCandidate),
        ),
        ("hex where base64 is due", b64, hex.into(), Err(NoCandidate)),
        ("other alphabet", b64, url.into(), Err(NoCandidate)),
        // A second spelling of the same bytes is refused, not folded.
        (
            "spare bits set",
            b64,
            base64.replace("8=", "9="),
            Err(NoCandidate),
        ),
        (
            "space in base64",
            b64,
            base64.replacen('E', "E ", 1),
            Err(NoCandidate),
        ),
        ("very long base64", b64, "A".repeat(8_000), Err(NoCandidate)),
        ("base64url", b64url, url.into(), Ok(1)),
        ("standard alphabet", b64url, base64.into(), Err(NoCandidate)),
        ("prefix", prefix, format!("sha256={hex}"), Ok(1)),
        ("no prefix", prefix, hex.into(), Err(Malformed)),
        ("prefix alone", prefix, "sha256=".into(), Err(NoCandidate)),
        // Downgrades: the algorithm is never the request's choice.
        (
            "another algorithm",
            prefix,
            format!("sha1={hex}"),
            Err(Malformed),
        ),
        (
            "no algorithm",
            prefix,
            format!("none={hex}"),
            Err(Malformed),
        ),
        (
            "prefix in upper case",
            prefix,
            format!("SHA256={hex}"),
            Err(Malformed),
        ),
        (
            "prefix twice",
            prefix,
            format!("sha256=sha256={hex}"),
            Err(NoCandidate),
        ),
        ("with", optional, format!("sha256={hex}"), Ok(1)),
        ("without", optional, hex.into(), Ok(1)),
        (
            "another prefix",
            optional,
            format!("sha512={hex}"),
            Err(NoCandidate),
        ),
        ("pair", pairs, format!("t=1,{v1}"), Ok(1)),
        ("time last", pairs, format!("{v1},t=1"), Ok(1)),
        ("blank after the comma", pairs, format!("t=1, {v1}"), Ok(1)),
        (
            "blank before the comma",
            pairs,
            format!("t=1 ,{v1} "),
            Err(NoCandidate),
        ),
        (
            "upper-case hex in a pair",
            pairs,
            format!("t=1,v1={upper}"),
            Ok(1),
        ),
        ("repeated tag", pairs, format!("t=1,{v1},{v1}"), Ok(2)),
        (
            "unknown keys",
            pairs,
            format!("t=1,v0={short},{v1},x=y=z"),
            Ok(1),
        ),
        (
            "unlisted alone",
            pairs,
            format!("t=1,v0={hex}"),
            Err(NoCandidate),
        ),
        (
            "key in upper case",
            pairs,
            format!("t=1,V1={hex}"),
            Err(NoCandidate),
        ),
        ("two times", pairs, format!("t=1,t=1,{v1}"), Err(Malformed)),
        (
            "two times, apart",
            pairs,
            format!("t=1,{v1},t=2"),
            Err(Malformed),
        ),
        ("no equals sign", pairs, format!("t,{v1}"), Err(Malformed)),
        (
            "no equals sign, unknown",
            pairs,
            format!("t=1,x,{v1}"),
            Err(Malformed),
        ),
        ("empty time", pairs, format!("t=,{v1}"), Err(Malformed)),
        ("empty tag", pairs, "t=1,v1=".into(), Err(Malformed)),
        (
            "empty unknown",
            pairs,
            format!("t=1,x=,{v1}"),
            Err(Malformed),
        ),
        ("empty key", pairs, format!("=1,{v1}"), Err(Malformed)),
        (
            "comma at the end",
            pairs,
            format!("t=1,{v1},"),
            Err(Malformed),
        ),
        ("commas", pairs, ",,".into(), Err(Malformed)),
        (
            "wrong separator",
            pairs,
            format!("t=1;{v1}"),
            Err(NoCandidate),
        ),
        (
            "spoilt tag beside a good one",
            pairs,
            format!("t=1,v1=dummy,{v1}"),
            Ok(1),
        ),
        (
            "spoilt tags alone",
            pairs,
            "t=1,v1=dummy,v1=1".into(),
            Err(NoCandidate),
        ),
        (
            "semicolons",
            many_keys,
            format!("ts=1;h1={hex};h2={hex}"),
            Ok(2),
        ),
        ("entry", versioned, entry.clone(), Ok(1)),
        ("entries", versioned, list(&entry, " ", 3), Ok(3)),
        ("two blanks", versioned, list(&entry, "  ", 2), Ok(2)),
        // `v1a` is Ed25519, and `v2` is unknown: right digests, wrong names.
        (
            "other versions ignored",
            versioned,
            format!("v1a,{base64} {entry} v2,x"),
            Ok(1),
        ),
        (
            "v2 alone",
            versioned,
            format!("v2,{base64}"),
            Err(NoCandidate),
        ),
        (
            "version in upper case",
            versioned,
            format!("V1,{base64}"),
            Err(NoCandidate),
        ),
        ("no version", versioned, base64.into(), Err(Malformed)),
        (
            "empty version",
            versioned,
            format!(",{base64}"),
            Err(Malformed),
        ),
        ("empty value", versioned, "v1,".into(), Err(NoCandidate)),
        ("blank alone", versioned, " ".into(), Err(NoCandidate)),
        (
            "hex in an entry",
            versioned,
            format!("v1,{hex}"),
            Err(NoCandidate),
        ),
        ("32 candidates", versioned, list(&entry, " ", 32), Ok(32)),
        (
            "33 candidates",
            versioned,
            list(&entry, " ", 33),
            Err(TooManyCandidates),
        ),
        (
            "33 in pairs",
            pairs,
            list(&v1, ",", 33),
            Err(TooManyCandidates),
        ),
        // What cannot be decoded costs a place as well.
        (
            "33 spoilt ones",
            versioned,
            list("v1,x", " ", 33),
            Err(TooManyCandidates),
        ),
        (
            "10,000 candidates",
            versioned,
            list(&entry, " ", 10_000),
            Err(TooManyCandidates),
        ),
        (
            "10,000 unlisted",
            versioned,
            list("v2,x", " ", 10_000),
            Err(NoCandidate),
        ),
    ];
    for (name, builder, value, expected) in rows {
        let found = parse(*builder, value).map(|(candidates, _)| candidates);
        assert_eq!(found, *expected, "{name}");
    }
}

#[test]
fn the_time_is_taken_as_sent() {
    let pairs = body().pairs(',', &["v1"]).time_key("t");
    let hex = "00".repeat(32);
    for time in ["1712000382", "0001712000382", "+1", "x", "1=2", "1 2"] {
        let (_, found) = parse(pairs, &format!("t={time},v1={hex}")).unwrap();
        assert_eq!(found.as_deref(), Some(time));
    }
    let (_, found) = parse(pairs, &format!("v1={hex}")).unwrap();
    assert_eq!(found, None);
}

// The bound is on the work, not on the answer: nothing behind the last allowed candidate is read.
#[test]
fn many_values_are_refused_without_reading_them_all() {
    let scheme = body().repeated_header().build().unwrap();
    let tag = "00".repeat(32);
    let mut values = vec![tag.as_bytes(); 10_000];
    let fault = read(&scheme, &values).unwrap_err();
    assert_eq!(fault, Is::TooManyCandidates);
    values.truncate(32);
    assert_eq!(read(&scheme, &values).unwrap().0, 32);
    // What would be malformed comes too late to be seen.
    let pairs = body().pairs(',', &["v1"]).build().unwrap();
    let late = format!("{}no equals sign", "v1=x,".repeat(33));
    let fault = read(&pairs, &[late.as_bytes()]).unwrap_err();
    assert_eq!(fault, Is::TooManyCandidates);
}
