//! Bodies that come compressed: one member of gzip (RFC 1952), and nothing behind it.

// docs/decisions.md: D59.

use bytes::Bytes;

use super::{
    body::{Buffer, Reservation},
    gunzip::Gunzip,
    intake::Proof,
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

/// The most that a request holds of the verifier's budget.
pub(super) fn most_held(scheme: &Scheme, body_bytes: usize) -> usize {
    match scheme.compression() {
        None => body_bytes,
        Some(Compression::SignedBefore) => body_bytes.saturating_add(DECODER_BYTES),
        // The compressed body and its text.
        Some(Compression::SignedAfter) => {
            body_bytes.saturating_mul(2).saturating_add(DECODER_BYTES)
        }
    }
}

/// A body that is decoded as it comes.
#[derive(Debug)]
pub(super) struct Decoding {
    gunzip: Option<Gunzip>,
    taken: usize,
}

impl Decoding {
    /// One for a body that is labelled as compressed, where the text is what is signed.
    pub(super) fn of(scheme: &Scheme, labelled: bool) -> Option<Box<Self>> {
        let decodes = labelled && scheme.compression() == Some(Compression::SignedBefore);
        decodes.then(|| {
            Box::new(Self {
                gunzip: None,
                taken: 0,
            })
        })
    }

    /// Takes a chunk, and feeds what comes of it to the MACs before there is more.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        limit: usize,
        body: &mut Buffer,
        proof: &mut Proof,
    ) -> Result<(), Rejection> {
        // There is gzip that never becomes anything, so what comes in is bounded as well.
        let taken = self.taken.checked_add(chunk.len());
        self.taken = taken.filter(|taken| *taken <= limit).ok_or_else(|| {
            Rejection::new(RejectionKind::BodyTooLarge).because(Fault::BodyOver { limit })
        })?;
        if chunk.is_empty() {
            return Ok(());
        }
        let gunzip = match &mut self.gunzip {
            Some(gunzip) => gunzip,
            none => {
                proof.held.grow(DECODER_BYTES)?;
                none.insert(Gunzip::new())
            }
        };
        gunzip.push(chunk, &mut |text| {
            let len = proof.feed(body.len(), text)?;
            body.extend(text, len, limit);
            Ok(())
        })
    }

    /// Ends the body, which must be whole. The decoder is given back.
    pub(super) fn finish(self, text: &[u8], held: &mut Reservation) -> Result<(), Rejection> {
        let gunzip = self.gunzip.ok_or_else(|| broken("the body is empty"))?;
        gunzip.finish()?;
        held.shrink(DECODER_BYTES);
        refuse_nested(text)
    }
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
        let len = text.len().checked_add(more.len());
        let len = len.filter(|len| *len <= limit).ok_or_else(|| {
            Rejection::new(RejectionKind::BodyTooLarge).because(Fault::BodyOver { limit })
        })?;
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
