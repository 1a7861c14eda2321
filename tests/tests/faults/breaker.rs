//! Many deliveries during an outage, and after it.

use std::time::Instant;

use countersign_core::StoreOutage;
use countersign_tests::proxy::{Fault, Proxy};
use futures_util::future::join_all;

use crate::{
    claims::POLICIES,
    engine::Engine,
    site::{MARGIN, PAUSE, Site, Times},
};

const TIMES: Times = Times::SHORT;

/// A server that stops answering, and one that has become slow, under both policies at once.
pub(crate) async fn an_outage_ends_when_the_fault_does(engine: &impl Engine) {
    let faults = [Fault::Silence, Fault::Delay(TIMES.store * 2)];
    let outages = faults
        .into_iter()
        .flat_map(|fault| POLICIES.map(|outage| an_outage(engine, fault, outage)));
    join_all(outages).await;
}

async fn an_outage(engine: &impl Engine, fault: Fault, outage: StoreOutage) {
    let case = format!("breaker, {fault:?}, {outage:?}");
    let proxy = Proxy::start(engine.addr()).await.unwrap();
    let site = Site::open(&case, engine, proxy.addr(), outage, TIMES).await;
    let first = site.send(&site.delivery("evt_0", "")).await;
    assert_eq!(first.is(), (200, Some("fresh")), "{case}");

    let ids: Vec<String> = (1..=40).map(|n| format!("evt_{n}")).collect();
    let deliveries: Vec<_> = ids.iter().map(|id| site.delivery(id, "")).collect();
    let (early, late) = deliveries.split_at(8);
    proxy.set(fault);
    let mut answers = join_all(early.iter().map(|delivery| site.send(delivery))).await;
    assert!(site.receiver.health().store_failing, "{case}");
    assert!(!site.receiver.health().is_ready(), "{case}");
    let calls = site.store.asked();
    for delivery in late {
        let answer = site.send(delivery).await;
        assert!(answer.took < TIMES.store, "{case}: {answer:?}");
        answers.push(answer);
    }
    assert_eq!(site.store.asked(), calls, "{case}: it is left alone");
    for answer in answers {
        if outage == StoreOutage::FailOpen {
            assert_eq!(answer.is(), (200, Some("unavailable")), "{case}");
        } else {
            assert!(answer.is_refused(), "{case}: {answer:?}");
        }
    }
    let before = site.desk.begun();

    proxy.set(Fault::None);
    let begin = Instant::now();
    let last = site.delivery("evt_41", "");
    // Under `FailOpen` what comes meanwhile runs unclaimed.
    site.insist_on_a_claim(&last).await;
    let took = begin.elapsed();
    assert!(took < PAUSE + TIMES.budget + MARGIN, "{case}: {took:?}");
    assert!(site.receiver.health().is_ready(), "{case}");
    if outage == StoreOutage::FailClosed {
        assert_eq!(before, 1, "{case}: nothing ran meanwhile");
        join_all(deliveries.iter().map(|delivery| site.insist(delivery))).await;
        let runs: Vec<_> = ids.iter().map(|id| site.runs(id)).collect();
        assert_eq!(runs, vec![1; ids.len()], "{case}");
        let took = begin.elapsed();
        let limit = PAUSE + TIMES.lease + TIMES.budget + MARGIN;
        assert!(took < limit, "{case}: {took:?}");
    }
}
