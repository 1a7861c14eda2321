//! Senders that are looked for and that no scheme can say, so that nobody has to find out twice.

// docs/decisions.md: D54, D81.

/// A sender that is missing.
///
/// ```
/// use countersign_senders::{find, missing};
///
/// let plaid = missing().find(|sender| sender.title == "Plaid").expect("Plaid is missing");
/// assert!(plaid.why.contains("JWT") && find("plaid").is_none());
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Missing {
    /// How it would be called.
    pub name: &'static str,
    /// How the sender calls itself.
    pub title: &'static str,
    /// The page that the facts come from.
    pub source: &'static str,
    /// What a scheme cannot say of it.
    pub why: &'static str,
    /// What to do until it can.
    pub instead: &'static str,
}

/// The senders that are missing.
pub fn missing() -> impl Iterator<Item = &'static Missing> {
    MISSING.iter()
}

const MISSING: &[Missing] = &[
    Missing {
        name: "plaid",
        title: "Plaid",
        source: "plaid.com/docs/api/webhooks/webhook-verification",
        why: "`Plaid-Verification` is a JWT (ES256) that holds the body's SHA-256; its key is fetched from Plaid's API by the id in the JWT",
        instead: "Check the JWT before the receiver, with a library for JWTs and Plaid's client, and refuse a body of another hash",
    },
    Missing {
        name: "fusionauth",
        title: "FusionAuth",
        source: "fusionauth.io/docs/extend/events-and-webhooks/signing",
        why: "`X-FusionAuth-Signature-JWT` is a JWT that holds the body's SHA-256",
        instead: "Check the JWT before the receiver, or use the basic authentication of its webhooks as a token",
    },
    Missing {
        name: "livekit",
        title: "LiveKit",
        source: "docs.livekit.io/home/server/webhooks",
        why: "`Authorization` is a JWT (HS256) that holds the body's SHA-256",
        instead: "Check the JWT before the receiver",
    },
    Missing {
        name: "dropbox-sign",
        title: "Dropbox Sign",
        source: "developers.hellosign.com/docs/events/walkthrough",
        why: "the signature is in the body and covers the time and the type of the event, and nothing else of it",
        instead: "Fetch what the event is about from its API",
    },
    Missing {
        name: "plivo",
        title: "Plivo",
        source: "plivo.com/docs/voice/concepts/signature-validation",
        why: "V2 signs the URL and a nonce and not the body; V3 signs the sorted fields of a form",
        instead: "Check it in the handler with Plivo's rules",
    },
    Missing {
        name: "mollie-legacy",
        title: "Mollie (payment webhooks of the first API)",
        source: "docs.mollie.com/reference/webhooks",
        why: "nothing is signed and no secret is sent: the body is the id of a payment",
        instead: "Fetch the payment from its API, or use its next-gen webhooks (`mollie`)",
    },
    Missing {
        name: "zoho-books",
        title: "Zoho Books, Zoho Billing",
        source: "zoho.com/books/api/v3/webhooks",
        why: "there is a secret, and how it signs was found on no page",
        instead: "Send a token in a header of your own, and say `Scheme::token`",
    },
    Missing {
        name: "azure-event-grid-entra",
        title: "Azure Event Grid with Entra ID, or with a secret in the URL",
        source: "learn.microsoft.com/azure/event-grid/security-authentication",
        why: "the first is a JWT; the second a token in the query, where access logs keep it",
        instead: "Use a delivery property (`azure-event-grid`)",
    },
    Missing {
        name: "messagebird-jwt",
        title: "MessageBird (JWT)",
        source: "developers.messagebird.com/api/#verifying-http-requests",
        why: "`MessageBird-Signature-JWT` is a JWT (HS256) that holds hashes of the URL and the body",
        instead: "Check the JWT before the receiver; Bird's own API signs without one (`bird`)",
    },
    Missing {
        name: "amazon-sns-v1",
        title: "Amazon SNS with SignatureVersion 1",
        source: "docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html",
        why: "it is signed with SHA-1, and a message may hold a stranger's text: texts that SHA-1 does not tell apart can be made",
        instead: "Set the topic's attribute `SignatureVersion` to 2, and use `amazon-sns`",
    },
    Missing {
        name: "paypal",
        title: "PayPal",
        source: "developer.paypal.com/api/rest/webhooks/rest",
        why: "what is signed holds a CRC-32 of the body: four bytes behind any other body give it the same one, so no body is proved",
        instead: "Ask PayPal's API whether the event is its own, or fetch what it is about",
    },
];
