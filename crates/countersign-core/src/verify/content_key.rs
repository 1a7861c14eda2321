//! The signed fields by which an event without an id is known.

// docs/decisions.md: D60.

use super::{
    Verified,
    pick::{Value, pick},
};

impl Verified {
    /// The values at these pointers, each behind a letter that says what it is, so that the number 1 is not the
    /// text "1". `None` unless all are there and each means one thing.
    pub(crate) fn content(&self, pointers: &[&str]) -> Option<Vec<String>> {
        let body = self.payload()?;
        let value = |pointer: &&str| {
            Some(match pick(body, pointer)? {
                Value::Text(text) => format!("s{text}"),
                Value::Number(number) => format!("n{number}"),
                Value::Bool(is) => format!("b{is}"),
            })
        };
        pointers.iter().map(value).collect()
    }
}
