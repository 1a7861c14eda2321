//! Senders that follow Standard Webhooks, or use Svix, whose headers have other names.
//!
//! They differ in where the type of an event is, in how long they retry, and in their secrets.

use countersign_core::scheme::{KeyFormat, Scheme};

use crate::{
    preset::family,
    spans::{DAY, HOUR, MINUTE, UNKNOWN},
    standard_webhooks::{SCHEME as STANDARD, SVIX},
};

family! {
    /// OpenAI: retries for 72 hours; an answer of 3xx is a failure.
    OPENAI: "openai", "OpenAI", High, "platform.openai.com/docs/guides/webhooks",
        r#"{"object":"event","created_at":1750287018,"data":{"id":"resp_abc123"}}"#, "" =
        STANDARD.to_builder().retry_span(UNKNOWN);
    /// Standard Webhooks with Ed25519: version `v1a`. The secret is the sender's public key.
    @cfg("ed25519")
    ASYMMETRIC: "standard-webhooks-ed25519", "Standard Webhooks (Ed25519)", High, "github.com/standard-webhooks/standard-webhooks",
        r#"{"timestamp":"2026-11-03T20:26:10.344522Z","data":{"id":"1"}}"#, "A header may hold `v1` and `v1a` signatures; this reads the latter." =
        STANDARD.to_builder()
            .versioned(&["v1a"])
            .algorithm(countersign_core::Algorithm::Ed25519)
            .key_format(KeyFormat::PublicKeyAfterPrefix("whpk_"));
    /// Clerk, by Svix.
    CLERK: "clerk", "Clerk", High, "clerk.com/docs/guides/development/webhooks/overview",
        r#"{"object":"event","data":{"id":"user_29w83sxmDNGwOuEthce5gg56FcC"}}"#, "" =
        SVIX.to_builder().retry_span(HOUR.saturating_mul(28));
    /// Resend, by Svix.
    RESEND: "resend", "Resend", High, "resend.com/docs/webhooks/retries-and-replays",
        r#"{"created_at":"2026-02-22T23:41:12Z","data":{"email_id":"56761188-7520-42d8-8898-ff6fc54ce618"}}"#, "" =
        SVIX.to_builder().retry_span(HOUR.saturating_mul(28));
    /// Replicate: the type is the prediction's status; terminal states are retried for about a minute.
    REPLICATE: "replicate", "Replicate", High, "github.com/replicate/replicate-javascript lib/util.js",
        r#"{"id":"ufawqhfynnddngldkgtslldrkq","output":null}"#, "" =
        STANDARD.to_builder().event_pointer("/status").retry_span(MINUTE.saturating_mul(10));
    /// Dodo Payments.
    DODO_PAYMENTS: "dodo-payments", "Dodo Payments", Medium, "github.com/Hookflo/tern src/platforms/algorithms.ts",
        r#"{"business_id":"bus_1","data":{"payment_id":"pay_1"}}"#, "" =
        STANDARD.to_builder().retry_span(UNKNOWN);
    /// Polar: the whole text of the secret is the key.
    POLAR: "polar", "Polar", Medium, "github.com/polarsource/polar/pull/13522",
        r#"{"data":{"id":"ord_1","status":"paid"}}"#, "Secrets that begin with `whsec_` are decoded by its library: use `STANDARD`'s scheme for them." =
        STANDARD.to_builder().key_format(KeyFormat::Text).retry_span(UNKNOWN);
    /// GitLab's signing token, with the id under a second name. Single deliveries are not retried.
    GITLAB: "gitlab", "GitLab (signing token)", High, "docs.gitlab.com/user/project/integrations/webhooks",
        r#"{"event_name":"push","project_id":15,"ref":"refs/heads/main"}"#, "After 4 failures in a row the webhook is off for a minute, then for longer; after 40 until somebody enables it." =
        STANDARD.to_builder()
            .id_copy("Idempotency-Key")
            .event_pointer("/object_kind")
            .body_limit(25 * 1024 * 1024)
            .retry_span(DAY)
            .switch_off_after(40);
    /// Finch: the same under its own header names; the key is base64 without a prefix.
    FINCH: "finch", "Finch", High, "github.com/Finch-API/finch-api-node tests/api-resources/webhooks.test.ts",
        r#"{"company_id":"720be419-0293-4d32-a707-32179b0827ab","data":{}}"#, "" =
        Scheme::body_hmac("Finch-Signature")
            .versioned(&["v1"])
            .encoding(countersign_core::scheme::Encoding::Base64)
            .key_format(KeyFormat::Base64)
            .signed(STANDARD.signed())
            .signed_id_header("Finch-Event-Id")
            .time_header("Finch-Timestamp")
            .tolerances(crate::spans::late(UNKNOWN), crate::spans::FIVE_MINUTES)
            .event_pointer("/event_type")
            .retry_span(UNKNOWN);
}
