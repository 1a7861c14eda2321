//! The memory store against the model that all stores must agree with.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use countersign_core::MemoryStore;
use countersign_testkit::ManualClock;
use countersign_tests::model::{self, Crash, Engine, Rules};

struct Process {
    clock: ManualClock,
    store: MemoryStore,
}

impl Engine for Process {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    async fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    async fn rows(&self) -> usize {
        self.store.len()
    }
}

#[test]
fn the_store_answers_as_the_model_does() {
    for room in [1, 2, 3, 4, 5, 7, 100] {
        let mut rules = Rules::exact(Crash::Forgets);
        rules.room = Some(room);
        model::check(340, &rules, async |_| {
            let clock = ManualClock::new();
            let builder = MemoryStore::builder().capacity(room);
            let store = builder.with_clock(clock.clone()).build();
            Process { clock, store }
        });
    }
}
