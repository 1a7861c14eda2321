//! Stripe's events as async-stripe's types, behind axum.

use axum::{Router, extract::State, routing::post};
use countersign::{
    MemoryStore, Receiver, Secret,
    axum::{Delivery, ReceiverLayer},
    stripe,
};
use stripe_webhook::{Event, EventObject};

use crate::Ledger;

/// Proves what Stripe sends.
///
/// # Errors
///
/// When the secret is none of Stripe's: they begin with `whsec_`.
pub fn receiver(secret: Secret) -> Result<Receiver, countersign::ConfigError> {
    Receiver::builder(stripe::SCHEME)
        .endpoint("stripe")
        .secret(secret)
        .store(MemoryStore::new())
        .build()
}

/// The application.
pub fn app(receiver: &Receiver, ledger: Ledger) -> Router {
    let on_stripe = post(on_stripe).layer(ReceiverLayer::new(receiver));
    Router::new()
        .route("/webhooks/stripe", on_stripe)
        .with_state(ledger)
}

/// An event that these types cannot read (of a type that is newer than they are, or rendered by another
/// version of Stripe's API) is answered 422 before this runs, and given back: Stripe sends it again for three
/// days, in which the crate can be brought up to date. Subscribe the endpoint only to the types that are
/// handled, and let it have the API version that the crate was generated from.
async fn on_stripe(State(ledger): State<Ledger>, delivery: Delivery<Event>) {
    match &delivery.event().data.object {
        EventObject::PaymentIntentSucceeded(intent) => ledger.note(format!(
            "{} paid {} {}",
            intent.id, intent.amount_received, intent.currency
        )),
        EventObject::SetupIntentCreated(intent) => {
            ledger.note(format!("{} is {}", intent.id, intent.status));
        }
        _ => {}
    }
}
