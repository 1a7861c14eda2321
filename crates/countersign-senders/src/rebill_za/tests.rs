use bytes::Bytes;
use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::events::{BasisPoints, EntityKind, EventInput, MinorUnits};

const NAMES: [&str; 19] = [
    "invoice.created",
    "invoice.updated",
    "invoice.sent",
    "invoice.paid",
    "invoice.payment_received",
    "invoice.cancelled",
    "invoice.deleted",
    "quote.created",
    "quote.updated",
    "quote.sent",
    "quote.accepted",
    "quote.declined",
    "quote.expired",
    "quote.converted",
    "quote.deleted",
    "client.created",
    "client.updated",
    "client.deleted",
    "payment.received",
];

const INVOICE: &str = r#"{
    "id": "abc123", "public_id": "p9", "created": "2026-03-01T08:15:00Z", "number": "INV0001",
    "currency": "ZAR", "status": "paid_partial", "client_id": "c1",
    "invoice_date": "2026-03-01T00:00:00Z", "due_date": "2026-03-31T00:00:00Z",
    "amount_due": 150000, "items": [{"price": 100, "vat": 1500}], "notes": "", "bank_details": "FNB",
    "deposit_type": "percentage", "deposit_value": 2500, "new_field": {"a": [1]}
}"#;

const QUOTE: &str = r#"{
    "id": "q001", "public_id": "p1", "created": "2026-03-01T08:15:00Z", "number": "Q0001",
    "currency": "NGN", "status": "accepted", "client_id": "c1",
    "quote_date": "2026-03-01T00:00:00Z", "expiry_date": "2026-04-01T00:00:00Z",
    "accepted_at": "2026-03-02T10:00:00Z", "amount": 9007199254740993, "items": [],
    "notes": "n", "deposit_type": "fixed", "deposit_value": 5000
}"#;

const CLIENT: &str = r#"{
    "id": "c1", "public_id": "p2", "name": "Thandi", "surname": "", "email": "t@example.co.za",
    "phone": "+27821234567",
    "billing_address": {"street_1": "1 Long St", "street_2": "", "city": "Cape Town",
        "province": "WC", "postal_code": "8001", "country": "ZA", "geo": [1, 2]},
    "shipping_address": null, "custom_fields": {"vat": "4100"}, "credit_amount": 0,
    "has_password": false, "invoice_prefix": "T", "invoice_count": 12
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

