//! Reading a few fields out of a proved JSON body, in one pass and without recursion into the rest.

use core::fmt;
use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;

/// What was found at a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact<'b> {
    /// Nothing, or null.
    Missing,
    /// A string, or an integer as its digits. Borrowed from the body unless it has escapes.
    Text(Cow<'b, str>),
    /// Something else, or the pointer's keys occur twice: not to be relied on.
    Unreadable,
}

impl Fact<'_> {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Missing | Self::Unreadable => None,
        }
    }
}

/// Reads the values at pointers of object keys, such as `/data/id`.
///
/// A body that is not JSON makes every fact unreadable. A key that occurs twice on the way makes
/// the facts behind it unreadable, because parsers differ on which of the two counts.
pub(crate) fn read<'b>(body: &'b [u8], pointers: &[&str]) -> SmallVec<[Fact<'b>; 5]> {
    let mut facts: SmallVec<[Fact<'b>; 5]> = SmallVec::from_elem(Fact::Missing, pointers.len());
    if !matches!(body.trim_ascii_start(), [b'{', ..]) {
        facts.fill(Fact::Unreadable);
        return facts;
    }
    let mut wants: SmallVec<[Want<'_>; 4]> = SmallVec::new();
    for (at, pointer) in pointers.iter().enumerate() {
        wants.push(Want {
            at,
            rest: pointer.strip_prefix('/').unwrap_or(pointer),
        });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let walk = Walk {
        wants: &wants,
        facts: &mut facts,
    };
    let read = walk
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    if read.is_err() {
        facts.fill(Fact::Unreadable);
    }
    facts
}

#[derive(Clone, Copy)]
struct Want<'p> {
    at: usize,
    rest: &'p str,
}

/// One object on the way; as deep as the longest pointer and no deeper.
struct Walk<'w, 'p, 'b> {
    wants: &'w [Want<'p>],
    facts: &'w mut [Fact<'b>],
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen: SmallVec<[bool; 4]> = SmallVec::from_elem(false, self.wants.len());
        while let Some(hits) = map.next_key_seed(Key { wants: self.wants })? {
            if hits.is_empty() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let mut twice = false;
            let mut deeper: SmallVec<[Want<'_>; 4]> = SmallVec::new();
            let mut here: SmallVec<[usize; 4]> = SmallVec::new();
            for hit in hits {
                let Some(want) = self.wants.get(hit) else {
                    continue;
                };
                if let Some(seen) = seen.get_mut(hit) {
                    twice |= *seen;
                    *seen = true;
                }
                match want.rest.split_once('/') {
                    Some((_, rest)) => deeper.push(Want { at: want.at, rest }),
                    None => here.push(want.at),
                }
            }
            let raw: &'de RawValue = map.next_value()?;
            for at in here {
                set(self.facts, at, leaf(raw.get()), twice);
            }
            if !deeper.is_empty() {
                let mut inner = serde_json::Deserializer::from_str(raw.get());
                let walk = Walk {
                    wants: &deeper,
                    facts: self.facts,
                };
                // A value that is no object holds none of the wanted fields.
                let walked = raw.get().starts_with('{') && walk.deserialize(&mut inner).is_err();
                for want in &deeper {
                    if twice || walked {
                        set(self.facts, want.at, Fact::Unreadable, false);
                    }
                }
            }
        }
        Ok(())
    }
}

fn set<'b>(facts: &mut [Fact<'b>], at: usize, fact: Fact<'b>, twice: bool) {
    if let Some(slot) = facts.get_mut(at) {
        *slot = if twice { Fact::Unreadable } else { fact };
    }
}

fn leaf(raw: &str) -> Fact<'_> {
    match raw.as_bytes() {
        b"null" => Fact::Missing,
        [b'"', text @ .., b'"'] if !text.contains(&b'\\') => {
            core::str::from_utf8(text).map_or(Fact::Unreadable, |text| Fact::Text(text.into()))
        }
        [b'"', ..] => {
            let text = serde_json::from_str::<String>(raw);
            text.map_or(Fact::Unreadable, |text| Fact::Text(text.into()))
        }
        [b'0'..=b'9', ..] if raw.bytes().all(|byte| byte.is_ascii_digit()) => {
            Fact::Text(raw.into())
        }
        _ => Fact::Unreadable,
    }
}

