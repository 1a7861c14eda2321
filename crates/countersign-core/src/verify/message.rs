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
    around_body(policy, head, side, |segment| match segment {
        Segment::Bytes(bytes) => macs.update(bytes),
        Segment::Secret => macs.update_secret(),
        Segment::Body => {}
    });
}

/// The signed parts on one side of the body, for algorithms that read the message again. None of those
/// signs the secret.
pub(super) fn bytes_around_body(policy: &Policy, head: &JudgedHead, side: Side) -> Vec<u8> {
    let mut bytes = Vec::new();
    around_body(policy, head, side, |segment| {
        if let Segment::Bytes(more) = segment {
            bytes.extend_from_slice(more);
        }
    });
    bytes
}

fn around_body<'a>(
    policy: &'a Policy,
    head: &'a JudgedHead,
    side: Side,
    mut feed: impl FnMut(Segment<'a>),
) {
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
            other => {
                if now == side {
                    feed(other);
                }
            }
        },
    );
}
