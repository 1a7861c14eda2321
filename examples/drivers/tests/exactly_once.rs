//! Both drivers against a real server: a payment is booked once, or not at all.

use std::{error::Error, sync::Arc, time::Duration};

use axum::Router;
use countersign::{
    DeliveryKey, Receiver,
    postgres::{
        PostgresStore,
        deadpool_postgres::{Manager, Pool},
        tokio_postgres::{self, Client, Config, NoTls},
    },
    rebill_za,
    store::{Claim, ClaimRequest, Claimed, DedupStore, Fenced, KeyState, Owner},
};
use countersign_drivers::{with_diesel, with_sqlx};
use countersign_testkit::{Reply, Sender, SignedDelivery};
use diesel_async::{
    AsyncPgConnection,
    pooled_connection::{AsyncDieselConnectionManager, deadpool},
};
use serde_json::json;
use sqlx::postgres::PgPoolOptions;

use self::postgres_server::PostgresServer;

// The helpers of the workspace's tests, without the servers and frameworks that those build.
#[path = "../../../tests/support/engines.rs"]
mod engines;
#[allow(dead_code, reason = "these tests kill nothing")]
#[path = "../../../tests/support/postgres_server.rs"]
mod postgres_server;

type Tested = Result<(), Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_secs(20);
const LEASE: Duration = Duration::from_secs(30);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

#[derive(Clone, Copy, Debug)]
enum Driver {
    Sqlx,
    Diesel,
}

const DRIVERS: [Driver; 2] = [Driver::Sqlx, Driver::Diesel];

/// An application over a database of its own, and a look at that database from beside.
struct World {
    sender: Sender,
    app: Router,
    store: PostgresStore,
    config: Config,
    database: Client,
    _server: Arc<PostgresServer>,
}

impl World {
    async fn new(driver: Driver, test: &str) -> Result<Option<Self>, Box<dyn Error>> {
        let Some(server) = PostgresServer::shared() else {
            return Ok(None);
        };
        let name = format!("{test}_{driver:?}").to_lowercase();
        let admin = connect(&server.config()).await?;
        admin
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await?;
        let url = server.url();
        let url = url.strip_suffix("postgres").ok_or("another database")?;
        let url = format!("{url}{name}");
        let mut config = server.config();
        config.dbname(&name);

        let manager = Manager::new(config.clone(), NoTls);
        let pool = Pool::builder(manager).max_size(8).build()?;
        let store = PostgresStore::new(pool).with_time_limit(PATIENCE);
        let sender = Sender::new(rebill_za::SCHEME);
        let receiver = Receiver::builder(rebill_za::SCHEME)
            .endpoint("rebill")
            .secret(sender.secret()?)
            .store(store.clone())
            // No busy machine is to make a copy give up.
            .limits(|limits| {
                limits.wait = PATIENCE;
                limits.response_budget = PATIENCE;
                limits.store_time = PATIENCE;
            })
            .build()?;
        let app = match driver {
            Driver::Sqlx => {
                let pool = PgPoolOptions::new()
                    .max_connections(4)
                    .connect(&url)
                    .await?;
                with_sqlx::migrate(&pool).await?;
                with_sqlx::router(pool, &receiver)
            }
            Driver::Diesel => {
                let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(url);
                let pool = deadpool::Pool::builder(manager).max_size(4).build()?;
                with_diesel::migrate(&mut *pool.get().await?).await?;
                with_diesel::router(pool, &receiver)
            }
        };
        Ok(Some(Self {
            sender,
            app,
            store,
            database: connect(&config).await?,
            config,
            _server: server,
        }))
    }

    fn paid(&self, id: &str) -> SignedDelivery {
        let body = json!({"id": "inv_1", "status": "paid", "amount_due": 4_200});
        let delivery = self.sender.delivery_with_id("invoice.paid", id, body);
        delivery.to("/webhooks/rebill")
    }

    async fn send(&self, delivery: &SignedDelivery) -> Reply {
        self.sender.send(&self.app, delivery).await
    }

    fn send_beside(&self, delivery: &SignedDelivery) -> tokio::task::JoinHandle<Reply> {
        let (sender, app, delivery) = (self.sender.clone(), self.app.clone(), delivery.clone());
        tokio::spawn(async move { sender.send(&app, &delivery).await })
    }

