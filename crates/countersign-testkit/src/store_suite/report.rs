//! What a run of the suite found.

use core::{error::Error, fmt};

/// Which rules a store kept and which it broke.
#[derive(Clone, Debug, Default)]
#[must_use = "a report may be one of failures"]
pub struct Report {
    pub(super) passed: Vec<&'static str>,
    pub(super) skipped: Vec<&'static str>,
    pub(super) failures: Vec<Failure>,
}

/// One rule that a store broke, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub(super) rule: &'static str,
    pub(super) message: String,
}

impl Report {
    /// Rules that were kept.
    #[must_use]
    pub fn passed(&self) -> &[&'static str] {
        &self.passed
    }

    /// Rules that the fixture gave no means to try, such as a store's bound.
    #[must_use]
    pub fn skipped(&self) -> &[&'static str] {
        &self.skipped
    }

    /// Rules that were broken.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Whether this rule was broken.
    #[must_use]
    pub fn broke(&self, rule: &str) -> bool {
        self.failures.iter().any(|failure| failure.rule == rule)
    }

    /// The failures as an error, for `?` in a test.
    ///
    /// # Errors
    ///
    /// When a rule was broken.
    pub fn into_result(self) -> Result<(), Self> {
        if self.failures.is_empty() {
            Ok(())
        } else {
            Err(self)
        }
    }
}

impl Failure {
    /// The rule's name.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        self.rule
    }

    /// What happened instead.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rules kept, {} broken, {} not tried",
            self.passed.len(),
            self.failures.len(),
            self.skipped.len()
        )?;
        for failure in &self.failures {
            write!(f, "\n  {failure}")?;
        }
        Ok(())
    }
}

impl Error for Report {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.message)
    }
}

/// Why a rule ended early.
pub(super) enum Stop {
    Broken(String),
    Skipped,
}

impl<E: Error> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Broken(format!("the store failed: {error}"))
    }
}

/// Ends a rule when a condition does not hold.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::store_suite::report::Stop::Broken(format!($($message)+)));
        }
    };
}

/// Ends a rule when two values differ, and shows both.
macro_rules! ensure_eq {
    ($left:expr, $right:expr, $($message:tt)+) => {{
        let (left, right) = (&$left, &$right);
        if left != right {
            return Err($crate::store_suite::report::Stop::Broken(format!(
                "{}: got {left:?}, expected {right:?}",
                format_args!($($message)+)
            )));
        }
    }};
}

pub(super) use {ensure, ensure_eq};
