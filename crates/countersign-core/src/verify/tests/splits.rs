//! Whatever a scheme signs, its bytes are the parts of one request and of no other: for random schemes over every
//! kind of part, and bytes that are cut at every place.

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::{mac, scheme::TimeUnit, verify::freshness::parse_time};

const HEADERS: [&str; 2] = ["X-A", "X-B"];
const ADDRESS: &str = "https://a.example/[1]";

/// A scheme's parts around the body, before they are known to build.
#[derive(Clone, Debug)]
struct Plan {
    before: Vec<Part>,
    after: Vec<Part>,
    json: bool,
    unit: TimeUnit,
    digits: Option<usize>,
    length: Option<usize>,
    secret: bool,
}

/// What stands for the parts of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Values<'m> {
    id: Option<&'m [u8]>,
    time: Option<&'m [u8]>,
    headers: [Option<&'m [u8]>; 2],
    body: Option<&'m [u8]>,
}

fn part() -> impl Strategy<Value = Part> {
    let literals = [".", ":", "", "0", "-", "{", "}", "T", "a."].map(Part::Literal);
    let values = [
        Part::Id,
        Part::Timestamp,
        Part::Header(HEADERS[0]),
        Part::Header(HEADERS[1]),
    ];
    prop_oneof![
        3 => select(values.to_vec()),
        2 => select(literals.to_vec()),
        1 => Just(Part::Url),
        1 => Just(Part::Secret),
    ]
}

/// What is before the body: anything, and often what senders have there.
fn before() -> impl Strategy<Value = Vec<Part>> {
    prop_oneof![
        4 => vec(part(), 0..4),
        1 => Just(vec![Part::Id, Part::Timestamp]),
        1 => Just(vec![Part::Timestamp, Part::Header(HEADERS[0]), Part::Secret]),
    ]
}

prop_compose! {
    fn plan()(
        before in before(),
        after in vec(part(), 0..3),
        json in prop::bool::weighted(0.7),
        unit in select(vec![
            TimeUnit::Seconds,
            TimeUnit::Millis,
            TimeUnit::Rfc3339,
            TimeUnit::Rfc3339WithoutZone,
        ]),
        digits in select(vec![None, None, Some(1), Some(2)]),
        length in select(vec![None, None, Some(1), Some(3)]),
    ) -> Plan {
        let secret = before.iter().chain(&after).any(|part| *part == Part::Secret);
        Plan { before, after, json, unit, digits, length, secret }
    }
}

impl Plan {
    /// The scheme, where it builds.
    fn scheme(&self) -> Option<Scheme> {
        let parts = [&*self.before, &[Part::Body], &*self.after].concat();
        let signs = |part| parts.contains(&part);
        let mut scheme = Scheme::body_hmac("X-Sig").signed(parts.clone().leak());
        scheme = match signs(Part::Id) {
            true => scheme.signed_id_header("X-Id"),
            false => scheme.id_header("X-Id"),
        };
        if signs(Part::Timestamp) {
            scheme = scheme.time_header("X-Time");
            scheme = match self.unit {
                TimeUnit::Millis => scheme.time_in_millis(),
                TimeUnit::Rfc3339 => scheme.time_in_rfc3339(),
                TimeUnit::Rfc3339WithoutZone => scheme.time_in_rfc3339_without_zone(),
                TimeUnit::Seconds => scheme,
            };
            if let Some(digits) = self.digits.filter(|_| !self.unit.is_date()) {
                scheme = scheme.time_digits(digits);
            }
        }
        if let Some(length) = self.length.filter(|_| signs(Part::Id)) {
            scheme = scheme.id_length(length);
        }
        if self.json {
            scheme = scheme.json_body();
        }
        if self.secret {
            scheme = scheme.algorithm(Algorithm::PlainSha256);
        }
        scheme.build().ok()
    }
}

/// Texts that look like the ends and beginnings of parts.
fn text() -> impl Strategy<Value = String> {
    let pieces = [
        "1",
        "12",
        "a",
        "{",
        "}",
        "[",
        "]",
        ".",
        ":",
        "-",
        "0",
        "T",
        "Z",
        "-11-27T",
        "{}",
        "2026-11-27T10:11:12Z",
        "2026-11-27T10:11:12",
        "a.",
        "[1]",
        KEY,
    ];
    vec(select(pieces.to_vec()), 1..4).prop_map(|pieces| pieces.concat())
}

