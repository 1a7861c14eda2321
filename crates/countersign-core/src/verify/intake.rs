//! Taking the body in: limit, buffer and MAC in one walk, then the verdict.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    body::{Buffer, Reservation},
    body_token,
    content::Payload,
    decode::{Decoding, decode_proved},
    handshake,
    head::Head,
    message::{Side, bytes_around_body, feed_around_body},
    policy::Policy,
    precheck::JudgedHead,
    procedure::{self, ByProcedure},
    signed::SignedFields,
    verified::{Verified, VerifiedParts},
};
use crate::{
    clock::Timestamp,
    detail::Fault,
    keys::{ActiveKeys, Keyring, Tenant},
    mac::{Macs, Verdict, Whole},
    rejection::{Rejection, RejectionKind},
};

/// A body on its way in. Comes from
/// [`Prechecked::open`](super::Prechecked::open).
///
/// Every chunk goes through [`push`](Self::push), which enforces the limit and feeds the MACs;
/// [`finish`](Self::finish) gives the verdict.
#[derive(Debug)]
#[must_use = "a body is proved by `finish`"]
pub struct Intake {
    head: JudgedHead,
    body: Buffer,
    proof: Proof,
    decoding: Option<Box<Decoding>>,
}

impl Policy {
    /// Judges a request whose body is already there.
    pub(super) fn verify(
        self: &Arc<Self>,
        head: &(impl Head + ?Sized),
        body: Bytes,
        now: Timestamp,
    ) -> Result<Verified, Rejection> {
        let mut judged = JudgedHead::new(&self.scheme, now);
        self.judge(head, &mut judged)?;
        if judged.gzip {
            let mut intake = Intake::new(Arc::clone(self), judged, None)?;
            intake.push(body)?;
            return intake.finish();
        }
        let keys = self.keys_for(&judged, None)?;
        let mut proof = Proof::new(Arc::clone(self), &judged, keys);
        proof.feed(0, &body)?;
        proof.conclude(&mut judged, body)
    }

    fn keys_for(&self, head: &JudgedHead, tenant: Option<Tenant>) -> Result<KeysOf, Rejection> {
        let keys = match (self.keys.keyring(), tenant) {
            (Some(keyring), _) => KeysOf::new(keyring, None, self, head.at),
            (None, Some(Tenant { id, keyring })) => KeysOf::new(&keyring, Some(id), self, head.at),
            (None, None) => return Err(Rejection::new(RejectionKind::UnknownTenant)),
        };
        keys.ok_or(Rejection::new(RejectionKind::NoActiveKey))
    }
}

impl Intake {
    pub(super) fn new(
        policy: Arc<Policy>,
        head: JudgedHead,
        tenant: Option<Tenant>,
    ) -> Result<Self, Rejection> {
        let keys = policy.keys_for(&head, tenant)?;
        Ok(Self {
            decoding: Decoding::of(&policy.scheme, head.gzip),
            proof: Proof::new(policy, &head, keys),
            head,
            body: Buffer::Empty,
        })
    }

    /// Takes the next chunk of the body.
    ///
    /// A body that comes in one chunk is kept as it is, without a copy.
    ///
    /// # Errors
    ///
    /// When the body is over the limit, or the receiver holds as many bytes as it may.
    pub fn push(&mut self, chunk: Bytes) -> Result<(), Rejection> {
        let limit = self.proof.held.policy().limits.body_bytes;
        if let Some(decoding) = &mut self.decoding {
            return decoding.push(chunk, limit, &mut self.proof.held);
        }
        let len = self.proof.feed(self.body.len(), &chunk)?;
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
            mut proof,
            decoding,
        } = self;
        let limit = proof.held.policy().limits.body_bytes;
        let body = match decoding {
            Some(decoding) => decoding.finish(limit, &mut proof)?,
            None => body.into_bytes(),
        };
        proof.conclude(&mut head, body)
    }
}

/// The keys that a request is judged by, and whose they are.
struct KeysOf {
    tenant: Option<Arc<str>>,
    active: ActiveKeys,
}

impl KeysOf {
    fn new(
        keyring: &Keyring,
        tenant: Option<Arc<str>>,
        policy: &Policy,
        now: Timestamp,
    ) -> Option<Self> {
        let active = keyring.active(now);
        (keyring.fits(&policy.scheme) && !active.is_empty()).then_some(Self { tenant, active })
    }
}

