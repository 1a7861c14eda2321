//! The middleware around an app, a scope, a resource and a route: the same answers everywhere.

mod support;

use std::{sync::Arc, time::Instant};

use actix_web::HttpResponse;
use support::{FAR, Place, Probe, receiver, settled, short_budget, sign};

#[test]
fn proves_and_runs_once() {
    for place in Place::ALL {
        let receiver = receiver(|_| {});
        let (probe, seen) = Probe::ok();
        let server = serve_at!(place, receiver, probe);

        let sent = sign("d_1", br#"{"ref": "main"}"#);
        let first = server.send(&sent);
        assert_eq!(first.verdict(), (200, Some("fresh")), "{place:?}");
        assert_eq!(first.body, b"handled", "{place:?}");
        let copy = server.send(&sent);
        assert_eq!(copy.verdict(), (200, Some("duplicate")), "{place:?}");
        assert_eq!(copy.body, b"ok\n", "{place:?}");

        let mut tampered = sign("d_2", br#"{"ref": "main"}"#);
        tampered.body[2] ^= 1;
        let refused = server.send(&tampered);
        assert_eq!(refused.verdict(), (401, None), "{place:?}");
        assert_eq!(refused.body, b"refused\n", "{place:?}");
        let mut unsigned = sign("d_3", "{}");
        unsigned.headers.remove(1);
        assert_eq!(server.send(&unsigned).verdict(), (401, None), "{place:?}");

        let mut fetched = sign("d_4", "");
        fetched.method = "GET";
        let refused = server.send(&fetched);
        assert_eq!(refused.verdict(), (405, None), "{place:?}");
        assert_eq!(refused.header("allow"), Some("POST"), "{place:?}");

        let run = seen.start();
        assert_eq!((&*run.proved, &*run.read), (&*sent.body, &*sent.body));
        assert_eq!(seen.runs(), 1, "{place:?}");
    }
}

#[test]
fn answers_in_time_and_lets_the_handler_end() {
    for place in Place::ALL {
        let receiver = receiver(short_budget);
        let (probe, seen, gate) = Probe::held();
        let server = serve_at!(place, receiver, probe);

        let sent = sign("d_1", "{}");
        let before = Instant::now();
        let late = server.send(&sent);
        assert_eq!(late.verdict(), (503, Some("in-flight")), "{place:?}");
        assert!(late.header("retry-after").is_some(), "{place:?}");
        assert_eq!(late.body, b"try again later\n", "{place:?}");
        assert!(before.elapsed() >= receiver.limits().response_budget);
        assert!(before.elapsed() < FAR, "{place:?}");
        seen.start();
        assert_eq!(receiver.running(), 1, "{place:?}: still running");

        let early = server.send(&sent);
        assert_eq!(early.verdict(), (503, Some("in-flight")), "{place:?}");

        gate.add_permits(1);
        seen.end();
        settled(&receiver);
        let copy = server.send(&sent);
        assert_eq!(copy.verdict(), (200, Some("duplicate")), "{place:?}");
        assert_eq!(seen.runs(), 1, "{place:?}");
    }
}

#[test]
fn a_panic_is_answered_and_gives_the_delivery_back() {
    for place in Place::ALL {
        let receiver = receiver(|_| {});
        let (probe, seen) = Probe::new(async |request| {
            assert!(!request.headers().contains_key("x-panic"), "asked to");
            HttpResponse::Ok().finish()
        });
        let server = serve_at!(place, receiver, probe, |server| server.workers(1));

        let sent = sign("d_1", "{}");
        let mut panics = sent.clone();
        panics.headers.push(("X-Panic", "yes".to_owned()));
        let mut connection = server.connect();
        let broken = connection.send(&panics);
        assert_eq!(broken.verdict(), (500, None), "{place:?}");
        assert_eq!(broken.body, b"try again later\n", "{place:?}");

        // The same worker takes the sender's next attempt, even on the same connection.
        let retry = connection.send(&sent);
        assert_eq!(retry.verdict(), (200, Some("fresh")), "{place:?}");
        assert_eq!(seen.start().worker, seen.start().worker, "{place:?}");
        assert_eq!(seen.runs(), 2, "{place:?}");
    }
}

#[test]
fn a_copy_waits_for_its_twin() {
    for place in Place::ALL {
        let receiver = receiver(|_| {});
        let (probe, seen, gate) = Probe::held();
        let server = serve_at!(place, receiver, probe);

        let sent = Arc::new(sign("d_1", "{}"));
        let mut connections = [server.connect(), server.connect(), server.connect()];
        for connection in &mut connections {
            connection.write(&sent.bytes());
        }
        seen.start();
        gate.add_permits(1);
        let mut verdicts = connections.map(|mut connection| {
            let answered = connection.read();
            (
                answered.status,
                answered.header("countersign-dedup").map(str::to_owned),
            )
        });
        verdicts.sort_unstable();
        let duplicate = (200, Some("duplicate".to_owned()));
        let expected = [
            duplicate.clone(),
            duplicate,
            (200, Some("fresh".to_owned())),
        ];
        assert_eq!(verdicts, expected, "{place:?}");
        assert_eq!(seen.runs(), 1, "{place:?}");
    }
}
