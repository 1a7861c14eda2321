//! Refusing from the head alone, before a key is looked up and before a body byte is read.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{
    Intake, content,
    freshness::read_time,
    head::{FoundHeaders, Head},
    policy::Policy,
    procedure::UnprovedHead,
    signature::SignatureHeaders,
};
use crate::{
    clock::Timestamp,
    detail::Fault,
    keys::{Tenant, TenantAt},
    mac::Tags,
    rejection::{Rejection, RejectionKind},
    scheme::{Part, Scheme, SignatureFault, TimeAt, parse_signature},
    texts::{TextRef, Texts},
};

/// A request head that passed every check that needs no key. Comes from
/// [`Verifier::precheck`](super::Verifier::precheck), and goes on with the verifier that judged it.
#[derive(Clone, Debug)]
#[must_use = "a body is taken in by `open`"]
pub struct Prechecked {
    policy: Arc<Policy>,
    head: JudgedHead,
}

impl Prechecked {
    pub(super) const fn new(policy: Arc<Policy>, head: JudgedHead) -> Self {
        Self { policy, head }
    }

    /// The tenant that the request names, to be looked up. Anybody may have written it.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.head.texts.get(self.head.tenant)
    }

    /// Starts taking in the body, with the keys that are active at the time of the precheck.
    ///
    /// `tenant` is what the lookup returned, for a verifier of many tenants.
    ///
    /// # Errors
    ///
    /// When there is no key to check with.
    pub fn open(self, tenant: Option<Tenant>) -> Result<Intake, Rejection> {
        Intake::new(self.policy, self.head, tenant)
    }
}

/// What is kept of a head.
#[derive(Clone, Debug)]
pub(super) struct JudgedHead {
    pub(super) candidates: Tags,
    pub(super) texts: Texts,
    pub(super) time_text: Option<TextRef>,
    pub(super) time: Option<Timestamp>,
    pub(super) id: Option<TextRef>,
    pub(super) event: Option<TextRef>,
    pub(super) id_copy: Option<TextRef>,
    pub(super) event_copy: Option<TextRef>,
    pub(super) attempt_id: Option<TextRef>,
    pub(super) signed_headers: SmallVec<[TextRef; 2]>,
    pub(super) tenant: Option<TextRef>,
    /// Whether the body is labelled as compressed.
    pub(super) gzip: bool,
    pub(super) at: Timestamp,
    /// What a procedure reads, where the scheme has one.
    pub(super) unproved: Option<Box<UnprovedHead>>,
}

impl JudgedHead {
    pub(super) fn new(scheme: &Scheme, now: Timestamp) -> Self {
        Self {
            candidates: Tags::new(scheme.algorithm),
            texts: Texts::default(),
            time_text: None,
            time: None,
            id: None,
            event: None,
            id_copy: None,
            event_copy: None,
            attempt_id: None,
            signed_headers: SmallVec::new(),
            tenant: None,
            gzip: false,
            at: now,
            unproved: None,
        }
    }
}

