//! Judging a request whose signed bytes a procedure reads out of it.

use core::fmt;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::{
    batch,
    body::Reservation,
    content::Payload,
    fields::{self, Field},
    head::Head,
    limits::VerifyLimits,
    policy::Policy,
    precheck::JudgedHead,
};
use crate::{
    detail::Fault,
    keys::ActiveKeys,
    mac::{Tags, Verdict, Whole},
    rejection::{Rejection, RejectionKind},
    scheme::{Location, Messages, Procedure, Scheme, Signed, Unproved, Unreadable},
    texts,
};

/// What is kept of a head until its body is there.
#[derive(Clone)]
pub(super) struct UnprovedHead {
    query: Option<String>,
    headers: Vec<(&'static str, String)>,
}

impl fmt::Debug for UnprovedHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnprovedHead(..)")
    }
}

impl UnprovedHead {
    /// The query, and the headers that the procedure reads or the scheme says are covered.
    pub(super) fn keep(
        scheme: &Scheme,
        procedure: &dyn Procedure,
        head: &(impl Head + ?Sized),
        limits: &VerifyLimits,
    ) -> Result<Box<Self>, Rejection> {
        let query = head.query();
        if query.is_some_and(|query| query.len() > limits.signature_bytes) {
            return Err(unreadable(Unreadable("the query is too long")));
        }
        let mut headers: Vec<(&'static str, String)> = Vec::new();
        let mut fault = None;
        head.each_header(&mut |name, value| {
            let mut wanted = procedure.headers().iter().chain(scheme.covered());
            let Some(name) = wanted.find(|wanted| wanted.eq_ignore_ascii_case(name)) else {
                return;
            };
            let visible = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
            if headers.iter().any(|(known, _)| known == name) {
                fault = Some(Rejection::header_fault(RejectionKind::HeaderRepeated, name));
            } else if value.len() > limits.signature_bytes || !texts::all(value, visible) {
                fault = Some(Rejection::header_fault(
                    RejectionKind::HeaderMalformed,
                    name,
                ));
            } else {
                headers.push((name, String::from_utf8_lossy(value).into_owned()));
            }
        });
        let known = |due: &str| (headers.iter()).any(|(known, _)| known.eq_ignore_ascii_case(due));
        let missing = match scheme.location() {
            Location::Header(name) if !known(name) => {
                Some(Rejection::header_fault(RejectionKind::HeaderMissing, name))
            }
            _ => None,
        };
        match fault.or(missing) {
            Some(refused) => Err(refused),
            None => Ok(Box::new(Self {
                query: query.map(str::to_owned),
                headers,
            })),
        }
    }
}

/// What was proved by a procedure's messages.
#[derive(Debug)]
pub(super) enum Proved {
    /// The request by one, or an item by its own.
    One {
        message: Bytes,
        /// Whether the procedure had the library hash the body.
        hashed: bool,
    },
    /// Each item of a batch.
    Items(Vec<Bytes>),
}

impl Proved {
    pub(super) const fn message(&self) -> Option<&Bytes> {
        match self {
            Self::One { message, .. } => Some(message),
            Self::Items(_) => None,
        }
    }

    /// What tells a delivery apart that has no id: the body where its hash was signed, because a time beside it is
    /// another one at each attempt; else the message, because another body may have it too.
    pub(super) const fn tells_apart(&self, scheme: &Scheme) -> Option<&Bytes> {
        match self {
            Self::One { hashed: true, .. } if scheme.body_is_signed() => None,
            other => other.message(),
        }
    }

