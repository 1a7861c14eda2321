//! Documents, surveys, calendars, accounts, accounting and sales.

use core::time::Duration;

use countersign_core::scheme::{Encoding, Handshake, IdenticalBodies, Part, Scheme};

use crate::{
    preset::family,
    spans::{BODY, DAY, FIVE_MINUTES, MINUTE, TIME, TIME_DOT_BODY, UNKNOWN, copies, late},
};

family! {
    /// Docusign Connect: numbered headers, one for each active key. No id, but `/generatedDateTime` in each body;
    /// retried for days.
    DOCUSIGN: "docusign", "Docusign Connect", Medium, "developers.docusign.com/platform/webhooks/connect/validate",
        r#"{"generatedDateTime":"2026-08-18T17:14:36.5450000Z","data":{"envelopeId":"1dd2b2f1-6ee9-4be1-9bd9-ab2c3b6c1b5e"}}"#, "" =
        Scheme::body_hmac("X-DocuSign-Signature-")
            .numbered_header()
            .encoding(Encoding::Base64)
            .identical_bodies(copies(DAY.saturating_mul(15)))
            .event_pointer("/event")
            .retry_span(DAY.saturating_mul(15));
    /// Xero: the key looks like base64 and is text. No id, but sequence numbers in each body.
    XERO: "xero", "Xero", Medium, "developer.xero.com/documentation/guides/webhooks/overview",
        r#"{"events":[{"resourceId":"717f2bfc-c6d4-41fd-b238-3f2f0c0cf777","eventDateUtc":"2026-06-21T01:15:39.902"}],"firstEventSequence":1,"lastEventSequence":1}"#, "It tries right and wrong signatures first, which get the 200 and 401 that it wants. One body tells of several events: they are handled as one delivery." =
        Scheme::body_hmac("x-xero-signature")
            .encoding(Encoding::Base64)
            .identical_bodies(copies(DAY.saturating_mul(2)))
            .response_budget(Duration::from_secs(4))
            .retry_span(DAY.saturating_mul(2))
            .handshakes(&[Handshake::IntentToReceive])
            .done_body("");
    /// Intuit (QuickBooks): several events in one body, each with its time; no id for the delivery.
    INTUIT: "intuit", "Intuit QuickBooks", Medium, "developer.intuit.com/app/developer/qbo/docs/develop/webhooks",
        r#"{"eventNotifications":[{"realmId":"1185883450","dataChangeEvent":{"entities":[{"name":"Customer","id":"1","operation":"Create","lastUpdated":"2026-10-05T14:42:19-07:00"}]}}]}"#, "The app's verifier token signs. One body tells of several events: they are handled as one delivery." =
        Scheme::body_hmac("intuit-signature")
            .encoding(Encoding::Base64)
            .identical_bodies(copies(UNKNOWN))
            .response_budget(Duration::from_millis(2_500))
            .retry_span(UNKNOWN);
    /// Calendly: no id, but `/created_at` in each body. Retried for 24 hours, then disabled.
    CALENDLY: "calendly", "Calendly", Medium, "developer.calendly.com/api-docs/4c305798a61d3-webhook-signatures",
        r#"{"created_at":"2026-11-27T12:00:00.000000Z","payload":{"email":"test@example.com"}}"#, "" =
        Scheme::body_hmac("Calendly-Webhook-Signature")
            .pairs(',', &["v1"])
            .time_key("t")
            .signed(TIME_DOT_BODY)
            .tolerances(late(DAY), MINUTE.saturating_mul(3))
            .retry_span(DAY)
            .identical_bodies(copies(DAY))
            .event_pointer("/event");
    /// Cal.com: no id, but `/createdAt` in each body.
    CAL_COM: "cal-com", "Cal.com", Medium, "cal.com/docs/developing/guides/automation/webhooks",
        r#"{"createdAt":"2026-05-24T09:30:00.538Z","payload":{"uid":"bFJeNb2uX8ANpT3JL5EfXw"}}"#, "" =
        Scheme::body_hmac("X-Cal-Signature-256")
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/triggerEvent")
            .retry_span(UNKNOWN);
    /// WorkOS: milliseconds, and a blank after the comma.
    WORKOS: "workos", "WorkOS", High, "github.com/workos/workos-node src/common/crypto/signature-provider.ts",
        r#"{"data":{"id":"directory_01","object":"directory"},"created_at":"2026-06-25T19:07:33.155Z"}"#, "" =
        Scheme::body_hmac("WorkOS-Signature")
            .pairs(',', &["v1"])
            .time_key("t")
            .time_in_millis()
            .signed(TIME_DOT_BODY)
            .tolerances(late(UNKNOWN), MINUTE.saturating_mul(3))
            .id_pointer("/id")
            .event_pointer("/event")
            .retry_span(UNKNOWN);
    /// Notion: the verification token of the first, unsigned request is the key.
    NOTION: "notion", "Notion", High, "developers.notion.com/reference/webhooks",
        r#"{"timestamp":"2026-12-05T23:57:05.379Z","workspace_id":"13950b26-c203-4f3b-b97d-93ec06319565","entity":{"id":"1","type":"page"}}"#, "The first request brings the key, unsigned: `on_offer` gets it." =
        Scheme::body_hmac("X-Notion-Signature")
            .prefix("sha256=")
            .id_pointer("/id")
            .event_pointer("/type")
            .retry_span(UNKNOWN)
            .handshakes(&[Handshake::VerificationToken]);
    /// Onfido: no id, but the object's id and time in each body.
    ONFIDO: "onfido", "Onfido", High, "github.com/onfido/onfido-python tests/test_classic_webhook_event_verification.py",
        r#"{"payload":{"resource_type":"check","object":{"id":"check-123","completed_at_iso8601":"2026-01-01T00:00:00Z"}}}"#, "" =
        Scheme::body_hmac("X-SHA2-Signature")
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/payload/action")
            .retry_span(UNKNOWN);
    /// Box: two headers, one for each active key; a date follows the body with nothing between them. The id is
    /// new on each attempt, so the body is the id.
    BOX: "box", "Box", High, "github.com/box/box-node-sdk tests/lib/managers/webhooks-test.js",
        r#"{"id":"0f66f9bd-90a3-4c4d-9dcd-b2f5f8a9c1c9","created_at":"2026-01-01T00:00:00-07:00","source":{"id":"1","type":"file"}}"#, "" =
        Scheme::body_hmac("box-signature-primary")
            .all_headers_of(&["box-signature-primary", "box-signature-secondary"])
            .encoding(Encoding::Base64)
            .signed(&[BODY, TIME])
            .time_header("box-delivery-timestamp")
            .time_in_rfc3339()
            .tolerances(late(UNKNOWN), Duration::from_secs(600))
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/trigger")
            .attempt_header("box-delivery-id")
            .retry_span(UNKNOWN);
    /// ElevenLabs: pairs under `v0`; its library allows 30 minutes. The id is the conversation's.
    ELEVENLABS: "elevenlabs", "ElevenLabs", High, "github.com/elevenlabs/elevenlabs-js src/wrapper/webhooks.ts",
        r#"{"event_timestamp":1739537297,"data":{"agent_id":"xyz","status":"done"}}"#, "Off after 10 failures in a row." =
        Scheme::body_hmac("ElevenLabs-Signature")
            .pairs(',', &["v0"])
            .time_key("t")
            .signed(TIME_DOT_BODY)
            .tolerances(late(UNKNOWN), MINUTE.saturating_mul(30))
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/type")
            .switch_off_after(10)
            .retry_span(UNKNOWN);
    /// Asana: the secret of the handshake signs. No id, and a heartbeat is the same body each time: every request
    /// is handled.
    ASANA: "asana", "Asana", Medium, "developers.asana.com/docs/webhooks-guide",
        r#"{"events":[{"action":"changed","created_at":"2026-08-21T18:20:37.972Z","resource":{"gid":"1337"}}]}"#, "The first request brings the key, unsigned: `on_offer` gets it. An empty list is a heartbeat." =
        Scheme::body_hmac("X-Hook-Signature")
            .identical_bodies(IdenticalBodies::Events)
            .retry_span(DAY)
            .handshakes(&[Handshake::HookSecret]);
    /// Invoiless: a prefix before base64; no id.
    INVOILESS: "invoiless", "Invoiless", Medium, "docs.invoiless.com/docs/webhooks",
        r#"{"data":{"id":"66c5","status":"Paid"}}"#, "Wants exactly 200." =
        Scheme::body_hmac("invoiless-signature")
            .prefix("sha256=")
            .encoding(Encoding::Base64)
            .identical_bodies(IdenticalBodies::Events)
            .event_pointer("/type")
            .retry_span(UNKNOWN);
    /// HubSpot v3: the method, the URL, the body and the time in milliseconds, with nothing between them. Several
    /// events in one body; no id for the delivery.
    HUBSPOT_V3: "hubspot-v3", "HubSpot (v3)", High, "developers.hubspot.com/docs/guides/api/app-management/webhooks",
        r#"[{"eventId":100,"subscriptionType":"contact.creation","objectId":123,"occurredAt":1752613200000,"attemptNumber":0}]"#, "The URL is that of the app's settings, with percent-escapes decoded as HubSpot does. The body of a retry counts its attempts and so differs: your handler must be idempotent." =
        Scheme::body_hmac("X-HubSpot-Signature-v3")
            .encoding(Encoding::Base64)
            .signed(&[Part::Literal("POST"), Part::Url, BODY, TIME])
            .json_body()
            .time_header("X-HubSpot-Request-Timestamp")
            .time_in_millis()
            .tolerances(late(DAY), FIVE_MINUTES)
            .identical_bodies(copies(DAY))
            .response_budget(Duration::from_secs(4))
            .retry_span(DAY);
    /// HubSpot v1, of webhooks whose app is not on v3: the secret and the body, in a plain hash.
    HUBSPOT_V1: "hubspot-v1", "HubSpot (v1)", High, "github.com/HubSpot/hubspot-api-python tests/spec/utils/test_signature.py",
        r#"[{"eventId":100,"subscriptionType":"contact.creation","objectId":123,"occurredAt":1752613200000,"attemptNumber":0}]"#, "A plain hash, no MAC: use v3 where the request has both. The body of a retry counts its attempts and so differs: your handler must be idempotent." =
        Scheme::body_hmac("X-HubSpot-Signature")
            .algorithm(countersign_core::Algorithm::PlainSha256)
            .signed(&[Part::Secret, BODY])
            .json_body()
            .identical_bodies(copies(DAY))
            .response_budget(Duration::from_secs(4))
            .retry_span(DAY);
    /// HubSpot v2, of workflows and cards: the secret, the method, the URL and the body, in a plain hash. Nothing says
    /// when or how often something happened.
    HUBSPOT_V2: "hubspot-v2", "HubSpot (v2)", High, "github.com/HubSpot/hubspot-api-nodejs test/unit/signature.spec.ts",
        r#"{"objectId":123,"properties":{"firstname":"Ada"}}"#, "A plain hash, no MAC: use v3 where the request has both. The URL is that of the app's settings. Every request is handled: your handler must be idempotent." =
        Scheme::body_hmac("X-HubSpot-Signature")
            .algorithm(countersign_core::Algorithm::PlainSha256)
            .signed(&[Part::Secret, Part::Literal("POST"), Part::Url, BODY])
            .json_body()
            .identical_bodies(IdenticalBodies::Events)
            .response_budget(Duration::from_secs(4))
            .retry_span(DAY);
    /// SurveyMonkey: SHA-1. The key is the app's client id and its secret, with `&` between them.
    @cfg("legacy-sha1")
    SURVEY_MONKEY: "survey-monkey", "SurveyMonkey", High, "github.com/SurveyMonkey/public_api_docs includes/_webhooks.md",
        r#"{"name":"My Webhook","object_type":"response","object_id":"123456","event_datetime":"2026-01-01T21:56:31.182613+00:00"}"#, "The secret is `client_id&client_secret`, as one text. The URL is probed with HEAD when the webhook is made, which is answered." =
        Scheme::body_hmac("Sm-Signature")
            .algorithm(countersign_core::Algorithm::HmacSha1)
            .encoding(Encoding::Base64)
            .id_pointer("/event_id")
            .event_pointer("/event_type")
            .retry_span(UNKNOWN)
            .handshakes(&[Handshake::Probe]);
}
