//! Senders that tell of payments, subscriptions and invoices.

use countersign_core::{
    Algorithm,
    scheme::{Encoding, KeyFormat, Part, RetryTime, Scheme},
};

use crate::{
    preset::family,
    spans::{
        BODY, COLON, DAY, FIVE_MINUTES, HOUR, TIME, TIME_COLON_BODY, TIME_DOT_BODY, UNKNOWN,
        copies, late,
    },
};

family! {
    /// Paddle Billing: pairs with semicolons. Its libraries apply their 5 s to retries, too, so those are
    /// stamped anew.
    PADDLE: "paddle", "Paddle Billing", High, "developer.paddle.com/webhooks/signature-verification",
        r#"{"notification_id":"ntf_01","data":{"id":"txn_01","status":"completed"}}"#, "Wants exactly 200 within 5 s." =
        Scheme::body_hmac("Paddle-Signature")
            .pairs(';', &["h1"])
            .time_key("ts")
            .signed(TIME_COLON_BODY)
            .tolerance(core::time::Duration::from_secs(5))
            .retry_time(RetryTime::Renewed)
            .id_pointer("/event_id")
            .event_pointer("/event_type")
            .response_budget(core::time::Duration::from_secs(4))
            .retry_span(UNKNOWN);
    /// Square: the subscription's URL is signed before the body.
    SQUARE: "square", "Square", High, "developer.squareup.com/docs/webhooks/step3validate",
        r#"{"merchant_id":"6SSW7HV8K2ST5","data":{"type":"payment","id":"hYy9pRFVxpDsO1FB05SunFWUe9JZY"}}"#, "The URL is that of the subscription, byte for byte." =
        Scheme::body_hmac("x-square-hmacsha256-signature")
            .encoding(Encoding::Base64)
            .signed(&[Part::Url, BODY])
            .id_pointer("/event_id")
            .event_pointer("/type")
            .retry_span(UNKNOWN);
    /// Razorpay: the id is in a header that is not signed. Sends again by hand up to 7 days back.
    RAZORPAY: "razorpay", "Razorpay", High, "razorpay.com/docs/webhooks/best-practices",
        r#"{"entity":"event","contains":["payment"],"payload":{"payment":{"entity":{"id":"pay_1"}}}}"#, "Retries of older events may be signed with the old secret after a rotation: keep it for a week. Off after 24 h of failures." =
        Scheme::body_hmac("X-Razorpay-Signature")
            .id_header("x-razorpay-event-id")
            .event_pointer("/event")
            .response_budget(core::time::Duration::from_secs(4))
            .retry_span(DAY.saturating_mul(7));
    /// Mollie's new webhooks: the prefix is optional, and the header may be repeated.
    MOLLIE: "mollie", "Mollie (new webhooks)", High, "docs.mollie.com/reference/webhooks-new",
        r#"{"resource":"event","entityId":"pl_qng5gbbv8NAZ5gpM5ZYgx"}"#, "" =
        Scheme::body_hmac("X-Mollie-Signature")
            .optional_prefix("sha256=")
            .repeated_header()
            .id_pointer("/id")
            .event_pointer("/type")
            .retry_span(UNKNOWN);
    /// Paystack: SHA-512; no id, but `/data/id` and a time in each body. The API's secret key signs.
    PAYSTACK: "paystack", "Paystack", Medium, "paystack.com/docs/payments/webhooks",
        r#"{"data":{"id":302961,"status":"success","reference":"qTPrJoy9Bx"}}"#, "Wants exactly 200." =
        Scheme::body_hmac("x-paystack-signature")
            .algorithm(Algorithm::HmacSha512)
            .retry_span(UNKNOWN)
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/event");
    /// Coinbase Commerce: the id is the event's; that of the attempt is beside it.
    COINBASE_COMMERCE: "coinbase-commerce", "Coinbase Commerce", High, "docs.cdp.coinbase.com/commerce",
        r#"{"id":1,"attempt_number":1,"event":{"data":{"code":"66BEOV2A"}}}"#, "" =
        Scheme::body_hmac("X-CC-Webhook-Signature")
            .id_pointer("/event/id")
            .event_pointer("/event/type")
            .retry_span(UNKNOWN);
    /// Recurly: a list of the time in milliseconds and tags, one for each active secret.
    RECURLY: "recurly", "Recurly", High, "github.com/recurly/recurly-client-ruby spec/recurly/webhooks_spec.rb",
        r#"{"object_type":"payment","site_id":"q7m9xd0z"}"#, "" =
        Scheme::body_hmac("recurly-signature")
            .time_then_tags(',')
            .time_in_millis()
            .signed(TIME_DOT_BODY)
            .tolerances(late(HOUR.saturating_mul(73)), FIVE_MINUTES)
            .id_pointer("/id")
            .event_pointer("/event_type")
            .retry_span(HOUR.saturating_mul(73));
    /// Lemon Squeezy: no id; a body holds the times of its object. Three retries within minutes.
    LEMON_SQUEEZY: "lemon-squeezy", "Lemon Squeezy", High, "docs.lemonsqueezy.com/help/webhooks/signing-requests",
        r#"{"data":{"type":"orders","id":"1","attributes":{"updated_at":"2026-01-17T12:26:23Z"}}}"#, "Wants exactly 200." =
        Scheme::body_hmac("X-Signature")
            .identical_bodies(copies(HOUR))
            .event_pointer("/meta/event_name")
            .event_copy("X-Event-Name")
            .retry_span(HOUR);
    /// Adyen for Platforms and its management webhooks: the key is hexadecimal. No id, but a time in each body.
    ADYEN_PLATFORM: "adyen-platform", "Adyen (platform, management)", High, "docs.adyen.com/development-resources/webhooks",
        r#"{"environment":"test","data":{"id":"BA00000000000000000000001"},"timestamp":"2026-01-17T12:26:23Z"}"#, "The standard webhook of payments signs fields of its items: `adyen`." =
        Scheme::body_hmac("HmacSignature")
            .encoding(Encoding::Base64)
            .key_format(KeyFormat::Hex)
            .identical_bodies(copies(DAY.saturating_mul(7)))
            .event_pointer("/type")
            .retry_span(DAY.saturating_mul(7));
    /// Modern Treasury: the id is in a header that is not signed.
    MODERN_TREASURY: "modern-treasury", "Modern Treasury", High, "github.com/Modern-Treasury/modern-treasury-node tests/api-resources/webhooks.test.ts",
        r#"{"data":{"id":"c10a7c7f-8f65-4b1d-a2a1-1b1b1b1b1b1b","object":"payment_order"}}"#, "" =
        Scheme::body_hmac("X-Signature")
            .id_header("X-Event-ID")
            .event_pointer("/event")
            .retry_span(UNKNOWN);
    /// BTCPay Server: each attempt has an id of its own, and names the first one's.
    BTCPAY: "btcpay", "BTCPay Server", High, "github.com/btcpayserver/btcpayserver-greenfield-php tests/WebhookTest.php",
        r#"{"deliveryId":"R3DYEZdUcTXkCjA4wsvTLR","webhookId":"6WiDnAG1CJ24GjwqEiPo5N","timestamp":1593159169,"storeId":"HPPHFtPAtBfCjWsWTzn3pt"}"#, "" =
        Scheme::body_hmac("BTCPay-Sig")
            .prefix("sha256=")
            .id_pointer("/originalDeliveryId")
            .event_pointer("/type")
            .retry_span(HOUR);
    /// Zoho Payments: milliseconds inside the signature header; no id.
    ZOHO_PAYMENTS: "zoho-payments", "Zoho Payments", Medium, "zoho.com/in/payments/developerdocs/webhooks/verification",
        r#"{"event_id":"1","event_object":{"payment":{"payment_id":"173000002314883"}}}"#, "" =
        Scheme::body_hmac("X-Zoho-Webhook-Signature")
            .pairs(',', &["v"])
            .time_key("t")
            .time_in_millis()
            .signed(TIME_DOT_BODY)
            .tolerances(late(UNKNOWN), FIVE_MINUTES)
            .retry_span(UNKNOWN)
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/event_type");
    /// Billit: the key of the tag is `s`; no id.
    BILLIT: "billit", "Billit", Medium, "docs.accesspoint.billit.eu/docs/webhooks-signature",
        r#"{"OrderID":12345,"EntityType":"Order"}"#, "" =
        Scheme::body_hmac("Billit-Signature")
            .pairs(',', &["s"])
            .time_key("t")
            .signed(TIME_DOT_BODY)
            .tolerances(late(UNKNOWN), FIVE_MINUTES)
            .retry_span(UNKNOWN)
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/UpdateDetailType");
    /// Orb: a date without a zone, which holds the separator that is signed behind it.
    ORB: "orb", "Orb", High, "github.com/orbcorp/orb-node tests/api-resources/webhooks.test.ts",
        r#"{"created_at":"2026-01-17T12:26:23Z","properties":{},"invoice":{"id":"inv_1"}}"#, "" =
        Scheme::body_hmac("X-Orb-Signature")
            .pairs(' ', &["v1"])
            .time_header("X-Orb-Timestamp")
            .time_in_rfc3339_without_zone()
            .signed(&[Part::Literal("v1:"), TIME, COLON, BODY])
            .tolerances(late(UNKNOWN), FIVE_MINUTES)
            .id_pointer("/id")
            .event_pointer("/type")
            .retry_span(UNKNOWN);
    /// GoCardless: several events in one body, each with its id. A body comes again as a whole.
    GOCARDLESS: "gocardless", "GoCardless", High, "developer.gocardless.com/getting-started/stay-up-to-date-with-webhooks-v2",
        r#"{"events":[{"resource_type":"subscriptions","action":"created"}],"meta":{"webhook_id":"WB00001"}}"#, "One body holds up to 250 events, each a delivery of its own." =
        Scheme::body_hmac("Webhook-Signature")
            .batch("/events")
            .id_pointer("/id")
            .retry_span(UNKNOWN);
    /// AfterShip: base64 over the body; no id, but a time in each body.
    AFTERSHIP: "aftership", "AfterShip (tracking)", Medium, "aftership.com/docs/tracking/webhook/webhook-signature",
        r#"{"ts":1630058498,"msg":{"id":"nz4n8qqyxzwtckt1aaaaa","tag":"Delivered"}}"#, "" =
        Scheme::body_hmac("aftership-hmac-sha256")
            .encoding(Encoding::Base64)
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/event")
            .retry_span(UNKNOWN);
    /// TikTok for Developers: the key of the tag is `s`; retried for 72 hours; no id.
    TIKTOK: "tiktok", "TikTok for Developers", Medium, "developers.tiktok.com/doc/webhooks-verification",
        r#"{"client_key":"bwo2m45353a6k85","create_time":1615338610,"user_openid":"act.example"}"#, "Wants exactly 200. TikTok Shop signs otherwise." =
        Scheme::body_hmac("TikTok-Signature")
            .pairs(',', &["s"])
            .time_key("t")
            .signed(TIME_DOT_BODY)
            .tolerances(late(UNKNOWN), FIVE_MINUTES)
            .retry_span(UNKNOWN)
            .identical_bodies(copies(UNKNOWN))
            .event_pointer("/event");
}
