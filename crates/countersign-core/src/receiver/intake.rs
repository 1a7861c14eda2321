//! Taking the body in: limit, buffer and MAC in one walk, then the verdict.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::{Inner, Prechecked, Receiver, precheck};
use crate::{
    Rejection, RejectionKind, Tenant,
    facts::{self, Fact},
    keyring::{ActiveKeys, Keyring},
    mac::{self, Macs},
    scheme::{Part, Place, Scheme, Segment, Segments, TimeAt},
    text::{Span, Texts},
    verified::{Standing, Verified, VerifiedParts},
};

/// A body on its way in. Comes from [`Receiver::open`].
///
/// Every chunk goes through [`push`](Self::push), which enforces the limit and feeds the MACs;
/// [`finish`](Self::finish) gives the verdict.
#[derive(Debug)]
#[must_use = "a body is proved by `finish`"]
pub struct Intake {
    head: Prechecked,
    body: Buffer,
    proof: Proof,
}

impl Receiver {
    /// Starts taking in a body, with the keys that are active at the time of the precheck.
    ///
    /// `tenant` is what the lookup returned, for a receiver of many tenants.
    ///
    /// # Errors
    ///
    /// When there is no key to check with.
    pub fn open(&self, head: Prechecked, tenant: Option<Tenant>) -> Result<Intake, Rejection> {
        let keys = self.keys_for(&head, tenant)?;
        Ok(Intake {
            proof: Proof::new(self, &head, keys),
            head,
            body: Buffer::Empty,
        })
    }

    /// Judges a request whose body is already buffered: all steps in one, for a receiver with a
    /// keyring of its own.
    ///
    /// # Errors
    ///
    /// When the request is to be refused.
    pub fn verify(
        &self,
        head: &(impl crate::Head + ?Sized),
        body: Bytes,
        now: crate::Timestamp,
    ) -> Result<Verified, Rejection> {
        let mut checked = Prechecked::new(&self.inner.scheme, now);
        self.precheck_into(head, &mut checked)?;
        let keys = self.keys_for(&checked, None)?;
        let mut proof = Proof::new(self, &checked, keys);
        proof.feed(0, &body)?;
        proof.conclude(&mut checked, body)
    }

    fn keys_for(&self, head: &Prechecked, tenant: Option<Tenant>) -> Result<Keys, Rejection> {
        let inner = &*self.inner;
        let keys = match (inner.keys.static_keyring(), tenant) {
            (Some(keyring), _) => Keys::of(keyring, None, inner, head.at),
            (None, Some(Tenant { id, keyring })) => Keys::of(&keyring, Some(id), inner, head.at),
            (None, None) => return Err(Rejection::new(RejectionKind::UnknownTenant)),
        };
        keys.ok_or(Rejection::new(RejectionKind::NoActiveKey))
    }
}

impl Intake {
    /// Takes the next chunk of the body.
    ///
    /// A body that comes in one chunk is kept as it is, without a copy.
    ///
    /// # Errors
    ///
    /// When the body is over the limit, or the receiver holds as many bytes as it may.
    pub fn push(&mut self, chunk: Bytes) -> Result<(), Rejection> {
        let len = self.proof.feed(self.body.len(), &chunk)?;
        let limit = self.proof.held.inner.limits.body_bytes;
        self.body.append(chunk, len, limit);
        Ok(())
    }

    /// Ends the body and compares every key's tag with every candidate, in constant time.
    ///
    /// # Errors
    ///
    /// When no key made any of the signatures, or what was proved contradicts the head.
    pub fn finish(self) -> Result<Verified, Rejection> {
        let Self {
            mut head,
            body,
            proof,
        } = self;
        proof.conclude(&mut head, body.into_bytes())
    }
}

/// The keys that a request is judged by, and whose they are.
struct Keys {
    tenant: Option<Arc<str>>,
    active: ActiveKeys,
}

impl Keys {
    fn of(
        keyring: &Keyring,
        tenant: Option<Arc<str>>,
        inner: &Inner,
        now: crate::Timestamp,
    ) -> Option<Self> {
        let active = keyring.active(now);
        (keyring.fits(&inner.scheme) && !active.is_empty()).then_some(Self { tenant, active })
    }
}

