//! One value of a JSON text, by its pointer, as it is written.

use core::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A value that means one thing: a text, a number as it is written, or true or false.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(String),
    Bool(bool),
}

/// The value at a pointer of object keys. `None` where it is missing, null, an object or a list; where a key on
/// the way occurs twice, because parsers differ on which of the two counts; and where the text is no JSON.
pub(super) fn pick(text: &[u8], pointer: &str) -> Option<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let walk = Walk {
        rest: pointer.strip_prefix('/'),
    };
    let found = walk.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    let raw = found?.get();
    match raw.as_bytes() {
        [b'"', ..] => serde_json::from_str(raw).ok().map(Value::Text),
        [b'-' | b'0'..=b'9', ..] => Some(Value::Number(raw.to_owned())),
        b"true" => Some(Value::Bool(true)),
        b"false" => Some(Value::Bool(false)),
        _ => None,
    }
}

/// One object on the way; as deep as the pointer and no deeper.
struct Walk<'p> {
    /// The steps that are left; none at the value itself.
    rest: Option<&'p str>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.rest {
            Some(_) => deserializer.deserialize_map(self),
            None => <&RawValue as serde::Deserialize>::deserialize(deserializer).map(Some),
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let steps = self.rest.unwrap_or_default();
        let (step, rest) = match steps.split_once('/') {
            Some((step, rest)) => (step, Some(rest)),
            None => (steps, None),
        };
        let mut found = None;
        let mut seen = false;
        while let Some(is_step) = map.next_key_seed(Is(step))? {
            if !is_step {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if core::mem::replace(&mut seen, true) {
                return Err(de::Error::custom("a key twice"));
            }
            found = map.next_value_seed(Walk { rest })?;
        }
        Ok(found)
    }
}

/// Whether a key is the step, without copying it.
struct Is<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object key")
    }

    fn visit_bytes<E: de::Error>(self, key: &[u8]) -> Result<bool, E> {
        Ok(self.0.as_bytes() == key)
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<bool, E> {
        self.visit_bytes(key.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_one_thing_is_picked() {
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        let number = |text: &str| Some(Value::Number(text.to_owned()));
        for (body, pointer, due) in [
            (r#"{"a":"x"}"#, "/a", text("x")),
            (r#" { "\u0061" : "\u0078" } "#, "/a", text("x")),
            (r#"{"a":""}"#, "/a", text("")),
            (
                r#"{"b":[{"a":1}],"a":{"b":-1.50e3}}"#,
                "/a/b",
                number("-1.50e3"),
            ),
            (r#"{"a":true}"#, "/a", Some(Value::Bool(true))),
            (r#"{"a":false}"#, "/a", Some(Value::Bool(false))),
            (r#"{"a":null}"#, "/a", None),
            (r#"{"a":{}}"#, "/a", None),
            (r#"{"a":[1]}"#, "/a", None),
            (r#"{"b":1}"#, "/a", None),
            (r#"{"a":1}"#, "/a/b", None),
            (r#"{"a":[{"b":1}]}"#, "/a/b", None),
            (r#"{"a":1,"a":1}"#, "/a", None),
            (r#"{"a":1,"\u0061":1}"#, "/a", None),
            (r#"{"a":{"b":1},"a":{}}"#, "/a/b", None),
            (r#"{"a":"\ud800"}"#, "/a", None),
            (r#"{"a":1}x"#, "/a", None),
            (r#"{"a":1"#, "/a", None),
            (r#"[{"a":1}]"#, "/a", None),
            ("", "/a", None),
            (r#"{"x":1,"x":2,"a":1}"#, "/a", number("1")),
        ] {
            assert_eq!(pick(body.as_bytes(), pointer), due, "{body}");
        }
        assert_eq!(pick(b"{\"a\":\"\xff\"}", "/a"), None);
        let deep = format!(
            r#"{{"x":{}1{},"a":1}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(pick(deep.as_bytes(), "/a"), number("1"));
    }
}
