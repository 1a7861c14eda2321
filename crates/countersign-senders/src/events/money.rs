//! Amounts, without floats.

use core::{cmp::Ordering, fmt, hash};

use serde_json::value::RawValue;

use super::FromJson;

/// An amount in a currency's smallest unit, such as cents.
///
/// It is only ever read from an integer. A sender that documents cents and one day sends `100.00`
/// may well have changed the unit too, so such a field is missing rather than a hundred times off.
///
/// ```
/// use countersign_senders::events::MinorUnits;
///
/// let due = MinorUnits::new(150_000);
/// assert_eq!(due.get(), 150_000);
/// assert!(due > MinorUnits::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MinorUnits(i64);

impl MinorUnits {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The given number of smallest units.
    #[must_use]
    pub const fn new(units: i64) -> Self {
        Self(units)
    }

    /// The number of smallest units.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl FromJson for MinorUnits {
    fn from_json(json: &RawValue) -> Option<Self> {
        i64::from_json(json).map(Self)
    }
}

/// A share in hundredths of a percent: 1500 is 15 %.
///
/// ```
/// use countersign_senders::events::BasisPoints;
///
/// assert_eq!(BasisPoints::new(1_500).get(), 1_500);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BasisPoints(i64);

impl BasisPoints {
    /// The given number of hundredths of a percent.
    #[must_use]
    pub const fn new(points: i64) -> Self {
        Self(points)
    }

    /// The number of hundredths of a percent.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// A decimal number, exactly as it was sent.
///
/// For senders that write amounts as JSON numbers in the currency's major unit (`3109.88`). The
/// digits are kept as text and never pass through a float. Comparison is by value: `250`,
/// `250.00` and `2.5e2` are equal, though [`as_str`](Self::as_str) tells them apart.
///
/// ```
/// use countersign_senders::events::{Decimal, MinorUnits};
///
/// let total = Decimal::parse("3109.88").unwrap();
/// assert_eq!(total.as_str(), "3109.88");
/// assert_eq!(total.to_minor_units(2), Some(MinorUnits::new(310_988)));
///
/// // Never rounded: this has no whole number of cents.
/// assert_eq!(Decimal::parse("0.30000000000000004").unwrap().to_minor_units(2), None);
/// // No number in JSON.
/// assert_eq!(Decimal::parse("3,109.88"), None);
/// ```
#[derive(Clone)]
pub struct Decimal {
    text: Box<str>,
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: Box<str>,
    /// The value is `digits` times ten to this.
    exponent: i64,
}

impl Decimal {
    /// Reads a number as JSON writes it, exponent included.
    ///
    /// None for anything else, and for an exponent outside of `i32`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let all: String = [whole, fraction].concat();
        let is_number = all.bytes().all(|byte| byte.is_ascii_digit())
            && !whole.is_empty()
            && (whole == "0" || !whole.starts_with('0'));
        if !is_number {
            return None;
        }

        let significant = all.trim_start_matches('0');
        let digits = significant.trim_end_matches('0');
        let zero = digits.is_empty();
        let dropped = i64::try_from(significant.len().checked_sub(digits.len())?).ok()?;
        let decimals = i64::try_from(fraction.len()).ok()?;
        Some(Self {
            text: text.into(),
            negative: !zero && unsigned.len() < text.len(),
            digits: digits.into(),
            exponent: if zero {
                0
            } else {
                i64::from(exponent)
                    .checked_sub(decimals)?
                    .checked_add(dropped)?
            },
        })
    }

    /// The number as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The amount in the smallest unit of a currency that has this many decimals.
    ///
    /// Most currencies have two; JPY has none and KWD three, and this library does not guess which
    /// one it is. None when the amount is not a whole number of those units, or does not fit: an
    /// amount is never rounded.
    #[must_use]
    pub fn to_minor_units(&self, decimals: u8) -> Option<MinorUnits> {
        if self.digits.is_empty() {
            return Some(MinorUnits::ZERO);
        }
        let zeros = usize::try_from(self.exponent.checked_add(i64::from(decimals))?).ok()?;
        // Bounds the loop below; no i64 has more digits.
        if self.digits.len().saturating_add(zeros) > 19 {
            return None;
        }
        let digits = self
            .digits
            .bytes()
            .map(|byte| i64::from(byte.saturating_sub(b'0')));
        digits
            .chain(core::iter::repeat_n(0, zeros))
            .try_fold(0_i64, |sum, digit| {
                let sum = sum.checked_mul(10)?;
                if self.negative {
                    sum.checked_sub(digit)
                } else {
                    sum.checked_add(digit)
                }
            })
            .map(MinorUnits)
    }

    /// The sign, then the place of the first digit, then the digits: what decides an order.
    fn magnitude(&self) -> (i64, &str) {
        let len = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        (self.exponent.saturating_add(len), &self.digits)
    }

