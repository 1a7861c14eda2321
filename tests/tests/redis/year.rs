//! A sender's year on a real server.

use std::time::Duration;

use countersign_redis::{RedisStore, redis::Client};
use countersign_testkit::ManualClock;
use countersign_tests::year::{Ground, live};

use super::help::{server, shift, store};

struct Server {
    client: Client,
    store: RedisStore,
}

impl Ground for Server {
    type Store = RedisStore;

    fn store(&self) -> RedisStore {
        self.store.clone()
    }

    async fn advance(&mut self, by: Duration) {
        shift(&self.client, self.store.prefix(), by).await;
    }

    fn outlives(&self) -> bool {
        true
    }
}

#[test]
fn no_event_is_lost() {
    let server = server!();
    let ground = async |_: ManualClock| {
        let client = server.client().unwrap();
        super::help::run(&client, &["FLUSHALL"]).await;
        Server {
            client,
            store: store(&server),
        }
    };
    live(20, ground);
}
