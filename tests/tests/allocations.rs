//! From a head to a proof, the heap is not asked for anything: not with one key, not in the middle
//! of a rotation.
//!
//! One test and no more: the allocator counts for the whole process.

use std::{alloc::System, hint::black_box, time::Duration};

use cap::Cap;
use countersign_core::{
    MemoryStore, Receiver, Secret,
    scheme::{Part, Scheme},
};
use countersign_senders::{github, rebill_za};
use countersign_testkit::{Sender, SignedDelivery};

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

/// A signed id and a signed time, none of it in the body.
const TIMED: Scheme = Scheme::body_hmac("X-Timed-Signature")
    .pairs(',', &["v1"])
    .time_key("t")
    .tolerance(Duration::from_secs(300))
    .signed_id_header("X-Timed-Id")
    .event_header("X-Timed-Event")
    .signed(&[
        Part::Timestamp,
        Part::Literal("."),
        Part::Id,
        Part::Literal("."),
        Part::Body,
    ])
    .declare();

const ID: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

#[test]
fn verification_does_not_allocate() {
    // The counter counts.
    assert!(allocated(|| drop(black_box(vec![0_u8; 16]))) >= 16);

    for scheme in [github::SCHEME, rebill_za::SCHEME, TIMED] {
        let old = Sender::new(scheme);
        let new = Sender::with_secret(scheme, "the secret after a rotation");
        for keys in 1..=2 {
            let receiver = Receiver::builder(scheme)
                .endpoint("allocations")
                .secret(old.secret().unwrap())
                .store(MemoryStore::with_capacity(16))
                .build()
                .unwrap();
            if keys == 2 {
                let secret = Secret::new("the secret after a rotation").unwrap();
                receiver.rotate(secret, Duration::from_secs(3_600)).unwrap();
            }
            let signers = [&old, &new];
            for sender in signers.iter().take(keys) {
                let invoice = format!(
                    r#"{{"id":"inv_1","status":"paid","x":"{}"}}"#,
                    "x".repeat(980)
                );
                for (event, body) in [
                    ("invoice.updated", vec![b'x'; 1_024]),
                    ("invoice.paid", invoice.into_bytes()),
                ] {
                    let signed = sender.raw(event, ID, body);
                    let bytes = prove(&receiver, &signed, sender);
                    assert_eq!(bytes, 0, "{event}, {} with {keys} key(s)", scheme.name());
                }
            }
        }
    }
}

/// Bytes that the heap is asked for by everything from `precheck` to `finish`, and by the one-shot
/// `verify`.
fn prove(receiver: &Receiver, signed: &SignedDelivery, sender: &Sender) -> usize {
    let (request, body, now) = (signed.request(), signed.body(), sender.now());
    let verifier = receiver.verifier();
    let in_steps = allocated(|| {
        let head = verifier.precheck(&request, now).unwrap();
        let mut intake = head.open(None).unwrap();
        intake.push(body.clone()).unwrap();
        drop(black_box(intake.finish().unwrap()));
    });
    let at_once = allocated(|| {
        let verified = verifier.verify(&request, body.clone(), now).unwrap();
        drop(black_box(verified));
    });
    in_steps + at_once
}

/// The least of a few runs: the test harness has a thread of its own, which may allocate too.
fn allocated(mut run: impl FnMut()) -> usize {
    let bytes = (0..5).map(|_| {
        let before = HEAP.total_allocated();
        run();
        HEAP.total_allocated() - before
    });
    bytes.min().unwrap_or_default()
}
