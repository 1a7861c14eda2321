//! Senders whose signed bytes are code ([`Procedure`](countersign_core::scheme::Procedure)), because no data says
//! them. [`adyen`](crate::adyen) and `twilio` are two more, with what reads their messages.
//!
//! What is proved is the message ([`Verified::proved_message`](countersign_core::Verified::proved_message)). Where
//! that does not hold the body, an application says
//! [`accept_unsigned_body`](countersign_core::VerifierBuilder::accept_unsigned_body), as for a token.

// docs/decisions.md: D79.

mod bird;
mod freshbooks;
mod mailgun;
#[cfg(feature = "legacy-sha1")]
mod mandrill;

use countersign_core::scheme::{Encoding, IdenticalBodies, Scheme};

use crate::{
    preset::family,
    spans::{DAY, FIVE_MINUTES, FORM, HOUR, UNKNOWN, copies, late},
};

const EIGHT_HOURS: core::time::Duration = HOUR.saturating_mul(8);

family! {
    /// Mailgun: a time and a token that is used once are signed, and **the event is not**. One signature is one
    /// delivery, whatever event is sent with it; fetch what matters from Mailgun.
    MAILGUN: "mailgun", "Mailgun", High, "documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks",
        r#"{"signature":{"token":"e0b5477167110d68991efc6b9f89f0a11066af27834600e123"},"event-data":{"id":"G9Bn5sl1TC6nu79C8C0bwg","recipient":"alice@example.com"}}"#, "Signs a time and a token and **nothing of the event**: whoever reads one request before you can send another event with its signature, once. Fetch what matters from its API. A retry with a new token runs again: your handler must be idempotent. Only `signature` is looked at, not the `parent-signature` of a subaccount. 406 stops its retries." =
        Scheme::signed_by(&mailgun::Mailgun)
            .signature_pointer("/signature/signature")
            .time_pointer("/signature/timestamp")
            .covers(&["/signature/timestamp", "/signature/token"])
            .tolerances(late(EIGHT_HOURS), FIVE_MINUTES)
            .event_pointer("/event-data/event")
            .identical_bodies(copies(EIGHT_HOURS))
            .retry_span(EIGHT_HOURS);
    /// Bird: the time, the URL and the body's SHA-256, a line each.
    BIRD: "bird", "Bird", Medium, "docs.bird.com/api/notifications-api/api-reference/webhook-subscriptions/verifying-a-webhook-subscription",
        r#"{"service":"channels","payload":{"id":"0a1b2c3d-0000-4000-8000-000000000000","status":"delivered"}}"#, "A subscription without a signing key signs nothing. Retries were seen hours later with their first time; a day is assumed." =
        Scheme::signed_by(&bird::Bird)
            .signature_header(bird::SIGNATURE)
            .encoding(Encoding::Base64)
            .signs_body()
            .time_header(bird::TIME)
            .covers(&[bird::TIME])
            .tolerances(late(DAY), FIVE_MINUTES)
            .event_pointer("/event")
            .identical_bodies(copies(DAY))
            .retry_span(DAY);
    /// MessageBird's first API: the time, the sorted query and the body's SHA-256, a line each. What the request says
    /// may be in its query, so every request runs.
    MESSAGEBIRD: "messagebird", "MessageBird (first API)", Medium, "github.com/messagebird/ruby-rest-api lib/messagebird/signed_request.rb",
        r#"{"id":"eef0ab57a9e049be946f3821568c2b2e","status":"delivered"}"#, "Its `MessageBird-Signature`; the newer `MessageBird-Signature-JWT` is not read. Equal bodies are told apart by nothing, since what happened may be in the query: every request runs, so your handler must be idempotent. Status reports by GET are refused." =
        Scheme::signed_by(&bird::MessageBird)
            .signature_header(bird::SIGNATURE)
            .encoding(Encoding::Base64)
            .signs_body()
            .time_header(bird::TIME)
            .covers(&[bird::TIME])
            .tolerances(late(DAY), FIVE_MINUTES)
            .identical_bodies(IdenticalBodies::Events)
            .retry_span(DAY);
    /// FreshBooks: the form's fields in their order, as Python writes them in JSON. The key is the verifier of its
    /// first request.
    FRESHBOOKS: "freshbooks", "FreshBooks", Medium, "freshbooks.com/api/webhooks",
        r#"{"name":"invoice.create","object_id":"1234567","account_id":"6BApk","business_id":"6543","identity_id":"1234","user_id":"1"}"#, "A form has no id and no time, and says which object changed and not how: equal ones are several events, so every request runs and your handler must be idempotent. `proved_message` is the fields in JSON. Its first request (`name=callback.verify`) brings the verifier, which becomes the secret and is sent back by PUT: take it where no receiver is." =
        Scheme::signed_by(&freshbooks::FreshBooks)
            .signature_header(freshbooks::SIGNATURE)
            .encoding(Encoding::Base64)
            .signs_body()
            .content_types(&[FORM])
            .identical_bodies(IdenticalBodies::Events)
            .retry_span(UNKNOWN);
    /// Mandrill (Mailchimp Transactional): the URL and the form's only field, in SHA-1. Each of its events is a
    /// delivery.
    @cfg("legacy-sha1")
    MANDRILL: "mandrill", "Mandrill (Mailchimp Transactional)", High, "mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks",
        r#"[{"ts":1379233940,"_id":"exampleaaaaaaaaaaaaaaaaaaaaaaaaa","msg":{"email":"example.webhook@mandrillapp.com","state":"sent"}}]"#, "Configure the URL exactly as Mandrill has it. Asks by HEAD whether the URL is there, which is answered. A form with another field than `mandrill_events` is refused, because nothing parts names from values in what is signed. Up to 1,000 events in one request, each known by its own text." =
        Scheme::signed_by(&mandrill::Mandrill)
            .signature_header(mandrill::SIGNATURE)
            .algorithm(countersign_core::Algorithm::HmacSha1)
            .encoding(Encoding::Base64)
            .signs_body()
            .content_types(&[FORM])
            .form_field(mandrill::FIELD)
            .batch("")
            .event_pointer("/event")
            .identical_bodies(copies(UNKNOWN))
            .retry_span(UNKNOWN)
            .handshakes(&[countersign_core::scheme::Handshake::Probe]);
}
