//! What a scheme must satisfy, checked when it is built and, for constants, at compile time. Long, because
//! every refusal of a scheme is here, with the message that says what to write instead.

// docs/decisions.md: D13, D33, D62.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "const code has no iterators; every index is below the length, and nothing of a request gets here"
)]

use core::{error::Error, fmt, time::Duration};

use super::{
    Encoding, Grammar, IdenticalBodies, KeyFormat, Location, Part, Place, Scheme, TimeAt, TimeRule,
    TimeUnit,
};
use crate::mac::Algorithm;

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

impl Scheme {
    pub(super) const fn check(&self) -> Result<(), SchemeError> {
        if let Err(error) = self.check_procedure() {
            return Err(error);
        }
        if let Err(error) = self.check_names() {
            return Err(error);
        }
        if let Err(error) = self.check_grammar() {
            return Err(error);
        }
        if let Err(error) = self.check_algorithm() {
            return Err(error);
        }
        if let Err(error) = self.check_parts() {
            return Err(error);
        }
        if let Err(error) = self.check_lengths() {
            return Err(error);
        }
        if self.json_body && self.takes_forms() {
            return Err(SchemeError::FormsAtBoundary);
        }
        if let Err(error) = self.check_body_token() {
            return Err(error);
        }
        if self.tolerance.is_some() && self.time.is_none() {
            return Err(SchemeError::ToleranceWithoutTime);
        }
        if self.tolerance.is_some() && !self.time_is_signed() {
            return Err(SchemeError::TimeNotSigned);
        }
        if self.signs(Part::Timestamp)
            && matches!(
                self.time,
                None | Some(TimeRule {
                    at: TimeAt::Body(_),
                    ..
                })
            )
        {
            return Err(SchemeError::TimeMissing);
        }
        let id_in_header = matches!(self.id, Some(Place::Header(_)));
        if (self.id_must_be_signed && !self.id_is_signed())
            || (self.signs(Part::Id) && !id_in_header)
        {
            return Err(SchemeError::IdNotSigned);
        }
        if (self.id_copy.is_some() && !self.id_is_signed())
            || (self.event_copy.is_some() && !self.event_is_signed())
        {
            return Err(SchemeError::CopyOfUnsigned);
        }
        if let Err(error) = self.check_repeats() {
            return Err(error);
        }
        if let Err(error) = self.check_content_key() {
            return Err(error);
        }
        if let Err(error) = self.check_batch() {
            return Err(error);
        }
        if let Err(error) = self.check_compression() {
            return Err(error);
        }
        if let Err(error) = self.check_handshakes() {
            return Err(error);
        }
        if self.form_field.is_some() && !self.takes_forms() {
            return Err(SchemeError::FormFieldWithoutForms);
        }
        if self.body_limit == 0 || self.response_budget.is_zero() {
            return Err(SchemeError::InvalidLimit);
        }
        Ok(())
    }

    const fn takes_forms(&self) -> bool {
        let mut at = 0;
        while at < self.content_types.len() {
            if same_header(self.content_types[at], "application/x-www-form-urlencoded") {
                return true;
            }
            at += 1;
        }
        false
    }

    /// No honest event may be dropped by rule.
    const fn check_repeats(&self) -> Result<(), SchemeError> {
        match (self.id, self.identical_bodies) {
            (None, None) => return Err(SchemeError::NoIdUndecided),
            (Some(_), Some(_)) => return Err(SchemeError::IdenticalBodiesWithId),
            (None, Some(IdenticalBodies::Copies { within }))
                if within.is_zero()
                    || shorter(within, self.retry_span)
                    || shorter(within, self.time_window()) =>
            {
                return Err(SchemeError::CopiesShorterThanRetries);
            }
            (None, Some(IdenticalBodies::Copies { .. }))
                if matches!(self.event, Some(Place::Header(_))) && !self.event_is_signed() =>
            {
                return Err(SchemeError::CopiesAcrossTypes);
            }
            _ => {}
        }
        let mut once = self.unlisted_once;
        let mut at = 0;
        while at < self.events.len() {
            once = once || self.events[at].once;
            at += 1;
        }
        if once && self.subject.is_none() {
            return Err(SchemeError::OnceWithoutSubject);
        }
        match (self.tolerance, self.latest_retry()) {
            (Some(tolerance), Some(latest)) if shorter(tolerance.past, latest) => {
                Err(SchemeError::LateRetriesRefused)
            }
            _ => Ok(()),
        }
    }

    /// For how long one request verifies.
    const fn time_window(&self) -> Duration {
        match self.tolerance {
            Some(tolerance) => tolerance.past.saturating_add(tolerance.future),
            None => Duration::ZERO,
        }
    }

