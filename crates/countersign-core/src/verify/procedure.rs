//! Judging a request whose signed bytes a procedure reads out of it.

use core::fmt;

use bytes::Bytes;

use super::{head::Head, limits::VerifyLimits, policy::Policy, precheck::JudgedHead};
use crate::{
    detail::Fault,
    keys::ActiveKeys,
    mac::{Tags, Verdict, Whole},
    rejection::{Rejection, RejectionKind},
    scheme::{Procedure, Scheme, Signed, Unproved, Unreadable},
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
    pub(super) fn keep(
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
            let mut wanted = procedure.headers().iter();
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
        let missing = procedure
            .signature_header()
            .filter(|due| !headers.iter().any(|(known, _)| known == due));
        let missing =
            missing.map(|name| Rejection::header_fault(RejectionKind::HeaderMissing, name));
        match fault.or(missing) {
            Some(refused) => Err(refused),
            None => Ok(Box::new(Self {
                query: query.map(str::to_owned),
                headers,
            })),
        }
    }
}

/// The message that the procedure names, and the signature that is offered for it.
pub(super) fn read(
    policy: &Policy,
    procedure: &dyn Procedure,
    head: &JudgedHead,
    body: &[u8],
) -> Result<(Bytes, Tags), Rejection> {
    let kept = head.unproved.as_deref();
    let limits = &policy.limits;
    // A URL, with its query, is beside the body.
    let beside = policy.url.len().saturating_add(limits.signature_bytes);
    let mut signed = Signed::new(&policy.scheme, limits.body_bytes.saturating_add(beside));
    let request = Unproved {
        url: &policy.url,
        query: kept.and_then(|kept| kept.query.as_deref()),
        headers: kept.map_or(&[], |kept| &kept.headers),
        body,
    };
    procedure.read(&request, &mut signed).map_err(unreadable)?;
    let (message, tag) = signed
        .message
        .ok_or_else(|| unreadable(Unreadable("the procedure named nothing that was signed")))?;
    Ok((message.into(), tag))
}

/// Which key made the signature, over all of them.
pub(super) fn judge(scheme: &Scheme, keys: &ActiveKeys, message: &[u8], tag: &Tags) -> Verdict {
    let mut macs = keys.macs(scheme.algorithm());
    macs.update(message);
    macs.conclude(tag, || Whole {
        before: &[],
        body: message,
        after: &[],
    })
}

fn unreadable(Unreadable(why): Unreadable) -> Rejection {
    Rejection::new(RejectionKind::SignatureMismatch).because(Fault::Unreadable { why })
}
