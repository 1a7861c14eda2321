use core::fmt;
use std::cell::RefCell;

/// Something that is wrong with a configuration, and where. It repeats no value: one may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// From 1.
    pub(crate) line: usize,
    /// Such as `endpoints.stripe.path`; empty where the text itself is wrong.
    pub(crate) key: String,
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// All that is wrong, in the order of lines.
#[derive(Debug)]
pub(super) struct Problems<'t> {
    text: &'t str,
    list: RefCell<Vec<Problem>>,
}

impl<'t> Problems<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self {
            text,
            list: RefCell::new(Vec::new()),
        }
    }

    /// The offset is in bytes.
    pub(super) fn add(&self, offset: usize, key: &str, message: impl Into<String>) {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        let breaks = before.iter().filter(|byte| **byte == b'\n').count();
        self.list.borrow_mut().push(Problem {
            line: breaks.saturating_add(1),
            key: key.to_owned(),
            message: message.into(),
        });
    }

    pub(super) fn count(&self) -> usize {
        self.list.borrow().len()
    }

    pub(super) fn into_sorted(self) -> Vec<Problem> {
        let mut list = self.list.into_inner();
        list.sort();
        list.dedup();
        list
    }
}