/// A body's MACs under way, and what they are to be compared by.
#[derive(Debug)]
pub(super) struct Proof {
    macs: Macs,
    tenant: Option<Arc<str>>,
    keys: ActiveKeys,
    pub(super) held: Reservation,
}

impl Proof {
    fn new(policy: Arc<Policy>, head: &JudgedHead, keys: KeysOf) -> Self {
        let mut macs = keys.active.macs(policy.scheme.algorithm());
        feed_around_body(&policy, head, &mut macs, Side::Before);
        Self {
            macs,
            tenant: keys.tenant,
            keys: keys.active,
            held: Reservation::new(policy),
        }
    }

    /// Takes a chunk that comes after `before` bytes, and says how many there are then.
    pub(super) fn feed(&mut self, before: usize, chunk: &[u8]) -> Result<usize, Rejection> {
        let limit = self.held.policy().limits.body_bytes;
        let len = before
            .checked_add(chunk.len())
            .filter(|len| *len <= limit)
            .ok_or(
                Rejection::new(RejectionKind::BodyTooLarge).because(Fault::BodyOver { limit }),
            )?;
        self.held.grow(chunk.len())?;
        if self.held.policy().scheme.procedure.is_none() {
            self.macs.update(chunk);
        }
        Ok(len)
    }

    fn conclude(mut self, head: &mut JudgedHead, body: Bytes) -> Result<Verified, Rejection> {
        let by_procedure = match self.held.policy().scheme.procedure() {
            Some(code) => Some(procedure::prove(
                code,
                &mut self.held,
                head,
                &body,
                &self.keys,
            )?),
            None => None,
        };
        let policy = &**self.held.policy();
        if !policy.scheme.takes_body(&body) {
            return Err(
                Rejection::new(RejectionKind::SignatureMismatch).because(Fault::BodyNotJson)
            );
        }
        feed_around_body(policy, head, &mut self.macs, Side::After);
        let token = body_token::matching(&policy.scheme, &body, &self.macs)?;
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let (verdict, proved) = match by_procedure {
            Some(by_procedure) => {
                let ByProcedure { verdict, proved } = *by_procedure;
                (verdict, Some(proved))
            }
            None => (
                self.macs.conclude(&head.candidates, || {
                    before = bytes_around_body(policy, head, Side::Before);
                    after = bytes_around_body(policy, head, Side::After);
                    Whole {
                        before: &before,
                        body: &body,
                        after: &after,
                    }
                }),
                None,
            ),
        };
        let Verdict { matched, tags } = verdict;
        let (at, matched) = matched
            .or(token)
            .and_then(|at| Some((at, self.keys.label(at)?)))
            .ok_or(Rejection::new(RejectionKind::SignatureMismatch))?;
        handshake::refuse_signed_token(&policy.scheme, &body)?;

        let form_field = policy.scheme.form_field;
        let payload = match decode_proved(&mut self.held, &body, head.gzip)? {
            Some(text) => Payload::find_decoded(form_field, &text),
            None => {
                let payload = Payload::find(form_field, &body);
                if let Payload::Apart(text) = &payload {
                    self.held.grow(text.len())?;
                }
                payload
            }
        };
        let policy = &**self.held.policy();
        let json = payload.of(&body).unwrap_or_default();
        // What the scheme takes from a body that holds several events is in each of them.
        let of_request = if policy.scheme.batch().is_some() {
            &[]
        } else {
            json
        };
        let fields = SignedFields::read(policy, head, of_request)?;
        let handshake = handshake::recognise(&policy.scheme, &self.keys, at, json)?;
        Ok(Verified::new(VerifiedParts {
            tenant: self.tenant,
            matched,
            tags,
            texts: core::mem::take(&mut head.texts),
            id: fields.id.or(head.id),
            event: fields.event.or(head.event),
            standing: fields.standing,
            subject: fields.subject,
            attempt_id: head.attempt_id,
            time: fields.time.or(head.time),
            received_at: head.at,
            handshake,
            whole: None,
            proved,
            body,
            payload,
            held: self.held,
        }))
    }
}
