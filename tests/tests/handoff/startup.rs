//! What is refused before the first delivery comes.

use std::time::Duration;

use countersign_core::{MemoryStore, Receiver, Scheme, Secret};
use countersign_handoff::{
    HandOff, HandOffConfigError, HandOffError, JetStream, Publisher, RedisStreams,
    async_nats::jetstream::stream,
    jetstream::{JetStreamError, Loss},
    redis,
    redis_streams::RedisStreamsError,
};
use countersign_senders::{invoice_maker, rebill_za};
use countersign_testkit::{Sender, SignedDelivery};
use countersign_tests::redis_server::RedisServer;

use crate::{
    engine::{Engine, Nats, Redis, STREAM, SUBJECT, WINDOW, stream},
    faults::pass,
    site::Site,
};

fn receiver(scheme: Scheme) -> Receiver {
    Receiver::builder(scheme)
        .endpoint("test")
        .secret(Secret::new("secret").unwrap())
        .store(MemoryStore::new())
        .build()
        .unwrap()
}

/// What `build` says of a publisher.
fn built(publisher: impl Publisher) -> Result<(), HandOffConfigError> {
    let rebill = receiver(rebill_za::SCHEME);
    HandOff::builder(publisher)
        .receiver(&rebill)
        .build()
        .map(drop)
}

