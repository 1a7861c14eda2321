//! `listen` as a process: what is passed on, what is counted, and how it ends.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{collections::HashSet, fs, io::Read, net::TcpListener, process::Stdio};

use countersign_senders::{stripe, tokens};
use serde_json::{Value, json};

mod support;

use support::{
    Place, Ran, SECRET,
    desk::{Desk, sender, sender_of},
    http::{Answer, Upstream, ask, nobody},
};

const REBILL: [&str; 2] = ["--scheme", "rebill-za"];

fn body(id: &str) -> Value {
    json!({ "id": id, "status": "paid" })
}

#[test]
fn counts_add_up_on_both_sides() {
    let place = Place::new();
    let upstream = Upstream::start(|_| Answer::Status(200));
    let desk = Desk::start(
        &place,
        &[&REBILL[..], &["--forward", &upstream.url()]].concat(),
    );
    let to = format!("http://{}/webhooks/rebill", desk.address);
    let sent = place.run(&[
        "send",
        "--scheme",
        "rebill-za",
        "--event",
        "invoice.paid",
        "--to",
        &to,
        "--count",
        "60",
        "--duplicates",
        "0.3",
        "--tamper",
        "0.2",
        "--new-ids",
        "0.1",
        "--concurrent",
        "8",
        "--json",
    ]);
    let sent = sent.json();
    assert_eq!(sent["as_expected"], true, "{sent}");
    let of = |kind: &str| {
        let rows = sent["sent"].as_array().unwrap();
        rows.iter().find(|row| row["kind"] == kind).unwrap().clone()
    };
    let ended = desk.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.count("received"), 60 + 18 + 12 + 6);
    assert_eq!(ended.count("refused"), 12);
    assert_eq!(of("tampered")["statuses"]["401"], 12);
    assert_eq!(ended.count("new"), 60);
    assert_eq!(ended.count("forwarded"), 60);
    let both = |word: &str| {
        ["event", "duplicate", "new id"]
            .map(|kind| of(kind)["dedup"][word].as_u64().unwrap_or_default())
    };
    for (ours, theirs) in [
        ("duplicates", "duplicate"),
        ("suppressed", "suppressed"),
        ("in_flight", "in-flight"),
    ] {
        assert_eq!(
            ended.count(ours),
            both(theirs).iter().sum::<u64>(),
            "{theirs}: {sent}"
        );
    }
    // Once each, and nothing that was not proved. A replay that overtakes its event is the one that runs.
    let seen = upstream.seen();
    let bodies: HashSet<_> = seen.iter().map(|one| one.body.clone()).collect();
    assert_eq!((seen.len(), bodies.len()), (60, 60));
}

#[test]
fn a_stale_delivery_is_refused_and_not_passed_on() {
    let place = Place::new();
    let upstream = Upstream::start(|_| Answer::Status(200));
    let desk = Desk::start(
        &place,
        &["--scheme", "invoice-maker", "--forward", &upstream.url()],
    );
    let to = format!("http://{}/", desk.address);
    let sent = place.run(&[
        "send",
        "--scheme",
        "invoice-maker",
        "--event",
        "invoice.paid",
        "--to",
        &to,
        "--count",
        "10",
        "--stale",
        "0.5",
        "--json",
    ]);
    assert_eq!(sent.json()["as_expected"], true, "{}", sent.out);
    let ended = desk.stop();
    assert_eq!((ended.count("new"), ended.count("refused")), (10, 5));
    assert_eq!(upstream.seen().len(), 10);
    let refused = ended.deliveries();
    let mut refused = refused
        .iter()
        .filter(|delivery| delivery["verdict"] == "refused");
    assert!(refused.all(|delivery| delivery["reason"].as_str().unwrap().contains("too old")));
}

