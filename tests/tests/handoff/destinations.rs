//! One delivery for two destinations of one engine: an id is known where it was published, and nowhere else.

use std::collections::HashSet;

use countersign_core::{DeliveryKey, MemoryStore};
use countersign_handoff::{
    JetStream, Published, Publisher, RedisStreams, async_nats::jetstream::stream, redis,
};

use crate::{
    engine::{Nats, Redis, stream},
    faults::pass,
    site::{Site, paid},
};

/// Gives one delivery to both, as a handler does that hands it over twice, and then comes again with it twice:
/// over the store that knows it as done by nobody, and over one that forgot it.
async fn hand_to<P: Publisher + Clone>(publishers: [P; 2]) {
    let store = MemoryStore::new();
    let sites = publishers.clone().map(|publisher| {
        let store = store.clone();
        Site::with(publisher, store, |builder| builder)
    });
    for (site, due) in [
        (&sites[0], Published::New),
        (&sites[1], Published::New),
        (&sites[0], Published::Known),
        (&sites[1], Published::Known),
    ] {
        // Claimed, handed over, and given back: its answer never comes.
        let passed = pass(site, &paid("1")).await.unwrap();
        assert_eq!(passed.published(), due);
    }
    for publisher in publishers {
        let passed = pass(&Site::new(publisher), &paid("1")).await.unwrap();
        assert_eq!(passed.published(), Published::Known);
    }
}

#[tokio::test]
async fn two_subjects_of_one_stream_have_a_delivery_each() {
    let Some(nats) = Nats::bare().await else {
        return;
    };
    let context = nats.context().await;
    let subjects = vec!["shop.billing.*".to_owned(), "shop.crm".to_owned()];
    let both = stream::Config {
        subjects,
        ..stream()
    };
    context.create_stream(both).await.unwrap();
    let billing = JetStream::builder(context.clone(), "shop.billing").subject_per_entity();
    let crm = JetStream::builder(context.clone(), "shop.crm");
    hand_to([billing.check().await.unwrap(), crm.check().await.unwrap()]).await;

    let mut stream = context.get_stream("WEBHOOKS").await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 2);
    let mut subjects = HashSet::new();
    for number in [1, 2] {
        let message = stream.get_raw_message(number).await.unwrap();
        // What consumers tell copies by is the delivery's key in both.
        let id = message.headers.get("ce-id").unwrap().as_str();
        let key = DeliveryKey::for_id("rebill", None, "1");
        assert_eq!(id, hex::encode(key.as_bytes()));
        subjects.insert(message.subject.to_string());
    }
    let due = ["shop.billing.inv_1", "shop.crm"].map(str::to_owned);
    assert_eq!(subjects, HashSet::from(due));
}

#[tokio::test]
async fn two_streams_with_one_hash_tag_have_a_delivery_each() {
    let Some(redis) = Redis::with(&[]).await else {
        return;
    };
    let mut connection = redis.connection().await;
    let streams = ["{shop}:billing", "{shop}:crm"];
    let mut publishers = Vec::new();
    for stream in streams {
        let mut make = redis::cmd("XGROUP");
        let make = make.arg("CREATE").arg(stream).arg("workers").arg("0");
        let make = make.arg("MKSTREAM");
        let _made: () = make.query_async(&mut connection).await.unwrap();
        let client = redis.server.client().unwrap();
        let stream = RedisStreams::from_client(client, stream).unwrap();
        publishers.push(stream.check().await.unwrap());
    }
    hand_to(publishers.try_into().unwrap()).await;
    for stream in streams {
        let mut length = redis::cmd("XLEN");
        let length: i64 = length
            .arg(stream)
            .query_async(&mut connection)
            .await
            .unwrap();
        assert_eq!(length, 1, "{stream}");
    }
}
