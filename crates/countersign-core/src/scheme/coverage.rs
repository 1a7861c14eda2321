//! What a scheme's signature covers.

use super::{Part, Place, Scheme, TimeAt, TimeRule, check::same_header};
use crate::mac::Algorithm;

impl Scheme {
    /// Whether there is a signature, over the body at least. False for [tokens](Scheme::token), which prove
    /// who sent a request and nothing about it, and for a [`Procedure`](super::Procedure) whose message does
    /// not hold the whole body.
    #[must_use]
    pub const fn body_is_signed(&self) -> bool {
        match &self.procedure {
            Some(signing) => signing.body,
            None => !matches!(self.algorithm, Algorithm::Token),
        }
    }

    /// Whether the signature covers what is at a place of the body.
    const fn signs_pointer(&self, pointer: &'static str) -> bool {
        match &self.procedure {
            Some(signing) => signing.covers(Place::Body(pointer)),
            None => self.body_is_signed(),
        }
    }

    /// Whether the signature covers the id.
    #[must_use]
    pub const fn id_is_signed(&self) -> bool {
        match self.id {
            Some(Place::Body(pointer)) => self.signs_pointer(pointer),
            Some(Place::Header(name)) => self.signs_header(name, true),
            None => false,
        }
    }

    /// Whether the signature covers the event's type.
    #[must_use]
    pub const fn event_is_signed(&self) -> bool {
        match self.event {
            Some(Place::Body(pointer)) => self.signs_pointer(pointer),
            Some(Place::Header(name)) => self.signs_header(name, false),
            None => false,
        }
    }

    /// Whether the signature covers a time.
    #[must_use]
    pub const fn time_is_signed(&self) -> bool {
        match self.time {
            Some(TimeRule {
                at: TimeAt::Body(pointer),
                ..
            }) => self.signs_pointer(pointer),
            Some(TimeRule {
                at: TimeAt::Header(name),
                ..
            }) if self.procedure.is_some() => self.signs_header(name, false),
            Some(_) => self.signs(Part::Timestamp),
            None => false,
        }
    }

    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "const code has no iterators"
    )]
    const fn signs_header(&self, name: &'static str, is_id: bool) -> bool {
        if let Some(signing) = &self.procedure {
            return signing.covers(Place::Header(name));
        }
        let mut at = 0;
        while at < self.signed.len() {
            match self.signed[at] {
                Part::Id if is_id => return true,
                Part::Header(signed) if same_header(signed, name) => return true,
                _ => {}
            }
            at += 1;
        }
        false
    }

    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "const code has no iterators"
    )]
    pub(super) const fn signs(&self, part: Part) -> bool {
        let mut at = 0;
        while at < self.signed.len() {
            if matches!(
                (self.signed[at], part),
                (Part::Timestamp, Part::Timestamp)
                    | (Part::Id, Part::Id)
                    | (Part::Url, Part::Url)
                    | (Part::Body, Part::Body)
            ) {
                return true;
            }
            at += 1;
        }
        false
    }
}
