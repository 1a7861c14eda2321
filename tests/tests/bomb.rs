//! A small body that would become a huge one: what it is answered, and what it takes.
//!
//! One test and no more: the allocator counts for the whole process.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{alloc::System, time::Duration};

use cap::Cap;
use countersign_core::{
    RejectionKind, Scheme, Secret, Timestamp, Verifier,
    scheme::{Compression, IdenticalBodies},
};
use countersign_testkit::Sender;
use flate2::{Compress, FlushCompress};

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const MIB: usize = 1024 * 1024;

const fn scheme(compression: Compression) -> Scheme {
    let bodies = IdenticalBodies::Copies {
        within: Duration::from_secs(3_600),
    };
    Scheme::body_hmac("X-Sig")
        .identical_bodies(bodies)
        .gzip(compression)
        .declare()
}

/// One MiB of zeros, a thousand times, in one member.
fn bomb() -> Vec<u8> {
    let mut compress = Compress::new(flate2::Compression::best(), false);
    let zeros = vec![0; MIB];
    let mut mebibyte = Vec::with_capacity(64 * 1024);
    compress
        .compress_vec(&zeros, &mut mebibyte, FlushCompress::Full)
        .unwrap();
    assert_eq!(compress.total_in(), MIB as u64);
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    bomb.extend(mebibyte.repeat(1_000));
    bomb
}

#[test]
fn a_bomb_is_refused_and_takes_no_room() {
    let bomb = bomb();
    assert!(bomb.len() <= 2 * MIB, "{}", bomb.len());
    for compression in [Compression::SignedBefore, Compression::SignedAfter] {
        let scheme = scheme(compression)
            .to_builder()
            .body_limit(2 * MIB)
            .build()
            .unwrap();
        let sender = Sender::new(scheme);
        let secret: Secret = sender.secret().unwrap();
        let verifier = Verifier::builder(scheme).secret(secret).build().unwrap();
        // Signed after, the tag is right, and the bomb the sender's own.
        let delivery = sender.raw("a", "1", bomb.clone());
        let delivery = sender
            .stamp(delivery)
            .with_header("content-encoding", "gzip");
        let request = delivery.request();
        for chunk in [bomb.len(), 1_500] {
            let (before, peak) = (HEAP.allocated(), HEAP.max_allocated());
            let head = verifier.precheck(&request, Timestamp::now()).unwrap();
            let mut intake = head.open(None).unwrap();
            let mut taken = Ok(());
            let mut rest = delivery.body().clone();
            while !rest.is_empty() && taken.is_ok() {
                taken = intake.push(rest.split_to(chunk.min(rest.len())));
            }
            let refused = match taken {
                Ok(()) => intake.finish().unwrap_err(),
                Err(refused) => {
                    drop(intake);
                    refused
                }
            };
            assert_eq!(refused.kind(), RejectionKind::BodyTooLarge);
            // The text up to the limit and, while it grows, once more; the compressed body where it is kept.
            let spent = HEAP.max_allocated().saturating_sub(peak.max(before));
            assert!(spent < 8 * MIB, "{compression:?}, {chunk}: {spent}");
            assert_eq!(verifier.buffered_bytes(), 0);
        }
    }
}
