use bytes::Bytes;
use proptest::prelude::*;
use time::macros::{date, datetime};

use super::*;
use crate::events::{Decimal, EntityKind, EventInput, MinorUnits};

const NAMES: [&str; 25] = [
    "invoice.created",
    "invoice.updated",
    "invoice.sent",
    "invoice.paid",
    "invoice.overdue",
    "invoice.cancelled",
    "invoice.deleted",
    "quotation.created",
    "quotation.updated",
    "quotation.sent",
    "quotation.accepted",
    "quotation.rejected",
    "quotation.expired",
    "quotation.converted",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "expense.created",
    "expense.updated",
    "expense.approved",
    "expense.paid",
    "expense.deleted",
    "recurring_invoice.generated",
    "recurring_invoice.failed",
    "recurring_invoice.completed",
];

/// The fields and values of the sender's sample, with ids of our own.
const PAID: &str = r#"{
  "id": "evt_80e0a4bcb0534c21967f50c54602433e",
  "type": "invoice.paid",
  "created_at": "2026-04-01T10:30:00.000Z",
  "business_id": "0b4d1f6e-8a52-4f0c-9d37-1c2e3f4a5b6c",
  "data": {
    "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "invoice_number": "INV-00001",
    "total": 3109.88,
    "status": "paid",
    "previous_status": "sent",
    "invoice": {
      "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
      "invoice_number": "INV-00001",
      "status": "paid",
      "issue_date": "2026-03-01",
      "due_date": "2026-03-31",
      "currency": "USD",
      "subtotal": 2859.88,
      "tax_amount": 250.00,
      "discount_amount": 0,
      "total": 3109.88,
      "amount_paid": 3109.88,
      "notes": null,
      "lines": [{"unit_price": 1.10}]
    }
  }
}"#;

fn decode(name: &str, body: impl Into<Bytes>) -> Event {
    let body = body.into();
    Event::decode(EventInput {
        name: Some(name),
        contradicted: false,
        ping: false,
        body: &body,
        json: &body,
    })
}

fn paid(body: &str) -> Envelope<InvoiceData> {
    match decode("invoice.paid", body.to_owned()) {
        Event::InvoicePaid(event) => event.into_inner(),
        other => panic!("{other:?}"),
    }
}

fn units(amount: Option<&Decimal>) -> Option<i64> {
    amount?.to_minor_units(2).map(MinorUnits::get)
}

#[test]
fn every_documented_name_has_its_variant() {
    assert_eq!(EventType::ALL.len(), NAMES.len());
    for (kind, name) in EventType::ALL.iter().zip(NAMES) {
        assert_eq!(kind.as_str(), name);
        assert_eq!(EventType::from_name(name), Some(*kind));
        let body = PAID.replace("invoice.paid", name);
        let event = decode(name, body.clone());
        assert_eq!(event.event_type(), Some(*kind));
        assert_eq!(event.name(), name);
        assert_eq!(event.raw(), &body);
        assert_eq!(event.occurred_at(), Some(datetime!(2026-04-01 10:30 UTC)));
        assert_eq!(
            event.entity().is_some(),
            name.starts_with("invoice."),
            "{name}"
        );
    }
}

#[test]
fn the_sample_is_read() {
    let event = paid(PAID);
    let id = InvoiceId::from("7c9e6679-7425-40de-944b-e07fc1f90ae7");
    assert_eq!(
        event.id,
        Some(EventId::from("evt_80e0a4bcb0534c21967f50c54602433e"))
    );
    assert_eq!(event.event_type.as_deref(), Some("invoice.paid"));
    assert_eq!(event.created_at, Some(datetime!(2026-04-01 10:30 UTC)));
    assert_eq!(
        event.business_id,
        Some(BusinessId::from("0b4d1f6e-8a52-4f0c-9d37-1c2e3f4a5b6c"))
    );

    let data = event.data.as_ref().unwrap();
    assert_eq!(data.id.as_ref(), Some(&id));
    assert_eq!(data.invoice_number.as_deref(), Some("INV-00001"));
    assert_eq!(units(data.total.as_ref()), Some(310_988));
    assert_eq!(data.status, Some(InvoiceStatus::Paid));
    assert_eq!(data.previous_status, Some(InvoiceStatus::Sent));

    let invoice = event.invoice().unwrap();
    assert_eq!(invoice.id.as_ref(), Some(&id));
    assert_eq!(invoice.issue_date, Some(date!(2026 - 03 - 01)));
    assert_eq!(invoice.due_date, Some(date!(2026 - 03 - 31)));
    assert_eq!(invoice.currency.as_deref(), Some("USD"));
    assert_eq!(units(invoice.subtotal.as_ref()), Some(285_988));
    let tax = invoice.tax_amount.as_ref().unwrap();
    assert_eq!((tax.as_str(), units(Some(tax))), ("250.00", Some(25_000)));
    assert_eq!(units(invoice.discount_amount.as_ref()), Some(0));
    assert_eq!(invoice.total, invoice.amount_paid);
    assert_eq!(invoice.notes, None);
    assert_eq!(invoice.customer_id, None);

    let event = decode("invoice.paid", PAID);
    let entity = event.entity().unwrap();
    assert_eq!((entity.kind, entity.id), (EntityKind::Invoice, id.as_str()));
}

