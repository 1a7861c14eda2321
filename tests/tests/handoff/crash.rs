//! Engines that are killed in the middle of many hand-offs, a little later each round.

use std::{collections::HashSet, sync::Arc};

use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    engine::Engine,
    site::{Site, ids, paid},
};

/// How often something is killed.
pub(crate) fn rounds() -> usize {
    let set = std::env::var("COUNTERSIGN_ROUNDS").ok();
    set.and_then(|set| set.parse().ok()).unwrap_or(3)
}

const DELIVERIES: usize = 60;

pub(crate) async fn what_was_answered_outlives_the_engine(mut engine: impl Engine) {
    let mut all = HashSet::new();
    for round in 0..rounds() {
        // A process of its own, whose store and connection know nothing of the last round.
        let site = Site::new(engine.publisher(engine.addr()).await);
        let names: Vec<_> = (0..DELIVERIES).map(|n| format!("{round}_{n}")).collect();
        // Whoever sends has a permit until its answer was counted: the kill cannot come too late.
        let permits = Arc::new(Semaphore::new(8));
        let mut tasks = JoinSet::new();
        for name in names.clone() {
            let (site, permits) = (site.clone(), Arc::clone(&permits));
            tasks.spawn(async move {
                let permit = permits.acquire_owned().await.unwrap();
                (site.send(&paid(&name)).await, name, permit)
            });
        }
        let mut answered = Vec::new();
        while let Some(sent) = tasks.join_next().await {
            let (status, name, _permit) = sent.unwrap();
            if status == 200 {
                answered.push(name);
                if answered.len() == 1 + round % 12 * 4 {
                    engine.kill();
                }
            }
        }
        assert!(answered.len() < DELIVERIES, "nothing was cut off");
        engine.resume();

        let there = ids(&engine.messages().await);
        for name in &answered {
            assert!(there.contains(name), "{name} was answered, and is lost");
        }
        // The sender comes again with all of them, to a process whose store is empty.
        let site = Site::new(engine.publisher(engine.addr()).await);
        for name in names {
            site.insist(&paid(&name)).await;
            all.insert(name);
        }
        assert_eq!(ids(&engine.messages().await), all, "{round}");
    }
}
