//! Values that TOML has no type for.

use core::time::Duration;

/// Longer is a slip of the pen, and would overflow sooner or later.
const LONGEST: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// Nobody sends more in one request.
const LARGEST: usize = 256 * 1024 * 1024;

/// A number and its unit: `500ms`, `8s`, `5m`, `24h`, `7d`. Never zero.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(60 * 60)?),
        "d" => Duration::from_secs(number.checked_mul(24 * 60 * 60)?),
        _ => return None,
    };
    (!duration.is_zero() && duration <= LONGEST).then_some(duration)
}

/// A number of bytes: `65536`, `64KiB`, `25MiB`. Never zero.
pub(super) fn size(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: usize = number.parse().ok()?;
    let bytes = match unit {
        "" => number,
        "KiB" => number.checked_mul(1024)?,
        "MiB" => number.checked_mul(1024 * 1024)?,
        _ => return None,
    };
    (bytes != 0 && bytes <= LARGEST).then_some(bytes)
}

/// Whether a text can be the name of an environment variable. Secrets have lower case letters as a rule, and
/// names have none; one that has none, either, passes, so only the name of a variable that is set may be told.
pub(super) fn is_variable(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_uppercase() || byte == b'_');
    first
        && text.len() <= 64
        && bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether an address of a database holds a password, in any of the ways to write one.
pub(super) fn holds_password(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    if lower.contains("password") {
        return true;
    }
    let rest = lower.split_once("://").map_or("", |(_, rest)| rest);
    // A password may hold a slash that nobody escaped: all before the last `@` counts.
    rest.rsplit_once('@')
        .and_then(|(user, _)| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_units() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("8s"), Some(Duration::from_secs(8)));
        assert_eq!(duration("7d"), Some(Duration::from_secs(604_800)));
        for wrong in [
            "8",
            "s",
            "",
            "0s",
            "-1s",
            "1.5s",
            "8 s",
            "8S",
            "99999999999999999999s",
            "9999999999999999999d",
            "500d",
        ] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("7"), Some(7));
        for wrong in ["0", "", "1GB", "-1", "99999999999999999999", "1024MiB"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn secrets_are_no_names_and_passwords_are_seen() {
        assert!(is_variable("STRIPE_WEBHOOK_SECRET"));
        for secret in ["whsec_abc", "hunter2", "", "9A", "A-B", "A B"] {
            assert!(!is_variable(secret), "{secret}");
        }
        for open in [
            "postgres://u:pw@h/db",
            "redis://:pw@h",
            "host=h password=pw",
            "postgres://h/db?password=x",
            "redis://u:p/w@h",
        ] {
            assert!(holds_password(open), "{open}");
        }
        for fine in [
            "redis://127.0.0.1/",
            "postgres://app@h:5432/db",
            "host=/run/postgresql user=app",
            "redis://u:@h",
        ] {
            assert!(!holds_password(fine), "{fine}");
        }
    }
}