fn time(unit: TimeUnit, at: u8, digits: Option<usize>) -> String {
    let dates = [
        "2026-11-27T10:11:12",
        "2026-11-27T10:11:12.5",
        "0001-01-01T00:00:00.11",
    ];
    let zones = ["Z", "+01:00", "-11:27"];
    let at = usize::from(at);
    match unit {
        TimeUnit::Rfc3339 => format!("{}{}", dates[at % 3], zones[at / 3 % 3]),
        TimeUnit::Rfc3339WithoutZone => dates[at % 3].to_owned(),
        TimeUnit::Seconds | TimeUnit::Millis => {
            let digits = digits.unwrap_or(1 + at % 4);
            "12010"[..digits].to_owned()
        }
    }
}

/// Cuts a message into the scheme's parts in every way, a part that occurs twice the same each time.
fn cut<'m>(
    scheme: &Scheme,
    parts: &[Part],
    rest: &'m [u8],
    values: &Values<'m>,
    found: &mut Vec<Values<'m>>,
) {
    let Some((part, parts)) = parts.split_first() else {
        if rest.is_empty() {
            found.push(values.clone());
        }
        return;
    };
    let constant = match part {
        Part::Literal(text) => Some(text.as_bytes()),
        Part::Url => Some(ADDRESS.as_bytes()),
        Part::Secret => Some(KEY.as_bytes()),
        _ => None,
    };
    if let Some(constant) = constant {
        if let Some(rest) = rest.strip_prefix(constant) {
            cut(scheme, parts, rest, values, found);
        }
        return;
    }
    for len in 0..=rest.len() {
        let (value, rest) = rest.split_at(len);
        let mut values = values.clone();
        let slot = match part {
            Part::Id => &mut values.id,
            Part::Timestamp => &mut values.time,
            Part::Header(name) => &mut values.headers[usize::from(*name == HEADERS[1])],
            _ => &mut values.body,
        };
        // Headers are not empty, and times are times.
        let unit = scheme.time_unit().unwrap_or(TimeUnit::Seconds);
        let possible = match part {
            Part::Body => true,
            Part::Timestamp => parse_time(value, unit).is_some(),
            _ => !value.is_empty(),
        };
        if possible && slot.is_none_or(|known| known == value) {
            *slot = Some(value);
            cut(scheme, parts, rest, &values, found);
        }
    }
}

fn judge(verifier: &Verifier, values: &Values<'_>, tag: &str) -> bool {
    let body = values.body.unwrap_or_default();
    let mut request = Request::new(body.to_vec()).with("X-Sig", tag);
    for (name, value) in [
        ("X-Id", values.id),
        ("X-Time", values.time),
        (HEADERS[0], values.headers[0]),
        (HEADERS[1], values.headers[1]),
    ] {
        if let Some(value) = value {
            request = request.with(name, value);
        }
    }
    request.judge(verifier).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, max_global_rejects: 1_000_000, ..Default::default() })]

    #[test]
    fn signed_bytes_are_one_request_and_no_other(
        plan in plan(),
        texts in [text(), text(), text(), text()],
        at in any::<u8>(),
        wrapped in prop::bool::weighted(0.8),
    ) {
        let Some(scheme) = plan.scheme() else {
            return Err(TestCaseError::reject("it does not build"));
        };
        let mut builder = builder(scheme);
        if scheme.signed().contains(&Part::Url) {
            builder = builder.url(ADDRESS);
        }
        let verifier = builder.build().unwrap();
        let [mut id, first, second, body] = texts;
        if let Some(length) = scheme.id_length() {
            id = id.chars().cycle().take(length).collect();
        }
        let time = time(plan.unit, at, scheme.time_digits());
        let body = match wrapped && plan.json {
            true => format!("{{{body}}}"),
            false => body,
        };
        let message: Vec<u8> = scheme.signed().iter().flat_map(|part| match part {
            Part::Literal(text) => text.bytes(),
            Part::Url => ADDRESS.bytes(),
            Part::Secret => KEY.bytes(),
            Part::Id => id.bytes(),
            Part::Timestamp => time.bytes(),
            Part::Header(name) if *name == HEADERS[0] => first.bytes(),
            Part::Header(_) => second.bytes(),
            _ => body.bytes(),
        }).collect();
        let tag = match plan.secret {
            true => const_hex::encode(mac::sha256(&message)),
            false => tag(&message),
        };
        let mut cuts = Vec::new();
        cut(&scheme, scheme.signed(), &message, &Values::default(), &mut cuts);
        cuts.retain(|values| judge(&verifier, values, &tag));
        prop_assert!(cuts.len() <= 1, "{:?}: {cuts:?}", scheme.signed());
    }
}
