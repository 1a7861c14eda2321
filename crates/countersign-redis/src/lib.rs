//! countersign's deduplication store in Redis, Valkey, or another server that speaks their protocol
//! and runs their scripts.
//!
//! For receivers that run as several processes, or that must know after a restart what was done
//! before. Each operation is one atomic step of the server, whose clock judges leases: a script, or,
//! for a new delivery without aliases, a plain `SET NX PX`.
//!
//! ```no_run
//! use countersign_core::{Receiver, Secret};
//! use countersign_senders::github;
//! use countersign_redis::{RedisStore, redis::Client};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::open("redis://127.0.0.1/")?;
//! let store = RedisStore::from_client(client)?.with_prefix("shop");
//! // Refuses a server that evicts; says how well it persists.
//! store.check().await?;
//! let receiver = Receiver::builder(github::SCHEME)
//!     .endpoint("github")
//!     .secret(Secret::new("It's a Secret to Everybody")?)
//!     .store(store)
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What the server must be
//!
//! * Version 6.2 or later. Scripts find the rows behind aliases by themselves, so a server that
//!   only lets scripts touch keys named beforehand (Dragonfly, by default) will not do.
//! * `maxmemory-policy noeviction`: a server that evicts forgets deliveries when traffic is highest,
//!   and they run again. [`RedisStore::check`] refuses it. A full server that does not evict refuses
//!   new claims, and the sender tries again later; holders can still settle.
//! * `appendonly yes`: without it a restart forgets everything. With `appendfsync everysec` a crash
//!   while the disk is busy, or a power failure, forgets up to two seconds; with `always` nothing.
//!
//! # What it cannot promise
//!
//! Replication is asynchronous: a failover can forget what was acknowledged just before, and those
//! deliveries run again if the sender repeats them. The same holds for `FLUSHALL` and for a restart
//! without persistence. Fences go on growing all the same, as they are the server's time. So
//! this store saves work; where a second run costs money, guard your own writes with the
//! [fence](countersign_core::Fence), or decide in the transaction that does the writing.
//!
//! # Keys
//!
//! `{countersign}:d:` and a delivery's 32 bytes, and `{countersign}:a:` and an alias's. All expire.
//! To run a delivery again, [forget](countersign_core::DedupStore::forget) it instead of deleting its
//! key: the fence of what is deleted is gone.
//!
//! The braces keep one store in one slot of a cluster, because a claim reads and writes the key, its aliases
//! and the rows behind them in one step. To spread deliveries over a cluster, give receivers stores with
//! [prefixes](RedisStore::with_prefix) of their own.

// docs/decisions.md: D42.

mod check;
mod failure;
mod fences;
mod keys;
mod reply;
mod script;
mod store;

pub use redis;

pub use self::{
    check::{CheckError, Persistence},
    store::RedisStore,
};
