//! Times as RFC 3339 writes them, in the one strict form that senders sign.

use crate::clock::Timestamp;

/// Reads `YYYY-MM-DDTHH:MM:SS`, up to nine digits of a fraction, and with `zone` a `Z` or an offset. In
/// upper case, and nothing else: which bytes of a request are the time must be certain.
pub(super) fn parse(text: &[u8], zone: bool) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let (clock, rest) = rest.split_at_checked(9)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else {
        return None;
    };
    let [b'T', h1, h2, b':', n1, n2, b':', s1, s2] = *clock else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    let month = within(number(&[m1, m2])?, 1, 12)?;
    let day = within(number(&[d1, d2])?, 1, days_in(year, month))?;
    let hour = within(number(&[h1, h2])?, 0, 23)?;
    let minute = within(number(&[n1, n2])?, 0, 59)?;
    // A leap second is the second after the one before it.
    let second = within(number(&[s1, s2])?, 0, 60)?;
    let (millis, rest) = fraction(rest)?;
    let offset = match (zone, rest) {
        (false, []) | (true, [b'Z']) => 0,
        (true, [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2]) => {
            let hours = within(number(&[*h1, *h2])?, 0, 23)?;
            let minutes = within(number(&[*m1, *m2])?, 0, 59)?;
            let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
            if *sign == b'-' {
                minutes.checked_neg()?
            } else {
                minutes
            }
        }
        _ => return None,
    };
    let minutes = days_since_1970(year, month, day)?
        .checked_mul(24)?
        .checked_add(hour)?
        .checked_mul(60)?
        .checked_add(minute)?
        .checked_sub(offset)?;
    let seconds = minutes.checked_mul(60)?.checked_add(second)?;
    let millis = seconds.checked_mul(1_000)?.checked_add(millis)?;
    Some(Timestamp::from_unix_millis(millis))
}

/// Whole milliseconds of a fraction, if there is one, and what follows it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', text)) = text.split_first() else {
        return Some((0, text));
    };
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(len)?;
    if !(1..=9).contains(&len) {
        return None;
    }
    let mut millis = [b'0'; 3];
    for (to, digit) in millis.iter_mut().zip(digits) {
        *to = *digit;
    }
    Some((number(&millis)?, rest))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit & 0x0f))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

fn within(number: i64, least: i64, most: i64) -> Option<i64> {
    (least..=most).contains(&number).then_some(number)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

/// Days of the proleptic Gregorian calendar; every number here is small.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let before = year.checked_sub(1)?;
    let leaps = before
        .div_euclid(4)
        .checked_sub(before.div_euclid(100))?
        .checked_add(before.div_euclid(400))?;
    // As many as lie before 1970.
    let years = before.checked_mul(365)?.checked_add(leaps)?;
    let months =
        (1..month).try_fold(0_i64, |days, month| days.checked_add(days_in(year, month)))?;
    years
        .checked_add(months)?
        .checked_add(day)?
        .checked_sub(719_163)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<i64> {
        parse(text.as_bytes(), true).map(Timestamp::unix_millis)
    }

    #[test]
    fn dates_are_read_to_the_millisecond() {
        for (text, due) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2001-09-09T01:46:40Z", 1_000_000_000_000),
            ("2023-07-19T10:11:12.464757833Z", 1_689_761_472_464),
            ("2024-02-29T23:59:59.9Z", 1_709_251_199_900),
            ("2020-01-01T00:00:00-07:00", 1_577_862_000_000),
            ("2019-12-31T23:30:00+00:30", 1_577_833_200_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("1969-12-31T23:59:59.999Z", -1),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ] {
            assert_eq!(read(text), Some(due), "{text}");
        }
        let plain = parse(b"2024-02-29T12:00:00.25", false);
        assert_eq!(plain.map(Timestamp::unix_millis), Some(1_709_208_000_250));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2024-02-29",
            "2024-02-29T12:00:00",
            "2024-02-29t12:00:00Z",
            "2024-02-29T12:00:00z",
            "2024-02-29 12:00:00Z",
            "2024-02-29T12:00Z",
            "2024-02-29T12:00:00.Z",
            "2024-02-29T12:00:00.0123456789Z",
            "2024-02-29T12:00:00+0100",
            "2024-02-29T12:00:00+24:00",
            "2024-02-29T12:00:00+01:60",
            "2024-02-29T12:00:00Z ",
            " 2024-02-29T12:00:00Z",
            "2023-02-29T12:00:00Z",
            "2024-13-01T12:00:00Z",
            "2024-00-01T12:00:00Z",
            "2024-01-00T12:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T12:60:00Z",
            "2024-01-01T12:00:61Z",
            "+024-01-01T12:00:00Z",
            "20240101T120000Z",
            "1712000000",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(parse(b"2024-02-29T12:00:00Z", false), None);
    }

    /// Against a calendar that counts days one by one.
    #[test]
    fn every_day_of_nine_centuries_is_in_its_place() {
        let mut days = 0_i64;
        for year in 1970..2870 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    let text = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
                    assert_eq!(read(&text), Some(days * 86_400_000), "{text}");
                    days += 1;
                }
            }
        }
    }
}
