//! The gateway as a process, over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use countersign_core::{Secret, Timestamp, Verifier};
use countersign_senders::{find, rebill_za, standard_webhooks};
use countersign_testkit::{Sender, SignedDelivery};
use http::{HeaderMap, HeaderName, HeaderValue};

#[path = "support/gateway.rs"]
mod gateway;
mod support;

use gateway::{Gateway, KEY, Message, Mode, Upstream, config, headers, post, request};
use support::{Place, SECRET};

const MEMORY: &str = "kind = \"memory\"";

fn sender() -> Sender {
    Sender::with_secret(rebill_za::SCHEME, SECRET)
}

fn delivery(id: &str) -> SignedDelivery {
    // Bytes that nobody who parses and prints them again would keep.
    let body = format!(
        "{{\r\n  \"id\" : \"{id}\",\t\"status\":\"paid\", \"sum\": 1.10, \"who\": \"Zo\u{eb} \\u00eb\" }}\n"
    );
    sender().raw("invoice.paid", id, body).to("/hook")
}

fn started(scheme: &str, more: &str) -> (Place, Upstream, Gateway) {
    let (place, upstream) = (Place::new(), Upstream::start());
    let file = place.file(
        "countersign.toml",
        config(upstream.address, scheme, MEMORY, more),
    );
    let gateway = Gateway::start(&place, &file);
    (place, upstream, gateway)
}

/// Verifies what arrived under the gateway's own secret.
fn is_ours(message: &Message) -> bool {
    let verifier = Verifier::builder(standard_webhooks::SCHEME)
        .secret(Secret::new(KEY).unwrap())
        .build()
        .unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in headers(&message.head) {
        map.append(
            HeaderName::try_from(name).unwrap(),
            HeaderValue::try_from(value).unwrap(),
        );
    }
    let mut request = http::Request::post("/").body(()).unwrap();
    *request.headers_mut() = map;
    verifier
        .verify(&request, message.body.clone().into(), Timestamp::now())
        .is_ok()
}

#[test]
fn only_what_was_proved_arrives_once_and_byte_for_byte() {
    let (_place, upstream, gateway) = started("rebill-za", "");
    let first = delivery("inv_1");
    let answer = gateway.send(&first);
    assert_eq!(
        (answer.status, answer.dedup()),
        (200, "fresh"),
        "{answer:?}"
    );
    // The answer is the upstream's; its other headers are nobody's business.
    assert_eq!(
        (answer.text().as_str(), answer.header("content-type")),
        ("done\n", Some("text/x-own"))
    );
    assert_eq!(answer.header("x-internal"), None);

    for (forged, status) in [
        (first.tampered(), 401),
        (first.unsigned(), 401),
        (first.with_header("content-type", "text/html"), 415),
        (first.with_header("x-rebill-signature", "sha256=00"), 401),
        (first.clone().to("/hook/"), 404),
        (first.clone().to("/"), 404),
    ] {
        assert_eq!(gateway.send(&forged).status, status, "{forged:?}");
    }
    assert_eq!(
        request(gateway.listen, "GET", "/hook", &[], b"")
            .unwrap()
            .status,
        405
    );
    let again = gateway.send(&first);
    assert_eq!((again.status, again.dedup()), (200, "duplicate"));

    let seen = upstream.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].body, &first.body()[..]);
    assert!(
        seen[0].head.starts_with("POST /in HTTP/1.1\r\n"),
        "{}",
        seen[0].head
    );
    for (name, value) in first.headers() {
        assert_eq!(
            gateway::header(&seen[0].head, name),
            Some(value.as_str()),
            "{name}"
        );
    }
    assert!(is_ours(&seen[0]), "{}", seen[0].head);
}