#[test]
fn amounts_are_kept_as_they_were_sent() {
    for (json, cents) in [
        ("3109.88", Some(310_988)),
        ("0", Some(0)),
        ("250.00", Some(25_000)),
        ("1e2", Some(10_000)),
        ("0.1", Some(10)),
        ("0.2", Some(20)),
        ("0.30000000000000004", None),
        ("-12.50", Some(-1_250)),
        ("90071992547409.93", Some(9_007_199_254_740_993)),
        ("123456789012345678901234567890", None),
        ("0.123456789012345678901234567890", None),
    ] {
        let event = paid(&format!(r#"{{"data":{{"total": {json} }}}}"#));
        let total = event.data.unwrap().total.unwrap();
        assert_eq!(total.as_str(), json);
        assert_eq!(units(Some(&total)), cents, "{json}");
    }
    for json in [
        r#""3109.88""#,
        "null",
        "true",
        "[1]",
        "{}",
        r#"{"$serde_json::private::Number":"1"}"#,
    ] {
        let event = paid(&format!(r#"{{"data":{{"id":"i","total":{json}}}}}"#));
        let data = event.data.unwrap();
        assert_eq!((data.id.is_some(), data.total), (true, None), "{json}");
    }
}

#[test]
fn data_of_other_families_is_json() {
    let event = decode(
        "customer.created",
        r#"{"id":"evt_1","created_at":"2026-04-01T10:30:00.5+02:00","data": {"name" : "x"} }"#,
    );
    let Event::CustomerCreated(customer) = &event else {
        panic!("{event:?}");
    };
    assert_eq!(
        customer.data.as_ref().unwrap().as_str(),
        r#"{"name" : "x"}"#
    );
    assert_eq!(
        event.occurred_at(),
        Some(datetime!(2026-04-01 08:30:00.5 UTC))
    );
    assert_eq!(event.entity(), None);
    let Event::ExpensePaid(expense) = decode("expense.paid", r#"{"data":null}"#) else {
        panic!("not an expense");
    };
    assert_eq!(*expense, Envelope::default());
}

#[test]
fn wrong_fields_are_missing_and_the_rest_is_read() {
    for wrong in [
        "1",
        "null",
        "[]",
        r#""x""#,
        r#"{"id":1}"#,
        r#"{"invoice":[]}"#,
    ] {
        let event = paid(&format!(
            r#"{{"id":"evt_1","created_at":"soon","type":5,"data":{wrong}}}"#
        ));
        assert_eq!(event.id, Some(EventId::from("evt_1")));
        assert_eq!((event.created_at, &event.event_type), (None, &None));
        assert!(
            event.data.is_none_or(|data| data == InvoiceData::default()),
            "{wrong}"
        );
    }
    assert_eq!(paid("{}"), Envelope::default());
    assert_eq!(decode("invoice.paid", "{}").occurred_at(), None);
}

#[test]
fn ambiguous_objects_are_not_read() {
    let twice = PAID.replacen("\"type\"", "\"\\u0069d\"", 1);
    assert!(
        matches!(decode("invoice.paid", twice), Event::Unknown { name, .. } if name == "invoice.paid")
    );
    let invoice_twice = PAID.replace("\"discount_amount\"", "\"total\"");
    let event = paid(&invoice_twice);
    assert_eq!(event.invoice(), None);
    assert!(event.data.unwrap().total.is_some());
    let data_twice = PAID.replace("\"previous_status\"", "\"status\"");
    assert_eq!(paid(&data_twice).data, None);
}

#[test]
fn an_entity_needs_ids_that_agree() {
    let entity = |data: &str| {
        let event = decode("invoice.sent", format!(r#"{{"data":{data}}}"#));
        event.entity().map(|entity| entity.id.to_owned())
    };
    assert_eq!(
        entity(r#"{"id":"a","invoice":{"id":"a"}}"#).as_deref(),
        Some("a")
    );
    assert_eq!(entity(r#"{"id":"a"}"#).as_deref(), Some("a"));
    assert_eq!(entity(r#"{"invoice":{"id":"b"}}"#).as_deref(), Some("b"));
    assert_eq!(entity(r#"{"id":"a","invoice":{"id":"b"}}"#), None);
    assert_eq!(entity(r#"{"id":""}"#), None);
}

#[test]
fn what_is_not_one_object_is_unknown() {
    let bodies: [&[u8]; 7] = [
        b"",
        b"null",
        b"[]",
        b"{",
        b"{}x",
        b"{\"id\":\"\xff\"}",
        b"nonsense",
    ];
    for body in bodies {
        let event = decode("invoice.paid", body);
        assert!(
            matches!(&event, Event::Unknown { name, raw } if name == "invoice.paid" && raw == body)
        );
        assert_eq!((event.event_type(), event.occurred_at()), (None, None));
    }
    for name in ["", "INVOICE.PAID", "quotation.deleted", "webhook.test"] {
        assert!(matches!(decode(name, PAID), Event::Unknown { name: got, .. } if got == name));
    }
}

#[test]
fn contradictions_and_pings_are_never_the_claimed_variant() {
    let body = Bytes::from_static(PAID.as_bytes());
    for kind in EventType::ALL {
        let event = Event::decode(EventInput {
            name: Some(kind.as_str()),
            contradicted: true,
            ping: false,
            body: &body,
            json: &body,
        });
        assert!(matches!(&event, Event::Unproved { claimed, .. } if claimed == kind));
        assert_eq!((event.event_type(), event.entity()), (None, None));
    }
    let ping = Event::decode(EventInput {
        name: Some("ping"),
        contradicted: false,
        ping: true,
        body: &Bytes::new(),
        json: &[],
    });
    assert!(matches!(ping, Event::Ping { raw } if raw.is_empty()));
}

#[test]
fn nesting_costs_no_stack() {
    const LEVELS: usize = 100_000;
    for (open, inner, close) in [
        ("[", "", "]"),
        (r#"{"data":"#, "1", "}"),
        (r#"{"invoice":"#, "{}", "}"),
    ] {
        let deep = format!("{}{inner}{}", open.repeat(LEVELS), close.repeat(LEVELS));
        for field in ["id", "type", "created_at", "business_id", "data", "unknown"] {
            for name in ["invoice.paid", "expense.paid"] {
                let event = decode(name, format!(r#"{{"{field}":{deep}}}"#));
                assert_eq!(event.name(), name);
                assert!(event.event_type().is_some(), "{field}");
                assert_eq!(event.entity(), None);
            }
        }
        for field in ["total", "status", "invoice", "unknown"] {
            let event = paid(&format!(r#"{{"data":{{"id":"a","{field}":{deep}}}}}"#));
            assert_eq!(
                event.data.unwrap().id,
                Some(InvoiceId::from("a")),
                "{field}"
            );
        }
    }
}

#[test]
fn debug_stays_short() {
    let shown = format!("{:?}", decode("invoice.paid", PAID));
    assert_eq!(
        shown,
        format!("InvoicePaid {{ bytes: {}, .. }}", PAID.len())
    );
    let long = format!(r#"{{"data":"{}"}}"#, "x".repeat(1_000_000));
    let Event::ExpensePaid(expense) = decode("expense.paid", long) else {
        panic!("not an expense");
    };
    assert!(format!("{:?}", *expense).len() < 200);
}

fn documented() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&NAMES[..])
}

proptest! {
    #[test]
    fn any_bytes_under_any_name_have_a_variant(
        listed in documented(),
        other in any::<String>(),
        body in proptest::collection::vec(any::<u8>(), 0..200),
        contradicted in any::<bool>(),
        ping in any::<bool>(),
    ) {
        let body = Bytes::from(body);
        for name in [None, Some(listed), Some(other.as_str())] {
            let event = Event::decode(EventInput { name, contradicted, ping, body: &body, json: &body });
            prop_assert_eq!(event.raw(), &body);
            let _ = (format!("{event:?}"), event.entity(), event.occurred_at(), event.name());
        }
    }

    #[test]
    fn damaged_samples_have_a_variant(
        name in documented(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut body = PAID.as_bytes().to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        let event = decode(name, body.clone());
        prop_assert_eq!(event.raw(), &body);
        let _ = (event.entity(), event.occurred_at());
    }
}
