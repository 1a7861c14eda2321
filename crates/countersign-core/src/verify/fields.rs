//! Reading a few fields out of a proved JSON body, in one pass and without recursion into the rest.

// docs/decisions.md: D17.

use core::fmt;
use std::borrow::Cow;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;

/// What was found at a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field<'b> {
    /// Nothing, or null.
    Missing,
    /// A string, or an integer as its digits. Borrowed from the body unless it has escapes.
    Text(Cow<'b, str>),
    /// Something else, or the pointer's keys occur twice: not to be relied on.
    Unreadable,
}

impl Field<'_> {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Missing | Self::Unreadable => None,
        }
    }
}

/// Reads the values at pointers of object keys, such as `/data/id`.
///
/// A body that is not JSON makes every field unreadable, and so does a string that is no text, or a
/// number beyond a double's range, where an object is due. A key that occurs twice on the way makes
/// the fields behind it unreadable, because parsers differ on which of the two counts.
pub(crate) fn read<'b>(body: &'b [u8], pointers: &[&str]) -> SmallVec<[Field<'b>; 5]> {
    let mut fields: SmallVec<[Field<'b>; 5]> = SmallVec::from_elem(Field::Missing, pointers.len());
    if !matches!(body.trim_ascii_start(), [b'{', ..]) {
        fields.fill(Field::Unreadable);
        return fields;
    }
    let mut wants = Wants::new();
    for (at, pointer) in pointers.iter().enumerate() {
        wants.push(Want::new(at, pointer.strip_prefix('/').unwrap_or(pointer)));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let walk = Walk {
        wants: &wants,
        fields: &mut fields,
    };
    let read = walk
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    if read.is_err() {
        fields.fill(Field::Unreadable);
    }
    fields
}

type Wants<'p> = SmallVec<[Want<'p>; 5]>;

#[derive(Clone, Copy)]
struct Want<'p> {
    at: usize,
    key: &'p str,
    /// What comes behind the key.
    rest: Option<&'p str>,
}

impl<'p> Want<'p> {
    fn new(at: usize, pointer: &'p str) -> Self {
        let (key, rest) = match pointer.split_once('/') {
            Some((key, rest)) => (key, Some(rest)),
            None => (pointer, None),
        };
        Self { at, key, rest }
    }
}

/// One object on the way, or a value that is none and so holds none of the wanted fields; as deep as
/// the longest pointer and no deeper.
struct Walk<'w, 'p, 'b> {
    wants: &'w [Want<'p>],
    fields: &'w mut [Field<'b>],
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = Hits::default();
        while let Some(hits) = map.next_key_seed(Key { wants: self.wants })? {
            if hits.is_empty() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let twice = seen.add(hits);
            let hit = || hits.of(self.wants);
            let deeper: Wants<'_> = hit()
                .filter_map(|want| want.rest.map(|rest| Want::new(want.at, rest)))
                .collect();
            if hit().all(|want| want.rest.is_some()) {
                map.next_value_seed(Walk {
                    wants: &deeper,
                    fields: self.fields,
                })?;
            } else {
                let raw: &'de RawValue = map.next_value()?;
                for want in hit().filter(|want| want.rest.is_none()) {
                    set(self.fields, want.at, leaf(raw.get()));
                }
                if !deeper.is_empty() {
                    let walk = Walk {
                        wants: &deeper,
                        fields: self.fields,
                    };
                    let walked = walk.deserialize(raw);
                    walked.map_err(de::Error::custom)?;
                }
            }
            if twice {
                for want in hit() {
                    set(self.fields, want.at, Field::Unreadable);
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        IgnoredAny.visit_seq(seq).map(drop)
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

fn set<'b>(fields: &mut [Field<'b>], at: usize, field: Field<'b>) {
    if let Some(slot) = fields.get_mut(at) {
        *slot = field;
    }
}

fn leaf(raw: &str) -> Field<'_> {
    match raw.as_bytes() {
        b"null" => Field::Missing,
        [b'"', text @ .., b'"'] if !text.contains(&b'\\') => {
            core::str::from_utf8(text).map_or(Field::Unreadable, |text| Field::Text(text.into()))
        }
        [b'"', ..] => {
            let text = serde_json::from_str::<String>(raw);
            text.map_or(Field::Unreadable, |text| Field::Text(text.into()))
        }
        [b'0'..=b'9', ..] if raw.bytes().all(|byte| byte.is_ascii_digit()) => {
            Field::Text(raw.into())
        }
        _ => Field::Unreadable,
    }
}

/// A set of wants, by their index.
#[derive(Clone, Copy, Default)]
struct Hits(u32);

impl Hits {
    fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one of the others was here before.
    fn add(&mut self, others: Self) -> bool {
        let twice = self.0 & others.0 != 0;
        self.0 |= others.0;
        twice
    }

