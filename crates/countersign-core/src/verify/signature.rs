//! The header or headers that carry the signature.

// docs/decisions.md: D3, D31.

use smallvec::SmallVec;

use super::{
    head::{FoundHeaders, Head},
    limits::VerifyLimits,
    slots::{HeaderSlots, text_fault},
};
use crate::{
    rejection::{Rejection, RejectionKind},
    scheme::{Location, Scheme},
    texts,
};

/// The values of the signature header or headers of one request.
pub(super) struct SignatureHeaders<'a> {
    pub(super) name: &'static str,
    pub(super) values: SmallVec<[&'a [u8]; 2]>,
}

impl<'a> SignatureHeaders<'a> {
    pub(super) fn find(
        scheme: &Scheme,
        slots: &HeaderSlots,
        found: &FoundHeaders<'a>,
        head: &'a (impl Head + ?Sized),
        limits: &VerifyLimits,
    ) -> Result<Self, Rejection> {
        let mut name = scheme.signature_header();
        let mut values: SmallVec<[&'a [u8]; 2]> = SmallVec::new();
        match scheme.location {
            Location::Header(_) | Location::AnyOf(_) | Location::AllOf(_) => {
                let all = matches!(scheme.location, Location::AllOf(_));
                for slot in &slots.signature {
                    if let Some(value) = slots.one(found, *slot)? {
                        if values.is_empty() {
                            name = slots.wanted.name(*slot);
                        }
                        values.push(value);
                        if !all {
                            break;
                        }
                    }
                }
            }
            // What is in the body is read when that is there.
            Location::Body(_) => return Ok(Self { name, values }),
            Location::Repeated(_) | Location::Numbered(_) => {
                let numbered = matches!(scheme.location, Location::Numbered(_));
                head.each_header(&mut |header, value| {
                    if is_signature_header(header, name, numbered)
                        && values.len() <= limits.candidates
                    {
                        values.push(value);
                    }
                });
            }
        }
        if values.is_empty() {
            return Err(Rejection::header_fault(RejectionKind::HeaderMissing, name));
        }
        let visible = |value: &&[u8]| {
            let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
            (1..=limits.signature_bytes).contains(&value.len()) && texts::all(value, printable)
        };
        if let Some(value) = values.iter().find(|value| !visible(value)) {
            let refused = Rejection::header_fault(RejectionKind::HeaderMalformed, name);
            return Err(refused.because(text_fault(value, limits.signature_bytes)));
        }
        Ok(Self { name, values })
    }
}

fn is_signature_header(header: &str, stem: &str, numbered: bool) -> bool {
    if !numbered {
        return header.eq_ignore_ascii_case(stem);
    }
    match header.split_at_checked(stem.len()) {
        Some((start, number)) => {
            start.eq_ignore_ascii_case(stem)
                && (1..=3).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => false,
    }
}