    const fn check_names(&self) -> Result<(), SchemeError> {
        let located = match self.location {
            Location::Header(name) | Location::Repeated(name) | Location::Numbered(name) => {
                is_header_name(name)
            }
            Location::Body(_) => true,
            Location::AnyOf(names) | Location::AllOf(names) => {
                let mut valid = !names.is_empty();
                let mut at = 0;
                while at < names.len() {
                    valid = valid && is_header_name(names[at]);
                    at += 1;
                }
                valid
            }
        };
        let mut valid = located
            && is_header_or_none(self.id_copy)
            && is_header_or_none(self.event_copy)
            && is_header_or_none(self.attempt_header);
        let mut pointers = true;
        if let Some(TimeRule { at, .. }) = self.time {
            match at {
                TimeAt::Header(name) => valid = valid && is_header_name(name),
                TimeAt::Body(pointer) => pointers = is_pointer(pointer),
                TimeAt::SignatureKey(_) | TimeAt::SignatureFirst => {}
            }
        }
        match self.id {
            Some(Place::Header(name)) => valid = valid && is_header_name(name),
            Some(Place::Body(pointer)) => pointers = pointers && is_pointer(pointer),
            None => {}
        }
        match self.event {
            Some(Place::Header(name)) => valid = valid && is_header_name(name),
            Some(Place::Body(pointer)) => pointers = pointers && is_pointer(pointer),
            None => {}
        }
        let mut at = 0;
        while at < self.signed.len() {
            if let Part::Header(name) = self.signed[at] {
                valid = valid && is_header_name(name);
            }
            at += 1;
        }
        if let Some(pointer) = self.subject {
            pointers = pointers && is_pointer(pointer);
        }
        at = 0;
        while at < self.events.len() {
            if let Some((pointer, _)) = self.events[at].proof {
                pointers = pointers && is_pointer(pointer);
            }
            at += 1;
        }
        if !valid {
            return Err(SchemeError::InvalidHeaderName);
        }
        if !pointers {
            return Err(SchemeError::InvalidPointer);
        }
        Ok(())
    }

    const fn check_grammar(&self) -> Result<(), SchemeError> {
        let time_key = match self.time {
            Some(TimeRule {
                at: TimeAt::SignatureKey(key),
                ..
            }) => Some(key),
            _ => None,
        };
        let time_first = matches!(
            self.time,
            Some(TimeRule {
                at: TimeAt::SignatureFirst,
                ..
            })
        );
        let valid = match self.grammar {
            Grammar::Bare => true,
            // A date has no comma; all other separators could be part of a tag or of a date.
            Grammar::TimeThenTags { separator } => matches!(separator, ',' | ';' | '|' | ' '),
            Grammar::Prefix(prefix) | Grammar::OptionalPrefix(prefix) => !prefix.is_empty(),
            Grammar::Versioned(versions) => is_word_list(versions, ',', ' '),
            Grammar::Pairs { separator, tags } => {
                matches!(separator, ',' | ';' | '&' | '|' | ' ')
                    && is_word_list(tags, '=', separator)
                    && match time_key {
                        Some(key) => is_word(key, '=', separator),
                        None => true,
                    }
            }
        };
        // Two places of a time, or none where the list begins with one.
        let in_list = matches!(self.grammar, Grammar::TimeThenTags { .. });
        if !valid || in_list != time_first {
            return Err(SchemeError::InvalidGrammar);
        }
        match (time_key, self.grammar) {
            (None, _) => Ok(()),
            (Some(key), Grammar::Pairs { tags, .. }) => {
                let mut at = 0;
                while at < tags.len() {
                    if same_header(tags[at], key) {
                        return Err(SchemeError::TimeKeyWithoutPairs);
                    }
                    at += 1;
                }
                Ok(())
            }
            (Some(_), _) => Err(SchemeError::TimeKeyWithoutPairs),
        }
    }

    const fn check_algorithm(&self) -> Result<(), SchemeError> {
        if !self.algorithm.is_available() {
            return Err(match self.algorithm {
                Algorithm::Ed25519 => SchemeError::Ed25519Off,
                Algorithm::EcdsaP256Sha256 => SchemeError::P256Off,
                Algorithm::RsaSha256 => SchemeError::RsaOff,
                _ => SchemeError::LegacySha1Off,
            });
        }
        let public = matches!(
            self.key_format,
            KeyFormat::PublicKey | KeyFormat::PublicKeyAfterPrefix(_)
        );
        if public != self.algorithm.has_public_key() {
            return Err(SchemeError::KeyFormatMismatch);
        }
        let text = matches!(self.encoding, Encoding::Text);
        if self.body_is_signed() || self.procedure.is_some() {
            return if text {
                Err(SchemeError::TokenSignsNothing)
            } else {
                Ok(())
            };
        }
        let bare = matches!(
            self.grammar,
            Grammar::Bare | Grammar::Prefix(_) | Grammar::OptionalPrefix(_)
        );
        if bare && self.signed.is_empty() && !matches!(self.encoding, Encoding::Hex) {
            Ok(())
        } else {
            Err(SchemeError::TokenSignsNothing)
        }
    }

