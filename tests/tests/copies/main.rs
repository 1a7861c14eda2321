//! Copies of a delivery: they join the one that runs, here or elsewhere, and a thousand at once run once.

use core::time::Duration;
use std::{
    pin::pin,
    sync::{Arc, Mutex},
};

use countersign_core::{
    Answer, Completion, DedupStore, Fenced, Notice, RejectionKind, Run, StoreOutage,
};
use countersign_senders::rebill_za;
use countersign_testkit::{ManualClock, SignedDelivery};
use countersign_tests::{
    kit::Tested,
    one_process::{OneProcess, kind, start},
    spy_store::{Fate, SpyStore},
};
use futures_util::FutureExt;

/// Begins requests that are not to be answered yet.
macro_rules! begun {
    ($($copy:ident),+) => {
        $(assert!($copy.as_mut().now_or_never().is_none(), stringify!($copy));)+
    };
}

mod claiming;
mod crowds;
mod joining;

fn rebill() -> Result<OneProcess, Box<dyn std::error::Error>> {
    let clock = ManualClock::new();
    OneProcess::over(
        rebill_za::SCHEME,
        &clock,
        SpyStore::durable(&clock),
        |builder| builder,
    )
}

fn dedup(answer: &Answer) -> Option<&'static str> {
    answer.dedup().map(|dedup| dedup.as_str())
}

/// The same id, sent with other bytes.
fn other_bytes(bench: &OneProcess, delivery: &SignedDelivery) -> SignedDelivery {
    let body = serde_json::json!({"id": "other", "status": "paid"}).to_string();
    bench.sender.stamp(delivery.clone().with_body(body))
}
