//! A secret in the body, over real sockets: Microsoft Graph.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;

use countersign_senders::body_tokens::MICROSOFT_GRAPH;
use countersign_tests::{
    kit::{Kit, Tested, in_time},
    raw::Request,
    servers::Place,
};
use serde_json::{Value, json};

fn notifications(count: u32) -> Value {
    let item =
        |at| json!({"id": format!("n{at}"), "changeType": "updated", "resource": "me/messages/1"});
    let items: Vec<Value> = (0..count).map(item).collect();
    json!({ "value": items })
}

async fn answer(to: SocketAddr, request: &Request) -> u16 {
    in_time(request.send(to)).await.unwrap().status
}

#[tokio::test]
async fn graph_is_handled_item_by_item_when_each_holds_the_token() -> Tested {
    for place in Place::ADAPTERS {
        let kit = Kit::new(MICROSOFT_GRAPH, |builder| builder.accept_unsigned_body())?;
        let to = kit.serve(place).await?;
        let right = kit.delivery("updated", "", notifications(10));
        assert_eq!(answer(to, &Request::of(&right)).await, 200, "{place:?}");
        assert_eq!(kit.desk.begun(), 10);

        // One of ten with another token, or without: none runs, and the store is not asked.
        let text = String::from_utf8(right.body().to_vec()).unwrap();
        assert!(!kit.store.calls().is_empty());
        for wrong in [
            text.replacen("countersign-test-secret", "countersign-test-secre", 1),
            text.replacen("\"clientState\"", "\"clientstate\"", 1),
            text.replacen(
                "\"clientState\"",
                "\"clientState\":\"x\",\"clientState\"",
                1,
            ),
        ] {
            assert_ne!(wrong, text);
            let wrong = right.with_body(wrong);
            assert_eq!(answer(to, &Request::of(&wrong)).await, 401, "{place:?}");
        }
        assert_eq!(kit.desk.begun(), 10);
        assert!(kit.store.calls().is_empty());

        // Two that are the same byte for byte are two.
        let same = json!({"value": [{"changeType": "x"}, {"changeType": "x"}]});
        let same = kit.delivery("x", "", same);
        assert_eq!(answer(to, &Request::of(&same)).await, 200);
        assert_eq!(kit.desk.begun(), 12);

        // The validation of the URL is a question without a body, and lets no delivery in.
        let asks = "/hook?validationToken=Validation%3a+Testing";
        let asked = right.with_body("").without_header("content-type").to(asks);
        assert_eq!(answer(to, &Request::of(&asked)).await, 200, "{place:?}");
        let forged = right
            .with_body(r#"{"value":[{"changeType":"x"}]}"#)
            .to(asks);
        assert_eq!(answer(to, &Request::of(&forged)).await, 401, "{place:?}");
        assert_eq!(kit.desk.begun(), 12);
    }
    Ok(())
}

#[tokio::test]
async fn feishu_is_told_its_challenge_and_nothing_else() -> Tested {
    use countersign_senders::body_tokens::FEISHU_TOKEN;
    for place in Place::ADAPTERS {
        let kit = Kit::new(FEISHU_TOKEN, |builder| builder.accept_unsigned_body())?;
        let to = kit.serve(place).await?;
        let event = kit.delivery("im.message.receive_v1", "evt_1", json!({"schema": "2.0"}));
        for _ in 0..2 {
            assert_eq!(answer(to, &Request::of(&event)).await, 200);
            assert_eq!(kit.desk.begun(), 1, "{place:?}");
        }
        let _claims = kit.store.calls();
        let asks = |token: &str| {
            let body = json!({"type": "url_verification", "token": token, "challenge": "c-1"});
            event.with_body(body.to_string())
        };
        assert_eq!(
            answer(to, &Request::of(&asks("countersign-test-secret"))).await,
            200
        );
        assert_eq!(answer(to, &Request::of(&asks("another"))).await, 401);
        assert_eq!(kit.desk.begun(), 1);
        assert!(kit.store.calls().is_empty());
    }
    Ok(())
}
