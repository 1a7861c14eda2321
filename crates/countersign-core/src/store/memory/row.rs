//! The compact row, and the slab that rows live in.

// docs/decisions.md: D23.

use core::time::Duration;

/// The position of a row in its shard's slab.
pub(super) type Slot = u32;

/// Slots fit 24 bits, so that a due time and a slot share one word.
pub(super) const MAX_SLOTS: usize = 1 << 24;

/// The last millisecond of the store's life that fits a row: 34 years.
pub(super) const MAX_MILLIS: u64 = (1 << 40) - 1;

/// Rows are allocated this many at a time, so that growing never copies rows.
const CHUNK: usize = 256;

/// The first half of a key. Keys are SHA-256 hashes, so 128 bits of one are as unlikely to meet those
/// of another as anybody can make them, and a row is a third smaller.
pub(super) type Name = [u8; 16];

/// One row: a primary row in one of its two states, an alias, or a subject.
///
/// All fields are bytes, so that nothing is lost to alignment.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) name: Name,
    pub(super) body: Body,
}

/// What a row is a row of. The same key may be in the store once as each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Delivery,
    Alias,
    Subject,
}

#[derive(Clone, Copy)]
pub(super) enum Body {
    /// Not in use.
    Free { next: Option<Packed<3>> },
    /// Somebody holds the key; who and how long is in the shard's holds.
    InFlight { fence: Packed<6>, hold: Packed<4> },
    /// Done and remembered.
    Completed {
        fence: Packed<6>,
        until: Packed<5>,
        fingerprint: Packed<8>,
        aliased: bool,
    },
    /// Another name of a primary row, one of several that it may have, as several rows may have it; `due`
    /// is when to look whether that row is still there.
    Alias {
        to: Pointer,
        run: Run,
        due: Packed<5>,
    },
    /// What was claimed last of an entity.
    Subject {
        fingerprint: Packed<8>,
        run: Run,
        until: Packed<5>,
    },
}

/// Names one run of a subject among those of its shard; zero is of no run.
pub(super) type Run = Packed<4>;

impl Body {
    pub(super) const fn kind(self) -> Option<Kind> {
        match self {
            Self::Free { .. } => None,
            Self::InFlight { .. } | Self::Completed { .. } => Some(Kind::Delivery),
            Self::Alias { .. } => Some(Kind::Alias),
            Self::Subject { .. } => Some(Kind::Subject),
        }
    }
}

/// Names one claim of one primary row. A shard never uses a fence twice, so a pointer whose row was
/// given up, or given to another key, matches nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Pointer {
    shard: u8,
    slot: Packed<3>,
    fence: Packed<6>,
}

impl Pointer {
    pub(super) fn new(shard: u8, slot: Slot, fence: u64) -> Self {
        Self {
            shard,
            slot: Packed::new(u64::from(slot)),
            fence: Packed::new(fence),
        }
    }

    pub(super) const fn shard(self) -> u8 {
        self.shard
    }

    pub(super) fn slot(self) -> Slot {
        self.slot.get_u32()
    }

    pub(super) fn fence(self) -> u64 {
        self.fence.get()
    }
}

/// An unsigned number in `N` bytes, at most 8.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed<const N: usize>([u8; N]);

impl Packed<6> {
    /// The largest number that fits.
    pub(super) const MAX: u64 = (1 << 48) - 1;
}

impl<const N: usize> Packed<N> {
    /// The low `N` bytes of a number.
    pub(super) fn new(number: u64) -> Self {
        let mut bytes = [0; N];
        for (byte, from) in bytes.iter_mut().zip(number.to_le_bytes()) {
            *byte = from;
        }
        Self(bytes)
    }

    pub(super) fn get(self) -> u64 {
        let mut word = [0; 8];
        for (to, byte) in word.iter_mut().zip(self.0) {
            *to = byte;
        }
        u64::from_le_bytes(word)
    }

    pub(super) fn get_u32(self) -> u32 {
        u32::try_from(self.get()).unwrap_or(u32::MAX)
    }
}

/// Whole milliseconds that have passed.
pub(super) fn millis(time: Duration) -> u64 {
    time.as_secs()
        .saturating_mul(1_000)
        .saturating_add(u64::from(time.subsec_millis()))
}

