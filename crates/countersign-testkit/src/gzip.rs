//! Compressing as senders do.

use bytes::Bytes;

use crate::SignedDelivery;

/// The delivery with its body compressed and labelled so.
pub(crate) fn compressed(delivery: &SignedDelivery) -> SignedDelivery {
    let compressed = delivery.with_body(gzip(delivery.body()));
    compressed.with_header("content-encoding", "gzip")
}

#[cfg(feature = "gzip")]
fn gzip(text: &[u8]) -> Bytes {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let written = encoder
        .write_all(text)
        .and_then(|()| encoder.finish())
        .map(Bytes::from);
    // A vector takes everything that is written to it.
    written.unwrap_or_default()
}

/// What a body was compressed of.
#[cfg(feature = "gzip")]
pub(crate) fn text(body: &[u8]) -> Option<Bytes> {
    use std::io::Read;

    let mut text = Vec::new();
    flate2::read::GzDecoder::new(body)
        .read_to_end(&mut text)
        .ok()?;
    Some(text.into())
}

#[cfg(not(feature = "gzip"))]
fn gzip(text: &[u8]) -> Bytes {
    Bytes::copy_from_slice(text)
}

#[cfg(not(feature = "gzip"))]
pub(crate) const fn text(_: &[u8]) -> Option<Bytes> {
    None
}
