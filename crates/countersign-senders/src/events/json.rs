//! Reading documented fields out of JSON, one by one, without trusting the rest of it.
//!
//! Values are kept as [`RawValue`]s and read from their text. `serde_json` skips over a raw value
//! with a loop and not with recursion, so nesting costs no stack; and numbers are read from their
//! digits, so the feature `arbitrary_precision`, which any crate in a build can switch on for all,
//! changes nothing here.

use core::fmt;
use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;
use time::{
    Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description,
};

/// A piece of JSON, as text, exactly as it was sent.
///
/// It stands where the sender's public pages name a field and do not describe its content. Parse
/// it with `serde_json` into a type of your own, and expect that type to be wrong one day.
///
/// The text is valid JSON. `Debug` prints its length only.
#[derive(Clone, Eq, PartialEq)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for RawJson {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawJson")
            .field("bytes", &self.0.len())
            .finish_non_exhaustive()
    }
}

/// A type that one documented field can hold.
pub(crate) trait FromJson: Sized {
    /// Reads the value; none when it is not of the documented JSON type.
    fn from_json(json: &RawValue) -> Option<Self>;
}

/// The documented fields of one JSON object.
pub(crate) struct Object<'a> {
    names: &'static [&'static str],
    /// In the order of `names`.
    values: SmallVec<[Option<&'a RawValue>; 20]>,
}

impl<'a> Object<'a> {
    /// Finds the named fields; none when this is no object, or one of them is there twice.
    ///
    /// Names are compared after their escapes are resolved, so `"\u0069d"` is a second `id`.
    pub(crate) fn parse(json: &'a RawValue, names: &'static [&'static str]) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_str(json.get());
        let object = Fields(names).deserialize(&mut deserializer).ok()?;
        deserializer.end().ok()?;
        Some(object)
    }

    /// Reads one of the named fields.
    pub(crate) fn get<T: FromJson>(&self, name: &str) -> Option<T> {
        let at = self.names.iter().position(|known| *known == name)?;
        T::from_json((*self.values.get(at)?)?)
    }
}

struct Fields(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = Object<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Object<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut object = Object {
            names: self.0,
            values: smallvec::smallvec![None; self.0.len()],
        };
        while let Some(at) = map.next_key_seed(Position(self.0))? {
            let Some(value) = at.and_then(|at| object.values.get_mut(at)) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if value.is_some() {
                return Err(A::Error::custom("a field is there twice"));
            }
            *value = Some(map.next_value()?);
        }
        Ok(object)
    }
}

/// The place of a key among the documented names.
struct Position(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Position {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Position {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}

fn text(json: &RawValue) -> Option<Cow<'_, str>> {
    struct Text;

    impl<'de> Visitor<'de> for Text {
        type Value = Cow<'de, str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
    }

    serde_json::Deserializer::from_str(json.get())
        .deserialize_str(Text)
        .ok()
}

impl FromJson for RawJson {
    fn from_json(json: &RawValue) -> Option<Self> {
        (json.get() != "null").then(|| Self(json.get().into()))
    }
}

impl FromJson for String {
    fn from_json(json: &RawValue) -> Option<Self> {
        text(json).map(Cow::into_owned)
    }
}

impl FromJson for bool {
    fn from_json(json: &RawValue) -> Option<Self> {
        json.get().parse().ok()
    }
}

impl FromJson for i64 {
    fn from_json(json: &RawValue) -> Option<Self> {
        json.get().parse().ok()
    }
}

impl FromJson for u64 {
    fn from_json(json: &RawValue) -> Option<Self> {
        json.get().parse().ok()
    }
}

/// A point in time with its offset: ISO 8601 as RFC 3339 narrows it.
impl FromJson for OffsetDateTime {
    fn from_json(json: &RawValue) -> Option<Self> {
        Self::parse(&text(json)?, &Rfc3339).ok()
    }
}

/// A calendar day, `YYYY-MM-DD`.
impl FromJson for Date {
    fn from_json(json: &RawValue) -> Option<Self> {
        let text = text(json)?;
        // The format also reads a signed year, which is longer.
        if text.len() != 10 {
            return None;
        }
        Self::parse(&text, format_description!("[year]-[month]-[day]")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: FromJson>(json: &str) -> Option<T> {
        T::from_json(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn values_of_another_type_are_none() {
        let all = [
            "null",
            "true",
            "1",
            "-1",
            "1.5",
            "1e3",
            r#""x""#,
            r#""1""#,
            "[1]",
            r#"{"a":1}"#,
        ];
        let count = |f: &dyn Fn(&str) -> bool| all.iter().filter(|json| f(json)).count();
        assert_eq!(count(&|json| read::<String>(json).is_some()), 2);
        assert_eq!(count(&|json| read::<bool>(json).is_some()), 1);
        assert_eq!(count(&|json| read::<i64>(json).is_some()), 2);
        assert_eq!(count(&|json| read::<u64>(json).is_some()), 1);
        assert_eq!(count(&|json| read::<RawJson>(json).is_some()), 9);
        assert_eq!(count(&|json| read::<Date>(json).is_some()), 0);
        assert_eq!(count(&|json| read::<OffsetDateTime>(json).is_some()), 0);
    }

    #[test]
    fn dates_are_read_strictly() {
        assert!(read::<Date>(r#""2026-04-01""#).is_some());
        assert!(read::<Date>(r#""2024-02-29""#).is_some());
        for wrong in [
            "2026-02-29",
            "2026-4-1",
            "+2026-04-01",
            "2026-04-01 ",
            "20260401",
            "2026-04-01T00:00:00Z",
            "",
        ] {
            assert_eq!(read::<Date>(&format!("{wrong:?}")), None, "{wrong}");
        }
    }

    #[test]
    fn times_need_an_offset() {
        let at = |text: &str| read::<OffsetDateTime>(&format!("{text:?}"));
        let utc = at("2026-04-01T10:30:00.000Z").unwrap();
        assert_eq!(utc.unix_timestamp(), 1_775_039_400);
        assert_eq!(at("2026-04-01T12:30:00+02:00"), Some(utc));
        for wrong in [
            "2026-04-01T10:30:00",
            "2026-04-01",
            "1775039400",
            "now",
            "9999999-01-01T00:00:00Z",
        ] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn escapes_are_resolved_before_names_are_compared() {
        let parse =
            |json| Object::parse(serde_json::from_str(json).unwrap(), &["id", "name"]).is_some();
        assert!(parse(r#"{"id":1,"name":2,"x":3,"x":4}"#));
        assert!(!parse(r#"{"id":1,"id":1}"#));
        assert!(!parse(r#"{"id":1,"\u0069d":1}"#));
        assert!(!parse(r#"{"name":null,"name":1}"#));
        assert!(!parse("[1,2]"));
        assert!(!parse("null"));
    }
}
