//! Signed bytes that data cannot say: code that reads them out of a request.

// docs/decisions.md: D56, D57.

use core::{cell::Cell, fmt, ptr};

use super::{
    Encoding, Grammar, Location, Place, Scheme, SchemeBuilder, SchemeError, TimeAt, TimeRule,
    check::{is_header_name, is_pointer, same_header},
    content_key::is_same,
    signature::decode_tag,
};
use crate::{
    mac::{Algorithm, Tags, sha256},
    texts,
};

/// Reads out of a request which bytes were signed, and where their signatures are.
///
/// For senders that sign neither the body nor parts around it: Adyen signs eight fields of an item, Twilio
/// the URL and the sorted fields of a form. A procedure sees no key, compares nothing, and decides neither
/// about time nor about statuses. It names a message and its signature; the library computes, compares in
/// constant time under every active key, and refuses the request where no message is named.
/// [`Verified::proved_message`](crate::Verified::proved_message) has it afterwards.
///
/// A request is one message, because one who captured a request with several could send each of them alone. Only
/// the items of a [`batch`](SchemeBuilder::batch) have one each, the n-th message the n-th item's, all of them by
/// one key: an item is a delivery of its own, and the same one in whatever company it is sent again.
///
/// What is proved is the message. A field that it holds is said by [`SchemeBuilder::covers`], and only then it may
/// be the id, the time or the entity; that it holds the whole body's content, by [`SchemeBuilder::signs_body`].
/// Without that [`body_is_signed`](Scheme::body_is_signed) is false, and a verifier needs
/// [`accept_unsigned_body`](crate::VerifierBuilder::accept_unsigned_body). Two requests that mean something
/// else must not have the same message: part the fields by what none of them can hold, and return [`Unreadable`]
/// where that is not certain.
///
/// ```
/// use core::time::Duration;
/// use countersign_core::{Scheme, Secret, Timestamp, Verifier};
/// use countersign_core::scheme::{IdenticalBodies, Procedure, Signed, Unproved, Unreadable};
///
/// /// Signs `<order> <state>`; the body is both, and a note that is not signed, each in a line.
/// #[derive(Debug)]
/// struct Lines;
///
/// impl Procedure for Lines {
///     fn name(&self) -> &'static str { "lines" }
///     fn headers(&self) -> &'static [&'static str] { &["X-Sig"] }
///     fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
///         let body = str::from_utf8(request.body()).map_err(|_| Unreadable("the body is no text"))?;
///         let mut lines = body.lines();
///         let (Some(order), Some(state)) = (lines.next(), lines.next()) else {
///             return Err(Unreadable("two lines are missing"));
///         };
///         if order.contains(' ') {
///             return Err(Unreadable("the order holds what parts it from the state"));
///         }
///         let tag = request.header("X-Sig").ok_or(Unreadable("no signature"))?;
///         signed.prove(format!("{order} {state}"), tag)
///     }
/// }
///
/// const DAY: Duration = Duration::from_secs(86_400);
/// const LINES: Scheme = Scheme::signed_by(&Lines)
///     .signature_header("X-Sig")
///     .content_types(&["text/plain"])
///     .identical_bodies(IdenticalBodies::Copies { within: DAY })
///     .declare();
///
/// let secret = Secret::new("a long random text")?;
/// let verifier = Verifier::builder(LINES).secret(secret).accept_unsigned_body().build()?;
/// let tag = "dca3d993ac1e1ca4f208728ab13a3fb2ccdb1228fa57c1388cfa54cf25e3ff01";
/// let request = http::Request::post("/").header("X-Sig", tag).body(())?;
/// let proved = verifier.verify(&request, "7\npaid\nthanks".into(), Timestamp::now())?;
/// assert_eq!(proved.proved_message().unwrap(), "7 paid");
/// assert!(verifier.verify(&request, "8\npaid\nthanks".into(), Timestamp::now()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Procedure: fmt::Debug + Send + Sync {
    /// A name, for documentation.
    fn name(&self) -> &'static str;

    /// The headers that [`Unproved::header`] is asked for.
    fn headers(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether the address that the sender was given is signed; then
    /// [`VerifierBuilder::url`](crate::VerifierBuilder::url) is needed.
    fn signs_url(&self) -> bool {
        false
    }

    /// Where the body repeats what is configured as that address, if it does. For whoever signs.
    fn url_pointer(&self) -> Option<&'static str> {
        None
    }

    /// The query that the sender adds to the address, where it signs one that depends on the body. For whoever
    /// signs; nothing is proved by it.
    fn query_to_add(&self, _request: &Unproved<'_>) -> Option<String> {
        None
    }

    /// Names what was signed, by [`Signed::prove`]. Everything in the request is anybody's.
    ///
    /// # Errors
    ///
    /// When it cannot be said, or not with certainty, what was signed.
    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable>;
}

