//! What handlers make of a body: the events of a sender, behind its own receiver and behind another's; types
//! that the body contradicts; and bodies that are not of the expected form.

use countersign_testkit::SignedDelivery;
use serde_json::{Value, json};

use super::{NOTHING, RAN, Reads, Row, Setup, Step, bytes, refusal, step};
use crate::{raw::Request, servers::PATH};

const GIVEN_BACK: &[&str] = &["claim", "release", "claim", "release"];

/// A paid invoice of whatever sender the receiver trusts.
fn paid(setup: Setup) -> SignedDelivery {
    let body =
        json!({"id": "evt_1", "type": "invoice.paid", "status": "paid", "data": {"id": "inv_1"}});
    let sender = setup.sender();
    sender
        .delivery_with_id("invoice.paid", "evt_1", body)
        .to(PATH)
}

fn rebill(event: &str, body: Value) -> Request {
    let sender = Setup::Rebill.sender();
    Request::of(&sender.delivery_with_id(event, "dlv_1", body).to(PATH))
}

/// The handler runs and reads this.
fn reads(name: &'static str, setup: Setup, of: Reads, request: Request, read: &'static str) -> Row {
    Row {
        name,
        setup,
        reads: of,
        steps: vec![Step {
            read: Some(read),
            ..step(request, 200, Some("fresh"))
        }],
        runs: 1,
        store: RAN,
        told: NOTHING,
        confused: None,
    }
}

/// The handler does not run, however often the delivery comes: it is given back each time.
fn given_back(
    name: &'static str,
    setup: Setup,
    of: Reads,
    request: &Request,
    why: &'static str,
) -> Row {
    let refused = Step {
        dedup: Some("fresh"),
        ..refusal(request.clone(), why)
    };
    Row {
        name,
        setup,
        reads: of,
        steps: vec![refused.clone(), refused],
        runs: 0,
        store: GIVEN_BACK,
        told: NOTHING,
        confused: None,
    }
}

/// Another sender's events are a mistake of the application: never discarded, and told by both names.
fn confused(
    name: &'static str,
    setup: Setup,
    of: Reads,
    (wanted, proved): (&'static str, &'static str),
) -> Row {
    let request = Request::of(&paid(setup));
    let why = "handler expects another sender's event";
    Row {
        confused: Some((wanted, proved)),
        ..given_back(name, setup, of, &request, why)
    }
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = own_rows();
    rows.extend(other_rows());
    rows.extend(form_rows());
    rows
}

/// Events behind their own sender's receiver.
fn own_rows() -> Vec<Row> {
    use Setup::{Gateway, InvoiceMaker, Rebill};
    let of = |setup| Request::of(&paid(setup));
    let status = |event, status| rebill(event, json!({"id": "inv_1", "status": status}));
    vec![
        reads(
            "Rebill's event",
            Rebill,
            Reads::Rebill,
            of(Rebill),
            "invoice.paid",
        ),
        reads(
            "Invoice Maker's event",
            InvoiceMaker,
            Reads::InvoiceMaker,
            of(InvoiceMaker),
            "invoice.paid",
        ),
        reads(
            "Rebill's event behind a gateway that has its rules",
            Gateway,
            Reads::Rebill,
            of(Gateway),
            "invoice.paid",
        ),
        reads(
            "a type that the body contradicts",
            Rebill,
            Reads::Rebill,
            status("invoice.paid", "sent"),
            "unproved",
        ),
        reads(
            "a type that the body does not contradict",
            Rebill,
            Reads::Rebill,
            status("invoice.updated", "sent"),
            "invoice.updated",
        ),
        reads(
            "an event that is no JSON",
            Rebill,
            Reads::Rebill,
            Request::of(&bytes("no JSON").with_header("X-Rebill-Event", "invoice.paid")),
            "unproved",
        ),
    ]
}

