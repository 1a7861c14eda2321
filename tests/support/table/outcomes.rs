//! How a handler ends, and a store that fails.

use serde_json::json;

use super::{NOTHING, Reads, Row, Setup, paid, rebill, refusal, step};
use crate::raw::Request;

pub(super) fn rows() -> Vec<Row> {
    use Setup::Rebill;
    let told = |word: &str| {
        let body = json!({"id": "inv_1", "status": "paid", "told": word});
        Request::of(&rebill(body))
    };
    let twice = |name, word: &str, status, dedup, store| Row {
        name,
        setup: Rebill,
        steps: vec![
            step(told(word), status, dedup),
            step(told(word), 200, Some("fresh")),
        ],
        runs: 2,
        store,
        told: NOTHING,
        reads: Reads::Bytes,
        confused: None,
    };
    const RETRIED: &[&str] = &["claim", "release", "claim", "complete"];
    let store = |name, setup, why| Row {
        name,
        setup,
        steps: vec![refusal(Request::of(&rebill(paid())), why)],
        runs: 0,
        store: &["claim"],
        told: &["store failed"],
        reads: Reads::Bytes,
        confused: None,
    };
    vec![
        twice(
            "the handler fails, the next copy runs",
            "do:fail",
            500,
            Some("fresh"),
            RETRIED,
        ),
        Row {
            name: "the handler panics, the next copy runs",
            setup: Rebill,
            steps: vec![
                refusal(told("do:panic"), "handler panicked"),
                step(told("do:panic"), 200, Some("fresh")),
            ],
            runs: 2,
            store: RETRIED,
            told: NOTHING,
            reads: Reads::Bytes,
            confused: None,
        },
        Row {
            name: "the handler answers 404",
            setup: Rebill,
            steps: vec![step(told("do:404"), 404, Some("fresh"))],
            runs: 1,
            store: &["claim", "release"],
            told: NOTHING,
            reads: Reads::Bytes,
            confused: None,
        },
        Row {
            name: "the handler discards",
            setup: Rebill,
            steps: vec![
                step(told("do:discard"), 200, Some("discarded")),
                step(told("do:discard"), 200, Some("duplicate")),
            ],
            runs: 1,
            store: &["claim", "complete", "claim"],
            told: NOTHING,
            reads: Reads::Bytes,
            confused: None,
        },
        Row {
            name: "the handler asks for a retry",
            setup: Rebill,
            steps: vec![refusal(told("do:retry"), "handler asked for a retry")],
            runs: 1,
            store: &["claim", "release"],
            told: NOTHING,
            reads: Reads::Bytes,
            confused: None,
        },
        store("store down", Setup::StoreDown, "deduplication store failed"),
        store(
            "store full",
            Setup::StoreFull,
            "deduplication store is full",
        ),
    ]
}