/// Which wants a key begins, without copying the key.
struct Key<'w, 'p> {
    wants: &'w [Want<'p>],
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = SmallVec<[usize; 4]>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = SmallVec<[usize; 4]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        let begins = |rest: &str| rest.split('/').next() == Some(key);
        Ok(self
            .wants
            .iter()
            .enumerate()
            .filter(|(_, want)| begins(want.rest))
            .map(|(at, _)| at)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one<'b>(body: &'b str, pointer: &str) -> Fact<'b> {
        read(body.as_bytes(), &[pointer]).remove(0)
    }

    fn text(text: &str) -> Fact<'_> {
        Fact::Text(text.into())
    }

    #[test]
    fn reads_strings_and_integers_at_any_depth() {
        let body = r#"{"x":[1,{"id":"no"}],"id":"evt_1","data":{"id":7,"in":{"id":"a\u0041"}}}"#;
        assert_eq!(one(body, "/id"), text("evt_1"));
        assert_eq!(one(body, "/data/id"), text("7"));
        assert_eq!(one(body, "/data/in/id"), text("aA"));
        assert_eq!(one(body, "/data/none"), Fact::Missing);
        assert_eq!(one(body, "/x/id"), Fact::Missing);
        let both = read(body.as_bytes(), &["/data/id", "/id", "/data/in/id"]);
        assert_eq!(both.as_slice(), [text("7"), text("evt_1"), text("aA")]);
    }

    #[test]
    fn duplicate_keys_on_the_way_are_unreadable() {
        assert_eq!(one(r#"{"id":"a","id":"b"}"#, "/id"), Fact::Unreadable);
        assert_eq!(one(r#"{"id":"a","id":"a"}"#, "/id"), Fact::Unreadable);
        let outer = r#"{"data":{"id":"a"},"data":{"id":"b"}}"#;
        assert_eq!(one(outer, "/data/id"), Fact::Unreadable);
        assert_eq!(one(r#"{"i\u0064":"a","id":"b"}"#, "/id"), Fact::Unreadable);
        let elsewhere = r#"{"x":1,"x":2,"id":"a"}"#;
        assert_eq!(one(elsewhere, "/id"), text("a"));
    }

    #[test]
    fn other_values_and_other_bodies_are_unreadable() {
        for value in ["1.5", "-1", "1e3", "true", "[]", "{}"] {
            let body = format!(r#"{{"id":{value}}}"#);
            assert_eq!(one(&body, "/id"), Fact::Unreadable, "{value}");
        }
        assert_eq!(one(r#"{"id":null}"#, "/id"), Fact::Missing);
        for body in [
            "",
            "[]",
            "\"id\"",
            "{\"id\":\"a\"",
            "{\"id\":\"a\"}x",
            "nul",
        ] {
            assert_eq!(one(body, "/id"), Fact::Unreadable, "{body}");
        }
        let not_utf8 = read(b"{\"id\":\"\xff\"}", &["/id"]);
        assert_eq!(not_utf8.as_slice(), [Fact::Unreadable]);
    }

    #[test]
    fn deep_nesting_neither_overflows_nor_hides_a_field() {
        let deep = |open: &str, close: &str| {
            let levels = 100_000;
            format!(
                r#"{{"x":{}1{},"id":"a"}}"#,
                open.repeat(levels),
                close.repeat(levels)
            )
        };
        assert_eq!(one(&deep("[", "]"), "/id"), text("a"));
        assert_eq!(one(&deep("{\"k\":", "}"), "/id"), text("a"));
        assert_eq!(one(&deep("[", "]"), "/x"), Fact::Unreadable);
    }
}