#[test]
fn our_headers_from_outside_never_arrive() {
    let outside = [
        ("webhook-id", "msg_outside"),
        ("WEBHOOK-ID", "msg_outside"),
        ("webhook_id", "msg_outside"),
        ("Webhook_Signature", "v1,outside"),
        ("webhook-signature", "v1,outside"),
        ("webhook-timestamp", "1outside"),
        ("webhook_timestamp", "1outside"),
        ("webhook.id", "msg_outside"),
    ];
    let (_place, upstream, gateway) = started("rebill-za", "");
    for (at, (name, value)) in outside.into_iter().enumerate() {
        let more = delivery(&format!("inv_{at}")).with_added_header(name, value);
        // Whoever asks for ours to be taken for headers of the connection does not have them removed.
        let more = more.with_added_header("connection", "close, webhook-signature, webhook-id");
        assert_eq!(gateway.send(&more).status, 200);
    }
    let seen = upstream.seen();
    assert_eq!(seen.len(), outside.len());
    for message in &seen {
        assert!(!message.head.contains("outside"), "{}", message.head);
        assert!(is_ours(message));
    }

    // A sender that signs the same way is known to the gateway alone.
    let key = "whsec_c2VuZGVycy1vd24ta2V5LXNlbmRlcnMtb3duLWtleQ==";
    let (place, upstream) = (Place::new(), Upstream::start());
    place.file("secret", key);
    let text = config(upstream.address, "standard-webhooks", MEMORY, "");
    let text = text.replace("secret_env = \"SENDER_SECRET\"", "secret_file = \"secret\"");
    let gateway = Gateway::start(&place, &place.file("countersign.toml", text));
    let theirs = Sender::with_secret(standard_webhooks::SCHEME, key)
        .raw("", "msg_theirs", "{}")
        .to("/hook");
    assert_eq!(gateway.send(&theirs).status, 200);
    let seen = upstream.seen();
    assert!(
        !seen[0].head.contains("msg_theirs") && is_ours(&seen[0]),
        "{}",
        seen[0].head
    );
}

#[test]
fn batches_are_taken_apart_and_compressed_bodies_are_text() {
    // GoCardless names its own signature as Standard Webhooks does.
    let (_place, upstream, gateway) = started("gocardless", "");
    let gocardless = Sender::with_secret(find("gocardless").unwrap().scheme, SECRET);
    let items = ["{ \"id\":\"EV1\"}", "{\"id\": \"EV2\" }"];
    let both = gocardless
        .raw(
            "",
            "",
            format!("{{\"events\":[{},{}]}}", items[0], items[1]),
        )
        .to("/hook");
    let theirs = both.header("webhook-signature").unwrap().to_owned();
    upstream.set(Mode::Status(500));
    assert_eq!(gateway.send(&both).status, 503);
    upstream.set(Mode::Done);
    assert_eq!(gateway.send(&both).status, 200);
    assert_eq!(gateway.send(&both).dedup(), "duplicate");
    let done = upstream.done();
    let bodies: Vec<_> = done
        .iter()
        .map(|one| String::from_utf8_lossy(&one.body).into_owned())
        .collect();
    assert_eq!(bodies, items);
    assert!(
        done.iter()
            .all(|one| is_ours(one) && !one.head.contains(&theirs))
    );
    let ids: Vec<_> = done
        .iter()
        .map(|one| gateway::header(&one.head, "webhook-id"))
        .collect();
    assert_ne!(ids[0], ids[1]);

    let (_place, upstream, gateway) = started("stream-chat", "");
    let stream = Sender::with_secret(find("stream-chat").unwrap().scheme, SECRET).compressing();
    let text = "{\"type\":\"message.new\",  \"cid\":\"messaging:1\"}";
    let packed = stream.raw("message.new", "m_1", text).to("/hook");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let answer = gateway.send(&packed);
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = upstream.seen();
    assert_eq!(seen[0].body, text.as_bytes());
    assert_eq!(gateway::header(&seen[0].head, "content-encoding"), None);
    assert!(is_ours(&seen[0]));
}

