//! The signed bytes around the body.

use super::{policy::Policy, precheck::JudgedHead};
use crate::{
    mac::Macs,
    scheme::{Part, Segment, Segments},
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

/// Feeds the signed parts on one side of the body to every MAC.
pub(super) fn feed_around_body(policy: &Policy, head: &JudgedHead, macs: &mut Macs, side: Side) {
    let scheme = &policy.scheme;
    if scheme.signed == [Part::Body] {
        return;
    }
    let segments = Segments {
        time: head.texts.bytes(head.time_text),
        id: head.texts.bytes(head.id),
        url: policy.url.as_bytes(),
    };
    let mut now = Side::Before;
    segments.each(
        scheme,
        head.signed_headers
            .iter()
            .map(|value| head.texts.bytes(Some(*value))),
        |segment| match segment {
            Segment::Body => now = Side::After,
            Segment::Bytes(bytes) => {
                if now == side {
                    macs.update(bytes);
                }
            }
        },
    );
}
