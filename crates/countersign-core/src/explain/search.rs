//! The order in which things are tried: the likeliest first, one at a time, then a few in twos.

use super::{
    Cause, Finding, Question, body,
    case::{Case, Key, Refused},
    head, scheme, secret, signature, time, url,
};

/// What was changed, and what it became.
pub(super) type Try = (Vec<Finding>, Case);

/// Bodies up to this length are also written anew, and tried with two things changed.
pub(super) const SMALL: usize = 4 * 1024 * 1024;

pub(super) fn run(question: &Question) -> Vec<Finding> {
    let base = &question.case;
    base.budget.refill();
    if base.proves() {
        return head::after(base, question.now);
    }
    if let Some((mut findings, case)) = found(question) {
        findings.extend(head::after(&case, question.now));
        return findings;
    }
    unexplained(question)
}

fn found(question: &Question) -> Option<Try> {
    let base = &question.case;
    let first = |tries: Vec<Try>| tries.into_iter().find(|(_, case)| case.proves());
    let secrets = || {
        let mut all = other_secrets(question);
        all.extend(secret::tries(base, &question.text));
        all
    };
    let signed = base.scheme.body_is_signed();
    if let Some(found) = first(secrets()) {
        return Some(found);
    }
    if signed && let Some(found) = body::first(base) {
        return Some(found);
    }
    if let Some(other) = scheme::first(base, &question.other_schemes) {
        // GitHub's older `sha1=` is how Intercom signs: the sender whose own headers are there is meant.
        let own = head::has_own(base) && !head::has_own(&other.1);
        let found = own.then(|| first(signature::tries(base))).flatten();
        return found.or(Some(other));
    }
    for tries in [signature::tries(base), time::tries(base), url::tries(base)] {
        if let Some(found) = first(tries) {
            return Some(found);
        }
    }
    if !signed || base.body.len() > SMALL {
        return None;
    }
    // In twos: whatever is wrong with the secret hides everything else.
    let bodies = body::short(base);
    for (known, keyed) in secrets() {
        let with = |(more, case): Try| {
            let findings = known.iter().cloned().chain(more).collect();
            (findings, case)
        };
        let tries = bodies.iter().map(|(findings, case)| {
            (
                findings.clone(),
                Case {
                    key: keyed.key.clone(),
                    ..case.clone()
                },
            )
        });
        let tries = tries
            .chain(signature::tries(&keyed))
            .chain(time::tries(&keyed))
            .chain(url::tries(&keyed));
        if let Some(found) = tries.into_iter().find(|(_, case)| case.proves()) {
            return Some(with(found));
        }
        if let Some(found) = scheme::first(&keyed, &question.other_schemes) {
            return Some(with(found));
        }
    }
    for (known, changed) in bodies {
        let tries = signature::tries(&changed)
            .into_iter()
            .chain(time::tries(&changed))
            .chain(url::tries(&changed));
        if let Some((more, case)) = tries.into_iter().find(|(_, case)| case.proves()) {
            return Some((known.into_iter().chain(more).collect(), case));
        }
    }
    None
}

fn other_secrets(question: &Question) -> Vec<Try> {
    let other = |(name, text): &(String, zeroize::Zeroizing<String>)| {
        let case = question.case.with_key(Key::Text(text.clone()));
        (
            vec![Finding::proved(Cause::SecretOther, name.as_str())],
            case,
        )
    };
    question.other_secrets.iter().map(other).collect()
}

/// Nothing reproduces it: what is plainly wrong, else what is likely.
fn unexplained(question: &Question) -> Vec<Finding> {
    let mut findings = match question.case.judge(question.now) {
        Ok(()) => Vec::new(),
        Err(Refused::Setup(message)) => vec![Finding::seen(Cause::Setup, message)],
        Err(Refused::Request(rejection)) => head::plainly(&rejection).into_iter().collect(),
    };
    if question.case.body.is_empty() && question.case.scheme.body_is_signed() {
        findings.push(Finding::seen(Cause::BodyEmpty, ""));
    }
    if findings.is_empty() {
        let more = match question.case.budget.is_spent() {
            true => "looking ended before everything was tried, because this request is so long",
            false => "",
        };
        findings.push(Finding::seen(Cause::Unknown, more));
    }
    findings
}
