//! Where one signed part ends and the next begins.

// docs/decisions.md: D33, D62.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "const code has no iterators; every index is below the length, and nothing of a request gets here"
)]

use super::{Part, Scheme, SchemeError, TimeUnit};

/// The longest text that a header may be.
const MAX_ID: usize = 256;
/// The longest time in plain digits.
const MAX_DIGITS: usize = 20;

impl Scheme {
    /// The signed bytes must have one reading. Before the body, parts are told apart from the left, and
    /// after it from the right: each variable part ends where it must, by what is beside it or by its own
    /// grammar.
    pub(super) const fn check_parts(&self) -> Result<(), SchemeError> {
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

    /// How many characters every id has, where the scheme says so.
    #[must_use]
    pub const fn id_length(&self) -> Option<usize> {
        self.id_length
    }

    /// How many digits every time has, where the scheme says so.
    #[must_use]
    pub const fn time_digits(&self) -> Option<usize> {
        self.time_digits
    }

    pub(super) const fn check_lengths(&self) -> Result<(), SchemeError> {
        let id = match self.id_length {
            Some(length) => self.signs(Part::Id) && length > 0 && length <= MAX_ID,
            None => true,
        };
        let time = match (self.time_digits, self.time) {
            (Some(digits), Some(rule)) => {
                self.signs(Part::Timestamp)
                    && !rule.unit.is_date()
                    && digits > 0
                    && digits <= MAX_DIGITS
            }
            (Some(_), None) => false,
            (None, _) => true,
        };
        if id && time {
            Ok(())
        } else {
            Err(SchemeError::InvalidLength)
        }
    }

    /// Whether the place of a part's end is known by its length alone. What a receiver or a scheme fixes is
    /// constant: a literal, the URL, the secret.
    const fn has_known_length(&self, part: Part) -> bool {
        match part {
            Part::Literal(_) | Part::Url | Part::Secret => true,
            Part::Id => self.id_length.is_some(),
            Part::Timestamp => self.time_digits.is_some(),
            Part::Header(_) | Part::Body => false,
        }
    }

    /// Whether a part ends by its own length.
    pub(super) const fn ends_by_length(&self, part: Part) -> bool {
        matches!(part, Part::Id | Part::Timestamp) && self.has_known_length(part)
    }

    /// Whether a part ends where the braces of a JSON body say: between them is nothing but parts of a known
    /// length, so that the first brace or bracket behind the part (or, behind the body, the last one before it) is
    /// at a known distance from it. The intake refuses a value that holds one.
    pub(super) const fn ends_by_braces(&self, at: usize, after_body: bool) -> bool {
        if !self.json_body {
            return false;
        }
        let mut next = at;
        loop {
            if after_body {
                if next == 0 {
                    return false;
                }
                next -= 1;
            } else {
                next += 1;
                if next >= self.signed.len() {
                    return false;
                }
            }
            if matches!(self.signed[next], Part::Body) {
                return true;
            }
            if !self.has_known_length(self.signed[next]) {
                return false;
            }
        }
    }

    /// Whether a value in the place of a signed part may hold no brace or bracket: it, or a part further away
    /// from the body, is told apart by them.
    pub(super) fn is_parted_by_braces(&self, at: usize, after_body: bool) -> bool {
        let relies = |at: usize| {
            let Some(part @ (Part::Id | Part::Header(_))) = self.signed.get(at) else {
                return false;
            };
            let beside = if after_body {
                at.checked_sub(1)
            } else {
                at.checked_add(1)
            };
            let beside = beside.and_then(|beside| self.signed.get(beside));
            let parted = match beside {
                Some(Part::Literal(text)) => separator_byte(text, after_body).is_some(),
                _ => false,
            };
            !parted && !self.ends_by_length(*part) && self.ends_by_braces(at, after_body)
        };
        match after_body {
            false => (0..=at).any(relies),
            true => (at..self.signed.len()).any(relies),
        }
    }
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