/// The first whole millisecond that is not before `time`, at most [`MAX_MILLIS`].
pub(super) fn millis_after(time: Duration) -> u64 {
    let rest = !time.subsec_nanos().is_multiple_of(1_000_000);
    millis(time).saturating_add(u64::from(rest)).min(MAX_MILLIS)
}

/// Rows in chunks of fixed size, with the free ones chained through themselves.
#[derive(Default)]
pub(super) struct Slab {
    chunks: Vec<Vec<Row>>,
    free: Option<Slot>,
    used: usize,
}

impl Slab {
    /// Rows in use.
    pub(super) const fn len(&self) -> usize {
        self.used
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Row> {
        let (chunk, at) = split(slot);
        self.chunks.get(chunk)?.get(at)
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Row> {
        let (chunk, at) = split(slot);
        self.chunks.get_mut(chunk)?.get_mut(at)
    }

    /// Puts a row somewhere; `None` when there are [`MAX_SLOTS`].
    pub(super) fn insert(&mut self, row: Row) -> Option<Slot> {
        let slot = match self.free {
            Some(slot) => self.reuse(slot, row)?,
            None => self.push(row)?,
        };
        self.used = self.used.saturating_add(1);
        Some(slot)
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        let next = self.free.map(|slot| Packed::new(u64::from(slot)));
        if let Some(row) = self.get_mut(slot) {
            row.body = Body::Free { next };
            self.free = Some(slot);
            self.used = self.used.saturating_sub(1);
        }
    }

    /// All slots with their rows, free ones too.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &Row)> {
        (0..).zip(self.chunks.iter().flatten())
    }

    fn reuse(&mut self, slot: Slot, row: Row) -> Option<Slot> {
        let place = self.get_mut(slot)?;
        let Body::Free { next } = place.body else {
            return None;
        };
        *place = row;
        self.free = next.map(Packed::get_u32);
        Some(slot)
    }

    fn push(&mut self, row: Row) -> Option<Slot> {
        let full = self.chunks.last().is_none_or(|last| last.len() >= CHUNK);
        if full {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let before = self.chunks.len().checked_sub(1)?.checked_mul(CHUNK)?;
        let slot = before.checked_add(self.chunks.last()?.len())?;
        if slot >= MAX_SLOTS {
            return None;
        }
        self.chunks.last_mut()?.push(row);
        u32::try_from(slot).ok()
    }
}

fn split(slot: Slot) -> (usize, usize) {
    let slot = usize::try_from(slot).unwrap_or(usize::MAX);
    (slot / CHUNK, slot % CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_stays_small() {
        assert_eq!(size_of::<Row>(), 36);
        assert_eq!(align_of::<Row>(), 1);
    }

    #[test]
    fn numbers_survive_packing() {
        for number in [0, 1, 0xff, 0x0102_0304_0506, (1 << 48) - 1] {
            assert_eq!(Packed::<6>::new(number).get(), number);
        }
        assert_eq!(Packed::<8>::new(u64::MAX).get(), u64::MAX);
        assert_eq!(Packed::<5>::new(MAX_MILLIS).get(), MAX_MILLIS);
    }

    #[test]
    fn times_round_up_when_a_row_must_last() {
        assert_eq!(millis_after(Duration::from_micros(1_001)), 2);
        assert_eq!(millis_after(Duration::from_millis(2)), 2);
        assert_eq!(millis_after(Duration::MAX), MAX_MILLIS);
        assert_eq!(millis(Duration::from_micros(1_999)), 1);
    }

    #[test]
    fn freed_slots_are_used_again() {
        let row = |n| Row {
            name: [n; 16],
            body: Body::Free { next: None },
        };
        let mut slab = Slab::default();
        let slots: Vec<Slot> = (0..3).map(|n| slab.insert(row(n)).unwrap()).collect();
        assert_eq!(slots, [0, 1, 2]);
        slab.remove(0);
        slab.remove(2);
        assert_eq!(slab.len(), 1);
        assert_eq!(slab.insert(row(7)), Some(2));
        assert_eq!(slab.insert(row(8)), Some(0));
        assert_eq!(slab.insert(row(9)), Some(3));
        for n in 0..1_000 {
            assert_eq!(slab.insert(row(1)), Some(4 + n));
        }
        assert_eq!(slab.iter().count(), 1_004);
    }
}