#[test]
fn what_is_passed_on_is_what_arrived() {
    let place = Place::new();
    let upstream = Upstream::start(|_| Answer::Status(202));
    let mut desk = Desk::start(
        &place,
        &[&REBILL[..], &["--forward", &upstream.url()]].concat(),
    );
    let bytes =
        b"{ \"id\":\"inv_1\",\n\t\"name\":\"\xc3\xa9\xe2\x82\xac\", \"n\":1.10 }\n".to_vec();
    let delivery = sender()
        .raw("invoice.paid", "d1", bytes.clone())
        .with_added_header("X-Twice", "one")
        .with_added_header("X-Twice", "two")
        .to("/hooks?x=1");
    let answer = desk.send(&delivery);
    assert_eq!((answer.status(), answer.text().as_str()), (202, "done"));
    let seen = upstream.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].first, "POST /in?x=1 HTTP/1.1");
    assert_eq!(seen[0].body, bytes);
    let twice: Vec<_> = seen[0]
        .headers
        .iter()
        .filter(|(name, _)| name == "x-twice")
        .collect();
    assert_eq!(twice.len(), 2);
    assert_eq!(
        seen[0].header("x-rebill-signature"),
        delivery.header("x-rebill-signature")
    );
    let said = desk.delivery(1);
    assert_eq!(said["forward"]["status"], 202);
    assert_eq!(said["target"], "/hooks?x=1");
}

#[test]
fn an_upstream_that_fails_makes_the_sender_come_again() {
    let answers = [
        (Answer::Status(500), 500),
        (Answer::Status(404), 404),
        (Answer::Close, 503),
        (Answer::Half, 503),
        (Answer::Redirect, 503),
    ];
    for (answer, due) in answers {
        let place = Place::new();
        let upstream = Upstream::start(move |number| match number {
            0 => answer,
            _ => Answer::Status(200),
        });
        let mut desk = Desk::start(
            &place,
            &[&REBILL[..], &["--forward", &upstream.url()]].concat(),
        );
        let delivery = sender().delivery_with_id("invoice.paid", "d1", body("inv_1"));
        assert_eq!(desk.send(&delivery).status(), due, "{answer:?}");
        let first = desk.delivery(1);
        assert_eq!(first["verdict"], "verified");
        assert_eq!(first["forward"]["error"].is_null(), due != 503, "{first}");
        // The retry runs, and a copy after it does not.
        let again = desk.send(&delivery);
        assert_eq!(
            (again.status(), again.header("countersign-dedup")),
            (200, Some("fresh"))
        );
        assert_eq!(
            desk.send(&delivery).header("countersign-dedup"),
            Some("duplicate")
        );
        assert_eq!(upstream.seen().len(), 2, "{answer:?}");
        let ended = desk.stop();
        assert_eq!(
            (ended.count("forwarded"), ended.count("not_forwarded")),
            (1, 1)
        );
    }
}

