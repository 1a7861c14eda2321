//! Gateways that are killed, and gateways that share a store.
//!
//! `COUNTERSIGN_ROUNDS` says how often one is killed over each store; a few times unless told otherwise.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    net::SocketAddr,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use countersign_senders::rebill_za;
use countersign_testkit::{Sender, SignedDelivery};
use countersign_tests::{postgres_server::PostgresServer, redis_server::RedisServer};

#[path = "support/gateway.rs"]
mod gateway;
mod support;

use gateway::{Gateway, KEY, Message, Mode, PATIENCE, Upstream, config, header, post};
use support::{Place, SECRET};

/// Each keeps the machine busy: they run one by one.
static ALONE: Mutex<()> = Mutex::new(());

fn rounds() -> usize {
    let set = std::env::var("COUNTERSIGN_ROUNDS").ok();
    set.and_then(|set| set.parse().ok()).unwrap_or(6)
}

fn delivery(id: &str) -> SignedDelivery {
    let body = format!("{{\"id\":\"{id}\",\"status\":\"paid\"}}");
    Sender::with_secret(rebill_za::SCHEME, SECRET)
        .raw("invoice.paid", id, body)
        .to("/hook")
}

fn of<'m>(messages: &'m [Message], id: &str) -> Vec<&'m Message> {
    let id = Some(id);
    messages
        .iter()
        .filter(|one| header(&one.head, "x-rebill-delivery") == id)
        .collect()
}

