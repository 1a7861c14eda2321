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

mod application;
mod deliveries;
mod questions;

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
const FEISHU_ASKS: &str = r#"{"challenge":"1b6aef1a-401f-406a-be41-f48911eabcef","token":"countersign-test-secret","type":"url_verification"}"#;
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
        Row {
            content_type: "application/json",
            ..row(
                handshakes::FEISHU,
                json_post(PATH, FEISHU_ASKS),
                r#"{"challenge":"1b6aef1a-401f-406a-be41-f48911eabcef"}"#,
                "1b6aef1a-401f-406a-be41-f48911eabcef",
            )
        },
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
