//! Bodies that hold several events.

use super::{Place, Scheme, SchemeError, TimeAt, TimeRule, check::is_pointer};

impl Scheme {
    /// Where a body holds its items, for a sender that sends several events in one request: a pointer,
    /// empty for a body that is a list itself. `None` where a body is one delivery.
    #[must_use]
    pub const fn batch(&self) -> Option<&'static str> {
        self.batch
    }

    /// An item has what it says in its own text, and nothing of the request's headers: those say
    /// something of all items alike.
    pub(super) const fn check_batch(&self) -> Result<(), SchemeError> {
        let Some(pointer) = self.batch else {
            return Ok(());
        };
        if !pointer.is_empty() && !is_pointer(pointer) {
            return Err(SchemeError::InvalidPointer);
        }
        let time_in_body = matches!(
            self.time,
            Some(TimeRule {
                at: TimeAt::Body(_),
                ..
            })
        );
        let in_headers = matches!(self.id, Some(Place::Header(_)))
            || matches!(self.event, Some(Place::Header(_)))
            || self.id_copy.is_some()
            || self.event_copy.is_some();
        if time_in_body || in_headers {
            return Err(SchemeError::BatchWithHeaders);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::scheme::{IdenticalBodies, Part, SchemeBuilder};

    const DAY: Duration = Duration::from_secs(86_400);

    const fn batch(pointer: &'static str) -> SchemeBuilder {
        Scheme::body_hmac("X-Sig").batch(pointer)
    }

    #[test]
    fn an_item_is_told_apart_by_its_own_text() {
        for pointer in ["", "/events", "/a/b"] {
            let scheme = batch(pointer).id_pointer("/id").event_pointer("/type");
            assert_eq!(scheme.declare().batch(), Some(pointer));
        }
        let bodies = IdenticalBodies::Copies { within: DAY };
        assert!(batch("").identical_bodies(bodies).build().is_ok());
        assert_eq!(batch("").build(), Err(SchemeError::NoIdUndecided));
        for pointer in ["events", "/", "/a//b", "/a~1b"] {
            let built = batch(pointer).id_pointer("/id").build();
            assert_eq!(built, Err(SchemeError::InvalidPointer), "{pointer}");
        }
        let signed: &[Part] = &[Part::Id, Part::Literal("."), Part::Body];
        for wrong in [
            batch("").id_header("X-Id"),
            batch("").signed(signed).signed_id_header("X-Id"),
            batch("").id_pointer("/id").id_copy("X-Id"),
            batch("").id_pointer("/id").event_header("X-Event"),
            batch("")
                .id_pointer("/id")
                .event_pointer("/type")
                .event_copy("X-Event"),
            batch("").id_pointer("/id").time_pointer("/time"),
        ] {
            assert_eq!(wrong.build(), Err(SchemeError::BatchWithHeaders));
        }
    }
}
