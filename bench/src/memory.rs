//! The memory store, over the number of rows that it holds.

use core::time::Duration;
use std::{thread, time::Instant};

use countersign_core::{Claim, ClaimRequest, DedupStore, DeliveryKey, Fenced, MemoryStore, Owner};
use futures_util::FutureExt;

use crate::{
    report::{Budget, Plot, Section, figure},
    turns::median,
};

const ROWS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
const OPERATIONS: u64 = 500_000;
const ROUNDS: u64 = 9;

/// Claims and completions of fresh keys.
pub fn memory_store() -> Section {
    let mut section = Section {
        title: "The memory store",
        text: "Million deliveries a second, each claimed and completed under a key of its own, in a store that holds so many \
               done ones already. `cargo bench -p countersign-core --bench memory_store` weighs rows and has aliases, too.",
        columns: ["rows", "one thread", "two threads"]
            .map(str::to_owned)
            .to_vec(),
        rows: Vec::new(),
        budgets: Vec::new(),
        plot: None,
    };
    let mut lines = [("one thread", Vec::new()), ("two threads", Vec::new())];
    for rows in ROWS {
        let store = MemoryStore::with_capacity(
            usize::try_from(rows + 2 * (ROUNDS + 1) * OPERATIONS).unwrap(),
        );
        let mut next = rows;
        run(&store, 0..rows);
        let mut rates = [Vec::new(), Vec::new()];
        for round in 0..=ROUNDS {
            for (threads, rates) in [1, 2].into_iter().zip(&mut rates) {
                let begin = Instant::now();
                thread::scope(|scope| {
                    for thread in 0..threads {
                        let share = OPERATIONS / threads;
                        let from = next + thread * share;
                        let store = &store;
                        scope.spawn(move || run(store, from..from + share));
                    }
                });
                next += OPERATIONS;
                if round > 0 {
                    rates.push(OPERATIONS as f64 / begin.elapsed().as_secs_f64() / 1e6);
                }
            }
        }
        let [one, two] = rates.map(median);
        section
            .rows
            .push([rows.to_string(), figure(one), figure(two)].to_vec());
        for (line, rate) in lines.iter_mut().zip([one, two]) {
            line.1.push((rows as f64, rate));
        }
        if rows == 1_000_000 {
            section
                .budgets
                .push(Budget::at_least("two threads, 1 M rows, M/s", two, 5.0));
        }
    }
    section.plot = Some(Plot {
        name: "memory-store",
        x: "rows in the store at first",
        y: "million deliveries a second",
        lines: lines.into(),
    });
    section
}

fn run(store: &MemoryStore, keys: core::ops::Range<u64>) {
    for n in keys {
        let key = key_of(n);
        let request = ClaimRequest::new(
            key,
            Owner::from_u128(u128::from(n)),
            Duration::from_secs(30),
        );
        let claim = store.claim(request).now_or_never().unwrap().unwrap();
        let Claim::Claimed(claimed) = claim else {
            panic!("a fresh key is free");
        };
        let done = store.complete(&key, claimed.fence, Duration::from_secs(72 * 3_600));
        assert_eq!(done.now_or_never().unwrap().unwrap(), Fenced::Applied);
    }
}

/// A key that looks as random as a hash does (splitmix64).
fn key_of(n: u64) -> DeliveryKey {
    let mut state = n;
    let mut bytes = [0; 32];
    for word in bytes.chunks_exact_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    DeliveryKey::from_bytes(bytes)
}
