//! A database that is as large as it may be.

use countersign_core::{Claim, DedupStore, Fenced, KeyState, StoreErrorKind};
use countersign_testkit::ManualClock;

use crate::help::{
    DAY, LEASE, Place, claim, complete, done, hold, key, now, refusal, request, state,
};

const BYTES: u64 = 512 * 1_024;

#[test]
fn a_full_store_refuses_remembers_and_settles() {
    let place = Place::new();
    let clock = ManualClock::new();
    let builder = place.builder().with_clock(clock.clone());
    let store = builder.max_bytes(BYTES).open().unwrap();
    now(async {
        let held = hold(&store, key(0), 1).await;
        let lapses = hold(&store, key(1), 1).await;
        let mut filled = 2;
        loop {
            match store.claim(request(key(filled), 1)).await {
                Ok(Claim::Claimed(claimed)) => complete(&store, key(filled), claimed).await,
                Ok(other) => panic!("{other:?}"),
                Err(error) => {
                    assert_eq!(error.kind(), StoreErrorKind::Full);
                    break;
                }
            }
            filled += 1;
        }
        assert!(filled > 2_000, "{filled}");
        for n in filled..filled + 100 {
            assert_eq!(refusal(&store, key(n)).await, StoreErrorKind::Full);
            assert_eq!(state(&store, key(n)).await, KeyState::Absent);
        }
        for n in 2..filled {
            assert!(matches!(
                claim(&store, key(n), 2).await,
                Claim::Completed { .. }
            ));
        }
        // What was granted can be settled, or taken over.
        complete(&store, key(0), held).await;
        clock.advance(LEASE);
        match claim(&store, key(1), 2).await {
            Claim::Claimed(taken) => assert!(taken.takeover && taken.fence > lapses.fence),
            other => panic!("{other:?}"),
        }
        store.close().await;
        assert!(std::fs::metadata(place.database()).unwrap().len() <= BYTES);

        let builder = place.builder().with_clock(clock.clone());
        let store = builder.max_bytes(BYTES).open().unwrap();
        assert_eq!(refusal(&store, key(filled)).await, StoreErrorKind::Full);
        clock.advance(DAY + LEASE);
        for n in 0..500 {
            done(&store, key(filled + n)).await;
        }
    });
}

/// More is held than there is room to settle: SQLite itself says that the disk is full, in the
/// middle of a transaction with others.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_takes_nothing_away() {
    let place = Place::new();
    let clock = ManualClock::new();
    let builder = place.builder().with_clock(clock.clone());
    let store = builder
        .max_bytes(4 * BYTES)
        .max_pending(100_000)
        .open()
        .unwrap();
    done(&store, key(1_000_000)).await;
    let mut held = Vec::new();
    while let Ok(Claim::Claimed(claimed)) = store.claim(request(key(held.len()), 1)).await {
        held.push(claimed);
    }
    // In an order that gives no page of theirs back soon.
    let order = (0..held.len()).map(|n| (n * 7_919) % held.len());
    let settle = order.map(|n| {
        let (store, claimed) = (&store, held[n]);
        async move {
            let name = key(n);
            // Reads travel in the same transactions, and have to be answered whatever becomes of
            // the writes beside them.
            let (settled, read) = tokio::join!(
                store.complete(&name, claimed.fence, DAY),
                claim(store, key(1_000_000), 2),
            );
            assert!(matches!(read, Claim::Completed { .. }));
            (n, settled)
        }
    });
    let settled = futures_join(settle).await;
    let mut full = 0;
    for (n, outcome) in settled {
        let expected = match outcome {
            Ok(fenced) => {
                assert_eq!(fenced, Fenced::Applied);
                KeyState::Completed
            }
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Full);
                full += 1;
                KeyState::InFlight { remaining: LEASE }
            }
        };
        assert_eq!(state(&store, key(n)).await, expected);
    }
    assert!(full > 0, "the disk did not fill up");
    assert_eq!(state(&store, key(1_000_000)).await, KeyState::Completed);
}

async fn futures_join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    core::future::poll_fn(|cx| {
        let mut pending = false;
        for (future, output) in &mut futures {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    core::task::Poll::Ready(value) => *output = Some(value),
                    core::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            core::task::Poll::Pending
        } else {
            core::task::Poll::Ready(())
        }
    })
    .await;
    futures
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}