impl Policy {
    /// Judges a head in place: what is kept of one is large enough for its moves to be felt.
    pub(super) fn judge(
        &self,
        head: &(impl Head + ?Sized),
        judged: &mut JudgedHead,
    ) -> Result<(), Rejection> {
        let (scheme, slots) = (&self.scheme, &self.slots);
        if head.method() != "POST" {
            return Err(Rejection::new(RejectionKind::MethodNotAllowed));
        }
        let mut found = FoundHeaders::default();
        slots.wanted.find(head, &mut found);
        judged.gzip = content::check(scheme, slots, &found)?;

        if let Some(procedure) = scheme.procedure() {
            let kept = UnprovedHead::keep(scheme, procedure, head, &self.limits)?;
            judged.unproved = Some(kept);
            if let Some(TimeAt::Header(name)) = scheme.time.map(|rule| rule.at) {
                let value = slots
                    .time
                    .map_or(Ok(None), |slot| slots.one(&found, slot))?;
                read_time(self, judged, name, value)?;
            }
            judged.id = slots.text(&mut judged.texts, &found, slots.id)?;
            return self.judge_rest(head, &found, judged);
        }
        let signature = SignatureHeaders::find(scheme, slots, &found, head, &self.limits)?;
        let parsed = match scheme.body_token() {
            None => parse_signature(
                scheme,
                &signature.values,
                self.limits.candidates,
                &mut judged.candidates,
            ),
            Some(_) => Ok(None),
        };
        let signature_time = parsed.map_err(|fault| {
            let refuse = |kind| Rejection::header_fault(kind, signature.name);
            match fault {
                SignatureFault::TooManyCandidates => refuse(RejectionKind::TooManyCandidates),
                SignatureFault::Malformed(fault) | SignatureFault::NoCandidate(fault) => {
                    refuse(RejectionKind::HeaderMalformed).because(fault)
                }
            }
        })?;

        match scheme.time.map(|rule| rule.at) {
            Some(TimeAt::Header(name)) => {
                let value = slots
                    .time
                    .map_or(Ok(None), |slot| slots.one(&found, slot))?;
                read_time(self, judged, name, value)?;
            }
            Some(TimeAt::SignatureKey(key)) => {
                let read = read_time(self, judged, signature.name, signature_time);
                // The header is there; what it lacks is the time.
                read.map_err(|refused| match signature_time {
                    Some(_) => refused,
                    None => Rejection::header_fault(RejectionKind::HeaderMalformed, signature.name)
                        .because(Fault::NoTime { key }),
                })?;
            }
            Some(TimeAt::SignatureFirst) => {
                read_time(self, judged, signature.name, signature_time)?;
            }
            Some(TimeAt::Body(_)) | None => {}
        }

        let texts = &mut judged.texts;
        judged.id = slots.text(texts, &found, slots.id)?;
        if scheme.signed.contains(&Part::Id)
            && let Some(slot) = slots.id
        {
            if judged.id.is_none() {
                return Err(slots.fault(RejectionKind::HeaderMissing, slot));
            }
            let id = texts.bytes(judged.id);
            if let Some(due) = scheme.id_length()
                && id.len() != due
            {
                return Err(slots.malformed(slot, Fault::Length { due }));
            }
            if !scheme.keeps_apart(Part::Id, id) {
                return Err(slots.malformed(slot, Fault::Separator));
            }
        }
        let header_parts = scheme
            .signed
            .iter()
            .filter(|part| matches!(part, Part::Header(_)));
        for (slot, part) in slots.signed_headers.iter().zip(header_parts) {
            let value = slots
                .text(texts, &found, Some(*slot))?
                .ok_or_else(|| slots.fault(RejectionKind::HeaderMissing, *slot))?;
            if !scheme.keeps_apart(*part, texts.bytes(Some(value))) {
                return Err(slots.malformed(*slot, Fault::Separator));
            }
            judged.signed_headers.push(value);
        }

        self.judge_rest(head, &found, judged)
    }

    /// What every scheme has: the declared length, the claimed type, and who it is for.
    fn judge_rest(
        &self,
        head: &(impl Head + ?Sized),
        found: &FoundHeaders<'_>,
        judged: &mut JudgedHead,
    ) -> Result<(), Rejection> {
        let (slots, texts) = (&self.slots, &mut judged.texts);
        let declared = slots
            .one(found, slots.content_length)?
            .and_then(|value| core::str::from_utf8(value).ok()?.parse::<u64>().ok());
        if declared.is_some_and(|len| {
            usize::try_from(len).map_or(true, |len| len > self.limits.body_bytes)
        }) {
            let limit = self.limits.body_bytes;
            let refused = Rejection::new(RejectionKind::BodyTooLarge);
            return Err(refused.because(Fault::BodyOver { limit }));
        }

        judged.event = slots.text(texts, found, slots.event)?;
        judged.id_copy = slots.text(texts, found, slots.id_copy)?;
        judged.event_copy = slots.text(texts, found, slots.event_copy)?;
        // It is for logs only, so a malformed one refuses nothing.
        judged.attempt_id = slots.text(texts, found, slots.attempt).ok().flatten();
        judged.tenant = self.tenant_of(texts, head, found)?;
        Ok(())
    }

    /// The tenant that a request names, whatever else it is.
    pub(super) fn tenant_alone(
        &self,
        head: &(impl Head + ?Sized),
    ) -> Result<Option<String>, Rejection> {
        let (mut found, mut texts) = (FoundHeaders::default(), Texts::default());
        self.slots.wanted.find(head, &mut found);
        let tenant = self.tenant_of(&mut texts, head, &found)?;
        Ok(texts.get(tenant).map(str::to_owned))
    }

    fn tenant_of(
        &self,
        texts: &mut Texts,
        head: &(impl Head + ?Sized),
        found: &FoundHeaders<'_>,
    ) -> Result<Option<TextRef>, Rejection> {
        let Some(at) = self.keys.tenant_at() else {
            return Ok(None);
        };
        let tenant = match at {
            TenantAt::Header(_) => self.slots.text(texts, found, self.slots.tenant)?,
            TenantAt::LastPathSegment => head
                .path()
                .rsplit('/')
                .next()
                .and_then(|segment| texts.add_header(segment.as_bytes())),
            TenantAt::Query(name) => {
                let mut values = head
                    .query()
                    .unwrap_or_default()
                    .split('&')
                    .filter_map(|pair| pair.split_once('='))
                    .filter(|(key, _)| *key == name)
                    .map(|(_, value)| value);
                match (values.next(), values.next()) {
                    (Some(value), None) => texts.add_header(value.as_bytes()),
                    _ => None,
                }
            }
        };
        tenant
            .map(Some)
            .ok_or_else(|| Rejection::new(RejectionKind::UnknownTenant))
    }
}
