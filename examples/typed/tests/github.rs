//! GitHub's documented push, over a socket.

mod client;

use std::error::Error;

use client::send;
use countersign::github::SCHEME;
use countersign_testkit::Sender;
use countersign_typed::{Ledger, github};
use serde_json::{Value, json};
use tokio::net::TcpListener;

fn fresh() -> Option<String> {
    Some("fresh".to_owned())
}

/// The push that <https://docs.github.com/en/webhooks/webhook-events-and-payloads> shows, cut down to what
/// tells it from others.
fn documented() -> Value {
    json!({
        "ref": "refs/tags/simple-tag",
        "before": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        "after": "0000000000000000000000000000000000000000",
        "created": false,
        "deleted": true,
        "forced": false,
        "base_ref": null,
        "compare": "https://github.com/Codertocat/Hello-World/compare/6113728f27ae...000000000000",
        "commits": [],
        "head_commit": null,
        "repository": {
            "id": 186853002,
            "node_id": "MDEwOlJlcG9zaXRvcnkxODY4NTMwMDI=",
            "name": "Hello-World",
            "full_name": "Codertocat/Hello-World",
            "private": false,
            "url": "https://github.com/Codertocat/Hello-World",
        },
        "pusher": {
            "name": "Codertocat",
            "email": "21031067+Codertocat@users.noreply.github.com",
        },
    })
}

#[tokio::test]
async fn an_event_of_octocrab_is_accepted_once_and_a_forged_one_is_refused()
-> Result<(), Box<dyn Error>> {
    let kit = Sender::new(SCHEME);
    let receiver = github::receiver(kit.secret()?)?;
    let ledger = Ledger::default();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let to = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, github::app(&receiver, ledger.clone())).into_future());
    let signed =
        |event, id, body: &Value| kit.raw(event, id, body.to_string()).to("/webhooks/github");

    let push = signed("push", "1", &documented());
    assert_eq!(send(to, &push.tampered()).await?, (401, None));
    assert!(ledger.lines().is_empty());
    assert_eq!(send(to, &push).await?, (200, fresh()));
    assert_eq!(send(to, &push).await?, (200, Some("duplicate".into())));
    let due = "Hello-World: refs/tags/simple-tag went from \
               6113728f27ae82c7b1a177c8d03f9e96e0adf246 to \
               0000000000000000000000000000000000000000";
    assert_eq!(ledger.lines(), [due]);

    // The name of the event is not signed. Under that of another, the same signed bytes are no such event:
    // refused, given back, and refused again.
    let renamed = push
        .with_header("X-GitHub-Event", "issues")
        .with_header("X-GitHub-Delivery", "2");
    for _ in 0..2 {
        assert_eq!(send(to, &renamed).await?, (422, fresh()));
    }
    // Proved, and no JSON.
    let text = kit.raw("push", "3", "push").to("/webhooks/github");
    assert_eq!(send(to, &text).await?, (422, fresh()));
    assert_eq!(ledger.lines(), [due]);

    // A type that octocrab does not know yet is none of its errors.
    let body = json!({"action": "sparked", "repository": documented()["repository"]});
    let unknown = signed("sparkles", "4", &body);
    assert_eq!(send(to, &unknown).await?, (200, fresh()));
    assert_eq!(ledger.lines(), [due, "Hello-World: something new"]);
    Ok(())
}
