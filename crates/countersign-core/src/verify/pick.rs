//! One value of a JSON text, by its pointer, as it is written.

use super::scan::{Scan, unescaped};

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
    let mut scan = Scan::new(text);
    let found = member(&mut scan, pointer.strip_prefix('/')?)?;
    scan.end()?;
    match found? {
        [b'"', text @ .., b'"'] => unescaped(text).map(Value::Text),
        number @ [b'-' | b'0'..=b'9', ..] => {
            let number = core::str::from_utf8(number).ok()?;
            Some(Value::Number(number.to_owned()))
        }
        b"true" => Some(Value::Bool(true)),
        b"false" => Some(Value::Bool(false)),
        _ => None,
    }
}

/// What is at these steps of an object, if anything; as deep as they are and no deeper. `None` where that cannot
/// be said.
fn member<'b>(scan: &mut Scan<'b>, steps: &str) -> Option<Option<&'b [u8]>> {
    let (step, rest) = match steps.split_once('/') {
        Some((step, rest)) => (step, Some(rest)),
        None => (steps, None),
    };
    scan.eat(b'{').then_some(())?;
    let (mut found, mut seen) = (None, false);
    if scan.eat(b'}') {
        return Some(found);
    }
    loop {
        if !scan.key()?.is(step) {
            scan.pass()?;
        } else if core::mem::replace(&mut seen, true) {
            return None;
        } else {
            found = match rest {
                Some(rest) => member(scan, rest)?,
                None => Some(scan.value()?),
            };
        }
        if !scan.eat(b',') {
            return scan.eat(b'}').then_some(found);
        }
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
