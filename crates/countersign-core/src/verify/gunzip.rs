//! One member of gzip (RFC 1952), byte for byte as it comes.

#[cfg(feature = "gzip")]
pub(super) use self::on::Gunzip;
#[cfg(not(feature = "gzip"))]
pub(super) use off::Gunzip;

#[cfg(feature = "gzip")]
mod on {
    use core::fmt;

    use flate2::{Crc, Decompress, FlushDecompress, Status};

    use crate::{
        rejection::Rejection,
        verify::decode::{NOT_GZIP, broken},
    };

    /// A member on its way in.
    pub(in crate::verify) struct Gunzip {
        at: At,
        /// What comes of the header's flags, in this order.
        flags: u8,
        /// Of the header, where it has a checksum of its own.
        head: Crc,
        inflate: Decompress,
        /// Of the text.
        crc: Crc,
    }

    /// Where in a member the next byte is.
    #[derive(Clone, Copy)]
    enum At {
        /// In the first ten bytes.
        Head(u8),
        /// In the two bytes of the extra field's length, of which this is the first.
        ExtraLength(Option<u8>),
        /// Before this many more bytes of the extra field.
        Extra(u16),
        /// In a text that a zero ends.
        Text,
        /// In the header's checksum, of which this is the first byte.
        HeadCrc(Option<u8>),
        Deflate,
        /// In the checksum and the length of the text.
        Trailer([u8; 8], u8),
        End,
    }

    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const HEAD_CRC: u8 = 2;
    const RESERVED: u8 = 0xe0;

    impl Gunzip {
        pub(in crate::verify) fn new() -> Self {
            Self {
                at: At::Head(0),
                flags: 0,
                head: Crc::new(),
                inflate: Decompress::new(false),
                crc: Crc::new(),
            }
        }

        /// Takes a chunk, and gives what comes out to `text`, in pieces.
        pub(in crate::verify) fn push(
            &mut self,
            mut chunk: &[u8],
            text: &mut impl FnMut(&[u8]) -> Result<(), Rejection>,
        ) -> Result<(), Rejection> {
            loop {
                if matches!(self.at, At::Deflate) {
                    chunk = self.inflate(chunk, text)?;
                }
                let Some((byte, rest)) = chunk.split_first() else {
                    return Ok(());
                };
                self.step(*byte)?;
                chunk = rest;
            }
        }

        /// Ends the body, which must be one whole member.
        pub(in crate::verify) fn finish(self) -> Result<(), Rejection> {
            match self.at {
                At::End => Ok(()),
                _ => Err(broken("it breaks off")),
            }
        }

        /// Takes a byte of what is around the compressed text.
        fn step(&mut self, byte: u8) -> Result<(), Rejection> {
            if !matches!(self.at, At::HeadCrc(_) | At::Trailer(..) | At::End) {
                self.head.update(&[byte]);
            }
            self.at = match self.at {
                At::Head(at) => {
                    let right = match at {
                        0 => byte == 0x1f,
                        1 => byte == 0x8b,
                        // Deflate, the only method.
                        2 => byte == 8,
                        3 => {
                            self.flags = byte;
                            byte & RESERVED == 0
                        }
                        _ => true,
                    };
                    if !right {
                        return Err(broken(NOT_GZIP));
                    }
                    match at {
                        0..=8 => At::Head(at.saturating_add(1)),
                        _ => self.behind_head(),
                    }
                }
                At::ExtraLength(None) => At::ExtraLength(Some(byte)),
                At::ExtraLength(Some(low)) => match u16::from_le_bytes([low, byte]) {
                    0 => self.behind_head(),
                    left => At::Extra(left),
                },
                At::Extra(left) => match left.saturating_sub(1) {
                    0 => self.behind_head(),
                    left => At::Extra(left),
                },
                At::Text if byte == 0 => self.behind_head(),
                At::Text => At::Text,
                At::HeadCrc(None) => At::HeadCrc(Some(byte)),
                At::HeadCrc(Some(low)) => {
                    let [first, second, ..] = self.head.sum().to_le_bytes();
                    if [low, byte] != [first, second] {
                        return Err(broken("its checksum is another"));
                    }
                    self.behind_head()
                }
                At::Trailer(mut bytes, at) => {
                    if let Some(slot) = bytes.get_mut(usize::from(at)) {
                        *slot = byte;
                    }
                    match at {
                        0..=6 => At::Trailer(bytes, at.saturating_add(1)),
                        _ => self.check(bytes)?,
                    }
                }
                At::End => return Err(broken("something follows it")),
                // Those bytes are `inflate`'s.
                At::Deflate => At::Deflate,
            };
            Ok(())
        }

