//! The signed bytes around the body.

use super::{Part, Scheme, boundaries::separator_byte};

/// One piece of the signed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    Bytes(&'a [u8]),
    Body,
    Secret,
}

/// The sender's values that the signed parts refer to, exactly as received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segments<'a> {
    pub(crate) time: &'a [u8],
    pub(crate) id: &'a [u8],
    pub(crate) url: &'a [u8],
}

impl<'a> Segments<'a> {
    /// Calls `feed` with each piece in order; `headers` are the values of `Part::Header`s in order.
    pub(crate) fn each(
        self,
        scheme: &Scheme,
        mut headers: impl Iterator<Item = &'a [u8]>,
        mut feed: impl FnMut(Segment<'a>),
    ) {
        for part in scheme.signed {
            feed(match part {
                Part::Literal(text) => Segment::Bytes(text.as_bytes()),
                Part::Timestamp => Segment::Bytes(self.time),
                Part::Id => Segment::Bytes(self.id),
                Part::Header(_) => Segment::Bytes(headers.next().unwrap_or_default()),
                Part::Url => Segment::Bytes(self.url),
                Part::Body => Segment::Body,
                Part::Secret => Segment::Secret,
            });
        }
    }
}

/// Whether a value holds `-NN-NNT`, by which a date behind it is found.
fn holds_a_date(value: &[u8]) -> bool {
    value.windows(7).any(|at| {
        matches!(at, [b'-', a, b, b'-', c, d, b'T']
            if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()))
    })
}

impl Scheme {
    /// Whether a body keeps clear of the time that is signed beside it without anything in between.
    pub(crate) fn takes_body(&self, body: &[u8]) -> bool {
        if !self.json_body {
            return true;
        }
        let behind = self.signed.last() != Some(&Part::Body);
        // What is appended to bytes under a plain hash, so that the hash can be computed without the
        // secret, begins with a byte that no text has there.
        let is_text = !self.algorithm.is_plain() || core::str::from_utf8(body).is_ok();
        is_text
            && matches!(body, [b'{' | b'[', ..])
            && (!behind || matches!(body, [.., b'}' | b']']))
    }

    /// Whether a value in the place of a signed part keeps clear of the separator beside it.
    pub(crate) fn keeps_apart(&self, part: Part, value: &[u8]) -> bool {
        let mut after_body = false;
        for (at, candidate) in self.signed.iter().enumerate() {
            after_body |= *candidate == Part::Body;
            if *candidate != part {
                continue;
            }
            let beside = if after_body {
                at.checked_sub(1)
            } else {
                at.checked_add(1)
            };
            let holds_its_end = match beside.and_then(|at| self.signed.get(at)) {
                Some(Part::Literal(text)) => {
                    separator_byte(text, after_body).is_some_and(|byte| value.contains(&byte))
                }
                Some(Part::Timestamp) => holds_a_date(value),
                _ => false,
            };
            let braces: &[u8] = if after_body { b"}]" } else { b"{[" };
            let holds_its_end = holds_its_end
                || (self.json_body
                    && self.is_parted_by_braces(at, after_body)
                    && value.iter().any(|byte| braces.contains(byte)));
            if holds_its_end {
                return false;
            }
        }
        true
    }
}
