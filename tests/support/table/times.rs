//! Signed times: their form, and how far off they may be.

use super::{NOW, Row, Setup, accepted, invoice, refused, stripe};
use crate::raw::Request;

pub(super) fn rows() -> Vec<Row> {
    use Setup::{InvoiceMaker, Stripe};
    let paid_at = |offset: i64| {
        let time = (NOW + offset).to_string();
        Request::of(&Stripe.sender().sign_with_time(&stripe(), &time))
    };
    let sender = InvoiceMaker.sender();
    let delivery = invoice();
    // All of these are signed with the time that they carry.
    let at = |text: &str| Request::of(&sender.sign_with_time(&delivery, text));
    let seconds = |offset: i64| at(&(NOW + offset).to_string());
    let header = "X-Webhook-Timestamp";
    let refuse = |name, why, request| refused(name, InvoiceMaker, why, request);
    vec![
        refuse(
            "time empty",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at(""),
        ),
        refuse(
            "time negative",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at("-1775000000"),
        ),
        refuse(
            "time +5",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at("+5"),
        ),
        refuse(
            "time with a blank",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at("1775000000 0"),
        ),
        refuse(
            "time not a number",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at("soon"),
        ),
        refuse(
            "time with a fraction",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at("1775000000.5"),
        ),
        refuse(
            "time 2^63",
            "signed time is in the future: X-Webhook-Timestamp: by 9223370261854775 s (allowed 300)",
            at("9223372036854775808"),
        ),
        refuse(
            "time i64::MIN",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at("-9223372036854775808"),
        ),
        refuse(
            "time of 30 digits",
            "header is malformed: X-Webhook-Timestamp: the time is not 1 to 20 plain digits",
            at(&"9".repeat(30)),
        ),
        refuse(
            "time in milliseconds",
            "signed time is in the future: X-Webhook-Timestamp: the time has 13 digits: milliseconds where seconds are due",
            at(&format!("{NOW}000")),
        ),
        refused(
            "stamped anew, and 301 s old",
            Stripe,
            "signed time is too old: Stripe-Signature: by 301 s (allowed 300)",
            paid_at(-301),
        ),
        accepted("stamped anew, and 300 s old", Stripe, paid_at(-300)),
        accepted("301 s old, perhaps a retry", InvoiceMaker, seconds(-301)),
        refuse(
            "301 s ahead",
            "signed time is in the future: X-Webhook-Timestamp: by 301 s (allowed 300)",
            seconds(301),
        ),
        accepted("300 s old", InvoiceMaker, seconds(-300)),
        accepted("300 s ahead", InvoiceMaker, seconds(300)),
        accepted(
            "time with a leading zero, signed as sent",
            InvoiceMaker,
            at(&format!("0{NOW}")),
        ),
        refuse(
            "time missing",
            "header is missing: X-Webhook-Timestamp",
            Request::of(&delivery.without_header(header)),
        ),
        refuse(
            "time repeated",
            "header is repeated: X-Webhook-Timestamp: it occurs more than once",
            Request::of(&delivery.with_added_header(header, &NOW.to_string())),
        ),
        refuse(
            "time changed after signing",
            "no key matches the signature",
            Request::of(&delivery.with_header(header, &(NOW + 1).to_string())),
        ),
    ]
}