        /// What the header has next.
        fn behind_head(&mut self) -> At {
            for (flag, at) in [
                (EXTRA, At::ExtraLength(None)),
                (NAME, At::Text),
                (COMMENT, At::Text),
                (HEAD_CRC, At::HeadCrc(None)),
            ] {
                if self.flags & flag != 0 {
                    self.flags &= !flag;
                    return at;
                }
            }
            At::Deflate
        }

        /// Whether the text is the one that was compressed.
        fn check(&self, trailer: [u8; 8]) -> Result<At, Rejection> {
            let [crc @ .., _, _, _, _] = trailer;
            let [_, _, _, _, len @ ..] = trailer;
            let right = u32::from_le_bytes(crc) == self.crc.sum()
                && u32::from_le_bytes(len) == self.crc.amount();
            match right {
                true => Ok(At::End),
                false => Err(broken("its checksum is another")),
            }
        }

        /// Takes as much of a chunk as is compressed text, and gives the rest back.
        fn inflate<'c>(
            &mut self,
            mut chunk: &'c [u8],
            text: &mut impl FnMut(&[u8]) -> Result<(), Rejection>,
        ) -> Result<&'c [u8], Rejection> {
            let mut piece = [0; 4 * 1024];
            loop {
                let (taken, made) = (self.inflate.total_in(), self.inflate.total_out());
                let status = self
                    .inflate
                    .decompress(chunk, &mut piece, FlushDecompress::None)
                    .map_err(|_| broken("its compressed text is not in order"))?;
                let taken = self.inflate.total_in().saturating_sub(taken);
                let made = self.inflate.total_out().saturating_sub(made);
                let taken = usize::try_from(taken).unwrap_or(usize::MAX);
                let made = usize::try_from(made).unwrap_or(usize::MAX);
                let more = piece.get(..made).unwrap_or_default();
                self.crc.update(more);
                text(more)?;
                chunk = chunk.get(taken..).unwrap_or_default();
                if status == Status::StreamEnd {
                    self.at = At::Trailer([0; 8], 0);
                    return Ok(chunk);
                }
                // All that there is was taken, and all that comes of it was given.
                if chunk.is_empty() && made < piece.len() {
                    return Ok(chunk);
                }
                if taken == 0 && made == 0 {
                    return Err(broken("its compressed text is not in order"));
                }
            }
        }
    }

    impl fmt::Debug for Gunzip {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{} bytes decoded", self.inflate.total_out())
        }
    }
}

#[cfg(not(feature = "gzip"))]
mod off {
    use crate::{
        rejection::Rejection,
        verify::decode::{NOT_GZIP, broken},
    };

    /// Without the feature no scheme that has compressed bodies builds, so this decodes none.
    #[derive(Debug)]
    pub(in crate::verify) struct Gunzip;

    impl Gunzip {
        pub(in crate::verify) const fn new() -> Self {
            Self
        }

        pub(in crate::verify) const fn push(
            &mut self,
            _: &[u8],
            _: &mut impl FnMut(&[u8]) -> Result<(), Rejection>,
        ) -> Result<(), Rejection> {
            Err(broken(NOT_GZIP))
        }

        pub(in crate::verify) const fn finish(self) -> Result<(), Rejection> {
            Err(broken(NOT_GZIP))
        }
    }
}
