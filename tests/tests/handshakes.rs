//! What senders ask before they send, over real sockets: each sender's own sequence, each sequence at the
//! receivers of all other senders, and handshakes that try to pass a delivery.
#![allow(clippy::unwrap_used, reason = "tests")]

use core::time::Duration;
use std::error::Error;

use base64::{Engine, engine::general_purpose::STANDARD};
use countersign_core::{
    ConfigError, Keyring, KeyringSource, LookupError, MemoryStore, Receiver, RejectionKind, Scheme,
    Secret, Tenant, TenantAt,
};
use countersign_testkit::{ManualClock, Sender, SignedDelivery};
use countersign_tests::{
    handshakes::{self, Taker, VERIFY_TOKEN, configure},
    kit::{Kit, Tested},
    log,
    raw::{End, Request},
    servers::{PATH, Place, REFUSED},
};
use ring::hmac;
use tracing::Level;

/// A receiver of a sender that asks first.
struct Bench {
    kit: Kit,
    taker: Taker,
}

impl Bench {
    fn new(scheme: Scheme) -> Result<Self, Box<dyn Error>> {
        let taker = Taker::default();
        let kit = Kit::new(scheme, |builder| configure(&scheme, &taker, builder))?;
        Ok(Self { kit, taker })
    }

    /// A body as this sender signs it.
    fn signed(&self, body: &str) -> SignedDelivery {
        self.kit
            .sender
            .raw("channel.follow", "test", body.to_owned())
            .to(PATH)
    }

    /// Nothing ran and nothing is stored.
    fn is_untouched(&self) -> bool {
        self.kit.desk.begun() == 0 && self.kit.store.calls().is_empty()
    }
}

fn get(query: &str) -> Request {
    Request::new("GET", &format!("{PATH}?{query}"), &[], "")
}

fn json_post(target: &str, body: &str) -> Request {
    Request::new(
        "POST",
        target,
        &[("content-type", "application/json")],
        body,
    )
}

/// A question of Okta's, which has the secret of its deliveries, too.
fn okta(headers: &[(&str, &str)]) -> Request {
    let secret = [("Authorization", "countersign-test-secret")];
    Request::new("GET", PATH, &[headers, &secret].concat(), "")
}

/// What a sender asks, and what is due.
struct Row {
    scheme: Scheme,
    asks: Request,
    status: u16,
    body: String,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    /// What must come back from no other receiver.
    secret: &'static str,
}

const PLAIN: &str = "text/plain; charset=utf-8";
const META_ASKS: &str = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=meatyhamhock";
const GRAPH_TOKEN: &str =
    "Validation: Testing client application reachability for subscription Request-Id: 1d1c7c1a";
const GRAPH_ASKS: &str = "/hook?validationToken=Validation%3a+Testing+client+application+reachability+for+subscription+Request-Id%3a+1d1c7c1a";
const SLACK_ASKS: &str = r#"{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}"#;
const TWITCH_ASKS: &str = r#"{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"id":"f1c2a387-161a-49f9-a165-0f21d7a4e1c4","status":"webhook_callback_verification_pending","type":"channel.follow"}}"#;
const ZOOM_ASKS: &str = r#"{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1654503849680,"event":"endpoint.url_validation"}"#;
const XERO_ASKS: &str =
    r#"{"events":[],"lastEventSequence":0,"firstEventSequence":0,"entropy":"S0m3r4Nd0mt3xt"}"#;
const SNS_ASKS: &str = r#"{"Type":"SubscriptionConfirmation","MessageId":"165545c9","Token":"2336412f37","TopicArn":"arn:aws:sns:us-west-2:123456789012:MyTopic","SubscribeURL":"https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription"}"#;
const NOTION_ASKS: &str =
    r#"{"verification_token":"secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"}"#;
const OKTA_CHALLENGE: &str = "Me_rShK8JHsTnbyYrWXCEoMGbM_zsZ6k0hLPZ_Pg";
const HOOK_SECRET: &str = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81";

