//! A message says the same after it was written and read, whatever a sender puts into its fields.

use countersign_core::{
    FromHanded, MemoryStore, Raw, Receiver, ReceiverBuilder, Scheme, Secret, SystemClock,
    scheme::{IdenticalBodies, Procedure, Signed, Unproved, Unreadable},
};
use countersign_handoff::{Envelope, Handed, HandedError, envelope::MalformedKind};
use countersign_senders::{github, rebill_za};
use countersign_testkit::{Sender, SignedDelivery};
use futures_util::{FutureExt, stream};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A sender that names everything in its signed body, in any words.
const ACME: Scheme = Scheme::body_hmac("X-Acme")
    .name("acme")
    .id_pointer("/id")
    .event_pointer("/type")
    .subject_pointer("/about")
    .declare();

fn message(scheme: Scheme, endpoint: &str, delivery: &SignedDelivery) -> Envelope {
    message_of(Receiver::builder(scheme), endpoint, delivery)
}

fn message_of(builder: ReceiverBuilder, endpoint: &str, delivery: &SignedDelivery) -> Envelope {
    let receiver = builder
        .endpoint(endpoint)
        .secret(Secret::new("secret").unwrap())
        .store(MemoryStore::new())
        .build()
        .unwrap();
    receiver.attach(SystemClock::new(|_| Box::pin(async {})), |_| true);
    let chunks = stream::iter([Ok::<_, ()>(delivery.body().clone())]);
    let received = receiver.receive(&delivery.request(), chunks).now_or_never();
    let run = receiver.admit(received.unwrap().unwrap()).now_or_never();
    Envelope::of(run.unwrap().unwrap().admitted())
}

/// Signs the first line and not the body.
#[derive(Debug)]
struct FirstLine;

impl Procedure for FirstLine {
    fn name(&self) -> &'static str {
        "first-line"
    }

    fn headers(&self) -> &'static [&'static str] {
        &["X-Sig"]
    }

    fn read(&self, request: &Unproved<'_>, signed: &mut Signed) -> Result<(), Unreadable> {
        let line = request.body().split(|&byte| byte == b'\n').next();
        let tag = request.header("X-Sig").ok_or(Unreadable("no signature"))?;
        signed.prove(line.unwrap_or_default().to_vec(), tag)
    }
}

pub(crate) const LINES: Scheme = Scheme::signed_by(&FirstLine)
    .name("lines")
    .signature_header("X-Sig")
    .content_types(&["text/plain"])
    .identical_bodies(IdenticalBodies::Events)
    .declare();

fn lines(body: &str) -> Envelope {
    let sender = Sender::with_secret(LINES, "secret");
    let delivery = sender.raw("", "", body.to_owned());
    let delivery = delivery.with_header("content-type", "text/plain");
    let builder = Receiver::builder(LINES).accept_unsigned_body();
    message_of(builder, "lines", &delivery)
}

fn acme(endpoint: &str, body: &Value) -> Envelope {
    let delivery = Sender::with_secret(ACME, "secret").raw("", "", body.to_string());
    message(ACME, endpoint, &delivery)
}

fn comes_back(message: &Envelope) {
    assert_eq!(
        Envelope::from_json(&message.to_json()).as_ref(),
        Ok(message)
    );
    let headers: Vec<_> = message.headers().collect();
    for (name, value) in &headers {
        // Nothing ends a header, or begins another.
        assert!(
            value.bytes().all(|byte| byte.is_ascii_graphic()),
            "{name}: {value}"
        );
    }
    let pairs = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let body = message.body().unwrap().clone();
    assert_eq!(Envelope::from_headers(pairs, body).as_ref(), Ok(message));
}

/// A text of a sender's: words, and what no header and no attribute may hold.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z._]{1,12}",
        "[ -~]{1,12}",
        any::<String>(),
        "[\\x00-\\x1f\u{7f}-\u{9f}]{1,4}"
    ]
}

