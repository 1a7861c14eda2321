//! Reading a few fields out of a proved JSON body, in one walk.

// docs/decisions.md: D17, D71.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::scan::{Scan, unescaped};

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
/// A body that is not one JSON object makes every field unreadable. A key that occurs twice on the way makes
/// the fields behind it unreadable, because parsers differ on which of the two counts.
pub(crate) fn read<'b>(body: &'b [u8], pointers: &[&str]) -> SmallVec<[Field<'b>; 5]> {
    let mut fields: SmallVec<[Field<'b>; 5]> = SmallVec::from_elem(Field::Missing, pointers.len());
    let wants: Wants<'_> = pointers
        .iter()
        .enumerate()
        .map(|(at, pointer)| Want::new(at, pointer.strip_prefix('/').unwrap_or(pointer)))
        .collect();
    let mut scan = Scan::new(body);
    let read = object(&mut scan, &wants, &mut fields).and_then(|()| scan.end());
    if read.is_none() {
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
    seen: bool,
}

impl<'p> Want<'p> {
    fn new(at: usize, pointer: &'p str) -> Self {
        let (key, rest) = match pointer.split_once('/') {
            Some((key, rest)) => (key, Some(rest)),
            None => (pointer, None),
        };
        Self {
            at,
            key,
            rest,
            seen: false,
        }
    }
}

/// One object on the way: as deep as the longest pointer and no deeper.
fn object<'b>(scan: &mut Scan<'b>, wants: &[Want<'_>], fields: &mut [Field<'b>]) -> Option<()> {
    scan.eat(b'{').then_some(())?;
    if scan.eat(b'}') {
        return Some(());
    }
    let mut wants = Wants::from_slice(wants);
    loop {
        let key = scan.key()?;
        let is = |want: &Want<'_>| key.is(want.key);
        if wants.iter().any(is) {
            member(scan, &mut wants, is, fields)?;
        } else {
            scan.pass()?;
        }
        if !scan.eat(b',') {
            return scan.eat(b'}').then_some(());
        }
    }
}

/// The value of a key that some pointers name.
fn member<'b>(
    scan: &mut Scan<'b>,
    wants: &mut [Want<'_>],
    is: impl Fn(&Want<'_>) -> bool,
    fields: &mut [Field<'b>],
) -> Option<()> {
    let deeper: Wants<'_> = wants
        .iter()
        .filter(|want| is(want))
        .filter_map(|want| Some(Want::new(want.at, want.rest?)))
        .collect();
    // What is no object holds none of the wanted fields.
    let value = if !deeper.is_empty() && scan.peek() == Some(b'{') {
        object(scan, &deeper, fields)?;
        None
    } else {
        Some(scan.value()?)
    };
    for want in wants.iter_mut().filter(|want| is(want)) {
        let twice = core::mem::replace(&mut want.seen, true);
        let found = match (want.rest, value) {
            (None, Some(value)) => leaf(value),
            // An object, which is no text.
            (None, None) => Field::Unreadable,
            (Some(_), _) if !twice => continue,
            (Some(_), _) => Field::Unreadable,
        };
        if let Some(field) = fields.get_mut(want.at) {
            *field = if twice { Field::Unreadable } else { found };
        }
    }
    Some(())
}

fn leaf(value: &[u8]) -> Field<'_> {
    let text = match value {
        b"null" => return Field::Missing,
        [b'"', text @ .., b'"'] if !text.contains(&b'\\') => {
            core::str::from_utf8(text).ok().map(Cow::Borrowed)
        }
        [b'"', text @ .., b'"'] => unescaped(text).map(Cow::Owned),
        digits if digits.iter().all(u8::is_ascii_digit) => {
            core::str::from_utf8(digits).ok().map(Cow::Borrowed)
        }
        _ => None,
    };
    text.map_or(Field::Unreadable, Field::Text)
}

#[cfg(test)]
mod tests {
    use core::fmt;

    use proptest::prelude::*;
    use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
    use serde_json::{Value, value::RawValue};

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

    /// The members of an object, by another parser.
    fn members(text: &str) -> Option<Vec<(String, &RawValue)>> {
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
        let mut parser = serde_json::Deserializer::from_str(text);
        let members = parser.deserialize_map(Members).ok()?;
        parser.end().ok().map(|()| members)
    }

    /// What is due at a pointer; none where the other parser does not read a key.
    fn due(text: &str, pointer: &str) -> Option<Field<'static>> {
        let (key, rest) = match pointer.split_once('/') {
            Some((key, rest)) => (key, Some(rest)),
            None => (pointer, None),
        };
        if !text.starts_with('{') {
            return Some(Field::Missing);
        }
        let members = members(text)?;
        let mut named = members.iter().filter(|(name, _)| name == key);
        let value = match (named.next(), named.next()) {
            (None, _) => return Some(Field::Missing),
            (Some(_), Some(_)) => return Some(Field::Unreadable),
            (Some((_, value)), None) => value.get(),
        };
        if let Some(rest) = rest {
            return due(value, rest);
        }
        Some(match serde_json::from_str::<Value>(value) {
            Ok(Value::Null) => Field::Missing,
            Ok(Value::String(text)) => Field::Text(text.into()),
            // Digits may be more than any number has.
            _ if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                Field::Text(value.to_owned().into())
            }
            _ => Field::Unreadable,
        })
    }

    fn judge(body: &[u8]) -> Result<(), TestCaseError> {
        let pointers = ["/a", "/b/a", "/b", "/a/b/c", "/c"];
        let found = read(body, &pointers);
        let is_json = serde_json::from_slice::<IgnoredAny>(body).is_ok();
        let mut scan = Scan::new(body);
        let scanned = scan.pass().and_then(|()| scan.end());
        prop_assert_eq!(scanned.is_some(), is_json);
        if !is_json || Scan::new(body).peek() != Some(b'{') {
            prop_assert!(found.iter().all(|field| *field == Field::Unreadable));
        } else if let Ok(text) = str::from_utf8(body) {
            for (pointer, field) in pointers.iter().zip(found) {
                let due = due(text.trim_start(), &pointer[1..]);
                prop_assert_eq!(Some(&field), due.as_ref().or(Some(&field)), "{}", pointer);
            }
        }
        Ok(())
    }

    /// JSON with names that are asked for, now and then twice, and with what else may be written.
    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "null|true|false|0|7|-1|12345678901234567890123|1\\.5|1e-3|-0\\.0E\\+9",
            any::<String>().prop_map(|text| Value::from(text).to_string()),
            r#""(a|b|\\u00(41|e9)|\\\\|\\"|\\/|\\ud83d\\ude00|\\ud800|[ -!#-\[\]-~]{9})*""#,
        ];
        let name = prop_oneof![4 => "\"[abc]\"", 1 => r#""(\\u0061|\\ud800|a\\n)""#];
        let blank = "[ \t\r\n]{0,2}";
        leaf.prop_recursive(4, 40, 5, move |inner| {
            let member = (name.clone(), blank, inner.clone())
                .prop_map(|(name, blank, value)| format!("{blank}{name}{blank}:{value}"));
            prop_oneof![
                3 => prop::collection::vec(member, 0..5)
                    .prop_map(|members| format!("{{{} }}", members.join(","))),
                1 => prop::collection::vec(inner, 0..4)
                    .prop_map(|items| format!("[{}]", items.join(" ,\n"))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn fields_are_what_another_parser_reads(body in json()) {
            judge(body.as_bytes())?;
        }

        #[test]
        fn nothing_is_json_that_is_none_for_another_parser(
            body in json(), at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..3,
        ) {
            let mut body = body.into_bytes();
            let at = at.index(body.len());
            match how {
                0 => body[at] = byte,
                1 => body.insert(at, byte),
                _ => body.truncate(at),
            }
            judge(&body)?;
        }

        #[test]
        fn bytes_of_strings_are_looked_at_one_and_all(text in prop::collection::vec(any::<u8>(), 0..40)) {
            judge(&[b"{\"a\":\"", text.as_slice(), b"\"}"].concat())?;
        }
    }
}
