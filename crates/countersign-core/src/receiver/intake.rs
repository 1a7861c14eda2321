//! Taking the body in: limit, buffer and MAC in one walk, then the verdict.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use smallvec::SmallVec;

use super::{Inner, Prechecked, Receiver, precheck};
use crate::{
    Rejection, RejectionKind, Tenant,
    facts::{self, Fact},
    keyring::ActiveKeys,
    mac::{self, Macs},
    scheme::{Place, Scheme, Segment, Segments, TimeAt},
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
    tenant: Option<Arc<str>>,
    keys: ActiveKeys,
    macs: Macs,
    body: Buffer,
    held: Held,
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
        let inner = &*self.inner;
        let (keyring, tenant) = match (inner.keys.static_keyring(), &tenant) {
            (Some(keyring), _) => (keyring, None),
            (None, Some(tenant)) => (&tenant.keyring, Some(Arc::clone(&tenant.id))),
            (None, None) => return Err(Rejection::new(RejectionKind::UnknownTenant)),
        };
        if !keyring.fits(&inner.scheme) {
            return Err(Rejection::new(RejectionKind::NoActiveKey));
        }
        let keys = keyring.active(head.at);
        let mut macs = keyring.macs(&keys);
        if macs.is_empty() {
            return Err(Rejection::new(RejectionKind::NoActiveKey));
        }
        feed_around_body(&inner.scheme, inner, &head, &mut macs, Side::Before);
        Ok(Intake {
            head,
            tenant,
            keys,
            macs,
            body: Buffer::Empty,
            held: Held {
                inner: Arc::clone(&self.inner),
                bytes: 0,
            },
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
        let head = self.precheck(head, now)?;
        let mut intake = self.open(head, None)?;
        intake.push(body)?;
        intake.finish()
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
        let limit = self.held.inner.limits.body_bytes;
        let fits = |len: &usize| *len <= limit;
        let len = self.body.len().checked_add(chunk.len()).filter(fits);
        let Some(len) = len else {
            return Err(Rejection::new(RejectionKind::BodyTooLarge));
        };
        self.held.grow(chunk.len())?;
        self.macs.update(&chunk);
        let expected = self
            .head
            .declared
            .and_then(|declared| usize::try_from(declared).ok())
            .filter(fits)
            .unwrap_or(len);
        self.body.append(chunk, len.max(expected), limit);
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
            tenant,
            keys,
            mut macs,
            body,
            held,
        } = self;
        let inner = &*held.inner;
        let scheme = &inner.scheme;
        feed_around_body(scheme, inner, &head, &mut macs, Side::After);

        let tags = macs.finish();
        let matched = mac::matching_key(&tags, &head.candidates)
            .and_then(|at| keys.label(at))
            .ok_or(Rejection::new(RejectionKind::SignatureMismatch))?;

        let body = body.into_bytes();
        let facts = BodyFacts::read(scheme, inner, &mut head, &body)?;
        Ok(Verified::new(VerifiedParts {
            tenant,
            matched,
            tags,
            texts: head.texts,
            id: facts.id.or(head.id),
            event: facts.event.or(head.event),
            standing: facts.standing,
            attempt_id: head.attempt_id,
            time: facts.time.or(head.time),
            received_at: head.at,
            body,
            held,
        }))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// Feeds the signed parts on one side of the body to every MAC.
fn feed_around_body(
    scheme: &Scheme,
    inner: &Inner,
    head: &Prechecked,
    macs: &mut Macs,
    side: Side,
) {
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
        let pointers: SmallVec<[&str; 4]> =
            [id_at, event_at, time_at, proof.map(|(pointer, _)| pointer)]
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
        let claim = next(proof.is_some());

        check_copy(scheme.id_copy, &head.texts, id, head.id_copy)?;
        check_copy(scheme.event_copy, &head.texts, event, head.event_copy)?;
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
            (Some((_, values)), Some(Fact::Text(text))) if !values.contains(&text.as_str()) => {
                Standing::Contradicted
            }
            (Some(_), Some(Fact::Unreadable)) => Standing::Contradicted,
            _ => Standing::Unopposed,
        };
        Ok(Self {
            id,
            event,
            time,
            standing,
        })
    }
}

fn covered(texts: &mut Texts, fact: Option<&Fact>) -> Option<Span> {
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

    fn append(&mut self, chunk: Bytes, expected: usize, limit: usize) {
        match self {
            Self::Empty => *self = Self::One(chunk),
            Self::One(first) if first.is_empty() => *self = Self::One(chunk),
            _ if chunk.is_empty() => {}
            Self::One(first) => {
                let mut bytes = Vec::with_capacity(expected);
                bytes.extend_from_slice(first);
                bytes.extend_from_slice(&chunk);
                *self = Self::Many(bytes);
            }
            Self::Many(bytes) => {
                let len = bytes.len().saturating_add(chunk.len());
                if len > bytes.capacity() {
                    let room = bytes.capacity().saturating_mul(2).min(limit).max(len);
                    bytes.reserve_exact(room.saturating_sub(bytes.len()));
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

impl core::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

/// The bytes that a request holds of the receiver's budget, given back on drop.
pub(crate) struct Held {
    pub(crate) inner: Arc<Inner>,
    bytes: usize,
}

impl Held {
    fn grow(&mut self, bytes: usize) -> Result<(), Rejection> {
        let limit = self.inner.limits.buffered_bytes;
        let grown = |now: usize| now.checked_add(bytes).filter(|total| *total <= limit);
        self.inner
            .buffered
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
            .map_err(|_| Rejection::new(RejectionKind::Busy))?;
        self.bytes = self.bytes.saturating_add(bytes);
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