    fn of<'w, 'p>(self, wants: &'w [Want<'p>]) -> impl Iterator<Item = &'w Want<'p>> {
        wants
            .iter()
            .zip(0..u32::BITS)
            .filter_map(move |(want, bit)| (self.0 >> bit & 1 == 1).then_some(want))
    }
}

/// Which wants a key begins, without copying the key.
struct Key<'w, 'p> {
    wants: &'w [Want<'p>],
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = Hits;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Hits, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = Hits;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object key")
    }

    fn visit_bytes<E: de::Error>(self, key: &[u8]) -> Result<Hits, E> {
        let mut hits = 0;
        for (want, bit) in self.wants.iter().zip(0..u32::BITS) {
            hits |= u32::from(want.key.as_bytes() == key) << bit;
        }
        Ok(Hits(hits))
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Hits, E> {
        self.visit_bytes(key.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one<'b>(body: &'b str, pointer: &str) -> Field<'b> {
        read(body.as_bytes(), &[pointer]).remove(0)
    }

    fn text(text: &str) -> Field<'_> {
        Field::Text(text.into())
    }

    #[test]
    fn reads_strings_and_integers_at_any_depth() {
        let body = r#"{"x":[1,{"id":"no"}],"id":"evt_1","data":{"id":7,"in":{"id":"a\u0041"}}}"#;
        assert_eq!(one(body, "/id"), text("evt_1"));
        assert_eq!(one(body, "/data/id"), text("7"));
        assert_eq!(one(body, "/data/in/id"), text("aA"));
        assert_eq!(one(body, "/data/none"), Field::Missing);
        assert_eq!(one(body, "/x/id"), Field::Missing);
        let both = read(body.as_bytes(), &["/data/id", "/id", "/data/in/id"]);
        assert_eq!(both.as_slice(), [text("7"), text("evt_1"), text("aA")]);
    }

    #[test]
    fn a_value_that_is_no_object_holds_nothing_and_hides_nothing() {
        for value in [
            "\"a\"",
            "true",
            "1",
            "-1",
            "1.5",
            "null",
            "[{\"id\":1}]",
            "{}",
        ] {
            let body = format!(r#"{{"data":{value},"id":"a"}}"#);
            let found = read(body.as_bytes(), &["/data/id", "/id"]);
            assert_eq!(found.as_slice(), [Field::Missing, text("a")], "{value}");
        }
        let keys = r#"{"data":{"\ud800":1,"id":"b"},"\udfff":2,"id":"a"}"#;
        let found = read(keys.as_bytes(), &["/data/id", "/id"]);
        assert_eq!(found.as_slice(), [text("b"), text("a")]);
    }

    #[test]
    fn a_pointer_may_begin_with_another() {
        let body = r#"{"data":{"id":"a"},"id":7}"#;
        let found = read(body.as_bytes(), &["/data/id", "/data", "/id/x", "/id"]);
        let due = [text("a"), Field::Unreadable, Field::Missing, text("7")];
        assert_eq!(found.as_slice(), due);
    }

    #[test]
    fn duplicate_keys_on_the_way_are_unreadable() {
        assert_eq!(one(r#"{"id":"a","id":"b"}"#, "/id"), Field::Unreadable);
        assert_eq!(one(r#"{"id":"a","id":"a"}"#, "/id"), Field::Unreadable);
        let outer = r#"{"data":{"id":"a"},"data":{"id":"b"}}"#;
        assert_eq!(one(outer, "/data/id"), Field::Unreadable);
        assert_eq!(one(r#"{"i\u0064":"a","id":"b"}"#, "/id"), Field::Unreadable);
        let elsewhere = r#"{"x":1,"x":2,"id":"a"}"#;
        assert_eq!(one(elsewhere, "/id"), text("a"));
    }

    #[test]
    fn other_values_and_other_bodies_are_unreadable() {
        for value in ["1.5", "-1", "1e3", "true", "[]", "{}"] {
            let body = format!(r#"{{"id":{value}}}"#);
            assert_eq!(one(&body, "/id"), Field::Unreadable, "{value}");
        }
        assert_eq!(one(r#"{"id":null}"#, "/id"), Field::Missing);
        for body in [
            "",
            "[]",
            "\"id\"",
            "{\"id\":\"a\"",
            "{\"id\":\"a\"}x",
            "nul",
        ] {
            assert_eq!(one(body, "/id"), Field::Unreadable, "{body}");
        }
        let not_utf8 = read(b"{\"id\":\"\xff\"}", &["/id"]);
        assert_eq!(not_utf8.as_slice(), [Field::Unreadable]);
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
        assert_eq!(one(&deep("[", "]"), "/x"), Field::Unreadable);
    }
}
