//! Why a store could not answer.

use core::{error::Error, fmt};

type BoxError = Box<dyn Error + Send + Sync>;

/// A store did not do what was asked.
///
/// Whatever the kind, the request is answered 503: no handler runs unclaimed.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<BoxError>,
}

/// What kind of failure a [`StoreError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The engine cannot be reached; nothing was applied.
    Unavailable,
    /// No answer in time; the operation may or may not have been applied.
    Timeout,
    /// A bounded store holds as many live rows as it may.
    Full,
    /// The engine answered with an error of its own.
    Backend,
}

impl StoreError {
    /// The engine cannot be reached.
    pub fn unavailable(source: impl Into<BoxError>) -> Self {
        Self {
            kind: StoreErrorKind::Unavailable,
            source: Some(source.into()),
        }
    }

    /// No answer in time.
    #[must_use]
    pub const fn timeout() -> Self {
        Self {
            kind: StoreErrorKind::Timeout,
            source: None,
        }
    }

    /// The store is full of live rows.
    #[must_use]
    pub const fn full() -> Self {
        Self {
            kind: StoreErrorKind::Full,
            source: None,
        }
    }

    /// The engine answered with an error of its own.
    pub fn backend(source: impl Into<BoxError>) -> Self {
        Self {
            kind: StoreErrorKind::Backend,
            source: Some(source.into()),
        }
    }

    /// What kind of failure it is.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => "the deduplication store cannot be reached",
            StoreErrorKind::Timeout => "the deduplication store did not answer in time",
            StoreErrorKind::Full => "the deduplication store is full of live deliveries",
            StoreErrorKind::Backend => "the deduplication store failed",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
