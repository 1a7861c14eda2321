//! What every sender asks, answered as it wants, and by nobody else's receiver.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_senders_question_is_answered_as_it_wants() -> Tested {
    let rows = rows();
    assert_eq!(rows.len(), handshakes::ALL.len());
    for place in Place::ALL {
        for row in &rows {
            let name = row.scheme.name();
            let bench = Bench::new(row.scheme)?;
            bench.taker.wait_for_one();
            let addr = bench.kit.serve(place).await?;
            let answer = row.asks.send(addr).await?;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (row.status, row.body.as_str()),
                "{place:?} {name} {answer:?}"
            );
            assert_eq!(
                answer.header("content-type"),
                Some(row.content_type),
                "{place:?} {name}"
            );
            assert_eq!(
                answer.header("x-content-type-options"),
                Some("nosniff"),
                "{name}"
            );
            assert_eq!(answer.header("countersign-dedup"), None, "{name}");
            for (header, due) in &row.headers {
                assert_eq!(
                    answer.header(header),
                    Some(due.as_str()),
                    "{place:?} {name} {header}"
                );
            }
            assert!(bench.is_untouched(), "{place:?} {name}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_receiver_answers_another_senders_question() -> Tested {
    let rows = rows();
    for place in Place::ADAPTERS {
        for receiver in &rows {
            let bench = Bench::new(receiver.scheme)?;
            // It would take what it is offered.
            bench.taker.wait_for_one();
            let addr = bench.kit.serve(place).await?;
            // Discord signs both of its kinds alike, so to each the other's ping is an event.
            let header = receiver.scheme.signature_header();
            for row in rows
                .iter()
                .filter(|row| row.scheme.signature_header() != header)
            {
                let names = (place, receiver.scheme.name(), row.scheme.name());
                let answer = row.asks.send(addr).await?;
                assert!(
                    matches!(answer.status, 401 | 405 | 415),
                    "{names:?} {answer:?}"
                );
                let shown = format!("{:?}{}", answer.headers, answer.body);
                assert!(!shown.contains(row.secret), "{names:?} {answer:?}");
                for (header, _) in row.headers.iter().filter(|(header, _)| *header != "allow") {
                    assert_eq!(answer.header(header), None, "{names:?}");
                }
                if answer.status == 405 {
                    assert!(
                        answer.header("allow").unwrap().contains("POST"),
                        "{names:?}"
                    );
                }
            }
            assert!(bench.is_untouched());
            let taken = (
                bench.taker.secrets().len(),
                bench.taker.confirmations().len(),
            );
            assert_eq!(taken, (0, 0), "{}", receiver.scheme.name());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_is_not_quite_the_senders_is_refused() -> Tested {
    let refused = "handshake is refused";
    let challenge = r#"handshake is refused: the parameter "hub.challenge""#;
    let token = "handshake is refused: the verify token is another";
    refuses(
        handshakes::META,
        &[
            (token, get("hub.mode=subscribe&hub.challenge=1&hub.verify_token=meatyhamhoc")),
            (token, get("hub.mode=subscribe&hub.challenge=1&hub.verify_token=meatyhamhockk")),
            (token, get("hub.mode=subscribe&hub.challenge=1&hub.verify_token=Meatyhamhock")),
            (token, get("hub.mode=subscribe&hub.challenge=1&hub.verify_token=")),
            (refused, get("hub.mode=subscribe&hub.challenge=1")),
            (refused, get("hub.challenge=1&hub.verify_token=meatyhamhock")),
            (refused, get("hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=meatyhamhock")),
            (refused, get("hub.mode=subscribe&hub.challenge=1&hub.verify_token=meatyhamhock&hub.verify_token=a")),
            (challenge, get(&format!("{META_ASKS}&hub.challenge=2"))),
            (challenge, get("hub.mode=subscribe&hub.challenge=%3Cscript%3E&hub.verify_token=meatyhamhock")),
            (challenge, get("hub.mode=subscribe&hub.challenge=1%0d%0aSet-Cookie:a&hub.verify_token=meatyhamhock")),
            (challenge, get("hub.mode=subscribe&hub.challenge=&hub.verify_token=meatyhamhock")),
            (challenge, get("")),
        ],
    )
    .await?;
    let challenge =
        r#"handshake is refused: the header "X-Okta-Verification-Challenge" is missing or not"#;
    let name = "X-Okta-Verification-Challenge";
    let longer = "a".repeat(257);
    refuses(
        handshakes::OKTA,
        &[
            (challenge, okta(&[])),
            (challenge, okta(&[("X-Okta-Verification", "abc")])),
            (challenge, get("X-Okta-Verification-Challenge=abc")),
            (challenge, okta(&[(name, r#"a","b":"c"#)])),
            (challenge, okta(&[(name, r"a\u0022")])),
            (challenge, okta(&[(name, "<script>")])),
            ("header is malformed", okta(&[(name, "a b")])),
            ("header is malformed", okta(&[(name, "")])),
            ("header is malformed", okta(&[(name, &longer)])),
            ("header is repeated", okta(&[(name, "abc"), (name, "abc")])),
        ],
    )
    .await?;
    let long = "a".repeat(1_025);
    refuses(
        handshakes::DROPBOX,
        &[
            (
                refused,
                get("challenge=%3Cimg%20src=x%20onerror=alert(1)%3E"),
            ),
            (refused, get("challenge=a&challenge=b")),
            (refused, get("challenge=%FF")),
            (refused, get(&format!("challenge={long}"))),
            (refused, get("crc_token=abc")),
        ],
    )
    .await?;
    refuses(
        handshakes::X,
        &[
            // What a stranger may not have signed: anything that could be a delivery.
            (
                refused,
                get("crc_token=%7B%22favorite_events%22%3A%5B%5D%7D"),
            ),
            (refused, get("crc_token=%5B1%5D")),
            (refused, get("crc_token=%221%22")),
            (refused, get("crc_token=a%20b")),
            (refused, get("crc_token=a&crc_token=b")),
            (refused, get("crc_token=")),
            (refused, get(&format!("crc_token={}", "a".repeat(257)))),
        ],
    )
    .await?;
    let ask =
        |origin: &str| Request::new("OPTIONS", PATH, &[("WebHook-Request-Origin", origin)], "");
    refuses(
        handshakes::EVENT_GRID,
        &[
            (
                "the origin that asks is missing or not listed",
                ask("evil.example"),
            ),
            (
                "the origin that asks",
                ask("eventgrid.azure.net.evil.example"),
            ),
            (
                "the origin that asks",
                Request::new("OPTIONS", PATH, &[], ""),
            ),
            (
                "header is repeated",
                Request::new(
                    "OPTIONS",
                    PATH,
                    &[
                        ("WebHook-Request-Origin", "eventgrid.azure.net"),
                        ("WebHook-Request-Origin", "evil.example"),
                    ],
                    "",
                ),
            ),
        ],
    )
    .await?;
    // Signed, and still no script.
    let slack = Bench::new(handshakes::SLACK)?;
    let body = r#"{"challenge":"<script>alert(1)</script>","type":"url_verification"}"#;
    let zoom = Bench::new(handshakes::ZOOM)?;
    let token = r#"{"payload":{"plainToken":"\",\"a\":\""},"event":"endpoint.url_validation"}"#;
    refuses(
        handshakes::SLACK,
        &[
            (
                "the signed challenge is missing",
                Request::of(&slack.signed(body)),
            ),
            (
                "the signed challenge",
                Request::of(&slack.signed(r#"{"type":"url_verification"}"#)),
            ),
            (
                "no key matches the signature",
                Request::of(&slack.signed(SLACK_ASKS).tampered()),
            ),
            ("header is missing", json_post(PATH, SLACK_ASKS)),
        ],
    )
    .await?;
    refuses(
        handshakes::ZOOM,
        &[
            ("the signed challenge", Request::of(&zoom.signed(token))),
            ("header is missing", json_post(PATH, ZOOM_ASKS)),
        ],
    )
    .await
}

/// A known answer: Convoy's tests (`internal/pkg/crc/crc_test.go`) have what X wants to read of this secret and token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_answer_to_xs_question_is_given() -> Tested {
    for place in Place::ADAPTERS {
        let secret = Secret::new("Convoy")?;
        let kit = Kit::without_secret(handshakes::X, |builder| builder.secret(secret))?;
        let addr = kit.serve(place).await?;
        let answer = get("crc_token=uzwcfYtzr9").send(addr).await?;
        let due = r#"{"response_token":"sha256=HXvxTdsfShG6k2zC9NVANwFquJBdOugRYHax2vNiiOo="}"#;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, due),
            "{place:?}"
        );
    }
    Ok(())
}
