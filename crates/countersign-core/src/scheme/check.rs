//! What a scheme must satisfy, checked when it is built and, for constants, at compile time.

// docs/decisions.md: D13, D33, D62.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "const code has no iterators; every index is below the length, and nothing of a request gets here"
)]

use core::time::Duration;

use super::{
    Encoding, Grammar, IdenticalBodies, KeyFormat, Location, Part, Place, Scheme, SchemeError,
    TimeAt, TimeRule,
};
use crate::mac::Algorithm;

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
}

/// Durations cannot be compared in const code.
const fn shorter(left: Duration, right: Duration) -> bool {
    left.as_nanos() < right.as_nanos()
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
