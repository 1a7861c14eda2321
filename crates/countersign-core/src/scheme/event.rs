//! What a scheme knows about event types.

// docs/decisions.md: D15, D21.

/// A documented event type: what a replay of it means, and which signed fields support it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRule {
    pub(crate) name: &'static str,
    pub(crate) once: bool,
    pub(crate) proof: Option<(&'static str, &'static [&'static str])>,
}

impl EventRule {
    /// A type that comes once for each change of an entity (`*.created`, `*.paid`): the same signed
    /// bytes under another unsigned id are not run again while nothing else was claimed of the entity
    /// in between. A scheme with such a type names the entity with
    /// [`subject_pointer`](super::SchemeBuilder::subject_pointer).
    #[must_use]
    pub const fn once(name: &'static str) -> Self {
        Self {
            name,
            once: true,
            proof: None,
        }
    }

    /// A type that may honestly repeat with the same bytes (`*.updated`, `*.sent`): such a
    /// delivery runs, flagged as a repeat.
    #[must_use]
    pub const fn repeats(name: &'static str) -> Self {
        Self {
            name,
            once: false,
            proof: None,
        }
    }

    /// Ties the type to a signed field: where the body has `pointer`, its value must be one of
    /// `values`, else the typed event is `Unproved`.
    #[must_use]
    pub const fn when(mut self, pointer: &'static str, values: &'static [&'static str]) -> Self {
        self.proof = Some((pointer, values));
        self
    }

    /// Whether a repeat of the type is not run.
    #[must_use]
    pub const fn is_once(&self) -> bool {
        self.once
    }

    /// The signed field that the type is tied to, and its values.
    #[must_use]
    pub const fn proof(&self) -> Option<(&'static str, &'static [&'static str])> {
        self.proof
    }

    /// The name of the type.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}
