//! When the sender says it sent this, and whether that is near enough.

use super::{date, policy::Policy, precheck::JudgedHead};
use crate::{
    clock::Timestamp,
    detail::Fault,
    rejection::{Rejection, RejectionKind},
    scheme::{Part, TimeUnit, Tolerance},
};

/// Keeps a time exactly as sent, and what it says.
pub(super) fn read_time(
    policy: &Policy,
    judged: &mut JudgedHead,
    header: &'static str,
    value: Option<&[u8]>,
) -> Result<(), Rejection> {
    let (scheme, tolerance) = (&policy.scheme, policy.tolerance);
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
    let unit = scheme.time_unit().unwrap_or(TimeUnit::Seconds);
    if let Some(due) = scheme.time_digits()
        && value.len() != due
    {
        let refused = Rejection::header_fault(RejectionKind::HeaderMalformed, header);
        return Err(refused.because(Fault::Length { due }));
    }
    let time = parse_time(value, unit).ok_or_else(|| {
        Rejection::header_fault(RejectionKind::HeaderMalformed, header).because(match unit {
            TimeUnit::Seconds | TimeUnit::Millis => Fault::TimeNotDigits,
            TimeUnit::Rfc3339 => Fault::TimeNotDate { zone: true },
            TimeUnit::Rfc3339WithoutZone => Fault::TimeNotDate { zone: false },
        })
    })?;
    judge_time(time, tolerance, judged.at, Some(header)).map_err(|refused| {
        match unit_fault(value.len(), unit) {
            Some(fault) => refused.because(fault),
            None => refused,
        }
    })?;
    judged.time_text = judged.texts.add_header(value);
    judged.time = Some(time);
    Ok(())
}

/// Reads a time. Of plain digits, a number beyond any calendar is a time in the far future.
pub(super) fn parse_time(text: &[u8], unit: TimeUnit) -> Option<Timestamp> {
    match unit {
        TimeUnit::Rfc3339 => return date::parse(text, true),
        TimeUnit::Rfc3339WithoutZone => return date::parse(text, false),
        TimeUnit::Seconds | TimeUnit::Millis => {}
    }
    if !(1..=20).contains(&text.len()) || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u128 = core::str::from_utf8(text).ok()?.parse().ok()?;
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    Some(match unit {
        TimeUnit::Millis => Timestamp::from_unix_millis(number),
        _ => Timestamp::from_unix_seconds(number),
    })
}

/// Whether a time that is far off has as many digits as this century's times have in the other unit.
const fn unit_fault(digits: usize, unit: TimeUnit) -> Option<Fault> {
    match (digits, unit) {
        (13, TimeUnit::Seconds) => Some(Fault::TimeUnit {
            digits,
            millis_due: false,
        }),
        (10, TimeUnit::Millis) => Some(Fault::TimeUnit {
            digits,
            millis_due: true,
        }),
        _ => None,
    }
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
    let refuse = |kind, by, allowed| {
        let rejection = header.map_or(Rejection::new(kind), |name| {
            Rejection::header_fault(kind, name)
        });
        Err(rejection.because(Fault::Window { by, allowed }))
    };
    let (age, ahead) = (now.saturating_since(time), time.saturating_since(now));
    if ahead > tolerance.future {
        return refuse(RejectionKind::TimestampFuture, ahead, tolerance.future);
    }
    // A time in seconds says nothing about its fraction, so the fraction does not count.
    if age.as_secs() > tolerance.past.as_secs()
        || (age > tolerance.past && tolerance.past.subsec_nanos() != 0)
    {
        return refuse(RejectionKind::TimestampStale, age, tolerance.past);
    }
    Ok(())
}