#[test]
fn what_a_sender_asks_first_is_answered_and_stays_here() {
    let (_place, upstream, gateway) = started("meta", "verify_token_env = \"SENDER_SECRET\"");
    let ask = |token: &str| {
        let path =
            format!("/hook?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}");
        request(gateway.listen, "GET", &path, &[], b"").unwrap()
    };
    let answer = ask(SECRET);
    assert_eq!((answer.status, answer.text().as_str()), (200, "1158201444"));
    assert!(ask("another").status >= 400);

    // A key that anybody can offer is taken from nobody.
    let (_place, offered, asana) = started("asana", "");
    let answer = request(
        asana.listen,
        "POST",
        "/hook",
        &[("x-hook-secret", "of-an-attacker")],
        b"",
    )
    .unwrap();
    assert!(answer.status >= 400, "{answer:?}");
    assert_eq!(answer.header("x-hook-secret"), None);
    assert!(upstream.seen().is_empty() && offered.seen().is_empty());
}

#[test]
fn failing_upstreams_lose_nothing_and_double_nothing() {
    let modes = [
        Mode::Status(500),
        Mode::Status(404),
        Mode::Status(410),
        Mode::Redirects,
        Mode::Hangs,
        Mode::DiesMidAnswer,
        Mode::Closes,
    ];
    let (_place, upstream, gateway) = started("rebill-za", "");
    let (_other, slow, impatient) = started("rebill-za", "upstream_timeout = \"2s\"");
    for (at, mode) in modes.into_iter().enumerate() {
        let (upstream, gateway) = match mode {
            Mode::Hangs => (&slow, &impatient),
            _ => (&upstream, &gateway),
        };
        let event = delivery(&format!("inv_{at}"));
        upstream.set(mode);
        for _ in 0..2 {
            let answer = gateway.send(&event);
            assert_eq!(answer.status, 503, "{mode:?}: {answer:?}");
            assert!(
                answer.header("retry-after").is_some(),
                "{mode:?}: {answer:?}"
            );
            assert!(!answer.text().contains("internal"), "{mode:?}: {answer:?}");
        }
        upstream.set(Mode::Done);
        let done = upstream.done().len();
        assert_eq!(gateway.send(&event).status, 200, "{mode:?}");
        let again = gateway.send(&event);
        assert_eq!(
            (again.status, again.dedup()),
            (200, "duplicate"),
            "{mode:?}"
        );
        assert_eq!(upstream.done().len(), done + 1, "{mode:?}");
    }
    // Nothing was followed.
    assert!(
        upstream
            .seen()
            .iter()
            .all(|one| one.head.starts_with("POST /in "))
    );
}

#[test]
fn an_upstream_that_is_not_there_is_waited_for_by_the_sender() {
    let place = Place::new();
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let gateway = Gateway::start(
        &place,
        &place.file("c.toml", config(free, "rebill-za", MEMORY, "")),
    );
    assert_eq!(gateway.send(&delivery("inv_1")).status, 503);
    let listener = TcpListener::bind(free).unwrap();
    let upstream = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        use std::io::{Read as _, Write as _};
        let mut stream: TcpStream = stream;
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).unwrap();
        stream.write_all(b"HTTP/1.1 204 Done\r\n\r\n").unwrap();
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    });
    let answer = gateway.send(&delivery("inv_1"));
    assert_eq!(
        (answer.status, answer.dedup()),
        (204, "fresh"),
        "{answer:?}"
    );
    assert!(upstream.join().unwrap().contains("x-rebill-signature"));
    assert_eq!(gateway.send(&delivery("inv_1")).dedup(), "duplicate");
}

