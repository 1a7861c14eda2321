//! Work that the sender does not wait for, by graphile_worker: done once, however often the accounting
//! service fails, and nothing is lost.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex},
    time::Duration,
};

use countersign::{
    Receiver,
    postgres::{
        PostgresStore,
        deadpool_postgres::{Manager, Pool},
        tokio_postgres::NoTls,
    },
    rebill_za,
};
use countersign_drivers::with_graphile_worker::{Company, router};
use countersign_testkit::Sender;
use serde_json::json;

use self::postgres_server::PostgresServer;

#[path = "../../../tests/support/engines.rs"]
mod engines;
#[allow(dead_code, reason = "these tests kill nothing")]
#[path = "../../../tests/support/postgres_server.rs"]
mod postgres_server;

const INVOICES: usize = 8;

/// The service: what it booked, by the key of the call, and how often it was called.
#[derive(Default)]
struct Ledger {
    booked: HashMap<String, String>,
    calls: usize,
}

/// Fails now and then, before it booked or after.
fn call(ledger: &Mutex<Ledger>, key: String, invoice: String) -> Result<(), &'static str> {
    let mut ledger = ledger.lock().map_err(|_| "poisoned")?;
    ledger.calls += 1;
    match ledger.calls % 4 {
        1 => return Err("the accounting service is away"),
        2 => {
            ledger.booked.insert(key, invoice);
            return Err("the answer was lost");
        }
        _ => ledger.booked.insert(key, invoice),
    };
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn invoices_are_synced_once_and_none_is_lost() -> Result<(), Box<dyn Error>> {
    let Some(server) = PostgresServer::shared() else {
        return Ok(());
    };
    let pool = Pool::builder(Manager::new(server.config(), NoTls))
        .max_size(16)
        .build()?;
    let store = PostgresStore::new(pool.clone());
    store.migrate().await?;
    let database = pool.get().await?;
    let table = "CREATE TABLE invoices (id text PRIMARY KEY, paid boolean NOT NULL DEFAULT false)";
    database.batch_execute(table).await?;
    let ledger: Arc<Mutex<Ledger>> = Arc::default();
    let service = Arc::clone(&ledger);
    let accounting = Arc::new(move |key, invoice| {
        let service = Arc::clone(&service);
        let called = async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(call(&service, key, invoice)?)
        };
        Box::pin(called) as _
    });
    let worker = Company::new(pool.clone(), accounting).worker().await?;

    let kit = Sender::new(rebill_za::SCHEME);
    let receiver = Receiver::builder(rebill_za::SCHEME)
        .endpoint("rebill")
        .secret(kit.secret()?)
        .store(store.clone())
        .build()?;
    let app = router(store, &receiver);
    let send = async |event: &str, number: usize, status: &str| {
        let body = json!({"id": format!("inv_{number}"), "status": status});
        let id = format!("{event}_{number}");
        let delivery = kit
            .delivery_with_id(event, &id, body)
            .to("/webhooks/rebill");
        assert_eq!(kit.send(&app, &delivery.tampered()).await.status(), 401);
        // The sender lost the answer.
        assert_eq!(kit.send(&app, &delivery).await.status(), 200);
        assert!(kit.send(&app, &delivery).await.is_duplicate());
    };
    for number in 0..INVOICES {
        send("invoice.created", number, "draft").await;
        send("invoice.paid", number, "paid").await;
    }
    let jobs = "SELECT count(*) FROM graphile_worker._private_jobs";
    let left =
        async || -> Result<i64, Box<dyn Error>> { Ok(database.query_one(jobs, &[]).await?.get(0)) };
    assert_eq!(left().await?, 2 * i64::try_from(INVOICES)?);

    // What failed waits for its next attempt; here its time has come at once.
    let due = "UPDATE graphile_worker._private_jobs SET run_at = now()";
    for _round in 0..20 {
        worker.run_once().await?;
        if left().await? == 0 {
            break;
        }
        database.batch_execute(due).await?;
    }
    assert_eq!(left().await?, 0);
    let paid = "SELECT count(*) FROM invoices WHERE paid";
    let paid: i64 = database.query_one(paid, &[]).await?.get(0);
    assert_eq!(paid, i64::try_from(INVOICES)?);
    let ledger = ledger.lock().map_err(|_| "poisoned")?;
    assert!(ledger.calls > INVOICES, "it never failed");
    let mut booked: Vec<_> = ledger.booked.values().cloned().collect();
    booked.sort_unstable();
    let mut due: Vec<_> = (0..INVOICES)
        .map(|number| format!("inv_{number}"))
        .collect();
    due.sort_unstable();
    assert_eq!(booked, due, "synced twice, or never");
    Ok(())
}
