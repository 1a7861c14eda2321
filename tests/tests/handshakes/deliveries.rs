//! Handshakes that try to pass a delivery, and deliveries that look like handshakes.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_never_lets_a_delivery_through() -> Tested {
    let delivery = r#"{"id":"inv_1","type":"invoice.paid"}"#;
    let missing = "header is missing";
    let mismatch = "no key matches the signature";
    // Graph: a request with a body, or with a signature, is a delivery whatever its query says.
    let forged = |header: &str| {
        let headers = [("content-type", "application/json"), (header, "00")];
        Request::new("POST", GRAPH_ASKS, &headers, delivery)
    };
    refuses(
        handshakes::GRAPH,
        &[
            (missing, json_post(GRAPH_ASKS, delivery)),
            ("header is malformed", forged("X-Gateway-Signature")),
        ],
    )
    .await?;
    // WooCommerce: nothing but the ping.
    let form = |body: &str| {
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        Request::new("POST", PATH, &kind, body)
    };
    let signed = Bench::new(handshakes::WOOCOMMERCE)?;
    let spoilt = signed.signed("webhook_id=7").tampered();
    refuses(
        handshakes::WOOCOMMERCE,
        &[
            (missing, form("webhook_id=7&payload=%7B%7D")),
            (missing, form("webhook_id=")),
            (missing, form(&format!("webhook_id=7{}", " ".repeat(2_000)))),
            (missing, json_post(PATH, delivery)),
            (missing, json_post(PATH, "webhook_id=7")),
            (mismatch, Request::of(&spoilt)),
        ],
    )
    .await?;
    // Notion: a body without the token is a delivery without its signature.
    refuses(
        handshakes::NOTION,
        &[
            (missing, json_post(PATH, delivery)),
            (
                missing,
                json_post(
                    PATH,
                    r#"{"verification_token":"a","verification_token":"b"}"#,
                ),
            ),
            (missing, json_post(PATH, r#"{"verification_token":{}}"#)),
            (missing, json_post(PATH, "{}")),
            (
                "the application did not take the offer",
                json_post(PATH, NOTION_ASKS),
            ),
        ],
    )
    .await?;
    // Asana: a key that nobody waits for; and beside a signature it means nothing.
    let secret = ("X-Hook-Secret", HOOK_SECRET);
    let wrong = ("X-Hook-Signature", &*"0".repeat(64));
    let json = ("content-type", "application/json");
    refuses(
        handshakes::ASANA,
        &[
            (
                "the application did not take the offer",
                Request::new("POST", PATH, &[json, secret], delivery),
            ),
            (
                mismatch,
                Request::new("POST", PATH, &[json, secret, wrong], delivery),
            ),
            (
                "header is repeated",
                Request::new("POST", PATH, &[secret, secret], ""),
            ),
            (
                "header is malformed",
                Request::new("POST", PATH, &[("X-Hook-Secret", "a b")], ""),
            ),
        ],
    )
    .await?;
    // The right words with the method of a question.
    for place in Place::ADAPTERS {
        for (scheme, query) in [
            (handshakes::META, META_ASKS),
            (handshakes::DROPBOX, "challenge=abc123"),
            (handshakes::X, "crc_token=abc"),
        ] {
            let bench = Bench::new(scheme)?;
            let addr = bench.kit.serve(place).await?;
            let honest = bench.signed(delivery).to(&format!("{PATH}?{query}"));
            let asked = Request::method(&honest, "GET");
            assert_eq!(asked.send(addr).await?.status, 200);
            assert!(bench.is_untouched());
            // The same as a POST is the delivery that it is.
            let answer = Request::of(&honest).send(addr).await?;
            assert_eq!(
                answer.header("countersign-dedup"),
                Some("fresh"),
                "{place:?}"
            );
            assert_eq!(bench.kit.desk.begun(), 1);
        }
        // And a probe is no way in either.
        let bench = Bench::new(handshakes::PROBED)?;
        let addr = bench.kit.serve(place).await?;
        let head = Request::method(&bench.signed(delivery), "HEAD");
        assert_eq!(head.send(addr).await?.status, 200);
        assert!(bench.is_untouched());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stranger_had_signed_is_no_delivery() -> Tested {
    for place in Place::ADAPTERS {
        let bench = Bench::new(handshakes::X)?;
        let addr = bench.kit.serve(place).await?;
        for token in [
            "9b4507b3-9040-4669-9ca3-6b94edb50553",
            "12345",
            "true",
            "a=b",
            "null",
        ] {
            let asked = get(&format!("crc_token={token}")).send(addr).await?;
            let signature = asked.body.split('"').nth(3).unwrap();
            // It is the signature that X would put on this body.
            assert_eq!(
                Some(signature),
                bench.signed(token).header("x-twitter-webhooks-signature")
            );
            let headers = [
                ("content-type", "application/json"),
                ("x-twitter-webhooks-signature", signature),
            ];
            let answer = Request::new("POST", PATH, &headers, token)
                .send(addr)
                .await?;
            let why = answer.header(REFUSED);
            assert_eq!(
                (answer.status, why),
                (401, Some("no key matches the signature")),
                "{token}"
            );
        }
        assert!(bench.is_untouched());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsigned_label_makes_no_handshake_and_hides_none() -> Tested {
    for place in Place::ADAPTERS {
        let bench = Bench::new(handshakes::TWITCH)?;
        let addr = bench.kit.serve(place).await?;
        let label = "Twitch-Eventsub-Message-Type";
        // A question that was captured, as an event.
        let question = bench.signed(TWITCH_ASKS).with_header(label, "notification");
        assert_eq!(
            Request::of(&question).send(addr).await?.body,
            "pogchamp-kappa-360noscope-vohiyo"
        );
        assert!(bench.is_untouched());
        // An event that was captured, as a question: it is the event that it is, once.
        let event = r#"{"subscription":{"status":"enabled"},"event":{},"challenge":"<b>"}"#;
        let event = bench
            .signed(event)
            .with_header(label, "webhook_callback_verification");
        for due in ["fresh", "duplicate"] {
            let answer = Request::of(&event).send(addr).await?;
            assert_eq!(answer.header("countersign-dedup"), Some(due));
            assert_eq!(answer.header("x-content-type-options"), None);
        }
        assert_eq!(bench.kit.desk.begun(), 1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_signatures_that_are_sent_on_purpose_get_401() -> Tested {
    for place in Place::ADAPTERS {
        for (scheme, body) in [
            (handshakes::DISCORD, r#"{"type":1}"#),
            (handshakes::DISCORD_EVENTS, r#"{"type":0}"#),
            (handshakes::XERO, XERO_ASKS),
        ] {
            let bench = Bench::new(scheme)?;
            let addr = bench.kit.serve(place).await?;
            let right = bench.signed(body);
            for asks in [right.tampered(), right.unsigned()] {
                assert_eq!(
                    Request::of(&asks).send(addr).await?.status,
                    401,
                    "{place:?}"
                );
            }
            assert_eq!(Request::of(&right).send(addr).await?.status / 100, 2);
            assert!(bench.is_untouched());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsigned_body_is_read_no_further_than_a_handshake_is_long() -> Tested {
    for place in Place::ADAPTERS {
        for (scheme, kind) in [
            (handshakes::WOOCOMMERCE, "application/x-www-form-urlencoded"),
            (handshakes::NOTION, "application/json"),
        ] {
            let bench = Bench::new(scheme)?;
            let addr = bench.kit.serve(place).await?;
            // More is promised than ever comes, and the clock stands still.
            let head = format!(
                "POST {PATH} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                 content-type: {kind}\r\ncontent-length: 1000000\r\n\r\n"
            );
            let asks = Request {
                head: head.into_bytes(),
                body: vec![b'1'; 1_025],
                end: End::Wait,
            };
            assert_eq!(asks.send(addr).await?.status, 401, "{place:?}");
            assert!(bench.is_untouched());
        }
    }
    Ok(())
}

/// A token and a batch: what comes after the question is judged by the token, each event is a delivery, and a
/// question with the token of a delivery is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oktas_events_come_after_its_question() -> Tested {
    let asks = okta(&[("X-Okta-Verification-Challenge", OKTA_CHALLENGE)]);
    let body = r#"{"data":{"events":[{"uuid":"a","eventType":"user.session.start"},{"uuid":"b","eventType":"user.session.end"}]}}"#;
    for place in Place::ADAPTERS {
        let bench = Bench::new(handshakes::OKTA)?;
        let addr = bench.kit.serve(place).await?;
        assert_eq!(asks.send(addr).await?.status, 200);
        assert!(bench.is_untouched(), "{place:?}");

        let honest = bench.signed(body);
        for token in [
            "countersign-test-secre",
            "countersign-test-secret2",
            "Bearer countersign-test-secret",
        ] {
            let forged = Request::of(&honest.with_header("Authorization", token));
            assert_eq!(forged.send(addr).await?.status, 401, "{place:?} {token}");
        }
        let unsigned = Request::of(&honest.unsigned());
        assert_eq!(unsigned.send(addr).await?.status, 401, "{place:?}");
        // The challenge of somebody who has no token gets nobody in.
        let challenged = honest
            .unsigned()
            .with_header("X-Okta-Verification-Challenge", OKTA_CHALLENGE);
        let answer = Request::of(&challenged).send(addr).await?;
        assert_eq!(answer.status, 401, "{place:?}");
        assert!(!answer.body.contains(OKTA_CHALLENGE), "{place:?}");
        assert!(bench.is_untouched(), "{place:?}");

        for runs in [2, 2] {
            assert_eq!(Request::of(&honest).send(addr).await?.status, 200);
            assert_eq!(bench.kit.desk.begun(), runs, "{place:?}");
        }
    }
    Ok(())
}
