//! What a message says, and that it is an event to others' eyes.

use cloudevents::{AttributesReader, Data, Event, binding::http::to_event};
use countersign_core::DeliveryKey;
use countersign_handoff::{Envelope, Handed};
use countersign_senders::{invoice_maker, rebill_za};
use countersign_testkit::Sender;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    engine::Engine,
    site::{SECRET, Site, paid},
};

pub(crate) async fn has_the_exact_bytes_and_what_was_proved(engine: &impl Engine) {
    let site = Site::new(engine.publisher(engine.addr()).await);
    let sender = Sender::with_secret(rebill_za::SCHEME, SECRET);
    // Bytes that no reader and writer of JSON leaves as they are, and a type that its body denies.
    let odd = "\u{feff}{ \"id\": \"inv\\u005f1\",\t\"status\":\"paid\",  \"n\": 1.0e2 }\n";
    let denied = r#"{"id":"inv_2","status":"draft"}"#;
    assert_eq!(
        site.send(&sender.raw("invoice.paid", "dlv_1", odd)).await,
        200
    );
    assert_eq!(
        site.send(&sender.raw("invoice.paid", "dlv_2", denied))
            .await,
        200
    );
    // The same bytes under another id, of a type that repeats.
    for id in ["dlv_3", "dlv_4"] {
        let updated = sender.raw("invoice.updated", id, r#"{"id":"inv_3"}"#);
        assert_eq!(site.send(&updated).await, 200);
    }
    assert_eq!(site.send(&paid("forged").tampered()).await, 401);

    let messages = engine.messages().await;
    assert_eq!(messages.len(), 4);
    let first = &messages[0];
    assert_eq!(first.body().unwrap(), odd.as_bytes());
    assert_eq!(first.key(), DeliveryKey::for_id("rebill", None, "dlv_1"));
    assert_eq!(
        (first.endpoint(), first.scheme()),
        ("rebill", rebill_za::SCHEME.name())
    );
    assert_eq!((first.id(), first.id_is_signed()), (Some("dlv_1"), false));
    let name = first.event_type().unwrap();
    assert_eq!((name.as_str(), name.is_signed()), ("invoice.paid", false));
    assert!(first.body_is_signed() && !first.is_suspect() && !first.is_contradicted());
    assert_eq!((first.matched_key(), first.tenant()), ("first", None));
    assert_eq!((first.subject(), first.time()), (Some("inv_1"), None));
    assert_eq!(
        (first.attempt(), first.content_type()),
        (1, "application/json")
    );
    assert!(first.fence().as_u64() > 0);
    let age = countersign_core::Timestamp::now().saturating_since(first.proved_at());
    assert!(age.as_secs() < 60, "{age:?}");
    assert!(messages[1].is_contradicted());
    assert!(!messages[2].is_suspect() && messages[3].is_repeat());

    // The same typed events as in a handler.
    let read = |at: usize| Handed::<rebill_za::Event>::read(messages[at].clone()).unwrap();
    assert!(
        matches!(read(0).event(), rebill_za::Event::InvoicePaid(invoice)
        if invoice.id.as_ref().unwrap().as_str() == "inv_1")
    );
    assert!(matches!(read(1).event(), rebill_za::Event::Unproved { .. }));
    assert!(matches!(
        read(2).event(),
        rebill_za::Event::InvoiceUpdated(_)
    ));
    let json = Handed::<serde_json::Value>::read(first.clone()).unwrap();
    assert_eq!(json.event()["n"], 100.0);
    assert!(Handed::<invoice_maker::Event>::read(first.clone()).is_err());
    assert!(Handed::<Vec<u8>>::read(first.clone()).is_err());

    for message in &messages {
        is_an_event_to_the_sdk(message);
    }
}

/// The SDK reads it in both modes, and finds the same.
fn is_an_event_to_the_sdk(message: &Envelope) {
    let structured: Event = serde_json::from_slice(&message.to_json()).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in message.headers() {
        // The one name that the bindings of HTTP and of NATS have differently.
        let name = match name.as_str() {
            "ce-datacontenttype" => "content-type",
            name => name,
        };
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        assert!(
            headers
                .insert(name, HeaderValue::from_str(&value).unwrap())
                .is_none()
        );
    }
    let body = message.body().unwrap().to_vec();
    let binary = to_event(&headers, body.clone()).unwrap();
    for event in [&structured, &binary] {
        assert_eq!(event.specversion().as_str(), "1.0");
        assert_eq!(event.id(), message.message_id());
        assert_eq!(event.source(), "rebill");
        assert_eq!(event.ty(), message.event_type().unwrap().as_str());
        assert_eq!(event.datacontenttype(), Some("application/json"));
        let entity = event.extension("partitionkey").unwrap();
        assert_eq!(entity.to_string(), message.subject().unwrap());
        match event.data().unwrap() {
            Data::Binary(data) => assert_eq!(data, &body),
            // The SDK has read it already.
            Data::Json(data) => {
                let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(data, &json);
            }
            Data::String(data) => panic!("{data}"),
        }
        for (name, _) in event.iter_extensions() {
            let plain = |at: char| at.is_ascii_lowercase() || at.is_ascii_digit();
            assert!(name.chars().all(plain) && name.len() <= 20, "{name}");
        }
    }
    let names = |event: &Event| {
        let mut names: Vec<_> = event
            .iter_extensions()
            .map(|(name, _)| name.to_owned())
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&structured), names(&binary));
}
