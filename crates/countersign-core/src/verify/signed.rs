//! What a scheme takes from the proved body, and whether copies in headers agree.

use smallvec::SmallVec;

use super::{
    fields::{self, Field},
    freshness,
    policy::Policy,
    precheck::JudgedHead,
    verified::Standing,
};
use crate::{
    clock::Timestamp,
    rejection::{Rejection, RejectionKind},
    scheme::{Place, Scheme, TimeAt},
    texts::{TextRef, Texts},
};

/// What a scheme takes from the proved body.
pub(super) struct SignedFields {
    pub(super) id: Option<TextRef>,
    pub(super) event: Option<TextRef>,
    pub(super) time: Option<Timestamp>,
    pub(super) subject: Option<TextRef>,
    pub(super) standing: Standing,
}

impl SignedFields {
    pub(super) fn read(
        policy: &Policy,
        head: &mut JudgedHead,
        body: &[u8],
    ) -> Result<Self, Rejection> {
        let scheme = &policy.scheme;
        let pointer = |place| match place {
            Some(Place::Body(pointer)) => Some(pointer),
            Some(Place::Header(_)) | None => None,
        };
        let time_at = match scheme.time.map(|rule| rule.at) {
            Some(TimeAt::Body(pointer)) => Some(pointer),
            _ => None,
        };
        // An unsigned type is only supported by what the body says.
        let proof = match scheme.event {
            Some(Place::Header(_)) if !scheme.events.is_empty() => head
                .texts
                .get(head.event)
                .and_then(|name| scheme.event_rule(name)?.proof),
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
            fields::read(body, &pointers)
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
                    .and_then(|text| freshness::parse_time(text.as_bytes(), unit));
                if let Some(time) = time {
                    freshness::judge_time(time, policy.tolerance, head.at, None)?;
                } else if policy.tolerance.is_some() {
                    return Err(Rejection::new(RejectionKind::TimestampMissing));
                }
                time
            }
            _ => None,
        };
        let standing = standing(proof.map(|(_, values)| values), claim.as_ref());
        Ok(Self {
            id,
            event,
            time,
            subject,
            standing,
        })
    }
}

/// Whether what is at the place that a type is tied to supports it.
fn standing(values: Option<&[&str]>, claim: Option<&Field<'_>>) -> Standing {
    match (values, claim) {
        (Some(values), Some(Field::Text(text))) if !values.contains(&&**text) => {
            Standing::Contradicted
        }
        (Some(_), Some(Field::Unreadable)) => Standing::Contradicted,
        _ => Standing::Unopposed,
    }
}

/// Whether a body contradicts the unsigned type that is claimed for it, by a scheme's rules: for what was
/// proved in another process, under rules that may have been others.
pub(crate) fn contradicts(scheme: &Scheme, name: &str, body: &[u8]) -> bool {
    let unsigned = matches!(scheme.event, Some(Place::Header(_)));
    let rule = scheme.event_rule(name).filter(|_| unsigned);
    rule.and_then(|rule| rule.proof)
        .is_some_and(|(pointer, values)| {
            let found = fields::read(body, &[pointer]);
            standing(Some(values), found.first()) == Standing::Contradicted
        })
}

/// What a scheme takes from one item.
pub(super) struct ItemFields {
    pub(super) id: Option<TextRef>,
    pub(super) event: Option<TextRef>,
    pub(super) subject: Option<TextRef>,
}

/// Reads what a scheme takes from one item; its pointers begin there.
pub(super) fn read_item(scheme: &Scheme, item: &[u8], texts: &mut Texts) -> ItemFields {
    let pointer = |place| match place {
        Some(Place::Body(pointer)) => Some(pointer),
        Some(Place::Header(_)) | None => None,
    };
    let wanted = [
        pointer(scheme.id()),
        pointer(scheme.event()),
        scheme.subject_pointer(),
    ];
    let pointers: SmallVec<[&str; 3]> = wanted.into_iter().flatten().collect();
    let mut found = fields::read(item, &pointers).into_iter();
    let [id, event, subject] = wanted.map(|wanted| {
        let field = wanted.and_then(|_| found.next());
        covered(texts, field.as_ref())
    });
    ItemFields { id, event, subject }
}

fn covered(texts: &mut Texts, fact: Option<&Field<'_>>) -> Option<TextRef> {
    fact.and_then(Field::text)
        .and_then(|text| texts.add(text.as_bytes()))
}

/// A header that repeats a signed value must agree with it, where both are there.
fn check_copy(
    header: Option<&'static str>,
    texts: &Texts,
    covered: Option<TextRef>,
    copy: Option<TextRef>,
) -> Result<(), Rejection> {
    let Some(header) = header.filter(|_| covered.is_some() && copy.is_some()) else {
        return Ok(());
    };
    match texts.bytes(covered) == texts.bytes(copy) {
        true => Ok(()),
        false => Err(Rejection::header_fault(
            RejectionKind::CopyDisagrees,
            header,
        )),
    }
}
