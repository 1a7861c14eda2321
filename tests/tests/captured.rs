//! A captured request of a sender that signs the body alone: whatever is changed around the body,
//! no more than one run sees the paid invoice.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use actix_web::{App, test, web};
use axum::{Router, extract::State, routing::post};
use countersign_core::{Admitted, Delivery, Secret};
use countersign_senders::rebill_za;
use countersign_testkit::{Reply, SignedDelivery};
use countersign_tests::{
    kit::{Kit, Tested},
    servers::PATH,
};
use futures_util::future::join_all;
use http::{Request, Response};
use rebill_za::{Event, EventType};
use serde_json::json;
use tower::ServiceBuilder;

const EVENT: &str = "X-Rebill-Event";
const ID: &str = "X-Rebill-Delivery";

/// Runs in all, and runs that saw a paid invoice.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<[AtomicU32; 2]>);

impl Seen {
    fn note(&self, event: &Event) {
        self.0[0].fetch_add(1, Ordering::SeqCst);
        if matches!(event, Event::InvoicePaid(_)) {
            self.0[1].fetch_add(1, Ordering::SeqCst);
        }
    }

    fn runs(&self) -> u32 {
        self.0[0].load(Ordering::SeqCst)
    }

    fn paid(&self) -> u32 {
        self.0[1].load(Ordering::SeqCst)
    }
}

/// The same bytes and the same signature under every change of what is not signed.
fn variants(captured: &SignedDelivery) -> Vec<SignedDelivery> {
    let listed = EventType::ALL.iter().map(|of| of.as_str());
    let others = [
        "ping",
        "invoice.voided",
        "Invoice.Paid",
        "INVOICE.PAID",
        "invoice.paid.",
        "invoice_paid",
        "*",
    ];
    let mut names: Vec<_> = listed.chain(others).map(Some).collect();
    assert_eq!(names.len(), 19 + others.len());
    names.push(None);
    let mut variants = Vec::new();
    for (number, name) in names.into_iter().enumerate() {
        let named = match name {
            Some(name) => captured.with_header(EVENT, name),
            None => captured.without_header(EVENT),
        };
        variants.push(named.clone());
        variants.push(named.without_header(ID));
        for again in ["a", "b"] {
            variants.push(named.with_header(ID, &format!("new_{number}_{again}")));
        }
    }
    let new = |id: &str| captured.with_header(ID, id);
    let signature = captured.header("X-Rebill-Signature").unwrap_or_default();
    let upper = signature.to_uppercase().replace("SHA256", "sha256");
    variants.extend([
        new("x1").with_header("content-type", "application/json; charset=utf-8"),
        new("x2").without_header("content-type"),
        new("x3").with_header("user-agent", "somebody else"),
        new("x4").with_header("X-Rebill-Signature", &upper),
        new("x5").with_header("x-forwarded-for", "192.0.2.1"),
        new("x6").with_header("X-Rebill-Timestamp", "1"),
    ]);
    variants
}

/// Forwards, backwards, and from several places in between.
fn orders(variants: &[SignedDelivery]) -> Vec<Vec<SignedDelivery>> {
    let mut orders = vec![variants.to_vec(), variants.iter().rev().cloned().collect()];
    for step in [7, 23, 51, 88] {
        let mut order = variants.to_vec();
        order.rotate_left(step);
        orders.push(order);
    }
    orders
}

fn captured(kit: &Kit, status: &str) -> SignedDelivery {
    let body = json!({"id": "inv_1", "status": status});
    kit.delivery("invoice.paid", "dlv_1", body)
}

/// No answer says that anything is wrong, except a ping none says that nothing was done.
fn check(answers: &[Reply], case: &str) {
    for answer in answers {
        assert_eq!(answer.status(), 200, "{case}: {:?}", answer.rejection());
    }
}

fn axum(kit: &Kit, seen: &Seen) -> Router {
    async fn handle(State(seen): State<Seen>, delivery: countersign_axum::Delivery<Event>) {
        seen.note(delivery.event());
    }
    let layer = countersign_axum::ReceiverLayer::new(&kit.receiver);
    Router::new()
        .route(PATH, post(handle).layer(layer))
        .with_state(seen.clone())
}

