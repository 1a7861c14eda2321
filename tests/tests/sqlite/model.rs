//! The store against the model that all stores must agree with.

use core::time::Duration;

use countersign_sqlite::SqliteStore;
use countersign_testkit::ManualClock;
use countersign_tests::model::{self, Crash, Engine, Rules};

use crate::help::Place;

struct Process {
    place: Place,
    clock: ManualClock,
    store: SqliteStore,
}

impl Engine for Process {
    type Store = SqliteStore;

    fn store(&self) -> &SqliteStore {
        &self.store
    }

    async fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    /// The file has to be closed, because this process goes on.
    async fn crash(&mut self) {
        self.store.close().await;
        self.store = self.place.open(&self.clock);
    }

    async fn rows(&self) -> usize {
        let rows = self.place.rows().iter().sum::<i64>();
        usize::try_from(rows).unwrap()
    }
}

#[test]
fn the_store_answers_as_the_model_does() {
    model::check(300, &Rules::exact(Crash::EndsLeases), async |_| {
        let (place, clock) = (Place::new(), ManualClock::new());
        let store = place.open(&clock);
        Process {
            place,
            clock,
            store,
        }
    });
}
