//! What rows are called on the server.

use std::sync::Arc;

use countersign_core::DeliveryKey;

const DEFAULT: &str = "{countersign}";

/// Names keys, all in one slot of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: Arc<str>,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        let braced = format!("{{{prefix}}}");
        let prefix = if has_tag(prefix) {
            prefix.to_owned()
        } else if has_tag(&braced) {
            braced
        } else {
            format!("{DEFAULT}{prefix}")
        };
        Self {
            prefix: prefix.into(),
        }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The row of a delivery. The scripts take it apart: 32 bytes at the end, `d:` before.
    pub(crate) fn row(&self, key: &DeliveryKey) -> Vec<u8> {
        self.name(":d:", key)
    }

    /// The rows of an alias. The scripts make it from a row's name: `a:` instead of `d:`.
    pub(crate) fn alias(&self, key: &DeliveryKey) -> Vec<u8> {
        self.name(":a:", key)
    }

    /// What was claimed last of an entity.
    pub(crate) fn subject(&self, key: &DeliveryKey) -> Vec<u8> {
        self.name(":s:", key)
    }

    fn name(&self, kind: &str, key: &DeliveryKey) -> Vec<u8> {
        [self.prefix.as_bytes(), kind.as_bytes(), key.as_bytes()].concat()
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new(DEFAULT)
    }
}

/// Whether a cluster hashes only a part of keys that begin so: what is between the first brace and
/// the next closing one, unless that is nothing.
fn has_tag(prefix: &str) -> bool {
    prefix
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .is_some_and(|(tag, _)| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_gets_one_slot() {
        for (prefix, expected) in [
            ("shop", "{shop}"),
            ("shop:{dedup}", "shop:{dedup}"),
            ("{shop}", "{shop}"),
            ("", "{countersign}"),
            ("}", "{countersign}}"),
            ("{}", "{{}}"),
            ("a{b", "{a{b}"),
            (DEFAULT, DEFAULT),
        ] {
            let keys = Keys::new(prefix);
            assert_eq!(keys.prefix(), expected, "{prefix:?}");
            assert!(has_tag(keys.prefix()), "{prefix:?}");
        }
    }

    #[test]
    fn names_are_as_the_scripts_take_them_apart() {
        let keys = Keys::new("shop");
        let key = DeliveryKey::from_bytes([7; 32]);
        let (row, alias) = (keys.row(&key), keys.alias(&key));
        assert_eq!(row.strip_suffix(&[7; 32]), Some(&b"{shop}:d:"[..]));
        assert_eq!(alias.strip_suffix(&[7; 32]), Some(&b"{shop}:a:"[..]));
    }
}