#[test]
fn an_upstream_that_is_gone_for_good_ends_it() {
    let place = Place::new();
    let address = nobody();
    let url = format!("http://{address}/in");
    let args = [&REBILL[..], &["--forward", &url, "--give-up-after", "1"]].concat();
    let mut desk = Desk::start(&place, &args);
    let delivery = sender().delivery_with_id("invoice.paid", "d1", body("inv_1"));
    assert_eq!(desk.send(&delivery).status(), 503);
    desk.until("note", |note| {
        note.as_str().unwrap().contains("nobody listens at")
    });
    let ended = desk.wait();
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(
        ended.err.contains("nobody has listened at"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("--give-up-after"), "{}", ended.err);

    // One that comes back is noticed, and what it missed arrives with the retry.
    let args = [&REBILL[..], &["--forward", &url, "--give-up-after", "60"]].concat();
    let mut desk = Desk::start(&place, &args);
    assert_eq!(desk.send(&delivery).status(), 503);
    desk.until("note", |note| {
        note.as_str().unwrap().contains("nobody listens at")
    });
    let upstream = Upstream::on(TcpListener::bind(address).unwrap(), |_| Answer::Status(200));
    desk.until("note", |note| {
        note.as_str().unwrap().contains("there again")
    });
    assert_eq!(desk.send(&delivery).status(), 200);
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn filters_say_what_is_shown_and_passed_on() {
    let place = Place::new();
    let upstream = Upstream::start(|_| Answer::Status(200));
    let url = upstream.url();
    let filters = [
        "--forward",
        &url,
        "--event",
        "invoice.*",
        "--where",
        "/status=paid",
    ];
    let desk = Desk::start(&place, &[&REBILL[..], &filters].concat());
    let made = |event: &str, id: &str, status: &str| {
        sender().delivery_with_id(
            event,
            id,
            json!({ "id": format!("of-{id}"), "status": status }),
        )
    };
    for delivery in [
        made("invoice.paid", "d1", "paid"),
        made("customer.created", "d2", "paid"),
        made("invoice.updated", "d3", "open"),
    ] {
        assert_eq!(desk.send(&delivery).status(), 200);
        assert_eq!(
            desk.send(&delivery).header("countersign-dedup"),
            Some("duplicate")
        );
    }
    // What is refused is shown whatever it says of itself.
    assert_eq!(
        desk.send(&made("customer.created", "d4", "paid").tampered())
            .status(),
        401
    );
    let ended = desk.stop();
    let ids: Vec<_> = ended
        .deliveries()
        .iter()
        .map(|one| one["delivery"]["value"].clone())
        .collect();
    assert_eq!(ids, ["d1", "d1", "d4"]);
    assert_eq!(upstream.seen().len(), 1);
    // Everything is counted and kept.
    assert_eq!(ended.count("received"), 7);
}

#[test]
fn several_senders_are_told_apart_by_their_paths() {
    let place = Place::new();
    let (one, other) = (
        Upstream::start(|_| Answer::Status(200)),
        Upstream::start(|_| Answer::Status(200)),
    );
    let (to_one, to_other) = (
        format!("rebill-za={}", one.url()),
        format!("stripe={}", other.url()),
    );
    let mut command = place.command(&[
        "listen",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--captures",
        "captures.db",
        "--scheme",
        "rebill-za=/hooks/rebill",
        "--scheme",
        "stripe",
        "--forward",
        &to_one,
        "--forward",
        &to_other,
        "--secret-env",
        "rebill-za=REBILL_SECRET",
    ]);
    command.env("REBILL_SECRET", SECRET);
    command.env("COUNTERSIGN_SECRET_STRIPE", format!("whsec_{SECRET}"));
    let mut desk = Desk::of(command);
    let rebill = sender().delivery_with_id("invoice.paid", "d1", body("inv_1"));
    let stripe =
        countersign_testkit::Sender::with_secret(stripe::SCHEME, format!("whsec_{SECRET}"));
    let stripe = stripe.delivery_with_id("invoice.paid", "evt_1", json!({ "object": "event" }));
    assert_eq!(desk.send(&rebill.clone().to("/hooks/rebill")).status(), 200);
    assert_eq!(
        desk.send(&stripe.clone().to("/webhooks/stripe")).status(),
        200
    );
    assert_eq!(desk.send(&stripe.to("/hooks/rebill")).status(), 401);
    assert_eq!(desk.send(&rebill.to("/elsewhere")).status(), 404);
    assert_eq!((one.seen().len(), other.seen().len()), (1, 1));
    let nowhere = desk.delivery(4);
    assert_eq!(nowhere["verdict"], "nowhere");
    assert!(
        nowhere["reason"]
            .as_str()
            .unwrap()
            .contains("/hooks/rebill, /webhooks/stripe")
    );
}

#[test]
fn a_handshake_is_answered_and_not_passed_on() {
    let place = Place::new();
    let upstream = Upstream::start(|_| Answer::Status(200));
    let url = upstream.url();
    let mut command = place.command(&[
        "listen",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--captures",
        "captures.db",
        "--scheme",
        "meta",
        "--forward",
        &url,
    ]);
    command.env("COUNTERSIGN_SECRET", SECRET);
    let refused = Ran::of(command.output().unwrap());
    assert_eq!(refused.code, Some(2), "{}", refused.out);
    assert!(
        refused.err.contains("--verify-token-env"),
        "{}",
        refused.err
    );
    command.env("COUNTERSIGN_VERIFY_TOKEN", "a-token-of-meta");
    let mut desk = Desk::of(command);
    let target = "/?hub.mode=subscribe&hub.verify_token=a-token-of-meta&hub.challenge=12345";
    let answer = ask(&desk.address, "GET", target, &[], b"");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "12345"));
    let said = desk.delivery(1);
    assert_eq!(said["verdict"], "handshake");
    assert!(!said.to_string().contains("a-token-of-meta"), "{said}");
    assert!(upstream.seen().is_empty());
}

#[test]
fn deliveries_are_known_after_a_restart_with_a_store() {
    let place = Place::new();
    let args = [&REBILL[..], &["--store", "deliveries.db"]].concat();
    let delivery = sender().delivery_with_id("invoice.paid", "d1", body("inv_1"));
    let desk = Desk::start(&place, &args);
    assert_eq!(
        desk.send(&delivery).header("countersign-dedup"),
        Some("fresh")
    );
    assert_eq!(desk.stop().code, Some(0));
    let mut desk = Desk::start(&place, &args);
    assert_eq!(
        desk.send(&delivery).header("countersign-dedup"),
        Some("duplicate")
    );
    // Numbers go on, too.
    assert_eq!(desk.delivery(2)["dedup"], "duplicate");
}

