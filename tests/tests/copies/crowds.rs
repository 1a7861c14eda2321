//! A thousand copies at once, over real sockets: the handler runs once.

use std::net::SocketAddr;

use countersign_senders::rebill_za;
use countersign_testkit::SignedDelivery;
use countersign_tests::{
    kit::{Kit, Tested, until},
    raw::{self, Request, Response},
    servers::{Place, WORKERS},
};
use tokio::task::JoinSet;

const COPIES: u32 = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_copies_run_once_and_all_are_answered_200() -> Tested {
    for place in Place::ADAPTERS {
        let kit = Kit::rebill()?;
        let addr = kit.serve(place).await?;
        let delivery = kit.paid("dlv_1", "do:wait");
        let copies = send(addr, (0..COPIES).map(|_| delivery.clone())).await?;
        all_arrived(&kit).await;
        let forged = Request::of(&delivery.tampered()).send(addr).await?;
        assert_eq!(forged.status, 401, "{place:?}");
        // For one, or for all that should not be running.
        kit.desk.open(1_000);
        let answers = copies.join_all().await;
        assert_eq!(count(&answers, 200, Some("fresh")), 1, "{place:?}");
        assert_eq!(count(&answers, 200, Some("duplicate")), 999, "{place:?}");
        assert_eq!((kit.desk.begun(), kit.desk.ended()), (1, 1), "{place:?}");
        assert_eq!(calls(&kit), [1_000, 1, 0], "{place:?}");
        assert_eq!(kit.notices.take(), [""; 0], "{place:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_ids_of_one_paid_invoice_run_once_and_all_are_answered_200() -> Tested {
    for place in Place::ADAPTERS {
        let kit = Kit::rebill()?;
        let addr = kit.serve(place).await?;
        let delivery = kit.paid("dlv", "do:wait");
        let copies = send(addr, (0..COPIES).map(|copy| with_id(&delivery, copy))).await?;
        all_arrived(&kit).await;
        // For one, or for all that should not be running.
        kit.desk.open(1_000);
        let answers = copies.join_all().await;
        assert_eq!(count(&answers, 200, Some("fresh")), 1, "{place:?}");
        assert_eq!(count(&answers, 200, Some("suppressed")), 999, "{place:?}");
        assert_eq!(kit.desk.begun(), 1, "{place:?}");
        assert_eq!(calls(&kit), [1_000, 1, 0], "{place:?}");
        // What was suppressed left no row: there is one, its alias, and what came last of the invoice.
        assert_eq!(kit.rows.len(), 3, "{place:?}");
        assert_eq!(kit.notices.take().len(), 999, "{place:?}");
        // Another invoice is another matter.
        let other = kit.delivery(
            "invoice.paid",
            "other",
            serde_json::json!({"id": "inv_2", "status": "paid"}),
        );
        let answer = Request::of(&other).send(addr).await?;
        assert_eq!(count(&[answer], 200, Some("fresh")), 1, "{place:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_first_run_fails_a_thousand_copies_come_again_and_one_runs() -> Tested {
    for place in Place::ADAPTERS {
        for new_ids in [false, true] {
            let kit = Kit::rebill()?;
            let addr = kit.serve(place).await?;
            let delivery = kit.paid("dlv", "do:wait do:fail");
            let copy = |copy| match new_ids {
                true => with_id(&delivery, copy),
                false => delivery.clone(),
            };
            let copies = send(addr, (0..COPIES).map(copy)).await?;
            all_arrived(&kit).await;
            kit.desk.open(1_000);
            let answers = copies.join_all().await;
            let case = format!("{place:?}, new ids: {new_ids}");
            assert_eq!(count(&answers, 500, Some("fresh")), 1, "{case}");
            assert_eq!(count(&answers, 503, Some("in-flight")), 999, "{case}");
            let told_when = |answer: &Response| answer.header("retry-after").is_some();
            let told = answers.iter().filter(|answer| told_when(answer)).count();
            assert_eq!((told, kit.desk.begun()), (999, 1), "{case}");
            assert_eq!(calls(&kit), [1_000, 0, 1], "{case}");
            // What comes next runs, once.
            let next = Request::of(&copy(7)).send(addr).await?;
            let again = Request::of(&copy(7)).send(addr).await?;
            assert_eq!(count(&[next], 200, Some("fresh")), 1, "{case}");
            assert_eq!(count(&[again], 200, Some("duplicate")), 1, "{case}");
            assert_eq!(kit.desk.begun(), 2, "{case}");
            assert_eq!(calls(&kit), [1_002, 1, 1], "{case}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workers_of_a_server_share_what_was_seen() -> Tested {
    let kit = Kit::rebill()?;
    let addr = kit.serve(Place::ActixResource).await?;
    let mut connections = raw::connections(addr, 8).await?;
    for connection in &mut connections {
        for number in 0..8 {
            let copy = Request::of(&kit.paid(&format!("dlv_{number}"), &number.to_string()));
            let answer = copy.keeping_alive().send_on(connection).await?;
            assert_eq!(answer.status, 200);
        }
    }
    assert_eq!(kit.desk.begun(), 8);
    // Connections go round the workers, so all of them answered.
    for (number, connection) in connections.iter_mut().enumerate() {
        let new = Request::of(&kit.paid(&format!("new_{number}"), &format!("new {number}")));
        let answer = new.keeping_alive().send_on(connection).await?;
        assert_eq!(count(&[answer], 200, Some("fresh")), 1);
    }
    assert_eq!(kit.desk.threads(), WORKERS);
    Ok(())
}

/// Copies that arrive one after the other share one wait of the store; each has its own time all
/// the same.
#[tokio::test]
async fn a_late_copy_waits_as_long_as_an_early_one() -> Tested {
    for place in Place::ADAPTERS {
        let kit = Kit::rebill()?;
        let addr = kit.serve(place).await?;
        let wait = kit.receiver.limits().wait;
        let delivery = kit.paid("dlv_1", "do:wait");
        let first = send(addr, [delivery.clone()]).await?;
        kit.desk.entered().await;
        let early = send(addr, [delivery.clone()]).await?;
        kit.store.claimed(2).await;
        until(|| kit.clock.sleepers() >= 4).await;
        kit.clock.advance(wait / 2);
        let late = send(addr, [delivery.clone()]).await?;
        kit.store.claimed(1).await;
        until(|| kit.clock.sleepers() >= 5).await;
        kit.clock.advance(wait / 2);
        let early = early.join_all().await;
        assert_eq!(count(&early, 503, Some("in-flight")), 1, "{place:?}");
        kit.desk.open(1);
        let first = first.join_all().await;
        assert_eq!(count(&first, 200, Some("fresh")), 1, "{place:?}");
        let late = late.join_all().await;
        assert_eq!(count(&late, 200, Some("duplicate")), 1, "{place:?}");
        assert_eq!(kit.desk.begun(), 1, "{place:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_under_every_type_at_once_run_once_a_type() -> Tested {
    let kit = Kit::rebill()?;
    let addr = kit.serve(Place::AxumMethodRouter).await?;
    let delivery = kit.paid("dlv", "");
    let types = rebill_za::EventType::ALL;
    let copies = types.iter().flat_map(|of| {
        let delivery = delivery.with_header("X-Rebill-Event", of.as_str());
        (0..20).map(move |copy| with_id(&delivery, copy).with_header("X-Rebill-Event", of.as_str()))
    });
    let copies: Vec<_> = copies
        .enumerate()
        .map(|(number, copy)| copy.with_header("X-Rebill-Delivery", &format!("dlv_{number}")))
        .collect();
    let answers = send(addr, copies).await?.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    // Fifteen types happen once; four may repeat, and each of their ids runs.
    let repeating = [
        "invoice.updated",
        "invoice.sent",
        "quote.updated",
        "quote.sent",
    ];
    let repeating = repeating.len() + usize::from(types.len() == 19);
    assert_eq!(count(&answers, 200, Some("fresh")), 14 + repeating * 20);
    assert_eq!(count(&answers, 200, Some("suppressed")), 14 * 19);
    Ok(())
}

fn with_id(delivery: &SignedDelivery, copy: u32) -> SignedDelivery {
    delivery.with_header("X-Rebill-Delivery", &format!("dlv_{copy}"))
}

/// Sends on connections of their own, all at once.
async fn send(
    addr: SocketAddr,
    deliveries: impl IntoIterator<Item = SignedDelivery>,
) -> std::io::Result<JoinSet<Response>> {
    // Both ends of every connection are in this process.
    rlimit::increase_nofile_limit(16_384)?;
    let deliveries: Vec<_> = deliveries.into_iter().collect();
    let count = u32::try_from(deliveries.len()).unwrap_or(u32::MAX);
    let connections = raw::connections(addr, count).await?;
    let requests = connections.into_iter().zip(deliveries);
    let send = |(connection, delivery): (_, SignedDelivery)| async move {
        let sent = Request::of(&delivery).begin_on(connection).await;
        match sent {
            Ok(connection) => raw::answer(connection).await.unwrap_or_default(),
            Err(_) => Response::default(),
        }
    };
    Ok(requests.map(send).collect())
}

/// Waits until one copy runs and the others wait for it.
async fn all_arrived(kit: &Kit) {
    kit.desk.entered().await;
    kit.store.claimed(COPIES).await;
}

fn count(answers: &[Response], status: u16, dedup: Option<&str>) -> usize {
    let due =
        |answer: &&Response| (answer.status, answer.header("countersign-dedup")) == (status, dedup);
    answers.iter().filter(due).count()
}

/// How many claims, completions and releases the store was asked for.
fn calls(kit: &Kit) -> [usize; 3] {
    ["claim", "complete", "release"].map(|operation| kit.store.count(operation))
}
