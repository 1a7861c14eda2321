//! Shopify's orders as a type of one's own, behind actix-web.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use countersign::{
    MemoryStore, Receiver, Scheme, Secret,
    actix::{Delivery, ReceiverMiddleware},
    scheme::EventRule,
    senders::commerce,
};
use serde::Deserialize;

use crate::Ledger;

/// The preset, and what this application knows of the topic it subscribes to: an order is paid once, and the
/// body of a paid one says so. The topic is not signed, and neither is the delivery's id.
pub const SCHEME: Scheme = commerce::SHOPIFY
    .to_builder()
    .subject_pointer("/id")
    .events(&[EventRule::once("orders/paid").when("/financial_status", &["paid"])])
    .declare();

/// The fields of an order that are needed. Amounts stay the text that was sent.
#[derive(Debug, Deserialize)]
pub struct Order {
    pub id: u64,
    pub total_price: String,
    pub currency: String,
    order_status_url: String,
}

impl Order {
    /// The shop's number, which its status page's path begins with, after the host.
    fn shop(&self) -> Option<u64> {
        let (_, rest) = self.order_status_url.split_once("://")?;
        rest.split('/').nth(1)?.parse().ok()
    }
}

/// The shops that installed the app: the number of each, by its domain.
pub type Shops = HashMap<String, u64>;

/// Proves what Shopify sends. All shops have one secret: the app's.
///
/// # Errors
///
/// When the secret is none of Shopify's.
pub fn receiver(secret: Secret) -> Result<Receiver, countersign::ConfigError> {
    Receiver::builder(SCHEME)
        .endpoint("shopify")
        .secret(secret)
        .store(MemoryStore::new())
        .build()
}

/// The application, for `App::configure`.
pub fn routes(
    receiver: &Receiver,
    shops: Shops,
    ledger: Ledger,
) -> impl FnOnce(&mut web::ServiceConfig) {
    let middleware = ReceiverMiddleware::new(receiver);
    move |app| {
        app.app_data(web::Data::new(shops))
            .app_data(web::Data::new(ledger))
            .service(
                web::resource("/webhooks/shopify")
                    .wrap(middleware)
                    .route(web::post().to(on_paid)),
            );
    }
}

/// The domain is in a header that is not signed, and one secret is of all shops: whoever captured a delivery
/// of one shop could send it under the name of another. The number in the body is signed.
async fn on_paid(
    request: HttpRequest,
    delivery: Delivery<Order>,
    shops: web::Data<Shops>,
    ledger: web::Data<Ledger>,
) -> HttpResponse {
    let order = delivery.event();
    let domain = request.headers().get("X-Shopify-Shop-Domain");
    let Some((domain, shop)) = domain
        .and_then(|domain| domain.to_str().ok())
        .and_then(|domain| shops.get_key_value(domain))
    else {
        // The app was removed, perhaps: trying again would not help.
        return HttpResponse::Ok().finish();
    };
    if delivery.is_contradicted() || order.shop() != Some(*shop) {
        return HttpResponse::UnprocessableEntity().finish();
    }
    ledger.note(format!(
        "{domain}: order {} paid, {} {}",
        order.id, order.total_price, order.currency
    ));
    HttpResponse::Ok().finish()
}
