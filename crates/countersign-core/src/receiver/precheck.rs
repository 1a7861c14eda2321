//! Refusing from the head alone, before a key is looked up and before a body byte is read.

use smallvec::SmallVec;

use super::{Inner, Receiver};
use crate::{
    Head, Rejection, RejectionKind, Timestamp,
    head::{FoundHeaders, Slot, WantedHeaders},
    keyring::TenantAt,
    mac::Tags,
    scheme::{
        Location, Part, Place, Scheme, SignatureFault, TimeAt, TimeUnit, Tolerance, parse_signature,
    },
    text::{self, Span, Texts},
};

/// A request head that passed every check that needs no key. Comes from [`Receiver::precheck`].
#[derive(Clone, Debug)]
pub struct Prechecked {
    pub(super) candidates: Tags,
    pub(super) texts: Texts,
    pub(super) time_text: Option<Span>,
    pub(super) time: Option<Timestamp>,
    pub(super) id: Option<Span>,
    pub(super) event: Option<Span>,
    pub(super) id_copy: Option<Span>,
    pub(super) event_copy: Option<Span>,
    pub(super) attempt_id: Option<Span>,
    pub(super) signed_headers: SmallVec<[Span; 2]>,
    pub(super) tenant: Option<Span>,
    pub(super) at: Timestamp,
}

impl Prechecked {
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
            at: now,
        }
    }

    /// The tenant that the request names, to be looked up. Anybody may have written it.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.texts.get(self.tenant)
    }
}

/// Where the headers of one scheme are found, worked out once.
#[derive(Debug)]
pub(super) struct HeadPlan {
    wanted: WantedHeaders,
    content_type: Slot,
    content_encoding: Slot,
    content_length: Slot,
    signature: SmallVec<[Slot; 1]>,
    time: Option<Slot>,
    id: Option<Slot>,
    event: Option<Slot>,
    id_copy: Option<Slot>,
    event_copy: Option<Slot>,
    attempt: Option<Slot>,
    tenant: Option<Slot>,
    signed_headers: SmallVec<[Slot; 1]>,
}

impl HeadPlan {
    /// `None` when the scheme names more headers than are looked for at once.
    pub(super) fn new(scheme: &Scheme, tenant: Option<TenantAt>) -> Option<Self> {
        let mut wanted = WantedHeaders::new();
        let mut optional = |name: Option<&'static str>| match name {
            Some(name) => wanted.add(name).map(Some),
            None => Some(None),
        };
        let header = |place: Option<Place>| match place {
            Some(Place::Header(name)) => Some(name),
            Some(Place::Body(_)) | None => None,
        };
        let id = optional(header(scheme.id))?;
        let event = optional(header(scheme.event))?;
        let time = optional(scheme.time_header())?;
        let id_copy = optional(scheme.id_copy)?;
        let event_copy = optional(scheme.event_copy)?;
        let attempt = optional(scheme.attempt_header)?;
        let tenant = optional(match tenant {
            Some(TenantAt::Header(name)) => Some(name),
            Some(TenantAt::LastPathSegment | TenantAt::Query(_)) | None => None,
        })?;
        let signature = match scheme.location {
            Location::Header(name) => wanted.add(name).into_iter().collect(),
            Location::AnyOf(names) => names
                .iter()
                .map(|name| wanted.add(name))
                .collect::<Option<_>>()?,
            Location::Repeated(_) | Location::Numbered(_) => SmallVec::new(),
        };
        let signed_headers = scheme
            .signed
            .iter()
            .filter_map(|part| match part {
                Part::Header(name) => Some(wanted.add(name)),
                _ => None,
            })
            .collect::<Option<_>>()?;
        Some(Self {
            content_type: wanted.add("content-type")?,
            content_encoding: wanted.add("content-encoding")?,
            content_length: wanted.add("content-length")?,
            wanted,
            signature,
            time,
            id,
            event,
            id_copy,
            event_copy,
            attempt,
            tenant,
            signed_headers,
        })
    }

    /// Keeps the only value of a header, of 1 to 256 visible ASCII characters.
    fn text(
        &self,
        texts: &mut Texts,
        found: &FoundHeaders<'_>,
        slot: Option<Slot>,
    ) -> Result<Option<Span>, Rejection> {
        let Some(slot) = slot else {
            return Ok(None);
        };
        let Some(value) = self.one(found, slot)? else {
            return Ok(None);
        };
        texts
            .add_header(value)
            .map(Some)
            .ok_or_else(|| self.fault(RejectionKind::HeaderMalformed, slot))
    }

    fn one<'a>(&self, found: &FoundHeaders<'a>, slot: Slot) -> Result<Option<&'a [u8]>, Rejection> {
        found
            .one(slot)
            .map_err(|_| self.fault(RejectionKind::HeaderRepeated, slot))
    }

    fn fault(&self, kind: RejectionKind, slot: Slot) -> Rejection {
        Rejection::header_fault(kind, self.wanted.name(slot))
    }
}

