//! Many shops behind one path, each with its own secret, found by the last segment of the path.
//!
//! ```text
//! cargo run --example multi_tenant
//! ```

use std::{collections::HashMap, error::Error, sync::Arc};

use axum::{Router, routing::post};
use countersign::{
    Keyring, MemoryStore, Receiver, Secret,
    axum::{Delivery, ReceiverLayer},
    rebill_za,
    tenants::{KeyringSource, LookupError, Tenant, TenantAt},
};
use countersign_testkit::Sender;
use serde_json::json;
use tokio::sync::RwLock;

/// The shops and their keyrings, as a database would hold them.
#[derive(Clone, Default)]
struct Shops {
    by_name: Arc<RwLock<HashMap<String, Tenant>>>,
}

impl Shops {
    async fn add(&self, name: &str, id: &str, secret: &str) -> Result<(), Box<dyn Error>> {
        let keyring = Keyring::new(&rebill_za::SCHEME, Secret::new(secret)?)?;
        let mut shops = self.by_name.write().await;
        shops.insert(name.to_owned(), Tenant::new(id, keyring));
        Ok(())
    }
}

impl KeyringSource for Shops {
    // The name comes from a request that nobody has proved yet: it is looked up and nothing else.
    // The tenant that is returned says which scope the delivery's keys have.
    async fn keyring(&self, name: &str) -> Result<Option<Tenant>, LookupError> {
        Ok(self.by_name.read().await.get(name).cloned())
    }
}

async fn on_rebill(delivery: Delivery<rebill_za::Event>) {
    println!(
        "handler: {} for tenant {}",
        delivery.event().name(),
        delivery.tenant().unwrap_or("-")
    );
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shops = Shops::default();
    shops.add("anna", "shop-1", "secret-of-anna").await?;
    shops.add("ben", "shop-2", "secret-of-ben").await?;

    let receiver = Receiver::builder(rebill_za::SCHEME)
        .endpoint("rebill")
        .tenants(TenantAt::LastPathSegment, shops)
        .store(MemoryStore::new())
        .build()?;
    let app: Router = Router::new().route(
        "/webhooks/rebill/{shop}",
        post(on_rebill).layer(ReceiverLayer::new(&receiver)),
    );

    let anna = Sender::with_secret(rebill_za::SCHEME, "secret-of-anna");
    let ben = Sender::with_secret(rebill_za::SCHEME, "secret-of-ben");
    let body = json!({"id": "inv_1", "status": "paid"});
    let of_anna = anna.delivery_with_id("invoice.paid", "dlv_1", body.clone());
    // The same id at another shop is another delivery.
    let of_ben = ben.delivery_with_id("invoice.paid", "dlv_1", body);
    for (sent, delivery, status) in [
        ("anna's", of_anna.clone().to("/webhooks/rebill/anna"), 200),
        ("ben's", of_ben.to("/webhooks/rebill/ben"), 200),
        (
            "anna's again",
            of_anna.clone().to("/webhooks/rebill/anna"),
            200,
        ),
        (
            "anna's, sent to ben",
            of_anna.clone().to("/webhooks/rebill/ben"),
            401,
        ),
        (
            "anna's, to nobody",
            of_anna.to("/webhooks/rebill/carl"),
            401,
        ),
    ] {
        let reply = anna.send(&app, &delivery).await;
        println!(
            "{sent}: {} {}",
            reply.status(),
            reply.dedup().unwrap_or("-")
        );
        assert_eq!(reply.status(), status);
    }
    Ok(())
}
