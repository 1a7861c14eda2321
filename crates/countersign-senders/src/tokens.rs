//! Senders that send a shared secret and **sign nothing**.
//!
//! A token proves who sent a request, and nothing about it: whoever reads one request, in a log or at a proxy, can
//! send any other. So a verifier and a receiver of these build only with
//! [`accept_unsigned_body`](countersign_core::VerifierBuilder::accept_unsigned_body), and the id and the type of an
//! event are claims. Where it matters, let the handler fetch what the body is about from the sender.
//!
//! ```
//! use countersign_core::{Secret, Verifier};
//! use countersign_senders::tokens;
//!
//! let builder = Verifier::builder(tokens::TELEGRAM).secret(Secret::new("the token")?);
//! assert!(builder.build().is_err());
//!
//! let builder = Verifier::builder(tokens::TELEGRAM).secret(Secret::new("the token")?);
//! assert!(builder.accept_unsigned_body().build().is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::time::Duration;

use countersign_core::scheme::{Encoding, Handshake, IdenticalBodies, Scheme};

use crate::{
    preset::family,
    spans::{DAY, HOUR, copies},
};

family! {
    /// Telegram's bots: the `secret_token` of `setWebhook`. Updates are kept for 24 hours and have numbers that count
    /// up; the type is which key is there.
    TELEGRAM: "telegram", "Telegram Bot API", High, "core.telegram.org/bots/api",
        r#"{"message":{"message_id":1365,"date":1441645532,"text":"/start"}}"#, "Signs nothing. The token is 1 to 256 letters, digits, `_` and `-`. An answer may hold a call of a method; a copy is answered without." =
        Scheme::token("X-Telegram-Bot-Api-Secret-Token")
            .id_pointer("/update_id")
            .retry_span(DAY);
    /// Postmark: basic authentication, as the webhook's URL or settings have it. A message has several events and one
    /// id, so the body, which holds a time, is the id. Retried for up to 11 hours.
    POSTMARK: "postmark", "Postmark", Medium, "postmarkapp.com/developer/webhooks/webhooks-overview",
        r#"{"MessageID":"883953f4-6105-42a2-a16a-77a8eac79483","Recipient":"john@example.com","DeliveredAt":"2026-11-05T16:33:54.9070259Z"}"#, "Signs nothing. The secret is `user:password`. Wants 200; 403 ends the retries." =
        Scheme::token("Authorization")
            .prefix("Basic ")
            .encoding(Encoding::Base64)
            .identical_bodies(copies(HOUR.saturating_mul(11)))
            .event_pointer("/RecordType")
            .retry_span(HOUR.saturating_mul(11));
    /// GitLab's secret token, which its signing token replaces. Retries have the key of the first attempt.
    GITLAB_TOKEN: "gitlab-token", "GitLab (secret token)", High, "docs.gitlab.com/user/project/integrations/webhooks",
        r#"{"event_name":"push","project_id":15,"ref":"refs/heads/main"}"#, "Signs nothing: prefer the signing token (`gitlab`). After 4 failures in a row the webhook is off for a minute, then for longer; after 40 until somebody enables it." =
        Scheme::token("X-Gitlab-Token")
            .id_header("Idempotency-Key")
            .event_pointer("/object_kind")
            .body_limit(25 * 1024 * 1024)
            .retry_span(DAY)
            .switch_off_after(40);
    /// Documenso: no id, and each attempt has a `createdAt` of its own, so that no retry can be told from a new event.
    DOCUMENSO: "documenso", "Documenso", High, "docs.documenso.com/developers/webhooks/verification",
        r#"{"payload":{"id":10,"status":"COMPLETED"},"createdAt":"2026-04-22T11:52:18.277Z","webhookEndpoint":"https://example.com/webhook"}"#, "Signs nothing. A retry is rendered anew and cannot be known for one: your handler must be idempotent." =
        Scheme::token("X-Documenso-Secret")
            .identical_bodies(IdenticalBodies::Events)
            .event_pointer("/event")
            .retry_span(DAY);
    /// Okta's event hooks: several events in one body, each a delivery of its own. One retry.
    OKTA: "okta", "Okta (event hooks)", High, "developer.okta.com/docs/concepts/event-hooks",
        r#"{"eventType":"com.okta.event_hook","eventId":"b5a188b9-5ece-4636-b041-482ffda96311","data":{"events":[{"published":"2026-03-28T22:23:07.777Z","displayMessage":"User login to Okta"}]}}"#, "Signs nothing. The secret is the whole header, as you entered it. The GET that verifies the URL is answered. Waits for 3 s; answers of 4xx end the retries." =
        Scheme::token("Authorization")
            .batch("/data/events")
            .id_pointer("/uuid")
            .event_pointer("/eventType")
            .response_budget(Duration::from_millis(2_500))
            .retry_span(HOUR)
            .handshakes(&[Handshake::HeaderChallenge {
                header: "X-Okta-Verification-Challenge",
                field: "verification",
            }]);
    /// Auth0's log streams in the format *JSON Array*: each log is a delivery.
    AUTH0: "auth0", "Auth0 (log streams)", Medium, "auth0.com/docs/customize/log-streams/custom-log-streams",
        r#"[{"data":{"date":"2026-01-29T17:26:50.193Z","client_id":"ci"}}]"#, "Signs nothing. The secret is the whole header, with `Bearer` if you entered that. Choose JSON Array: JSON Lines is no JSON, and is refused." =
        Scheme::token("Authorization")
            .batch("")
            .id_pointer("/log_id")
            .event_pointer("/data/type")
            .retry_span(DAY);
    /// Azure Event Grid with CloudEvents: the token is a delivery property, a header that you set yourself.
    AZURE_EVENT_GRID: "azure-event-grid", "Azure Event Grid (CloudEvents)", Medium, "learn.microsoft.com/azure/event-grid/delivery-properties",
        r#"{"specversion":"1.0","source":"/subscriptions/1/resourceGroups/2","time":"2026-10-22T20:49:05Z","data":{"api":"PutBlob"}}"#, "Signs nothing. Choose the CloudEvents schema without batching, and set `X-Event-Grid-Token` as a static, secret delivery property. The OPTIONS request that comes first is answered. A token of Entra ID or a secret in the URL's query cannot be said." =
        Scheme::token("X-Event-Grid-Token")
            .id_pointer("/id")
            .event_pointer("/type")
            .retry_span(DAY)
            .handshakes(&[Handshake::AbuseProtection {
                origins: &["eventgrid.azure.net"],
            }]);
}
