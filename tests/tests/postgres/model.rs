//! The store against the model that all stores must agree with.
//!
//! Time passes by moving all ends in the table closer, in steps that are long beside what a case
//! takes.

use std::time::Duration;

use countersign_postgres::PostgresStore;
use countersign_tests::{
    model::{self, Engine, Rules},
    postgres_server::PostgresServer,
};

use crate::help::{age, store};

const TABLE: &str = "model";

struct Process<'a> {
    server: &'a PostgresServer,
    store: PostgresStore,
}

impl<'a> Process<'a> {
    async fn new(server: &'a PostgresServer) -> Self {
        let store = store(server, TABLE, 1).await;
        Self { server, store }
    }
}

impl Engine for Process<'_> {
    type Store = PostgresStore;

    fn store(&self) -> &PostgresStore {
        &self.store
    }

    async fn advance(&mut self, by: Duration) {
        age(self.server, TABLE, by).await;
    }

    async fn crash(&mut self) {
        *self = Self::new(self.server).await;
    }

    async fn rows(&self) -> usize {
        let client = self.server.pool(1).get().await.unwrap();
        let count = format!(
            "SELECT (SELECT count(*) FROM {TABLE}) + (SELECT count(*) FROM {TABLE}_aliases)
                + (SELECT count(*) FROM {TABLE}_subjects)"
        );
        let count: i64 = client.query_one(&count, &[]).await.unwrap().get(0);
        usize::try_from(count).unwrap()
    }
}

#[test]
fn the_store_answers_as_the_model_does() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    model::check(64, &Rules::served(false), async |_| {
        Process::new(&server).await
    });
}
