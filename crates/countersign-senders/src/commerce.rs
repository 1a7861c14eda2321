//! Shops, sites and content.

use countersign_core::scheme::{Encoding, Handshake, Part, Scheme, SchemeBuilder};

use crate::{
    preset::family,
    spans::{
        BODY, DAY, FIVE_MINUTES, FORM, HOUR, MINUTE, TIME, TIME_COLON_BODY, TIME_DOT_BODY, UNKNOWN,
        copies, late,
    },
};

/// Its library takes a time of the last two hours.
const fn cloudinary(algorithm: countersign_core::Algorithm) -> SchemeBuilder {
    Scheme::body_hmac("X-Cld-Signature")
        .algorithm(algorithm)
        .signed(&[BODY, TIME, Part::Secret])
        .json_body()
        .time_header("X-Cld-Timestamp")
        .tolerances(late(UNKNOWN), FIVE_MINUTES)
        .identical_bodies(copies(UNKNOWN))
        .event_pointer("/notification_type")
        .retry_span(UNKNOWN)
}

family! {
    /// Shopify: base64; the id is that of a subscription's delivery, and not signed. `X-Shopify-Event-Id` would
    /// be one id for several topics, so that all but the first were taken for copies.
    SHOPIFY: "shopify", "Shopify", High, "shopify.dev/docs/apps/build/webhooks/ignore-duplicates",
        r#"{"id":820982911946154508,"total_price":"403.00","currency":"USD"}"#, "The app's client secret signs; after a change both may sign for an hour. 8 retries in 4 h, then a subscription made by API is deleted." =
        Scheme::body_hmac("X-Shopify-Hmac-Sha256")
            .any_header_of(&["X-Shopify-Hmac-Sha256", "Shopify-Hmac-Sha256"])
            .encoding(Encoding::Base64)
            .id_header("X-Shopify-Webhook-Id")
            .event_header("X-Shopify-Topic")
            .content_types(&["application/json", FORM])
            .response_budget(core::time::Duration::from_secs(4))
            .retry_span(HOUR.saturating_mul(4));
    /// WooCommerce: base64; nothing is retried.
    WOOCOMMERCE: "woocommerce", "WooCommerce", Medium, "woocommerce.github.io/woocommerce-rest-api-docs/#webhooks",
        r#"{"id":727,"status":"processing","total":"29.35"}"#, "On creation it sends an unsigned form, which is answered. Off after more than 5 failures in a row." =
        Scheme::body_hmac("X-WC-Webhook-Signature")
            .encoding(Encoding::Base64)
            .id_header("X-WC-Webhook-Delivery-ID")
            .event_header("X-WC-Webhook-Topic")
            .switch_off_after(5)
            .handshakes(&[Handshake::FormPing {
                field: "webhook_id",
            }]);
    /// Webflow: milliseconds in a header of their own; no id, but a time in each body.
    WEBFLOW: "webflow", "Webflow", High, "github.com/webflow/js-webflow-api src/wrapper/WebhooksClient.ts",
        r#"{"payload":{"name":"Contact","submittedAt":"2026-09-14T12:35:16.117Z"}}"#, "" =
        Scheme::body_hmac("X-Webflow-Signature")
            .signed(TIME_COLON_BODY)
            .time_header("X-Webflow-Timestamp")
            .time_in_millis()
            .tolerances(late(DAY), FIVE_MINUTES)
            .identical_bodies(copies(DAY))
            .event_pointer("/triggerType")
            .retry_span(DAY);
    /// Sanity: milliseconds and base64url without padding; the id is in a header that is not signed.
    SANITY: "sanity", "Sanity", High, "github.com/sanity-io/webhook-toolkit test/signature.test.ts",
        r#"{"_id":"resume","_type":"author"}"#, "Retried twice at 30 s, on 429 and 5xx only." =
        Scheme::body_hmac("sanity-webhook-signature")
            .pairs(',', &["v1"])
            .time_key("t")
            .time_in_millis()
            .encoding(Encoding::Base64Url)
            .signed(TIME_DOT_BODY)
            .tolerances(late(MINUTE.saturating_mul(30)), FIVE_MINUTES)
            .id_header("idempotency-key")
            .event_header("sanity-operation")
            .retry_span(MINUTE.saturating_mul(30));
    /// Typeform: a prefix before base64.
    TYPEFORM: "typeform", "Typeform", Medium, "typeform.com/developers/webhooks/secure-your-webhooks",
        r#"{"form_response":{"form_id":"lT4Z3j","token":"a3a12ec67a1365927098a606107fac15"}}"#, "410 and 404 switch it off at once." =
        Scheme::body_hmac("Typeform-Signature")
            .prefix("sha256=")
            .encoding(Encoding::Base64)
            .id_pointer("/event_id")
            .event_pointer("/event_type")
            .retry_span(DAY);
    /// Mux.
    MUX: "mux", "Mux", High, "github.com/muxinc/mux-elixir test/mux/webhooks_test.exs",
        r#"{"object":{"type":"asset","id":"1"},"data":{"status":"ready"}}"#, "" =
        Scheme::body_hmac("Mux-Signature")
            .pairs(',', &["v1"])
            .time_key("t")
            .signed(TIME_DOT_BODY)
            .tolerances(late(DAY), FIVE_MINUTES)
            .id_pointer("/id")
            .event_pointer("/type")
            .retry_span(DAY);
    /// Convoy's advanced signatures: a comma is signed between time and body.
    CONVOY: "convoy", "Convoy (advanced)", High, "github.com/frain-dev/convoy pkg/signature/testdata/signature-vectors.json",
        r#"{"data":{"id":"1"}}"#, "Algorithm and encoding are the endpoint's choice: this is SHA-256 and hex." =
        Scheme::body_hmac("X-Convoy-Signature")
            .pairs(',', &["v1"])
            .time_key("t")
            .signed(&[TIME, Part::Literal(","), BODY])
            .tolerances(late(UNKNOWN), FIVE_MINUTES)
            .id_header("X-Convoy-Idempotency-Key")
            .event_header("X-Convoy-Event-Type")
            .retry_span(UNKNOWN);
    /// Convoy's simple signatures: the body alone.
    CONVOY_SIMPLE: "convoy-simple", "Convoy (simple)", High, "github.com/frain-dev/convoy pkg/signature/testdata/signature-vectors.json",
        r#"{"data":{"id":"1"}}"#, "Algorithm and encoding are the endpoint's choice: this is SHA-256 and hex. Prefer advanced signatures, which have a time." =
        Scheme::body_hmac("X-Convoy-Signature")
            .id_header("X-Convoy-Idempotency-Key")
            .event_header("X-Convoy-Event-Type")
            .retry_span(UNKNOWN);
    /// Cloudinary with SHA-256, which its support switches an account to: the body, the time and the secret, in a plain
    /// hash. No id, but a time in each body.
    CLOUDINARY_SHA256: "cloudinary-sha256", "Cloudinary (SHA-256)", High, "cloudinary.com/documentation/notifications",
        r#"{"timestamp":"2026-07-29T12:00:00+00:00","request_id":"5bbb1b1d2b3c4d5e6f708192a3b4c5d6","public_id":"sample"}"#, "A plain hash, no MAC. The account's API secret is the key." =
        cloudinary(countersign_core::Algorithm::PlainSha256);
    /// Cloudinary with SHA-1, which accounts have unless they asked for SHA-256.
    @cfg("legacy-sha1")
    CLOUDINARY: "cloudinary", "Cloudinary", High, "github.com/cloudinary/cloudinary_npm lib/utils/index.js",
        r#"{"timestamp":"2026-07-29T12:00:00+00:00","request_id":"5bbb1b1d2b3c4d5e6f708192a3b4c5d6","public_id":"sample"}"#, "A plain hash, no MAC: ask Cloudinary for SHA-256. The account's API secret is the key." =
        cloudinary(countersign_core::Algorithm::PlainSha1);
}
