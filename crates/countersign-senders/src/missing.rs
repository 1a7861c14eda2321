//! Senders that are looked for and that no scheme can say, so that nobody has to find out twice.

// docs/decisions.md: D54.

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
        name: "mailgun",
        title: "Mailgun",
        source: "documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks",
        why: "the signature is in the body and covers a time and a token, and nothing else of it",
        instead: "Fetch what the event is about from its API",
    },
    Missing {
        name: "messagebird",
        title: "MessageBird, Bird",
        source: "developers.messagebird.com/api/#verifying-http-requests",
        why: "the signature covers the time, the sorted query and a hash of the body, and a procedure proves no time yet",
        instead: "Check it before the receiver with MessageBird's library",
    },
    Missing {
        name: "freshbooks",
        title: "FreshBooks",
        source: "freshbooks.com/api/webhooks",
        why: "the signature covers the form's fields, written anew as JSON",
        instead: "Write a procedure (`Scheme::signed_by`) that renders them as FreshBooks does",
    },
    Missing {
        name: "paypal",
        title: "PayPal",
        source: "developer.paypal.com/api/rest/webhooks/rest",
        why: "what is signed holds a CRC-32 of the body, which anybody can make another body for; the certificate is fetched from PayPal",
        instead: "Ask PayPal's API whether the event is its own, or fetch what it is about",
    },
    Missing {
        name: "mandrill",
        title: "Mandrill (Mailchimp Transactional)",
        source: "mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks",
        why: "the signature covers the address and the sorted fields of a form, put together",
        instead: "Write a procedure (`Scheme::signed_by`), as `twilio` does",
    },
    Missing {
        name: "amazon-sns",
        title: "Amazon SNS",
        source: "docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html",
        why: "the signature covers named fields of the JSON, by a certificate that each message names",
        instead: "Check it before the receiver with a library for SNS, which must look at the certificate's address",
    },
];
