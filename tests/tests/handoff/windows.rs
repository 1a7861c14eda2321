//! What an engine's window does not catch, the message's id does.

use std::{collections::HashSet, time::Duration};

use countersign_handoff::{
    HandOff, JetStream, Published,
    async_nats::jetstream::{consumer, stream},
};
use futures_util::StreamExt;

use crate::{
    engine::{Engine, Nats, Redis, SUBJECT, stream},
    faults::pass,
    site::{Site, paid},
};

/// A work queue deletes what is done, and after a restart its server does not know the id any more.
#[tokio::test]
async fn a_work_queue_forgets_ids_in_a_restart_and_the_consumer_tells_by_the_key() {
    let Some(mut nats) = Nats::bare().await else {
        return;
    };
    let context = nats.context().await;
    let retention = stream::RetentionPolicy::WorkQueue;
    context
        .create_stream(stream::Config {
            retention,
            ..stream()
        })
        .await
        .unwrap();
    let mut seen = HashSet::new();
    let (mut came, mut new) = (0, 0);
    for round in 0..2 {
        let publisher = nats.publisher(nats.addr()).await;
        let site = Site::with(publisher, countersign_core::MemoryStore::new(), |queue| {
            queue.consumer_deduplicates()
        });
        let passed = pass(&site, &paid("1")).await.unwrap();
        assert_eq!(passed.published(), Published::New, "{round}");
        let stream = nats.context().await.get_stream("WEBHOOKS").await.unwrap();
        let config = consumer::pull::Config {
            durable_name: Some("workers".to_owned()),
            ..Default::default()
        };
        let workers = stream
            .get_or_create_consumer("workers", config)
            .await
            .unwrap();
        let mut messages = workers.messages().await.unwrap();
        let next = tokio::time::timeout(Duration::from_secs(10), messages.next());
        let message = next.await.unwrap().unwrap().unwrap();
        let handed =
            countersign_handoff::Handed::<countersign_core::Raw>::from_nats(&message).unwrap();
        came += 1;
        new += usize::from(seen.insert(handed.key()));
        message.double_ack().await.unwrap();
        nats.kill();
        nats.resume();
    }
    assert_eq!((came, new), (2, 1));
}

/// What workers take out of the stream stays known in Redis, and in a stream of NATS that keeps messages.
#[tokio::test]
async fn what_is_done_stays_known_through_a_restart() {
    let Some(mut redis) = Redis::start().await else {
        return;
    };
    let site = Site::new(redis.publisher(redis.addr()).await);
    assert_eq!(site.send(&paid("1")).await, 200);
    redis.clear().await;
    redis.kill();
    redis.resume();
    let _up = redis.connection().await;
    let site = Site::new(redis.publisher(redis.addr()).await);
    let passed = pass(&site, &paid("1")).await.unwrap();
    assert_eq!(passed.published(), Published::Known);
    assert_eq!(redis.count().await, 0);

    let Some(mut nats) = Nats::start().await else {
        return;
    };
    let site = Site::new(nats.publisher(nats.addr()).await);
    assert_eq!(site.send(&paid("1")).await, 200);
    nats.kill();
    nats.resume();
    let site = Site::new(nats.publisher(nats.addr()).await);
    let passed = pass(&site, &paid("1")).await.unwrap();
    assert_eq!(passed.published(), Published::Known);
    assert_eq!(nats.count().await, 1);
}

#[tokio::test]
async fn every_entity_has_a_subject_of_its_own() {
    let Some(nats) = Nats::bare().await else {
        return;
    };
    let context = nats.context().await;
    let subjects = vec![format!("{SUBJECT}.*")];
    context
        .create_stream(stream::Config {
            subjects,
            ..stream()
        })
        .await
        .unwrap();
    let publisher = JetStream::builder(context.clone(), SUBJECT).subject_per_entity();
    let mut site = Site::new(publisher.check().await.unwrap());
    let queue = HandOff::builder(site.queue.publisher().clone()).receiver(&site.receiver);
    site.queue = queue.build().unwrap();
    for id in ["1", "2"] {
        assert_eq!(site.send(&paid(id)).await, 200);
    }
    let stream = context.get_stream("WEBHOOKS").await.unwrap();
    for (number, due) in [(1, "webhooks.test.inv_1"), (2, "webhooks.test.inv_2")] {
        let message = stream.get_raw_message(number).await.unwrap();
        assert_eq!(message.subject.as_str(), due);
    }
}

/// What was checked at the start is the stream that acknowledges.
#[tokio::test]
async fn a_subject_that_moved_to_another_stream_is_not_believed() {
    let Some(nats) = Nats::start().await else {
        return;
    };
    let site = Site::new(nats.publisher(nats.addr()).await);
    assert_eq!(site.send(&paid("1")).await, 200);
    let context = nats.context().await;
    context.delete_stream("WEBHOOKS").await.unwrap();
    assert_eq!(site.send(&paid("2")).await, 503);
    let storage = stream::StorageType::Memory;
    let name = "OTHER".to_owned();
    let other = stream::Config {
        name,
        storage,
        ..stream()
    };
    context.create_stream(other).await.unwrap();
    assert_eq!(site.send(&paid("2")).await, 503);
}
