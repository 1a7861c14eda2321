//! Why a scheme cannot be built, with the message that says what to write instead.

use core::{error::Error, fmt};

/// Why a scheme cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SchemeError {
    /// The body is not among the signed parts, so nothing about it would be proved.
    BodyNotSigned,
    /// The body is among the signed parts twice.
    BodySignedTwice,
    /// Two variable parts could trade bytes: there is no separator between them, or the separator
    /// could be part of the one before (or, after the body, behind) it.
    AmbiguousParts,
    /// There is a tolerance, but no time to judge.
    ToleranceWithoutTime,
    /// There is a tolerance, but the signature does not cover the time.
    TimeNotSigned,
    /// The time is among the signed parts, but no place of it is given.
    TimeMissing,
    /// The id is said to be signed (or is among the signed parts), but they do not contain it.
    IdNotSigned,
    /// There is no place of an id, and it is not said what two equal bodies are.
    NoIdUndecided,
    /// It is said what two equal bodies are, but there is a place of an id.
    IdenticalBodiesWithId,
    /// A content key is named, and an id tells deliveries apart.
    ContentKeyWithId,
    /// A content key is named, and every request is an event.
    ContentKeyOfEvents,
    /// A content key is named, and the sender signs nothing.
    ContentKeyNotSigned,
    /// A content key has more than 16 pointers, one twice, or one that is none.
    InvalidContentKey,
    /// Equal bodies are copies for a time that is zero, shorter than the sender retries, or shorter
    /// than a captured request verifies.
    CopiesShorterThanRetries,
    /// A type happens once, but the scheme does not say which entity a body is about.
    OnceWithoutSubject,
    /// Retries that keep their first time would be refused as stale.
    LateRetriesRefused,
    /// A copy of the id or type is named, but the value that it repeats is not signed.
    CopyOfUnsigned,
    /// A time is taken from the signature header, but its grammar has no such keys, or the key is
    /// one of the tags'.
    TimeKeyWithoutPairs,
    /// A header name is empty or not a valid name.
    InvalidHeaderName,
    /// A JSON pointer does not begin with a slash, has an empty step, or contains `~`.
    InvalidPointer,
    /// No signature could ever be found: an empty list of names, keys or versions, an empty prefix,
    /// or a separator that occurs in keys or may occur in tags.
    InvalidGrammar,
    /// The scheme's algorithm is behind the feature `legacy-sha1`, which is off.
    LegacySha1Off,
    /// The scheme's algorithm is behind the feature `ed25519`, which is off.
    Ed25519Off,
    /// The scheme's algorithm is behind the feature `p256`, which is off.
    P256Off,
    /// The scheme's algorithm is behind the feature `rsa`, which is off.
    RsaOff,
    /// The scheme takes compressed bodies, and the feature `gzip` is off.
    GzipOff,
    /// A fixed length of something that is not signed, or that no value could have.
    InvalidLength,
    /// A form is among the content types of a scheme whose body must begin as JSON does.
    FormsAtBoundary,
    /// The signed bytes are compressed, and yet said to be JSON.
    CompressedJson,
    /// The algorithm has a public key and the key's format is a secret's, or the other way round.
    KeyFormatMismatch,
    /// A plain hash without the secret among the signed parts, once, and a JSON body; or the secret among
    /// the parts of another algorithm.
    SecretNotSigned,
    /// Something is said of a token that only a signature has, or the other way round.
    TokenSignsNothing,
    /// A token is in each item of one list, and the scheme's batch is another, or none.
    TokenOfAnotherList,
    /// Equal bodies are to be copies, and the type, which could tell them apart, is in an unsigned header.
    CopiesAcrossTypes,
    /// Something is said to be signed, or to tell deliveries apart, that a
    /// [`Procedure`](super::Procedure) does not prove; or its signature is none.
    NotOfProcedure,
    /// A form's field is named, but forms are not among the content types.
    FormFieldWithoutForms,
    /// The body limit or the response budget is zero.
    InvalidLimit,
    /// The items of a batch are told apart by headers, or have their time in the body: both are the
    /// request's, and the same for all of them.
    BatchWithHeaders,
    /// A handshake names a pointer, a parameter, a value or an origin that no request could have.
    InvalidHandshake,
    /// What a handshake signs for whoever asks could be what a delivery's signature covers.
    HandshakeCouldSign,
}