/// Sends again and again, as a sender does, until it is a success.
fn insist(to: SocketAddr, delivery: &SignedDelivery) {
    let begun = Instant::now();
    loop {
        let status = post(to, delivery).map(|answer| answer.status);
        match status {
            Some(200) => return,
            Some(503) | None => {}
            other => panic!("{other:?}"),
        }
        assert!(begun.elapsed() < PATIENCE, "it is never accepted");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Kills the gateway in the middle of a forward, starts another, and lets the sender try again.
fn kill_rounds(store: &str) {
    let alone = ALONE.lock();
    let (place, upstream) = (Place::new(), Upstream::start());
    let file = place.file("c.toml", config(upstream.address, "rebill-za", store, ""));
    for round in 0..rounds() {
        let mut gateway = Gateway::start(&place, &file);
        let (calm, event) = (
            delivery(&format!("calm_{round}")),
            delivery(&format!("inv_{round}")),
        );
        upstream.set(Mode::Done);
        insist(gateway.listen, &calm);
        upstream.wait();
        upstream.set(Mode::Waits);
        thread::scope(|scope| {
            let (to, event) = (gateway.listen, &event);
            let sent = scope.spawn(move || post(to, event));
            upstream.wait();
            if round % 2 == 0 {
                // The upstream has it, and never says so.
                kill(gateway.id());
                upstream.open();
            } else {
                // The answer is on its way, or was read, or is being written down: later in each round.
                upstream.open();
                thread::sleep(Duration::from_micros(150 * (round as u64 % 10)));
                kill(gateway.id());
            }
            let _ = sent.join().unwrap();
        });
        gateway.kill();

        upstream.set(Mode::Done);
        let next = Gateway::start(&place, &file);
        insist(next.listen, &event);
        for (done, most) in [(&calm, 1), (&event, 2)] {
            let again = next.send(done);
            assert_eq!(
                (again.status, again.dedup()),
                (200, "duplicate"),
                "round {round}"
            );
            let id = done.header("x-rebill-delivery").unwrap();
            let all = upstream.done();
            let runs = of(&all, id);
            assert!((1..=most).contains(&runs.len()), "round {round}: {runs:?}");
            // The service knows the second one by this.
            let name = |one: &Message| header(&one.head, "webhook-id").unwrap().to_owned();
            assert!(runs.iter().all(|one| name(one) == name(runs[0])));
            assert!(runs.iter().all(|one| one.body == done.body()[..]));
        }
        while upstream.arrived() {}
    }
    drop(alone);
}

fn kill(id: u32) {
    let status = std::process::Command::new("kill")
        .args(["-9", &id.to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn a_killed_gateway_loses_nothing_over_sqlite() {
    kill_rounds("kind = \"sqlite\"\npath = \"d.db\"");
}

#[test]
fn a_killed_gateway_loses_nothing_over_postgres() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    kill_rounds(&format!(
        "kind = \"postgres\"\nurl = \"{}\"\nlease = \"1s\"",
        server.url()
    ));
}

#[test]
fn two_gateways_over_postgres_pass_each_delivery_on_once() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let alone = ALONE.lock();
    let (place, upstream) = (Place::new(), Upstream::start());
    let store = format!("kind = \"postgres\"\nurl = \"{}\"", server.url());
    let file = place.file("c.toml", config(upstream.address, "rebill-za", &store, ""));
    let gateways = [Gateway::start(&place, &file), Gateway::start(&place, &file)];
    let events: Vec<_> = (0..200).map(|at| delivery(&format!("two_{at}"))).collect();
    thread::scope(|scope| {
        for lane in 0..32 {
            let (to, events) = (gateways[lane % 2].listen, &events);
            scope.spawn(move || {
                // Of each pair of lanes, one takes the first gateway and one the second, at the same time.
                for event in events.iter().skip(lane / 2).step_by(16) {
                    insist(to, event);
                }
            });
        }
    });
    let seen = upstream.seen();
    for event in &events {
        let id = event.header("x-rebill-delivery").unwrap();
        assert_eq!(of(&seen, id).len(), 1, "{id}");
    }
    assert_eq!(seen.len(), events.len());

    // And as a sender that has many under way, half of them twice.
    let to = format!("http://{}/hook", gateways[0].listen);
    let ran = place.run(&[
        "send",
        "--scheme",
        "rebill-za",
        "--to",
        &to,
        "--event",
        "invoice.paid",
        "--count",
        "200",
        "--concurrent",
        "64",
        "--duplicates",
        "0.5",
        "--tamper",
        "0.1",
    ]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(upstream.seen().len(), events.len() + 200);
    drop(alone);
}

#[test]
fn what_is_done_stays_done_in_every_store_that_outlives_a_process() {
    let redis = RedisServer::start(&["--appendonly", "yes"]).unwrap();
    let mut stores = vec!["kind = \"sqlite\"\npath = \"d.db\"".to_owned()];
    stores.extend(redis.as_ref().map(|server| {
        format!(
            "kind = \"redis\"\nurl = \"{}\"\nprefix = \"gateway\"",
            server.url()
        )
    }));
    let postgres = PostgresServer::shared();
    stores.extend(postgres.as_ref().map(|server| {
        format!(
            "kind = \"postgres\"\nurl_env = \"THE_URL\"\n# {}",
            server.url()
        )
    }));
    for store in stores {
        let (place, upstream) = (Place::new(), Upstream::start());
        // A password in the address is taken from beside the file, and shown nowhere.
        let url = store
            .split_once("# ")
            .map(|(_, url)| url.replace("postgres@", "postgres:hunter2@"));
        if let Some(url) = &url {
            place.file("url", url);
        }
        let store = store.replace("url_env = \"THE_URL\"", "url_file = \"url\"");
        let file = place.file("c.toml", config(upstream.address, "rebill-za", &store, ""));
        let event = delivery("stays_done");
        for due in ["fresh", "duplicate"] {
            let mut gateway = Gateway::start(&place, &file);
            assert_eq!(gateway.send(&event).dedup(), due, "{store}");
            gateway.signal("TERM");
            assert_eq!(gateway.end().code(), Some(0));
            let told = gateway.told.join("\n");
            assert!(!told.contains("hunter2") && !told.contains(KEY), "{told}");
        }
        assert_eq!(upstream.seen().len(), 1, "{store}");
    }
}
