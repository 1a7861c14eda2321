//! Signed bytes that data cannot say: code that reads them out of a request.

// docs/decisions.md: D56, D57.

use core::{cell::Cell, fmt};

use super::{Scheme, signature::decode_tag};
use crate::{
    mac::{Tags, sha256},
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
/// the items of a [`batch`](super::SchemeBuilder::batch) have one each, the n-th message the n-th item's, all of them by
/// one key: an item is a delivery of its own, and the same one in whatever company it is sent again.
///
/// What is proved is the message. A field that it holds is said by [`covers`](super::SchemeBuilder::covers), and only then it may
/// be the id, the time or the entity; that it holds the whole body's content, by [`signs_body`](super::SchemeBuilder::signs_body).
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

    /// For who asks what to sign.
    pub(super) const fn to_sign(scheme: &Scheme) -> Self {
        let mut signed = Self::new(scheme, usize::MAX);
        signed.to_sign = true;
        signed
    }

    /// Names the message and its signature, as the request writes it in the scheme's
    /// [encoding](super::SchemeBuilder::encoding). In a [batch](super::SchemeBuilder::batch) whose items are signed one by one,
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
