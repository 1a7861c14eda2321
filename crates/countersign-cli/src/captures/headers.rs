//! Headers as bytes in one column.
//!
//! For each: 1 byte (1 where the value is masked), the name's length in 2 bytes and the value's in 4, least first,
//! the name, the value.

use serde::Serialize;

/// A header of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: Vec<u8>,
    /// It held a secret, or what may be one. The value is what is shown in its place.
    pub(crate) masked: bool,
}

/// A header as text, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) masked: bool,
}

impl Header {
    pub(crate) fn shown(&self) -> Shown {
        Shown {
            name: self.name.clone(),
            value: String::from_utf8_lossy(&self.value).into_owned(),
            masked: self.masked,
        }
    }
}

pub(crate) fn encode(headers: &[(String, Vec<u8>)], masked: &[bool]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (at, (name, value)) in headers.iter().enumerate() {
        // hyper takes no longer ones.
        let (Ok(name_len), Ok(value_len)) = (u16::try_from(name.len()), u32::try_from(value.len()))
        else {
            continue;
        };
        bytes.push(u8::from(masked.get(at).copied().unwrap_or(false)));
        bytes.extend(name_len.to_le_bytes());
        bytes.extend(value_len.to_le_bytes());
        bytes.extend(name.as_bytes());
        bytes.extend(value);
    }
    bytes
}

/// Reads the column; none where it is not of this form.
pub(crate) fn decode(mut bytes: &[u8]) -> Option<Vec<Header>> {
    let mut headers = Vec::new();
    while !bytes.is_empty() {
        let flag = take(&mut bytes, 1)?;
        let name_len = u16::from_le_bytes(take(&mut bytes, 2)?.try_into().ok()?);
        let value_len = u32::from_le_bytes(take(&mut bytes, 4)?.try_into().ok()?);
        let name = take(&mut bytes, usize::from(name_len))?;
        let value = take(&mut bytes, usize::try_from(value_len).ok()?)?;
        headers.push(Header {
            name: std::str::from_utf8(name).ok()?.to_owned(),
            value: value.to_vec(),
            masked: match flag {
                [0] => false,
                [1] => true,
                _ => return None,
            },
        });
    }
    Some(headers)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn headers_come_back_as_they_were(
            headers in prop::collection::vec(("[a-z-]{0,12}", prop::collection::vec(any::<u8>(), 0..40)), 0..8),
            masked in prop::collection::vec(any::<bool>(), 8),
        ) {
            let bytes = encode(&headers, &masked);
            let read = decode(&bytes).unwrap();
            prop_assert_eq!(read.len(), headers.len());
            for ((header, (name, value)), masked) in read.iter().zip(&headers).zip(&masked) {
                prop_assert_eq!(&header.name, name);
                prop_assert_eq!(&header.value, value);
                prop_assert_eq!(header.masked, *masked);
            }
            // What is cut off is noticed.
            if let Some(short) = bytes.len().checked_sub(1) {
                prop_assert_eq!(decode(&bytes[..short]), None);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
