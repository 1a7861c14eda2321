//! Timestamps as attributes have them: RFC 3339.

use countersign_core::Timestamp;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The text of a time; none for one that RFC 3339 cannot say.
pub(super) fn text_of(time: Timestamp) -> Option<String> {
    let nanos = i128::from(time.unix_millis()).checked_mul(1_000_000)?;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    time.format(&Rfc3339).ok()
}

/// The time of a text.
pub(super) fn time_of(text: &str) -> Option<Timestamp> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let millis = time.unix_timestamp_nanos().div_euclid(1_000_000);
    Some(Timestamp::from_unix_millis(i64::try_from(millis).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_as_it_was() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_712_000_382_344, "2024-04-01T19:39:42.344Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            let time = Timestamp::from_unix_millis(millis);
            assert_eq!(text_of(time).as_deref(), Some(text));
            assert_eq!(time_of(text), Some(time));
        }
        assert_eq!(text_of(Timestamp::from_unix_millis(i64::MAX)), None);
        assert_eq!(time_of("yesterday"), None);
    }
}