fn tag(text: &str) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"countersign-test-secret");
    hmac::sign(&key, text.as_bytes())
}

/// Every sender's own question, as its pages have it.
fn rows() -> Vec<Row> {
    let row = |scheme: Scheme, asks: Request, body: &str, secret| Row {
        scheme,
        asks,
        status: 200,
        body: body.to_owned(),
        content_type: PLAIN,
        headers: Vec::new(),
        secret,
    };
    let signed = |scheme: Scheme, body: &'static str| {
        // As a bench's sender does: its clock begins at the same time.
        let sender = Sender::new(scheme).with_clock(ManualClock::new());
        Request::of(&sender.raw("channel.follow", "test", body).to(PATH))
    };
    let crc = format!(
        r#"{{"response_token":"sha256={}"}}"#,
        STANDARD.encode(tag("9b4507b3-9040-4669-9ca3-6b94edb50553="))
    );
    let zoom = format!(
        r#"{{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"{}"}}"#,
        hex::encode(tag("qgg8vlvZRS6UYooatFL8Aw"))
    );
    let asana = Request::new("POST", PATH, &[("X-Hook-Secret", HOOK_SECRET)], "{}");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let grid = [
        ("WebHook-Request-Origin", "eventgrid.azure.net"),
        ("WebHook-Request-Rate", "120"),
        (
            "WebHook-Request-Callback",
            "http://127.0.0.1:1/confirm?id=1",
        ),
    ];
    vec![
        row(handshakes::META, get(META_ASKS), "1158201444", "1158201444"),
        Row {
            content_type: "application/json",
            ..row(
                handshakes::X,
                get("crc_token=9b4507b3-9040-4669-9ca3-6b94edb50553%3D"),
                &crc,
                "sha256=",
            )
        },
        row(
            handshakes::DROPBOX,
            get("challenge=abc123"),
            "abc123",
            "abc123",
        ),
        Row {
            content_type: "application/json",
            ..row(
                handshakes::OKTA,
                okta(&[("X-Okta-Verification-Challenge", OKTA_CHALLENGE)]),
                r#"{"verification":"Me_rShK8JHsTnbyYrWXCEoMGbM_zsZ6k0hLPZ_Pg"}"#,
                OKTA_CHALLENGE,
            )
        },
        row(
            handshakes::GRAPH,
            Request::new("POST", GRAPH_ASKS, &[("content-type", PLAIN)], ""),
            GRAPH_TOKEN,
            "reachability",
        ),
        row(
            handshakes::SLACK,
            signed(handshakes::SLACK, SLACK_ASKS),
            "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",
            "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",
        ),
        row(
            handshakes::TWITCH,
            signed(handshakes::TWITCH, TWITCH_ASKS),
            "pogchamp-kappa-360noscope-vohiyo",
            "pogchamp",
        ),
        Row {
            content_type: "application/json",
            ..row(
                handshakes::ZOOM,
                signed(handshakes::ZOOM, ZOOM_ASKS),
                &zoom,
                "qgg8vlvZRS6UYooatFL8Aw",
            )
        },
        Row {
            content_type: "application/json",
            ..row(
                handshakes::DISCORD,
                signed(
                    handshakes::DISCORD,
                    r#"{"id":"787053080478613555","type":1,"version":1}"#,
                ),
                r#"{"type":1}"#,
                r#"{"type":1}"#,
            )
        },
        Row {
            status: 204,
            ..row(
                handshakes::DISCORD_EVENTS,
                signed(
                    handshakes::DISCORD_EVENTS,
                    r#"{"version":1,"application_id":"1234560123453231555","type":0}"#,
                ),
                "",
                "1234560123453231555",
            )
        },
        row(
            handshakes::XERO,
            signed(handshakes::XERO, XERO_ASKS),
            "",
            "S0m3r4Nd0mt3xt",
        ),
        row(
            handshakes::SNS,
            signed(handshakes::SNS, SNS_ASKS),
            "",
            "2336412f37",
        ),
        row(
            handshakes::NOTION,
            json_post(PATH, NOTION_ASKS),
            "",
            "secret_tMrl",
        ),
        Row {
            headers: vec![("x-hook-secret", HOOK_SECRET.to_owned())],
            ..row(handshakes::ASANA, asana, "", HOOK_SECRET)
        },
        row(
            handshakes::WOOCOMMERCE,
            Request::new("POST", PATH, &form, "webhook_id=7"),
            "",
            "webhook_id",
        ),
        row(
            handshakes::PROBED,
            Request::new("HEAD", PATH, &[], ""),
            "",
            "no text",
        ),
        Row {
            headers: vec![
                ("webhook-allowed-origin", "eventgrid.azure.net".to_owned()),
                ("webhook-allowed-rate", "*".to_owned()),
                ("allow", "OPTIONS, POST".to_owned()),
            ],
            ..row(
                handshakes::EVENT_GRID,
                Request::new("OPTIONS", PATH, &grid, ""),
                "",
                "eventgrid.azure.net",
            )
        },
    ]
}

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

