//! What tells deliveries apart: copies, replays, and headers that name them.

use core::time::Duration;

use countersign_testkit::SignedDelivery;
use serde_json::json;

use super::{NOTHING, Reads, Row, Setup, invoice, paid, rebill, refused, step};
use crate::{raw::Request, servers::PATH};

pub(super) fn rows() -> Vec<Row> {
    use Setup::{InvoiceMaker, Rebill};
    let sender = Rebill.sender();
    let good = rebill(paid());
    let id = "X-Rebill-Delivery";
    let event = "X-Rebill-Event";
    let again = |name, setup, first: &SignedDelivery, second: &SignedDelivery, dedup, runs| Row {
        name,
        setup,
        steps: vec![
            step(Request::of(first), 200, Some("fresh")),
            step(Request::of(second), 200, Some(dedup)),
        ],
        runs,
        store: if runs == 1 {
            &["claim", "complete", "claim"]
        } else {
            &["claim", "complete", "claim", "complete"]
        },
        told: match dedup {
            "suppressed" => &["suppressed"],
            _ => NOTHING,
        },
        reads: Reads::Bytes,
        confused: None,
    };
    let updated = sender
        .delivery_with_id("invoice.updated", "dlv_1", paid())
        .to(PATH);
    let no_id = good.without_header(id);
    let stamped_later = InvoiceMaker
        .sender()
        .ahead(Duration::from_secs(60))
        .retry(&invoice());
    let mut latin = format!("{id}: ").into_bytes();
    latin.extend_from_slice(&[0xe9, 0xe9]);
    let other = sender.stamp(good.with_body(r#"{"id":"inv_2","status":"paid"}"#));
    // The mark is signed, and stands before what names the entity.
    let marked = sender.stamp(good.with_body("\u{feff}{\"id\":\"inv_1\",\"status\":\"paid\"}"));
    let ping = sender.delivery("ping", json!({})).to(PATH);
    vec![
        again("the same again", Rebill, &good, &good, "duplicate", 1),
        again(
            "a retry, stamped anew",
            InvoiceMaker,
            &invoice(),
            &stamped_later,
            "duplicate",
            1,
        ),
        again(
            "a replay under a new id",
            Rebill,
            &good,
            &good.with_header(id, "dlv_2"),
            "suppressed",
            1,
        ),
        again(
            "a byte order mark, and its replay under a new id",
            Rebill,
            &marked,
            &marked.with_header(id, "dlv_2"),
            "suppressed",
            1,
        ),
        again(
            "a replay without an id",
            Rebill,
            &good,
            &no_id,
            "suppressed",
            1,
        ),
        again(
            "a repeat of an update under a new id runs",
            Rebill,
            &updated,
            &updated.with_header(id, "dlv_2"),
            "fresh",
            2,
        ),
        again(
            "other bytes under a known id",
            Rebill,
            &good,
            &other,
            "duplicate",
            1,
        )
        .telling(&["mismatch"]),
        again(
            "delivery id missing",
            Rebill,
            &no_id,
            &no_id,
            "duplicate",
            1,
        )
        .telling(&["known by body"]),
        again(
            "event missing",
            Rebill,
            &good.without_header(event),
            &good.without_header(event),
            "duplicate",
            1,
        ),
        refused(
            "delivery id empty",
            Rebill,
            "header is malformed: X-Rebill-Delivery: the value is empty",
            Request::of(&good.with_header(id, "")),
        ),
        refused(
            "delivery id of 257 characters",
            Rebill,
            "header is malformed: X-Rebill-Delivery: the value is longer than 256 bytes",
            Request::of(&good.with_header(id, &"x".repeat(257))),
        ),
        refused(
            "delivery id repeated",
            Rebill,
            "header is repeated: X-Rebill-Delivery: it occurs more than once",
            Request::of(&good.with_added_header(id, "dlv_2")),
        ),
        refused(
            "delivery id not ASCII",
            Rebill,
            "header is malformed: X-Rebill-Delivery: the value holds other bytes than visible ASCII",
            Request::lines(&no_id, &[&latin]),
        ),
        refused(
            "event empty",
            Rebill,
            "header is malformed: X-Rebill-Event: the value is empty",
            Request::of(&good.with_header(event, "")),
        ),
        refused(
            "event repeated",
            Rebill,
            "header is repeated: X-Rebill-Event: it occurs more than once",
            Request::of(&good.with_added_header(event, "invoice.sent")),
        ),
        refused(
            "id in header and body disagree",
            InvoiceMaker,
            "header disagrees with the signed body: X-Webhook-Event-ID",
            Request::of(&invoice().with_header("X-Webhook-Event-ID", "evt_2")),
        ),
        refused(
            "type in header and body disagree",
            InvoiceMaker,
            "header disagrees with the signed body: X-Webhook-Event",
            Request::of(&invoice().with_header("X-Webhook-Event", "invoice.created")),
        ),
        Row {
            name: "ping",
            setup: Rebill,
            steps: vec![step(Request::of(&ping), 200, Some("ping"))],
            runs: 0,
            store: NOTHING,
            told: &["ping"],
            reads: Reads::Bytes,
            confused: None,
        },
    ]
}
