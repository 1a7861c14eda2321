//! Bodies that hold several events: each is claimed, run and remembered by itself, and the request is
//! answered with a success when all of them are done.
#![allow(clippy::unwrap_used, reason = "tests")]

mod processes;

use core::time::Duration;
use std::{collections::BTreeMap, error::Error};

use countersign_core::{
    Scheme, StoreError,
    scheme::{IdenticalBodies, SchemeBuilder},
};
use countersign_testkit::SignedDelivery;
use countersign_tests::{
    kit::{Kit, Tested, in_time, until},
    raw::{Request, Response},
    servers::{PATH, Place, REFUSED},
};
use serde_json::{Value, json};

const fn batch(items: &'static str) -> SchemeBuilder {
    Scheme::body_hmac("X-Batch-Signature").batch(items)
}

/// HubSpot's form: a list, whose items have numbers as ids.
const HUBSPOT: Scheme = batch("")
    .name("hubspot")
    .id_pointer("/eventId")
    .event_pointer("/subscriptionType")
    .declare();
/// SendGrid's form: a list.
const SENDGRID: Scheme = batch("")
    .name("sendgrid")
    .id_pointer("/sg_event_id")
    .event_pointer("/event")
    .declare();
/// Xero's form: a list in an object, whose items have no ids.
const XERO: Scheme = batch("/events")
    .name("xero")
    .identical_bodies(IdenticalBodies::Copies {
        within: Duration::from_secs(2 * 86_400),
    })
    .event_pointer("/eventType")
    .declare();
/// QuickBooks' form: a list of CloudEvents.
const QUICKBOOKS: Scheme = batch("")
    .name("quickbooks")
    .id_pointer("/id")
    .event_pointer("/type")
    .declare();

fn signed(kit: &Kit, body: &Value) -> SignedDelivery {
    kit.sender.raw("", "", body.to_string()).to(PATH)
}

/// A request of HubSpot's with these items, and words for the handlers of some.
fn items(ids: impl IntoIterator<Item = u32>, words: &[(u32, &str)]) -> Value {
    let word = |id: u32| {
        words
            .iter()
            .find(|(of, _)| *of == id)
            .map(|(_, word)| *word)
    };
    ids.into_iter()
        .map(|id| json!({"eventId": id, "subscriptionType": "contact.creation", "told": word(id)}))
        .collect()
}

/// The status, what is said of copies, and why it is refused.
fn said(response: &Response) -> (u16, Option<&str>, Option<&str>) {
    let header = |name| response.header(name);
    (
        response.status,
        header("countersign-dedup"),
        header(REFUSED),
    )
}

const UNFINISHED: (u16, Option<&str>, Option<&str>) =
    (503, None, Some("some items of the batch are not done"));

/// How often each operation was asked for.
fn asked(kit: &Kit) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for operation in kit.store.calls() {
        *counts.entry(operation).or_default() += 1;
    }
    counts
}