#[test]
fn a_service_that_outlives_the_answer_is_not_asked_twice() {
    let (_place, upstream, gateway) = started(
        "rebill-za",
        "answer_within = \"300ms\"\nupstream_timeout = \"20s\"",
    );
    upstream.set(Mode::Waits);
    let event = delivery("inv_1");
    let early = gateway.send(&event);
    assert_eq!((early.status, early.dedup()), (503, "in-flight"));
    assert_eq!(gateway.send(&event).status, 503);
    upstream.open();
    // It ends in its own time; until then a copy is put off.
    let last = (0..200)
        .map(|_| gateway.send(&event))
        .find(|answer| answer.status == 200);
    assert_eq!(last.unwrap().dedup(), "duplicate");
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn a_file_is_read_again_and_a_bad_one_changes_nothing() {
    let (place, upstream, mut gateway) = started("rebill-za", "");
    let text = config(upstream.address, "rebill-za", MEMORY, "");
    assert_eq!(gateway.send(&delivery("inv_1")).status, 200);

    place.file("countersign.toml", text.replace("/hook", "/moved"));
    gateway.signal("HUP");
    gateway.hear("reloaded: 1 endpoint");
    assert_eq!(gateway.send(&delivery("inv_2")).status, 404);
    // What was done stays done.
    assert_eq!(
        gateway.send(&delivery("inv_1").to("/moved")).dedup(),
        "duplicate"
    );

    for (bad, why) in [
        (text.replace("scheme", "shceme"), "did you mean `scheme`"),
        (
            text.replace("secret_env = \"SENDER", "secret = \"SENDER"),
            "does not belong into this file",
        ),
        (
            text.replace(MEMORY, "kind = \"sqlite\"\npath = \"d.db\""),
            "`store` changed, which needs a restart",
        ),
        (
            text.replace("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.1:1\""),
            "`listen` changed",
        ),
        ("[".to_owned(), "this is no TOML"),
    ] {
        place.file("countersign.toml", bad);
        gateway.signal("HUP");
        gateway.hear("not reloaded, nothing changed");
        while !gateway.told.last().unwrap().contains(why) {
            gateway.hear(why);
        }
        assert_eq!(
            gateway.send(&delivery("inv_1").to("/moved")).dedup(),
            "duplicate"
        );
    }

    // A secret that comes from a file is another one after that.
    place.file("secret", "another");
    place.file(
        "countersign.toml",
        text.replace("secret_env = \"SENDER_SECRET\"", "secret_file = \"secret\""),
    );
    gateway.signal("HUP");
    gateway.hear("reloaded: 1 endpoint");
    assert_eq!(gateway.send(&delivery("inv_3")).status, 401);
    let another = Sender::with_secret(rebill_za::SCHEME, "another");
    let event = another
        .raw("invoice.paid", "inv_3", "{\"id\":\"inv_3\"}")
        .to("/hook");
    assert_eq!(gateway.send(&event).status, 200);
}

#[test]
fn a_stop_waits_for_what_runs() {
    let (_place, upstream, mut gateway) = started("rebill-za", "answer_within = \"10s\"");
    upstream.set(Mode::Waits);
    let listen = gateway.listen;
    let event = delivery("inv_1");
    let sent = thread::spawn(move || post(listen, &event));
    upstream.wait();
    gateway.signal("TERM");
    gateway.hear("stopping");
    let ready = gateway.get("/readyz");
    assert_eq!((ready.status, ready.text().as_str()), (503, "stopping\n"));
    assert_eq!(gateway.get("/healthz").status, 200);
    // Nobody else is let in.
    let begun = Instant::now();
    while TcpStream::connect(listen).is_ok() {
        assert!(begun.elapsed() < gateway::PATIENCE);
    }
    upstream.open();
    assert_eq!(sent.join().unwrap().unwrap().status, 200);
    assert_eq!(gateway.end().code(), Some(0), "{:?}", gateway.told);
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn a_stop_waits_for_what_outlived_its_answer_and_no_longer_than_it_was_told() {
    for (drain, open, code) in [("20s", true, 0), ("300ms", false, 1)] {
        let (place, upstream) = (Place::new(), Upstream::start());
        let text = config(
            upstream.address,
            "rebill-za",
            MEMORY,
            "answer_within = \"100ms\"",
        );
        let file = place.file("c.toml", format!("drain = \"{drain}\"\n{text}"));
        let mut gateway = Gateway::start(&place, &file);
        upstream.set(Mode::Waits);
        assert_eq!(gateway.send(&delivery("inv_1")).status, 503);
        gateway.signal("INT");
        gateway.hear("stopping");
        if open {
            upstream.open();
        }
        assert_eq!(gateway.end().code(), Some(code), "{:?}", gateway.told);
        let given_back = gateway
            .told
            .iter()
            .any(|line| line.contains("1 delivery did not end in time"));
        assert_eq!(given_back, !open, "{:?}", gateway.told);
    }
}

#[test]
fn a_file_that_is_read_again_says_how_long_a_stop_waits() {
    let (place, upstream, mut gateway) = started("rebill-za", "answer_within = \"100ms\"");
    upstream.set(Mode::Waits);
    assert_eq!(gateway.send(&delivery("inv_1")).status, 503);
    let more = "answer_within = \"100ms\"";
    let text = config(upstream.address, "rebill-za", MEMORY, more);
    place.file("countersign.toml", format!("drain = \"300ms\"\n{text}"));
    gateway.signal("HUP");
    gateway.hear("reloaded: 1 endpoint");
    let begun = Instant::now();
    gateway.signal("TERM");
    gateway.hear("1 delivery did not end in time");
    assert_eq!(gateway.end().code(), Some(1));
    // Of the 20 s that it began with.
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_second_signal_ends_at_once() {
    let (_place, upstream, mut gateway) = started("rebill-za", "answer_within = \"100ms\"");
    upstream.set(Mode::Waits);
    assert_eq!(gateway.send(&delivery("inv_1")).status, 503);
    gateway.signal("TERM");
    gateway.hear("stopping");
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(1));
    assert!(
        gateway
            .told
            .iter()
            .any(|line| line.contains("ended at once")),
        "{:?}",
        gateway.told
    );
}

#[test]
fn health_and_metrics_are_on_an_address_of_their_own_and_no_secret_is_shown() {
    let (_place, upstream, mut gateway) = started("rebill-za", "");
    assert_eq!(gateway.get("/healthz").text(), "ok\n");
    assert_eq!(gateway.get("/readyz").text(), "ready\n");
    assert_eq!(
        request(gateway.admin, "POST", "/metrics", &[], b"")
            .unwrap()
            .status,
        405
    );
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(
            request(gateway.listen, "GET", path, &[], b"")
                .unwrap()
                .status,
            404,
            "{path}"
        );
    }
    gateway.send(&delivery("inv_1"));
    gateway.send(&delivery("inv_1"));
    gateway.send(&delivery("inv_2").tampered());
    upstream.set(Mode::Status(500));
    gateway.send(&delivery("inv_3"));
    let metrics = gateway.get("/metrics").text();
    for line in [
        "countersign_deliveries_total{endpoint=\"first\",outcome=\"duplicate\"} 1",
        "countersign_rejections_total{endpoint=\"first\",kind=\"no key matches the signature\"} 1",
        "countersign_gateway_forwards_total{endpoint=\"first\",result=\"done\"} 1",
        "countersign_gateway_forwards_total{endpoint=\"first\",result=\"answered otherwise\"} 1",
        "countersign_gateway_forward_seconds_bucket{endpoint=\"first\",le=\"+Inf\"} 2",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));
    let told = gateway.told.join("\n");
    assert!(
        told.contains("passed on") && told.contains("refused"),
        "{told}"
    );
    for secret in [SECRET, KEY, "c2VydmljZXMt", "inv_1"] {
        assert!(
            !told.contains(secret) && !metrics.contains(secret),
            "{secret}: {told}{metrics}"
        );
    }
}

