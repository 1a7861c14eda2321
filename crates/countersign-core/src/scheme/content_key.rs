//! Fields that identify an event, at senders that give it no id.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "const code has no iterators; every index is below the length, and nothing of a request gets here"
)]

use super::{IdenticalBodies, Scheme, SchemeError, check::is_pointer};

/// The most fields that a content key names.
const MAX_FIELDS: usize = 16;

impl Scheme {
    /// The signed fields that identify an event, where the sender gives it no id; empty where its body does.
    #[must_use]
    pub const fn content_key(&self) -> &'static [&'static str] {
        self.content_key
    }

    pub(super) const fn check_content_key(&self) -> Result<(), SchemeError> {
        let fields = self.content_key;
        if fields.is_empty() {
            return Ok(());
        }
        if !self.body_is_signed() {
            return Err(SchemeError::ContentKeyNotSigned);
        }
        if self.id.is_some() {
            return Err(SchemeError::ContentKeyWithId);
        }
        if !matches!(
            self.identical_bodies,
            Some(IdenticalBodies::Copies { .. }) | None
        ) {
            return Err(SchemeError::ContentKeyOfEvents);
        }
        let mut valid = fields.len() <= MAX_FIELDS;
        let mut at = 0;
        while at < fields.len() {
            valid = valid && is_pointer(fields[at]);
            let mut before = 0;
            while before < at {
                valid = valid && !is_same(fields[before].as_bytes(), fields[at].as_bytes());
                before += 1;
            }
            at += 1;
        }
        if valid {
            Ok(())
        } else {
            Err(SchemeError::InvalidContentKey)
        }
    }
}

pub(super) const fn is_same(left: &[u8], right: &[u8]) -> bool {
    let mut at = 0;
    while at < left.len() && at < right.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    left.len() == right.len()
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::scheme::SchemeBuilder;

    const FIELDS: &[&str] = &["/event", "/payload/id"];

    const fn copies() -> SchemeBuilder {
        let within = Duration::from_secs(60);
        Scheme::body_hmac("X-Sig").identical_bodies(IdenticalBodies::Copies { within })
    }

    #[test]
    fn it_is_for_signed_bodies_without_ids() {
        assert_eq!(copies().content_key(FIELDS).declare().content_key(), FIELDS);
        let many: &[&str] = &["/a"; 17];
        for (wrong, due) in [
            (
                copies().id_pointer("/id").content_key(FIELDS),
                SchemeError::IdenticalBodiesWithId,
            ),
            (
                Scheme::body_hmac("X-Sig")
                    .id_header("X-Id")
                    .content_key(FIELDS),
                SchemeError::ContentKeyWithId,
            ),
            (
                copies()
                    .identical_bodies(IdenticalBodies::Events)
                    .content_key(FIELDS),
                SchemeError::ContentKeyOfEvents,
            ),
            (
                Scheme::body_hmac("X-Sig").content_key(FIELDS),
                SchemeError::NoIdUndecided,
            ),
            (
                Scheme::token("X-Token")
                    .identical_bodies(IdenticalBodies::Copies {
                        within: Duration::from_secs(60),
                    })
                    .content_key(FIELDS),
                SchemeError::ContentKeyNotSigned,
            ),
            (
                copies().content_key(&["event"]),
                SchemeError::InvalidContentKey,
            ),
            (
                copies().content_key(&["/a", "/b", "/a"]),
                SchemeError::InvalidContentKey,
            ),
            (copies().content_key(many), SchemeError::InvalidContentKey),
        ] {
            assert_eq!(wrong.build(), Err(due));
        }
        assert!(copies().content_key(&["/a", "/ab", "/b"]).build().is_ok());
    }
}
