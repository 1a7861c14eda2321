//! What a scheme says of deliveries: what tells them apart, what they are about, what they hold.

use super::{EventRule, Handshake, IdenticalBodies, Place, SchemeBuilder};

impl SchemeBuilder {
    /// Takes the id from a header. It is covered only when the signed parts contain it.
    pub const fn id_header(mut self, name: &'static str) -> Self {
        self.scheme.id = Some(Place::Header(name));
        self
    }

    /// Takes the id from a header that the signed parts must contain.
    pub const fn signed_id_header(mut self, name: &'static str) -> Self {
        self.scheme.id = Some(Place::Header(name));
        self.scheme.id_must_be_signed = true;
        self
    }

    /// Takes the id from the signed JSON body.
    pub const fn id_pointer(mut self, pointer: &'static str) -> Self {
        self.scheme.id = Some(Place::Body(pointer));
        self
    }

    /// Says what two deliveries with the same body are, for a sender that gives them no id. Such a
    /// scheme does not build without it.
    pub const fn identical_bodies(mut self, bodies: IdenticalBodies) -> Self {
        self.scheme.identical_bodies = Some(bodies);
        self
    }

    /// Names the signed fields that identify an event, for a sender that gives it no id and writes each attempt
    /// anew, so that the bytes of a retry differ.
    ///
    /// Two bodies with the same values there are one delivery, for as long as
    /// [`Copies`](IdenticalBodies::Copies) says. **Everything that tells two events apart must be named**: an
    /// event that differs from an earlier one in other fields alone is answered 200 and not handled, which is
    /// logged at `warn`. A body that lacks one of the fields, or has something else there than a text, a
    /// number, or true or false, is known by its bytes, as without this.
    ///
    /// ```
    /// use core::time::Duration;
    /// use countersign_core::scheme::{IdenticalBodies, Scheme, SchemeError};
    ///
    /// const WITHIN: Duration = Duration::from_secs(24 * 60 * 60);
    /// const SIGNS: Scheme = Scheme::body_hmac("X-Acme-Signature")
    ///     .identical_bodies(IdenticalBodies::Copies { within: WITHIN })
    ///     .content_key(&["/event", "/payload/id"])
    ///     .declare();
    /// assert_eq!(SIGNS.content_key(), ["/event", "/payload/id"]);
    ///
    /// let with_id = Scheme::body_hmac("X-Acme-Signature").id_pointer("/id").content_key(&["/event"]);
    /// assert_eq!(with_id.build(), Err(SchemeError::ContentKeyWithId));
    /// ```
    pub const fn content_key(mut self, pointers: &'static [&'static str]) -> Self {
        self.scheme.content_key = pointers;
        self
    }

    /// Says where the signed JSON body names the entity that it is about: the invoice's id, not the
    /// event's.
    ///
    /// Entities go back and forth, and a body that says where one stands again is news, although its
    /// bytes are known. What was claimed last of the entity tells such a *return* from a *repeat* of
    /// the same bytes with nothing in between. Needed for [`EventRule::once`].
    pub const fn subject_pointer(mut self, pointer: &'static str) -> Self {
        self.scheme.subject = Some(pointer);
        self
    }

    /// Takes the event's type from a header.
    pub const fn event_header(mut self, name: &'static str) -> Self {
        self.scheme.event = Some(Place::Header(name));
        self
    }

    /// Takes the event's type from the signed JSON body.
    pub const fn event_pointer(mut self, pointer: &'static str) -> Self {
        self.scheme.event = Some(Place::Body(pointer));
        self
    }

    /// Names an unsigned header that repeats the id; a request where the two differ is refused.
    pub const fn id_copy(mut self, header: &'static str) -> Self {
        self.scheme.id_copy = Some(header);
        self
    }

    /// Names an unsigned header that repeats the type; a request where the two differ is refused.
    pub const fn event_copy(mut self, header: &'static str) -> Self {
        self.scheme.event_copy = Some(header);
        self
    }

    /// Names a header with an id that is new on every attempt. It is kept for logs, and is never
    /// what deduplication is keyed on.
    pub const fn attempt_header(mut self, header: &'static str) -> Self {
        self.scheme.attempt_header = Some(header);
        self
    }

    /// Lists the documented event types.
    pub const fn events(mut self, events: &'static [EventRule]) -> Self {
        self.scheme.events = events;
        self
    }

    /// Takes every type that is not listed for one that happens once. Needs a
    /// [subject](Self::subject_pointer).
    ///
    /// All unlisted names count as one type, because whoever captured a request may write any name:
    /// two unlisted events about one entity, with the same bytes and nothing in between, run once.
    /// Without it each runs, the second one flagged as a repeat.
    pub const fn unlisted_events_once(mut self) -> Self {
        self.scheme.unlisted_once = true;
        self
    }

    /// Names events that only test the endpoint: they are answered and never reach the handler.
    pub const fn pings(mut self, names: &'static [&'static str]) -> Self {
        self.scheme.pings = names;
        self
    }

    /// Names what the sender asks beside its deliveries, which is answered and never reaches the handler.
    pub const fn handshakes(mut self, handshakes: &'static [Handshake]) -> Self {
        self.scheme.handshakes = handshakes;
        self
    }

    /// Says that a body holds several events, in the list at this pointer; empty where the body is the
    /// list.
    ///
    /// Each item is then a delivery of its own: claimed, run and remembered by itself. The pointers of
    /// [`id_pointer`](Self::id_pointer), [`event_pointer`](Self::event_pointer) and
    /// [`subject_pointer`](Self::subject_pointer) begin at the item. The items of one request run one after
    /// the other, in their order, and an item that fails does not hold up those behind it. The request is
    /// answered with a success when every item is done; on the sender's next attempt only those run that
    /// are not, those that failed behind the others.
    pub const fn batch(mut self, pointer: &'static str) -> Self {
        self.scheme.batch = Some(pointer);
        self
    }

    /// Sets the text that the sender wants to read in answer to every delivery that is done: Dropbox Sign
    /// sends again what is not answered with `Hello API Event Received`.
    ///
    /// A handler's success is answered 200 with this text in place of its own response, and so is a
    /// duplicate. An empty text is for senders that want to read nothing (Xero): then no answer of the
    /// receiver's has a body, refusals neither.
    pub const fn done_body(mut self, text: &'static str) -> Self {
        self.scheme.done_body = Some(text);
        self
    }
}
