//! Messages, chats, calls, mail and live streams.

use core::time::Duration;

use countersign_core::scheme::{Encoding, Handshake, IdenticalBodies, Part, Scheme};

use crate::{
    preset::family,
    spans::{
        BODY, DAY, FIVE_MINUTES, FORM, HOUR, MINUTE, TIME, UNKNOWN, V0_TIME_BODY, copies, late,
    },
};

/// What Discord's events and interactions have in common.
#[cfg(feature = "ed25519")]
const fn discord() -> countersign_core::scheme::SchemeBuilder {
    Scheme::body_hmac("X-Signature-Ed25519")
        .algorithm(countersign_core::Algorithm::Ed25519)
        .key_format(countersign_core::scheme::KeyFormat::PublicKey)
        .signed(&[TIME, BODY])
        .json_body()
        .time_header("X-Signature-Timestamp")
        .tolerances(late(HOUR), FIVE_MINUTES)
        .response_budget(Duration::from_millis(2_500))
        .retry_span(HOUR)
}

/// Stream and QuickNode sign the text of what they compress.
const fn compressed(
    scheme: countersign_core::scheme::SchemeBuilder,
) -> countersign_core::scheme::SchemeBuilder {
    #[cfg(feature = "gzip")]
    let scheme = scheme.gzip(countersign_core::scheme::Compression::SignedBefore);
    scheme
}

