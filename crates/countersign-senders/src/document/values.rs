//! Values that a document writes as text: durations, and the signed bytes as a template.

use core::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de};

use super::intern;
use countersign_core::scheme::Part;

/// A duration: `300s`, `5m`, `24h`, `3d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SpanText)
    }
}

struct SpanText;

impl de::Visitor<'_> for SpanText {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"300s\", \"5m\", \"24h\" or \"3d\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
        let wrong = || E::invalid_value(de::Unexpected::Str(text), &self);
        let (unit, scale) = [
            ("ms", 1),
            ("s", 1_000),
            ("m", 60_000),
            ("h", 3_600_000),
            ("d", 86_400_000),
        ]
        .into_iter()
        .find(|(unit, _)| {
            text.strip_suffix(unit)
                .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .ok_or_else(wrong)?;
        let number = text.strip_suffix(unit).unwrap_or_default();
        let number: u32 = number.parse().map_err(|_| wrong())?;
        let millis = u64::from(number).checked_mul(scale).ok_or_else(wrong)?;
        Ok(Span(Duration::from_millis(millis)))
    }
}

/// The signed bytes: `v0:{time}:{body}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Template(pub(super) &'static [Part]);

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text)
            .map(|parts| Self(intern::parts(parts)))
            .map_err(de::Error::custom)
    }
}

fn parse(text: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, behind) = rest.split_at(at);
        literal.push_str(before);
        // A brace that stands for itself is written twice.
        if let Some(doubled) = behind.strip_prefix("{{").or(behind.strip_prefix("}}")) {
            literal.extend(behind.chars().next());
            rest = doubled;
            continue;
        }
        let field = behind
            .strip_prefix('{')
            .and_then(|behind| behind.split_once('}'));
        let (name, behind) = field.ok_or("a brace that stands for itself is written twice")?;
        if !literal.is_empty() {
            parts.push(Part::Literal(intern::text(&core::mem::take(&mut literal))));
        }
        parts.push(match name {
            "time" => Part::Timestamp,
            "id" => Part::Id,
            "url" => Part::Url,
            "secret" => Part::Secret,
            "body" => Part::Body,
            _ => match name.strip_prefix("header:") {
                Some(header) => Part::Header(intern::text(header)),
                None => {
                    return Err("expected {time}, {id}, {url}, {secret}, {body} or {header:Name}");
                }
            },
        });
        rest = behind;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(intern::text(&literal)));
    }
    Ok(parts)
}

/// Writes signed parts as a template.
pub(super) fn template(parts: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Literal(text) => text.replace('{', "{{").replace('}', "}}"),
        Part::Timestamp => "{time}".to_owned(),
        Part::Id => "{id}".to_owned(),
        Part::Header(name) => format!("{{header:{name}}}"),
        Part::Url => "{url}".to_owned(),
        Part::Secret => "{secret}".to_owned(),
        _ => "{body}".to_owned(),
    };
    parts.iter().map(part).collect()
}

/// Writes a duration as the largest unit that fits.
pub(super) fn span(span: Duration) -> String {
    let millis = span.as_millis();
    for (unit, scale) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
    ] {
        if millis != 0 && millis.is_multiple_of(scale) {
            return format!("{}{unit}", millis.checked_div(scale).unwrap_or(0));
        }
    }
    format!("{millis}ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_read_and_written() {
        for text in [
            "{body}",
            "v0:{time}:{body}",
            "{id}.{time}.{body}",
            "POST{url}{body}{time}",
            "{{{header:X-A}}}{body}",
            "{body}",
        ] {
            let parts = parse(text).unwrap();
            assert_eq!(template(&parts), text);
        }
        assert_eq!(parse("a{{b").unwrap(), [Part::Literal("a{b")]);
        for wrong in [
            "{",
            "}",
            "{body",
            "body}",
            "{nothing}",
            "{}",
            "{ body }",
            "{header}",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        let read = |text: &str| {
            let text = serde_json::Value::from(text);
            serde_json::from_value::<Span>(text).map(|span| span.0)
        };
        for (text, millis) in [
            ("300s", 300_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
            ("3d", 259_200_000),
            ("900ms", 900),
            ("0s", 0),
        ] {
            assert_eq!(read(text).unwrap(), Duration::from_millis(millis), "{text}");
            assert_eq!(
                read(&span(Duration::from_millis(millis))).unwrap(),
                Duration::from_millis(millis)
            );
        }
        for wrong in [
            "",
            "s",
            "5",
            "5 m",
            "-5m",
            "5.5m",
            "5w",
            "m5",
            "99999999999d",
            "5M",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