impl SchemeError {
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::BodyNotSigned => "the signed parts do not contain the body: add `Part::Body`",
            Self::BodySignedTwice => "the signed parts contain the body twice",
            Self::AmbiguousParts => {
                "two signed parts could trade bytes: put a literal between them that neither contains. \
                 Where the sender puts nothing between a time or an id and a JSON body, say \
                 `json_body()`; behind a time or an id of one length, `time_digits` or `id_length`; a \
                 date of RFC 3339 needs nothing behind it"
            }
            Self::ToleranceWithoutTime => "a tolerance needs a time: say where it is",
            Self::TimeNotSigned => "a tolerance needs a signed time: add `Part::Timestamp`",
            Self::TimeMissing => "`Part::Timestamp` needs a time: say where it is",
            Self::IdNotSigned => "the id is to be signed: name its header and add `Part::Id`",
            Self::NoIdUndecided => {
                "no id: are two equal bodies a retry, or two events? Ask the sender whether a second \
                 event can have exactly the bytes of an earlier one. If not, say \
                 `identical_bodies(IdenticalBodies::Copies { within })` with its retry span: equal \
                 bodies run once in that time, and a true second event in it is not handled. If so, \
                 say `identical_bodies(IdenticalBodies::Events)`: every request runs, retries too, so \
                 the handler must be idempotent. If there is an id after all, say where"
            }
            Self::IdenticalBodiesWithId => {
                "the id tells deliveries apart: leave `identical_bodies` out"
            }
            Self::ContentKeyWithId => {
                "the id tells deliveries apart: leave `content_key` out, or leave the id out if it is not \
                 the same for every retry"
            }
            Self::ContentKeyOfEvents => {
                "a content key tells copies, and `Events` says that there are none: say \
                 `identical_bodies(IdenticalBodies::Copies { within })` with the sender's retry span"
            }
            Self::ContentKeyNotSigned => {
                "a content key needs a signed body: this sender signs nothing, so anybody who read one \
                 request could choose it. Leave `content_key` out"
            }
            Self::InvalidContentKey => {
                "a content key is 1 to 16 pointers that look like `/data/id`, each once"
            }
            Self::CopiesShorterThanRetries => {
                "`Copies { within }` must be at least the retry span and the tolerance in both \
                 directions, and not zero"
            }
            Self::OnceWithoutSubject => {
                "a type that happens once needs `subject_pointer`: say where the body names the entity \
                 (the invoice, not the event), or say `EventRule::repeats`"
            }
            Self::LateRetriesRefused => {
                "a retry that keeps its first time would be refused as stale. Ask the sender whether it \
                 stamps retries anew. If so, say `retry_time(RetryTime::Renewed)`; else let \
                 `tolerances(past, future)` reach back for the retry span and 5 minutes"
            }
            Self::CopyOfUnsigned => "a copy needs a signed value that it repeats",
            Self::TimeKeyWithoutPairs => {
                "a time key needs `pairs`, and must not be one of the tags"
            }
            Self::InvalidHeaderName => "a header name is empty or not valid",
            Self::InvalidPointer => "a pointer must look like `/data/id`, without `~`",
            Self::InvalidGrammar => "no signature could match this grammar",
            Self::LegacySha1Off => {
                "SHA-1 is off: turn the feature `legacy-sha1` on, if the sender has nothing else"
            }
            Self::Ed25519Off => "Ed25519 is off: turn the feature `ed25519` on",
            Self::P256Off => "ECDSA is off: turn the feature `p256` on",
            Self::RsaOff => "RSA is off: turn the feature `rsa` on",
            Self::GzipOff => "compressed bodies need the feature `gzip`: turn it on",
            Self::InvalidLength => {
                "`id_length` is for an id among the signed parts, of 1 to 256 characters, and `time_digits` \
                 for a signed time in plain digits, 1 to 20 of them"
            }
            Self::FormsAtBoundary => {
                "`json_body` refuses every form: leave `application/x-www-form-urlencoded` out of \
                 `content_types`. Where a sender signs forms with nothing between a time and the body, say \
                 `time_digits` in place of `json_body`"
            }
            Self::CompressedJson => {
                "what is signed after it was compressed is no JSON: leave `json_body` out, and put a literal \
                 beside the body, or say `Compression::SignedBefore` if the sender signs the text"
            }
            Self::KeyFormatMismatch => {
                "Ed25519, ECDSA and RSA need `key_format(KeyFormat::PublicKey)`, and other algorithms a \
                 secret's format"
            }
            Self::SecretNotSigned => {
                "a plain hash needs `Part::Secret` once among the signed parts, and `json_body()`, without \
                 which more bytes could be appended under the same hash; no other algorithm signs its secret"
            }
            Self::TokenSignsNothing => {
                "a token signs nothing: leave `signed` out, with a bare header or a prefix, and \
                 `Encoding::Text`, `Base64` or `Base64Url`. `Encoding::Text` is for tokens alone"
            }
            Self::TokenOfAnotherList => {
                "a token in each item of a list needs `batch` with that list: `/value/*/token` needs \
                 `batch(\"/value\")`"
            }
            Self::CopiesAcrossTypes => {
                "two events of different types can have one body where the type is in an unsigned header: say \
                 `identical_bodies(IdenticalBodies::Events)`, or take the type from the body"
            }
            Self::NotOfProcedure => {
                "a procedure proves its message: say where the signature is (`signature_header`, or \
                 `signature_pointer`), and by `covers` which fields the message holds; nothing else may be the \
                 id, the time, the subject or an event in a header. Leave out parts, gzip, a content key and \
                 lengths; rules for events and a form's field need `signs_body`; the algorithm must be a \
                 MAC's or have a public key"
            }
            Self::FormFieldWithoutForms => {
                "a form's field needs `application/x-www-form-urlencoded` among `content_types`"
            }
            Self::InvalidLimit => "the body limit and the response budget must not be zero",
            Self::BatchWithHeaders => {
                "the items of a batch have their id and type in their own text: use `id_pointer` and \
                 `event_pointer`, no copies in headers, and no `time_pointer`"
            }
            Self::InvalidHandshake => {
                "a handshake needs pointers like `/data/id`, values that are not empty, and names of \
                 letters, digits and `-._`; a token challenge, a scheme of `token_in_body`"
            }
            Self::HandshakeCouldSign => {
                "the handshake answers with a signature over a token of the request, which could be a \
                 delivery's: it needs HMAC-SHA256, and the body alone among the signed parts, or a \
                 literal with a character that no token holds, such as `:`"
            }
        }
    }
}

impl fmt::Display for SchemeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl Error for SchemeError {}
