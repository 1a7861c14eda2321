//! JSON written again, in the ways that libraries write it.

use core::fmt::Write as _;
use std::borrow::Cow;

/// Deeper than any webhook, and shallower than any stack.
const MAX_DEPTH: usize = 128;

/// A value that keeps the order of keys and the text of numbers.
enum Tree<'a> {
    /// A number or a literal.
    Plain(&'a str),
    Text(Text<'a>),
    List(Vec<Self>),
    Object(Vec<(Text<'a>, Self)>),
}

/// A string: as it was written, and what it says.
struct Text<'a> {
    raw: &'a str,
    says: Cow<'a, str>,
    /// Whether every library writes it alike.
    plain: bool,
}

/// How a document is written.
#[derive(Clone, Copy)]
struct Style {
    space: Space,
    escape: Escape,
    slashes: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Space {
    None,
    Both,
    Colon,
    Indent(&'static str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    /// Only what JSON demands.
    Least,
    /// As each string was.
    Kept,
    /// Everything beyond ASCII, in lower or upper hexadecimal digits.
    Ascii { upper: bool },
    /// `<`, `>` and `&` as well, as Go does.
    Html,
}

const SPACES: [(Space, &str); 6] = [
    (Space::None, "without white space"),
    (Space::Both, "with a space behind each colon and comma"),
    (Space::Colon, "with a space behind each colon"),
    (Space::Indent("  "), "indented by two"),
    (Space::Indent("    "), "indented by four"),
    (Space::Indent("\t"), "indented by tabs"),
];
const ESCAPES: [(Escape, &str); 5] = [
    (Escape::Kept, ""),
    (Escape::Least, ", with Unicode characters as they are"),
    (
        Escape::Ascii { upper: false },
        ", with Unicode characters escaped",
    ),
    (
        Escape::Ascii { upper: true },
        ", with Unicode characters escaped in upper case",
    ),
    (Escape::Html, ", with < > & escaped"),
];

/// Calls `attempt` with the document in each style that makes a difference, until it says that this is it.
pub(super) fn styles(body: &[u8], attempt: &mut dyn FnMut(&str, Vec<u8>) -> bool) -> bool {
    let Some(mut tree) = core::str::from_utf8(body).ok().and_then(parse) else {
        return false;
    };
    let has = |what: &[u8]| body.windows(what.len()).any(|at| at == what);
    let unicode = !body.is_ascii() || has(b"\\u");
    let html = body.iter().any(|byte| b"<>&".contains(byte)) || has(b"\\u00");
    let has_slash = body.contains(&b'/');
    let indents = may_be_indented(body);
    for sorted in [false, true] {
        if sorted {
            tree.sort();
        }
        for (space, spaced) in SPACES {
            if matches!(space, Space::Indent(_)) && !indents {
                continue;
            }
            for (escape, escaped) in ESCAPES {
                let of_use = match escape {
                    Escape::Kept => true,
                    Escape::Html => html,
                    Escape::Least => body.contains(&b'\\'),
                    Escape::Ascii { .. } => unicode,
                };
                if !of_use || !is_written(space, escape) || sorted && !is_sorted(space) {
                    continue;
                }
                let slashed = has_slash && !sorted && escapes_slashes(space, escape);
                for slashes in [false, true] {
                    if slashes && !slashed {
                        continue;
                    }
                    let style = Style {
                        space,
                        escape,
                        slashes,
                    };
                    let order = if sorted { ", its keys sorted" } else { "" };
                    let slashed = if slashes {
                        ", with slashes escaped"
                    } else {
                        ""
                    };
                    let what = format!("the sender signed it {spaced}{order}{escaped}{slashed}");
                    let mut page = String::with_capacity(body.len().saturating_mul(2));
                    tree.write(style, 0, &mut page);
                    if attempt(&what, page.into_bytes()) {
                        return true;
                    }
                }
            }
        }
    }
    false
}

/// Whether a body stays of its size when it is indented: many values far inside would not.
fn may_be_indented(body: &[u8]) -> bool {
    let (mut open, mut deepest, mut lines) = (0_usize, 0_usize, 0_usize);
    for byte in body {
        match byte {
            b'{' | b'[' => open = open.saturating_add(1),
            b'}' | b']' => open = open.saturating_sub(1),
            b',' => {}
            _ => continue,
        }
        lines = lines.saturating_add(1);
        deepest = deepest.max(open);
    }
    let more = lines.saturating_mul(deepest).saturating_mul(4);
    more <= body.len().saturating_mul(4).saturating_add(64 * 1024)
}

/// Whether a library writes so: each style is a walk over the body.
const fn is_written(space: Space, escape: Escape) -> bool {
    match escape {
        Escape::Html | Escape::Ascii { upper: true } => {
            matches!(space, Space::None | Space::Indent(_))
        }
        Escape::Kept | Escape::Least | Escape::Ascii { upper: false } => true,
    }
}

/// Whether a library that writes so can sort keys.
const fn is_sorted(space: Space) -> bool {
    matches!(space, Space::None | Space::Both | Space::Indent(_))
}

/// Whether a library that writes so may escape slashes.
const fn escapes_slashes(space: Space, escape: Escape) -> bool {
    let spaced = matches!(space, Space::None | Space::Both | Space::Indent(_));
    spaced && matches!(escape, Escape::Kept | Escape::Ascii { upper: false })
}

impl Tree<'_> {
    fn sort(&mut self) {
        match self {
            Self::Plain(_) | Self::Text(_) => {}
            Self::List(items) => items.iter_mut().for_each(Self::sort),
            Self::Object(fields) => {
                fields.sort_by(|(one, _), (other, _)| one.says.cmp(&other.says));
                for (_, value) in fields {
                    value.sort();
                }
            }
        }
    }

    fn write(&self, style: Style, depth: usize, page: &mut String) {
        let inner = depth.saturating_add(1);
        match self {
            Self::Plain(text) => page.push_str(text),
            Self::Text(text) => text.write(style, page),
            Self::List(items) => {
                page.push('[');
                for (at, item) in items.iter().enumerate() {
                    style.part(at > 0, inner, page);
                    item.write(style, inner, page);
                }
                style.end(items.is_empty(), depth, page);
                page.push(']');
            }
            Self::Object(fields) => {
                page.push('{');
                for (at, (key, value)) in fields.iter().enumerate() {
                    style.part(at > 0, inner, page);
                    key.write(style, page);
                    page.push(':');
                    if style.space != Space::None {
                        page.push(' ');
                    }
                    value.write(style, inner, page);
                }
                style.end(fields.is_empty(), depth, page);
                page.push('}');
            }
        }
    }
}

impl Style {
    /// Whether a character is not written as it is.
    const fn changes(self, at: char) -> bool {
        match at {
            '"' | '\\' | '\u{0}'..='\u{1f}' => true,
            '/' => self.slashes,
            '<' | '>' | '&' => matches!(self.escape, Escape::Html),
            '\u{2028}' | '\u{2029}' => matches!(self.escape, Escape::Html | Escape::Ascii { .. }),
            _ => !at.is_ascii() && matches!(self.escape, Escape::Ascii { .. }),
        }
    }

    /// What stands before an item.
    fn part(self, follows: bool, depth: usize, page: &mut String) {
        if follows {
            page.push(',');
        }
        match self.space {
            Space::Both if follows => page.push(' '),
            Space::Indent(by) => {
                page.push('\n');
                page.extend(core::iter::repeat_n(by, depth));
            }
            _ => {}
        }
    }

    /// What stands before the end.
    fn end(self, empty: bool, depth: usize, page: &mut String) {
        if let (Space::Indent(by), false) = (self.space, empty) {
            page.push('\n');
            page.extend(core::iter::repeat_n(by, depth));
        }
    }
}

impl Text<'_> {
    fn write(&self, style: Style, page: &mut String) {
        page.push('"');
        if self.plain {
            page.push_str(self.raw);
            page.push('"');
            return;
        }
        if style.escape == Escape::Kept && !style.slashes && !self.raw.contains("\\/") {
            page.push_str(self.raw);
            page.push('"');
            return;
        }
        let mut written = 0;
        for (place, at) in self.says.char_indices() {
            if !style.changes(at) {
                continue;
            }
            page.push_str(self.says.get(written..place).unwrap_or_default());
            written = place.saturating_add(at.len_utf8());
            match at {
                '"' => page.push_str("\\\""),
                '\\' => page.push_str("\\\\"),
                '\n' => page.push_str("\\n"),
                '\r' => page.push_str("\\r"),
                '\t' => page.push_str("\\t"),
                '\u{8}' => page.push_str("\\b"),
                '\u{c}' => page.push_str("\\f"),
                '/' => page.push_str("\\/"),
                at => escape(at, style.escape == Escape::Ascii { upper: true }, page),
            }
        }
        page.push_str(self.says.get(written..).unwrap_or_default());
        page.push('"');
    }
}

fn escape(at: char, upper: bool, page: &mut String) {
    for unit in at.encode_utf16(&mut [0; 2]) {
        // A string takes everything that is written to it.
        let _ = match upper {
            true => write!(page, "\\u{unit:04X}"),
            false => write!(page, "\\u{unit:04x}"),
        };
    }
}

/// Reads a document; none where it is no JSON, or nested too deeply.
fn parse(text: &str) -> Option<Tree<'_>> {
    let mut reader = Reader { rest: text };
    let tree = reader.value(0)?;
    reader.blank();
    reader.rest.is_empty().then_some(tree)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn blank(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, what: char) -> bool {
        self.blank();
        match self.rest.strip_prefix(what) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Tree<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let inner = depth.saturating_add(1);
        self.blank();
        match self.rest.as_bytes().first()? {
            b'"' => Some(Tree::Text(self.string()?)),
            b'{' => {
                let mut fields = Vec::new();
                self.take('{');
                if self.take('}') {
                    return Some(Tree::Object(fields));
                }
                loop {
                    self.blank();
                    let key = self.string()?;
                    if !self.take(':') {
                        return None;
                    }
                    fields.push((key, self.value(inner)?));
                    if !self.take(',') {
                        return self.take('}').then_some(Tree::Object(fields));
                    }
                }
            }
            b'[' => {
                let mut items = Vec::new();
                self.take('[');
                if self.take(']') {
                    return Some(Tree::List(items));
                }
                loop {
                    items.push(self.value(inner)?);
                    if !self.take(',') {
                        return self.take(']').then_some(Tree::List(items));
                    }
                }
            }
            _ => {
                let end = self.rest.find([',', ']', '}', ' ', '\t', '\n', '\r']);
                let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                self.rest = rest;
                // Whether it is a number is the sender's business; a quote would be a string.
                (!word.is_empty() && !word.contains(['"', '{', '['])).then_some(Tree::Plain(word))
            }
        }
    }

    fn string(&mut self) -> Option<Text<'a>> {
        let inside = self.rest.strip_prefix('"')?;
        let mut escaped = false;
        let end = inside.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        let (raw, _) = inside.split_at_checked(end)?;
        let quoted = self.rest.get(..end.checked_add(2)?)?;
        self.rest = self.rest.get(quoted.len()..)?;
        let says = if raw.contains('\\') {
            Cow::Owned(serde_json::from_str(quoted).ok()?)
        } else {
            Cow::Borrowed(raw)
        };
        let alike = |byte: u8| matches!(byte, b' '..=b'~') && !b"\\/<>&".contains(&byte);
        let plain = raw.bytes().all(alike);
        Some(Text { raw, says, plain })
    }
}

