//! The items of a proved body, each a delivery of its own.

use core::{fmt, iter::Enumerate, ops::ControlFlow};
use std::{sync::Arc, vec};

use bytes::Bytes;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Verified;
use crate::rejection::{Rejection, RejectionKind};

/// Why a proved body has no items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoItems {
    /// There is no list where the scheme says, or several.
    NoList,
    /// It is longer than the limit.
    TooMany,
}

/// The texts of a body's items, at most `limit` of them. Each is a part of the body, not a copy.
///
/// A key that occurs twice on the way is no list: parsers differ on which of the two counts.
pub(super) fn items(body: &Bytes, pointer: &str, limit: usize) -> Result<Vec<Bytes>, NoItems> {
    let mut found = Found {
        items: None,
        too_many: false,
        limit,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let walk = Walk {
        rest: pointer.strip_prefix('/'),
        found: &mut found,
    };
    let read = walk
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    if found.too_many {
        return Err(NoItems::TooMany);
    }
    match (read, found.items) {
        (Ok(()), Some(items)) => Ok(items
            .into_iter()
            .map(|item| body.slice_ref(item.as_bytes()))
            .collect()),
        _ => Err(NoItems::NoList),
    }
}

struct Found<'b> {
    items: Option<Vec<&'b str>>,
    too_many: bool,
    limit: usize,
}

impl<'b> Found<'b> {
    fn add(&mut self, item: &'b str) -> ControlFlow<()> {
        let items = self.items.get_or_insert_default();
        if items.len() >= self.limit {
            self.too_many = true;
            return ControlFlow::Break(());
        }
        items.push(item);
        ControlFlow::Continue(())
    }
}