family! {
    /// Slack: the version is signed as well; commands come as forms. Three retries, at once, after 1 min and
    /// after 5 min; whether they are stamped anew is not documented.
    SLACK: "slack", "Slack", High, "docs.slack.dev/authentication/verifying-requests-from-slack",
        r#"{"team_id":"TXXXXXXXX","api_app_id":"AXXXXXXXXX","event":{"type":"app_mention"}}"#, "Waits for 3 s. The first request to a URL is a signed challenge, which the receiver answers. A command has no id: its body is the id." =
        Scheme::body_hmac("X-Slack-Signature")
            .prefix("v0=")
            .signed(V0_TIME_BODY)
            .time_header("X-Slack-Request-Timestamp")
            .tolerances(late(HOUR), FIVE_MINUTES)
            .content_types(&["application/json", FORM])
            .id_pointer("/event_id")
            .event_pointer("/type")
            .response_budget(Duration::from_millis(2_500))
            .retry_span(HOUR)
            .handshakes(&[Handshake::BodyChallenge {
                at: "/type",
                is: "url_verification",
                challenge: "/challenge",
            }]);
    /// Discord's webhook events: Ed25519 over the time and the body, with nothing between them; no id, but a time in
    /// each body. The secret is the application's public key.
    @cfg("ed25519")
    DISCORD_EVENTS: "discord-events", "Discord (webhook events)", High, "docs.discord.com/developers/events/webhook-events",
        r#"{"version":1,"application_id":"1234560123453231555","event":{"timestamp":"2026-10-18T14:42:53.064834","data":{"scopes":["applications.commands"]}}}"#, "Its pings are answered with the 204 that it wants, and the wrong signatures that it sends on purpose with 401." =
        discord()
            .identical_bodies(copies(HOUR))
            .event_pointer("/event/type")
            .handshakes(&[Handshake::SignedPing {
                at: "/type",
                is: "0",
                answer: countersign_core::scheme::PingAnswer::NoContent,
            }]);
    /// Discord's interactions: as its webhook events, with an id in each body.
    @cfg("ed25519")
    DISCORD_INTERACTIONS: "discord-interactions", "Discord (interactions)", High, "docs.discord.com/developers/interactions/receiving-and-responding",
        r#"{"application_id":"1234560123453231555","type":2,"token":"a token","version":1}"#, "Its pings are answered by the receiver. A duplicate is answered 200 without your handler's body." =
        discord()
            .id_pointer("/id")
            .handshakes(&[Handshake::SignedPing {
                at: "/type",
                is: "1",
                answer: countersign_core::scheme::PingAnswer::Json(r#"{"type":1}"#),
            }]);
    /// Telnyx: Ed25519 over the time, a bar and the body. The secret is the account's public key.
    @cfg("ed25519")
    TELNYX: "telnyx", "Telnyx", High, "github.com/team-telnyx/telnyx-python src/telnyx/lib/webhook_verification.py",
        r#"{"data":{"record_type":"event","payload":{"id":"1","to":[]}},"meta":{"attempt":1}}"#, "" =
        Scheme::body_hmac("telnyx-signature-ed25519")
            .algorithm(countersign_core::Algorithm::Ed25519)
            .encoding(Encoding::Base64)
            .key_format(countersign_core::scheme::KeyFormat::PublicKey)
            .signed(&[TIME, Part::Literal("|"), BODY])
            .time_header("telnyx-timestamp")
            .tolerances(late(UNKNOWN), FIVE_MINUTES)
            .id_pointer("/data/id")
            .event_pointer("/data/event_type")
            .retry_span(UNKNOWN);
    /// SendGrid's Event Webhook: ECDSA over the time and the body, with nothing between them. The body is a list, each
    /// item a delivery of its own; the line ends that it holds are signed, too. The secret is the public key of the
    /// webhook's settings.
    @cfg("p256")
    SENDGRID: "sendgrid", "SendGrid (Event Webhook)", High, "github.com/sendgrid/sendgrid-nodejs packages/eventwebhook/src/eventwebhook.spec.js",
        r#"[{"email":"a@example.com","timestamp":1669651200}]"#, "One body holds several events, each a delivery of its own. Retried for 24 hours." =
        Scheme::body_hmac("X-Twilio-Email-Event-Webhook-Signature")
            .algorithm(countersign_core::Algorithm::EcdsaP256Sha256)
            .encoding(Encoding::Base64)
            .key_format(countersign_core::scheme::KeyFormat::PublicKey)
            .signed(&[TIME, BODY])
            .json_body()
            .time_header("X-Twilio-Email-Event-Webhook-Timestamp")
            .tolerances(late(DAY), FIVE_MINUTES)
            .batch("")
            .id_pointer("/sg_event_id")
            .event_pointer("/event")
            .retry_span(DAY);
    /// Zoom: no id at all, but `/event_ts` in each body. Retries after 5, 20 and 60 minutes.
    ZOOM: "zoom", "Zoom", High, "developers.zoom.us/docs/api/webhooks",
        r#"{"event_ts":1626230691572,"payload":{"account_id":"AAAAAABBBB","object":{"id":"1234567890"}}}"#, "Waits for 3 s. Every 72 hours a signed challenge comes, which the receiver answers." =
        Scheme::body_hmac("x-zm-signature")
            .prefix("v0=")
            .signed(V0_TIME_BODY)
            .time_header("x-zm-request-timestamp")
            .tolerances(late(HOUR.saturating_mul(2)), FIVE_MINUTES)
            .retry_span(HOUR.saturating_mul(2))
            .response_budget(Duration::from_millis(2_500))
            .identical_bodies(copies(HOUR.saturating_mul(2)))
            .event_pointer("/event")
            .handshakes(&[Handshake::EncryptedToken]);
    /// Meta (Facebook, Instagram, WhatsApp): several changes in one body, each with its time or id; no id for
    /// the delivery.
    META: "meta", "Meta, WhatsApp", Medium, "developers.facebook.com/docs/graph-api/webhooks/getting-started",
        r#"{"entry":[{"id":"0","time":1770000000,"changes":[{"field":"messages"}]}]}"#, "The app's secret signs. An unsigned GET verifies the URL first: call `verify_token` with the text that you entered at Meta. One body tells of several changes: they are handled as one delivery." =
        Scheme::body_hmac("X-Hub-Signature-256")
            .prefix("sha256=")
            .identical_bodies(copies(DAY.saturating_mul(7)))
            .event_pointer("/object")
            .body_limit(4 * 1024 * 1024)
            .retry_span(DAY.saturating_mul(7))
            .handshakes(&[Handshake::HubChallenge]);
    /// Twitch EventSub: id, a date and the body, with nothing between them.
    TWITCH: "twitch", "Twitch EventSub", High, "dev.twitch.tv/docs/eventsub/handling-webhook-events",
        r#"{"subscription":{"id":"f1c2a387-161a-49f9-a165-0f21d7a4e1c4","status":"enabled"},"event":{"user_id":"1234"}}"#, "The first request is a signed challenge, which the receiver answers." =
        Scheme::body_hmac("Twitch-Eventsub-Message-Signature")
            .prefix("sha256=")
            .signed(&[Part::Id, TIME, BODY])
            .signed_id_header("Twitch-Eventsub-Message-Id")
            .time_header("Twitch-Eventsub-Message-Timestamp")
            .time_in_rfc3339()
            .tolerances(late(HOUR), Duration::from_secs(600))
            .event_pointer("/subscription/type")
            .event_copy("Twitch-Eventsub-Subscription-Type")
            .attempt_header("Twitch-Eventsub-Message-Retry")
            .response_budget(Duration::from_millis(2_500))
            .retry_span(HOUR)
            .handshakes(&[Handshake::BodyChallenge {
                at: "/subscription/status",
                is: "webhook_callback_verification_pending",
                challenge: "/challenge",
            }]);
    /// Sinch's SMS and Conversation APIs: the body, a nonce and the time, with points between them. The nonce is the
    /// attempt's, so the body, which holds a time, is the id.
    SINCH: "sinch", "Sinch (SMS, Conversation)", High, "github.com/sinch/sinch-sdk-node packages/sdk-client/tests/utils/authorization.helper.test.ts",
        r#"{"at":"2026-01-13T09:22:40.914Z","batch_id":"01JHFFHQ0P99JPPNQPJDV7JTBP","status":"Delivered","type":"recipient_delivery_report_sms"}"#, "" =
        Scheme::body_hmac("x-sinch-webhook-signature")
            .encoding(Encoding::Base64)
            .signed(&[
                BODY,
                Part::Literal("."),
                Part::Header("x-sinch-webhook-signature-nonce"),
                Part::Literal("."),
                TIME,
            ])
            .time_header("x-sinch-webhook-signature-timestamp")
            .tolerances(late(UNKNOWN), FIVE_MINUTES)
            .identical_bodies(copies(UNKNOWN))
            .retry_span(UNKNOWN);
    /// MailerSend: bare hex over the body; each activity has an id.
    MAILERSEND: "mailersend", "MailerSend", Medium, "developers.mailersend.com/api/v1/webhooks.html",
        r#"{"domain_id":"7z3m5jgrogdpyo6n","created_at":"2026-01-01T12:00:00.000000Z","data":{"object":"activity","email":{"id":"62f114f7165fe0d8db0288e2"}}}"#, "" =
        Scheme::body_hmac("Signature")
            .id_pointer("/data/id")
            .event_pointer("/type")
            .retry_span(UNKNOWN);
    /// LINE: base64 over the body; several events in one body, each with its id and time; no id for the delivery.
    LINE: "line", "LINE Messaging API", High, "github.com/line/line-bot-sdk-nodejs test/middleware.spec.ts",
        r#"{"destination":"xxxxxxxxxx","events":[{"mode":"active","timestamp":1692251666727}]}"#, "The channel's secret signs. One body holds several events, each a delivery of its own; one without any is a test." =
        Scheme::body_hmac("x-line-signature")
            .encoding(Encoding::Base64)
            .batch("/events")
            .id_pointer("/webhookEventId")
            .event_pointer("/type")
            .retry_span(DAY);
    /// Intercom: SHA-1.
    @cfg("legacy-sha1")
    INTERCOM: "intercom", "Intercom", Medium, "developers.intercom.com/docs/webhooks/webhook-notifications",
        r#"{"app_id":"a86dr8yl","data":{"item":{"type":"ping"}},"created_at":1539943539}"#, "The app's client secret signs. One retry after a minute." =
        Scheme::body_hmac("X-Hub-Signature")
            .prefix("sha1=")
            .algorithm(countersign_core::Algorithm::HmacSha1)
            .id_pointer("/id")
            .event_pointer("/topic")
            .pings(&["ping"])
            .response_budget(Duration::from_secs(4))
            .retry_span(MINUTE.saturating_mul(10))
            .handshakes(&[Handshake::Probe]);
    /// Webex: SHA-1.
    @cfg("legacy-sha1")
    WEBEX: "webex", "Webex", High, "developer.webex.com/blog/using-a-webhook-secret",
        r#"{"name":"My Awesome Webhook","resource":"messages","data":{"id":"Y2lzY29zcGFyazovL3VzL01FU1NBR0UvOT"},"created":"2026-10-18T14:26:16.000Z"}"#, "" =
        Scheme::body_hmac("X-Spark-Signature")
            .algorithm(countersign_core::Algorithm::HmacSha1)
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/event")
            .retry_span(UNKNOWN);
    /// Help Scout: SHA-1 and base64; no id, and a type in a header alone, so one body can be of two events.
    @cfg("legacy-sha1")
    HELP_SCOUT: "help-scout", "Help Scout", High, "github.com/helpscout/helpscout-api-php src/Webhooks/IncomingWebhook.php",
        r#"{"id":10,"number":12,"status":"active","updatedAt":"2026-03-15T22:46:22Z"}"#, "" =
        Scheme::body_hmac("X-HelpScout-Signature")
            .algorithm(countersign_core::Algorithm::HmacSha1)
            .encoding(Encoding::Base64)
            .identical_bodies(IdenticalBodies::Events)
            .event_header("X-HelpScout-Event")
            .pings(&["helpscout.test"])
            .retry_span(UNKNOWN);
    /// Sinch's Numbers API: SHA-1.
    @cfg("legacy-sha1")
    SINCH_NUMBERS: "sinch-numbers", "Sinch (Numbers)", High, "github.com/sinch/sinch-sdk-node packages/numbers/tests/rest/v1/callbacks/callbacks-webhook.test.ts",
        r#"{"timestamp":"2026-02-10T17:22:09.412722588","resourceId":"+17818510001","status":"SUCCEEDED"}"#, "" =
        Scheme::body_hmac("X-Sinch-Signature")
            .algorithm(countersign_core::Algorithm::HmacSha1)
            .id_pointer("/eventId")
            .event_pointer("/eventType")
            .retry_span(UNKNOWN);
    /// Zendesk: a date and the body, with nothing between them; the id is in a header that is not signed.
    ZENDESK: "zendesk", "Zendesk", Medium, "developer.zendesk.com/documentation/webhooks/verifying",
        r#"{"account_id":12514403,"detail":{"id":"8447388090494"},"subject":"zen:ticket:8447388090494"}"#, "Retried on 409, 429, 503 and timeouts only." =
        Scheme::body_hmac("X-Zendesk-Webhook-Signature")
            .encoding(Encoding::Base64)
            .signed(&[TIME, BODY])
            .time_header("X-Zendesk-Webhook-Signature-Timestamp")
            .time_in_rfc3339()
            .tolerances(late(HOUR), FIVE_MINUTES)
            .id_header("X-Zendesk-Webhook-Invocation-Id")
            .event_pointer("/type")
            .retry_span(HOUR);
    /// X (Twitter): a prefix before base64; no id, but ids and times of what it tells in each body.
    X: "x", "X (Twitter)", High, "docs.x.com/x-api/webhooks/quickstart",
        r#"{"for_user_id":"2244994945","tweet_create_events":[{"created_at":"Wed Jan 10 02:13:32 +0000 2026","id_str":"1"}]}"#, "The app's consumer secret signs. An unsigned GET challenges the URL every hour, which the receiver answers. Wants 200." =
        Scheme::body_hmac("x-twitter-webhooks-signature")
            .prefix("sha256=")
            .encoding(Encoding::Base64)
            .identical_bodies(copies(DAY))
            .retry_span(DAY)
            .handshakes(&[Handshake::CrcToken]);
    /// Stream Chat: the id is in a header that is not signed. What is signed is the text, also where the body is
    /// compressed, which needs the feature `gzip`.
    STREAM_CHAT: "stream-chat", "Stream Chat", High, "github.com/GetStream/stream-chat-go docs/webhooks/webhooks_overview/webhooks_overview.md",
        r#"{"cid":"messaging:fun","message":{"id":"1"},"created_at":"2026-01-01T00:00:00Z"}"#, "The app's API secret signs. Where compression of hooks is on, turn the feature `gzip` on." =
        compressed(Scheme::body_hmac("X-Signature"))
            .id_header("X-Webhook-Id")
            .event_pointer("/type")
            .attempt_header("X-Webhook-Attempt")
            .retry_span(DAY);
    /// Feishu and Lark, with an Encrypt Key: a plain SHA-256 over the time, a nonce, the key and the body, with nothing
    /// between them. No HMAC: that the hash cannot be extended is due to the body, which must be JSON. What is inside
    /// of the body is encrypted, so there is no id; each encryption begins with random bytes.
    FEISHU: "feishu", "Feishu, Lark", Medium, "open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case",
        r#"{"encrypt":"FIAfJPGRmFZWkaxPQ1XrJZVbv2JwdjfLk4jx0k/U1deAqYK3AXOZ5zcHt/cC4ZNT"}"#, "The Encrypt Key signs, by a plain SHA-256 that holds it: weaker than an HMAC. Your handler decrypts the body with it (AES-256-CBC). The request that verifies the URL is encrypted, too, so it cannot be answered here: have it answered by a route of your own while you register the URL. Without an Encrypt Key nothing is signed." =
        Scheme::body_hmac("X-Lark-Signature")
            .algorithm(countersign_core::Algorithm::PlainSha256)
            .signed(&[TIME, Part::Header("X-Lark-Request-Nonce"), Part::Secret, BODY])
            .json_body()
            .time_header("X-Lark-Request-Timestamp")
            .time_digits(10)
            .tolerances(late(HOUR.saturating_mul(8)), FIVE_MINUTES)
            .identical_bodies(copies(HOUR.saturating_mul(8)))
            .response_budget(Duration::from_millis(2_500))
            .retry_span(HOUR.saturating_mul(8));
    /// QuickNode's Streams: a nonce, the time and the text, with nothing between them; compression comes after that.
    QUICKNODE: "quicknode", "QuickNode (Streams)", Medium, "quicknode.com/guides/quicknode-products/streams/validating-incoming-streams-webhook-messages",
        r#"[{"block":{"number":"0x1"}}]"#, "The stream's security token signs. Where compression is on, turn the feature `gzip` on. What a filter returns can be the same twice: every request is handled." =
        compressed(Scheme::body_hmac("x-qn-signature"))
            .signed(&[Part::Header("x-qn-nonce"), TIME, BODY])
            .json_body()
            .time_header("x-qn-timestamp")
            .time_digits(10)
            .tolerances(late(UNKNOWN), FIVE_MINUTES)
            .identical_bodies(IdenticalBodies::Events)
            .retry_span(UNKNOWN);
    /// Podium: milliseconds in a header of their own; no id.
    PODIUM: "podium", "Podium", Medium, "docs.podium.com/docs/verifying-webhook-signatures",
        r#"{"data":{"uid":"1"},"metadata":{"version":"2021.04.01"}}"#, "" =
        Scheme::body_hmac("podium-signature")
            .signed(crate::spans::TIME_DOT_BODY)
            .time_header("podium-timestamp")
            .time_in_millis()
            .tolerances(late(UNKNOWN), FIVE_MINUTES)
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/metadata/eventType")
            .retry_span(UNKNOWN);
    /// Dropbox: only says that something changed; no id and no type, so every notification is handled.
    DROPBOX: "dropbox", "Dropbox", Medium, "dropbox.com/developers/reference/webhooks",
        r#"{"list_folder":{"accounts":["dbid:AAH4f99T0taONIb"]}}"#, "An unsigned GET verifies the URL first, which the receiver answers." =
        Scheme::body_hmac("X-Dropbox-Signature")
            .identical_bodies(IdenticalBodies::Events)
            .retry_span(MINUTE.saturating_mul(15))
            .handshakes(&[Handshake::QueryChallenge {
                parameter: "challenge",
            }]);
}
