//! Why a message is none of ours.

use core::{error::Error, fmt};

/// A message that no hand-off of countersign's wrote. Its text repeats nothing of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    kind: MalformedKind,
    name: &'static str,
}

/// In what way a message is not as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MalformedKind {
    /// It is no CloudEvents event.
    NoEvent,
    /// It lacks an attribute.
    Missing,
    /// An attribute says nothing that can be read.
    Unreadable,
    /// An attribute is there twice.
    Twice,
}

impl Malformed {
    pub(crate) const fn no_event() -> Self {
        Self {
            kind: MalformedKind::NoEvent,
            name: "",
        }
    }

    pub(super) const fn missing(name: &'static str) -> Self {
        Self {
            kind: MalformedKind::Missing,
            name,
        }
    }

    pub(super) const fn unreadable(name: &'static str) -> Self {
        Self {
            kind: MalformedKind::Unreadable,
            name,
        }
    }

    pub(super) const fn twice() -> Self {
        Self {
            kind: MalformedKind::Twice,
            name: "",
        }
    }

    /// In what way.
    #[must_use]
    pub const fn kind(&self) -> MalformedKind {
        self.kind
    }

    /// The attribute, where it is one.
    #[must_use]
    pub fn attribute(&self) -> Option<&'static str> {
        Some(self.name).filter(|name| !name.is_empty())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            MalformedKind::NoEvent => f.write_str("the message is no CloudEvents 1.0 event"),
            MalformedKind::Missing => {
                write!(f, "the message is no delivery: it lacks `{}`", self.name)
            }
            MalformedKind::Unreadable => {
                write!(
                    f,
                    "the message is no delivery: `{}` cannot be read",
                    self.name
                )
            }
            MalformedKind::Twice => f.write_str("an attribute of the message is there twice"),
        }
    }
}

impl Error for Malformed {}
