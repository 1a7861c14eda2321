//! Engines that hang, refuse, are full, or lose the connection after they took a message.

use std::time::{Duration, Instant};

use countersign_handoff::{HandOffError, PublishErrorKind};
use countersign_senders::rebill_za;
use countersign_testkit::{Sender, SignedDelivery};
use countersign_tests::proxy::{Fault, Proxy};

use crate::{
    engine::Engine,
    site::{BUDGET, LIMIT, MARGIN, SECRET, Site, ids, paid},
};

pub(crate) async fn are_answered_503_in_time_and_double_nothing(engine: &impl Engine) {
    let proxy = Proxy::start(engine.addr()).await.unwrap();
    let site = Site::new(engine.publisher(proxy.addr()).await);
    site.insist(&paid("before")).await;
    let mut sent = 1;
    for (name, fault) in [
        ("refuses", Fault::Reset),
        ("hangs", Fault::Silence),
        ("takes_it_and_says_nothing", Fault::DropReplies),
        ("takes_it_and_hangs_up", Fault::ResetReplyOnce),
        ("is_slow", Fault::Delay(BUDGET * 2)),
    ] {
        proxy.set(fault);
        let begin = Instant::now();
        let status = site.send(&paid(name)).await;
        let took = begin.elapsed();
        // Late is not done, whatever comes of it.
        assert_eq!(status, 503, "{name}");
        assert!(took < BUDGET + MARGIN, "{name}: {took:?}");
        if fault == Fault::Silence {
            // The hand-off ends by itself, long before the request must.
            let begin = Instant::now();
            let error = pass(&site, &paid("by_hand")).await.unwrap_err();
            let took = begin.elapsed();
            assert!(took >= LIMIT && took < LIMIT + MARGIN / 2, "{took:?}");
            let HandOffError::Publish(error) = error else {
                panic!("{error:?}");
            };
            assert_eq!(error.kind(), PublishErrorKind::Timeout);
        }
        proxy.set(Fault::None);
        // The sender comes again, and again after it lost the answer.
        site.insist(&paid(name)).await;
        assert_eq!(site.send(&paid(name)).await, 200, "{name}");
        sent += 1;
        let mut there = ids(&engine.messages().await);
        // It may have come after nobody waited for it any more.
        there.remove("by_hand");
        assert_eq!(there.len(), sent, "{name}");
    }
}

/// A delivery of 100 KB.
fn large(number: usize) -> SignedDelivery {
    let body = format!(
        r#"{{"id":"inv_{number}","note":"{}"}}"#,
        "x".repeat(100_000)
    );
    Sender::with_secret(rebill_za::SCHEME, SECRET).raw("invoice.sent", &format!("{number}"), body)
}

pub(crate) async fn a_full_engine_refuses(engine: &impl Engine) {
    let site = Site::new(engine.publisher(engine.addr()).await);
    let mut taken = 0;
    while site.send(&large(taken)).await == 200 {
        taken += 1;
        assert!(taken < 100, "it is never full");
    }
    assert!(taken > 2, "{taken} were taken");
    assert_eq!(site.send(&large(taken)).await, 503);
    assert_eq!(ids(&engine.messages().await).len(), taken);

    // By hand, to see what is said of it.
    let error = pass(&site, &large(taken)).await.unwrap_err();
    let HandOffError::Publish(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.kind(), PublishErrorKind::Full, "{error:?}");

    // Workers make room.
    engine.clear().await;
    tokio::time::timeout(Duration::from_secs(10), site.insist(&large(taken)))
        .await
        .unwrap();
    assert_eq!(ids(&engine.messages().await).len(), 1);
}

/// Hands over by hand what a handler would.
pub(crate) async fn pass<P: countersign_handoff::Publisher>(
    site: &Site<P>,
    delivery: &SignedDelivery,
) -> Result<countersign_handoff::HandedOver, HandOffError> {
    let chunks = futures_util::stream::iter([Ok::<_, ()>(delivery.body().clone())]);
    let received = site.receiver.receive(&delivery.request(), chunks).await;
    let run = site.receiver.admit(received.unwrap()).await.unwrap();
    site.queue.pass(run.admitted()).await
}