/// Plays refused requests of one sender at its own receiver: nothing runs, and nothing comes back.
async fn refuses(scheme: Scheme, requests: &[(&str, Request)]) -> Tested {
    for place in Place::ADAPTERS {
        let bench = Bench::new(scheme)?;
        let addr = bench.kit.serve(place).await?;
        for (why, asks) in requests {
            let names = (place, scheme.name(), why);
            let answer = asks.send(addr).await?;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (401, "refused\n"),
                "{names:?} {answer:?}"
            );
            let said = answer.header(REFUSED).unwrap_or_default();
            assert!(said.contains(why), "{names:?}: {said}");
            for header in ["x-hook-secret", "webhook-allowed-origin"] {
                assert_eq!(answer.header(header), None, "{names:?}");
            }
        }
        assert!(bench.is_untouched(), "{place:?} {}", scheme.name());
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
async fn a_key_is_offered_once_and_is_none_until_the_application_says_so() -> Tested {
    for place in Place::ADAPTERS {
        for row in rows() {
            if ![handshakes::ASANA.name(), handshakes::NOTION.name()].contains(&row.scheme.name()) {
                continue;
            }
            let bench = Bench::new(row.scheme)?;
            let addr = bench.kit.serve(place).await?;
            let asana = row.scheme.name() == handshakes::ASANA.name();
            let key = if asana {
                HOOK_SECRET
            } else {
                "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"
            };
            let signed = |body: &'static str| {
                Sender::with_secret(row.scheme, key)
                    .raw("", "", body)
                    .to(PATH)
            };
            bench.taker.wait_for_one();
            assert_eq!(row.asks.send(addr).await?.status, 200);
            // The second one is refused, and the key proves nothing yet.
            assert_eq!(row.asks.send(addr).await?.status, 401);
            assert_eq!(
                Request::of(&signed("{\"n\":1}")).send(addr).await?.status,
                401
            );
            assert!(bench.is_untouched());
            let mut offered = bench.taker.secrets();
            assert_eq!((offered.len(), bench.taker.refused()), (1, 1));
            assert_eq!(bench.taker.tenants(), [None]);
            bench
                .kit
                .receiver
                .rotate(offered.remove(0), Duration::ZERO)?;
            let answer = Request::of(&signed("{\"n\":1}")).send(addr).await?;
            assert_eq!(
                answer.header("countersign-dedup"),
                Some("fresh"),
                "{place:?}"
            );
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_is_handed_over_and_fetched_by_nobody() -> Tested {
    // The address would be fetched from here.
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let body = format!(
        r#"{{"Type":"SubscriptionConfirmation","SubscribeURL":"http://{}/"}}"#,
        listener.local_addr()?
    );
    for place in Place::ADAPTERS {
        let bench = Bench::new(handshakes::SNS)?;
        let addr = bench.kit.serve(place).await?;
        let asks = bench.signed(&body);
        let answer = Request::of(&asks).send(addr).await?;
        assert_eq!(
            (answer.status, bench.taker.refused()),
            (401, 1),
            "{place:?}"
        );
        bench.taker.wait_for_one();
        // Not proved, not handed over.
        assert_eq!(Request::of(&asks.tampered()).send(addr).await?.status, 401);
        assert!(bench.taker.confirmations().is_empty());
        assert_eq!(Request::of(&asks).send(addr).await?.status, 200);
        assert_eq!(bench.taker.confirmations(), [body.as_str()]);
        assert!(bench.is_untouched());
        // A notification is none.
        let note = bench.signed(r#"{"Type":"Notification","MessageId":"1"}"#);
        let answer = Request::of(&note).send(addr).await?;
        assert_eq!(
            answer.header("countersign-dedup"),
            Some("fresh"),
            "{place:?}"
        );
    }
    let nobody = listener.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
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

struct OnlyAnna(Keyring);

impl KeyringSource for OnlyAnna {
    async fn keyring(&self, tenant: &str) -> Result<Option<Tenant>, LookupError> {
        match tenant {
            "anna" => Ok(Some(Tenant::new("tenant-1", self.0.clone()))),
            "away" => Err(LookupError::new("the database is away")),
            _ => Ok(None),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenants_token_is_signed_with_the_tenants_key() -> Tested {
    let source = || -> Result<OnlyAnna, Box<dyn Error>> {
        let keyring = Keyring::new(&handshakes::X, Secret::new("annas secret")?)?;
        // The newest key answers.
        keyring.rotate(
            Secret::new("countersign-test-secret")?,
            Duration::from_secs(600),
        )?;
        Ok(OnlyAnna(keyring))
    };
    for place in Place::ADAPTERS {
        let source = source()?;
        let kit = Kit::without_secret(handshakes::X, |builder| {
            builder.tenants(TenantAt::LastPathSegment, source)
        })?;
        let addr = kit.serve(place).await?;
        let ask =
            |tenant: &str| Request::new("GET", &format!("{PATH}/{tenant}?crc_token=abc"), &[], "");
        let answer = ask("anna").send(addr).await?;
        let due = format!(
            r#"{{"response_token":"sha256={}"}}"#,
            STANDARD.encode(tag("abc"))
        );
        assert_eq!((answer.status, answer.body), (200, due), "{place:?}");
        assert_eq!(ask("berta").send(addr).await?.status, 401);
        assert_eq!(ask("away").send(addr).await?.status, 503);
        assert!(kit.store.calls().is_empty());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_names_its_tenant() -> Tested {
    let taker = Taker::default();
    let keyring = Keyring::new(&handshakes::ASANA, Secret::new("annas secret")?)?;
    let kit = Kit::without_secret(handshakes::ASANA, |builder| {
        let builder = builder.tenants(TenantAt::LastPathSegment, OnlyAnna(keyring));
        configure(&handshakes::ASANA, &taker, builder)
    })?;
    let addr = kit.serve(Place::AxumMethodRouter).await?;
    taker.wait_for_one();
    let headers = [("X-Hook-Secret", HOOK_SECRET)];
    let asks = Request::new("POST", &format!("{PATH}/berta"), &headers, "");
    assert_eq!(asks.send(addr).await?.status, 200);
    assert_eq!(taker.tenants(), [Some("berta".to_owned())]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_panics_or_is_slow_takes_nothing() -> Tested {
    let asks = Request::new("POST", PATH, &[("X-Hook-Secret", HOOK_SECRET)], "");
    for place in Place::ADAPTERS {
        let kit = Kit::new(handshakes::ASANA, |builder| {
            builder.on_offer(|_| async { panic!("told to panic") })
        })?;
        let answer = asks.send(kit.serve(place).await?).await?;
        assert_eq!((answer.status, answer.header("x-hook-secret")), (500, None));
    }
    // Its clock runs, so that its time ends.
    let receiver = Receiver::builder(handshakes::ASANA)
        .endpoint("test")
        .secret(Secret::new("secret")?)
        .store(MemoryStore::new())
        .limits(|limits| limits.lookup_time = Duration::from_millis(20))
        .on_offer(|_| core::future::pending())
        .build()?;
    let addr = Place::AxumMethodRouter
        .start(&receiver, &Default::default())
        .await?;
    let answer = asks.send(addr).await?;
    assert_eq!((answer.status, answer.header("x-hook-secret")), (503, None));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_drains_answers_no_question() -> Tested {
    for row in rows() {
        let bench = Bench::new(row.scheme)?;
        bench.taker.wait_for_one();
        let addr = bench.kit.serve(Place::AxumMethodRouter).await?;
        bench.kit.receiver.drain(Duration::ZERO).await;
        let status = row.asks.send(addr).await?.status;
        assert_eq!(status, 503, "{}", row.scheme.name());
    }
    Ok(())
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

#[test]
fn a_receiver_without_what_its_handshake_needs_does_not_build() {
    let builder = |scheme: Scheme| {
        Receiver::builder(scheme)
            .endpoint("test")
            .secret(Sender::new(scheme).secret().unwrap())
            .store(MemoryStore::new())
    };
    let token = || Secret::new(VERIFY_TOKEN).unwrap();
    let built = builder(handshakes::META).build();
    assert_eq!(built.unwrap_err(), ConfigError::NoVerifyToken);
    let built = builder(handshakes::DROPBOX).verify_token(token()).build();
    assert_eq!(built.unwrap_err(), ConfigError::NoVerifyToken);
    for scheme in [handshakes::ASANA, handshakes::NOTION, handshakes::SNS] {
        let built = builder(scheme).build();
        assert_eq!(built.unwrap_err(), ConfigError::NoOnOffer);
    }
    let takes = |_| core::future::ready(true);
    let built = builder(handshakes::SLACK).on_offer(takes).build();
    assert_eq!(built.unwrap_err(), ConfigError::NoOnOffer);
    for scheme in [handshakes::DISCORD, handshakes::XERO] {
        let kind = RejectionKind::SignatureMismatch;
        let built = builder(scheme).status(kind, 403).build();
        assert_eq!(built.unwrap_err(), ConfigError::HandshakeNeeds401(kind));
    }
    let kind = RejectionKind::SignatureMismatch;
    assert!(builder(handshakes::SLACK).status(kind, 403).build().is_ok());
}

/// Handlers and receivers of a test with one thread log on that thread.
#[tokio::test]
async fn a_question_is_told_of_without_a_byte_of_it() -> Tested {
    log::capture();
    for row in rows() {
        let bench = Bench::new(row.scheme)?;
        bench.taker.wait_for_one();
        // actix-web has threads of its own.
        let addr = bench.kit.serve(Place::AxumMethodRouter).await?;
        let answer = row.asks.send(addr).await?;
        assert!(matches!(answer.status, 200 | 204));
        let told = log::log();
        let handshake = row.scheme.handshakes()[0];
        let [entry] = &told[..] else {
            panic!("{}: {told:?}", row.scheme.name());
        };
        assert_eq!(
            entry.says("handshake"),
            (
                Level::INFO,
                "a handshake was answered",
                Some(handshake.as_str())
            )
        );
        // Refused at the next one, where there is something to refuse.
        row.asks.send(addr).await?;
        let texts = format!(
            "{entry:?} {:?} {:?} {:?}",
            log::log(),
            bench.taker.secrets(),
            bench.kit.receiver
        );
        let secrets = [
            VERIFY_TOKEN,
            HOOK_SECRET,
            "secret_tMrl",
            "1158201444",
            "abc123",
            "reachability",
            OKTA_CHALLENGE,
        ];
        for secret in secrets {
            assert!(!texts.contains(secret), "{texts}");
        }
    }
    Ok(())
}
