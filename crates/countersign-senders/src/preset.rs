//! What is known of a sender beside its scheme: where the facts come from, and a sample of what it sends.

// docs/decisions.md: D48, D49, D55.

use core::fmt;

use countersign_core::scheme::Scheme;

/// A sender that is known.
///
/// The facts that decide are in its [`Scheme`]; [`all`](crate::all) lists them.
///
/// ```
/// let slack = countersign_senders::find("slack").expect("Slack is known");
/// assert_eq!(slack.title, "Slack");
/// assert!(slack.scheme.id_is_signed() && slack.scheme.time_is_signed());
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Preset {
    /// How the scheme is called, unique among all.
    pub name: &'static str,
    /// How the sender calls itself.
    pub title: &'static str,
    /// How it signs.
    pub scheme: Scheme,
    /// The page or file that the facts come from.
    pub source: &'static str,
    /// How sure they are.
    pub confidence: Confidence,
    /// A small body as the sender sends it, without its id, type and time.
    pub sample: &'static str,
    /// What a receiver should know that no other field says; may be empty.
    pub note: &'static str,
}

/// How sure the facts of a preset are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Confidence {
    /// Not confirmed by a page of the sender's that was read: try it before you rely on it.
    Low,
    /// From the sender's documentation without a signature to check it by, or from an independent receiver.
    Medium,
    /// From the sender's documentation or library; where signatures are published, they verify.
    High,
}

impl Confidence {
    /// A word for tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Debug for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preset")
            .field("name", &self.name)
            .field("confidence", &self.confidence)
            .finish_non_exhaustive()
    }
}

/// Declares the senders of one family: a constant for each, and the list of all.
macro_rules! family {
    ($(
        $(#[$doc:meta])+
        $(@cfg($feature:literal))?
        $name:ident: $id:literal, $title:literal, $confidence:ident, $source:literal, $sample:literal,
            $note:literal = $scheme:expr;
    )+) => {
        $(
            $(#[$doc])+
            $(#[cfg(feature = $feature)])?
            pub const $name: ::countersign_core::scheme::Scheme =
                $scheme.name($id).evidence($source).declare();
        )+

        pub(crate) const FAMILY: &[$crate::Preset] = &[$(
            $(#[cfg(feature = $feature)])?
            $crate::Preset {
                name: $id,
                title: $title,
                scheme: $name,
                source: $source,
                confidence: $crate::Confidence::$confidence,
                sample: $sample,
                note: $note,
            },
        )+];
    };
}

pub(crate) use family;