impl Receiver {
    /// Judges a request by its head: method, content type, header grammar, time, declared length.
    ///
    /// Nothing secret is consulted. `now` is the wall clock.
    ///
    /// # Errors
    ///
    /// When the request is to be refused; see [`RejectionKind`].
    pub fn precheck(
        &self,
        head: &(impl Head + ?Sized),
        now: Timestamp,
    ) -> Result<Prechecked, Rejection> {
        let mut checked = Prechecked::new(&self.inner.scheme, now);
        self.precheck_into(head, &mut checked)?;
        Ok(checked)
    }

    /// The same, in place: a `Prechecked` is large enough for its moves to be felt.
    pub(super) fn precheck_into(
        &self,
        head: &(impl Head + ?Sized),
        checked: &mut Prechecked,
    ) -> Result<(), Rejection> {
        let inner = &*self.inner;
        let (scheme, plan) = (&inner.scheme, &inner.plan);
        if head.method() != "POST" {
            return Err(Rejection::new(RejectionKind::MethodNotAllowed));
        }
        let mut found = FoundHeaders::default();
        plan.wanted.find(head, &mut found);
        check_content(scheme, plan, &found)?;

        let signature = SignatureHeaders::find(scheme, plan, &found, head, &inner.limits)?;
        let signature_time = parse_signature(
            scheme,
            &signature.values,
            inner.limits.candidates,
            &mut checked.candidates,
        )
        .map_err(|fault| {
            let kind = match fault {
                SignatureFault::TooManyCandidates => RejectionKind::TooManyCandidates,
                SignatureFault::Malformed | SignatureFault::NoCandidate => {
                    RejectionKind::HeaderMalformed
                }
            };
            Rejection::header_fault(kind, signature.name)
        })?;

        match scheme.time.map(|rule| rule.at) {
            Some(TimeAt::Header(name)) => {
                let value = plan.time.map_or(Ok(None), |slot| plan.one(&found, slot))?;
                read_time(inner, checked, name, value)?;
            }
            Some(TimeAt::SignatureKey(_)) => {
                read_time(inner, checked, signature.name, signature_time)?;
            }
            Some(TimeAt::Body(_)) | None => {}
        }

        let texts = &mut checked.texts;
        checked.id = plan.text(texts, &found, plan.id)?;
        if scheme.signed.contains(&Part::Id)
            && let Some(slot) = plan.id
        {
            if checked.id.is_none() {
                return Err(plan.fault(RejectionKind::HeaderMissing, slot));
            }
            if !scheme.keeps_apart(Part::Id, texts.bytes(checked.id)) {
                return Err(plan.fault(RejectionKind::HeaderMalformed, slot));
            }
        }
        let header_parts = scheme
            .signed
            .iter()
            .filter(|part| matches!(part, Part::Header(_)));
        for (slot, part) in plan.signed_headers.iter().zip(header_parts) {
            let value = plan
                .text(texts, &found, Some(*slot))?
                .ok_or_else(|| plan.fault(RejectionKind::HeaderMissing, *slot))?;
            if !scheme.keeps_apart(*part, texts.bytes(Some(value))) {
                return Err(plan.fault(RejectionKind::HeaderMalformed, *slot));
            }
            checked.signed_headers.push(value);
        }

        let declared = plan
            .one(&found, plan.content_length)?
            .and_then(|value| core::str::from_utf8(value).ok()?.parse::<u64>().ok());
        if declared.is_some_and(|len| {
            usize::try_from(len).map_or(true, |len| len > inner.limits.body_bytes)
        }) {
            return Err(Rejection::new(RejectionKind::BodyTooLarge));
        }

        checked.event = plan.text(texts, &found, plan.event)?;
        checked.id_copy = plan.text(texts, &found, plan.id_copy)?;
        checked.event_copy = plan.text(texts, &found, plan.event_copy)?;
        // Nothing hangs on it but a line in a log.
        checked.attempt_id = plan.text(texts, &found, plan.attempt).ok().flatten();
        checked.tenant = self.tenant_of(texts, head, &found)?;
        Ok(())
    }