fn runs(kit: &Kit) -> Vec<String> {
    kit.desk.runs().into_iter().map(|(id, _)| id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_items_the_one_that_failed_runs_again() -> Tested {
    for place in Place::ALL {
        let kit = Kit::new(HUBSPOT, |builder| builder)?;
        let addr = kit.serve(place).await?;
        let request = Request::of(&signed(&kit, &items(0..100, &[(37, "do:once-fail")])));

        let first = request.send(addr).await?;
        assert_eq!(said(&first), UNFINISHED, "{place:?}");
        assert!(first.header("retry-after").is_some());
        // All of them in their order, those behind the failed one too.
        let all: Vec<String> = (0..100).map(|id| id.to_string()).collect();
        assert_eq!(runs(&kit), all, "{place:?}");
        let counts = [("claim", 100), ("complete", 99), ("release", 1)];
        assert_eq!(asked(&kit), BTreeMap::from(counts), "{place:?}");

        let retry = request.send(addr).await?;
        assert_eq!(said(&retry), (200, Some("fresh"), None), "{place:?}");
        assert_eq!(runs(&kit)[100..], ["37"], "{place:?}");
        let counts = [("claim", 100), ("complete", 1)];
        assert_eq!(asked(&kit), BTreeMap::from(counts), "{place:?}");

        let again = request.send(addr).await?;
        assert_eq!(said(&again), (200, Some("duplicate"), None), "{place:?}");
        assert_eq!(
            (kit.desk.begun(), kit.desk.ended()),
            (101, 101),
            "{place:?}"
        );
        assert_eq!(kit.receiver.running(), 0);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_is_what_its_handler_gets() -> Tested {
    let rows: [(Scheme, Value, &[&str]); 4] = [
        (
            HUBSPOT,
            json!([
                {"eventId": 100, "subscriptionType": "contact.creation", "portalId": 1},
                {"eventId": 101, "subscriptionType": "deal.deletion", "portalId": 1},
            ]),
            &["100", "101"],
        ),
        (
            SENDGRID,
            json!([
                {"sg_event_id": "ZGVsaXZlcmVk", "event": "delivered", "email": "a@example.com"},
                {"sg_event_id": "b3Blbg", "event": "open", "email": "a@example.com"},
            ]),
            &["ZGVsaXZlcmVk", "b3Blbg"],
        ),
        (
            XERO,
            json!({
                "events": [
                    {"resourceId": "717f2bfc", "eventType": "UPDATE", "eventDateUtc": "2017-06-21T01:15:39.902"},
                    {"resourceId": "717f2bfc", "eventType": "UPDATE", "eventDateUtc": "2017-06-21T01:16:00.001"},
                ],
                "firstEventSequence": 1, "lastEventSequence": 2, "entropy": "x",
            }),
            &["", ""],
        ),
        (
            QUICKBOOKS,
            json!([
                {"specversion": "1.0", "id": "88cd52aa", "type": "qbo.customer.created.v1"},
                {"specversion": "1.0", "id": "88cd52ab", "type": "qbo.invoice.created.v1"},
            ]),
            &["88cd52aa", "88cd52ab"],
        ),
    ];
    for place in Place::ADAPTERS {
        for (scheme, body, ids) in &rows {
            let kit = Kit::new(*scheme, |builder| builder)?;
            let addr = kit.serve(place).await?;
            let request = signed(&kit, body);
            // One signature covers all of it.
            let spoilt = Request::of(&request.tampered()).send(addr).await?;
            assert_eq!((spoilt.status, kit.desk.begun()), (401, 0), "{place:?}");
            for due in ["fresh", "duplicate"] {
                let answer = Request::of(&request).send(addr).await?;
                assert_eq!(
                    said(&answer),
                    (200, Some(due), None),
                    "{place:?} {}",
                    scheme.name()
                );
            }
            assert_eq!(runs(&kit), *ids, "{place:?} {}", scheme.name());
        }
    }
    Ok(())
}

#[test]
fn an_items_body_is_its_own_text() -> Result<(), Box<dyn Error>> {
    let kit = Kit::new(XERO, |builder| builder)?;
    let body = r#"{ "events" : [ {"eventType": "UPDATE" , "n":1} ,{"eventType":"CREATE","n":2}] }"#;
    let request = kit.sender.raw("", "", body);
    let verifier = kit.receiver.verifier();
    let whole = verifier.verify(&request.request(), request.body().clone(), kit.sender.now())?;
    let items: Vec<_> = whole.into_items(2)?.collect();
    let texts: Vec<&[u8]> = items.iter().map(|item| &item.body()[..]).collect();
    let due = [
        r#"{"eventType": "UPDATE" , "n":1}"#,
        r#"{"eventType":"CREATE","n":2}"#,
    ];
    assert_eq!(texts, due.map(str::as_bytes));
    for (item, event) in items.iter().zip(["UPDATE", "CREATE"]) {
        assert_eq!(item.whole_body(), body);
        let name = item.event_type().unwrap();
        assert_eq!((name.as_str(), name.is_signed()), (event, true));
        assert_eq!(item.matched_key(), "key-1");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_is_repeated_in_one_batch_runs_once() -> Tested {
    for place in Place::ADAPTERS {
        let kit = Kit::new(HUBSPOT, |builder| builder)?;
        let addr = kit.serve(place).await?;
        let twice = signed(&kit, &items([1, 2, 1, 1], &[]));
        let answer = Request::of(&twice).send(addr).await?;
        assert_eq!(
            (said(&answer), runs(&kit)),
            ((200, Some("fresh"), None), vec!["1".into(), "2".into()])
        );
        assert!(kit.notices.take().is_empty());
        // One that fails is not run again by its copy: that is for the next attempt.
        let fails = signed(&kit, &items([3, 4, 3], &[(3, "do:once-fail")]));
        assert_eq!(
            said(&Request::of(&fails).send(addr).await?),
            UNFINISHED,
            "{place:?}"
        );
        assert_eq!(runs(&kit)[2..], ["3", "4"]);
        assert_eq!(Request::of(&fails).send(addr).await?.status, 200);
        assert_eq!(runs(&kit)[4..], ["3"]);
        // Other bytes under one id are told of.
        let other = json!([{"eventId": 5, "n": 1}, {"eventId": 5, "n": 2}]);
        assert_eq!(
            Request::of(&signed(&kit, &other)).send(addr).await?.status,
            200
        );
        assert_eq!(runs(&kit)[5..], ["5"]);
        assert_eq!(kit.notices.take(), [r#"mismatch Some("5") 19"#]);
        // And so are equal texts that nothing but their text shows to be one.
        let kit = Kit::new(XERO, |builder| builder)?;
        let addr = kit.serve(place).await?;
        let equal = json!({"events": [{"n": 1}, {"n": 1}]});
        assert_eq!(
            Request::of(&signed(&kit, &equal)).send(addr).await?.status,
            200
        );
        assert_eq!(
            (kit.desk.begun(), kit.notices.take()),
            (1, vec!["known by body 7".to_owned()])
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_items_and_no_list_are_refused_whole() -> Tested {
    for place in Place::ADAPTERS {
        let kit = Kit::new(HUBSPOT, |builder| builder)?;
        let addr = kit.serve(place).await?;
        let many = |count: usize| signed(&kit, &Value::Array(vec![json!({}); count]));
        for (body, due) in [
            (many(100_000), (413, "batch has too many items")),
            (many(1_001), (413, "batch has too many items")),
            (
                signed(&kit, &json!({"eventId": 1})),
                (422, "body is not of the expected form"),
            ),
            (
                signed(&kit, &json!("text")),
                (422, "body is not of the expected form"),
            ),
        ] {
            let answer = Request::of(&body).send(addr).await?;
            assert_eq!(said(&answer), (due.0, None, Some(due.1)), "{place:?}");
        }
        // Nothing to do is done.
        let answer = Request::of(&signed(&kit, &json!([]))).send(addr).await?;
        assert_eq!(said(&answer), (200, None, None), "{place:?}");
        assert_eq!(
            (kit.desk.begun(), kit.store.calls().len()),
            (0, 0),
            "{place:?}"
        );
        // As many as are allowed. Without ids they are one text, and one run.
        assert_eq!(Request::of(&many(1_000)).send(addr).await?.status, 200);
        assert_eq!(kit.desk.begun(), 1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_whose_handler_panics_takes_no_other_along() -> Tested {
    for place in Place::ALL {
        let kit = Kit::new(HUBSPOT, |builder| builder)?;
        let addr = kit.serve(place).await?;
        // The first run of all is told to panic.
        let request = Request::of(&signed(&kit, &items(0..3, &[(0, "do:panic")])));
        assert_eq!(said(&request.send(addr).await?), UNFINISHED, "{place:?}");
        // In actix-web the request goes down with the handler that panicked.
        let actix = !matches!(
            place,
            Place::AxumMethodRouter | Place::AxumRouter | Place::Hyper
        );
        assert_eq!(kit.desk.ended(), if actix { 0 } else { 2 }, "{place:?}");
        assert_eq!(request.send(addr).await?.status, 200, "{place:?}");
        assert_eq!(kit.desk.ended(), 3, "{place:?}");
        // The others came before it.
        assert_eq!(
            runs(&kit).last().map(String::as_str),
            Some("0"),
            "{place:?}"
        );
        let overruled = items(
            10..13,
            &[(10, "do:404"), (11, "do:discard"), (12, "do:retry")],
        );
        assert_eq!(
            said(&Request::of(&signed(&kit, &overruled)).send(addr).await?),
            UNFINISHED
        );
        let _before = kit.store.calls();
        // Only what was discarded is done with.
        let _answer = Request::of(&signed(&kit, &overruled)).send(addr).await?;
        assert_eq!(
            runs(&kit)[runs(&kit).len() - 2..],
            ["10", "12"],
            "{place:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_answered_late_goes_on() -> Tested {
    for place in Place::ALL {
        let kit = Kit::new(HUBSPOT, |builder| builder)?;
        let addr = kit.serve(place).await?;
        let words = [(0, "do:wait"), (1, "do:wait"), (2, "do:wait")];
        let request = Request::of(&signed(&kit, &items(0..3, &words)));
        let sent = tokio::spawn({
            let request = request.clone();
            async move { request.send(addr).await }
        });
        kit.desk.entered().await;
        // The budget is for the whole, and it ends within the second item.
        kit.desk.open(1);
        kit.desk.entered().await;
        until(|| kit.clock.sleepers() > 0).await;
        kit.clock.advance(Duration::from_secs(9));
        let answer = in_time(sent).await??;
        assert_eq!(
            said(&answer),
            (503, Some("in-flight"), Some("handler is still running")),
            "{place:?}"
        );
        kit.desk.open(2);
        until(|| kit.desk.ended() == 3 && kit.receiver.running() == 0).await;
        let retry = request.send(addr).await?;
        assert_eq!(said(&retry), (200, Some("duplicate"), None), "{place:?}");
        assert_eq!(kit.desk.begun(), 3, "{place:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_hangs_up_ends_no_item() -> Tested {
    for place in Place::ADAPTERS {
        let kit = Kit::new(HUBSPOT, |builder| builder)?;
        let addr = kit.serve(place).await?;
        let request = Request::of(&signed(&kit, &items(0..3, &[(0, "do:wait")])));
        let stream = request.begin(addr).await?;
        kit.desk.entered().await;
        drop(stream);
        kit.desk.open(1);
        until(|| kit.desk.ended() == 3 && kit.receiver.running() == 0).await;
        let retry = request.send(addr).await?;
        assert_eq!(said(&retry), (200, Some("duplicate"), None), "{place:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_fail_all_items_is_met_once() -> Tested {
    for place in Place::ADAPTERS {
        let kit = Kit::new(HUBSPOT, |builder| builder)?;
        let addr = kit.serve(place).await?;
        kit.store.fail("claim", StoreError::full);
        let request = Request::of(&signed(&kit, &items(0..100, &[])));
        assert_eq!(said(&request.send(addr).await?), UNFINISHED, "{place:?}");
        assert_eq!(
            (kit.desk.begun(), kit.store.count("claim")),
            (0, 1),
            "{place:?}"
        );
        kit.store.repair();
        assert_eq!(request.send(addr).await?.status, 200);
        assert_eq!(kit.desk.begun(), 100);
    }
    Ok(())
}