/// Why a procedure names nothing: a fixed text for the log, so that no byte of a request gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);

/// A request as it arrived. Nothing of it is proved, except that the application configured the URL.
pub struct Unproved<'r> {
    url: &'r str,
    query: Option<&'r str>,
    headers: &'r [(&'static str, String)],
    body: &'r [u8],
    hashed: Cell<bool>,
}

impl fmt::Debug for Unproved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unproved({} bytes)", self.body.len())
    }
}

impl<'r> Unproved<'r> {
    /// A request, for whoever signs one: see [`Scheme::messages`].
    #[must_use]
    pub const fn new(
        url: &'r str,
        query: Option<&'r str>,
        headers: &'r [(&'static str, String)],
        body: &'r [u8],
    ) -> Self {
        Self {
            url,
            query,
            headers,
            body,
            hashed: Cell::new(false),
        }
    }

    /// The body's bytes.
    #[must_use]
    pub const fn body(&self) -> &'r [u8] {
        self.body
    }

    /// The only value of a header that [`Procedure::headers`] names.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'r str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The address that the sender was given, as it was configured; empty where
    /// [`signs_url`](Procedure::signs_url) is false.
    #[must_use]
    pub const fn url(&self) -> &'r str {
        self.url
    }

    /// The request's query, without the question mark.
    #[must_use]
    pub const fn query(&self) -> Option<&'r str> {
        self.query
    }

    /// The body's SHA-256, for senders that sign that in its place: it has to be a part of the message, and the
    /// delivery is then [known by its body](crate::scheme::IdenticalBodies) where it has no id.
    #[must_use]
    pub fn body_sha256(&self) -> [u8; 32] {
        self.hashed.set(true);
        sha256(self.body)
    }

    /// Whether this is the body's SHA-256, in hexadecimal. As with [`body_sha256`](Self::body_sha256), the message
    /// has to hold it.
    #[must_use]
    pub fn body_has_sha256(&self, hex: &str) -> bool {
        let mut hash = [0; 32];
        texts::decode_hex(hex.as_bytes(), &mut hash) == Some(32) && hash == self.body_sha256()
    }

    /// Whether the procedure had the body hashed.
    pub(crate) fn is_hashed(&self) -> bool {
        self.hashed.get()
    }
}

/// The most messages of one request: its items' at most.
const MAX_MESSAGES: usize = 100;

/// Messages, each with the signature that is offered for it.
pub(crate) type Messages = Vec<(Vec<u8>, Tags)>;

/// The messages that a procedure says were signed, each with its signature.
pub struct Signed {
    scheme: Scheme,
    room: usize,
    most: usize,
    /// Whether it is asked what to sign, so that there are no signatures yet.
    to_sign: bool,
    pub(crate) messages: Messages,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signed(..)")
    }
}

impl Signed {
    /// `room`: for how many bytes of all messages.
    pub(crate) const fn new(scheme: &Scheme, room: usize) -> Self {
        Self {
            scheme: *scheme,
            room,
            most: if scheme.signs_items() {
                MAX_MESSAGES
            } else {
                1
            },
            to_sign: false,
            messages: Vec::new(),
        }
    }

    /// Names the message and its signature, as the request writes it in the scheme's
    /// [encoding](SchemeBuilder::encoding). In a [batch](SchemeBuilder::batch) whose items are signed one by one,
    /// call it for each, in their order.
    ///
    /// # Errors
    ///
    /// When the message is empty or too long, there are too many, or the signature cannot be decoded.
    pub fn prove(&mut self, message: impl Into<Vec<u8>>, tag: &str) -> Result<(), Unreadable> {
        let message = message.into();
        let left = self.room.checked_sub(message.len());
        let Some(left) = left.filter(|_| !message.is_empty()) else {
            return Err(Unreadable("the signed message is empty or too long"));
        };
        if self.messages.len() >= self.most {
            return Err(Unreadable(
                "there are more signed messages than there may be",
            ));
        }
        let mut tags = Tags::new(self.scheme.algorithm);
        let decoded = decode_tag(&self.scheme, tag.as_bytes(), &mut tags) && !tags.is_empty();
        if !decoded && !self.to_sign {
            return Err(Unreadable(
                "the text is no signature of the scheme's algorithm and encoding",
            ));
        }
        self.room = left;
        self.messages.push((message, tags));
        Ok(())
    }
}

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
        let mut signed = Signed::new(self, usize::MAX);
        signed.to_sign = true;
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
