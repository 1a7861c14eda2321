//! What senders want to read in an answer.
#![allow(clippy::unwrap_used, reason = "tests")]

use countersign_core::{Scheme, scheme::SchemeBuilder};
use countersign_tests::{
    kit::{Kit, Tested},
    raw::Request,
    servers::{PATH, Place},
};

const SENTENCE: &str = "Hello API Event Received";
const SIGN: SchemeBuilder = Scheme::body_hmac("X-Sign-Signature")
    .id_pointer("/id")
    .event_pointer("/type")
    .pings(&["callback_test"]);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_is_answered_with_the_senders_sentence() -> Tested {
    for place in Place::ALL {
        for (sentence, refused) in [(SENTENCE, "refused\n"), ("", "")] {
            let kit = Kit::new(SIGN.done_body(sentence).declare(), |builder| builder)?;
            let addr = kit.serve(place).await?;
            let delivery = |body: &'static str| kit.sender.raw("", "", body).to(PATH);
            let signed = delivery(r#"{"id":"1","type":"signed"}"#);
            for (asks, status, dedup, body) in [
                (&signed.tampered(), 401, None, refused),
                (&signed, 200, Some("fresh"), sentence),
                (&signed, 200, Some("duplicate"), sentence),
                (
                    &delivery(r#"{"id":"2","type":"callback_test"}"#),
                    200,
                    Some("ping"),
                    sentence,
                ),
                (
                    &delivery(r#"{"id":"3","told":"do:discard"}"#),
                    200,
                    Some("discarded"),
                    sentence,
                ),
                // What is not done is answered as the handler answers it.
                (
                    &delivery(r#"{"id":"4","told":"do:404"}"#),
                    404,
                    Some("fresh"),
                    "",
                ),
            ] {
                let answer = Request::of(asks).send(addr).await?;
                let got = (
                    answer.status,
                    answer.header("countersign-dedup"),
                    answer.body.as_str(),
                );
                assert_eq!(got, (status, dedup, body), "{place:?} {asks:?}");
            }
            assert_eq!(kit.desk.begun(), 3, "{place:?}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_answered_with_it_when_all_of_it_is_done() -> Tested {
    for place in Place::ADAPTERS {
        let scheme = SIGN.batch("").done_body(SENTENCE).declare();
        let kit = Kit::new(scheme, |builder| builder)?;
        let addr = kit.serve(place).await?;
        let body = r#"[{"id":"1"},{"id":"2","told":"do:once-fail"}]"#;
        let asks = Request::of(&kit.sender.raw("", "", body).to(PATH));
        for (status, due) in [(503, "try again later\n"), (200, SENTENCE), (200, SENTENCE)] {
            let answer = asks.send(addr).await?;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (status, due),
                "{place:?}"
            );
        }
        let none = Request::of(&kit.sender.raw("", "", "[]").to(PATH));
        assert_eq!(none.send(addr).await?.body, SENTENCE);
    }
    Ok(())
}
