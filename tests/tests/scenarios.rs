//! One table of good and bad requests, over real sockets, against every place that a receiver can
//! be put in: the same status, the same handler runs, the same store calls everywhere.

use countersign_core::{MemoryStore, RejectionKind};
use countersign_senders::{invoice_maker, rebill_za};
use countersign_tests::{
    code::file_of,
    handler::TestHandler,
    log,
    notices::Notices,
    servers::{Invoice, Place, READ, REFUSED},
    spy_store::SpyStore,
    table::{Reads, Row, Setup, rows},
};
use tracing::Level;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_place_gives_the_same_answers() {
    log::capture_everywhere();
    let rows = rows();
    assert!(rows.len() >= 150, "only {} rows", rows.len());
    let mut failures = Vec::new();
    for place in Place::ALL {
        for row in &rows {
            if let Err(failure) = play(place, row).await {
                failures.push(format!("{place:?}: {}: {failure}", row.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_rows_have_names_of_their_own() {
    let rows = rows();
    for (at, row) in rows.iter().enumerate() {
        let twice = rows.iter().skip(at + 1).any(|other| other.name == row.name);
        assert!(!twice, "{}", row.name);
    }
}

#[test]
fn every_kind_of_refusal_is_met_by_a_row_or_a_named_test() {
    // The others need concurrency, or a scheme with a handshake or a batch: a test of each, by name.
    use RejectionKind::*;
    let elsewhere = [
        (
            KeyringUnavailable,
            "tenants_are_apart_and_a_lookup_that_fails_refuses_for_now",
        ),
        (NoActiveKey, "only_the_lookup_s_tenant_has_keys_and_a_scope"),
        (
            TimestampMissing,
            "linear_has_its_time_in_the_body_in_milliseconds",
        ),
        (BodyNotDecoded, "one_whole_member_counts_and_nothing_else"),
        (
            Busy,
            "no_more_bytes_are_buffered_than_allowed_and_all_are_given_back",
        ),
        (
            HandshakeRefused,
            "a_question_that_is_not_quite_the_senders_is_refused",
        ),
        (BatchTooLong, "too_many_items_and_no_list_are_refused_whole"),
        (
            BatchUnfinished,
            "of_a_hundred_items_the_one_that_failed_runs_again",
        ),
        (
            NotAttached,
            "without_a_runtime_a_receiver_is_a_mistake_and_not_busy",
        ),
        (InFlight, "no_more_copies_wait_than_allowed"),
        (
            StillRunning,
            "a_slow_run_is_answered_within_the_budget_and_goes_on",
        ),
        (NotCommitted, "a_transaction_of_the_handlers_own_decides"),
        (
            RunTooLong,
            "a_run_over_its_total_time_is_ended_and_given_back",
        ),
        (
            HandlerDropped,
            "draining_ends_what_runs_for_too_long_and_gives_it_back",
        ),
    ];
    for (kind, test) in elsewhere {
        let file = file_of(test).unwrap_or_else(|| panic!("{kind:?}: no {test}"));
        let named = file.contains(&format!("{kind:?}")) || file.contains(kind.as_str());
        assert!(named, "{kind:?} is not what {test} meets");
    }
    let rows = rows();
    let steps = rows.iter().flat_map(|row| &row.steps);
    let refused: Vec<&str> = steps.filter_map(|step| step.refused).collect();
    for kind in RejectionKind::ALL {
        let is = |why: &&str| why.starts_with(kind.as_str());
        let met = refused.iter().any(is);
        let named = elsewhere.iter().any(|(of, _)| of == kind);
        assert!(
            met != named,
            "{kind:?}: by a row {met}, by a named test {named}"
        );
    }
}

async fn play(place: Place, row: &Row) -> Result<(), String> {
    let _earlier = log::everywhere();
    let store = SpyStore::over(MemoryStore::new());
    let (desk, notices) = (TestHandler::default(), Notices::default());
    let receiver = row
        .setup
        .receiver(&store, &notices)
        .map_err(|error| error.to_string())?;
    let started = match row.reads {
        Reads::Bytes => place.start(&receiver, &desk).await,
        Reads::Rebill => {
            place
                .start_reading::<rebill_za::Event>(&receiver, &desk)
                .await
        }
        Reads::InvoiceMaker => {
            place
                .start_reading::<invoice_maker::Event>(&receiver, &desk)
                .await
        }
        Reads::Own => place.start_reading::<Invoice>(&receiver, &desk).await,
    };
    let addr = started.map_err(|error| error.to_string())?;
    if row.setup == Setup::Draining {
        receiver.drain(core::time::Duration::ZERO).await;
    }
    for (at, step) in row.steps.iter().enumerate() {
        let response = step
            .request
            .send(addr)
            .await
            .map_err(|error| error.to_string())?;
        let refused = response.header(REFUSED);
        if refused != step.refused {
            let due = step.refused;
            return Err(format!("step {at}: refused: {refused:?}, due {due:?}"));
        }
        let got = (response.status, response.header("countersign-dedup"));
        if got != (step.status, step.dedup) {
            let due = (step.status, step.dedup);
            return Err(format!("step {at}: got {got:?}, due {due:?}"));
        }
        let body = match (step.refused, response.status) {
            _ if step.request.head.starts_with(b"HEAD") => "",
            // A handler's own answer.
            (None, _) if step.dedup == Some("fresh") => "",
            (None, _) => "ok\n",
            (Some(_), 400..500) => "refused\n",
            (Some(_), _) => "try again later\n",
        };
        if response.body != body {
            let got = response.body;
            return Err(format!("step {at}: body {got:?}, due {body:?}"));
        }
        if (response.status == 405) != (response.header("allow") == Some("POST")) {
            return Err(format!("step {at}: allow with {}", response.status));
        }
        if step.read.is_some() && step.read != response.header(READ) {
            let (read, due) = (response.header(READ), step.read);
            return Err(format!("step {at}: read {read:?}, due {due:?}"));
        }
        let comes_again = response.header("retry-after").is_some();
        // The sender waits while the application's mistake is mended.
        if comes_again != (response.status == 503 || row.confused.is_some()) {
            return Err(format!("step {at}: retry-after with {}", response.status));
        }
    }
    let named = log::everywhere();
    let named = named.iter().filter_map(|entry| {
        let (wanted, proved) = (entry.field("wanted")?, entry.field("proved")?);
        Some((entry.level, wanted, proved))
    });
    let due = row
        .confused
        .map(|(wanted, proved)| (Level::ERROR, wanted, proved));
    let due = row.steps.iter().filter_map(|_| due);
    if !named.clone().eq(due) {
        let (named, due): (Vec<_>, _) = (named.collect(), row.confused);
        return Err(format!("the log names {named:?}, due {due:?}"));
    }
    if desk.begun() != row.runs {
        return Err(format!("{} runs, due {}", desk.begun(), row.runs));
    }
    let asked = store.calls();
    if asked != row.store {
        return Err(format!("store: {asked:?}, due {:?}", row.store));
    }
    let told = notices.take();
    let due = told.len() == row.told.len()
        && told
            .iter()
            .zip(row.told)
            .all(|(told, due)| told.starts_with(due));
    if !due {
        return Err(format!("notices: {told:?}, due {:?}", row.told));
    }
    Ok(())
}