/// One step on the way to the list; as deep as the pointer and no deeper.
struct Walk<'w, 'p, 'b> {
    /// The steps that are left; none at the list itself.
    rest: Option<&'p str>,
    found: &'w mut Found<'b>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.rest {
            Some(_) => deserializer.deserialize_map(self),
            None => deserializer.deserialize_seq(self),
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of items")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let steps = self.rest.unwrap_or_default();
        let (step, rest) = match steps.split_once('/') {
            Some((step, rest)) => (step, Some(rest)),
            None => (steps, None),
        };
        let mut seen = false;
        while let Some(is_step) = map.next_key_seed(Is(step))? {
            if !is_step {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if core::mem::replace(&mut seen, true) {
                return Err(de::Error::custom("a key twice"));
            }
            map.next_value_seed(Walk {
                rest,
                found: self.found,
            })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.found.items.get_or_insert_default();
        while let Some(item) = seq.next_element::<&'de RawValue>()? {
            if self.found.add(item.get()).is_break() {
                return Err(de::Error::custom("too many items"));
            }
        }
        Ok(())
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

/// The items of a proved body, each a [`Verified`] of its own. Comes from [`Verified::into_items`].
#[derive(Debug)]
pub struct Items {
    whole: Arc<Verified>,
    texts: Enumerate<vec::IntoIter<Bytes>>,
}

impl Verified {
    /// Takes the items out of a body that holds several events, at most `limit` of them, for a scheme
    /// with a [batch](crate::Scheme::batch). A [`Receiver`](crate::Receiver) does so by itself.
    ///
    /// Each item is a delivery of its own, with the item's text as its body and with an id, a type and
    /// an entity out of that text. What the signature covers is the request:
    /// [`whole_body`](Verified::whole_body).
    ///
    /// ```
    /// use countersign_core::{Scheme, Secret, Timestamp, Verifier};
    ///
    /// const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
    ///     .batch("/events")
    ///     .id_pointer("/id")
    ///     .declare();
    ///
    /// let verifier = Verifier::builder(ACME).secret(Secret::new("secret")?).build()?;
    /// let signature = "8582debc8c1201b67f1644eef81056b12496bdfcfe7adcac7628dcc4a1b9114e";
    /// let request = http::Request::post("/").header("X-Acme-Signature", signature).body(())?;
    /// let body = r#"{"events":[{"id":"a"},{"id":"b"}]}"#;
    /// let verified = verifier.verify(&request, body.into(), Timestamp::now())?;
    /// let ids: Vec<_> = verified.into_items(100)?.map(|item| item.id().map(str::to_owned)).collect();
    /// assert_eq!(ids, [Some("a".to_owned()), Some("b".to_owned())]);
    ///
    /// let verified = verifier.verify(&request, body.into(), Timestamp::now())?;
    /// assert!(verified.into_items(1).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When there are more, or there is no list where the scheme says.
    pub fn into_items(self, limit: usize) -> Result<Items, Rejection> {
        Items::of(Arc::new(self), limit)
    }
}

impl Items {
    pub(crate) fn of(whole: Arc<Verified>, limit: usize) -> Result<Self, Rejection> {
        let pointer = whole.scheme().batch();
        let read = match (pointer, whole.payload_bytes()) {
            (Some(pointer), Some(payload)) => items(&payload, pointer, limit),
            _ => Err(NoItems::NoList),
        };
        let texts = read.map_err(|none| {
            Rejection::new(match none {
                NoItems::NoList => RejectionKind::UnexpectedBody,
                NoItems::TooMany => RejectionKind::BatchTooLong,
            })
        })?;
        Ok(Self {
            whole,
            texts: texts.into_iter().enumerate(),
        })
    }

    /// The request that they came in.
    pub(crate) fn whole(&self) -> &Verified {
        &self.whole
    }
}

impl Iterator for Items {
    type Item = Verified;

    fn next(&mut self) -> Option<Verified> {
        let (at, text) = self.texts.next()?;
        Some(Verified::item(&self.whole, at, text))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.texts.size_hint()
    }
}

impl ExactSizeIterator for Items {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str, pointer: &str, limit: usize) -> Result<Vec<String>, NoItems> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let items = items(&body, pointer, limit)?;
        Ok(items
            .into_iter()
            .map(|item| String::from_utf8(item.into()).unwrap())
            .collect())
    }

    #[test]
    fn items_are_the_bytes_of_the_body() {
        let list = r#" [ {"id": 1, "a":[1,2]} , "x",3, null , {"\u0069d":2}]"#;
        let due = [
            r#"{"id": 1, "a":[1,2]}"#,
            r#""x""#,
            "3",
            "null",
            r#"{"\u0069d":2}"#,
        ];
        assert_eq!(read(list, "", 5).unwrap(), due);
        let inside = format!(r#"{{"x":{{"events":[9]}},"a":{{"events":{list},"y":1}}}}"#);
        assert_eq!(read(&inside, "/a/events", 5).unwrap(), due);
        assert_eq!(read("[]", "", 5).unwrap(), [""; 0]);
        assert_eq!(read(r#"{"events":[]}"#, "/events", 5).unwrap(), [""; 0]);
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a-e]", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn items_are_what_another_parser_reads(body in json(), blanks in any::<bool>()) {
            let text = match blanks {
                true => serde_json::to_string_pretty(&body).unwrap(),
                false => body.to_string(),
            };
            for pointer in ["", "/a", "/a/b", "/c"] {
                let due = body.pointer(pointer).and_then(serde_json::Value::as_array);
                // A step through a list is none.
                let due = due.filter(|_| pointer != "/a/b" || body["a"].is_object());
                let read = read(&text, pointer, 100).ok().map(|items| {
                    let parse = |item: String| serde_json::from_str(&item).unwrap();
                    items.into_iter().map(parse).collect::<Vec<serde_json::Value>>()
                });
                prop_assert_eq!(read.as_ref(), due, "{}", pointer);
            }
        }
    }

    #[test]
    fn what_is_no_list_has_no_items() {
        for (body, pointer) in [
            ("", ""),
            ("{}", ""),
            ("[1", ""),
            ("[1]x", ""),
            ("[1,]", ""),
            ("{}", "/events"),
            (r#"{"events":{}}"#, "/events"),
            (r#"{"events":null}"#, "/events"),
            (r#"{"events":[1],"events":[2]}"#, "/events"),
            (r#"{"events":[1],"\u0065vents":[2]}"#, "/events"),
            (r#"{"a":{"events":[1]},"a":{}}"#, "/a/events"),
            (r#"[{"events":[1]}]"#, "/events"),
        ] {
            assert_eq!(
                read(body, pointer, 5),
                Err(NoItems::NoList),
                "{body} {pointer}"
            );
        }
    }

    #[test]
    fn more_than_the_limit_is_refused_before_it_is_read() {
        assert!(read("[1,2,3]", "", 3).is_ok());
        assert_eq!(read("[1,2,3,4]", "", 3), Err(NoItems::TooMany));
        // It ends where the limit does, whatever comes behind it.
        assert_eq!(read("[1,2,3,4,<", "", 3), Err(NoItems::TooMany));
        let deep = format!("[{}1{}]", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(&deep, "", 3).unwrap().len(), 1);
    }
}
