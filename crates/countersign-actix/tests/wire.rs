//! What only shows on a socket: limits while reading, senders that hang up or stop halfway, more
//! than one worker, and shutting down.

mod support;

use std::{
    collections::HashSet,
    future::Future,
    pin::pin,
    sync::mpsc,
    task::{Context, Waker},
    time::Duration,
};

use actix_web::{
    App,
    dev::Service as _,
    rt::System,
    web::{self, Data},
};
use countersign_actix::ReceiverMiddleware;
use support::{FAR, Place, Probe, on_delivery, receiver, settled, short_budget, sign};

#[test]
fn a_declared_length_over_the_limit_is_refused_before_the_body() {
    let receiver = receiver(|limits| limits.verify.body_bytes = 64);
    let (probe, seen) = Probe::ok();
    let server = serve_at!(Place::Resource, receiver, probe);

    assert_eq!(server.send(&sign("d_1", [b'x'; 64])).status, 200);
    let mut connection = server.connect();
    connection.write(
        sign("d_2", [b'x'; 65])
            .head("Content-Length: 65")
            .as_bytes(),
    );
    // Not a byte of the body was sent.
    assert_eq!(connection.read().verdict(), (413, None));
    assert_eq!(seen.runs(), 1);
}

#[test]
fn a_body_over_the_limit_is_refused_while_it_is_read() {
    let receiver = receiver(|limits| limits.verify.body_bytes = 64);
    let (probe, seen) = Probe::ok();
    let server = serve_at!(Place::Resource, receiver, probe);

    let mut connection = server.connect();
    let head = sign("d_1", [b'x'; 80]).head("Transfer-Encoding: chunked");
    connection.write(head.as_bytes());
    let chunk = [b"28\r\n".as_slice(), &[b'x'; 40], b"\r\n"].concat();
    connection.write(&chunk);
    connection.write(&chunk);
    // The body has no end yet.
    assert_eq!(connection.read().verdict(), (413, None));
    assert_eq!(seen.runs(), 0);
}

#[test]
fn an_early_refusal_reaches_a_sender_that_is_still_sending() {
    let receiver = receiver(|limits| limits.verify.body_bytes = 64);
    let (probe, seen) = Probe::ok();
    let server = serve_at!(Place::Resource, receiver, probe);

    let mut connection = server.connect();
    // More than the socket buffers of both sides hold; the server may stop reading at any point.
    let _maybe_cut_off = connection.try_write(&sign("d_1", vec![b'x'; 32 << 20]).bytes());
    assert_eq!(connection.read().verdict(), (413, None));
    assert_eq!(seen.runs(), 0);
}

#[test]
fn the_handler_sees_the_bytes_that_were_proved() {
    let receiver = receiver(|_| {});
    let (probe, seen) = Probe::ok();
    let server = serve_at!(Place::Resource, receiver, probe);

    let body: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let sent = sign("d_1", body.clone());
    let mut connection = server.connect();
    connection.write(sent.head("Transfer-Encoding: chunked").as_bytes());
    for piece in body.chunks(7_001) {
        connection.write(format!("{:x}\r\n", piece.len()).as_bytes());
        connection.write(piece);
        connection.write(b"\r\n");
    }
    connection.write(b"0\r\n\r\n");
    assert_eq!(connection.read().verdict(), (200, Some("fresh")));
    let run = seen.start();
    assert_eq!(run.proved, body);
    assert_eq!(run.read, body);
}

#[test]
fn a_body_that_stops_is_answered_in_time() {
    let receiver = receiver(|limits| limits.read_time = Duration::from_millis(50));
    let (probe, seen) = Probe::ok();
    let server = serve_at!(Place::Resource, receiver, probe);

    let sent = sign("d_1", "{}");
    let mut connection = server.connect();
    connection.write(sent.head("Content-Length: 2").as_bytes());
    connection.write(b"{");
    assert_eq!(connection.read().verdict(), (408, None));
    assert!(connection.is_closed_by_server());
    assert_eq!(seen.runs(), 0);
}

#[test]
fn a_body_that_breaks_off_is_refused() {
    let receiver = receiver(|_| {});
    let (probe, seen) = Probe::ok();
    let server = serve_at!(Place::Resource, receiver, probe);

    // Signed over what does arrive: a part of a body is not a body.
    let sent = sign("d_1", "{");
    let mut connection = server.connect();
    connection.write(sent.head("Content-Length: 2").as_bytes());
    connection.write(b"{");
    connection.no_more();
    assert_eq!(connection.read().verdict(), (400, None));

    let mut connection = server.connect();
    connection.write(sent.head("Transfer-Encoding: chunked").as_bytes());
    connection.write(b"1\r\n{\r\n");
    connection.no_more();
    assert_eq!(connection.read().verdict(), (400, None));
    assert_eq!(seen.runs(), 0);
}