#[test]
fn ctrl_c_waits_for_what_runs_and_twice_does_not() {
    let place = Place::new();
    let (told, wait) = std::sync::mpsc::channel::<()>();
    let (arrived, is_there) = std::sync::mpsc::channel();
    let wait = std::sync::Mutex::new(wait);
    let upstream = Upstream::start(move |_| {
        arrived.send(()).unwrap();
        let _ = wait.lock().unwrap().recv();
        Answer::Status(200)
    });
    let desk = Desk::start(
        &place,
        &[&REBILL[..], &["--forward", &upstream.url()]].concat(),
    );
    let address = desk.address.clone();
    let send = move |id: &'static str| {
        let address = address.clone();
        std::thread::spawn(move || {
            let delivery = sender().delivery_with_id("invoice.paid", id, body(id));
            let headers: Vec<_> = delivery
                .headers()
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
            ask(
                &address,
                "POST",
                "/",
                &headers,
                body(id).to_string().as_bytes(),
            )
            .status()
        })
    };
    let running = send("d1");
    is_there.recv().unwrap();
    desk.signal("INT");
    told.send(()).unwrap();
    assert_eq!(running.join().unwrap(), 200);
    let ended = desk.wait();
    assert_eq!(
        (ended.code, ended.count("forwarded")),
        (Some(0), 1),
        "{}",
        ended.err
    );

    let desk = Desk::start(
        &place,
        &[&REBILL[..], &["--forward", &upstream.url()]].concat(),
    );
    let address = desk.address.clone();
    let send = std::thread::spawn(move || {
        let delivery = sender().delivery_with_id("invoice.paid", "d2", body("d2"));
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        use std::io::Write as _;
        let mut text = String::from("POST / HTTP/1.1\r\nhost: a\r\n");
        for (name, value) in delivery.headers() {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = body("d2").to_string();
        text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    });
    is_there.recv().unwrap();
    desk.signal("INT");
    desk.signal("TERM");
    // Two signals that come at once may be heard as one of each kind, and are two.
    let ended = desk.wait();
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(
        ended.err.contains("ended while 1 deliveries ran"),
        "{}",
        ended.err
    );
    assert!(send.join().unwrap().is_empty());
}

#[cfg(unix)]
#[test]
fn a_terminal_that_goes_away_ends_it_unless_it_is_to_stay() {
    let place = Place::new();
    let desk = Desk::start(&place, &REBILL);
    desk.signal("HUP");
    assert_eq!(desk.wait().code, Some(0));

    // As nohup does it.
    let mut command = std::process::Command::new("bash");
    let script = format!(
        "trap '' HUP; exec {} listen --json --listen 127.0.0.1:0 --captures captures.db --scheme rebill-za",
        support::binary()
    );
    command
        .args(["-c", &script])
        .current_dir(place.path())
        .env("COUNTERSIGN_SECRET", SECRET);
    let desk = Desk::of(command);
    desk.signal("HUP");
    assert_eq!(ask(&desk.address, "POST", "/", &[], b"{}").status(), 401);
    assert_eq!(desk.stop().code, Some(0));
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let place = Place::new();
    let mut command = place.command(&[
        "listen",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--captures",
        "captures.db",
        "--scheme",
        "rebill-za",
    ]);
    command.env("COUNTERSIGN_SECRET", SECRET);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = Vec::new();
    while !first.ends_with(b"\n") {
        let mut byte = [0];
        out.read_exact(&mut byte).unwrap();
        first.push(byte[0]);
    }
    drop(out);
    let ready: Value = serde_json::from_slice(&first).unwrap();
    let address = ready["ready"]["address"]
        .as_str()
        .unwrap()
        .replace("http://", "");
    assert_eq!(ask(&address, "POST", "/", &[], b"{}").status(), 401);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
}

