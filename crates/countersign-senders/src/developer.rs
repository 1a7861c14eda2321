//! Source code, builds, deployments, incidents and error reports.

use countersign_core::scheme::{RetryTime, Scheme};

use crate::{
    preset::family,
    spans::{FIVE_MINUTES, HOUR, MINUTE, TIME_COLON_BODY, TIME_DOT_BODY, UNKNOWN, copies, late},
};

family! {
    /// Linear: milliseconds in the signed body, and a copy of the type that is not signed. Retries after 1 min,
    /// 1 h and 6 h keep their first time.
    LINEAR: "linear", "Linear", High, "github.com/linear/linear packages/sdk/src/webhooks/client.ts",
        r#"{"action":"create","createdAt":"2026-01-23T12:53:18.084Z","data":{"id":"2174add1-f7c8-44e3-bbf3-2d60b5ea8bc9"}}"#, "Its own library's 60 s would refuse the later retries." =
        Scheme::body_hmac("Linear-Signature")
            .time_pointer("/webhookTimestamp")
            .time_in_millis()
            .tolerances(late(HOUR.saturating_mul(8)), MINUTE)
            .retry_time(RetryTime::Kept)
            .retry_span(HOUR.saturating_mul(8))
            .response_budget(core::time::Duration::from_secs(4))
            .id_header("Linear-Delivery")
            .event_pointer("/type")
            .event_copy("Linear-Event");
    /// Sentry's integration platform: id, resource and time are in headers that are not signed.
    SENTRY: "sentry", "Sentry (integration platform)", Medium, "docs.sentry.io/organization/integrations/integration-platform/webhooks",
        r#"{"action":"created","installation":{"uuid":"24b516fe"},"data":{"issue":{"id":"1170820242"}}}"#, "Waits for one second." =
        Scheme::body_hmac("Sentry-Hook-Signature")
            .id_header("Request-ID")
            .event_header("Sentry-Hook-Resource")
            .response_budget(core::time::Duration::from_millis(900))
            .retry_span(UNKNOWN);
    /// PagerDuty v3: the same key for every active secret.
    PAGERDUTY: "pagerduty", "PagerDuty", High, "developer.pagerduty.com/docs/webhooks/webhook-signatures",
        r#"{"event":{"resource_type":"incident","occurred_at":"2026-10-02T18:45:22.169Z","data":{"id":"PGR0VU2"}}}"#, "" =
        Scheme::body_hmac("X-PagerDuty-Signature")
            .pairs(',', &["v1"])
            .id_pointer("/event/id")
            .event_pointer("/event/event_type")
            .attempt_header("X-Webhook-Id")
            .pings(&["pagey.ping"])
            .retry_span(UNKNOWN);
    /// CircleCI: a list of versions.
    CIRCLECI: "circleci", "CircleCI", High, "circleci.com/docs/outbound-webhooks",
        r#"{"happened_at":"2026-09-01T22:49:34.317Z","workflow":{"id":"fda08377-fe7e-46b1-8992-3a7aaecac9c3","status":"success"}}"#, "" =
        Scheme::body_hmac("circleci-signature")
            .pairs(',', &["v1"])
            .id_pointer("/id")
            .event_pointer("/type")
            .event_copy("circleci-event-type")
            .retry_span(UNKNOWN);
    /// Bitbucket Cloud, and Data Center without the id's header.
    BITBUCKET: "bitbucket", "Bitbucket", High, "support.atlassian.com/bitbucket-cloud/docs/manage-webhooks",
        r#"{"actor":{"nickname":"evzijst"},"repository":{"full_name":"team/repo"}}"#, "Without a secret there is no signature. Two more attempts after a failure." =
        Scheme::body_hmac("X-Hub-Signature")
            .prefix("sha256=")
            .id_header("X-Request-UUID")
            .event_header("X-Event-Key")
            .pings(&["diagnostics:ping"])
            .retry_span(HOUR);
    /// Jira Cloud: the identifier is the same for all retries, and not signed.
    JIRA: "jira", "Jira Cloud", High, "developer.atlassian.com/cloud/jira/platform/webhooks",
        r#"{"timestamp":1525698237764,"issue":{"id":"99291","key":"JRA-20002"}}"#, "" =
        Scheme::body_hmac("X-Hub-Signature")
            .prefix("sha256=")
            .id_header("X-Atlassian-Webhook-Identifier")
            .event_pointer("/webhookEvent")
            .retry_span(HOUR.saturating_mul(2));
    /// Gitea and Forgejo: the same bare value under several names.
    GITEA: "gitea", "Gitea, Forgejo", Medium, "docs.gitea.com/usage/webhooks",
        r#"{"ref":"refs/heads/develop","repository":{"id":140}}"#, "Nothing is retried." =
        Scheme::body_hmac("X-Gitea-Signature")
            .any_header_of(&["X-Forgejo-Signature", "X-Gitea-Signature", "X-Gogs-Signature"])
            .id_header("X-Gitea-Delivery")
            .event_header("X-Gitea-Event");
    /// Vercel: SHA-1.
    @cfg("legacy-sha1")
    VERCEL: "vercel", "Vercel", Medium, "vercel.com/docs/webhooks",
        r#"{"payload":{"deployment":{"id":"dpl_1"}},"region":"iad1"}"#, "" =
        Scheme::body_hmac("x-vercel-signature")
            .algorithm(countersign_core::Algorithm::HmacSha1)
            .id_pointer("/id")
            .event_pointer("/type")
            .retry_span(HOUR.saturating_mul(24));
    /// Trello: SHA-1 over the body and the callback's URL.
    @cfg("legacy-sha1")
    TRELLO: "trello", "Trello", Medium, "developer.atlassian.com/cloud/trello/guides/rest-api/webhooks",
        r#"{"model":{"id":"4d5ea62fd76aa1136000000c"}}"#, "The URL is that of the webhook, byte for byte. It is probed with HEAD when the webhook is made, which is answered." =
        Scheme::body_hmac("X-Trello-Webhook")
            .algorithm(countersign_core::Algorithm::HmacSha1)
            .encoding(countersign_core::scheme::Encoding::Base64)
            .signed(&[countersign_core::scheme::Part::Body, countersign_core::scheme::Part::Url])
            .id_pointer("/action/id")
            .event_pointer("/action/type")
            .retry_span(UNKNOWN)
            .handshakes(&[countersign_core::scheme::Handshake::Probe]);
    /// Buildkite's signatures: `timestamp=..,signature=..`; no id, but a time in each body.
    BUILDKITE: "buildkite", "Buildkite", High, "github.com/buildkite/go-buildkite webhook_test.go",
        r#"{"build":{"id":"f62a1b4d-10f9-4790-bc1c-e2c3a0c80983","state":"running"}}"#, "Choose the signature, not the token, when you make the webhook." =
        Scheme::body_hmac("X-Buildkite-Signature")
            .pairs(',', &["signature"])
            .time_key("timestamp")
            .signed(TIME_DOT_BODY)
            .tolerances(late(UNKNOWN), FIVE_MINUTES)
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/event")
            .retry_span(UNKNOWN);
    /// Grafana Alerting with a timestamp header under the name of its documentation; no id.
    GRAFANA: "grafana", "Grafana Alerting", High, "github.com/grafana/alerting http/hmac_test.go",
        r#"{"receiver":"My Super Webhook","alerts":[{"status":"firing","startsAt":"2026-10-12T09:51:03.157076+02:00"}]}"#, "Both header names are settings of the contact point." =
        Scheme::body_hmac("X-Grafana-Alerting-Signature")
            .signed(TIME_COLON_BODY)
            .time_header("X-Grafana-Alerting-Timestamp")
            .tolerances(late(UNKNOWN), FIVE_MINUTES)
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/status")
            .retry_span(UNKNOWN);
    /// Pusher Channels: several events in one body, which holds its time; no id.
    PUSHER: "pusher", "Pusher Channels", High, "github.com/pusher/pusher-http-node tests/integration/webhook.js",
        r#"{"events":[{"name":"channel_occupied","channel":"my-channel"}]}"#, "`X-Pusher-Key` names the key. One body tells of several events: they are handled as one delivery." =
        Scheme::body_hmac("X-Pusher-Signature")
            .time_pointer("/time_ms")
            .time_in_millis()
            .tolerances(late(MINUTE.saturating_mul(10)), FIVE_MINUTES)
            .identical_bodies(copies(MINUTE.saturating_mul(10)))
            .response_budget(core::time::Duration::from_secs(3))
            .retry_span(MINUTE.saturating_mul(10));
    /// ClickUp: bare hex over the body; no id, but a history with times in each body.
    CLICKUP: "clickup", "ClickUp", Medium, "developer.clickup.com/docs/webhooksignature",
        r#"{"webhook_id":"7689a169-a000-4985-8676-6902b96d6627","task_id":"c0j","history_items":[{"id":"2800763136717140857","date":"1642734631523"}]}"#, "" =
        Scheme::body_hmac("X-Signature")
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/event")
            .retry_span(UNKNOWN);
}
