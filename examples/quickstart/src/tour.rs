//! The quickstart's tour: what a receiver makes of good and bad deliveries, sent over real HTTP.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use countersign::{invoice_maker, rebill_za};
use countersign_testkit::{Sender, SignedDelivery};
use serde_json::{Value, json};

use crate::{Ledger, client::Http};

/// The secrets of the quickstart. Real ones come from the sender.
pub const REBILL_SECRET: &str = "quickstart-rebill-secret";
pub const INVOICE_MAKER_SECRET: &str = "quickstart-invoice-maker-secret";

/// The copies that are sent at once.
const COPIES: usize = 200;

/// What is sent, and what must come back.
struct Stop {
    sent: &'static str,
    delivery: SignedDelivery,
    copies: usize,
    status: u16,
    dedup: Option<&'static str>,
    runs: u32,
}

/// Sends every stop of the tour and prints a row for each. True when all went as it must.
///
/// `run` is part of every id, so that a store which remembers earlier runs knows none of them.
pub async fn tour(http: &Http, ledger: &Ledger, run: &str) -> Result<bool, Box<dyn Error>> {
    println!(
        "\n{:<14} {:<22} {:<16} {:<11} {:>4}  {:>8}",
        "sender", "what was sent", "status", "dedup", "runs", "time"
    );
    let mut good = true;
    for stop in rebill_stops(run) {
        good &= visit("rebill", &stop, http, ledger).await?;
    }
    for stop in invoice_maker_stops(run) {
        good &= visit("invoice-maker", &stop, http, ledger).await?;
    }
    Ok(good)
}

/// Deliveries that were not sent yet, one of each sender, to try by hand.
pub fn fresh(run: &str) -> [SignedDelivery; 2] {
    let paid = json!({"id": format!("inv_3_{run}"), "status": "paid", "amount_due": 0});
    [
        rebill()
            .delivery_with_id("invoice.paid", &format!("dlv_by_hand_{run}"), paid)
            .to("/webhooks/rebill"),
        invoice_maker()
            .delivery_with_id(
                "invoice.paid",
                &format!("evt_by_hand_{run}"),
                invoice("inv_4"),
            )
            .to("/webhooks/invoice-maker"),
    ]
}

fn rebill() -> Sender {
    Sender::with_secret(rebill_za::SCHEME, REBILL_SECRET)
}

fn invoice_maker() -> Sender {
    Sender::with_secret(invoice_maker::SCHEME, INVOICE_MAKER_SECRET)
}

fn invoice(id: &str) -> Value {
    json!({
        "created_at": "2026-04-01T10:30:00.000Z",
        "data": {"id": id, "status": "paid", "total": 3109.88},
    })
}

fn rebill_stops(run: &str) -> Vec<Stop> {
    let paid = |number: u32| {
        let body = json!({"id": format!("inv_{number}_{run}"), "status": "paid", "amount_due": 0});
        rebill()
            .delivery_with_id("invoice.paid", &format!("dlv_{number}_{run}"), body)
            .to("/webhooks/rebill")
    };
    let first = paid(1);
    let replay = first.with_header("X-Rebill-Delivery", &format!("dlv_made_up_{run}"));
    let other = Sender::with_secret(rebill_za::SCHEME, "another-secret");
    let mut stops = common(&first, &other, &paid(2));
    stops.insert(
        5,
        Stop::new("replay, new id", replay, 200, Some("suppressed"), 0),
    );
    stops
}

fn invoice_maker_stops(run: &str) -> Vec<Stop> {
    let paid = |sender: &Sender, number: u32| {
        sender
            .delivery_with_id(
                "invoice.paid",
                &format!("evt_{number}_{run}"),
                invoice("inv_1"),
            )
            .to("/webhooks/invoice-maker")
    };
    let sender = invoice_maker();
    let first = paid(&sender, 1);
    // The last retry comes 26.6 hours after the first attempt and may keep its time; older ones are replays.
    let hours = |hours: u64| sender.clone().behind(Duration::from_secs(hours * 60 * 60));
    let late = paid(&hours(26), 3);
    let stale = paid(&hours(28), 4);
    let other = Sender::with_secret(invoice_maker::SCHEME, "another-secret");
    let mut stops = common(&first, &other, &paid(&sender, 2));
    stops.insert(
        5,
        Stop::new("retry, 26 h late", late, 200, Some("fresh"), 1),
    );
    stops.insert(6, Stop::new("stale, 28 h old", stale, 401, None, 0));
    stops
}

fn common(first: &SignedDelivery, other: &Sender, second: &SignedDelivery) -> Vec<Stop> {
    let mut copies = Stop::new("200 copies at once", second.clone(), 200, None, 1);
    copies.copies = COPIES;
    vec![
        Stop::new("valid", first.clone(), 200, Some("fresh"), 1),
        Stop::new("the same again", first.clone(), 200, Some("duplicate"), 0),
        Stop::new("tampered body", first.tampered(), 401, None, 0),
        Stop::new("wrong secret", other.retry(first), 401, None, 0),
        Stop::new("no signature", first.unsigned(), 401, None, 0),
        copies,
    ]
}

impl Stop {
    fn new(
        sent: &'static str,
        delivery: SignedDelivery,
        status: u16,
        dedup: Option<&'static str>,
        runs: u32,
    ) -> Self {
        Self {
            sent,
            delivery,
            copies: 1,
            status,
            dedup,
            runs,
        }
    }
}

async fn visit(
    sender: &str,
    stop: &Stop,
    http: &Http,
    ledger: &Ledger,
) -> Result<bool, Box<dyn Error>> {
    let runs_before = ledger.runs();
    let began = Instant::now();
    let sends = (0..stop.copies).map(|_| {
        let (http, delivery) = (http.clone(), stop.delivery.clone());
        tokio::spawn(async move {
            http.send(&delivery)
                .await
                .map_err(|error| error.to_string())
        })
    });
    let mut answers = Vec::new();
    for send in sends.collect::<Vec<_>>() {
        answers.push(send.await??);
    }
    let time = began.elapsed();
    let runs = ledger.runs() - runs_before;

    let statuses: Vec<u16> = answers
        .iter()
        .map(|answer| answer.status().as_u16())
        .collect();
    let as_due = statuses.iter().filter(|status| **status == stop.status);
    let all_as_due = as_due.clone().count() == stop.copies;
    let dedup = answers.first().and_then(|answer| {
        let value = answer.headers().get("countersign-dedup")?;
        value.to_str().ok()
    });
    let status = match (stop.copies, statuses.first()) {
        (1, Some(status)) => status.to_string(),
        (copies, _) => format!("{} of {copies}: {}", as_due.count(), stop.status),
    };
    let good = all_as_due && runs == stop.runs && (stop.copies > 1 || dedup == stop.dedup);
    println!(
        "{sender:<14} {:<22} {status:<16} {:<11} {runs:>4}  {:>5.1} ms{}",
        stop.sent,
        if stop.copies == 1 {
            dedup.unwrap_or("-")
        } else {
            "-"
        },
        time.as_secs_f64() * 1_000.0,
        if good { "" } else { "  <- not as it must be" },
    );
    Ok(good)
}