#[cfg(unix)]
#[test]
fn a_reader_that_stands_still_does_not_keep_it() {
    let place = Place::new();
    let mut command = place.command(&["listen", "--json", "--listen", "127.0.0.1:0"]);
    command
        .args(["--captures", "captures.db", "--scheme", "rebill-za"])
        .env("COUNTERSIGN_SECRET", SECRET)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = Vec::new();
    while !first.ends_with(b"\n") {
        let mut byte = [0];
        out.read_exact(&mut byte).unwrap();
        first.push(byte[0]);
    }
    let ready: Value = serde_json::from_slice(&first).unwrap();
    let address = ready["ready"]["address"].as_str().unwrap();
    let address = address.replace("http://", "");
    // More than a pipe takes.
    let long = format!("/{}", "a".repeat(4 * 1024));
    for _ in 0..100 {
        let answer = ask(&address, "POST", &long, &[], b"{}");
        assert_eq!(answer.status(), 401);
    }
    let id = child.id().to_string();
    for signal in ["-INT", "-TERM"] {
        let told = std::process::Command::new("kill")
            .args([signal, &id])
            .status();
        assert!(told.unwrap().success());
    }
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || ended.send(child.wait().unwrap().code()));
    let code = end.recv_timeout(std::time::Duration::from_secs(15));
    // Before the check, so that a process that hangs is let go.
    drop(out);
    assert_eq!(code, Ok(Some(3)));
}

