//! Hands a proved delivery to a queue that exists, and answers the sender when the queue has it.
//!
//! Senders want an answer within seconds, and the work may take minutes. [`HandOff`] is the handler for that: it
//! gives the engine a [message](Envelope) with the exact bytes that were proved, waits until the engine says that
//! it has it, and answers 200; else the delivery is given back, and the sender is answered 503 and comes again. In the worker,
//! [`Handed`] is what [`Delivery`](countersign_core::Delivery) is in a handler: the same typed events, the same
//! accessors, and when and by which endpoint it was proved.
//!
//! | engine | what |
//! | --- | --- |
//! | NATS JetStream | [`JetStream`], feature `jetstream` |
//! | Redis Streams, Valkey | [`RedisStreams`], feature `redis-streams` |
//! | Postgres, any queue in it | `PostgresStore::handover` of `countersign-postgres`, in one transaction |
//! | others | [`Publisher`], which says what an engine must promise |
//!
//! Which of them to take, and what a crash does at each moment, is
//! [docs/after-the-answer.md](https://github.com/countersign-rs/countersign/blob/main/docs/after-the-answer.md).
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `jetstream`, `redis-streams` | an engine each; their drivers are re-exported |
//! | `axum`, `actix` | a handler for each framework, and what a hand-off is answered as |
//! | `tracing` | a warning for each delivery that was not handed over |

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
pub mod axum;
pub mod envelope;
mod hand_off;
mod hand_off_error;
mod handed;
#[cfg(feature = "jetstream")]
pub mod jetstream;
mod publisher;
#[cfg(feature = "redis-streams")]
pub mod redis_streams;

#[cfg(feature = "jetstream")]
pub use async_nats;
#[cfg(feature = "redis-streams")]
pub use redis;

#[cfg(feature = "jetstream")]
#[doc(inline)]
pub use self::jetstream::JetStream;
#[cfg(feature = "redis-streams")]
#[doc(inline)]
pub use self::redis_streams::RedisStreams;
pub use self::{
    envelope::Envelope,
    hand_off::{HandOff, HandOffBuilder, HandedOver},
    hand_off_error::{HandOffConfigError, HandOffError},
    handed::{Handed, HandedError},
    publisher::{PublishError, PublishErrorKind, Published, Publisher},
};
