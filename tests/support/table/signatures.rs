//! Signatures: right, wrong, and malformed in every way.

use countersign_testkit::{Sender, SignedDelivery};

use super::{NOW, Row, Setup, accepted, invoice, paid, rebill, refused, standing, stripe};
use crate::raw::Request;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = signature_rows();
    rows.extend(candidate_rows());
    rows
}

fn signature_rows() -> Vec<Row> {
    use Setup::{InvoiceMaker, Rebill};
    let good = rebill(paid());
    let name = good.signature_header().to_owned();
    let value = good.header(&name).unwrap_or_default().to_owned();
    let hex = value.trim_start_matches("sha256=").to_owned();
    let with = |value: &str| Request::of(&good.with_header(&name, value));
    let bare = good.unsigned();
    let line = |value: &[u8]| {
        let mut line = format!("{name}: ").into_bytes();
        line.extend_from_slice(value);
        Request::lines(&bare, &[&line])
    };
    let mut latin = b"sha256=".to_vec();
    latin.extend_from_slice(&[0xe9; 64]);
    let other = |setup: Setup, delivery: &SignedDelivery| {
        let sender = Sender::with_secret(setup.scheme(), "another secret").with_clock(standing());
        Request::of(&sender.stamp(delivery.clone()))
    };
    vec![
        accepted("Rebill, valid", Rebill, Request::of(&good)),
        accepted(
            "Invoice Maker, valid",
            InvoiceMaker,
            Request::of(&invoice()),
        ),
        refused(
            "Rebill, tampered",
            Rebill,
            "no key matches the signature",
            Request::of(&good.tampered()),
        ),
        refused(
            "Invoice Maker, tampered",
            InvoiceMaker,
            "no key matches the signature",
            Request::of(&invoice().tampered()),
        ),
        refused(
            "Rebill, wrong secret",
            Rebill,
            "no key matches the signature",
            other(Rebill, &good),
        ),
        refused(
            "Invoice Maker, wrong secret",
            InvoiceMaker,
            "no key matches the signature",
            other(InvoiceMaker, &invoice()),
        ),
        refused(
            "signature missing",
            Rebill,
            "header is missing: X-Rebill-Signature",
            Request::of(&bare),
        ),
        refused(
            "signature repeated",
            Rebill,
            "header is repeated: X-Rebill-Signature: it occurs more than once",
            Request::of(&good.with_added_header(&name, &value)),
        ),
        refused(
            "signature empty",
            Rebill,
            "header is malformed: X-Rebill-Signature: the value is empty",
            with(""),
        ),
        refused(
            "signature only its prefix",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 0 characters where 64 hexadecimal digits are due",
            with("sha256="),
        ),
        refused(
            "signature not ASCII",
            Rebill,
            "header is malformed: X-Rebill-Signature: the value holds other bytes than visible ASCII",
            line(&latin),
        ),
        refused(
            "signature of 9 KiB",
            Rebill,
            "header is malformed: X-Rebill-Signature: the value is longer than 8192 bytes",
            line(&[b'a'; 9 * 1024]),
        ),
        refused(
            "wrong prefix",
            Rebill,
            "header is malformed: X-Rebill-Signature: expected \"sha256=\" before the tag",
            with(&format!("sha512={hex}")),
        ),
        refused(
            "sha1 prefix",
            Rebill,
            "header is malformed: X-Rebill-Signature: expected \"sha256=\" before the tag",
            with("sha1=126f2c800419c60137ce748d7672e77b65cf16d6"),
        ),
        refused(
            "no prefix",
            Rebill,
            "header is malformed: X-Rebill-Signature: expected \"sha256=\" before the tag",
            with(&hex),
        ),
        refused(
            "62 digits",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 62 characters where 64 hexadecimal digits are due",
            with(&value[..value.len() - 2]),
        ),
        refused(
            "odd digits",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 63 characters where 64 hexadecimal digits are due",
            with(&value[..value.len() - 1]),
        ),
        refused(
            "66 digits",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 66 characters where 64 hexadecimal digits are due",
            with(&format!("{value}00")),
        ),
        accepted(
            "upper-case digits",
            Rebill,
            with(&format!("sha256={}", hex.to_ascii_uppercase())),
        ),
        refused(
            "base64 where hex is due",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 44 characters where 64 hexadecimal digits are due",
            with("sha256=dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc="),
        ),
        refused(
            "white space in the signature",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 65 characters where 64 hexadecimal digits are due",
            with(&format!("sha256= {hex}")),
        ),
        refused(
            "white space in the digits",
            Rebill,
            "header is malformed: X-Rebill-Signature: a tag of 65 characters where 64 hexadecimal digits are due",
            with(&format!("sha256={} {}", &hex[..32], &hex[32..])),
        ),
    ]
}

fn candidate_rows() -> Vec<Row> {
    use Setup::Stripe;
    let good = stripe();
    let name = good.signature_header().to_owned();
    let value = good.header(&name).unwrap_or_default().to_owned();
    let with = |value: &str| Request::of(&good.with_header(&name, value));
    let wrong = format!("v1={}", "0".repeat(64));
    let many = |count: usize| format!("t={NOW},{}", vec![wrong.as_str(); count].join(","));
    vec![
        accepted("Stripe, valid", Stripe, Request::of(&good)),
        accepted(
            "the right one among wrong ones",
            Stripe,
            with(&value.replacen(',', &format!(",{wrong},"), 1)),
        ),
        accepted(
            "an unlisted version beside",
            Stripe,
            with(&format!("{value},v0=abc")),
        ),
        refused(
            "the right tag under an unlisted version",
            Stripe,
            "header is malformed: Stripe-Signature: the list has no tag under \"v1\"",
            with(&value.replace("v1=", "v0=")),
        ),
        refused(
            "33 candidates",
            Stripe,
            "too many signatures: Stripe-Signature",
            with(&format!("{},{value}", many(33))),
        ),
        refused(
            "10,000 candidates",
            Stripe,
            "header is malformed: Stripe-Signature: the value is longer than 8192 bytes",
            with(&format!("t={NOW}{}", ",v1=a".repeat(10_000))),
        ),
        refused(
            "two times",
            Stripe,
            "header is malformed: Stripe-Signature: expected a list of key=value, parted by \",\", each key once",
            with(&format!("t={NOW},{value}")),
        ),
        refused(
            "a pair without a value",
            Stripe,
            "header is malformed: Stripe-Signature: expected a list of key=value, parted by \",\", each key once",
            with(&format!("{value},v1=")),
        ),
        refused(
            "a word without a pair",
            Stripe,
            "header is malformed: Stripe-Signature: expected a list of key=value, parted by \",\", each key once",
            with(&format!("{value},v1")),
        ),
        refused(
            "no time in the signature",
            Stripe,
            "header is malformed: Stripe-Signature: the list has no time under \"t\"",
            with(value.split_once(',').unwrap_or_default().1),
        ),
    ]
}
