//! The captures file and `replay`, as processes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::process::Command;

use rusqlite::Connection;
use serde_json::json;

mod support;

use support::{
    Place, Ran, SECRET, binary,
    desk::{Desk, sender},
    http::{Answer, Upstream},
};

const LISTEN: [&str; 7] = [
    "listen",
    "--scheme",
    "rebill-za",
    "--listen",
    "127.0.0.1:0",
    "--captures",
    "captures.db",
];

fn delivery(id: &str) -> countersign_testkit::SignedDelivery {
    let body = json!({ "id": format!("of-{id}"), "status": "paid" });
    sender().delivery_with_id("invoice.paid", id, body)
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_what_to_do() {
    let place = Place::new();
    let path = place.path().join("captures.db");
    let listen = || place.run(&LISTEN);
    let replay = || place.run(&["replay", "1", "--captures", "captures.db"]);
    assert_eq!(replay().code, Some(3));
    assert!(replay().err.contains("there is no such file"));

    place.file(
        "captures.db",
        "this is a text of somebody else's, and longer than a header of SQLite's is",
    );
    for ran in [listen(), replay()] {
        assert_eq!(ran.code, Some(3), "{}", ran.err);
        assert!(
            ran.err.contains("captures.db: this is no file of captures"),
            "{}",
            ran.err
        );
    }
    std::fs::remove_file(&path).unwrap();

    let desk = Desk::start(&place, &["--scheme", "rebill-za"]);
    let second = listen();
    assert_eq!(second.code, Some(3));
    assert!(
        second.err.contains("another `countersign listen`"),
        "{}",
        second.err
    );
    assert!(second.err.contains("--captures"), "{}", second.err);
    desk.stop();

    let keeper = Connection::open(&path).unwrap();
    keeper
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .unwrap();
    for ran in [listen(), replay()] {
        assert_eq!(ran.code, Some(3), "{}", ran.err);
        assert!(ran.err.contains("keeps the file locked"), "{}", ran.err);
    }
    drop(keeper);

    Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA user_version = 7")
        .unwrap();
    for ran in [listen(), replay()] {
        assert_eq!(ran.code, Some(3), "{}", ran.err);
        assert!(
            ran.err
                .contains("a later countersign wrote this file (version 7"),
            "{}",
            ran.err
        );
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_ends_it_and_loses_nothing() {
    let place = Place::new();
    let upstream = Upstream::start(|_| Answer::Status(200));
    // A file may grow to 150 blocks of 1 KiB, and who writes more is told so.
    let script = format!(
        "ulimit -f 150; trap '' XFSZ; exec {} listen --json --listen 127.0.0.1:0 --captures captures.db \
         --scheme rebill-za --forward {}",
        binary(),
        upstream.url()
    );
    let mut command = Command::new("bash");
    command
        .args(["-c", &script])
        .current_dir(place.path())
        .env("COUNTERSIGN_SECRET", SECRET);
    let desk = Desk::of(command);
    let body = format!("{{\"id\":\"inv_1\",\"text\":\"{}\"}}", "a".repeat(100_000));
    let answers: Vec<u16> = (0..4)
        .map(|number| sender().raw("invoice.paid", &format!("d{number}"), body.clone()))
        .map(|delivery| desk.send(&delivery).status())
        .take_while(|status| *status == 200)
        .collect();
    let ended = desk.wait();
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(ended.err.contains("captures.db: "), "{}", ended.err);
    assert!(answers.len() < 4, "it was not full");
    // What could not be kept was not passed on, and its sender was told to come again.
    assert_eq!(upstream.seen().len(), answers.len());
}

#[test]
fn the_newest_are_kept_and_long_bodies_are_cut() {
    let place = Place::new();
    let args = ["--scheme", "rebill-za", "--keep", "3", "--keep-body", "64"];
    let mut desk = Desk::start(&place, &args);
    for number in 0..5 {
        assert_eq!(desk.send(&delivery(&format!("d{number}"))).status(), 200);
    }
    let long = sender().raw(
        "invoice.paid",
        "long",
        format!("{{\"id\":\"{}\"}}", "a".repeat(100)),
    );
    assert_eq!(desk.send(&long).status(), 200);
    assert_eq!(desk.delivery(6)["body_bytes"], 109);
    desk.stop();
    let file = Connection::open(place.path().join("captures.db")).unwrap();
    let rows: Vec<(i64, i64, String)> = file
        .prepare("SELECT number, length(body), body_state FROM captures ORDER BY number")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let numbers: Vec<i64> = rows.iter().map(|row| row.0).collect();
    assert_eq!(numbers, [4, 5, 6]);
    assert_eq!((rows[2].1, rows[2].2.as_str()), (64, "cut"));
    let ran = place.run(&[
        "replay",
        "6",
        "--captures",
        "captures.db",
        "--to",
        "http://127.0.0.1:1/",
    ]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("--keep-body"), "{}", ran.err);
}

#[test]
fn a_replay_sends_what_was_proved_and_nothing_else() {
    let place = Place::new();
    let upstream = Upstream::start(|number| match number {
        0 | 1 => Answer::Status(500),
        _ => Answer::Status(200),
    });
    let desk = Desk::start(
        &place,
        &["--scheme", "rebill-za", "--forward", &upstream.url()],
    );
    assert_eq!(desk.send(&delivery("d1")).status(), 500);
    assert_eq!(desk.send(&delivery("d2").tampered()).status(), 401);
    let replay = |args: &[&str]| -> Ran {
        place.run(&[&["replay", "--captures", "captures.db", "--json"], args].concat())
    };
    // While the listener runs.
    let first = replay(&["1"]);
    assert_eq!(first.code, Some(1), "{}", first.err);
    assert_eq!(first.json()["replays"][0]["replay"]["status"], 500);
    let second = replay(&["1"]);
    assert_eq!(
        (second.code, &second.json()["successes"]),
        (Some(0), &json!(1))
    );
    let seen = upstream.seen();
    assert_eq!(seen.len(), 3);
    for again in &seen[1..] {
        assert_eq!(again.body, seen[0].body);
        assert_eq!(
            again.header("x-rebill-signature"),
            seen[0].header("x-rebill-signature")
        );
        assert_eq!(again.first, seen[0].first);
    }
    // What was not proved never goes where nobody would look again.
    let refused = replay(&["2"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.err.contains("only what was proved is passed on"),
        "{}",
        refused.err
    );
    let unknown = replay(&["77"]);
    assert_eq!(
        (unknown.code, unknown.err.contains("no such request")),
        (Some(2), true)
    );
    let all = replay(&["--since", "1h"]).json();
    assert_eq!(
        (&all["successes"], &all["left_out"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        replay(&["--since", "2999-01-01T00:00:00Z"]).json()["replays"],
        json!([])
    );
    assert_eq!(replay(&["--since", "yesterday"]).code, Some(2));
    assert_eq!(upstream.seen().len(), 4);

    // The listener judges anew: the first was given back and runs, and then it is done.
    let through = replay(&["1", "--through-listener"]);
    assert_eq!(through.code, Some(0), "{}", through.err);
    assert_eq!(upstream.seen().len(), 5);
    assert_eq!(replay(&["1", "--through-listener"]).code, Some(0));
    assert_eq!(upstream.seen().len(), 5, "a duplicate is not passed on");
    assert_eq!(replay(&["2", "--through-listener"]).code, Some(1));
    assert_eq!(upstream.seen().len(), 5);
    desk.stop();

    assert_eq!(replay(&["1", "--to", "http://127.0.0.1:1/"]).code, Some(3));
    assert_eq!(replay(&["1", "--to", "http://10.0.0.1/"]).code, Some(2));
    assert_eq!(replay(&["1", "--through-listener"]).code, Some(3));
}

#[test]
fn a_span_of_time_holds_each_delivery_once() {
    let place = Place::new();
    let upstream = Upstream::start(|number| match number {
        0 => Answer::Status(500),
        _ => Answer::Status(200),
    });
    let url = upstream.url();
    let desk = Desk::start(&place, &["--scheme", "rebill-za", "--forward", &url]);
    // It fails, comes again, is done, and comes as a copy under its own id and under another one.
    for due in [500, 200, 200] {
        assert_eq!(desk.send(&delivery("d1")).status(), due);
    }
    let body = json!({ "id": "of-d1", "status": "paid" });
    let renamed = sender().delivery_with_id("invoice.paid", "d2", body);
    assert_eq!(
        desk.send(&renamed).header("countersign-dedup"),
        Some("suppressed")
    );
    assert_eq!(desk.send(&delivery("d3")).status(), 200);
    desk.stop();
    assert_eq!(upstream.seen().len(), 3);
    let replay = |args: &[&str]| -> Ran {
        place.run(&[&["replay", "--captures", "captures.db", "--json"], args].concat())
    };
    let all = replay(&["--since", "1h"]);
    assert_eq!(all.code, Some(0), "{}", all.err);
    let all = all.json();
    assert_eq!(
        (&all["successes"], &all["left_out"]),
        (&json!(2), &json!(3)),
        "{all}"
    );
    let rows = all["replays"].as_array().unwrap();
    let sent: Vec<_> = rows.iter().map(|row| row["left_out"].is_null()).collect();
    assert_eq!(sent, [false, true, false, false, true], "{all}");
    assert_eq!(upstream.seen().len(), 5);

    // One that cannot go keeps the others from going, too.
    let ran = replay(&["1", "99"]);
    assert_eq!(
        (ran.code, ran.err.contains("#99: there is no such request")),
        (Some(2), true),
        "{}",
        ran.err
    );
    assert_eq!(upstream.seen().len(), 5);
    // By its number anything proved goes, as often as somebody asks.
    assert_eq!(replay(&["1", "3"]).code, Some(0));
    assert_eq!(upstream.seen().len(), 7);
}

#[test]
fn a_replay_without_a_place_asks_for_one() {
    let place = Place::new();
    let desk = Desk::start(&place, &["--scheme", "rebill-za"]);
    assert_eq!(desk.send(&delivery("d1")).status(), 200);
    desk.stop();
    let ran = place.run(&["replay", "1", "--captures", "captures.db"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("--to URL"), "{}", ran.err);
    let ran = place.run(&["replay", "--since", "1h", "--captures", "captures.db"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("#1  left out: where to?"), "{}", ran.out);
}

#[test]
fn captures_lie_where_nobody_else_reads_them() {
    let place = Place::new();
    let mut command = place.command(&[
        "listen",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--scheme",
        "rebill-za",
    ]);
    command.env("COUNTERSIGN_SECRET", SECRET);
    let desk = Desk::of(command);
    assert_eq!(desk.send(&delivery("d1")).status(), 200);
    let folder = place.path().join(".local/state/countersign");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&folder) & 0o077, 0);
        assert_eq!(mode(&folder.join("captures.db")) & 0o077, 0);
    }
    desk.stop();
    let ran = place.run(&["replay", "1"]);
    assert!(ran.err.contains("--to URL"), "{}", ran.err);
}