    fn tenant_of(
        &self,
        texts: &mut Texts,
        head: &(impl Head + ?Sized),
        found: &FoundHeaders<'_>,
    ) -> Result<Option<Span>, Rejection> {
        let Some(at) = self.inner.keys.tenant_at() else {
            return Ok(None);
        };
        let tenant = match at {
            TenantAt::Header(_) => self.inner.plan.text(texts, found, self.inner.plan.tenant)?,
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

fn check_content(
    scheme: &Scheme,
    plan: &HeadPlan,
    found: &FoundHeaders<'_>,
) -> Result<(), Rejection> {
    let content_type = || Rejection::new(RejectionKind::ContentType);
    if let Some(value) = found.one(plan.content_type).map_err(|_| content_type())? {
        let value = value.trim_ascii_start();
        let is = |known: &&str| {
            value
                .split_at_checked(known.len())
                .is_some_and(|(essence, rest)| {
                    essence.eq_ignore_ascii_case(known.as_bytes())
                        && matches!(rest.trim_ascii_start(), [] | [b';', ..])
                })
        };
        if !scheme.content_types.iter().any(is) {
            return Err(content_type());
        }
    }
    match found.one(plan.content_encoding) {
        Ok(None) => Ok(()),
        Ok(Some(value)) if value.eq_ignore_ascii_case(b"identity") => Ok(()),
        _ => Err(Rejection::new(RejectionKind::ContentEncoding)),
    }
}

/// The values of the signature header or headers of one request.
struct SignatureHeaders<'a> {
    name: &'static str,
    values: SmallVec<[&'a [u8]; 2]>,
}

impl<'a> SignatureHeaders<'a> {
    fn find(
        scheme: &Scheme,
        plan: &HeadPlan,
        found: &FoundHeaders<'a>,
        head: &'a (impl Head + ?Sized),
        limits: &super::Limits,
    ) -> Result<Self, Rejection> {
        let mut name = scheme.signature_header();
        let mut values: SmallVec<[&'a [u8]; 2]> = SmallVec::new();
        match scheme.location {
            Location::Header(_) | Location::AnyOf(_) => {
                for slot in &plan.signature {
                    if let Some(value) = plan.one(found, *slot)? {
                        name = plan.wanted.name(*slot);
                        values.push(value);
                        break;
                    }
                }
            }
            Location::Repeated(_) | Location::Numbered(_) => {
                let numbered = matches!(scheme.location, Location::Numbered(_));
                head.each_header(&mut |header, value| {
                    if is_signature_header(header, name, numbered)
                        && values.len() <= limits.candidates
                    {
                        values.push(value);
                    }
                });
            }
        }
        if values.is_empty() {
            return Err(Rejection::header_fault(RejectionKind::HeaderMissing, name));
        }
        let visible = |value: &&[u8]| {
            let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
            (1..=limits.signature_bytes).contains(&value.len()) && text::all(value, printable)
        };
        if !values.iter().all(visible) {
            return Err(Rejection::header_fault(
                RejectionKind::HeaderMalformed,
                name,
            ));
        }
        Ok(Self { name, values })
    }
}

fn is_signature_header(header: &str, stem: &str, numbered: bool) -> bool {
    if !numbered {
        return header.eq_ignore_ascii_case(stem);
    }
    match header.split_at_checked(stem.len()) {
        Some((start, number)) => {
            start.eq_ignore_ascii_case(stem)
                && (1..=3).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => false,
    }
}

/// Keeps a time exactly as sent, and what it says.
fn read_time(
    inner: &Inner,
    checked: &mut Prechecked,
    header: &'static str,
    value: Option<&[u8]>,
) -> Result<(), Rejection> {
    let (scheme, tolerance) = (&inner.scheme, inner.tolerance);
    let Some(value) = value else {
        // Where nothing about the time is signed or judged, it may be missing.
        if tolerance.is_none() && !scheme.signed.contains(&Part::Timestamp) {
            return Ok(());
        }
        return Err(Rejection::header_fault(
            RejectionKind::HeaderMissing,
            header,
        ));
    };
    let time = parse_time(value, scheme.time_unit().unwrap_or(TimeUnit::Seconds))
        .ok_or_else(|| Rejection::header_fault(RejectionKind::HeaderMalformed, header))?;
    judge_time(time, tolerance, checked.at, Some(header))?;
    checked.time_text = checked.texts.add_header(value);
    checked.time = Some(time);
    Ok(())
}

/// Reads plain digits; a number beyond any calendar is a time in the far future.
pub(super) fn parse_time(text: &[u8], unit: TimeUnit) -> Option<Timestamp> {
    if !(1..=20).contains(&text.len()) || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u128 = core::str::from_utf8(text).ok()?.parse().ok()?;
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    Some(match unit {
        TimeUnit::Seconds => Timestamp::from_unix_seconds(number),
        TimeUnit::Millis => Timestamp::from_unix_millis(number),
    })
}

/// Refuses a time outside the tolerance; both bounds are inside.
pub(super) fn judge_time(
    time: Timestamp,
    tolerance: Option<Tolerance>,
    now: Timestamp,
    header: Option<&'static str>,
) -> Result<(), Rejection> {
    let Some(tolerance) = tolerance else {
        return Ok(());
    };
    let refuse = |kind, age| {
        let rejection = header.map_or(Rejection::new(kind), |name| {
            Rejection::header_fault(kind, name)
        });
        Err(rejection.with_age(age))
    };
    let (age, ahead) = (now.saturating_since(time), time.saturating_since(now));
    if ahead > tolerance.future {
        return refuse(RejectionKind::TimestampFuture, ahead);
    }
    // A time in seconds says nothing about its fraction, so the fraction does not count.
    if age.as_secs() > tolerance.past.as_secs()
        || (age > tolerance.past && tolerance.past.subsec_nanos() != 0)
    {
        return refuse(RejectionKind::TimestampStale, age);
    }
    Ok(())
}