#[cfg(test)]
mod checks {
    use super::*;

    fn all(body: &str) -> Vec<String> {
        let mut all = Vec::new();
        styles(body.as_bytes(), &mut |_, body| {
            all.push(String::from_utf8(body).unwrap());
            false
        });
        all
    }

    #[test]
    fn a_document_is_written_in_every_style() {
        let body = r#"{"b": [1.0, {}, [], "a/é\u00e9<"], "a": {"x": null}}"#;
        let all = all(body);
        for due in [
            r#"{"b":[1.0,{},[],"a/é\u00e9<"],"a":{"x":null}}"#,
            r#"{"a":{"x":null},"b":[1.0,{},[],"a/éé<"]}"#,
            r#"{"b": [1.0, {}, [], "a\/\u00e9\u00e9<"], "a": {"x": null}}"#,
            r#"{"b":[1.0,{},[],"a/éé\u003c"],"a":{"x":null}}"#,
            "{\n  \"b\": [\n    1.0,\n    {},\n    [],\n    \"a/\\u00E9\\u00E9<\"\n  ],\n  \"a\": {\n    \"x\": null\n  }\n}",
        ] {
            assert!(all.iter().any(|one| one == due), "{due}");
        }
    }

    #[test]
    fn what_is_no_json_has_no_style() {
        let deep = "[".repeat(100_000);
        for body in [
            "",
            "{",
            "{\"a\"}",
            "[1,]",
            "{\"a\":1}}",
            "\"\\ud800\"",
            "[\"a",
            &deep,
            "{a:1}",
        ] {
            assert!(all(body).is_empty(), "{}", &body[..body.len().min(20)]);
        }
    }
}
