//! A shared secret that is sent in the body.

use super::{
    Location, Scheme, SchemeBuilder, SchemeError, check::is_pointer, content_key::is_same,
};
use crate::mac::Algorithm;

impl Scheme {
    /// Starts a scheme whose sender writes a shared secret into the body and **signs nothing**: Microsoft Graph's
    /// `clientState`.
    ///
    /// All that is said of [`Scheme::token`] is true here as well, and whoever may read a body knows the secret.
    ///
    /// Where a body holds several events, `*` stands for each of them, the list is the scheme's
    /// [`batch`](SchemeBuilder::batch), and **every** item must hold a secret that is known: one that lacks it, or
    /// has another, refuses the whole request. A secret is a text; a key on its way that is there twice is none.
    ///
    /// ```
    /// use countersign_core::scheme::{IdenticalBodies, Scheme, SchemeError};
    ///
    /// const GRAPH: Scheme = Scheme::token_in_body("/value/*/clientState")
    ///     .batch("/value")
    ///     .identical_bodies(IdenticalBodies::Events)
    ///     .declare();
    /// assert!(!GRAPH.body_is_signed());
    ///
    /// // The items that are handled are those whose token was looked at.
    /// let another = GRAPH.to_builder().batch("/events").build();
    /// assert_eq!(another, Err(SchemeError::TokenOfAnotherList));
    /// ```
    pub const fn token_in_body(pointer: &'static str) -> SchemeBuilder {
        Self::token("").location(Location::Body(pointer))
    }

    /// Where each item's token is and, where there are several, their list.
    pub(crate) const fn body_token(&self) -> Option<(Option<&'static str>, &'static str)> {
        match self.location {
            Location::Body(pointer) if self.procedure.is_none() => Some(split(pointer)),
            _ => None,
        }
    }

    pub(super) const fn check_body_token(&self) -> Result<(), SchemeError> {
        let Some((list, field)) = self.body_token() else {
            return Ok(());
        };
        if !matches!(self.algorithm, Algorithm::Token) || self.has_token_grammar() {
            return Err(SchemeError::TokenSignsNothing);
        }
        let valid = is_pointer(field)
            && split(field).0.is_none()
            && match list {
                None => true,
                Some(list) => list.is_empty() || is_pointer(list),
            };
        if !valid {
            return Err(SchemeError::InvalidPointer);
        }
        match (list, self.batch) {
            (None, _) => Ok(()),
            (Some(list), Some(batch)) if is_same(list.as_bytes(), batch.as_bytes()) => Ok(()),
            (Some(_), _) => Err(SchemeError::TokenOfAnotherList),
        }
    }

    /// Whether something is said of the token that only a header has.
    const fn has_token_grammar(&self) -> bool {
        !matches!(self.grammar, super::Grammar::Bare)
            || !matches!(self.encoding, super::Encoding::Text)
    }
}

/// What is before the first step that is `*`, and what is behind it.
#[expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "const code has no iterators; every index is below the length"
)]
const fn split(pointer: &'static str) -> (Option<&'static str>, &'static str) {
    let bytes = pointer.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        let ends = at + 2 == bytes.len() || bytes[at + 2] == b'/';
        if bytes[at] == b'/' && bytes[at + 1] == b'*' && ends {
            let (list, rest) = pointer.split_at(at);
            let (_, field) = rest.split_at(2);
            return (Some(list), field);
        }
        at += 1;
    }
    (None, pointer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::{Encoding, IdenticalBodies, Part};

    const fn token(pointer: &'static str) -> SchemeBuilder {
        Scheme::token_in_body(pointer).identical_bodies(IdenticalBodies::Events)
    }

    #[test]
    fn a_star_is_the_batch() {
        for (pointer, list, field) in [
            ("/value/*/clientState", Some("/value"), "/clientState"),
            ("/*/a/b", Some(""), "/a/b"),
            ("/header/token", None, "/header/token"),
            ("/a*/*b", None, "/a*/*b"),
        ] {
            assert_eq!(split(pointer), (list, field));
        }
        assert!(token("/value/*/a").batch("/value").build().is_ok());
        assert!(token("/*/a").batch("").build().is_ok());
        assert!(token("/token").build().is_ok());
        assert!(token("/token").batch("/items").build().is_ok());
        for (wrong, due) in [
            (token("/value/*/a"), SchemeError::TokenOfAnotherList),
            (
                token("/value/*/a").batch(""),
                SchemeError::TokenOfAnotherList,
            ),
            (
                token("/value/*/a").batch("/valu"),
                SchemeError::TokenOfAnotherList,
            ),
            (
                token("/value/*").batch("/value"),
                SchemeError::InvalidPointer,
            ),
            (token("/a/*/b/*/c").batch("/a"), SchemeError::InvalidPointer),
            (
                token("value/*/a").batch("value"),
                SchemeError::InvalidPointer,
            ),
            (token("token"), SchemeError::InvalidPointer),
            (token(""), SchemeError::InvalidPointer),
            (token("/a").prefix("x"), SchemeError::TokenSignsNothing),
            (
                token("/a").encoding(Encoding::Base64),
                SchemeError::TokenSignsNothing,
            ),
            (
                token("/a")
                    .algorithm(Algorithm::HmacSha256)
                    .encoding(Encoding::Hex)
                    .signed(&[Part::Body]),
                SchemeError::TokenSignsNothing,
            ),
        ] {
            assert_eq!(wrong.build().err(), Some(due), "{wrong:?}");
        }
    }
}
