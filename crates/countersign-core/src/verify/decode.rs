//! Bodies that come compressed: one member of gzip (RFC 1952), and nothing behind it.

// docs/decisions.md: D59.

use bytes::Bytes;

use super::{
    body::{Buffer, Reservation},
    gunzip::Gunzip,
    intake::Proof,
    limits::VerifyLimits,
};
use crate::{
    detail::Fault,
    rejection::{Rejection, RejectionKind},
    scheme::{Compression, Scheme},
};

/// What one body that is being decoded takes beside its text: the window of 32 KiB, and tables.
pub(super) const DECODER_BYTES: usize = 48 * 1024;

/// How every member of gzip begins, and no text does.
const MAGIC: &[u8] = &[0x1f, 0x8b];

/// The most that a request holds of the verifier's budget: its body, and what is made of it.
pub(super) fn most_held(scheme: &Scheme, limits: &VerifyLimits, url: &str) -> usize {
    let made = match (scheme.compression(), scheme.procedure()) {
        (Some(_), _) => Some(DECODER_BYTES),
        (None, Some(_)) => Some(url.len().saturating_add(limits.signature_bytes)),
        (None, None) => None,
    };
    match made {
        Some(beside) => (limits.body_bytes.saturating_mul(2)).saturating_add(beside),
        None => limits.body_bytes,
    }
}

/// A body whose text is what is signed. It is kept as it comes, and decoded once it is whole: a sender that
/// stops in the middle holds no more than what it sent.
#[derive(Debug)]
pub(super) struct Decoding {
    packed: Buffer,
}

impl Decoding {
    /// One for a body that is labelled as compressed, where the text is what is signed.
    pub(super) fn of(scheme: &Scheme, labelled: bool) -> Option<Box<Self>> {
        let decodes = labelled && scheme.compression() == Some(Compression::SignedBefore);
        decodes.then(|| {
            Box::new(Self {
                packed: Buffer::Empty,
            })
        })
    }

    /// Takes a chunk. There is gzip that never becomes anything, so what comes in is bounded, too.
    pub(super) fn push(
        &mut self,
        chunk: Bytes,
        limit: usize,
        held: &mut Reservation,
    ) -> Result<(), Rejection> {
        let len = within(self.packed.len(), chunk.len(), limit)?;
        held.grow(chunk.len())?;
        self.packed.append(chunk, len, limit);
        Ok(())
    }

    /// Decodes the body, which must be whole, and feeds its text to the MACs.
    pub(super) fn finish(self, limit: usize, proof: &mut Proof) -> Result<Bytes, Rejection> {
        let packed = self.packed.into_bytes();
        if packed.is_empty() {
            return Err(broken("the body is empty"));
        }
        proof.held.grow(DECODER_BYTES)?;
        let (mut gunzip, mut text) = (Gunzip::new(), Buffer::Empty);
        gunzip.push(&packed, &mut |more| {
            let len = proof.feed(text.len(), more)?;
            text.extend(more, len, limit);
            Ok(())
        })?;
        gunzip.finish()?;
        proof
            .held
            .shrink(DECODER_BYTES.saturating_add(packed.len()));
        let text = text.into_bytes();
        refuse_nested(&text)?;
        Ok(text)
    }
}

fn within(before: usize, more: usize, limit: usize) -> Result<usize, Rejection> {
    let len = before.checked_add(more).filter(|len| *len <= limit);
    len.ok_or_else(|| {
        Rejection::new(RejectionKind::BodyTooLarge).because(Fault::BodyOver { limit })
    })
}

/// The text of a proved body that the sender compressed before it signed; `None` where it did not compress.
///
/// The proved bytes decide, and the label, which anybody may have written, must agree: a captured delivery is
/// not read in another way because its label was taken off.
pub(super) fn decode_proved(
    held: &mut Reservation,
    body: &[u8],
    labelled: bool,
) -> Result<Option<Bytes>, Rejection> {
    if held.policy().scheme.compression() != Some(Compression::SignedAfter) {
        return Ok(None);
    }
    match (labelled, body.starts_with(MAGIC)) {
        (false, false) => return Ok(None),
        (true, false) => return Err(broken(NOT_GZIP)),
        (false, true) => return Err(broken("it is gzip, and not labelled as that")),
        (true, true) => {}
    }
    let limit = held.policy().limits.body_bytes;
    held.grow(DECODER_BYTES)?;
    let (mut gunzip, mut text) = (Gunzip::new(), Buffer::Empty);
    gunzip.push(body, &mut |more| {
        let len = within(text.len(), more.len(), limit)?;
        held.grow(more.len())?;
        text.extend(more, len, limit);
        Ok(())
    })?;
    gunzip.finish()?;
    held.shrink(DECODER_BYTES);
    let text = text.into_bytes();
    refuse_nested(&text)?;
    Ok(Some(text))
}

/// Nothing is decoded twice.
fn refuse_nested(text: &[u8]) -> Result<(), Rejection> {
    match text.starts_with(MAGIC) {
        true => Err(broken("there is gzip inside of it")),
        false => Ok(()),
    }
}

pub(super) const NOT_GZIP: &str = "it is no gzip";

pub(super) const fn broken(what: &'static str) -> Rejection {
    Rejection::new(RejectionKind::BodyNotDecoded).because(Fault::Gzip(what))
}