/// A body's MACs under way, and what they are to be compared by.
#[derive(Debug)]
struct Proof {
    macs: Macs,
    tenant: Option<Arc<str>>,
    keys: ActiveKeys,
    held: Held,
}

impl Proof {
    fn new(receiver: &Receiver, head: &Prechecked, keys: Keys) -> Self {
        let inner = &receiver.inner;
        let mut proof = Self {
            macs: keys.active.macs(inner.scheme.algorithm()),
            tenant: keys.tenant,
            keys: keys.active,
            held: Held {
                inner: Arc::clone(inner),
                bytes: 0,
            },
        };
        feed_around_body(inner, head, &mut proof.macs, Side::Before);
        proof
    }

    /// Takes a chunk that comes after `before` bytes, and says how many there are then.
    fn feed(&mut self, before: usize, chunk: &[u8]) -> Result<usize, Rejection> {
        let limit = self.held.inner.limits.body_bytes;
        let len = before
            .checked_add(chunk.len())
            .filter(|len| *len <= limit)
            .ok_or(Rejection::new(RejectionKind::BodyTooLarge))?;
        self.held.grow(chunk.len())?;
        self.macs.update(chunk);
        Ok(len)
    }

    fn conclude(mut self, head: &mut Prechecked, body: Bytes) -> Result<Verified, Rejection> {
        let inner = &*self.held.inner;
        feed_around_body(inner, head, &mut self.macs, Side::After);
        let tags = self.macs.finish();
        let matched = mac::matching_key(&tags, &head.candidates)
            .and_then(|at| self.keys.label(at))
            .ok_or(Rejection::new(RejectionKind::SignatureMismatch))?;

        let facts = BodyFacts::read(&inner.scheme, inner, head, &body)?;
        Ok(Verified::new(VerifiedParts {
            tenant: self.tenant,
            matched,
            tags,
            texts: core::mem::take(&mut head.texts),
            id: facts.id.or(head.id),
            event: facts.event.or(head.event),
            standing: facts.standing,
            subject: facts.subject,
            attempt_id: head.attempt_id,
            time: facts.time.or(head.time),
            received_at: head.at,
            body,
            held: self.held,
        }))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// Feeds the signed parts on one side of the body to every MAC.
fn feed_around_body(inner: &Inner, head: &Prechecked, macs: &mut Macs, side: Side) {
    let scheme = &inner.scheme;
    if scheme.signed == [Part::Body] {
        return;
    }
    let segments = Segments {
        time: head.texts.bytes(head.time_text),
        id: head.texts.bytes(head.id),
        url: inner.url.as_bytes(),
    };
    let mut now = Side::Before;
    segments.each(
        scheme,
        head.signed_headers
            .iter()
            .map(|value| head.texts.bytes(Some(*value))),
        |segment| match segment {
            Segment::Body => now = Side::After,
            Segment::Bytes(bytes) => {
                if now == side {
                    macs.update(bytes);
                }
            }
        },
    );
}

/// What a scheme takes from the proved body.
struct BodyFacts {
    id: Option<Span>,
    event: Option<Span>,
    time: Option<crate::Timestamp>,
    subject: Option<Span>,
    standing: Standing,
}

impl BodyFacts {
    fn read(
        scheme: &Scheme,
        inner: &Inner,
        head: &mut Prechecked,
        body: &[u8],
    ) -> Result<Self, Rejection> {
        let pointer = |place| match place {
            Some(Place::Body(pointer)) => Some(pointer),
            Some(Place::Header(_)) | None => None,
        };
        let time_at = match scheme.time.map(|rule| rule.at) {
            Some(TimeAt::Body(pointer)) => Some(pointer),
            _ => None,
        };
        // An unsigned type is only supported by what the body says.
        let proof = match (scheme.event, head.texts.get(head.event)) {
            (Some(Place::Header(_)), Some(name)) => {
                scheme.event_rule(name).and_then(|rule| rule.proof)
            }
            _ => None,
        };
        let (id_at, event_at) = (pointer(scheme.id), pointer(scheme.event));
        let pointers: SmallVec<[&str; 5]> = [
            id_at,
            event_at,
            time_at,
            scheme.subject,
            proof.map(|(pointer, _)| pointer),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut found = if pointers.is_empty() {
            SmallVec::new()
        } else {
            facts::read(body, &pointers)
        }
        .into_iter();
        let mut next = |wanted: bool| wanted.then(|| found.next()).flatten();

        let id = covered(&mut head.texts, next(id_at.is_some()).as_ref());
        let event = covered(&mut head.texts, next(event_at.is_some()).as_ref());
        let time = next(time_at.is_some());
        let subject = covered(&mut head.texts, next(scheme.subject.is_some()).as_ref());
        let claim = next(proof.is_some());

        // What a copy repeats is signed, in the body or in a header of its own.
        let (signed_id, signed_event) = (id.or(head.id), event.or(head.event));
        check_copy(scheme.id_copy, &head.texts, signed_id, head.id_copy)?;
        check_copy(
            scheme.event_copy,
            &head.texts,
            signed_event,
            head.event_copy,
        )?;
        let time = match (time, scheme.time_unit()) {
            (Some(fact), Some(unit)) => {
                let time = fact
                    .text()
                    .and_then(|text| precheck::parse_time(text.as_bytes(), unit));
                if let Some(time) = time {
                    precheck::judge_time(time, inner.tolerance, head.at, None)?;
                } else if inner.tolerance.is_some() {
                    return Err(Rejection::new(RejectionKind::TimestampMissing));
                }
                time
            }
            _ => None,
        };
        let standing = match (proof, claim) {
            (Some((_, values)), Some(Fact::Text(text))) if !values.contains(&&*text) => {
                Standing::Contradicted
            }
            (Some(_), Some(Fact::Unreadable)) => Standing::Contradicted,
            _ => Standing::Unopposed,
        };
        Ok(Self {
            id,
            event,
            time,
            subject,
            standing,
        })
    }
}

fn covered(texts: &mut Texts, fact: Option<&Fact<'_>>) -> Option<Span> {
    fact.and_then(Fact::text)
        .and_then(|text| texts.add(text.as_bytes()))
}

/// A header that repeats a signed value must agree with it, where both are there.
fn check_copy(
    header: Option<&'static str>,
    texts: &Texts,
    covered: Option<Span>,
    copy: Option<Span>,
) -> Result<(), Rejection> {
    match (header, texts.get(covered), texts.get(copy)) {
        (Some(header), Some(covered), Some(copy)) if covered != copy => Err(
            Rejection::header_fault(RejectionKind::CopyDisagrees, header),
        ),
        _ => Ok(()),
    }
}

/// The body so far. It never has room for more than the limit.
enum Buffer {
    Empty,
    One(Bytes),
    Many(Vec<u8>),
}

impl Buffer {
    fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
        }
    }

    /// Adds a chunk that makes the body `len` long. Room grows with what has arrived, never with what
    /// was declared: a declaration costs a sender nothing.
    fn append(&mut self, chunk: Bytes, len: usize, limit: usize) {
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

    fn into_bytes(self) -> Bytes {
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

impl core::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

/// Bodies up to this length may use all of the receiver's budget, longer ones three quarters.
const SMALL: usize = 64 * 1024;

/// The bytes that a request holds of the receiver's budget, given back on drop.
pub(crate) struct Held {
    pub(crate) inner: Arc<Inner>,
    bytes: usize,
}

impl Held {
    fn grow(&mut self, bytes: usize) -> Result<(), Rejection> {
        let total = self.inner.limits.buffered_bytes;
        let held = self.bytes.saturating_add(bytes);
        // Large bodies that nobody has proved yet leave a part of the room to small ones.
        let spare = total
            .saturating_sub(self.inner.limits.body_bytes)
            .min(total / 4);
        let limit = if held <= SMALL {
            total
        } else {
            total.saturating_sub(spare)
        };
        let grown = |now: usize| now.checked_add(bytes).filter(|total| *total <= limit);
        self.inner
            .buffered
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
            .map_err(|_| Rejection::new(RejectionKind::Busy))?;
        self.bytes = held;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.inner.buffered.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl core::fmt::Debug for Held {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} bytes held", self.bytes)
    }
}
