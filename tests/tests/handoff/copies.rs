//! Copies, over several receivers that know nothing of each other.

use countersign_core::MemoryStore;
use tokio::task::JoinSet;

use crate::{
    engine::Engine,
    site::{Site, ids, paid},
};

/// Three processes whose stores share nothing: only the engine's window is left to tell copies apart.
pub(crate) async fn a_thousand_are_one_message(engine: &impl Engine) {
    let mut sites = Vec::new();
    for _ in 0..3 {
        sites.push(Site::new(engine.publisher(engine.addr()).await));
    }
    let mut tasks = JoinSet::new();
    for copy in 0..1_000 {
        let site = sites[copy % 3].clone();
        tasks.spawn(async move { site.send(&paid("copied")).await });
    }
    let statuses = tasks.join_all().await;
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)));
    assert!(statuses.contains(&200));
    assert_eq!(ids(&engine.messages().await).len(), 1);

    // And over one store, as it is meant to be.
    let store = MemoryStore::new();
    let publisher = engine.publisher(engine.addr()).await;
    let sites = [(); 3].map(|()| Site::with(publisher.clone(), store.clone(), |builder| builder));
    for copy in 0..30 {
        let site = &sites[copy % 3];
        assert_eq!(site.send(&paid("one_store")).await, 200);
    }
    assert_eq!(ids(&engine.messages().await).len(), 2);
}
