//! Shopify's documented order, over a socket.

mod client;

use std::error::Error;

use actix_web::{App, HttpServer, rt};
use client::send;
use countersign_testkit::{Sender, SignedDelivery};
use countersign_typed::{
    Ledger,
    shopify::{SCHEME, Shops, receiver, routes},
};
use serde_json::{Value, json};

const JSMITH: &str = "jsmith.myshopify.com";
const OTHER: &str = "other.myshopify.com";

/// Fields of the order that <https://shopify.dev/docs/api/webhooks> shows, paid.
fn documented() -> Value {
    json!({
        "id": 820982911946154508_u64,
        "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
        "currency": "USD",
        "email": "jon@example.com",
        "financial_status": "paid",
        "name": "#9999",
        "number": 234,
        "order_number": 1234,
        "order_status_url":
            "https://jsmith.myshopify.com/548380009/orders/123456abcd/authenticate?key=abcdefg",
        "subtotal_price": "414.95",
        "total_price": "404.95",
    })
}

#[actix_web::test]
async fn an_order_is_accepted_once_for_its_own_shop() -> Result<(), Box<dyn Error>> {
    let kit = Sender::new(SCHEME);
    let receiver = receiver(kit.secret()?)?;
    let ledger = Ledger::default();
    let shops = Shops::from([(JSMITH.to_owned(), 548380009), (OTHER.to_owned(), 1)]);
    let served = ledger.clone();
    let server = HttpServer::new(move || {
        App::new().configure(routes(&receiver, shops.clone(), served.clone()))
    })
    .workers(1)
    .disable_signals()
    .bind(("127.0.0.1", 0))?;
    let to = server.addrs()[0];
    rt::spawn(server.run());
    let signed = |id: &str, shop: &str, body: &Value| -> SignedDelivery {
        kit.raw("orders/paid", id, body.to_string())
            .with_header("X-Shopify-Shop-Domain", shop)
            .to("/webhooks/shopify")
    };

    let paid = signed("1", JSMITH, &documented());
    assert_eq!(send(to, &paid.tampered()).await?, (401, None));
    // Captured, and sent in the name of another shop that has the app.
    let elsewhere = signed("2", OTHER, &documented());
    assert_eq!(send(to, &elsewhere).await?.0, 422);
    assert!(ledger.lines().is_empty());
    assert_eq!(send(to, &paid).await?, (200, Some("fresh".into())));
    assert_eq!(send(to, &paid).await?, (200, Some("duplicate".into())));
    // Captured, and sent under another id, which is not signed either.
    let again = signed("3", JSMITH, &documented());
    assert_eq!(send(to, &again).await?, (200, Some("suppressed".into())));
    let due = "jsmith.myshopify.com: order 820982911946154508 paid, 404.95 USD";
    assert_eq!(ledger.lines(), [due]);

    // Another topic's body, which is not of a paid order; a shop that has not the app; no order at all.
    let mut pending = documented();
    pending["financial_status"] = json!("pending");
    pending["id"] = json!(2);
    let mut stranger = documented();
    stranger["id"] = json!(3);
    for (sent, status) in [
        (signed("4", JSMITH, &pending), 422),
        (signed("5", "removed.myshopify.com", &stranger), 200),
        (
            signed("6", JSMITH, &json!({"id": "gid://shopify/Order/4"})),
            422,
        ),
        (
            signed("6", JSMITH, &json!({"id": "gid://shopify/Order/4"})),
            422,
        ),
    ] {
        assert_eq!(send(to, &sent).await?.0, status);
    }
    assert_eq!(ledger.lines(), [due]);
    Ok(())
}
