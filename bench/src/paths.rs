//! The paths whose instructions are counted: nothing of them depends on how busy the machine is.

use core::time::Duration;
use std::hint::black_box;

use bytes::Bytes;
use countersign_core::{
    Claim, ClaimRequest, DedupStore, DeliveryKey, Fenced, MemoryStore, Owner, Timestamp,
};
use countersign_senders::{github, invoice_maker, rebill_za, standard_webhooks};
use futures_util::FutureExt;

use crate::{
    admission, facts,
    requests::{self, SECRET, STANDARD_SECRET},
    servers::{self, Kind},
    verification::{verifier, verify},
};

/// How often a path is taken when it is counted.
pub const TIMES: u64 = 200;

/// A path by its name: prepares for [`TIMES`], and takes it as often as it is told.
pub type Path = fn(u64);

/// All of them.
pub const PATHS: [(&str, Path); 7] = [
    ("verify GitHub, 1 KiB", github_1k),
    ("verify Standard Webhooks, 1.5 KB", standard_1k),
    (
        "verify Invoice Maker, 1.5 KB, id and type in the body",
        invoice,
    ),
    ("refuse a head without a signature", refuse),
    ("claim and complete in the memory store", claim),
    ("a delivery through axum's router, by hand", axum_by_hand),
    ("a delivery through axum's router", axum),
];

fn github_1k(times: u64) {
    let body = requests::body(1_024);
    let (request, verifier) = (requests::github(&body), verifier(github::SCHEME, SECRET));
    for _ in 0..times {
        verify(&verifier, &request, &body, requests::now());
    }
}

fn standard_1k(times: u64) {
    let body = Bytes::from_static(facts::ENVELOPE.as_bytes());
    let request = requests::standard(&body);
    let verifier = verifier(standard_webhooks::SCHEME, STANDARD_SECRET);
    for _ in 0..times {
        verify(&verifier, &request, &body, requests::now());
    }
}

fn invoice(times: u64) {
    let body = Bytes::from_static(facts::ENVELOPE.as_bytes());
    let request = facts::request();
    let verifier = verifier(invoice_maker::SCHEME, SECRET);
    for _ in 0..times {
        verify(
            &verifier,
            &request,
            &body,
            Timestamp::from_unix_seconds(1_760_000_000),
        );
    }
}

fn refuse(times: u64) {
    let request = requests::head(1_024, &[("x-rebill-delivery", "dlv_1")]);
    let verifier = verifier(rebill_za::SCHEME, SECRET);
    for _ in 0..times {
        assert!(
            verifier
                .precheck(black_box(&request), requests::now())
                .is_err()
        );
    }
}

fn claim(times: u64) {
    let store = MemoryStore::with_capacity(10_000);
    for n in 0..times {
        let key = DeliveryKey::for_id("bench", None, &n.to_string());
        let request = ClaimRequest::new(key, Owner::from_u128(n.into()), Duration::from_secs(30));
        let claim = store.claim(request).now_or_never().unwrap().unwrap();
        let Claim::Claimed(claimed) = claim else {
            panic!("a fresh key is free");
        };
        let done = store.complete(&key, claimed.fence, Duration::from_secs(3_600));
        assert_eq!(done.now_or_never().unwrap().unwrap(), Fenced::Applied);
    }
}

fn axum_by_hand(times: u64) {
    through_axum(Kind::ByHand, times);
}

fn axum(times: u64) {
    through_axum(Kind::Countersign, times);
}

fn through_axum(kind: Kind, times: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (app, key) = (servers::axum(kind), requests::key());
    let mut requests: Vec<_> = (0..TIMES).map(|at| admission::request(at, &key)).collect();
    let rest = requests.split_off(usize::try_from(times.min(TIMES)).unwrap());
    runtime.block_on(admission::serve(&app, requests));
    // To drop them is no part of the path.
    core::mem::forget(rest);
}
