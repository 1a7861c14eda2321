//! countersign's deduplication store in an SQLite file.
//!
//! For services on one machine that must remember deliveries across restarts and want no server for
//! it. [`SqliteStore::open`] makes the file or opens it, and every
//! [`Receiver`](countersign_core::Receiver) of the process shares the store.
//!
//! ```
//! use core::time::Duration;
//! use countersign_core::{Claim, ClaimRequest, DedupStore, DeliveryKey, Owner};
//! use countersign_sqlite::SqliteStore;
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("deliveries.db");
//! # futures_executor(async {
//!
//! let store = SqliteStore::open(&path)?;
//! let key = DeliveryKey::for_id("rebill", None, "dlv_01");
//! let request = ClaimRequest::new(key, Owner::from_u128(1), Duration::from_secs(30));
//! let Claim::Claimed(claimed) = store.claim(request.clone()).await? else {
//!     panic!("nobody else holds it");
//! };
//! let _ = store.complete(&key, claimed.fence, Duration::from_secs(7 * 24 * 3600)).await?;
//! store.close().await;
//!
//! let store = SqliteStore::open(&path)?;
//! assert_eq!(store.claim(request).await?, Claim::Completed { fingerprint: 0 });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # fn futures_executor<T>(future: impl Future<Output = T>) -> T {
//! #     use core::{pin::pin, task::{Context, Poll, Waker}};
//! #     let mut future = pin!(future);
//! #     loop {
//! #         if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
//! #             return value;
//! #         }
//! #         std::thread::yield_now();
//! #     }
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it works
//!
//! One thread owns the connection. Operations reach it through a bounded queue; whatever is queued
//! goes into one transaction, so that concurrent deliveries share an fsync, and is answered after
//! the commit. Nothing blocks an async worker and no runtime is needed. An operation is queued when
//! its future is first polled; dropping the future later does not take it back.
//!
//! # Time
//!
//! SQLite has no clock, so leases and retentions are judged by this machine's wall clock. When it is
//! set back, a lease that was given "in the future" runs for at most its length from then on, and
//! done deliveries are remembered for longer. When it is set forward, leases and retentions end
//! early by as much: keep the clock disciplined.
//!
//! # Restarts
//!
//! Every process holds a shared lock on the file `<database>-lock` for as long as its store is open.
//! Who opens the database and can have that lock exclusively is alone, so all claims that are still
//! in flight were left by processes that died: their leases end there and then, and the sender's
//! next retry runs. While another process has the database open, in a restart that overlaps, claims
//! of processes that died wait for the end of their lease, and those of living ones are never
//! touched. Do not delete the lock file while the database is in use.
//!
//! # One machine
//!
//! Several processes of one machine may use one file: claims are exclusive between them, so an
//! overlapping restart runs nothing twice. Network file systems are refused where SQLite notices
//! them, and corrupt databases where it does not. For several machines use a server.
//!
//! # What is on disk
//!
//! Keys are hashes; ids and bodies are never stored. With [`Synchronous::Full`], the default, what
//! was acknowledged survives a loss of power. The file grows with the largest number of deliveries
//! that were remembered at once, and does not shrink.
//!
//! # SQLite's version
//!
//! The dependency on [`rusqlite`] is a range, because a binary can link only one SQLite: cargo picks
//! the version that the application's other users of SQLite allow. The feature `bundled`, on by
//! default, compiles SQLite in.

#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::std_instead_of_core
    )
)]

pub use rusqlite;

pub use self::{
    builder::{SqliteStoreBuilder, Synchronous},
    error::{OpenError, OpenErrorKind},
    store::SqliteStore,
};

mod builder;
mod claim;
mod error;
mod file;
mod lock;
mod operation;
mod schema;
mod store;
mod table;
mod time;
mod waiters;
mod writer;
