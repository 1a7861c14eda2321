//! The senders that are known, and what their signatures do not cover.

use countersign_core::{
    Algorithm, Scheme,
    scheme::{
        Encoding, Grammar, IdenticalBodies, KeyFormat, Location, Part, Place, RetryTime, TimeUnit,
    },
};
use countersign_senders::{all, document};
use serde_json::{Value, json};

use crate::{
    args::SchemesArgs,
    choose::{Chosen, choose},
    console::{Console, Tone},
    failure::{Exit, Failure},
};

pub(crate) fn run(args: &SchemesArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match &args.name {
        Some(name) => {
            let chosen = choose(name)?;
            if args.toml {
                console.raw(document::to_toml(&chosen.scheme).as_bytes());
            } else if console.json {
                console.object(&json!({ "command": "schemes", "schemes": [facts(&chosen)] }))?;
            } else {
                show(&chosen, console);
            }
        }
        None => list(console)?,
    }
    Ok(Exit::Yes)
}

fn list(console: &mut Console<'_>) -> Result<(), Failure> {
    let mut presets: Vec<_> = all().collect();
    presets.sort_by_key(|preset| preset.name);
    if console.json {
        let schemes: Vec<Value> = presets
            .iter()
            .map(|preset| {
                facts(&Chosen {
                    scheme: preset.scheme,
                    preset: Some(preset),
                })
            })
            .collect();
        return console.object(&json!({ "command": "schemes", "schemes": schemes }));
    }
    let wide = presets
        .iter()
        .map(|preset| preset.name.len())
        .max()
        .unwrap_or_default();
    console.line(&format!(
        "{:wide$}  {:<10}  not signed",
        "name", "confidence"
    ));
    for preset in presets {
        let not = not_covered(&preset.scheme).join(", ");
        let sure = preset.confidence.as_str();
        let row = format!("{:wide$}  {sure:<10}  {not}", preset.name);
        console.line(row.trim_end());
    }
    Ok(())
}

/// What of a delivery anybody can change, in words.
pub(crate) fn not_covered(scheme: &Scheme) -> Vec<&'static str> {
    let mut not = Vec::new();
    if !scheme.body_is_signed() {
        not.push("body");
    }
    if scheme.id().is_some() && !scheme.id_is_signed() {
        not.push("id");
    }
    if scheme.event().is_some() && !scheme.event_is_signed() {
        not.push("type");
    }
    if !scheme.time_is_signed() {
        not.push("time");
    }
    if !scheme.signs_url() {
        not.push("address");
    }
    not
}

fn covered(scheme: &Scheme) -> Vec<&'static str> {
    let not = not_covered(scheme);
    let parts = [
        ("body", true),
        ("id", scheme.id().is_some()),
        ("type", scheme.event().is_some()),
        ("time", true),
        ("address", true),
    ];
    let there = parts.into_iter().filter(|(_, there)| *there);
    there
        .map(|(part, _)| part)
        .filter(|part| !not.contains(part))
        .collect()
}

fn facts(chosen: &Chosen) -> Value {
    let (scheme, preset) = (&chosen.scheme, chosen.preset);
    json!({
        "name": scheme.name(),
        "title": preset.map(|preset| preset.title),
        "confidence": preset.map(|preset| preset.confidence.as_str()),
        "evidence": scheme.evidence(),
        "signature_header": match scheme.location() {
            Location::Body(_) => None,
            _ => Some(scheme.signature_header()),
        },
        "token_pointer": match scheme.location() {
            Location::Body(pointer) if scheme.procedure().is_none() => Some(pointer),
            _ => None,
        },
        "signature_pointer": match scheme.location() {
            Location::Body(pointer) if scheme.procedure().is_some() => Some(pointer),
            _ => None,
        },
        "algorithm": algorithm(scheme),
        "encoding": encoding(scheme),
        "secret": secret(scheme),
        "signed": signed(scheme),
        "covered": covered(scheme),
        "not_covered": not_covered(scheme),
        "id": scheme.id().map(Place::name),
        "event": scheme.event().map(Place::name),
        "tolerance_s": scheme.tolerance().map(|tolerance| tolerance.past.as_secs()),
        "retry_span_s": scheme.retry_span().as_secs(),
        "body_limit": scheme.body_limit(),
        "note": preset.map(|preset| preset.note).unwrap_or_default(),
    })
}

fn show(chosen: &Chosen, console: &mut Console<'_>) {
    let (scheme, preset) = (&chosen.scheme, chosen.preset);
    let title = preset.map_or("", |preset| preset.title);
    let name = console.paint(Tone::Strong, scheme.name());
    console.line(format!("{name}  {title}").trim_end());
    let mut row = |what: &str, text: &str| {
        if !text.is_empty() {
            console.line(&format!("  {what:<12} {text}"));
        }
    };
    row(
        "signature",
        &format!("{}{}", location(scheme), grammar(scheme)),
    );
    row(
        "algorithm",
        &format!("{}, {}", algorithm(scheme), encoding(scheme)),
    );
    row("secret", secret(scheme));
    row("signs", &signed(scheme));
    row("covers", &covered(scheme).join(", "));
    row("not signed", &not_covered(scheme).join(", "));
    row(
        "id",
        &scheme
            .id()
            .map(place)
            .unwrap_or_else(|| without_id(scheme).to_owned()),
    );
    row("type", &scheme.event().map(place).unwrap_or_default());
    row("time", &time(scheme));
    row("retries", &retries(scheme));
    if let Some(preset) = preset {
        row("confidence", preset.confidence.as_str());
        row("note", preset.note);
    }
    row("evidence", scheme.evidence());
}

