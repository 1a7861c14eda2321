//! Bytes end to end, without the heap while they are few.

use core::ops::Range;

/// Up to `INLINE` bytes in place, more on the heap.
#[derive(Clone)]
pub(crate) struct Packed<const INLINE: usize> {
    inline: [u8; INLINE],
    len: usize,
    /// All of them, once they do not fit.
    heap: Vec<u8>,
}

impl<const INLINE: usize> Packed<INLINE> {
    pub(crate) const fn new() -> Self {
        Self {
            inline: [0; INLINE],
            len: 0,
            heap: Vec::new(),
        }
    }

    /// Adds bytes behind the others, and says where they are. `None` when no number counts them.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Option<Range<usize>> {
        let at = self.len..self.len.checked_add(bytes.len())?;
        match self.inline.get_mut(at.clone()) {
            Some(room) if self.heap.is_empty() => room.copy_from_slice(bytes),
            _ => {
                if self.heap.is_empty() {
                    self.heap.extend_from_slice(self.inline.get(..at.start)?);
                }
                self.heap.extend_from_slice(bytes);
            }
        }
        self.len = at.end;
        Some(at)
    }

    pub(crate) fn all(&self) -> &[u8] {
        match self.heap.as_slice() {
            [] => self.inline.get(..self.len).unwrap_or_default(),
            heap => heap,
        }
    }
}

impl<const INLINE: usize> Default for Packed<INLINE> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_beyond_the_room_inside() {
        for lens in [[5, 3, 1], [1, 8, 1], [8, 1, 30], [3, 4, 0], [25, 0, 25]] {
            let mut packed = Packed::<8>::default();
            let mut due = Vec::new();
            for (len, byte) in lens.into_iter().zip(1..) {
                let bytes = vec![byte; len];
                let at = packed.add(&bytes).unwrap();
                due.extend_from_slice(&bytes);
                assert_eq!(packed.all()[at], bytes, "{lens:?}");
            }
            assert_eq!(packed.all(), due, "{lens:?}");
        }
    }
}
