//! Senders without ids: their bodies are copies for a while, or never.

use core::time::Duration;

use countersign_core::{MemoryStore, Receiver, Scheme, Secret, scheme::IdenticalBodies};
use countersign_handoff::{
    HandOff, HandOffBuilder, HandOffConfigError, HandOffError, Published, Publisher, RedisStreams,
    async_nats::jetstream::stream,
};
use countersign_testkit::{Sender, SignedDelivery};

use crate::{
    engine::{Engine, Nats, Redis, STREAM, stream},
    faults::pass,
    round_trip::LINES,
    site::{Site, paid},
};

const HOUR: Duration = Duration::from_secs(3_600);

const fn copies(hours: u32) -> Scheme {
    Scheme::body_hmac("X-Copies")
        .identical_bodies(IdenticalBodies::Copies {
            within: HOUR.saturating_mul(hours),
        })
        .declare()
}

const COPIES: Scheme = copies(30);
const LONGER: Scheme = copies(24 * 8);
const EVENTS: Scheme = Scheme::body_hmac("X-Events")
    .identical_bodies(IdenticalBodies::Events)
    .declare();

fn receiver(scheme: Scheme) -> Receiver {
    let builder = match scheme.body_is_signed() {
        true => Receiver::builder(scheme),
        false => Receiver::builder(scheme).accept_unsigned_body(),
    };
    let receiver = builder
        .endpoint("bodies")
        .secret(Secret::new("secret").unwrap())
        .store(MemoryStore::new())
        .build()
        .unwrap();
    let clock = countersign_core::SystemClock::new(|time| Box::pin(tokio::time::sleep(time)));
    receiver.attach(clock, |_| true);
    receiver
}

fn built<P: Publisher>(queue: HandOffBuilder<P>) -> Result<(), HandOffConfigError> {
    queue.build().map(drop)
}

async fn knows_for(redis: &Redis, window: Duration) -> RedisStreams {
    let stream = RedisStreams::from_client(redis.server.client().unwrap(), STREAM).unwrap();
    stream.duplicate_window(window).check().await.unwrap()
}

/// Else the engine would take an event for a copy, and the sender would be told 200.
#[tokio::test]
async fn an_engine_that_knows_a_body_for_longer_than_it_is_a_copy_does_not_build() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let (short, long) = (receiver(COPIES), receiver(LONGER));
    let usual = redis.publisher(redis.addr()).await;
    let (window, most) = (usual.duplicate_window().unwrap(), HOUR * 30);
    let refused = Err(HandOffConfigError::RemembersTooLong { window, most });
    let queue = || HandOff::builder(usual.clone());
    assert_eq!(built(queue().receiver(&short)), refused);
    assert_eq!(built(queue().receiver(&long)), Ok(()));
    // The shortest counts, and whatever the consumer does: the engine gives it nothing.
    for both in [[&short, &long], [&long, &short]] {
        let queue = queue().receiver(both[0]).receiver(both[1]);
        assert_eq!(built(queue), refused);
    }
    let told = queue().receiver(&short).consumer_deduplicates();
    assert_eq!(built(told), refused);
    let fits = HandOff::builder(knows_for(&redis, most).await).receiver(&short);
    assert_eq!(built(fits), Ok(()));
}

/// A work queue promises nothing, and knows ids all the same until its server is restarted.
#[tokio::test]
async fn what_an_engine_knows_without_a_promise_counts_too() {
    let Some(nats) = Nats::bare().await else {
        return;
    };
    let context = nats.context().await;
    let receiver = receiver(COPIES);
    for (window, fits) in [(HOUR * 30, true), (HOUR * 31, false)] {
        let _none = context.delete_stream("WEBHOOKS").await;
        let queue = stream::Config {
            retention: stream::RetentionPolicy::WorkQueue,
            duplicate_window: window,
            ..stream()
        };
        context.create_stream(queue).await.unwrap();
        let publisher = nats.publisher(nats.addr()).await;
        assert_eq!(publisher.duplicate_window(), None);
        let queue = HandOff::builder(publisher).receiver(&receiver);
        assert_eq!(built(queue.consumer_deduplicates()).is_ok(), fits);
    }
}

#[tokio::test]
async fn copies_that_nothing_tells_are_handed_over_where_the_application_says_so() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let publisher = redis.publisher(redis.addr()).await;
    let receiver = receiver(EVENTS);
    let queue = || HandOff::builder(publisher.clone()).receiver(&receiver);
    let refused = Err(HandOffConfigError::CopiesAreEvents);
    assert_eq!(built(queue()), refused);
    // It would have nothing to tell them by either.
    assert_eq!(built(queue().consumer_deduplicates()), refused);
    let told = queue().copies_are_events().build().unwrap();
    for sent in 1..=2 {
        let passed = hand(&told, &receiver, &delivery(EVENTS)).await.unwrap();
        assert_eq!(passed, Published::New);
        assert_eq!(redis.count().await, sent);
    }
}

#[tokio::test]
async fn a_receiver_that_would_have_been_refused_and_was_not_named_hands_nothing_over() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let narrow = Site::new(redis.publisher(redis.addr()).await);
    let fitting = Site::new(knows_for(&redis, HOUR * 30).await);
    for scheme in [COPIES, EVENTS] {
        let receiver = receiver(scheme);
        let error = hand(&narrow.queue, &receiver, &delivery(scheme)).await;
        let error = error.unwrap_err();
        assert!(matches!(error, HandOffError::NotCovered), "{error:?}");
    }
    assert_eq!(redis.count().await, 0);
    let passed = hand(&fitting.queue, &receiver(COPIES), &delivery(COPIES)).await;
    assert_eq!(passed.unwrap(), Published::New);
    // What has an id is known for as long as the engine likes.
    assert!(pass(&narrow, &paid("1")).await.is_ok());
    assert_eq!(redis.count().await, 2);
}

/// A stream of NATS refuses a message with more than 64 KiB of headers, each time that it comes.
#[tokio::test]
async fn a_long_message_that_was_proved_does_not_keep_a_delivery_out_of_nats() {
    let Some(nats) = Nats::start().await else {
        return;
    };
    let receiver = receiver(LINES);
    let queue = HandOff::builder(nats.publisher(nats.addr()).await).receiver(&receiver);
    let queue = queue.copies_are_events().build().unwrap();
    let body = format!("{}\nnote", "a".repeat(60_000));
    let delivery = Sender::with_secret(LINES, "secret").raw("", "", body.clone());
    let delivery = delivery.with_header("content-type", "text/plain");
    let passed = hand(&queue, &receiver, &delivery).await.unwrap();
    assert_eq!(passed, Published::New);
    let message = nats.messages().await.remove(0);
    assert_eq!(message.body().unwrap(), body.as_bytes());
    assert_eq!(message.proved_message(), None);
}

fn delivery(scheme: Scheme) -> SignedDelivery {
    Sender::with_secret(scheme, "secret").raw("", "", r#"{"event":"prices.changed"}"#)
}

async fn hand<P: Publisher + Clone>(
    queue: &HandOff<P>,
    receiver: &Receiver,
    delivery: &SignedDelivery,
) -> Result<Published, HandOffError> {
    let chunks = futures_util::stream::iter([Ok::<_, ()>(delivery.body().clone())]);
    let received = receiver.receive(&delivery.request(), chunks).await;
    let run = receiver.admit(received.unwrap()).await.unwrap();
    let passed = queue.pass(run.admitted()).await;
    passed.map(countersign_handoff::HandedOver::published)
}
