//! Where one signed part ends and the next begins, when there is nothing between them.

// docs/decisions.md: D33, D62.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "const code has no iterators; every index is below the length, and nothing of a request gets here"
)]

use super::{Part, Scheme, SchemeError, check::separator_byte};

/// The longest text that a header may be.
const MAX_ID: usize = 256;
/// The longest time in plain digits.
const MAX_DIGITS: usize = 20;

impl Scheme {
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
