//! The store against the model that all stores must agree with.

use std::time::Duration;

use countersign_redis::{RedisStore, redis::Value};
use countersign_tests::{
    model::{self, Engine, Rules},
    redis_server::RedisServer,
};

use super::help::{run, server, shift, store};

struct Process<'a> {
    server: &'a RedisServer,
    store: RedisStore,
}

impl Engine for Process<'_> {
    type Store = RedisStore;

    fn store(&self) -> &RedisStore {
        &self.store
    }

    async fn advance(&mut self, by: Duration) {
        let client = self.server.client().unwrap();
        shift(&client, self.store.prefix(), by).await;
    }

    async fn crash(&mut self) {
        self.store = store(self.server);
    }

    async fn rows(&self) -> usize {
        let client = self.server.client().unwrap();
        let Value::Int(rows) = run(&client, &["DBSIZE"]).await else {
            panic!("a number");
        };
        usize::try_from(rows).unwrap()
    }
}

#[test]
fn the_store_answers_as_the_model_does() {
    let server = server!();
    model::check(150, &Rules::served(true), async |_| Process {
        server: &server,
        store: store(&server),
    });
}