#[test]
fn a_log_that_nobody_reads_ends_nothing() {
    let (_place, upstream, mut gateway) = started("rebill-za", "");
    gateway.turn_away();
    for at in 0..20 {
        let event = delivery(&format!("inv_{at}"));
        assert_eq!(gateway.send(&event.tampered()).status, 401);
        assert_eq!(gateway.send(&event).status, 200);
    }
    assert_eq!(upstream.done().len(), 20);
    gateway.signal("HUP");
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));
}

#[test]
fn what_cannot_start_says_so_with_its_code() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let text = config(taken, "rebill-za", MEMORY, "");
    let run = |text: &str| {
        let file = place.file("c.toml", text);
        let mut command = place.command(&["serve", "--config", &file]);
        command
            .env("GATEWAY_SECRET", KEY)
            .env("SENDER_SECRET", SECRET);
        support::Ran::of(command.output().unwrap())
    };
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy_at = busy.local_addr().unwrap().to_string();
    let cases = [
        (
            text.replacen("127.0.0.1:0", &busy_at, 1),
            3,
            "listen: cannot listen on",
        ),
        (
            text.replace(
                "\nadmin = \"127.0.0.1:0\"",
                &format!("\nadmin = \"{busy_at}\""),
            ),
            3,
            "admin: cannot listen on",
        ),
        (
            text.replace(MEMORY, "kind = \"sqlite\"\npath = \"no/folder/d.db\""),
            3,
            "the store",
        ),
        (
            text.replace(
                MEMORY,
                "kind = \"postgres\"\nurl = \"postgres://a@127.0.0.1:1/a\"",
            ),
            3,
            "Postgres",
        ),
        (
            text.replace(MEMORY, "kind = \"redis\"\nurl = \"redis://127.0.0.1:1/\""),
            3,
            "Redis",
        ),
        (
            text.replace("rebill-za", "rebil-za"),
            2,
            "line 10: endpoints.first.scheme: no sender has this name",
        ),
        (
            text.replace("secret_env = \"SENDER", "secret = \"SENDER"),
            2,
            "line 11: endpoints.first.secret: a secret does not",
        ),
    ];
    for (text, code, words) in cases {
        let ran = run(&text);
        assert_eq!(ran.code, Some(code), "{words}: {}", ran.err);
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
        assert!(ran.out.is_empty(), "{}", ran.out);
    }
    assert_eq!(place.run(&["serve"]).code, Some(2));
    assert_eq!(
        place.run(&["serve", "--config", "nowhere.toml"]).code,
        Some(3)
    );
}

