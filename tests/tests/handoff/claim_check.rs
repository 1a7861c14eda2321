//! Bodies that are larger than the engine takes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use countersign_core::{MemoryStore, Raw};
use countersign_handoff::{
    Envelope, HandOffError, Handed, HandedError, PublishError, PublishErrorKind, Published,
    Publisher,
};
use countersign_senders::rebill_za;
use countersign_testkit::Sender;

use crate::{
    engine::Engine,
    faults::pass,
    site::{SECRET, Site},
};

/// An engine that takes 4 KB and no more: NATS takes 1 MiB, Redis half a gigabyte.
#[derive(Clone)]
struct Small<P>(P);

impl<P: Publisher> Publisher for Small<P> {
    async fn publish(&self, message: &Envelope) -> Result<Published, PublishError> {
        match message.to_json().len() {
            ..=4_096 => self.0.publish(message).await,
            _ => Err(PublishError::too_large("4 KB")),
        }
    }

    fn duplicate_window(&self) -> Option<std::time::Duration> {
        self.0.duplicate_window()
    }

    fn name(&self) -> &'static str {
        self.0.name()
    }
}

pub(crate) async fn a_large_body_is_kept_elsewhere(engine: &impl Engine) {
    let publisher = Small(engine.publisher(engine.addr()).await);
    let body = format!(r#"{{"id":"inv_1","note":"{}"}}"#, "x".repeat(10_000));
    let large =
        Sender::with_secret(rebill_za::SCHEME, SECRET).raw("invoice.sent", "1", body.clone());

    // Without a place: refused each time, and never lost.
    let site = Site::new(publisher.clone());
    assert_eq!(site.send(&large).await, 503);
    let error = pass(&site, &large).await.unwrap_err();
    let HandOffError::Publish(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.kind(), PublishErrorKind::TooLarge);
    assert_eq!(engine.count().await, 0);

    let kept: Arc<Mutex<HashMap<String, Bytes>>> = Arc::default();
    let place = Arc::clone(&kept);
    let site = Site::with(publisher.clone(), MemoryStore::new(), |queue| {
        queue.keep_large_bodies(move |key, body| {
            let at = format!("s3://bodies/{}", hex::encode(key.as_bytes()));
            let there = place.lock().unwrap().insert(at.clone(), body);
            assert!(there.is_none());
            async move { Ok(at) }
        })
    });
    assert_eq!(site.send(&large).await, 200);
    let message = engine.messages().await.remove(0);
    let at = message.data_ref().unwrap().to_owned();
    assert_eq!(message.body(), None);
    let unread = Handed::<Raw>::read(message.clone());
    assert_eq!(unread.unwrap_err(), HandedError::Elsewhere);
    // Only the body that was proved fits.
    assert!(message.clone().with_body("{}".into()).is_err());
    let fetched = kept.lock().unwrap()[&at].clone();
    let handed = Handed::<rebill_za::Event>::read(message.with_body(fetched).unwrap()).unwrap();
    assert_eq!(handed.body(), body.as_bytes());

    // A place that is away: given back, and the next attempt runs.
    let site = Site::with(publisher, MemoryStore::new(), |queue| {
        queue.keep_large_bodies(|_, _| async { Err("the place is away".into()) })
    });
    assert_eq!(site.send(&large).await, 503);
    let error = pass(&site, &large).await.unwrap_err();
    assert!(matches!(error, HandOffError::Place(_)), "{error:?}");
}
