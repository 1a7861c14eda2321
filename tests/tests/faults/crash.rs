//! An engine that is killed under load and comes back.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use countersign_core::{DedupStore, KeyState, StoreOutage};
use countersign_tests::kit::in_time;
use tokio::task::{JoinSet, block_in_place};

use crate::{
    engine::Engine,
    site::{Site, Times, until, until_state},
};

/// How often the engine is killed.
const KILLS: usize = 2;
/// How many deliveries are answered 200 between kills.
const BETWEEN: usize = 300;
/// Deliveries under way at a time.
const AT_ONCE: u32 = 16;

const TIMES: Times = Times {
    // A completion is tried again for a lease: long enough for the engine to come back.
    lease: Duration::from_secs(8),
    ..Times::SHORT
};

/// What the senders share.
#[derive(Default)]
struct Load {
    next: AtomicU32,
    refused: AtomicUsize,
    stop: AtomicBool,
    accepted: Mutex<Vec<String>>,
}

impl Load {
    fn accepted(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    /// Sends deliveries one after the other, each until it is answered 200; every fourth is sent
    /// once more, as by a sender that lost the answer.
    async fn send<S: DedupStore + Clone>(&self, site: &Site<S>) {
        while !self.stop.load(Ordering::Relaxed) {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            let id = format!("evt_{n}");
            let delivery = site.delivery(&id, "");
            for _ in 0..if n.is_multiple_of(4) { 2 } else { 1 } {
                while site.send(&delivery).await.is().0 != 200 {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            self.accepted.lock().unwrap().push(id);
        }
    }
}

/// Kills the engine under load, again and again and once more at the end, and compares.
pub(crate) async fn nothing_that_was_answered_200_is_lost<E: Engine>(mut engine: E) {
    // Without a proxy: to what is dead there is no connection, and a proxy would take one.
    let closed = StoreOutage::FailClosed;
    let site = Site::open("crash", &engine, engine.addr(), closed, TIMES).await;
    let load = Arc::new(Load::default());
    let mut senders = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (load, site) = (Arc::clone(&load), site.clone());
        senders.spawn(async move { load.send(&site).await });
    }
    let mut away = Duration::ZERO;
    for round in 1..=KILLS {
        until(|| load.accepted() >= round * BETWEEN).await;
        let (begin, before) = (Instant::now(), load.refused.load(Ordering::Relaxed));
        block_in_place(|| engine.kill());
        until(|| load.refused.load(Ordering::Relaxed) > before).await;
        block_in_place(|| engine.resume());
        away = away.max(begin.elapsed());
    }
    until(|| load.accepted() >= (KILLS + 1) * BETWEEN).await;
    load.stop.store(true, Ordering::Relaxed);
    in_time(senders.join_all()).await;
    let accepted = std::mem::take(&mut *load.accepted.lock().unwrap());
    assert_eq!(accepted.len(), load.next.load(Ordering::Relaxed) as usize);

    // What could not be completed before the answer is completed after it.
    let open = || {
        accepted
            .iter()
            .filter(|id| !site.store.is_done(&site.key(id)))
    };
    let tried = tokio::time::timeout(TIMES.lease * 2, until(|| open().count() == 0)).await;
    let back_soon = away + TIMES.store < TIMES.lease;
    assert!(
        tried.is_ok() || !back_soon,
        "{away:?}: {:?}",
        open().collect::<Vec<_>>()
    );

    block_in_place(|| engine.kill());
    block_in_place(|| engine.resume());
    let direct = engine.store(engine.addr(), TIMES.store);
    until_state(&direct, &site.key("none"), |state| {
        state == KeyState::Absent
    })
    .await;
    let runs = runs(&site);
    let late = open().count();
    for id in &accepted {
        let key = site.key(id);
        let runs = runs.get(id).map_or(&[][..], Vec::as_slice);
        assert!(!runs.is_empty(), "{id} never ran");
        let done = site.store.done(&key);
        let Some((fence, since)) = done.first() else {
            continue;
        };
        assert_eq!(
            direct.state(&key).await.unwrap(),
            KeyState::Completed,
            "{id}"
        );
        assert!(done.iter().all(|(other, _)| other == fence), "{id}");
        let after = runs.iter().filter(|began| *began > since).count();
        assert_eq!(after, 0, "{id} ran after it was completed");
    }
    println!(
        "{} accepted, {} runs, {late} not done, {} refused, away for {away:?}",
        accepted.len(),
        runs.values().map(Vec::len).sum::<usize>(),
        load.refused.load(Ordering::Relaxed)
    );
}

/// When each delivery was run.
fn runs<S: DedupStore + Clone>(site: &Site<S>) -> HashMap<String, Vec<Instant>> {
    let mut runs: HashMap<_, Vec<_>> = HashMap::new();
    for (id, began) in site.desk.runs() {
        runs.entry(id).or_default().push(began);
    }
    runs
}