    /// What was proved of an item by itself.
    pub(super) fn item(&self, at: usize) -> Option<Arc<Self>> {
        match self {
            Self::One { .. } => None,
            Self::Items(messages) => Some(Arc::new(Self::One {
                message: messages.get(at)?.clone(),
                hashed: false,
            })),
        }
    }
}

/// The verdict on the messages of a procedure, and the messages.
pub(super) struct ByProcedure {
    pub(super) verdict: Verdict,
    pub(super) proved: Arc<Proved>,
}

/// The keys' verdict on the messages that the scheme's procedure names. In a box, so that schemes that are data do not
/// move it about.
pub(super) fn prove(
    procedure: &dyn Procedure,
    held: &mut Reservation,
    head: &JudgedHead,
    body: &Bytes,
    keys: &ActiveKeys,
) -> Result<Box<ByProcedure>, Rejection> {
    let policy = Arc::clone(held.policy());
    let scheme = &policy.scheme;
    let (messages, hashed) = read(&policy, procedure, head, body)?;
    let sizes = messages.iter().map(|(message, _)| message.len());
    held.grow(sizes.fold(0, usize::saturating_add))?;

    let payload = Payload::find(scheme.form_field, body);
    let items = match scheme.batch().filter(|_| scheme.signs_items()) {
        Some(list) => {
            let text = payload.bytes(body).unwrap_or_default();
            let items = batch::items(&text, list, messages.len()).unwrap_or_default();
            if items.len() != messages.len() {
                return Err(unreadable(Unreadable("not every item is signed")));
            }
            items
        }
        None => Vec::new(),
    };
    let verdict = judge(scheme, keys, &messages);
    if verdict.matched.is_some() {
        for (item, (message, _)) in items.iter().zip(&messages) {
            holds_fields(scheme, item, message)?;
        }
        for (message, _) in &messages {
            holds_headers(scheme, head, message)?;
            if !scheme.signs_items() && !scheme.body_is_signed() {
                holds_fields(scheme, payload.of(body).unwrap_or_default(), message)?;
            }
        }
    }

    let mut messages = messages.into_iter().map(|(message, _)| message.into());
    let proved = if scheme.signs_items() {
        Proved::Items(messages.collect())
    } else {
        let message = messages.next().unwrap_or_default();
        Proved::One { message, hashed }
    };
    Ok(Box::new(ByProcedure {
        verdict,
        proved: Arc::new(proved),
    }))
}

/// The messages that the procedure names, with the signatures that are offered for them, and whether it had the
/// body hashed.
fn read(
    policy: &Policy,
    procedure: &dyn Procedure,
    head: &JudgedHead,
    body: &[u8],
) -> Result<(Messages, bool), Rejection> {
    let kept = head.unproved.as_deref();
    let limits = &policy.limits;
    // A URL, with its query, is beside the body.
    let beside = policy.url.len().saturating_add(limits.signature_bytes);
    let mut signed = Signed::new(&policy.scheme, limits.body_bytes.saturating_add(beside));
    let request = Unproved::new(
        &policy.url,
        kept.and_then(|kept| kept.query.as_deref()),
        kept.map_or(&[], |kept| &kept.headers),
        body,
    );
    procedure.read(&request, &mut signed).map_err(unreadable)?;
    match signed.messages.is_empty() {
        true => Err(unreadable(Unreadable(
            "the procedure named nothing that was signed",
        ))),
        false => Ok((signed.messages, request.is_hashed())),
    }
}

/// Whether a proved message holds each text that it is said to hold: a procedure that claims more than it covers is
/// found out by the first request.
fn holds_fields(scheme: &Scheme, json: &[u8], message: &[u8]) -> Result<(), Rejection> {
    let covered = scheme.covered().iter().copied();
    let pointers: SmallVec<[&str; 4]> = covered.filter(|field| field.starts_with('/')).collect();
    if pointers.is_empty() {
        return Ok(());
    }
    for field in fields::read(json, &pointers) {
        match field {
            Field::Missing => {}
            field => {
                let text = field.text().ok_or_else(not_held)?;
                holds(message, text.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// The same of headers.
fn holds_headers(scheme: &Scheme, head: &JudgedHead, message: &[u8]) -> Result<(), Rejection> {
    let kept = head.unproved.iter().flat_map(|kept| &kept.headers);
    for (name, value) in kept {
        let is = |field: &&str| field.eq_ignore_ascii_case(name);
        if scheme.covered().iter().any(is) {
            holds(message, value.as_bytes())?;
        }
    }
    Ok(())
}

fn holds(message: &[u8], text: &[u8]) -> Result<(), Rejection> {
    let there = text.is_empty() || message.windows(text.len()).any(|part| part == text);
    if there { Ok(()) } else { Err(not_held()) }
}

fn not_held() -> Rejection {
    unreadable(Unreadable(
        "the message does not hold a field that the scheme says is covered",
    ))
}

/// Which key made all the signatures. Every one is looked at, under every key, so that how long it takes does not
/// say which of them is wrong.
fn judge(scheme: &Scheme, keys: &ActiveKeys, messages: &[(Vec<u8>, Tags)]) -> Verdict {
    let mut all: Option<Verdict> = None;
    for (message, tag) in messages {
        let mut macs = keys.macs(scheme.algorithm());
        macs.update(message);
        let next = macs.conclude(tag, || Whole {
            before: &[],
            body: message,
            after: &[],
        });
        all = Some(match all {
            None => next,
            Some(before) => Verdict {
                matched: before.matched.filter(|_| before.matched == next.matched),
                tags: before.tags,
            },
        });
    }
    all.unwrap_or(Verdict {
        matched: None,
        tags: Tags::new(scheme.algorithm()),
    })
}

fn unreadable(Unreadable(why): Unreadable) -> Rejection {
    Rejection::new(RejectionKind::SignatureMismatch).because(Fault::Unreadable { why })
}