#[tokio::test]
async fn nats_without_a_fitting_stream_is_refused() {
    let Some(nats) = Nats::bare().await else {
        return;
    };
    let context = nats.context().await;
    let check = async || JetStream::builder(context.clone(), SUBJECT).check().await;
    let error = check().await.unwrap_err();
    assert!(
        matches!(error, JetStreamError::NoStream { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("nats stream add"), "{error}");
    let wild = JetStream::builder(context.clone(), "a b").check().await;
    assert!(matches!(wild, Err(JetStreamError::Subject)));

    let config = stream::Config::default;
    for (how, changed) in [
        (
            Loss::Memory,
            stream::Config {
                storage: stream::StorageType::Memory,
                ..config()
            },
        ),
        (
            Loss::Discards,
            stream::Config {
                max_bytes: 1_000_000,
                ..config()
            },
        ),
        (
            Loss::Discards,
            stream::Config {
                max_messages: 10,
                ..config()
            },
        ),
        (
            Loss::PerSubject,
            stream::Config {
                max_messages_per_subject: 1,
                ..config()
            },
        ),
        (
            Loss::Interest,
            stream::Config {
                retention: stream::RetentionPolicy::Interest,
                ..config()
            },
        ),
    ] {
        let changed = stream::Config {
            name: "WEBHOOKS".to_owned(),
            subjects: vec![SUBJECT.to_owned()],
            ..changed
        };
        context.create_stream(changed).await.unwrap();
        let error = check().await.unwrap_err();
        assert!(
            matches!(error, JetStreamError::Loses { how: was, .. } if was == how),
            "{error:?}"
        );
        let told = JetStream::builder(context.clone(), SUBJECT).accept_loss();
        // What it drops, it may also not know any more.
        let told = told.check().await.unwrap();
        assert_eq!(told.duplicate_window(), None, "{how:?}");
        context.delete_stream("WEBHOOKS").await.unwrap();
    }
    let silent = stream::Config {
        no_ack: true,
        ..stream()
    };
    context.create_stream(silent).await.unwrap();
    let error = check().await.unwrap_err();
    assert!(
        matches!(error, JetStreamError::NoAcknowledgement { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_window_that_is_shorter_than_the_sender_retries_does_not_build() {
    let Some(nats) = Nats::bare().await else {
        return;
    };
    let context = nats.context().await;
    let minutes = Duration::from_secs(120);
    let with = async |changed: stream::Config| {
        let _none = context.delete_stream("WEBHOOKS").await;
        context.create_stream(changed).await.unwrap();
        JetStream::builder(context.clone(), SUBJECT)
            .check()
            .await
            .unwrap()
    };
    // NATS's own default.
    let short = with(stream::Config {
        duplicate_window: minutes,
        ..stream()
    })
    .await;
    let error = built(short.clone()).unwrap_err();
    // Nobody knows for how long Rebill retries.
    assert!(rebill_za::SCHEME.retry_span().is_zero());
    let least = Duration::from_secs(24 * 60 * 60);
    let window = Some(minutes);
    assert_eq!(error, HandOffConfigError::ForgetsCopies { window, least });
    let rebill = receiver(rebill_za::SCHEME);
    let told = HandOff::builder(short)
        .receiver(&rebill)
        .consumer_deduplicates();
    assert!(told.build().is_ok());
    let exact = with(stream::Config {
        duplicate_window: least,
        ..stream()
    })
    .await;
    assert_eq!(built(exact), Ok(()));
    // A stream that deletes what is done forgets ids in a restart.
    let invoices = receiver(invoice_maker::SCHEME);
    let both = with(stream()).await;
    let span = invoices.scheme().retry_span();
    assert!(span > least && HandOff::builder(both).receiver(&invoices).build().is_ok());
    let queue = stream::RetentionPolicy::WorkQueue;
    let queue = with(stream::Config {
        retention: queue,
        ..stream()
    })
    .await;
    let window = None;
    assert_eq!(
        built(queue),
        Err(HandOffConfigError::ForgetsCopies { window, least })
    );
}

#[tokio::test]
async fn redis_without_a_fitting_stream_is_refused() {
    let check = async |server: &RedisServer| {
        let stream = RedisStreams::from_client(server.client().unwrap(), STREAM).unwrap();
        stream.check().await
    };
    let Some(bare) = RedisServer::start(&["--appendonly", "yes"]).unwrap() else {
        return;
    };
    let error = check(&bare).await.unwrap_err();
    assert!(
        matches!(error, RedisStreamsError::NoStream { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("XGROUP CREATE"), "{error}");
    for name in ["a{}b", "a}b"] {
        let odd = RedisStreams::from_client(bare.client().unwrap(), name).unwrap();
        let error = odd.check().await.unwrap_err();
        assert!(matches!(error, RedisStreamsError::Name { .. }), "{error:?}");
    }
    let mut connection = bare
        .client()
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let _set: () = redis::cmd("SET")
        .arg(STREAM)
        .arg(1)
        .query_async(&mut connection)
        .await
        .unwrap();
    let error = check(&bare).await.unwrap_err();
    assert!(
        matches!(error, RedisStreamsError::NotAStream { .. }),
        "{error:?}"
    );

    let forgets = Redis::with(&["--appendonly", "no"]).await.unwrap();
    let error = check(&forgets.server).await.unwrap_err();
    assert!(matches!(error, RedisStreamsError::Forgets), "{error:?}");
    let evicts = ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"];
    let evicts = Redis::with(&evicts).await.unwrap();
    let error = check(&evicts.server).await.unwrap_err();
    assert!(matches!(error, RedisStreamsError::Check(_)), "{error:?}");

    let redis = Redis::start().await.unwrap();
    let with = async |window| {
        let stream = RedisStreams::from_client(redis.server.client().unwrap(), STREAM).unwrap();
        stream.duplicate_window(window).check().await
    };
    assert_eq!(built(with(WINDOW).await.unwrap()), Ok(()));
    let minute = with(Duration::from_secs(60)).await.unwrap();
    assert!(matches!(
        built(minute),
        Err(HandOffConfigError::ForgetsCopies { .. })
    ));
    assert!(matches!(
        with(Duration::ZERO).await,
        Err(RedisStreamsError::Window)
    ));
}

// The mark of an id is in the stream's own slot, so one script may touch both.
#[tokio::test]
async fn a_stream_that_was_deleted_is_not_made_anew() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let site = Site::new(redis.publisher(redis.addr()).await);
    assert_eq!(site.send(&crate::site::paid("1")).await, 200);
    let mut connection = redis.connection().await;
    let _gone: i64 = redis::cmd("DEL")
        .arg(STREAM)
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(site.send(&crate::site::paid("2")).await, 503);
    let there: i64 = redis::cmd("EXISTS")
        .arg(STREAM)
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(there, 0);
}

#[tokio::test]
async fn a_delivery_of_a_sender_that_nobody_named_is_not_handed_over() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let publisher = redis.publisher(redis.addr()).await;
    // It is told of a sender that does not retry, and given one that does.
    const ONCE: Scheme = Scheme::body_hmac("X-Once").id_header("X-Id").declare();
    let (once, invoices) = (receiver(ONCE), receiver(invoice_maker::SCHEME));
    assert!(invoices.scheme().retry_span() > ONCE.retry_span());
    let of = |queue: HandOff<RedisStreams>| {
        let mut site = Site::new(publisher.clone());
        (site.receiver, site.queue) = (invoices.clone(), queue);
        invoices.attach(
            countersign_core::SystemClock::new(|time| Box::pin(tokio::time::sleep(time))),
            |_| true,
        );
        site
    };
    let delivery = |id: &str| -> SignedDelivery {
        let sender = Sender::with_secret(invoice_maker::SCHEME, "secret");
        sender.delivery_with_id("invoice.paid", id, serde_json::json!({"data": {}}))
    };
    let narrow = HandOff::builder(publisher.clone())
        .receiver(&once)
        .build()
        .unwrap();
    let error = pass(&of(narrow), &delivery("1")).await.unwrap_err();
    assert!(matches!(error, HandOffError::NotCovered), "{error:?}");
    assert_eq!(redis.count().await, 0);
    let both = HandOff::builder(publisher.clone())
        .receiver(&once)
        .receiver(&invoices);
    let _there = pass(&of(both.build().unwrap()), &delivery("2"))
        .await
        .unwrap();
    assert_eq!(redis.count().await, 1);
}

#[tokio::test]
async fn a_hand_off_may_not_take_longer_than_a_sender_waits() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let publisher = redis.publisher(redis.addr()).await;
    let rebill = receiver(rebill_za::SCHEME);
    let budget = rebill.limits().response_budget;
    let with = |limit| {
        let queue = HandOff::builder(publisher.clone()).receiver(&rebill);
        queue.time_limit(limit).build()
    };
    assert!(with(budget).is_ok());
    for wrong in [Duration::ZERO, budget + Duration::from_millis(1)] {
        let error = with(wrong).unwrap_err();
        assert_eq!(error, HandOffConfigError::TimeLimit { budget });
    }
    let nobody = HandOff::builder(publisher.clone()).build();
    assert_eq!(nobody.unwrap_err(), HandOffConfigError::NoReceiver);
    for source in ["", "a b", "\u{e4}"] {
        let queue = HandOff::builder(publisher.clone())
            .receiver(&rebill)
            .source(source);
        assert_eq!(
            queue.build().unwrap_err(),
            HandOffConfigError::Source,
            "{source}"
        );
    }
}
