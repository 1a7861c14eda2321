//! Signed bytes that data cannot say: code that reads them out of a request.

// docs/decisions.md: D56, D57.

use core::{fmt, ptr};

use super::{Encoding, Location, Place, Scheme, SchemeBuilder, SchemeError, signature::decode_tag};
use crate::{
    mac::{Tags, sha256},
    texts,
};

/// Reads out of a request which bytes were signed, and where their signatures are.
///
/// For senders that sign neither the body nor parts around it: Adyen signs eight fields of an item, Twilio
/// the URL and the sorted fields of a form. A procedure sees no key, compares nothing, and decides neither
/// about time nor about statuses. It names one message and its signature; the library computes, compares in
/// constant time under every active key, and refuses the request where no message is named.
/// [`Verified::proved_message`](crate::Verified::proved_message) has it afterwards, and it is what tells
/// deliveries apart, so a captured request with other unsigned parts is the same delivery.
///
/// It is one message, because one who captured a request with several could send each of them alone.
///
/// What a procedure proves is its message and not the body:
/// [`body_is_signed`](Scheme::body_is_signed) is false, and a verifier needs
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
///     fn signature_header(&self) -> Option<&'static str> { Some("X-Sig") }
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

    /// The one of them that holds the signature, where it is in a header: a request without it is refused before
    /// its body is read.
    fn signature_header(&self) -> Option<&'static str> {
        None
    }

    /// Whether the address that the sender was given is signed; then
    /// [`VerifierBuilder::url`](crate::VerifierBuilder::url) is needed.
    fn signs_url(&self) -> bool {
        false
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
#[derive(Clone, Copy)]
pub struct Unproved<'r> {
    pub(crate) url: &'r str,
    pub(crate) query: Option<&'r str>,
    pub(crate) headers: &'r [(&'static str, String)],
    pub(crate) body: &'r [u8],
}

impl fmt::Debug for Unproved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unproved({} bytes)", self.body.len())
    }
}

impl<'r> Unproved<'r> {
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

    /// Whether this is the body's SHA-256, in hexadecimal: for senders that sign that in its place.
    #[must_use]
    pub fn body_has_sha256(&self, hex: &str) -> bool {
        let mut hash = [0; 32];
        texts::decode_hex(hex.as_bytes(), &mut hash) == Some(32) && hash == sha256(self.body)
    }
}

/// The message that a procedure says was signed, with its signature.
pub struct Signed {
    scheme: Scheme,
    room: usize,
    pub(crate) message: Option<(Vec<u8>, Tags)>,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signed(..)")
    }
}

impl Signed {
    /// `room`: for how many bytes of a message.
    pub(crate) const fn new(scheme: &Scheme, room: usize) -> Self {
        Self {
            scheme: *scheme,
            room,
            message: None,
        }
    }

    /// Names the message and its signature, as the request writes it in the scheme's
    /// [encoding](SchemeBuilder::encoding).
    ///
    /// # Errors
    ///
    /// When the message is empty or too long, there is one already, or the signature cannot be decoded.
    pub fn prove(&mut self, message: impl Into<Vec<u8>>, tag: &str) -> Result<(), Unreadable> {
        let message = message.into();
        if message.is_empty() || message.len() > self.room {
            return Err(Unreadable("the signed message is empty or too long"));
        }
        if self.message.is_some() {
            return Err(Unreadable("there is more than one signed message"));
        }
        let mut tags = Tags::new(self.scheme.algorithm);
        if !decode_tag(&self.scheme, tag.as_bytes(), &mut tags) || tags.is_empty() {
            return Err(Unreadable(
                "the text is no signature of the scheme's algorithm and encoding",
            ));
        }
        self.message = Some((message, tags));
        Ok(())
    }
}

/// A procedure in a scheme.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedBy(pub(crate) &'static dyn Procedure);

impl PartialEq for SignedBy {
    fn eq(&self, other: &Self) -> bool {
        ptr::addr_eq(self.0, other.0) && self.0.name() == other.0.name()
    }
}

impl Eq for SignedBy {}

impl Scheme {
    /// Starts a scheme whose signed bytes a [`Procedure`] reads out of the request.
    pub const fn signed_by(procedure: &'static dyn Procedure) -> SchemeBuilder {
        let mut builder = SchemeBuilder::new("");
        builder.scheme.location = Location::AllOf(&[]);
        builder.scheme.signed = &[];
        builder.scheme.procedure = Some(SignedBy(procedure));
        builder
    }

    /// What reads the signed bytes out of a request, where data cannot say them.
    #[must_use]
    pub const fn procedure(&self) -> Option<&'static dyn Procedure> {
        match self.procedure {
            Some(SignedBy(procedure)) => Some(procedure),
            None => None,
        }
    }

    /// A procedure proves its message and nothing else, so nothing else may be said to be signed, or be what
    /// deliveries are told apart by.
    pub(super) const fn check_procedure(&self) -> Result<(), SchemeError> {
        if self.procedure.is_none() {
            return Ok(());
        }
        let more = !self.signed.is_empty()
            || self.time.is_some()
            || self.id.is_some()
            || self.subject.is_some()
            || matches!(self.event, Some(Place::Header(_)))
            || self.batch.is_some()
            || self.form_field.is_some()
            || self.json_body
            || self.compression.is_some()
            || !self.handshakes.is_empty()
            || !matches!(self.location, Location::AllOf([]));
        let no_signature = self.algorithm.is_plain()
            || matches!(self.algorithm, crate::mac::Algorithm::Token)
            || matches!(self.encoding, Encoding::Text);
        if more || no_signature {
            return Err(SchemeError::NotOfProcedure);
        }
        Ok(())
    }
}
