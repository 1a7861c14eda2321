//! Times in another unit than the scheme's.

use super::{Cause, Finding, case::Case, search::Try};
use crate::scheme::{Scheme, TimeUnit};

/// The same request, read or sent with its time in another unit.
pub(super) fn tries(base: &Case) -> Vec<Try> {
    let mut tries = Vec::new();
    let Some(unit) = base.scheme.time_unit() else {
        return tries;
    };
    let expects = match unit {
        TimeUnit::Seconds => "it expects seconds",
        TimeUnit::Millis => "it expects milliseconds",
        TimeUnit::Rfc3339 | TimeUnit::Rfc3339WithoutZone => "it expects a date",
    };
    let units = [
        (TimeUnit::Seconds, Cause::TimeSeconds),
        (TimeUnit::Millis, Cause::TimeMilliseconds),
        (TimeUnit::Rfc3339, Cause::TimeDate),
        (TimeUnit::Rfc3339WithoutZone, Cause::TimeDate),
    ];
    for (other, cause) in units.into_iter().filter(|(other, _)| *other != unit) {
        if let Some(scheme) = with_unit(base.scheme, other) {
            let case = Case {
                scheme,
                ..base.clone()
            };
            tries.push((vec![Finding::proved(cause, expects)], case));
        }
    }
    // Somebody wrote the header anew, and the old text was signed.
    if let Some(name) = base.scheme.time_header()
        && let Some(text) = base.head.text(name)
    {
        for other in rewritten(text) {
            let mut case = base.clone();
            case.head.set(name, other);
            tries.push((vec![Finding::proved(Cause::TimeRewritten, name)], case));
        }
    }
    tries
}

/// The scheme with its time in this unit; none where that would not be one.
fn with_unit(scheme: Scheme, unit: TimeUnit) -> Option<Scheme> {
    let mut rule = scheme.time?;
    rule.unit = unit;
    let changed = Scheme {
        time: Some(rule),
        ..scheme
    };
    let builder = changed.to_builder();
    // Digits part from a body that they touch by the body's first byte alone.
    builder
        .build()
        .or_else(|_| builder.json_body().build())
        .ok()
}

/// A number in seconds for milliseconds, and the other way round.
fn rewritten(text: &str) -> Vec<String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match (digits, text.len()) {
        (true, 13) => text.get(..10).map(str::to_owned).into_iter().collect(),
        (true, 10) => vec![format!("{text}000")],
        _ => Vec::new(),
    }
}