    /// The signed bytes must have one reading. Before the body, parts are told apart from the left, and
    /// after it from the right: each variable part ends where it must, by what is beside it or by its own
    /// grammar.
    const fn check_parts(&self) -> Result<(), SchemeError> {
        if self.procedure.is_some() || !self.body_is_signed() {
            return Ok(());
        }
        let parts = self.signed;
        let secrets = self.count(Part::Secret);
        match (self.algorithm.is_plain(), secrets) {
            (false, 0) => {}
            (true, 1) if self.json_body => {}
            _ => return Err(SchemeError::SecretNotSigned),
        }
        match self.count(Part::Body) {
            0 => return Err(SchemeError::BodyNotSigned),
            1 => {}
            _ => return Err(SchemeError::BodySignedTwice),
        }
        let mut after_body = false;
        let mut at = 0;
        while at < parts.len() {
            if matches!(parts[at], Part::Body) {
                after_body = true;
            } else {
                let beside = if after_body {
                    if at == 0 { None } else { Some(parts[at - 1]) }
                } else if at + 1 < parts.len() {
                    Some(parts[at + 1])
                } else {
                    None
                };
                let ends = self.ends(parts[at], beside, after_body)
                    || self.ends_by_length(parts[at])
                    || (matches!(parts[at], Part::Id | Part::Header(_))
                        && self.ends_by_braces(at, after_body));
                if !ends {
                    return Err(SchemeError::AmbiguousParts);
                }
            }
            at += 1;
        }
        Ok(())
    }

    /// How often the body, or the secret, is among the signed parts.
    const fn count(&self, part: Part) -> usize {
        let mut count = 0;
        let mut at = 0;
        while at < self.signed.len() {
            match (self.signed[at], part) {
                (Part::Body, Part::Body) | (Part::Secret, Part::Secret) => count += 1,
                _ => {}
            }
            at += 1;
        }
        count
    }

    /// Whether it is certain where a part ends that stands beside another one, read from the left before
    /// the body and from the right after it.
    const fn ends(&self, part: Part, beside: Option<Part>, after_body: bool) -> bool {
        let separator = match beside {
            Some(Part::Literal(text)) => separator_byte(text, after_body),
            _ => None,
        };
        match (part, self.date()) {
            (Part::Literal(_) | Part::Url | Part::Secret | Part::Body, _) => true,
            // A date with a zone ends with it. From the right, a date begins ten characters before its
            // only `T`, which is the last one.
            (Part::Timestamp, Some(TimeUnit::Rfc3339)) => true,
            (Part::Timestamp, Some(_)) if after_body => true,
            // Digits, and in a date without a zone the point of a fraction.
            (Part::Timestamp, date) => match (separator, beside) {
                (Some(byte), _) => !byte.is_ascii_digit() && (date.is_none() || byte != b'.'),
                (None, Some(Part::Body)) => self.json_body,
                (None, _) => false,
            },
            // The intake refuses a value that holds the separator, or what a date begins with.
            (Part::Id | Part::Header(_), date) => {
                separator.is_some()
                    || (!after_body && date.is_some() && matches!(beside, Some(Part::Timestamp)))
            }
        }
    }

    /// The unit of the time, where that is a date.
    const fn date(&self) -> Option<TimeUnit> {
        match self.time {
            Some(rule) if rule.unit.is_date() => Some(rule.unit),
            _ => None,
        }
    }
}

/// Durations cannot be compared in const code.
const fn shorter(left: Duration, right: Duration) -> bool {
    left.as_nanos() < right.as_nanos()
}

/// The byte of a literal that ends the part beside it.
pub(super) const fn separator_byte(literal: &str, after_body: bool) -> Option<u8> {
    let bytes = literal.as_bytes();
    match (after_body, bytes) {
        (_, []) => None,
        (false, [first, ..]) => Some(*first),
        (true, [.., last]) => Some(*last),
    }
}

/// Compares two header names as HTTP does.
pub(crate) const fn same_header(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

const fn is_header_or_none(name: Option<&str>) -> bool {
    match name {
        Some(name) => is_header_name(name),
        None => true,
    }
}

pub(super) const fn is_header_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_') {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty() && bytes.len() < 64
}

pub(super) const fn is_pointer(pointer: &str) -> bool {
    let bytes = pointer.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let empty_step = bytes[at] == b'/' && (at + 1 == bytes.len() || bytes[at + 1] == b'/');
        if bytes[at] == b'~' || empty_step {
            return false;
        }
        at += 1;
    }
    matches!(bytes, [b'/', ..])
}

/// A list of keys or versions each of which can occur in a header.
const fn is_word_list(words: &[&str], end: char, separator: char) -> bool {
    let mut at = 0;
    while at < words.len() {
        if !is_word(words[at], end, separator) {
            return false;
        }
        at += 1;
    }
    !words.is_empty()
}

/// A key or version that is not empty and contains neither what ends it nor what separates entries.
const fn is_word(word: &str, end: char, separator: char) -> bool {
    let word = word.as_bytes();
    let mut at = 0;
    while at < word.len() {
        let byte = word[at];
        if !byte.is_ascii_graphic() || byte as char == end || byte as char == separator {
            return false;
        }
        at += 1;
    }
    !word.is_empty()
}