#[test]
fn a_place_that_is_taken_is_named() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = |args: &[&str]| place.run(&[&["listen", "--captures", "captures.db"], args].concat());
    for (args, code, says) in [
        (
            &["--scheme", "rebill-za", "--listen", &address][..],
            3,
            "another program listens there",
        ),
        (
            &[
                "--scheme",
                "rebill-za",
                "--listen",
                "127.0.0.1:0",
                "--inspect",
                &address,
            ],
            3,
            "another program listens there",
        ),
        (
            &["--scheme", "rebill-za", "--inspect", "0.0.0.0:0"],
            2,
            "of this machine alone",
        ),
        (&["--scheme", "rebil-za"], 2, "the nearest names"),
        (&[], 2, "--scheme NAME"),
        (
            &["--scheme", "github=/a", "--scheme", "rebill-za=/a"],
            2,
            "one path belongs to one sender",
        ),
        (
            &["--scheme", "rebill-za", "--forward", "https://example.com/"],
            2,
            "TLS",
        ),
        (
            &["--scheme", "rebill-za", "--where", "status=paid"],
            2,
            "/pointer=value",
        ),
        (
            &[
                "--scheme",
                "rebill-za",
                "--forward",
                "stripe=http://127.0.0.1:1/",
            ],
            2,
            "no sender that",
        ),
        (
            &["--scheme", "rebill-za", "--store", "/nowhere/at/all.db"],
            3,
            "--store",
        ),
        (
            &[
                "--scheme",
                "rebill-za",
                "--captures",
                "/proc/none/captures.db",
            ],
            2,
            "cannot be used multiple times",
        ),
    ] {
        // Only what is about the port itself may come to the port.
        let args = match args.contains(&"--listen") {
            true => args.to_vec(),
            false => [args, &["--listen", "127.0.0.1:0"]].concat(),
        };
        let ran = run(&args);
        assert_eq!(ran.code, Some(code), "{args:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
}

#[test]
fn no_secret_is_shown_or_kept() {
    let place = Place::new();
    let upstream = Upstream::start(|_| Answer::Status(200));
    let url = upstream.url();
    let mut desk = Desk::start(&place, &["--scheme", "telegram", "-v", "--forward", &url]);
    let delivery = sender_of(tokens::TELEGRAM).raw("message", "1", br#"{"update_id":1}"#.to_vec());
    let delivery = delivery.with_header("Authorization", "Bearer of-somebody-else");
    assert_eq!(desk.send(&delivery).status(), 200);
    let wrong = delivery.with_header("X-Telegram-Bot-Api-Secret-Token", "another-tokens-text");
    assert_eq!(desk.send(&wrong).status(), 401);
    desk.until("explained", |explained| explained["number"] == 2);
    // The upstream gets what arrived; nobody else does.
    assert_eq!(
        upstream.seen()[0].header("x-telegram-bot-api-secret-token"),
        Some(SECRET)
    );
    let ended = desk.stop();
    let mut all = format!("{:?}{}", ended.said, ended.err).into_bytes();
    // A sender that signs, and somebody who pasted the secret where it does not belong.
    let mut desk = Desk::start(&place, &REBILL);
    let pasted = sender().delivery_with_id(SECRET, SECRET, json!({ "id": SECRET }));
    assert_eq!(
        desk.send(&pasted.to(&format!("/{SECRET}?a={SECRET}")))
            .status(),
        200
    );
    assert_eq!(desk.delivery(3)["event"], Value::Null);
    all.extend(format!("{:?}", desk.stop().said).into_bytes());
    for name in ["captures.db", "captures.db-wal", "captures.db-shm"] {
        all.extend(fs::read(place.path().join(name)).unwrap_or_default());
    }
    for hidden in [SECRET, "of-somebody-else", "another-tokens-text"] {
        let there = all
            .windows(hidden.len())
            .any(|window| window == hidden.as_bytes());
        assert!(!there, "{hidden}");
    }
}

#[test]
fn a_secret_at_a_wrong_path_is_not_shown_or_kept() {
    const GITLAB: &str = "gitlabs-own-token";
    let place = Place::new();
    let mut command = place.command(&["listen", "--json", "-v", "--listen", "127.0.0.1:0"]);
    command
        .args(["--captures", "captures.db"])
        .args(["--scheme", "telegram", "--scheme", "gitlab-token"])
        .env("COUNTERSIGN_SECRET_TELEGRAM", SECRET)
        .env("COUNTERSIGN_SECRET_GITLAB_TOKEN", GITLAB);
    let mut desk = Desk::of(command);
    let telegram = sender_of(tokens::TELEGRAM).raw("message", "1", br#"{"update_id":1}"#.to_vec());
    let gitlab = countersign_testkit::Sender::with_secret(tokens::GITLAB_TOKEN, GITLAB);
    let gitlab = gitlab.raw("Push Hook", "2", br#"{"object_kind":"push"}"#.to_vec());
    for (path, first, second) in [
        ("/webhooks/gitlab-token", 401, 200),
        ("/webhooks/telegram", 200, 401),
        ("/elsewhere", 404, 404),
    ] {
        assert_eq!(desk.send(&telegram.clone().to(path)).status(), first);
        assert_eq!(desk.send(&gitlab.clone().to(path)).status(), second);
    }
    for number in [1, 4] {
        desk.until("explained", |explained| explained["number"] == number);
    }
    let ended = desk.stop();
    assert_eq!(ended.count("received"), 6);
    let mut all = format!("{:?}{}", ended.said, ended.err).into_bytes();
    for name in ["captures.db", "captures.db-wal", "captures.db-shm"] {
        all.extend(fs::read(place.path().join(name)).unwrap_or_default());
    }
    for hidden in [SECRET, GITLAB] {
        let there = all
            .windows(hidden.len())
            .any(|window| window == hidden.as_bytes());
        assert!(!there, "{hidden}");
    }
}

#[test]
fn lines_are_for_people_without_json() {
    let place = Place::new();
    let mut command = place.command(&[
        "listen",
        "--listen",
        "127.0.0.1:0",
        "--captures",
        "captures.db",
        "--scheme",
        "rebill-za",
        "-v",
        "--color",
        "always",
    ]);
    command.env("COUNTERSIGN_SECRET", SECRET);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let pid = child.id().to_string();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = || {
        use std::io::BufRead as _;
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let ready = line();
    let address = ready.strip_prefix("ready: rebill-za at http://").unwrap();
    let address = address.split('/').next().unwrap().to_owned();
    assert!(line().starts_with("inspector: http://127.0.0.1:"));
    assert!(line().starts_with("captures: "));
    // A sender's text cannot speak to the terminal.
    let delivery = sender().delivery_with_id("invoice.paid", "d1", body("inv_1"));
    let mut headers: Vec<_> = delivery
        .headers()
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    headers.push(("x-shout", "a\u{9b}31mb"));
    let answer = ask(
        &address,
        "POST",
        "/a",
        &headers,
        body("inv_1").to_string().as_bytes(),
    );
    assert_eq!(answer.status(), 200);
    let first = line();
    assert!(
        first.contains("#1    200 \u{1b}[32mverified  \u{1b}[0m  rebill-za  invoice.paid  d1"),
        "{first:?}"
    );
    assert!(line().starts_with("    POST /a  "));
    std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .unwrap();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("x-shout: a\\u{9b}31mb"), "{rest:?}");
    assert!(
        rest.ends_with("1 received, 1 verified, 1 new\n"),
        "{rest:?}"
    );
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn several_events_in_one_request_go_on_as_one() {
    let place = Place::new();
    let upstream = Upstream::start(|_| Answer::Status(200));
    let document = "name = \"crm\"\nsignature = { header = \"X-Crm-Signature\" }\nbatch = \"\"\n\
                    id = { pointer = \"/eventId\" }\nevent = { pointer = \"/type\" }\n";
    let file = place.file("crm.toml", document);
    let scheme = countersign_senders::document::from_toml(document).unwrap();
    let url = upstream.url();
    let desk = Desk::start(
        &place,
        &["--scheme", &file, "--forward", &url, "--event", "b"],
    );
    let send = |body: &str| desk.send(&sender_of(scheme).raw("", "", body.to_owned()));
    let both = r#"[{"eventId":1,"type":"a"},{"eventId":2,"type":"b"},{"eventId":3,"type":"b"}]"#;
    assert_eq!(send(both).status(), 200);
    // What is new in it goes on, and what nobody looks for does not.
    assert_eq!(send(both).header("countersign-dedup"), Some("duplicate"));
    assert_eq!(send(r#"[{"eventId":4,"type":"a"}]"#).status(), 200);
    let seen = upstream.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].text(), both);
}

#[test]
fn what_was_decompressed_is_not_passed_on_as_compressed() {
    let place = Place::new();
    for (gzip, label) in [("signed_before", None), ("signed_after", Some("gzip"))] {
        let upstream = Upstream::start(|_| Answer::Status(200));
        let document = format!(
            "name = \"crm\"\nsignature = {{ header = \"X-Crm-Signature\" }}\ngzip = \"{gzip}\"\n\
             id = {{ pointer = \"/eventId\" }}\n"
        );
        let file = place.file("crm.toml", &document);
        let scheme = countersign_senders::document::from_toml(&document).unwrap();
        let url = upstream.url();
        let desk = Desk::start(&place, &["--scheme", &file, "--forward", &url]);
        let text = r#"{"eventId":1}"#;
        let packed = sender_of(scheme).compressing().raw("", "", text);
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{gzip}");
        assert_eq!(desk.send(&packed).status(), 200, "{gzip}");
        let seen = upstream.seen();
        assert_eq!(seen[0].header("content-encoding"), label, "{gzip}");
        let due = match label {
            Some(_) => packed.body(),
            None => text.as_bytes(),
        };
        assert_eq!(seen[0].body, due, "{gzip}");
        desk.stop();
    }
}

#[test]
fn whatever_is_sent_is_answered_and_kept() {
    let place = Place::new();
    let mut desk = Desk::start(&place, &[&REBILL[..], &["--keep-body", "1024"]].concat());
    // Nothing, and no text.
    assert_eq!(
        desk.send(&sender().raw("invoice.paid", "d1", Vec::new()))
            .status(),
        200
    );
    assert_eq!(
        desk.send(&sender().raw("invoice.paid", "d2", vec![0xff, 0, 0xfe]))
            .status(),
        200
    );
    // Longer than the sender's longest, said at once and found out while reading.
    let long = vec![b'a'; 25 * 1024 * 1024];
    assert_eq!(
        ask(
            &desk.address,
            "POST",
            "/",
            &[("x-rebill-signature", "sha256=00")],
            &long
        )
        .status(),
        401
    );
    let declared = sender().raw("invoice.paid", "d3", vec![b'a'; 2 * 1024 * 1024]);
    assert_eq!(desk.send(&declared).status(), 413);
    let said = desk.delivery(4);
    assert_eq!(said["verdict"], "refused");
    assert!(
        said["reason"]
            .as_str()
            .unwrap()
            .starts_with("body is over the limit")
    );
    // No HTTP at all.
    let mut stream = std::net::TcpStream::connect(&desk.address).unwrap();
    use std::io::Write as _;
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\nno colon here\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    // A sender that hangs up in the middle.
    let mut stream = std::net::TcpStream::connect(&desk.address).unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf")
        .unwrap();
    drop(stream);
    let said = desk.delivery(5);
    assert_eq!(said["verdict"], "refused");
    assert_eq!(
        desk.send(&sender().delivery_with_id("invoice.paid", "d4", body("inv_4")))
            .status(),
        200
    );
    let ended = desk.stop();
    assert_eq!(
        (ended.code, ended.count("received"), ended.count("new")),
        (Some(0), 6, 3)
    );
}
