//! What becomes of a delivery whose claim meets a fault.

use std::time::{Duration, Instant};

use countersign_core::StoreOutage;
use countersign_tests::proxy::{Fault, Proxy};
use futures_util::future::join_all;

use crate::{
    engine::Engine,
    site::{MARGIN, PAUSE, Site, Times},
};

const TIMES: Times = Times::SHORT;

/// The policies.
pub(crate) const POLICIES: [StoreOutage; 2] = [StoreOutage::FailClosed, StoreOutage::FailOpen];

/// Faults that a receiver gets over: nobody but the store sees them.
pub(crate) const PASSING: [Fault; 3] = [
    Fault::Delay(Duration::from_millis(100)),
    // The operation was applied, and its reply is lost once: asked again, it is the same one.
    Fault::ResetReplyOnce,
    Fault::DelayOnce(Duration::from_millis(1_500)),
];

/// Faults that last for as long as the test wants.
pub(crate) const LASTING: [Fault; 4] = [
    Fault::Delay(Duration::from_secs(2)),
    Fault::DropReplies,
    Fault::Silence,
    Fault::Reset,
];

/// All faults under all policies, each at a site of its own and all at once.
pub(crate) async fn meet_every_fault(engine: &impl Engine) {
    let passing = PASSING.iter().flat_map(|fault| {
        let met = |outage| meet_a_passing_fault(engine, *fault, outage);
        POLICIES.map(met)
    });
    let lasting = LASTING.iter().flat_map(|fault| {
        let met = |outage| meet_a_lasting_fault(engine, *fault, outage);
        POLICIES.map(met)
    });
    tokio::join!(join_all(passing), join_all(lasting));
}

async fn meet_a_passing_fault(engine: &impl Engine, fault: Fault, outage: StoreOutage) {
    let case = format!("{fault:?}, {outage:?}");
    let proxy = Proxy::start(engine.addr()).await.unwrap();
    let site = Site::open(&case, engine, proxy.addr(), outage, TIMES).await;
    // Connects, and tells the server its scripts or statements.
    let first = site.send(&site.delivery("evt_0", "")).await;
    assert_eq!(first.is(), (200, Some("fresh")), "{case}");

    proxy.set(fault);
    let delivery = site.delivery("evt_1", "");
    let answer = site.send(&delivery).await;
    assert_eq!(answer.is(), (200, Some("fresh")), "{case}");
    let owners = site.store.owners_of(&site.key("evt_1"));
    assert!(owners.iter().all(|owner| *owner == owners[0]), "{case}");
    if matches!(fault, Fault::DelayOnce(_)) {
        assert_eq!(owners.len(), 2, "{case}: asked again after the time limit");
        assert!(answer.took >= TIMES.store, "{case}");
    }
    proxy.set(Fault::None);
    let copy = site.send(&delivery).await;
    assert_eq!(copy.is(), (200, Some("duplicate")), "{case}");
    assert_eq!(site.runs("evt_1"), 1, "{case}");
    assert!(site.receiver.health().is_ready(), "{case}");
}

async fn meet_a_lasting_fault(engine: &impl Engine, fault: Fault, outage: StoreOutage) {
    let case = format!("{fault:?}, {outage:?}");
    let proxy = Proxy::start(engine.addr()).await.unwrap();
    let site = Site::open(&case, engine, proxy.addr(), outage, TIMES).await;
    let first = site.send(&site.delivery("evt_0", "")).await;
    assert_eq!(first.is(), (200, Some("fresh")), "{case}");

    proxy.set(fault);
    let delivery = site.delivery("evt_1", "");
    let answer = site.send(&delivery).await;
    // Twice the limit of one call, and no more.
    assert!(answer.took < TIMES.store * 2 + MARGIN, "{case}: {answer:?}");
    let before = site.runs("evt_1");
    if outage == StoreOutage::FailOpen {
        assert_eq!(answer.is(), (200, Some("unavailable")), "{case}");
        assert_eq!(before, 1, "{case}");
    } else {
        assert!(answer.is_refused(), "{case}: {answer:?}");
        assert_eq!(before, 0, "{case}");
    }

    // A claim that was applied and never answered is nobody's, and ends with its lease.
    proxy.set(Fault::None);
    let begin = Instant::now();
    let claimed = site.insist_on_a_claim(&delivery).await;
    let took = begin.elapsed();
    let limit = PAUSE + TIMES.lease + TIMES.budget + MARGIN;
    assert!(took < limit, "{case}: {took:?}");
    let ran = matches!(claimed.is().1, Some("fresh" | "takeover"));
    assert!(ran, "{case}: {claimed:?}");
    let runs = site.runs("evt_1");
    if outage == StoreOutage::FailClosed {
        assert_eq!(runs, 1, "{case}");
    }
    let copy = site.send(&delivery).await;
    assert_eq!(copy.is(), (200, Some("duplicate")), "{case}");
    assert_eq!(site.runs("evt_1"), runs, "{case}");
}
