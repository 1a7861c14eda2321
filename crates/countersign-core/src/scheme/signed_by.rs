//! A procedure in a scheme: where its signature is, and what its messages hold.

// docs/decisions.md: D56, D57.

use core::ptr;

use super::{
    Encoding, Grammar, Location, Place, Procedure, Scheme, SchemeBuilder, SchemeError, Signed,
    TimeAt, TimeRule, Unproved, Unreadable,
    check::{is_header_name, is_pointer, same_header},
    content_key::is_same,
};
use crate::mac::Algorithm;

/// A procedure in a scheme, and what its messages hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedBy {
    pub(crate) procedure: &'static dyn Procedure,
    covered: &'static [&'static str],
    pub(super) body: bool,
}

impl PartialEq for SignedBy {
    fn eq(&self, other: &Self) -> bool {
        ptr::addr_eq(self.procedure, other.procedure)
            && self.procedure.name() == other.procedure.name()
            && (self.covered, self.body) == (other.covered, other.body)
    }
}

impl Eq for SignedBy {}

impl SignedBy {
    /// Whether the message holds what is at a pointer, or in a header.
    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "const code has no iterators"
    )]
    pub(super) const fn covers(&self, place: Place) -> bool {
        let mut at = 0;
        while at < self.covered.len() {
            let said = self.covered[at];
            let is = match place {
                Place::Header(name) => same_header(said, name),
                Place::Body(pointer) => is_same(said.as_bytes(), pointer.as_bytes()),
            };
            if is {
                return true;
            }
            at += 1;
        }
        self.body && matches!(place, Place::Body(_))
    }
}

impl SchemeBuilder {
    /// Says which fields a [`Procedure`]'s message holds, as it does with the text that the request has there: a
    /// pointer into the body, or a header that the procedure reads. In a batch a pointer begins at the item. A
    /// request whose message lacks one of these texts is refused.
    pub const fn covers(mut self, fields: &'static [&'static str]) -> Self {
        if let Some(signing) = self.scheme.procedure {
            self.scheme.procedure = Some(SignedBy {
                covered: fields,
                ..signing
            });
        }
        self
    }

    /// Says that a [`Procedure`]'s message holds all of the body's content, or its
    /// [hash](Unproved::body_sha256), so that another content needs another signature.
    pub const fn signs_body(mut self) -> Self {
        if let Some(signing) = self.scheme.procedure {
            self.scheme.procedure = Some(SignedBy {
                body: true,
                ..signing
            });
        }
        self
    }

    /// Says in which header the signature of a [`Procedure`]'s message is: a request without it is refused before
    /// its body is read.
    pub const fn signature_header(self, name: &'static str) -> Self {
        self.location(Location::Header(name))
    }

    /// Says where in the body the signature of a [`Procedure`]'s message is; `*` stands for each item of a list.
    /// For whoever signs, and for documentation: the procedure finds it by itself.
    pub const fn signature_pointer(self, pointer: &'static str) -> Self {
        self.location(Location::Body(pointer))
    }
}

impl Scheme {
    /// Starts a scheme whose signed bytes a [`Procedure`] reads out of the request.
    pub const fn signed_by(procedure: &'static dyn Procedure) -> SchemeBuilder {
        let mut builder = SchemeBuilder::new("");
        builder.scheme.signed = &[];
        builder.scheme.procedure = Some(SignedBy {
            procedure,
            covered: &[],
            body: false,
        });
        builder
    }

    /// What reads the signed bytes out of a request, where data cannot say them.
    #[must_use]
    pub const fn procedure(&self) -> Option<&'static dyn Procedure> {
        match self.procedure {
            Some(SignedBy { procedure, .. }) => Some(procedure),
            None => None,
        }
    }

    /// The pointers and headers whose texts a [`Procedure`]'s message holds.
    #[must_use]
    pub const fn covered(&self) -> &'static [&'static str] {
        match self.procedure {
            Some(SignedBy { covered, .. }) => covered,
            None => &[],
        }
    }

    /// Whether a verifier needs the [URL](crate::VerifierBuilder::url) that the sender was given.
    #[must_use]
    pub fn signs_url(&self) -> bool {
        self.signs(super::Part::Url) || self.procedure().is_some_and(|of| of.signs_url())
    }

    /// What the sender would sign in a request, by this scheme's [`Procedure`]; signatures that are there do not
    /// count, but where they go there must be something. For whoever signs: it proves nothing.
    ///
    /// # Errors
    ///
    /// When the procedure cannot read the request.
    pub fn messages(&self, request: &Unproved<'_>) -> Result<Vec<Vec<u8>>, Unreadable> {
        let mut signed = Signed::to_sign(self);
        if let Some(procedure) = self.procedure() {
            procedure.read(request, &mut signed)?;
        }
        let messages = signed.messages.into_iter();
        Ok(messages.map(|(message, _)| message).collect())
    }

    /// Whether each item of a batch is signed by itself.
    pub(crate) const fn signs_items(&self) -> bool {
        match self.procedure {
            Some(signing) => self.batch.is_some() && !signing.body,
            None => false,
        }
    }

    /// A procedure proves its message and nothing else, so nothing else may be said to be signed, or be what
    /// deliveries are told apart by.
    pub(super) const fn check_procedure(&self) -> Result<(), SchemeError> {
        let Some(signing) = &self.procedure else {
            return Ok(());
        };
        let id = match self.id {
            Some(place) => signing.covers(place),
            None => true,
        };
        let time = match self.time {
            None => true,
            Some(TimeRule {
                at: TimeAt::Header(name),
                ..
            }) => signing.covers(Place::Header(name)),
            Some(TimeRule {
                at: TimeAt::Body(pointer),
                ..
            }) => signing.covers(Place::Body(pointer)),
            Some(_) => false,
        };
        let subject = match self.subject {
            Some(pointer) => signing.covers(Place::Body(pointer)),
            None => true,
        };
        let event = match self.event {
            Some(Place::Header(name)) => signing.covers(Place::Header(name)),
            Some(Place::Body(_)) | None => true,
        };
        let signature = match self.location {
            Location::Header(_) => true,
            Location::Body(pointer) => is_pointer(pointer),
            _ => false,
        };
        // A form's field is a part of the content, and of nothing less.
        let form = self.form_field.is_none() || signing.body;
        let said = id && time && subject && event && signature && form && covers_something(signing);
        let more = !self.signed.is_empty()
            || self.json_body
            || self.compression.is_some()
            || !self.content_key.is_empty()
            || self.id_length.is_some()
            || self.time_digits.is_some()
            || !matches!(self.grammar, Grammar::Bare)
            || !self.events.is_empty() && !signing.body;
        let no_signature = self.algorithm.is_plain()
            || matches!(self.algorithm, Algorithm::Token)
            || matches!(self.encoding, Encoding::Text);
        if !said || more || no_signature {
            return Err(SchemeError::NotOfProcedure);
        }
        Ok(())
    }
}

/// Whether what is said to be covered is pointers and headers.
#[expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "const code has no iterators"
)]
const fn covers_something(signing: &SignedBy) -> bool {
    let mut at = 0;
    while at < signing.covered.len() {
        if !is_pointer(signing.covered[at]) && !is_header_name(signing.covered[at]) {
            return false;
        }
        at += 1;
    }
    true
}
