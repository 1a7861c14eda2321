//! A thousand copies of one delivery in one process, over a store that others share.

use std::time::Duration;

use countersign_core::StoreOutage;
use countersign_tests::raw::{self, Request};
use tokio::task::JoinSet;

use crate::{
    engine::Engine,
    site::{Site, Times, until},
};

const COPIES: usize = 1_000;

const TIMES: Times = Times {
    store: Duration::from_secs(20),
    wait: Duration::from_secs(50),
    budget: Duration::from_secs(50),
    lease: Duration::from_secs(60),
};

pub(crate) async fn copies_of_a_running_delivery_leave_the_store_alone(engine: &impl Engine) {
    // Both ends of every connection are in this process.
    rlimit::increase_nofile_limit(16_384).unwrap();
    let closed = StoreOutage::FailClosed;
    let site = Site::open("many_copies", engine, engine.addr(), closed, TIMES).await;
    let delivery = site.delivery("evt_1", "do:wait");
    let connections = raw::connections(site.addr, COPIES as u32).await.unwrap();
    let mut copies = JoinSet::new();
    for connection in connections {
        let request = Request::of(&delivery);
        copies.spawn(async move { raw::answer(request.begin_on(connection).await?).await });
    }
    site.desk.entered().await;
    until(|| site.receiver.health().waiting == COPIES - 1).await;

    // They know from their own process what they wait for.
    assert_eq!(site.store.asked(), 1);

    // For one, or for all that should not be running.
    site.desk.open(COPIES);
    let mut fresh = 0;
    for answer in copies.join_all().await {
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        fresh += usize::from(answer.header("countersign-dedup") == Some("fresh"));
    }
    assert_eq!((fresh, site.runs("evt_1")), (1, 1));
    let key = site.key("evt_1");
    assert_eq!(site.store.count_of("complete", &key), 1);
    assert_eq!(site.store.asked(), 2);
}
