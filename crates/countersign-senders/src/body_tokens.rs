//! Senders that write a shared secret into the body and **sign nothing**.
//!
//! A token proves who sent a request, and nothing about it: whoever reads one request can send any other. A verifier
//! and a receiver of these build only with
//! [`accept_unsigned_body`](countersign_core::VerifierBuilder::accept_unsigned_body). Where it matters, let the handler
//! fetch what the body is about from the sender.
//!
//! ```
//! use countersign_core::{Secret, Timestamp, Verifier};
//! use countersign_senders::body_tokens::MICROSOFT_GRAPH;
//!
//! let builder = || Verifier::builder(MICROSOFT_GRAPH).secret(Secret::new("the clientState").unwrap());
//! assert!(builder().build().is_err());
//! let verifier = builder().accept_unsigned_body().build()?;
//!
//! let request = http::Request::post("/").body(())?;
//! let judge = |body: &'static str| verifier.verify(&request, body.into(), Timestamp::now());
//! assert!(judge(r#"{"value":[{"clientState":"the clientState"}]}"#).is_ok());
//! // One item without it, and the whole is refused.
//! assert!(judge(r#"{"value":[{"clientState":"the clientState"},{}]}"#).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::time::Duration;

use countersign_core::scheme::{Handshake, IdenticalBodies, Scheme};

use crate::{preset::family, spans::HOUR};

family! {
    /// Microsoft Graph's change notifications: the `clientState` of the subscription, in every item. The id of an item
    /// is optional, and two items may be the same byte for byte, so every item is handled.
    MICROSOFT_GRAPH: "microsoft-graph", "Microsoft Graph", High, "learn.microsoft.com/graph/change-notifications-delivery-webhooks",
        r#"{"value":[{"subscriptionId":"0fc0d6db-0073-42e5-a186-853da75fb308","subscriptionExpirationDateTime":"2026-03-19T22:11:09.952Z","resource":"users/1/messages/2"}]}"#, "Signs nothing. The secret is the `clientState` that you subscribe with: a subscription without one is refused. Retries come for 4 hours, and items may come twice: your handler must be idempotent. The validation of the URL is answered. The tokens of rich notifications (`validationTokens`) are not checked." =
        Scheme::token_in_body("/value/*/clientState")
            .batch("/value")
            .identical_bodies(IdenticalBodies::Events)
            .event_pointer("/changeType")
            .response_budget(Duration::from_millis(2_500))
            .retry_span(HOUR.saturating_mul(4))
            .handshakes(&[Handshake::ValidationToken]);
    /// Feishu and Lark without an Encrypt Key: the Verification Token, in the head of the event.
    FEISHU_TOKEN: "feishu-token", "Feishu, Lark (Verification Token)", Medium, "open.feishu.cn/document/event-subscription-guide/event-subscription-configure-/request-url-configuration-case",
        r#"{"schema":"2.0","header":{"create_time":"1608725989000","app_id":"cli_xxx"},"event":{"object":{"open_id":"ou_1"}}}"#, "Signs nothing: with an Encrypt Key it signs (`feishu`). The secret is the Verification Token. Events of version 2.0 only. The question that verifies the URL is answered. Waits for 3 s." =
        Scheme::token_in_body("/header/token")
            .id_pointer("/header/event_id")
            .event_pointer("/header/event_type")
            .response_budget(Duration::from_millis(2_500))
            .retry_span(HOUR.saturating_mul(8))
            .handshakes(&[Handshake::TokenChallenge {
                at: "/type",
                is: "url_verification",
                token: "/token",
                challenge: "/challenge",
            }]);
}
