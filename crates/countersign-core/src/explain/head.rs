//! What is wrong with a request whose signature is right.

use core::time::Duration;

use super::{
    Cause, Finding,
    case::{Case, Refused},
};
use crate::{
    clock::Timestamp,
    detail::Fault,
    rejection::{Rejection, RejectionKind},
    scheme::{Place, TimeUnit},
};

/// Whether a request has a header in which this sender, and it alone, writes an id or a type.
pub(super) fn has_own(case: &Case) -> bool {
    let places = [case.scheme.id(), case.scheme.event()];
    places.into_iter().flatten().any(|place| match place {
        Place::Header(name) => case.head.get(name).is_some(),
        Place::Body(_) => false,
    })
}

/// The most things that are wrong at once.
const ROUNDS: usize = 6;

/// Everything else that a verifier refuses it for, one after the other.
pub(super) fn after(proved: &Case, now: Timestamp) -> Vec<Finding> {
    let (mut case, mut now) = (proved.clone(), now);
    let mut findings: Vec<Finding> = Vec::new();
    for _ in 0..ROUNDS {
        let rejection = match case.judge(now) {
            Ok(()) => break,
            Err(Refused::Setup(message)) => {
                findings.push(Finding::seen(Cause::Setup, message));
                break;
            }
            Err(Refused::Request(rejection)) => rejection,
        };
        let finding = match rejection.kind() {
            RejectionKind::MethodNotAllowed => {
                "POST".clone_into(&mut case.head.method);
                Finding::proved(Cause::Method, "")
            }
            RejectionKind::ContentType => {
                case.head.remove("content-type");
                Finding::proved(Cause::ContentType, due(&case))
            }
            RejectionKind::ContentEncoding => {
                case.head.remove("content-encoding");
                Finding::proved(Cause::ContentEncoding, "")
            }
            RejectionKind::TimestampStale | RejectionKind::TimestampFuture => {
                let (finding, at) = of_time(&case, &rejection, now);
                now = at;
                finding
            }
            RejectionKind::BodyTooLarge => {
                let (len, limit) = (case.body.len(), case.scheme.body_limit());
                findings.push(Finding::proved(
                    Cause::BodyLimit,
                    format!("{len} bytes, and the limit is {limit}"),
                ));
                break;
            }
            RejectionKind::CopyDisagrees => {
                let copies = [case.scheme.id_copy(), case.scheme.event_copy()];
                for copy in copies.into_iter().flatten() {
                    case.head.remove(copy);
                }
                Finding::proved(Cause::CopyDisagrees, rejection.header().unwrap_or_default())
            }
            RejectionKind::TimestampMissing => {
                let at = case.scheme.time_pointer().unwrap_or_default();
                findings.push(Finding::proved(Cause::TimeMissing, at));
                break;
            }
            _ => {
                findings.extend(plainly(&rejection));
                break;
            }
        };
        // The same thing twice would go on for ever.
        if findings
            .iter()
            .any(|known| known.cause() == finding.cause())
        {
            break;
        }
        findings.push(finding);
    }
    findings
}

fn due(case: &Case) -> String {
    format!("it takes {}", case.scheme.content_types().join(", "))
}

/// What is wrong with a time, and the clock by which it would be right.
fn of_time(case: &Case, rejection: &Rejection, now: Timestamp) -> (Finding, Timestamp) {
    let by = rejection.age().unwrap_or_default();
    let is_stale = rejection.kind() == RejectionKind::TimestampStale;
    if let Some(unit) = rejection.detail().and_then(|detail| match detail.0 {
        Fault::TimeUnit { millis_due, .. } => Some(millis_due),
        _ => None,
    }) {
        let cause = if unit {
            Cause::TimeSeconds
        } else {
            Cause::TimeMilliseconds
        };
        let unit = match case.scheme.time_unit() {
            Some(TimeUnit::Millis) => "it expects milliseconds",
            _ => "it expects seconds",
        };
        // No clock makes it right.
        let far = if unit.ends_with("milliseconds") {
            now
        } else {
            Timestamp::from_unix_millis(i64::MAX)
        };
        return (Finding::proved(cause, unit), far);
    }
    let tolerance = case.scheme.tolerance();
    let allowed = tolerance.map(|at| if is_stale { at.past } else { at.future });
    let more = format!(
        "by {}, and {} are allowed",
        span(by),
        span(allowed.unwrap_or_default())
    );
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    let now = now.unix_millis();
    match is_stale {
        true => (
            Finding::proved(Cause::TimeStale, more),
            Timestamp::from_unix_millis(now.saturating_sub(millis)),
        ),
        false => (
            Finding::proved(Cause::TimeAhead, more),
            Timestamp::from_unix_millis(now.saturating_add(millis)),
        ),
    }
}

/// A span as somebody says it.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// What a refusal says by itself.
pub(super) fn plainly(rejection: &Rejection) -> Option<Finding> {
    let cause = match rejection.kind() {
        RejectionKind::HeaderMissing => Cause::HeaderMissing,
        RejectionKind::HeaderRepeated => Cause::HeaderRepeated,
        RejectionKind::HeaderMalformed | RejectionKind::TooManyCandidates => Cause::HeaderMalformed,
        RejectionKind::MethodNotAllowed => Cause::Method,
        RejectionKind::ContentType => Cause::ContentType,
        RejectionKind::ContentEncoding => Cause::ContentEncoding,
        _ => return None,
    };
    let parts = [
        rejection.header().map(str::to_owned),
        rejection.detail().map(|detail| detail.to_string()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Some(Finding::seen(cause, parts.join(": ")))
}
