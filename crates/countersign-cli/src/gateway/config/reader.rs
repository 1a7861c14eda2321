//! A table of the file, read key by key.

use core::{ops::Range, time::Duration};
use std::cell::RefCell;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{problem::Problems, values};
use crate::choose::distance;

/// What people call a secret that they write down.
const PLAIN: [&str; 10] = [
    "secret",
    "secrets",
    "signing_secret",
    "webhook_secret",
    "password",
    "token",
    "verify_token",
    "key",
    "api_key",
    "signing_key",
];

const NO_SECRETS: &str = "a secret does not belong into this file: put it into an environment variable or a file of \
                          its own, and name that with";

/// Reads a table; what nobody asked for is unknown.
pub(super) struct Reader<'t> {
    path: String,
    table: &'t DeTable<'t>,
    start: usize,
    known: RefCell<Vec<&'static str>>,
    pub(super) problems: &'t Problems<'t>,
}

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Entry<T> {
    pub(super) value: T,
    pub(super) key: String,
    pub(super) start: usize,
}

impl<'t> Reader<'t> {
    pub(super) const fn new(
        path: String,
        table: &'t DeTable<'t>,
        start: usize,
        problems: &'t Problems<'t>,
    ) -> Self {
        Self {
            path,
            table,
            start,
            known: RefCell::new(Vec::new()),
            problems,
        }
    }

    /// Says that something is wrong with a key, or with the table where the key is not there.
    pub(super) fn wrong(&self, key: &str, message: impl Into<String>) {
        let found = self.find(key).map(|(span, _)| span.start);
        self.problems
            .add(found.unwrap_or(self.start), &self.full(key), message);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    pub(super) fn text(&self, key: &'static str) -> Option<Entry<&'t str>> {
        let entry = self.get(key)?;
        let text = entry.value.as_str();
        self.typed(&entry, text, "a text, in quotes")
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let entry = self.get(key)?;
        self.typed(&entry, entry.value.as_bool(), "true or false")
            .map(|entry| entry.value)
    }

    pub(super) fn duration(&self, key: &'static str) -> Option<Duration> {
        let entry = self.get(key)?;
        let value = entry.value.as_str().and_then(values::duration);
        self.typed(
            &entry,
            value,
            "a time with its unit, such as \"500ms\", \"8s\", \"5m\", \"24h\" or \"7d\"",
        )
        .map(|entry| entry.value)
    }

    pub(super) fn size(&self, key: &'static str) -> Option<usize> {
        let entry = self.get(key)?;
        let value = match entry.value {
            DeValue::Integer(number) if number.radix() == 10 => values::size(number.as_str()),
            value => value.as_str().and_then(values::size),
        };
        self.typed(
            &entry,
            value,
            "a number of bytes, such as 65536, \"64KiB\" or \"25MiB\", at most \"256MiB\"",
        )
        .map(|entry| entry.value)
    }

    pub(super) fn number(&self, key: &'static str, most: usize) -> Option<usize> {
        let entry = self.get(key)?;
        let value = match entry.value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            _ => None,
        };
        let value = value.filter(|number| (1..=most).contains(number));
        self.typed(&entry, value, &format!("a number between 1 and {most}"))
            .map(|entry| entry.value)
    }

    /// One text, or a list of them.
    pub(super) fn texts(&self, key: &'static str) -> Vec<Entry<&'t str>> {
        let Some(entry) = self.get(key) else {
            return Vec::new();
        };
        let items: Option<Vec<_>> = match entry.value {
            DeValue::Array(items) => items
                .iter()
                .map(|item| Some((item.get_ref().as_str()?, item.span().start)))
                .collect(),
            value => value.as_str().map(|text| vec![(text, entry.start)]),
        };
        let items = items.filter(|items| !items.is_empty());
        let Some(items) = self.typed(&entry, items, "a text in quotes, or a list of such") else {
            return Vec::new();
        };
        let items = items.value.into_iter();
        let key = || entry.key.clone();
        items
            .map(|(value, start)| Entry {
                value,
                key: key(),
                start,
            })
            .collect()
    }

    pub(super) fn table(&self, key: &'static str) -> Option<Self> {
        let entry = self.get(key)?;
        let table = self.typed(&entry, entry.value.as_table(), "a table")?;
        Some(Self::new(
            entry.key,
            table.value,
            entry.start,
            self.problems,
        ))
    }

    /// Every table in this one, by its name.
    pub(super) fn tables(&self) -> Vec<(&'t str, Self)> {
        let mut tables = Vec::new();
        for (name, value) in self.table {
            let key = self.full(name.get_ref());
            match value.get_ref().as_table() {
                Some(table) => {
                    let reader = Self::new(key, table, name.span().start, self.problems);
                    tables.push((&**name.get_ref(), reader));
                }
                None => self
                    .problems
                    .add(name.span().start, &key, "this must be a table"),
            }
        }
        tables
    }

    /// Takes keys for known that nobody needs any more.
    pub(super) fn know(&self, keys: &[&'static str]) {
        self.known.borrow_mut().extend(keys);
    }

    /// Says which keys nobody asked for.
    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for name in self.table.keys() {
            let key: &str = name.get_ref();
            if known.contains(&key) {
                continue;
            }
            let message = if PLAIN.contains(&key) {
                let stem = if known.contains(&"verify_token_env") && key.ends_with("token") {
                    "verify_token"
                } else if known.contains(&"url_env") {
                    "url"
                } else {
                    "secret"
                };
                format!("{NO_SECRETS} `{stem}_env = \"NAME\"` or `{stem}_file = \"PATH\"`")
            } else {
                let near = nearest(key, &known);
                match near {
                    Some(near) => format!("there is no such key; did you mean `{near}`?"),
                    None => {
                        let mut all = known.clone();
                        all.sort_unstable();
                        format!("there is no such key here; there are {}", all.join(", "))
                    }
                }
            };
            self.problems
                .add(name.span().start, &self.full(key), message);
        }
    }

    fn full(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    fn find(&self, key: &str) -> Option<(Range<usize>, &'t Spanned<DeValue<'t>>)> {
        self.table
            .iter()
            .find(|(name, _)| name.get_ref() == key)
            .map(|(name, value)| (name.span(), value))
    }

    fn get(&self, key: &'static str) -> Option<Entry<&'t DeValue<'t>>> {
        self.known.borrow_mut().push(key);
        let (span, value) = self.find(key)?;
        Some(Entry {
            value: value.get_ref(),
            key: self.full(key),
            start: span.start,
        })
    }

    fn typed<A, T>(&self, entry: &Entry<A>, value: Option<T>, due: &str) -> Option<Entry<T>> {
        match value {
            Some(value) => Some(Entry {
                value,
                key: entry.key.clone(),
                start: entry.start,
            }),
            None => {
                self.problems
                    .add(entry.start, &entry.key, format!("this must be {due}"));
                None
            }
        }
    }
}

/// The key that somebody may have meant.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let letters = |text: &str| text.chars().take(64).collect::<Vec<_>>();
    let wrong = letters(key);
    let near = known
        .iter()
        .map(|name| (distance(&wrong, &letters(name)), *name));
    near.min()
        .filter(|(edits, name)| *edits <= name.len() / 3)
        .map(|(_, name)| name)
}
