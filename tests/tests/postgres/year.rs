//! A sender's year on a real server.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use countersign_postgres::PostgresStore;
use countersign_testkit::ManualClock;
use countersign_tests::{
    postgres_server::PostgresServer,
    year::{Ground, live},
};

use crate::help::{age, store};

struct Tables<'a> {
    server: &'a PostgresServer,
    table: String,
    store: PostgresStore,
}

impl Ground for Tables<'_> {
    type Store = PostgresStore;

    fn store(&self) -> PostgresStore {
        self.store.clone()
    }

    async fn advance(&mut self, by: Duration) {
        age(self.server, &self.table, by).await;
    }

    fn outlives(&self) -> bool {
        true
    }
}

#[test]
fn no_event_is_lost() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let server = &*server;
    let ground = async |_: ManualClock| {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let table = format!("year_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let store = store(server, &table, 2).await;
        Tables {
            server,
            table,
            store,
        }
    };
    live(4, ground);
}
