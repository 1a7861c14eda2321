//! GitHub's events as octocrab's types, behind axum.

use axum::{Router, extract::State, routing::post};
use countersign::{
    MemoryStore, Receiver, Secret, Verified,
    axum::{Delivery, ReceiverLayer},
    github,
    integration::{FromDelivery, PayloadError},
};
use octocrab::models::webhook_events::{WebhookEvent, WebhookEventPayload};

use crate::Ledger;

/// octocrab's event. It does not implement `serde::Deserialize`, because GitHub says the event's type in a
/// header, and a trait of one crate cannot be implemented for a type of another: hence a type between.
///
/// Where one type of event is expected, its payload needs no such type:
/// `Delivery<PushWebhookEventPayload>`.
#[derive(Debug)]
pub struct Event(pub WebhookEvent);

impl FromDelivery for Event {
    fn from_delivery(verified: &Verified) -> Result<Self, PayloadError> {
        // The JSON, also where the webhook is set to send forms.
        let payload = verified.payload().ok_or_else(PayloadError::unexpected)?;
        let name = verified.event_type().ok_or_else(PayloadError::unexpected)?;
        let event = WebhookEvent::try_from_header_and_body(name.as_str(), payload)?;
        Ok(Self(event))
    }
}

/// Proves what GitHub sends.
///
/// # Errors
///
/// When the secret is none of GitHub's.
pub fn receiver(secret: Secret) -> Result<Receiver, countersign::ConfigError> {
    Receiver::builder(github::SCHEME)
        .endpoint("github")
        .secret(secret)
        .store(MemoryStore::new())
        .build()
}

/// The application.
pub fn app(receiver: &Receiver, ledger: Ledger) -> Router {
    let on_github = post(on_github).layer(ReceiverLayer::new(receiver));
    Router::new()
        .route("/webhooks/github", on_github)
        .with_state(ledger)
}

/// GitHub signs the body and not the type, so what is done rests on what the body says of itself: a `push`
/// is one because it has a `ref` and commits, not because a header says so.
async fn on_github(State(ledger): State<Ledger>, delivery: Delivery<Event>) {
    let Event(event) = delivery.event();
    let repository = event.repository.as_ref();
    let of = repository.map_or("?", |repository| repository.name.as_str());
    match &event.specific {
        WebhookEventPayload::Push(push) => ledger.note(format!(
            "{of}: {} went from {} to {}",
            push.r#ref, push.before, push.after
        )),
        // Types that octocrab does not know come as JSON.
        WebhookEventPayload::Unknown(_) => ledger.note(format!("{of}: something new")),
        _ => {}
    }
}