proptest! {
    #[test]
    fn every_delivery_comes_back_as_it_was(
        endpoint in text(), id in text(), event in text(), about in text(), more in any::<String>(),
    ) {
        prop_assume!(!endpoint.is_empty() && endpoint.len() <= 128);
        prop_assume!([&id, &event, &about].iter().all(|text| text.len() <= 128));
        let message = acme(&endpoint, &json!({"id": id, "type": event, "about": about, "more": more}));
        // An empty text is none, and an id is then the body's hash.
        let some = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
        prop_assert_eq!(message.id().map(str::to_owned), some(&id));
        prop_assert_eq!(message.subject().map(str::to_owned), some(&about));
        prop_assert_eq!(message.event_type().map(|name| name.as_str().to_owned()), some(&event));
        prop_assert_eq!(message.endpoint(), endpoint);
        comes_back(&message);
    }

    #[test]
    fn no_message_of_others_makes_the_reader_panic(bytes in any::<Vec<u8>>(), cut in any::<u16>()) {
        let _refused = Envelope::from_json(&bytes);
        let mut json = acme("e", &json!({"id": "1"})).to_json();
        json.truncate(usize::from(cut) % json.len());
        prop_assert!(Envelope::from_json(&json).is_err());
        let text = String::from_utf8_lossy(&bytes);
        let _refused = Envelope::from_headers([("ce-id", &*text), ("ce-specversion", "1.0")], "".into());
    }
}

#[test]
fn what_has_no_type_says_so() {
    let message = acme("e", &json!({"id": "1"}));
    assert_eq!(message.event_type(), None);
    let json: Value = serde_json::from_slice(&message.to_json()).unwrap();
    assert_eq!(json["type"], "countersign.untyped");
    // A sender that uses that very name has a type.
    let named = acme("e", &json!({"id": "1", "type": "countersign.untyped"}));
    assert_eq!(named.event_type().unwrap().as_str(), "countersign.untyped");
    comes_back(&named);
    comes_back(&message);
}

#[test]
fn a_form_is_handed_over_as_it_was_and_read_as_its_field() {
    let sender = Sender::with_secret(github::SCHEME, "secret");
    let form = "payload=%7B%22action%22%3A%22opened%22%7D&x=1";
    let delivery = sender.raw("issues", "1", form);
    let delivery = delivery.with_header("content-type", "application/x-www-form-urlencoded");
    let message = message(github::SCHEME, "github", &delivery);
    comes_back(&message);
    assert_eq!(message.content_type(), "application/x-www-form-urlencoded");
    let handed = Handed::<Value>::read(message).unwrap();
    assert_eq!(handed.body(), form);
    assert_eq!(handed.event()["action"], "opened");
}

/// A form whose field is almost all of it is still a form.
#[test]
fn a_short_form_is_not_taken_for_its_field() {
    const SHORT: Scheme = Scheme::body_hmac("X-Short")
        .name("short")
        .id_header("X-Id")
        .content_types(&["application/x-www-form-urlencoded"])
        .form_field("d")
        .declare();
    let sender = Sender::with_secret(SHORT, "secret");
    let delivery = sender.raw("", "1", "d=12");
    let delivery = delivery.with_header("content-type", "application/x-www-form-urlencoded");
    let message = message(SHORT, "short", &delivery);
    assert_eq!(message.content_type(), "application/x-www-form-urlencoded");
    assert_eq!(*Handed::<Value>::read(message).unwrap().event(), json!(12));
}

/// Whoever reads the body of such a sender reads what anybody may have changed.
#[test]
fn what_was_proved_in_place_of_the_body_is_handed_over_beside_it() {
    let message = lines("paid\n a note of anybody's");
    assert!(!message.body_is_signed());
    assert_eq!(message.proved_message().unwrap(), "paid");
    assert_eq!(message.body().unwrap(), "paid\n a note of anybody's");
    comes_back(&message);
    // Where the body is signed, it is that.
    assert_eq!(acme("e", &json!({"id": "1"})).proved_message(), None);
    let mut json: Value = serde_json::from_slice(&message.to_json()).unwrap();
    json["proved"] = json!("%");
    let read = Envelope::from_json(json.to_string().as_bytes()).map_err(|error| error.kind());
    assert_eq!(read, Err(MalformedKind::Unreadable));
}