    async fn booked(&self) -> Result<Vec<(String, Option<i64>)>, tokio_postgres::Error> {
        let all = "SELECT event_id, amount FROM payments";
        let rows = self.database.query(all, &[]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Keeps handlers from booking, until the connection that comes back commits.
    async fn close_payments(&self) -> Result<Client, tokio_postgres::Error> {
        let doorkeeper = connect(&self.config).await?;
        let close = "BEGIN; LOCK TABLE payments IN EXCLUSIVE MODE";
        doorkeeper.batch_execute(close).await?;
        Ok(doorkeeper)
    }

    /// Returns once a handler waits before closed payments; it is given ten seconds for it.
    async fn handler_waits(&self) -> Tested {
        let waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'payments'::regclass
            AND NOT granted";
        for _ in 0..2_000 {
            let row = self.database.query_one(waiting, &[]).await?;
            if row.get::<_, i64>(0) > 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err("no handler got as far as the booking".into())
    }

    /// Lets the lease of everything that runs end, and claims a delivery as another process does.
    async fn take_over(&self, key: DeliveryKey) -> Result<Claimed, Box<dyn Error>> {
        let end = "UPDATE countersign SET until = clock_timestamp() - interval '1 second'";
        self.database.batch_execute(end).await?;
        let request = ClaimRequest::new(key, Owner::from_u128(2), LEASE);
        match self.store.claim(request).await? {
            Claim::Claimed(claimed) => Ok(claimed),
            other => Err(format!("not taken over: {other:?}").into()),
        }
    }
}

async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn payment(id: &str) -> Vec<(String, Option<i64>)> {
    vec![(id.into(), Some(4_200))]
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_at_the_same_time_are_booked_once() -> Tested {
    for driver in DRIVERS {
        let Some(world) = World::new(driver, "copies").await? else {
            return Ok(());
        };
        let delivery = world.paid("dlv_1");
        let doorkeeper = world.close_payments().await?;
        let copies: Vec<_> = (0..20).map(|_| world.send_beside(&delivery)).collect();
        world.handler_waits().await?;
        doorkeeper.batch_execute("COMMIT").await?;

        let mut fresh = 0;
        for copy in copies {
            let reply = copy.await?;
            assert_eq!(reply.status(), 200, "{driver:?}");
            fresh += usize::from(reply.dedup() == Some("fresh"));
        }
        assert_eq!(fresh, 1, "{driver:?}");
        assert!(world.send(&delivery).await.is_duplicate(), "{driver:?}");
        assert_eq!(world.booked().await?, payment("dlv_1"), "{driver:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_leaves_nothing_and_the_retry_books() -> Tested {
    // The commit fails, after both rows were written. No trigger of the payments: a booking outside of
    // the transaction is to be seen.
    const REFUSE: &str = "
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'not now'; END $$;
        CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON countersign
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()";
    for driver in DRIVERS {
        let Some(world) = World::new(driver, "rollback").await? else {
            return Ok(());
        };
        let delivery = world.paid("dlv_1");
        world.database.batch_execute(REFUSE).await?;
        assert_eq!(world.send(&delivery).await.status(), 503, "{driver:?}");
        assert_eq!(world.booked().await?, [], "{driver:?}");
        let key = DeliveryKey::for_id("rebill", None, "dlv_1");
        assert_eq!(world.store.state(&key).await?, KeyState::Absent);

        let accept = "DROP TRIGGER refuse ON countersign";
        world.database.batch_execute(accept).await?;
        let retry = world.send(&delivery).await;
        assert_eq!((retry.status(), retry.dedup()), (200, Some("fresh")));
        assert!(world.send(&delivery).await.is_duplicate(), "{driver:?}");
        assert_eq!(world.booked().await?, payment("dlv_1"), "{driver:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_claim_books_nothing() -> Tested {
    for driver in DRIVERS {
        let Some(world) = World::new(driver, "lost").await? else {
            return Ok(());
        };
        let delivery = world.paid("dlv_1");
        let key = DeliveryKey::for_id("rebill", None, "dlv_1");
        let doorkeeper = world.close_payments().await?;
        let late = world.send_beside(&delivery);
        world.handler_waits().await?;
        let claimed = world.take_over(key).await?;
        assert!(claimed.takeover, "{driver:?}");
        doorkeeper.batch_execute("COMMIT").await?;

        assert_eq!(late.await?.status(), 503, "{driver:?}");
        assert_eq!(world.booked().await?, [], "{driver:?}");
        // Whoever took it over is not disturbed, and what they complete stays done.
        let done = world.store.complete(&key, claimed.fence, WEEK).await?;
        assert_eq!(done, Fenced::Applied, "{driver:?}");
        assert!(world.send(&delivery).await.is_duplicate(), "{driver:?}");
        assert_eq!(world.booked().await?, [], "{driver:?}");
    }
    Ok(())
}
