use std::{fmt, sync::LazyLock};

use countersign_core::{Verifier, scheme::Scheme};
use countersign_testkit::Sender;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Value, value::RawValue};

use crate::request::{NOW, Request, pair};

const SCHEME: Scheme = Scheme::body_hmac("X-Signature")
    .id_pointer("/id")
    .event_pointer("/data/type")
    .subject_pointer("/data/object/id")
    .declare();

static PAIR: LazyLock<(Verifier, Sender)> = LazyLock::new(|| pair(SCHEME));

/// The input is a body, signed as it is. What is read out of it is what `serde_json` reads.
pub fn fields(body: &[u8]) {
    let (verifier, sender) = &*PAIR;
    let signed = sender.raw("", "", body.to_vec());
    let headers = signed
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let verified = verifier.verify(&Request::post(headers), body.to_vec().into(), NOW);
    let verified = verified.expect("what was signed is proved");
    let found = [
        verified.id(),
        verified.event_type().map(|name| name.as_str()),
        verified.subject(),
    ];
    let Some(payload) = verified.payload() else {
        return;
    };
    if serde_json::from_slice::<IgnoredAny>(payload).is_err() {
        assert_eq!(found, [None; 3]);
        return;
    }
    let Ok(text) = str::from_utf8(payload) else {
        return;
    };
    for (found, steps) in
        found
            .iter()
            .zip([&["id"][..], &["data", "type"], &["data", "object", "id"]])
    {
        match due(text, steps) {
            Due::Nothing => assert_eq!(*found, None, "{steps:?}"),
            // An empty text is none.
            Due::Text(due) => assert_eq!(found.unwrap_or_default(), due, "{steps:?}"),
            Due::Untold => {}
        }
    }
}

enum Due {
    Nothing,
    Text(String),
    /// The reference does not read a key.
    Untold,
}

fn due(text: &str, steps: &[&str]) -> Due {
    let [step, rest @ ..] = steps else {
        return match serde_json::from_str::<Value>(text) {
            Ok(Value::String(text)) => Due::Text(text),
            // Digits may be more than any number has.
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => Due::Text(text.to_owned()),
            _ => Due::Nothing,
        };
    };
    if !text
        .trim_start_matches([' ', '\t', '\n', '\r'])
        .starts_with('{')
    {
        return Due::Nothing;
    }
    let Ok(members) = serde_json::Deserializer::from_str(text).deserialize_map(Members) else {
        return Due::Untold;
    };
    let mut named = members.iter().filter(|(name, _)| name == step);
    match (named.next(), named.next()) {
        (Some((_, value)), None) => due(value.get(), rest),
        _ => Due::Nothing,
    }
}

/// The members of an object, each under its name.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}
