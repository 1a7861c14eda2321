//! What becomes of a delivery whose handler succeeded and whose completion meets a fault.

use std::time::Duration;

use countersign_core::{KeyState, StoreOutage};
use countersign_tests::proxy::{Fault, Proxy};
use futures_util::future::join_all;

use crate::{
    claims::{LASTING, PASSING, POLICIES},
    engine::Engine,
    site::{MARGIN, Site, Times, until, until_state},
};

/// Long enough that no heartbeat comes between.
const LEASE: Duration = Duration::from_secs(60);

/// All faults under all policies, each at a site of its own and all at once.
pub(crate) async fn meet_every_fault(engine: &impl Engine) {
    let faults = PASSING.into_iter().chain(LASTING);
    let met = faults.flat_map(|fault| POLICIES.map(|outage| meet_a_fault(engine, fault, outage)));
    join_all(met).await;
}

async fn meet_a_fault(engine: &impl Engine, fault: Fault, outage: StoreOutage) {
    let case = format!("{fault:?}, {outage:?}");
    let times = Times {
        lease: LEASE,
        ..Times::SHORT
    };
    let proxy = Proxy::start(engine.addr()).await.unwrap();
    let site = Site::open(&case, engine, proxy.addr(), outage, times).await;
    let first = site.send(&site.delivery("evt_0", "")).await;
    assert_eq!(first.is(), (200, Some("fresh")), "{case}");
    site.desk.entered().await;

    let delivery = site.delivery("evt_1", "do:wait");
    let during = async {
        site.desk.entered().await;
        proxy.set(fault);
        site.desk.open(1);
    };
    let (answer, ()) = tokio::join!(site.send(&delivery), during);
    assert_eq!(answer.is(), (200, Some("fresh")), "{case}");
    // One completion is waited for, and no more.
    assert!(answer.took < times.store + MARGIN, "{case}: {answer:?}");

    let key = site.key("evt_1");
    if LASTING.contains(&fault) {
        // It goes on trying by itself.
        until(|| site.store.count_of("complete", &key) >= 3).await;
    }
    proxy.set(Fault::None);
    until(|| site.store.is_done(&key)).await;
    let direct = engine.store(engine.addr(), times.store);
    until_state(&direct, &key, |state| state == KeyState::Completed).await;
    let copy = site.send(&delivery).await;
    assert_eq!(copy.is(), (200, Some("duplicate")), "{case}");
    assert_eq!(site.runs("evt_1"), 1, "{case}");
}