#[test]
fn a_sender_that_closes_its_half_still_gets_the_answer() {
    let receiver = receiver(|_| {});
    let (probe, seen, gate) = Probe::held();
    let server = serve_at!(Place::Resource, receiver, probe);

    let mut connection = server.connect();
    connection.write(&sign("d_1", "{}").bytes());
    seen.start();
    connection.no_more();
    gate.add_permits(1);
    assert_eq!(connection.read().verdict(), (200, Some("fresh")));
}

#[test]
fn the_handler_ends_though_the_sender_hangs_up() {
    /// Tells when the request is dropped before it is answered.
    struct Watch(mpsc::Sender<()>);

    impl Drop for Watch {
        fn drop(&mut self) {
            let _unheard = self.0.send(());
        }
    }

    let receiver = receiver(|_| {});
    let (probe, seen, gate) = Probe::held();
    let (send, hung_up) = mpsc::channel();
    let (wrapped, probe) = (receiver.clone(), Data::new(probe));
    let app = move || {
        let send = send.clone();
        App::new()
            .app_data(probe.clone())
            .wrap_fn(move |request, service| {
                let answer = service.call(request);
                let watch = Watch(send.clone());
                async move {
                    let answered = answer.await;
                    std::mem::forget(watch);
                    answered
                }
            })
            .service(
                web::resource("/hooks/in")
                    .wrap(ReceiverMiddleware::new(&wrapped))
                    .to(on_delivery),
            )
    };
    // Otherwise actix-web takes a closed connection for half of one, and keeps the request.
    let server = serve!(app, |server| server.workers(2).h1_allow_half_closed(false));

    let sent = sign("d_1", "{}");
    let mut connection = server.connect();
    connection.write(&sent.bytes());
    seen.start();
    drop(connection);
    hung_up.recv_timeout(FAR).unwrap();
    assert_eq!(receiver.running(), 1);
    assert_eq!(
        receiver.failure_streak().failed,
        1,
        "the sender counts a failure"
    );

    gate.add_permits(1);
    seen.end();
    settled(&receiver);
    assert_eq!(server.send(&sent).verdict(), (200, Some("duplicate")));
    assert_eq!(seen.runs(), 1);
}

#[test]
fn workers_share_what_was_seen() {
    let receiver = receiver(|_| {});
    let (probe, seen) = Probe::ok();
    let server = serve_at!(Place::Resource, receiver, probe);

    let deliveries: Vec<_> = (0..8)
        .map(|n| sign(&format!("d_{n}"), n.to_string()))
        .collect();
    let mut connections: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for connection in &mut connections {
        for sent in &deliveries {
            assert_eq!(connection.send(sent).status, 200);
        }
    }
    assert_eq!(seen.runs(), deliveries.len());

    // Connections go round the workers, so both of them answered.
    let mut workers = HashSet::new();
    for (n, connection) in connections.iter_mut().enumerate() {
        let sent = sign(&format!("e_{n}"), (n + 100).to_string());
        assert_eq!(connection.send(&sent).verdict(), (200, Some("fresh")));
    }
    for _ in 0..seen.runs() {
        workers.insert(seen.start().worker);
    }
    assert_eq!(workers.len(), 2);
}

#[test]
fn draining_refuses_what_is_new_and_waits_for_what_runs() {
    let receiver = receiver(short_budget);
    let (probe, seen, gate) = Probe::held();
    let server = serve_at!(Place::Resource, receiver, probe);

    // Answered, and still running: the server alone would not wait for it.
    let running = sign("d_1", "{}");
    assert_eq!(server.send(&running).status, 503);
    seen.start();

    System::new().block_on(async {
        let mut drain = pin!(receiver.drain(FAR));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(drain.as_mut().poll(&mut cx).is_pending());

        let refused = server.send(&sign("d_2", "{ }"));
        assert_eq!(refused.verdict(), (503, None));
        assert!(refused.header("retry-after").is_some());

        gate.add_permits(1);
        assert_eq!(drain.await, 0, "none had to be dropped");
    });
    seen.end();
    assert_eq!((seen.runs(), receiver.running()), (1, 0));
}

#[test]
fn draining_gives_back_what_does_not_end() {
    let store = countersign_core::MemoryStore::new();
    let receiver = || {
        support::builder()
            .store(store.clone())
            .limits(short_budget)
            .build()
    };
    let (first, second) = (receiver().unwrap(), receiver().unwrap());
    let (probe, seen, gate) = Probe::held();

    let sent = sign("d_1", "{}");
    {
        let server = serve_at!(Place::Resource, first, probe);
        assert_eq!(server.send(&sent).status, 503);
        seen.start();
        let dropped = System::new().block_on(first.drain(Duration::from_millis(1)));
        assert_eq!(dropped, 1);
    }
    gate.add_permits(1);
    let server = serve_at!(Place::Resource, second, probe);
    assert_eq!(server.send(&sent).verdict(), (200, Some("fresh")));
    assert_eq!(seen.runs(), 2);
}
