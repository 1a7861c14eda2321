//! The name of the table, and statements written for it.

use core::{error::Error, fmt, str::FromStr};
use std::sync::Arc;

use crate::sql;

/// The longest name that leaves room for `_subjects` in the 63 bytes of a Postgres name.
const MAX_LEN: usize = 63 - "_subjects".len();

/// The name that the store's tables begin with; `countersign` by default.
///
/// A lower-case letter, then lower-case letters, digits and underscores, at most 54 bytes: nothing
/// that needs quoting, so that it can be written into statements. Another schema is chosen with the
/// connection's `search_path`. From the name come `<name>`, `<name>_aliases`,
/// `<name>_subjects`, `<name>_fence` and the indexes `<name>_until` and `<name>_kept`.
///
/// ```
/// use countersign_postgres::{Table, sql};
///
/// let table: Table = "webhooks".parse()?;
/// assert!(table.apply(sql::MIGRATION).contains("CREATE TABLE IF NOT EXISTS webhooks ("));
/// assert!("webhooks; DROP TABLE users".parse::<Table>().is_err());
/// # Ok::<(), countersign_postgres::TableError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table(Arc<str>);

impl Table {
    /// A statement of [`sql`] for this table.
    #[must_use]
    pub fn apply(&self, statement: &str) -> String {
        // The word also names a setting of the session, which is not the table's.
        let mut text = String::with_capacity(statement.len());
        for (at, part) in statement.split(DEFAULT).enumerate() {
            if at > 0 {
                let setting = part.starts_with(".lock_timeout") || part.starts_with("-postgres");
                text.push_str(if setting { DEFAULT } else { &self.0 });
            }
            text.push_str(part);
        }
        text
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const DEFAULT: &str = "countersign";

impl Default for Table {
    fn default() -> Self {
        Self(DEFAULT.into())
    }
}

impl FromStr for Table {
    type Err = TableError;

    fn from_str(name: &str) -> Result<Self, TableError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let starts = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        if starts && name.len() <= MAX_LEN && name.bytes().all(plain) {
            Ok(Self(name.into()))
        } else {
            Err(TableError)
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name that cannot be a table's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableError;

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a table name is a lower-case letter, then lower-case letters, digits and underscores, \
             at most {MAX_LEN} in all"
        )
    }
}

impl Error for TableError {}

/// The store's own statements, written for a table once.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) migration: String,
    pub(crate) claim_new: String,
    pub(crate) claim_new_aliased: String,
    pub(crate) unpoint: String,
    pub(crate) claim_known: String,
    pub(crate) claim_locked: String,
    pub(crate) extend: String,
    pub(crate) complete_in: String,
    pub(crate) release: String,
    pub(crate) state: String,
    pub(crate) forget: String,
    pub(crate) forget_subject: String,
    pub(crate) purge: String,
    pub(crate) purge_subjects: String,
}

impl Statements {
    pub(crate) fn new(table: &Table) -> Self {
        Self {
            migration: table.apply(sql::MIGRATION),
            claim_new: table.apply(sql::CLAIM_NEW),
            claim_new_aliased: table.apply(sql::CLAIM_NEW_ALIASED),
            unpoint: table.apply(sql::UNPOINT),
            claim_known: table.apply(sql::CLAIM_KNOWN),
            claim_locked: table.apply(sql::CLAIM_LOCKED),
            extend: table.apply(sql::EXTEND),
            complete_in: table.apply(sql::COMPLETE_IN),
            release: table.apply(sql::RELEASE),
            state: table.apply(sql::STATE),
            forget: table.apply(sql::FORGET),
            forget_subject: table.apply(sql::FORGET_SUBJECT),
            purge: table.apply(sql::PURGE),
            purge_subjects: table.apply(sql::PURGE_SUBJECTS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_need_no_quoting() {
        for good in ["a", "webhooks", "w_2", &"x".repeat(MAX_LEN)] {
            assert_eq!(good.parse::<Table>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "_a",
            "2a",
            "A",
            "a-b",
            "a.b",
            "a b",
            "a\"",
            "a'",
            "ä",
            &"x".repeat(MAX_LEN + 1),
        ] {
            assert_eq!(bad.parse::<Table>(), Err(TableError), "{bad}");
        }
    }

    #[test]
    fn statements_name_no_other_table() {
        let table: Table = "hooks".parse().unwrap();
        let all = Statements::new(&table);
        let text = format!("{all:?}").replace("countersign-postgres", "");
        assert!(!text.contains("countersign"), "{text}");
        assert_eq!(table.apply(sql::LOCK_TIMEOUT), sql::LOCK_TIMEOUT);
        assert_eq!(Table::default().apply(sql::PURGE), sql::PURGE);
    }
}