fn invoice(body: &str) -> Invoice {
    match decode("invoice.paid", body.to_owned()) {
        Event::InvoicePaid(invoice) => invoice.into_inner(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_documented_name_has_its_variant() {
    assert_eq!(EventType::ALL.len(), NAMES.len());
    for (kind, name) in EventType::ALL.iter().zip(NAMES) {
        assert_eq!(kind.as_str(), name);
        assert_eq!(kind.to_string(), name);
        assert_eq!(EventType::from_name(name), Some(*kind));
        let event = decode(name, r#"{"id":"x"}"#);
        assert_eq!(event.event_type(), Some(*kind));
        assert_eq!(event.name(), name);
        assert_eq!(event.raw(), &r#"{"id":"x"}"#);
        assert_eq!(event.occurred_at(), None);
        let entity = event
            .entity()
            .map(|entity| (entity.kind.as_str(), entity.id));
        let family = name.split('.').next().unwrap();
        assert_eq!(entity, (family != "payment").then_some((family, "x")));
    }
}

#[test]
fn an_invoice_is_read() {
    let invoice = invoice(INVOICE);
    assert_eq!(invoice.id, Some(InvoiceId::from("abc123")));
    assert_eq!(invoice.public_id.as_deref(), Some("p9"));
    assert_eq!(invoice.created, Some(datetime!(2026-03-01 08:15 UTC)));
    assert_eq!(invoice.number.as_deref(), Some("INV0001"));
    assert_eq!(invoice.currency.as_deref(), Some("ZAR"));
    assert_eq!(invoice.status, Some(InvoiceStatus::PaidPartial));
    assert_eq!(invoice.client_id, Some(ClientId::from("c1")));
    assert_eq!(invoice.invoice_date, Some(datetime!(2026-03-01 00:00 UTC)));
    assert_eq!(invoice.due_date, Some(datetime!(2026-03-31 00:00 UTC)));
    assert_eq!(invoice.amount_due, Some(MinorUnits::new(150_000)));
    let items = invoice.items.as_ref().unwrap();
    assert_eq!(items.as_str(), r#"[{"price": 100, "vat": 1500}]"#);
    assert_eq!(invoice.notes.as_deref(), Some(""));
    assert_eq!(invoice.bank_details.as_deref(), Some("FNB"));
    let deposit = Deposit::Percentage(BasisPoints::new(2_500));
    assert_eq!(invoice.deposit(), Some(deposit));
}

#[test]
fn a_quote_is_read() {
    let event = decode("quote.accepted", QUOTE);
    let Event::QuoteAccepted(quote) = &event else {
        panic!("{event:?}");
    };
    assert_eq!(quote.id, Some(QuoteId::from("q001")));
    assert_eq!(quote.number.as_deref(), Some("Q0001"));
    assert_eq!(quote.status, Some(QuoteStatus::Accepted));
    assert_eq!(quote.accepted_at, Some(datetime!(2026-03-02 10:00 UTC)));
    assert_eq!(quote.declined_at, None);
    // One more than a float can tell apart.
    assert_eq!(quote.amount, Some(MinorUnits::new(9_007_199_254_740_993)));
    assert_eq!(
        quote.deposit(),
        Some(Deposit::Fixed(MinorUnits::new(5_000)))
    );
    assert_eq!(event.entity().unwrap().kind, EntityKind::Quote);
}

#[test]
fn a_client_is_read() {
    let event = decode("client.updated", CLIENT);
    let Event::ClientUpdated(client) = &event else {
        panic!("{event:?}");
    };
    assert_eq!(client.id, Some(ClientId::from("c1")));
    assert_eq!(client.surname.as_deref(), Some(""));
    assert_eq!(client.phone.as_deref(), Some("+27821234567"));
    let billing = client.billing_address.as_ref().unwrap();
    assert_eq!(billing.street_1.as_deref(), Some("1 Long St"));
    assert_eq!(billing.postal_code.as_deref(), Some("8001"));
    assert_eq!(client.shipping_address, None);
    assert_eq!(
        client.custom_fields.as_ref().unwrap().as_str(),
        r#"{"vat": "4100"}"#
    );
    assert_eq!(client.credit_amount, Some(MinorUnits::ZERO));
    assert_eq!(client.has_password, Some(false));
    assert_eq!(client.invoice_count, Some(12));
    assert_eq!(event.entity().unwrap().id, "c1");
}

#[test]
fn the_shape_of_the_marketing_page_is_tolerated() {
    let invoice = invoice(
        r#"{"id":"inv_8fkx92nq","number":"INV-0051","amount":1,"amount_due":2,"vat_amount":3,
            "pdf_url":"https://x","created_at":"2026-03-01T00:00:00Z","due_date":"2026-03-31"}"#,
    );
    assert_eq!(invoice.id, Some(InvoiceId::from("inv_8fkx92nq")));
    assert_eq!(invoice.amount_due, Some(MinorUnits::new(2)));
    // A day without an offset is no point in time.
    assert_eq!(invoice.due_date, None);
    assert_eq!(invoice.created, None);
}

#[test]
fn amounts_are_integers_or_nothing() {
    for (json, units) in [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("-5", Some(-5)),
        ("9223372036854775807", Some(i64::MAX)),
        ("9223372036854775808", None),
        ("123456789012345678901234567890", None),
        // A change of unit looks like this.
        ("1500.00", None),
        ("1e2", None),
        ("0.1", None),
        (r#""150000""#, None),
        ("null", None),
        ("true", None),
        ("[1]", None),
        (r#"{"$serde_json::private::Number":"1"}"#, None),
    ] {
        let invoice = invoice(&format!(r#"{{"id":"a","amount_due":{json}}}"#));
        assert_eq!(invoice.amount_due, units.map(MinorUnits::new), "{json}");
        assert_eq!(invoice.id, Some(InvoiceId::from("a")), "{json}");
    }
}

#[test]
fn wrong_fields_are_missing_and_the_rest_is_read() {
    let wrong = r#"{"id":7,"status":["paid"],"created":1,"items":null,"deposit_type":"half",
        "deposit_value":1,"notes":"\ud800","currency":"ZAR"}"#;
    let read = invoice(wrong);
    let expected = Invoice {
        deposit_type: Some(DepositType::Other("half".to_owned())),
        deposit_value: Some(1),
        currency: Some("ZAR".to_owned()),
        ..Invoice::default()
    };
    assert_eq!(read, expected);
    assert_eq!(read.deposit(), None);
    assert_eq!(invoice("{}"), Invoice::default());
    assert_eq!(invoice(r#" {"id":""} "#), Invoice::default());
    let other = InvoiceStatus::Other("Paid".to_owned());
    assert_eq!(invoice(r#"{"status":"Paid"}"#).status, Some(other));
}

#[test]
fn what_is_not_one_object_is_unknown() {
    let bodies: [&[u8]; 13] = [
        b"",
        b" ",
        b"null",
        b"[]",
        b"[\"abc123\",\"p9\"]",
        b"\"{}\"",
        b"1",
        b"{",
        b"{}{}",
        b"{\"id\":\"a\",}",
        b"{\"id\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
        // Ambiguous: which of the two is signed for?
        b"{\"status\":\"sent\",\"\\u0073tatus\":\"paid\"}",
    ];
    for body in bodies {
        for name in ["invoice.paid", "quote.sent"] {
            let event = decode(name, body);
            assert!(
                matches!(&event, Event::Unknown { name: got, raw } if got == name && raw == body),
                "{}",
                body.escape_ascii()
            );
            assert_eq!((event.event_type(), event.entity()), (None, None));
        }
    }
    let twice = r#"{"id":"a","other":1,"other":2}"#;
    assert!(matches!(
        decode("invoice.paid", twice),
        Event::InvoicePaid(_)
    ));
    let nested = decode(
        "client.created",
        r#"{"id":"c","billing_address":{"city":"a","city":"b"}}"#,
    );
    let Event::ClientCreated(client) = nested else {
        panic!("{nested:?}");
    };
    assert_eq!(
        (client.id.is_some(), &client.billing_address),
        (true, &None)
    );
}

#[test]
fn names_match_exactly() {
    for name in [
        "",
        "ping",
        "Invoice.paid",
        "invoice.paid ",
        "invoice.refunded",
        "invoice.paid\0",
    ] {
        let event = decode(name, INVOICE);
        assert!(matches!(&event, Event::Unknown { name: got, .. } if got == name));
        assert_eq!(event.name(), name);
    }
    let nameless = Event::decode(EventInput {
        name: None,
        contradicted: true,
        ping: false,
        body: &Bytes::new(),
        json: &[],
    });
    assert!(matches!(nameless, Event::Unknown { name, raw } if name.is_empty() && raw.is_empty()));
}

#[test]
fn contradictions_and_pings_are_never_the_claimed_variant() {
    let body = Bytes::from_static(INVOICE.as_bytes());
    let decode = |name, contradicted, ping| {
        Event::decode(EventInput {
            name: Some(name),
            contradicted,
            ping,
            body: &body,
            json: &body,
        })
    };
    for kind in EventType::ALL {
        let event = decode(kind.as_str(), true, false);
        assert!(
            matches!(&event, Event::Unproved { claimed, raw } if claimed == kind && raw == &body)
        );
        assert_eq!((event.event_type(), event.entity()), (None, None));
        assert_eq!(event.name(), "unproved");
    }
    let ping = decode("ping", false, true);
    assert!(matches!(&ping, Event::Ping { raw } if raw == &body));
    assert_eq!((ping.name(), ping.event_type()), ("ping", None));
    assert!(matches!(decode("x", true, false), Event::Unknown { name, .. } if name == "x"));
}

#[test]
fn nesting_costs_no_stack() {
    const LEVELS: usize = 100_000;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let inner = if open == "[" { "" } else { "1" };
        let deep = format!("{}{inner}{}", open.repeat(LEVELS), close.repeat(LEVELS));
        for field in [
            "unknown",
            "notes",
            "status",
            "amount_due",
            "created",
            "deposit_value",
        ] {
            let invoice = invoice(&format!(r#"{{"id":"a","{field}":{deep},"number":"n"}}"#));
            assert_eq!(invoice.number.as_deref(), Some("n"), "{field}");
            assert_eq!(invoice.notes, None);
            assert_eq!(invoice.status, None);
        }
        let items = invoice(&format!(r#"{{"items":{deep}}}"#)).items.unwrap();
        assert_eq!(items.as_str(), deep);
        let client = format!(r#"{{"id":"c","billing_address":{deep},"has_password":{deep}}}"#);
        assert!(matches!(
            decode("client.created", client),
            Event::ClientCreated(_)
        ));
        assert!(matches!(
            decode("payment.received", format!(r#"{{"a":{deep}}}"#)),
            Event::PaymentReceived(_)
        ));
        assert_eq!(
            decode("invoice.paid", deep.clone()).event_type().is_some(),
            open != "["
        );
        assert!(matches!(
            decode("invoice.paid", open.repeat(LEVELS)),
            Event::Unknown { .. }
        ));
    }
}

#[test]
fn debug_shows_no_content_and_stays_short() {
    let shown = format!("{:?}", decode("client.updated", CLIENT));
    assert_eq!(
        shown,
        format!("ClientUpdated {{ bytes: {}, .. }}", CLIENT.len())
    );
    let Event::ClientUpdated(client) = decode("client.updated", CLIENT) else {
        panic!("not a client");
    };
    assert_eq!(
        format!("{client:?}"),
        format!("Payload {{ bytes: {}, .. }}", CLIENT.len())
    );
    let shown = format!("{:?}", *client);
    assert!(
        shown.contains("t@example.co.za") && !shown.contains("4100"),
        "{shown}"
    );

    let long = "x".repeat(1_000_000);
    let shown = format!("{:?}", decode(&long, long.clone()));
    assert!(
        shown.len() < 200 && shown.starts_with("Unknown { name: \"xxx"),
        "{shown}"
    );
    let unproved = Event::decode(EventInput {
        name: Some("invoice.paid"),
        contradicted: true,
        ping: false,
        body: &Bytes::from(long),
        json: &[],
    });
    assert_eq!(
        format!("{unproved:?}"),
        "Unproved { claimed: InvoicePaid, bytes: 1000000, .. }"
    );
}

#[test]
fn events_are_small_and_travel() {
    fn travels<T: Send + Sync + Clone + 'static>() {}
    travels::<Event>();
    assert!(size_of::<Event>() <= 72, "{}", size_of::<Event>());
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
        sample in proptest::sample::select(&[INVOICE, QUOTE, CLIENT][..]),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut body = sample.as_bytes().to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        let event = decode(name, body.clone());
        prop_assert_eq!(event.raw(), &body);
        prop_assert!(event.event_type().is_none_or(|kind| kind.as_str() == name));
    }
}
