//! Bodies that are sent compressed.

use super::{Scheme, SchemeError};

/// Whether a sender that compresses its bodies signs what it compresses, or what comes of it.
///
/// The encoding is gzip, once: one member, and nothing behind it. A body that is not compressed is taken as
/// ever, because senders let their users choose. Every other encoding, and one inside of another, is refused
/// with 415. What is decoded counts towards the body limit while it is decoded, so that a small body cannot
/// become a large one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// The sender signs, and then compresses: the signature covers the text (Stream Chat). It is decoded as
    /// it comes, before anything is proved, and [`Verified::body`](crate::Verified::body) is the text.
    SignedBefore,
    /// The sender compresses, and then signs: the signature covers the compressed bytes, which
    /// [`Verified::body`](crate::Verified::body) stays. They are decoded when they are proved, and
    /// [`Verified::payload`](crate::Verified::payload) is the text.
    ///
    /// A retry that is compressed anew may have other bytes. Where there is no id, that is another delivery.
    SignedAfter,
}

impl Scheme {
    /// Whether bodies may be compressed, and which bytes are signed then.
    #[must_use]
    pub const fn compression(&self) -> Option<Compression> {
        self.compression
    }

    pub(super) const fn check_compression(&self) -> Result<(), SchemeError> {
        match self.compression {
            None => Ok(()),
            Some(_) if !cfg!(feature = "gzip") => Err(SchemeError::GzipOff),
            Some(Compression::SignedAfter) if self.json_body => Err(SchemeError::CompressedJson),
            Some(Compression::SignedAfter) if !self.body_is_signed() => {
                Err(SchemeError::TokenSignsNothing)
            }
            Some(_) => Ok(()),
        }
    }
}