    fn sign(&self) -> i8 {
        match (self.negative, self.digits.is_empty()) {
            (true, _) => -1,
            (false, true) => 0,
            (false, false) => 1,
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sign().cmp(&other.sign()).then_with(|| {
            let order = self.magnitude().cmp(&other.magnitude());
            if self.negative {
                order.reverse()
            } else {
                order
            }
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Decimal {}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl hash::Hash for Decimal {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        (self.sign(), self.magnitude()).hash(state);
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({})", self.text)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromJson for Decimal {
    fn from_json(json: &RawValue) -> Option<Self> {
        Self::parse(json.get())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn text_is_kept_and_units_are_exact() {
        let thirty_digits = "123456789012345678901234567890";
        for (text, decimals, units) in [
            ("3109.88", 2, Some(310_988)),
            ("2859.88", 2, Some(285_988)),
            ("250.00", 2, Some(25_000)),
            ("250.00", 0, Some(250)),
            ("0", 2, Some(0)),
            ("-0", 2, Some(0)),
            ("0.00", 0, Some(0)),
            ("0e999999999", 2, Some(0)),
            ("1e2", 2, Some(10_000)),
            ("1E+2", 0, Some(100)),
            ("12.5e-1", 2, Some(125)),
            ("0.1", 1, Some(1)),
            ("0.3", 2, Some(30)),
            ("0.30000000000000004", 2, None),
            ("0.30000000000000004", 17, Some(30_000_000_000_000_004)),
            ("-19.99", 2, Some(-1_999)),
            ("1.005", 2, None),
            ("1.005", 3, Some(1_005)),
            ("1100", 3, Some(1_100_000)),
            // Above 2^53, where a float would be off by one.
            ("90071992547409.93", 2, Some(9_007_199_254_740_993)),
            ("9223372036854775807", 0, Some(i64::MAX)),
            ("9223372036854775808", 0, None),
            ("-9223372036854775808", 0, Some(i64::MIN)),
            ("-92233720368547758.09", 2, None),
            (thirty_digits, 2, None),
            ("0.000000000000000000000000000001", 2, None),
            ("0.000000000000000000000000000001", 30, Some(1)),
            ("1e2147483647", 255, None),
            ("1e-2147483648", 255, None),
        ] {
            let number = decimal(text);
            assert_eq!(number.as_str(), text);
            assert_eq!(number.to_string(), text);
            assert_eq!(
                number.to_minor_units(decimals),
                units.map(MinorUnits),
                "{text}"
            );
        }
    }

    #[test]
    fn only_json_numbers_are_read() {
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-01",
            ".5",
            "5.",
            "1e",
            "1e+",
            "1e+-2",
            "1.e2",
            "e2",
            "0x10",
            "1_000",
            "1,5",
            " 1",
            "1 ",
            "NaN",
            "Infinity",
            "--1",
            "1e2147483648",
            "1.2.3",
            "1e2e3",
            "١",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn comparison_is_by_value() {
        let ascending = [
            "-1e400",
            "-250.01",
            "-250",
            "-0.1",
            "0",
            "0.09",
            "0.1",
            "0.11",
            "2.5",
            "25",
            "30",
            "250",
            "250.000001",
            "1000",
            "1e400",
        ];
        for pair in ascending.windows(2) {
            assert!(decimal(pair[0]) < decimal(pair[1]), "{pair:?}");
        }
        for same in ["250", "250.00", "2.5e2", "0.25E+3"] {
            assert_eq!(decimal(same), decimal("250"));
        }
        assert_eq!(decimal("-0.0"), decimal("0"));
    }

    #[test]
    fn a_very_long_number_is_harmless() {
        let text = "7".repeat(1_000_000);
        assert_eq!(decimal(&text).to_minor_units(2), None);
        assert!(decimal(&text) > decimal("1e999999"));
    }

    proptest! {
        #[test]
        fn cents_come_back(units in any::<i64>()) {
            let (whole, cents) = (units / 100, (units % 100).abs());
            let sign = if units < 0 && whole == 0 { "-" } else { "" };
            let number = decimal(&format!("{sign}{whole}.{cents:02}"));
            prop_assert_eq!(number.to_minor_units(2), Some(MinorUnits(units)));
        }

        #[test]
        fn order_is_that_of_the_units(a in any::<i64>(), b in any::<i64>()) {
            let (x, y) = (decimal(&a.to_string()), decimal(&format!("{b}.0")));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+]?[0-9.eE+-]{0,24}") {
            let json = serde_json::from_str::<&RawValue>(&text);
            let parsed = Decimal::parse(&text);
            prop_assert!(parsed.is_none() || json.is_ok());
            if let Some(number) = parsed {
                let _ = number.to_minor_units(2);
            }
        }
    }
}