/// A stream of NATS takes 64 KiB of headers, and refuses a message with more for ever.
#[test]
fn what_was_proved_is_in_a_header_where_it_fits() {
    for (length, fits) in [(24 * 1_024, true), (24 * 1_024 + 1, false)] {
        let line = "a".repeat(length);
        let message = lines(&format!("{line}\nb"));
        let json = Envelope::from_json(&message.to_json()).unwrap();
        assert_eq!(json.proved_message().unwrap(), line.as_bytes());
        let headers: Vec<_> = message.headers().collect();
        let all: usize = headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        assert!(all < 40_000, "{all}");
        let pairs = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let body = message.body().unwrap().clone();
        let binary = Envelope::from_headers(pairs, body).unwrap();
        assert_eq!(binary.proved_message().is_some(), fits);
        assert!(!binary.body_is_signed());
    }
}

/// Rules of the process that proved it are not needed: the consumer has its own.
#[test]
fn a_consumer_judges_types_by_its_own_rules() {
    const BEHIND_A_GATEWAY: Scheme = Scheme::body_hmac("X-Rebill-Signature")
        .name(rebill_za::SCHEME.name())
        .prefix("sha256=")
        .id_header("X-Rebill-Delivery")
        .event_header("X-Rebill-Event")
        .declare();
    let sender = Sender::with_secret(BEHIND_A_GATEWAY, "secret");
    let denied = sender.raw("invoice.paid", "1", r#"{"id":"inv_1","status":"draft"}"#);
    let message = message(BEHIND_A_GATEWAY, "rebill", &denied);
    assert!(!message.is_contradicted(), "nobody looked");
    let handed = Handed::<rebill_za::Event>::read(message).unwrap();
    assert!(
        matches!(handed.event(), rebill_za::Event::Unproved { .. }),
        "{handed:?}"
    );
}

#[test]
fn what_is_no_message_is_refused() {
    let message = acme("e", &json!({"id": "1", "type": "a"}));
    let json: Value = serde_json::from_slice(&message.to_json()).unwrap();
    let object = json.as_object().unwrap();
    let kind =
        |json: &Value| Envelope::from_json(json.to_string().as_bytes()).map_err(|e| e.kind());
    for name in object.keys() {
        let mut less = object.clone();
        less.remove(name);
        let read = kind(&Value::Object(less));
        match name.as_str() {
            "specversion" => assert_eq!(read, Err(MalformedKind::NoEvent), "{name}"),
            "signed" => assert!(!read.unwrap().body_is_signed()),
            "deliveryid" => assert_eq!(read.unwrap().id(), None),
            _ => assert_eq!(read, Err(MalformedKind::Missing), "{name}"),
        }
    }
    for (name, value) in [
        ("id", json!("1")),
        ("fence", json!("+1")),
        ("attempt", json!(-1)),
        ("provedat", json!("yesterday")),
        ("signed", json!("everything")),
        ("recurrence", json!("often")),
        ("contradicted", json!("perhaps")),
        ("payload", json!("some")),
        ("data_base64", json!("%")),
    ] {
        let mut other = object.clone();
        other.insert(name.to_owned(), value);
        let read = kind(&Value::Object(other));
        assert_eq!(read, Err(MalformedKind::Unreadable), "{name}");
    }
    for twice in [
        json.to_string().replacen('{', r#"{"scheme":"other","#, 1),
        json.to_string().replacen('{', r#"{"data_base64":"","#, 1),
        json.to_string().replacen('{', r#"{"x":[],"#, 1),
        format!("{json}{{}}"),
    ] {
        let read = Envelope::from_json(twice.as_bytes()).map_err(|error| error.kind());
        assert_eq!(read, Err(MalformedKind::NoEvent), "{twice}");
    }
    let mut headers: Vec<_> = message.headers().collect();
    headers.push(("CE-Scheme".to_owned(), "other".to_owned()));
    let pairs = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let read = Envelope::from_headers(pairs, "{}".into()).map_err(|error| error.kind());
    assert_eq!(read, Err(MalformedKind::Twice));
    let error = Handed::<Raw>::from_json(b"{}").unwrap_err();
    assert!(matches!(error, HandedError::Malformed(_)));
}

/// Whatever the message says, its event is of the sender that was asked for, or refused.
#[test]
fn an_event_of_another_sender_is_refused() {
    fn reads<T: FromHanded>(message: &Envelope) -> bool {
        Handed::<T>::read(message.clone()).is_ok()
    }
    let message = acme("e", &json!({"id": "1", "type": "invoice.paid"}));
    assert!(reads::<Raw>(&message) && reads::<Value>(&message));
    assert!(!reads::<rebill_za::Event>(&message));
}