fn location(scheme: &Scheme) -> String {
    match scheme.location() {
        Location::AnyOf(names) => format!("the first of {}", names.join(", ")),
        Location::AllOf(names) => format!("every one of {}", names.join(", ")),
        Location::Repeated(name) => format!("{name}, also several"),
        Location::Numbered(stem) => format!("{stem}1, {stem}2 and so on"),
        Location::Body(pointer) => format!("`{pointer}` in the body"),
        _ => scheme.signature_header().to_owned(),
    }
}

fn grammar(scheme: &Scheme) -> String {
    match scheme.grammar() {
        Grammar::Prefix(prefix) => format!(": {prefix}<tag>"),
        Grammar::OptionalPrefix(prefix) => format!(": <tag> or {prefix}<tag>"),
        Grammar::Pairs { separator, tags } => {
            let tags: Vec<String> = tags.iter().map(|tag| format!("{tag}=<tag>")).collect();
            let time = scheme
                .time_key()
                .map(|key| format!("{key}=<time>{separator}"));
            format!(": {}{}", time.unwrap_or_default(), tags.join(" or "))
        }
        Grammar::Versioned(versions) => format!(": {},<tag>", versions.join(" or ")),
        Grammar::TimeThenTags { separator } => format!(": <time>{separator}<tag>"),
        _ => String::new(),
    }
}

const fn algorithm(scheme: &Scheme) -> &'static str {
    match scheme.algorithm() {
        Algorithm::HmacSha256 => "HMAC-SHA256",
        Algorithm::HmacSha384 => "HMAC-SHA384",
        Algorithm::HmacSha512 => "HMAC-SHA512",
        Algorithm::HmacSha1 => "HMAC-SHA1",
        Algorithm::PlainSha256 => "SHA-256 over the secret and the message, which is no MAC",
        Algorithm::PlainSha1 => "SHA-1 over the secret and the message, which is no MAC",
        Algorithm::Ed25519 => "Ed25519",
        Algorithm::EcdsaP256Sha256 => "ECDSA P-256 with SHA-256",
        Algorithm::RsaSha256 => "RSA with SHA-256 (PKCS#1 v1.5)",
        Algorithm::Token => "none: the secret itself is sent, and nothing is signed",
        _ => "another",
    }
}

const fn encoding(scheme: &Scheme) -> &'static str {
    match scheme.encoding() {
        Encoding::Hex => "hex",
        Encoding::Base64 => "base64",
        Encoding::Base64Url => "base64url",
        Encoding::Text => "text",
        _ => "another",
    }
}

const fn secret(scheme: &Scheme) -> &'static str {
    match scheme.key_format() {
        KeyFormat::Text => "its text is the key",
        KeyFormat::TextWithPrefix(_) => "its text is the key, the prefix too",
        KeyFormat::Hex => "hex, decoded to the key",
        KeyFormat::Base64 => "base64, decoded to the key",
        KeyFormat::Base64AfterPrefix(_) => "base64 behind its prefix, decoded to the key",
        KeyFormat::PublicKey | KeyFormat::PublicKeyAfterPrefix(_) => "the sender's public key",
        _ => "another form",
    }
}

fn signed(scheme: &Scheme) -> String {
    if let Some(procedure) = scheme.procedure() {
        return format!("what the procedure `{}` names", procedure.name());
    }
    if !scheme.body_is_signed() {
        return "nothing".to_owned();
    }
    let parts = scheme.signed().iter().map(|part| match part {
        Part::Literal(text) => format!("\"{text}\""),
        Part::Timestamp => "time".to_owned(),
        Part::Id => "id".to_owned(),
        Part::Header(name) => format!("header {name}"),
        Part::Secret => "secret".to_owned(),
        Part::Url => "address".to_owned(),
        Part::Body => "body".to_owned(),
        _ => "another part".to_owned(),
    });
    parts.collect::<Vec<_>>().join(" + ")
}

fn place(place: Place) -> String {
    match place {
        Place::Header(name) => format!("header {name}"),
        Place::Body(pointer) => format!("{pointer} in the body"),
        _ => "elsewhere".to_owned(),
    }
}

const fn without_id(scheme: &Scheme) -> &'static str {
    match scheme.identical_bodies() {
        Some(IdenticalBodies::Copies { .. }) => "none: the same body is a copy",
        Some(_) => "none: every request is an event",
        None => "none",
    }
}

fn time(scheme: &Scheme) -> String {
    let Some(unit) = scheme.time_unit() else {
        return String::new();
    };
    let at = match (
        scheme.time_header(),
        scheme.time_key(),
        scheme.time_pointer(),
    ) {
        (Some(name), _, _) => format!("header {name}"),
        (_, Some(key), _) => format!("{key} in the signature header"),
        (_, _, Some(pointer)) => format!("{pointer} in the body"),
        _ => "first in the signature header".to_owned(),
    };
    let unit = match unit {
        TimeUnit::Seconds => "Unix seconds",
        TimeUnit::Millis => "Unix milliseconds",
        TimeUnit::Rfc3339 => "RFC 3339",
        TimeUnit::Rfc3339WithoutZone => "RFC 3339 without a zone",
        _ => "another unit",
    };
    match scheme.tolerance() {
        Some(tolerance) => {
            let (past, future) = (tolerance.past.as_secs(), tolerance.future.as_secs());
            format!("{at}, {unit}; {past} s old at most, {future} s ahead at most")
        }
        None => format!("{at}, {unit}; not judged"),
    }
}

fn retries(scheme: &Scheme) -> String {
    let span = scheme.retry_span().as_secs();
    if span == 0 {
        return "none".to_owned();
    }
    let stamped = match scheme.retry_time() {
        RetryTime::Renewed => ", stamped anew",
        RetryTime::Kept => ", with their first time",
        _ => "",
    };
    format!("for {span} s{stamped}")
}
