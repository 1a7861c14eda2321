//! Events that are known by fields of their body, over real sockets.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use countersign_core::scheme::{IdenticalBodies, Scheme};
use countersign_tests::{
    kit::{Kit, Tested, in_time},
    raw::Request,
    servers::Place,
};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(24 * 3_600);
const SCHEME: Scheme = Scheme::body_hmac("X-Sig")
    .identical_bodies(IdenticalBodies::Copies { within: WITHIN })
    .content_key(&["/event", "/payload/id"])
    .declare();

async fn sent(kit: &Kit, to: std::net::SocketAddr, body: Value) -> (u16, Option<String>, u32) {
    let delivery = kit.delivery("", "", body);
    let response = in_time(Request::of(&delivery).send(to)).await.unwrap();
    let dedup = response.header("countersign-dedup").map(str::to_owned);
    (response.status, dedup, kit.desk.begun())
}

#[tokio::test]
async fn a_retry_that_is_written_anew_is_a_copy() -> Tested {
    for place in Place::ADAPTERS {
        let kit = Kit::new(SCHEME, |builder| builder)?;
        let to = kit.serve(place).await?;
        let attempt = |event: &str, id: Value, at: u32| json!({"event": event, "payload": {"id": id}, "at": at});
        let (fresh, duplicate) = (Some("fresh".to_owned()), Some("duplicate".to_owned()));
        assert_eq!(
            sent(&kit, to, attempt("signed", json!(7), 1)).await,
            (200, fresh.clone(), 1)
        );
        assert_eq!(
            sent(&kit, to, attempt("signed", json!(7), 2)).await,
            (200, duplicate.clone(), 1)
        );
        // Each copy is told of, and that its bytes are others is not.
        let told = kit.notices.take();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("known by body"), "{told:?}");
        for (event, id, runs) in [
            ("opened", json!(7), 2),
            ("signed", json!(8), 3),
            ("signed", json!("7"), 4),
        ] {
            assert_eq!(
                sent(&kit, to, attempt(event, id, 3)).await,
                (200, fresh.clone(), runs)
            );
        }
        // Without one of them, the bytes are the key.
        let nameless = |at: u32| json!({"event": "signed", "at": at});
        assert_eq!(sent(&kit, to, nameless(1)).await, (200, fresh.clone(), 5));
        assert_eq!(sent(&kit, to, nameless(2)).await, (200, fresh.clone(), 6));
        assert_eq!(
            sent(&kit, to, nameless(1)).await,
            (200, duplicate.clone(), 6)
        );
        // After the sender's last retry it is news again.
        kit.clock.advance(WITHIN + Duration::from_secs(1));
        assert_eq!(
            sent(&kit, to, attempt("signed", json!(7), 4)).await,
            (200, fresh.clone(), 7)
        );
    }
    Ok(())
}

#[tokio::test]
async fn two_events_that_differ_in_a_field_not_named_are_one_and_a_warning() -> Tested {
    let kit = Kit::new(SCHEME, |builder| builder.content_key(&["/event"]))?;
    let to = kit.serve(Place::Hyper).await?;
    let event = |id: u32| json!({"event": "signed", "payload": {"id": id}});
    let (fresh, duplicate) = (Some("fresh".to_owned()), Some("duplicate".to_owned()));
    assert_eq!(sent(&kit, to, event(1)).await, (200, fresh, 1));
    assert_eq!(sent(&kit, to, event(2)).await, (200, duplicate, 1));
    let told = kit.notices.take();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("known by body"), "{told:?}");
    Ok(())
}