#[tokio::test]
async fn one_run_sees_the_paid_invoice_behind_axum() -> Tested {
    for order in 0..6 {
        let (kit, seen) = (Kit::rebill()?, Seen::default());
        let app = axum(&kit, &seen);
        let order = orders(&variants(&captured(&kit, "paid"))).swap_remove(order);
        let mut answers = Vec::new();
        for delivery in &order {
            answers.push(kit.sender.send(&app, delivery).await);
        }
        check(&answers, "axum");
        assert_eq!(seen.paid(), 1);
        // Each of the other types that happen once ran once at most, and some ran at all.
        assert!((15..80).contains(&seen.runs()), "{}", seen.runs());
        // A second paid invoice is not the first.
        let body = json!({"id": "inv_2", "status": "paid"});
        let other = kit.delivery("invoice.paid", "dlv_2", body);
        assert_eq!(kit.sender.send(&app, &other).await.dedup(), Some("fresh"));
        assert_eq!(seen.paid(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn one_run_sees_the_paid_invoice_behind_tower() -> Tested {
    for order in 0..6 {
        let (kit, seen) = (Kit::rebill()?, Seen::default());
        let service = {
            let seen = seen.clone();
            move |request: Request<countersign_tower::VerifiedBody>| {
                let admitted = request.extensions().get::<Admitted>().cloned();
                let event = admitted.and_then(|admitted| Delivery::<Event>::read(admitted).ok());
                if let Some(event) = &event {
                    seen.note(event.event());
                }
                async move { Ok::<_, String>(Response::new(countersign_tower::VerifiedBody::default())) }
            }
        };
        let app = ServiceBuilder::new()
            .layer(countersign_tower::ReceiverLayer::new(&kit.receiver))
            .service_fn(service);
        let order = orders(&variants(&captured(&kit, "paid"))).swap_remove(order);
        let mut answers = Vec::new();
        for delivery in &order {
            answers.push(kit.sender.send(&app, delivery).await);
        }
        check(&answers, "tower");
        assert_eq!(seen.paid(), 1);
    }
    Ok(())
}

#[actix_web::test]
async fn one_run_sees_the_paid_invoice_behind_actix() -> Tested {
    async fn handle(seen: web::Data<Seen>, delivery: countersign_actix::Delivery<Event>) -> String {
        seen.note(delivery.event());
        String::new()
    }
    for order in 0..6 {
        let (kit, seen) = (Kit::rebill()?, Seen::default());
        let resource = web::resource(PATH)
            .wrap(countersign_actix::ReceiverMiddleware::new(&kit.receiver))
            .route(web::post().to(handle));
        let data = web::Data::new(seen.clone());
        let app = test::init_service(App::new().app_data(data).service(resource)).await;
        let order = orders(&variants(&captured(&kit, "paid"))).swap_remove(order);
        let mut answers = Vec::new();
        for delivery in &order {
            answers.push(kit.sender.send_actix(&app, delivery).await);
        }
        check(&answers, "actix");
        assert_eq!(seen.paid(), 1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_run_sees_the_paid_invoice_when_all_variants_come_at_once() -> Tested {
    for _ in 0..10 {
        let (kit, seen) = (Kit::rebill()?, Seen::default());
        let app = axum(&kit, &seen);
        let sent = variants(&captured(&kit, "paid"))
            .into_iter()
            .map(|delivery| {
                let (kit, app) = (kit.clone(), app.clone());
                tokio::spawn(async move { kit.sender.send(&app, &delivery).await })
            });
        let answers: Result<Vec<_>, _> = join_all(sent).await.into_iter().collect();
        check(&answers?, "at once");
        assert_eq!(seen.paid(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn no_run_sees_a_paid_invoice_in_the_body_of_one_that_is_not() -> Tested {
    for status in ["sent", "draft", "Paid", ""] {
        let (kit, seen) = (Kit::rebill()?, Seen::default());
        let app = axum(&kit, &seen);
        for delivery in variants(&captured(&kit, status)) {
            assert_eq!(kit.sender.send(&app, &delivery).await.status(), 200);
        }
        assert_eq!(seen.paid(), 0, "{status}");
        assert!(seen.runs() > 0, "{status}");
    }
    Ok(())
}

#[tokio::test]
async fn rotation_gives_a_captured_request_no_second_run() -> Tested {
    let (kit, seen) = (Kit::rebill()?, Seen::default());
    let app = axum(&kit, &seen);
    let captured = captured(&kit, "paid");
    let kept = core::time::Duration::from_secs(3_600);
    assert_eq!(
        kit.sender.send(&app, &captured).await.dedup(),
        Some("fresh")
    );
    for round in 0..3 {
        kit.receiver
            .rotate(Secret::new(format!("secret {round}"))?, kept)?;
        let replay = captured.with_header(ID, &format!("new_{round}"));
        let answer = kit.sender.send(&app, &replay).await;
        assert_eq!(answer.dedup(), Some("suppressed"), "{round}");
    }
    // The request dies with its key.
    kit.clock.advance(kept + kept);
    let answer = kit
        .sender
        .send(&app, &captured.with_header(ID, "late"))
        .await;
    assert_eq!((answer.status(), seen.paid()), (401, 1));
    Ok(())
}
