//! What tells deliveries apart, and what a claim is made of.

use super::*;
use crate::{
    DeliveryKey, OnRepeat,
    identity::{self, Identity},
    scheme::{
        EventRule, IdenticalBodies, SchemeError,
        samples::{BASE64_KEY, LATE_RETRIES},
    },
};

const KEEP: Duration = Duration::from_secs(7);

/// A body-only sender with ids, types and entities.
const ACME: SchemeBuilder = Scheme::body_hmac("X-Sig")
    .id_header("X-Id")
    .event_header("X-Event")
    .subject_pointer("/order/id")
    .events(&[EventRule::once("paid"), EventRule::repeats("updated")]);

fn request(body: &str, id: Option<&str>, event: Option<&str>) -> Request {
    let mut request = Request::new(body.to_owned()).with("X-Sig", tag(body.as_bytes()));
    if let Some(id) = id {
        request = request.with("X-Id", id);
    }
    if let Some(event) = event {
        request = request.with("X-Event", event);
    }
    request
}

fn identity(scheme: SchemeBuilder, request: &Request) -> Identity {
    let verified = received(&receiver(scheme), request).unwrap();
    Identity::of(&verified, KEEP)
}

const ORDER: &str = r#"{"order":{"id":"o_1"},"due":3}"#;

#[test]
fn the_id_alone_is_the_key() {
    let one = identity(ACME, &request(ORDER, Some("a"), Some("paid")));
    assert_eq!(one.key, DeliveryKey::for_id("test", None, "a"));
    for other in [
        request("{}", Some("a"), Some("paid")),
        request(ORDER, Some("a"), Some("updated")),
        request(ORDER, Some("a"), None),
    ] {
        assert_eq!(identity(ACME, &other).key, one.key);
    }
    assert_ne!(
        identity(ACME, &request(ORDER, Some("b"), Some("paid"))).key,
        one.key
    );
}

#[test]
fn without_its_id_a_delivery_is_its_body() {
    let key = |body: &str| identity(ACME, &request(body, None, Some("paid"))).key;
    assert_eq!(
        key(ORDER),
        DeliveryKey::for_body("test", None, ORDER.as_bytes())
    );
    assert_eq!(key(ORDER), key(ORDER));
    assert_ne!(key(ORDER), key("{}"));
    let verified = |id| received(&receiver(ACME), &request(ORDER, id, None)).unwrap();
    assert!(identity::is_known_by_body(&verified(None)));
    assert!(!identity::is_known_by_body(&verified(Some("a"))));
}

#[test]
fn where_bodies_are_events_each_request_is_its_own() {
    let decided = |bodies| Scheme::body_hmac("X-Sig").identical_bodies(bodies);
    let copies = decided(IdenticalBodies::Copies { within: KEEP });
    let receivers = [receiver(copies), receiver(decided(IdenticalBodies::Events))];
    let verified = |receiver| received(receiver, &request("{}", None, None)).unwrap();
    let [copies, events] = receivers.each_ref().map(|receiver| {
        let (first, second) = (verified(receiver), verified(receiver));
        // Asked for again, it is the same.
        assert_eq!(first.key(), first.key());
        assert!(Identity::of(&first, KEEP).aliases.is_empty());
        (
            first.key() == second.key(),
            identity::is_known_by_body(&first),
        )
    });
    assert_eq!((copies, events), ((true, true), (false, false)));
    let usual = Duration::from_secs(99);
    let [copies, events] = receivers
        .each_ref()
        .map(|receiver| identity::retention(&verified(receiver), usual));
    assert_eq!(copies, KEEP);
    assert!(!events.is_zero() && events < usual);
    let with_id = received(&receiver(ACME), &request("{}", Some("a"), None)).unwrap();
    assert_eq!(identity::retention(&with_id, usual), usual);
}

#[test]
fn an_unsigned_id_has_an_alias_for_each_key_and_type() {
    let receiver = receiver(ACME);
    let of = |request: &Request| Identity::of(&received(&receiver, request).unwrap(), KEEP).aliases;
    let paid = of(&request(ORDER, Some("a"), Some("paid")));
    assert_eq!(paid.len(), 1);
    assert_eq!(of(&request(ORDER, Some("b"), Some("paid"))), paid);
    assert_eq!(of(&request(ORDER, None, Some("paid"))), paid);
    let updated = of(&request(ORDER, Some("a"), Some("updated")));
    assert_ne!(updated, paid);
    assert_ne!(of(&request("{}", Some("a"), Some("paid"))), paid);
    // Whoever writes the type may write any: those of no list are one.
    let unlisted = of(&request(ORDER, Some("a"), Some("x")));
    assert_eq!(of(&request(ORDER, Some("a"), Some("y"))), unlisted);
    assert_eq!(of(&request(ORDER, Some("a"), None)), unlisted);
    assert!(unlisted != paid && unlisted != updated);

    // The key of before the rotation has one too, so that what it signed is recognised after it.
    let hour = Duration::from_secs(3_600);
    let keyring = receiver.verifier().keyring().unwrap();
    let now = Timestamp::from_unix_seconds(NOW);
    keyring
        .rotate_at(Secret::new("another").unwrap(), hour, now)
        .unwrap();
    let both = of(&request(ORDER, Some("a"), Some("paid")));
    assert_eq!(both.len(), 2);
    assert!(both.contains(&paid[0]));
}

