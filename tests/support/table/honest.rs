//! Honest events that a rule could drop.

use core::time::Duration;

use serde_json::{Value, json};

use super::{NOTHING, Reads, Row, Setup, Step, accepted, invoice, refused, step};
use crate::{raw::Request, servers::PATH};

pub(super) fn rows() -> Vec<Row> {
    use Setup::{InvoiceMaker, OwnCopies, OwnEvents, Rebill, WrongId};
    const TWO: &[&str] = &["claim", "complete", "claim", "complete"];
    let rebill = |event: &str, id: &str, due: u32| {
        let status = if due == 0 { "paid" } else { "sent" };
        let body = json!({"id": "inv_1", "status": status, "amount_due": due});
        let sender = Rebill.sender();
        let delivery = sender.delivery_with_id(event, id, body).to(PATH);
        step(Request::of(&delivery), 200, Some("fresh"))
    };
    let suppressed = |step: Step| Step {
        dedup: Some("suppressed"),
        ..step
    };
    let own = |setup: Setup, body: Value, dedup| {
        let delivery = setup.sender().delivery("changed", body).to(PATH);
        step(Request::of(&delivery), 200, Some(dedup))
    };
    let constant = || json!({"event": "prices.changed"});
    let entity = |event: &str| json!({"event": event, "data": {"id": "inv_1"}});
    let aged = |by| {
        let sender = InvoiceMaker.sender().behind(Duration::from_secs(by));
        Request::of(&sender.retry(&invoice()))
    };
    vec![
        Row {
            name: "paid, marked unpaid, and paid again with the first bytes",
            setup: Rebill,
            steps: vec![
                rebill("invoice.paid", "dlv_1", 0),
                rebill("invoice.updated", "dlv_2", 300),
                rebill("invoice.paid", "dlv_3", 0),
                suppressed(rebill("invoice.paid", "dlv_4", 0)),
            ],
            runs: 3,
            store: &[
                "claim", "complete", "claim", "complete", "claim", "complete", "claim",
            ],
            told: &["suppressed"],
            reads: Reads::Bytes,
            confused: None,
        },
        Row {
            name: "two events of one payment with one body, twice",
            setup: Rebill,
            steps: vec![
                rebill("payment.received", "dlv_1", 0),
                rebill("invoice.paid", "dlv_2", 0),
                rebill("invoice.updated", "dlv_3", 300),
                rebill("payment.received", "dlv_4", 0),
                rebill("invoice.paid", "dlv_5", 0),
            ],
            runs: 5,
            store: &[
                "claim", "complete", "claim", "complete", "claim", "complete", "claim", "complete",
                "claim", "complete",
            ],
            told: NOTHING,
            reads: Reads::Bytes,
            confused: None,
        },
        Row {
            name: "bodies that are copies",
            setup: OwnCopies,
            steps: vec![
                own(OwnCopies, constant(), "fresh"),
                own(OwnCopies, constant(), "duplicate"),
            ],
            runs: 1,
            store: &["claim", "complete", "claim"],
            told: &["known by body"],
            reads: Reads::Bytes,
            confused: None,
        },
        Row {
            name: "bodies that are events",
            setup: OwnEvents,
            steps: vec![
                own(OwnEvents, constant(), "fresh"),
                own(OwnEvents, constant(), "fresh"),
            ],
            runs: 2,
            store: TWO,
            told: NOTHING,
            reads: Reads::Bytes,
            confused: None,
        },
        Row {
            name: "an entity's id taken for the event's",
            setup: WrongId,
            steps: vec![
                own(WrongId, entity("created"), "fresh"),
                own(WrongId, entity("paid"), "duplicate"),
            ],
            runs: 1,
            store: &["claim", "complete", "claim"],
            told: &["mismatch"],
            reads: Reads::Bytes,
            confused: None,
        },
        accepted("a retry of a day ago", InvoiceMaker, aged(26 * 3_600)),
        refused(
            "older than any retry",
            InvoiceMaker,
            "signed time is too old: X-Webhook-Timestamp: by 100800 s (allowed 97500)",
            aged(28 * 3_600),
        ),
    ]
}
