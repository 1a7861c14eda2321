//! What it costs to read id, type and entity out of the body.

use core::time::Duration;
use std::hint::black_box;

use bytes::Bytes;
use countersign_core::{
    Timestamp,
    scheme::{IdenticalBodies, Part, Scheme},
};
use countersign_senders::invoice_maker;
use ring::hmac;
use serde::de::IgnoredAny;

use crate::{
    report::{Budget, Section, figure},
    requests::{self, SECRET},
    turns::in_turns,
    verification::{verifier, verify},
};

/// Invoice Maker's scheme without its pointers, so that the difference is what they cost.
const BARE: Scheme = Scheme::body_hmac("X-Webhook-Signature")
    .signed(&[Part::Timestamp, Part::Literal("."), Part::Body])
    .time_header("X-Webhook-Timestamp")
    .tolerance(Duration::from_secs(300))
    .identical_bodies(IdenticalBodies::Events)
    .declare();

/// A webhook of 1.5 KB with escapes, numbers, lists and objects.
pub const ENVELOPE: &str = r#"{"id":"evt_8f14e45fceea167a5a36dedd4bea2543","type":"invoice.paid","created_at":"2026-04-01T10:30:00.000Z","api_version":"2026-01-15","data":{"id":"inv_6512bd43d9caa6e02c990b0a82652dca","invoice_number":"INV-2026-0042","status":"paid","currency":"USD","issue_date":"2026-03-18","due_date":"2026-04-17","customer_id":"cus_c20ad4d76fe97759aa27a0c99bff6710","business_id":"biz_c51ce410c124a10e0db5e4b97fc2af39","customer":{"name":"Acme \"Tools\" GmbH","email":"accounts@acme.example","address":{"line1":"Hauptstra\u00dfe 12","city":"Berlin","postal_code":"10827","country":"DE"},"tax_id":"DE136695976"},"items":[{"description":"Consulting, March 2026","quantity":16,"unit_price":145.50,"tax_rate":19,"amount":2328.00},{"description":"Travel, flat rate","quantity":1,"unit_price":285.35,"tax_rate":19,"amount":285.35},{"description":"Hosting and on-call, one month\nincludes two incidents","quantity":1,"unit_price":0,"tax_rate":19,"amount":0}],"subtotal":2613.35,"tax_total":496.53,"discount_total":0,"total":3109.88,"amount_paid":3109.88,"amount_due":0,"notes":"Thank you. Please quote the invoice number with your transfer; payments without it may take a week to be matched.","payment":{"method":"bank_transfer","reference":"TRF-99381-22","received_at":"2026-04-01T10:29:41.000Z"},"metadata":{"project":"orion","cost_center":"4711","po_number":"PO-2026-118"},"public_url":"https://invoices.example.org/i/6512bd43d9caa6e02c990b0a82652dca","created_at":"2026-03-18T08:15:12.000Z","updated_at":"2026-04-01T10:30:00.000Z"}}"#;

/// A request with the envelope as its body.
pub fn request() -> http::Request<()> {
    let tag = hmac::sign(
        &requests::key(),
        format!("1760000000.{ENVELOPE}").as_bytes(),
    );
    requests::head(
        ENVELOPE.len(),
        &[
            ("x-webhook-timestamp", "1760000000"),
            ("x-webhook-id", "6d7b6a34-3d0e-4f55-b1a5-0a6d4e6f2c11"),
            ("x-webhook-signature", &hex::encode(tag.as_ref())),
        ],
    )
}

/// The cost beside a walk over the body by `serde_json` that keeps nothing.
pub fn in_body() -> Section {
    let body = Bytes::from_static(ENVELOPE.as_bytes());
    let request = request();
    let now = Timestamp::from_unix_seconds(1_760_000_000);
    let (with, without) = (
        verifier(invoice_maker::SCHEME, SECRET),
        verifier(BARE, SECRET),
    );
    let [with, without, scan] = in_turns([
        &mut || verify(&with, &request, &body, now),
        &mut || verify(&without, &request, &body, now),
        &mut || {
            serde_json::from_slice::<IgnoredAny>(black_box(&body)).unwrap();
        },
    ]);
    let row = |what: &str, nanos| vec![what.to_owned(), figure(nanos)];
    Section {
        title: "Id, type and entity out of the body",
        text: "Invoice Maker's scheme over a body of 1.5 KB, with its pointers and without, in ns; beside a walk over the \
               same body by `serde_json` that keeps nothing.",
        columns: ["what", "ns"].map(str::to_owned).to_vec(),
        rows: vec![
            row("with pointers", with),
            row("without", without),
            row("the difference", with - without),
            row("serde_json's scan", scan),
        ],
        budgets: vec![Budget::at_most(
            "the difference, of the scan",
            (with - without) / scan,
            1.2,
        )],
        plot: None,
    }
}
