//! The body as it comes, and its share of the bytes that may be held at once.

// docs/decisions.md: D16.

use core::{fmt, sync::atomic::Ordering};
use std::sync::Arc;

use bytes::Bytes;

use super::policy::Policy;
use crate::rejection::{Rejection, RejectionKind};

/// The body so far. It never has room for more than the limit.
pub(super) enum Buffer {
    Empty,
    One(Bytes),
    Many(Vec<u8>),
}

impl Buffer {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
        }
    }

    /// Adds a chunk that makes the body `len` long. Room grows with what has arrived, never with what
    /// was declared: a declaration costs a sender nothing.
    pub(super) fn append(&mut self, chunk: Bytes, len: usize, limit: usize) {
        match self {
            Self::Empty => *self = Self::One(chunk),
            Self::One(first) if first.is_empty() => *self = Self::One(chunk),
            _ if chunk.is_empty() => {}
            Self::One(first) => {
                let mut bytes = Vec::with_capacity(room(len, limit));
                bytes.extend_from_slice(first);
                bytes.extend_from_slice(&chunk);
                *self = Self::Many(bytes);
            }
            Self::Many(bytes) => {
                if len > bytes.capacity() {
                    bytes.reserve_exact(room(len, limit).saturating_sub(bytes.len()));
                }
                bytes.extend_from_slice(&chunk);
            }
        }
    }

    /// Adds bytes that are not a chunk of their own, so that the body is `len` long.
    pub(super) fn extend(&mut self, more: &[u8], len: usize, limit: usize) {
        if !matches!(self, Self::Many(_)) {
            let mut bytes = Vec::with_capacity(room(len, limit));
            if let Self::One(first) = self {
                bytes.extend_from_slice(first);
            }
            *self = Self::Many(bytes);
        }
        if let Self::Many(bytes) = self {
            if len > bytes.capacity() {
                bytes.reserve_exact(room(len, limit).saturating_sub(bytes.len()));
            }
            bytes.extend_from_slice(more);
        }
    }

    pub(super) fn into_bytes(self) -> Bytes {
        match self {
            Self::Empty => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.into(),
        }
    }
}

fn room(len: usize, limit: usize) -> usize {
    len.saturating_mul(2).min(limit).max(len)
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

/// Bodies up to this length may use all of the verifier's budget, longer ones three quarters.
const SMALL: usize = 64 * 1024;

/// The bytes that a request holds of the verifier's budget, given back on drop.
pub(super) struct Reservation {
    policy: Arc<Policy>,
    bytes: usize,
}

impl Reservation {
    pub(super) const fn new(policy: Arc<Policy>) -> Self {
        Self { policy, bytes: 0 }
    }

    pub(super) const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Rejection> {
        let total = self.policy.limits.buffered_bytes;
        let held = self.bytes.saturating_add(bytes);
        // Large bodies that nobody has proved yet leave a part of the room to small ones.
        let spare = total.saturating_sub(self.policy.most_held()).min(total / 4);
        let limit = if held <= SMALL {
            total
        } else {
            total.saturating_sub(spare)
        };
        let grown = |now: usize| now.checked_add(bytes).filter(|total| *total <= limit);
        self.policy
            .buffered
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
            .map_err(|_| Rejection::new(RejectionKind::Busy))?;
        self.bytes = held;
        Ok(())
    }
}

impl Reservation {
    /// Gives some of it back.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.policy.buffered.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.policy
            .buffered
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes held", self.bytes)
    }
}