#[test]
fn a_check_tells_everything_at_once() {
    let place = Place::new();
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let good = config(free, "rebill-za", MEMORY, "");
    let run = |text: &str, more: &[&str]| {
        let file = place.file("c.toml", text);
        let args = [&["serve", "--check", "--config", &file], more].concat();
        let mut command = place.command(&args);
        command
            .env("GATEWAY_SECRET", KEY)
            .env("SENDER_SECRET", SECRET);
        support::Ran::of(command.output().unwrap())
    };
    let ran = run(&good, &[]);
    assert_eq!(
        (ran.code, ran.out.ends_with(": good, 1 endpoint\n")),
        (Some(0), true),
        "{}",
        ran.out
    );
    assert_eq!(run(&good, &["--json"]).json()["valid"], true);

    let bad = good
        .replace("SENDER_SECRET", "whsec_hunter3")
        .replace("/hook", "hook")
        .replace("log", "lgo");
    let ran = run(&bad, &[]);
    assert_eq!(ran.code, Some(1));
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 4, "{}", ran.out);
    for (line, words) in lines.iter().zip([
        "line 3: lgo: ",
        "line 9: endpoints.first.path: ",
        "line 11: endpoints.first.secret_env: ",
        "3 mistakes",
    ]) {
        assert!(line.contains(words), "{line}");
    }
    assert!(!ran.out.contains("hunter3"), "{}", ran.out);
    let json = run(&bad, &["--json"]).json();
    assert_eq!(json["problems"][1]["key"], "endpoints.first.path");
    assert_eq!(json["problems"].as_array().unwrap().len(), 3);
}