#[test]
fn a_signed_id_has_no_aliases_unless_it_is_missing() {
    assert!(BASE64_KEY.id_is_signed());
    let full = identity(FULL, &Request::full(ORDER));
    assert!(full.aliases.is_empty() && full.subject.is_none());
    let verified = Request::full(ORDER)
        .judge(receiver(FULL).verifier())
        .unwrap();
    assert!(verified.id_is_signed());
    let unsigned = request(ORDER, Some("a"), None)
        .judge(receiver(ACME).verifier())
        .unwrap();
    assert!(!unsigned.id_is_signed());

    let signed = |body: &str| {
        let scheme = LATE_RETRIES;
        let receiver = builder(scheme).build().unwrap();
        let message = format!("{NOW}.{body}");
        let request = Request::new(body.to_owned())
            .with("X-Webhook-Signature", tag(message.as_bytes()))
            .with("X-Webhook-Timestamp", NOW.to_string());
        Identity::of(&received(&receiver, &request).unwrap(), KEEP)
    };
    let named = signed(r#"{"id":"evt_1","type":"invoice.paid","data":{"id":"inv_1"}}"#);
    assert!(named.aliases.is_empty() && named.subject.is_none());
    let nameless = signed(r#"{"type":"invoice.paid","data":{"id":"inv_1"}}"#);
    assert_eq!(nameless.aliases.len(), 1);
    assert!(nameless.subject.is_some());
}

#[test]
fn the_subject_is_the_entity_and_the_type_decides_of_repeats() {
    let of = |scheme, event| identity(scheme, &request(ORDER, Some("a"), event)).subject;
    let paid = of(ACME, Some("paid")).unwrap();
    assert_eq!(paid.key, DeliveryKey::for_subject("test", None, "o_1"));
    assert_eq!((paid.on_repeat, paid.keep), (OnRepeat::Suppress, KEEP));
    let updated = of(ACME, Some("updated")).unwrap();
    assert_eq!((updated.key, updated.on_repeat), (paid.key, OnRepeat::Run));
    for event in [Some("of.no.list"), None] {
        assert_eq!(of(ACME, event).unwrap().on_repeat, OnRepeat::Run);
        let strict = of(ACME.unlisted_events_once(), event).unwrap();
        assert_eq!(strict.on_repeat, OnRepeat::Suppress);
    }
    let strict = of(ACME.unlisted_events_once(), Some("updated")).unwrap();
    assert_eq!(strict.on_repeat, OnRepeat::Run);

    // No entity to be named: none is.
    for body in [
        r#"{"order":{}}"#,
        r#"{"order":{"id":null}}"#,
        "[]",
        "not JSON",
    ] {
        let none = identity(ACME, &request(body, Some("a"), Some("paid")));
        assert_eq!((none.subject, none.aliases.len()), (None, 1), "{body}");
    }
    let of_none = Scheme::body_hmac("X-Sig").id_header("X-Id");
    assert_eq!(of(of_none, None), None);
    let verified = request(ORDER, Some("a"), None)
        .judge(receiver(ACME).verifier())
        .unwrap();
    assert_eq!(verified.subject(), Some("o_1"));
}

#[test]
fn the_mark_is_of_the_body_alone_and_stays_what_it_is() {
    let mark = |request: &Request| identity(ACME, request).fingerprint;
    let one = mark(&request(ORDER, Some("a"), Some("paid")));
    assert_eq!(mark(&request(ORDER, None, None)), one);
    assert_ne!(mark(&request("{}", Some("a"), Some("paid"))), one);
    // Rows of earlier versions are compared with it: XXH3 of the body, 64 bits.
    assert_eq!(identity::fingerprint(b""), 0x2d06_8005_38d3_94c2);
    // Where each retry has another signature, the body is the same.
    let full = identity(FULL, &Request::full(ORDER));
    assert_eq!(full.fingerprint, one);
}

#[test]
fn a_proof_says_what_is_signed_and_shows_no_content() {
    let body = r#"{"type":"paid","name":"Ada"}"#;
    let full = Request::full(body).with("X-Attempt", "try_2");
    let verified = full.judge(receiver(FULL).verifier()).unwrap();
    let event = verified.event_type().unwrap();
    assert_eq!((event.as_str(), event.is_signed()), ("paid", true));
    assert_eq!(verified.attempt_id(), Some("try_2"));
    let claimed = request(body, Some("a"), Some("paid"))
        .judge(receiver(ACME).verifier())
        .unwrap();
    assert!(!claimed.event_type().unwrap().is_signed());
    assert_eq!(claimed.attempt_id(), None);
    let debug = format!("{verified:?}");
    assert!(debug.contains("matched_key: \"key-1\"") && debug.contains("body_len: 28"));
    assert!(!debug.contains("Ada"), "{debug}");
}

#[test]
fn fields_that_are_named_are_the_key_where_all_are_there() {
    const FIELDS: &[&str] = &["/event", "/payload/id", "/x"];
    let copies = IdenticalBodies::Copies { within: KEEP };
    let scheme = Scheme::body_hmac("X-Sig").identical_bodies(copies);
    let receiver = receiver(scheme.content_key(FIELDS));
    let of = |body: &str| {
        let verified = received(&receiver, &request(body, None, None)).unwrap();
        assert!(identity::is_known_by_body(&verified));
        let identity = Identity::of(&verified, KEEP);
        (identity.key, identity.fingerprint)
    };
    let body = |event: &str, id: &str, x: &str| {
        format!(r#"{{"event":{event},"payload":{{"id":{id},"at":0}},"x":{x}}}"#)
    };
    let one = of(&body(r#""a""#, "1", "true"));
    // Another writing, and other fields: the same event, of which a store sees no other bytes.
    for same in [
        r#"{"x":true,"event":"\u0061","payload":{"at":99,"id":1}}"#,
        r#" {"event":"a","payload":{"id":1},"x":true,"due":4} "#,
    ] {
        assert_eq!(of(same), one);
    }
    let others = [
        // Another value, another kind of value, and text that moved from one field to the next.
        body(r#""a""#, "2", "true"),
        body(r#""a""#, r#""1""#, "true"),
        body(r#""a""#, "1", r#""true""#),
        body(r#""a""#, "1", "false"),
        body(r#""a""#, "1.0", "true"),
        body(r#""a""#, "-1", "true"),
        body(r#""a1""#, r#""""#, "true"),
        body(r#""""#, r#""a1""#, "true"),
        body(r#""as1""#, r#""""#, "true"),
        body("1", r#""a""#, "true"),
        // Not all are there, or one is nothing to rely on: the bytes are the key.
        body(r#""a""#, "null", "true"),
        body(r#""a""#, "[1]", "true"),
        body(r#""a""#, "{}", "true"),
        r#"{"event":"a","payload":{"id":1}}"#.to_owned(),
        r#"{"event":"a","payload":{"id":1},"x":true,"x":true}"#.to_owned(),
        r#"{"event":"a","payload":[{"id":1}],"x":true}"#.to_owned(),
        r#"{"event":"a","payload":{"id":1},"x":true"#.to_owned(),
        r#"[{"event":"a","payload":{"id":1},"x":true}]"#.to_owned(),
    ];
    let keys: Vec<_> = others.iter().map(|body| of(body)).collect();
    for (at, key) in keys.iter().enumerate() {
        assert_ne!(*key, one, "{}", others[at]);
        assert!(!keys[..at].contains(key), "{}", others[at]);
    }
    for (key, body) in keys.iter().zip(&others).skip(10) {
        assert_eq!(key.0, DeliveryKey::for_body("test", None, body.as_bytes()));
    }
}

#[test]
fn an_application_names_fields_of_its_own() {
    let copies = IdenticalBodies::Copies { within: KEEP };
    let of_scheme = Scheme::body_hmac("X-Sig")
        .identical_bodies(copies)
        .content_key(&["/a"]);
    let builder = |scheme: SchemeBuilder| builder(scheme.build().unwrap());
    let receiver = builder(of_scheme).content_key(&["/b"]).build().unwrap();
    let key = |body: &str| {
        let request = request(body, None, None);
        received(&receiver, &request).unwrap().key()
    };
    assert_eq!(key(r#"{"a":1,"b":2}"#), key(r#"{"a":3,"b":2}"#));
    assert_ne!(key(r#"{"a":1,"b":2}"#), key(r#"{"a":1,"b":3}"#));
    for (scheme, fields, due) in [
        (ACME, &["/a"][..], SchemeError::ContentKeyWithId),
        (of_scheme, &[], SchemeError::InvalidContentKey),
        (of_scheme, &["a"], SchemeError::InvalidContentKey),
        (
            of_scheme
                .content_key(&[])
                .identical_bodies(IdenticalBodies::Events),
            &["/a"],
            SchemeError::ContentKeyOfEvents,
        ),
    ] {
        let refused = builder(scheme).content_key(fields).build().unwrap_err();
        assert_eq!(refused, ConfigError::ContentKey(due));
    }
}
