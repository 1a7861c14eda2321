//! The signed bytes around the body.

use super::{Part, Scheme, check::separator_byte};

/// One piece of the signed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    Bytes(&'a [u8]),
    Body,
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
            });
        }
    }
}

impl Scheme {
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
            if let Some(Part::Literal(text)) = beside.and_then(|at| self.signed.get(at))
                && separator_byte(text, after_body).is_some_and(|byte| value.contains(&byte))
            {
                return false;
            }
        }
        true
    }
}