/// Events behind the receivers of other senders, and bytes, which are nobody's.
fn other_rows() -> Vec<Row> {
    use Setup::{
        Discarding, GatewayWithoutRules, GitHub, InvoiceMaker, InvoiceMakerDiscarding, Own, Rebill,
        StandardWebhooks, Stripe, Svix,
    };
    const REBILL: &str = "rebill-za";
    const MAKER: &str = "invoice-maker";
    let rebill = |name, setup, proved| confused(name, setup, Reads::Rebill, (REBILL, proved));
    let maker = |name, setup, proved| confused(name, setup, Reads::InvoiceMaker, (MAKER, proved));
    let raw = |name, setup| {
        reads(
            name,
            setup,
            Reads::Bytes,
            Request::of(&paid(setup)),
            "bytes",
        )
    };
    vec![
        rebill("Rebill's event at Invoice Maker", InvoiceMaker, MAKER),
        rebill(
            "Rebill's event at Invoice Maker, discarding",
            InvoiceMakerDiscarding,
            MAKER,
        ),
        rebill("Rebill's event at Stripe", Stripe, "stripe"),
        rebill("Rebill's event at GitHub", GitHub, "github"),
        rebill(
            "Rebill's event at Standard Webhooks",
            StandardWebhooks,
            "standard-webhooks",
        ),
        rebill("Rebill's event at Svix", Svix, "svix"),
        rebill("Rebill's event at a company's own sender", Own, "custom"),
        rebill(
            "Rebill's event behind a gateway without its rules",
            GatewayWithoutRules,
            REBILL,
        ),
        maker("Invoice Maker's event at Rebill", Rebill, REBILL),
        maker(
            "Invoice Maker's event at Rebill, discarding",
            Discarding,
            REBILL,
        ),
        maker("Invoice Maker's event at Stripe", Stripe, "stripe"),
        maker("Invoice Maker's event at GitHub", GitHub, "github"),
        maker(
            "Invoice Maker's event at Standard Webhooks",
            StandardWebhooks,
            "standard-webhooks",
        ),
        maker("Invoice Maker's event at Svix", Svix, "svix"),
        maker(
            "Invoice Maker's event at a company's own sender",
            Own,
            "custom",
        ),
        raw("bytes at Rebill", Rebill),
        raw("bytes at Invoice Maker", InvoiceMaker),
        raw("bytes at Stripe", Stripe),
        raw("bytes at GitHub", GitHub),
        raw("bytes at Standard Webhooks", StandardWebhooks),
        raw("bytes at Svix", Svix),
        raw("bytes at a company's own sender", Own),
        raw("bytes behind a gateway", GatewayWithoutRules),
    ]
}

/// Bodies that are not of the expected form, and some that are.
fn form_rows() -> Vec<Row> {
    use Setup::{Discarding, Rebill};
    let body = |text: &'static str| Request::of(&bytes(text));
    let odd = r#"{"id": 7}"#;
    let discarded = |name, text| Row {
        name,
        setup: Discarding,
        reads: Reads::Own,
        steps: vec![
            step(body(text), 200, Some("discarded")),
            step(body(text), 200, Some("duplicate")),
        ],
        runs: 0,
        store: &["claim", "complete", "claim"],
        told: &["discarded"],
        confused: None,
    };
    let why = "body is not of the expected form";
    vec![
        reads(
            "a body of the expected form",
            Rebill,
            Reads::Own,
            body(r#"{"id": "inv_1"}"#),
            "inv_1",
        ),
        given_back(
            "a body of another form",
            Rebill,
            Reads::Own,
            &body(odd),
            why,
        ),
        given_back(
            "a body that is no JSON",
            Rebill,
            Reads::Own,
            &body("no JSON"),
            why,
        ),
        given_back("no body at all", Rebill, Reads::Own, &body(""), why),
        discarded("a body of another form, discarded", odd),
        discarded("a body that is no JSON, discarded", "no JSON"),
    ]
}
