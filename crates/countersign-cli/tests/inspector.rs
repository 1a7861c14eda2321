//! The inspector, asked over sockets and looked at in Chromium.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

use std::fs;

use countersign_testkit::SignedDelivery;
use rusqlite::Connection;
use serde_json::{Value, json};

mod support;

use support::{
    Place,
    browser::{Browser, DOWN, END, ENTER, ESCAPE},
    desk::{Desk, sender},
    http::{Answer, Upstream, ask},
    root,
};

fn paid(id: &str) -> SignedDelivery {
    let body = json!({ "id": format!("of-{id}"), "status": "paid", "total": "115.00" });
    sender().delivery_with_id("invoice.paid", id, body)
}

fn start(place: &Place, more: &[&str]) -> Desk {
    Desk::start(place, &[&["--scheme", "rebill-za"], more].concat())
}

/// `127.0.0.1:1234` and `/token/`.
fn parts(desk: &Desk) -> (String, String) {
    let rest = desk.inspector.strip_prefix("http://").unwrap();
    let (address, path) = rest.split_once('/').unwrap();
    (address.to_owned(), format!("/{path}"))
}

#[test]
fn who_does_not_know_the_address_gets_nothing() {
    let place = Place::new();
    let desk = start(&place, &[]);
    assert_eq!(desk.send(&paid("d1")).status(), 200);
    let (address, page) = parts(&desk);
    let port = address.rsplit(':').next().unwrap();
    let api = format!("{page}api/captures");
    let get = |target: &str, headers: &[(&str, &str)]| ask(&address, "GET", target, headers, b"");
    assert_eq!(get(&page, &[]).status(), 200);
    assert_eq!(
        get(&api, &[("host", &format!("localhost:{port}"))]).status(),
        200
    );
    let rebound = format!("rebound.example:{port}");
    for target in [&*page, &api, "/", "/favicon.ico"] {
        for host in ["rebound.example", &*rebound, "127.0.0.1", "127.0.0.1:1"] {
            let answer = get(target, &[("host", host)]);
            assert_eq!(answer.status(), 403, "{target} {host}");
            assert!(!answer.text().contains("d1"));
        }
    }
    for target in [
        "/",
        "/api/captures",
        "//api/captures",
        "/x/api/captures",
        "/favicon.ico",
    ] {
        assert_eq!(get(target, &[]).status(), 403, "{target}");
    }
    // Nothing lets another origin read, and every answer has the policy, refusals included.
    for answer in [
        get(&page, &[]),
        get(&api, &[]),
        get("/", &[]),
        get(&format!("{page}none"), &[]),
    ] {
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert_eq!(
            answer.header("content-security-policy"),
            Some(
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                 frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
            )
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let body = get(&format!("{api}/1/body"), &[]);
    assert_eq!(
        body.header("content-type"),
        Some("application/octet-stream")
    );
    assert!(
        body.header("content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
    // It is never reached through the listener.
    assert_eq!(ask(&desk.address, "GET", &page, &[], b"").status(), 405);
}

#[test]
fn a_replay_is_asked_for_by_the_page_alone() {
    let place = Place::new();
    let upstream = Upstream::start(|_| Answer::Status(200));
    let desk = start(&place, &["--forward", &upstream.url()]);
    assert_eq!(desk.send(&paid("d1")).status(), 200);
    assert_eq!(desk.send(&paid("d2").tampered()).status(), 401);
    let (address, page) = parts(&desk);
    let replay = |number: i64, headers: &[(&str, &str)], body: &str| {
        let target = format!("{page}api/captures/{number}/replay");
        ask(&address, "POST", &target, headers, body.as_bytes())
    };
    let json = ("content-type", "application/json");
    let to_forward = r#"{"to":"forward"}"#;
    for (headers, body, due) in [
        (
            &[json, ("origin", "http://127.0.0.1:1")][..],
            to_forward,
            403,
        ),
        (&[json, ("origin", "null")], to_forward, 403),
        (&[json, ("sec-fetch-site", "same-site")], to_forward, 403),
        (&[("content-type", "text/plain")], to_forward, 409),
        (&[json], "{}", 409),
        (&[json], "no JSON", 409),
    ] {
        assert_eq!(replay(1, headers, body).status(), due, "{headers:?} {body}");
    }
    assert_eq!(replay(2, &[json], to_forward).status(), 409);
    assert_eq!(replay(99, &[json], to_forward).status(), 404);
    assert_eq!(upstream.seen().len(), 1);
    assert_eq!(replay(1, &[json], to_forward).status(), 200);
    assert_eq!(upstream.seen().len(), 2);
    // Through the listener it is a duplicate.
    assert_eq!(replay(1, &[json], r#"{"to":"listener"}"#).status(), 200);
    assert_eq!(upstream.seen().len(), 2);
    assert_eq!(desk.stop().count("duplicates"), 1);
}

#[test]
fn a_copied_command_is_judged_as_the_request_was() {
    let place = Place::new();
    let mut desk = start(&place, &[]);
    let bytes = b"{\"id\":\"it's\",\"status\":\"paid\",\"text\":\"\xc3\xa9 $HOME `x`\"}\n".to_vec();
    assert_eq!(
        desk.send(
            &sender()
                .raw("invoice.paid", "d1", bytes)
                .to("/a/./b?b=[1-3]&c='")
        )
        .status(),
        200
    );
    let (address, page) = parts(&desk);
    let one = ask(&address, "GET", &format!("{page}api/captures/1"), &[], b"");
    let one: Value = serde_json::from_slice(&one.body).unwrap();
    let script = format!(
        "{} -s -o /dev/null -w '%{{http_code}}'",
        one["curl"].as_str().unwrap()
    );
    let ran = std::process::Command::new("bash")
        .args(["-c", &script])
        .output();
    let Ok(ran) = ran
        .map(|ran| ran.stdout)
        .map(|out| String::from_utf8(out).unwrap())
    else {
        return;
    };
    if ran.is_empty() {
        eprintln!("left out: there is no curl");
        return;
    }
    assert_eq!(ran, "200", "{script}");
    assert_eq!(desk.delivery(2)["dedup"], "duplicate");
}

#[test]
fn a_delivery_appears_and_a_refused_one_says_why() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let place = Place::new();
    let upstream = Upstream::start(|_| Answer::Status(200));
    let desk = start(&place, &["--forward", &upstream.url()]);
    browser.open(&desk.inspector);
    browser.until("return document.querySelector('#live').dataset.on === 'yes'");
    let asked = "document.querySelector('#empty').innerText.includes('countersign send --scheme rebill-za')";
    browser.until(&format!("return {asked}"));
    browser.run("window.same = 1");

    assert_eq!(desk.send(&paid("d1")).status(), 200);
    browser.until("return document.querySelectorAll('.row').length === 1");
    let row = browser.text(".row");
    for word in ["verified", "#1", "invoice.paid", "d1", "rebill-za", "→ 200"] {
        assert!(row.contains(word), "{word}: {row}");
    }
    // A body with a line break that was not signed.
    let echoed = paid("d2");
    let spoilt = echoed.with_body("{\"id\":\"inv_2\",\"status\":\"paid\"}\n");
    let signed = sender().raw(
        "invoice.paid",
        "d2",
        "{\"id\":\"inv_2\",\"status\":\"paid\"}",
    );
    let spoilt = spoilt.with_header(
        "X-Rebill-Signature",
        signed.header("X-Rebill-Signature").unwrap(),
    );
    assert_eq!(desk.send(&spoilt).status(), 401);
    browser.until("return document.querySelectorAll('.row').length === 2");
    browser.click("#row-2");
    browser.until("return !!document.querySelector('#why .finding')");
    let why = browser.text("#why");
    assert!(
        why.contains("line break at its end that was not signed"),
        "{why}"
    );
    assert!(
        why.contains("Change: ") && why.contains("reproduced with your secret"),
        "{why}"
    );
    // Only what was proved is passed on.
    assert!(browser.run("return document.querySelector('#replay').disabled") == true);
    assert_eq!(
        browser.run("return window.same"),
        1,
        "the page was loaded again"
    );

    // By keyboard: the other one, its body, and a replay.
    browser.press("#rows", DOWN);
    browser.until("return document.querySelector('.head .number')?.textContent === '#1'");
    assert!(browser.text("#body").contains("\"total\": \"115.00\""));
    browser.press("#rows", "r");
    browser.until("return !!document.querySelector('#replays')");
    assert_eq!(upstream.seen().len(), 2);
    assert_eq!(upstream.seen()[1].body, upstream.seen()[0].body);
    assert!(browser.text("#replays").contains("200 in"));
    browser.press("#rows", "/");
    assert_eq!(browser.run("return document.activeElement.id"), "filter");
    let filter = |keys: &str| browser.press("#filter", keys);
    filter("refused line");
    browser.until("return document.querySelectorAll('.row').length === 0");
    filter(ESCAPE);
    browser.until("return document.querySelectorAll('.row').length === 2");
    filter("refused");
    browser.until("return document.querySelectorAll('.row').length === 1");
    filter(DOWN);
    filter(ENTER);
    browser.until("return document.activeElement.id === 'detail'");

    // The listener ends, and the page says so.
    desk.stop();
    browser.until("return document.querySelector('#live').dataset.on === 'no'");
}

#[test]
fn markup_of_a_sender_stays_text() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let place = Place::new();
    let desk = start(&place, &[]);
    browser.open(&desk.inspector);
    browser.until("return document.querySelector('#live').dataset.on === 'yes'");
    let evil = "<img src=x onerror=window.pwned=1><script>window.pwned=1</script><b id=evil>b</b>";
    let event = "<img/src=x/onerror=window.pwned=1><b/id=evil>";
    let json = json!({ "id": evil, evil: evil, "status": "paid" }).to_string();
    let html = format!("<!doctype html>{evil}</pre></div><svg onload=window.pwned=1>");
    for (number, body) in [json.as_bytes(), html.as_bytes(), b"\xff\xfe<b id=evil>"]
        .iter()
        .enumerate()
    {
        let delivery = sender()
            .raw(event, &format!("<b/id=evil>{number}"), body.to_vec())
            .with_added_header("X-Markup", evil)
            .to("/hooks/%3Cb%20id=evil%3E?a=%3Cimg%20src=x%3E");
        assert_eq!(desk.send(&delivery).status(), 200);
        // Refused, with its explanation.
        assert_eq!(desk.send(&delivery.tampered()).status(), 401);
    }
    browser.until("return document.querySelectorAll('.row').length === 6");
    for number in 1..=6 {
        browser.click(&format!("#row-{number}"));
        let shown =
            format!("return document.querySelector('.head .number')?.textContent === '#{number}'");
        browser.until(&shown);
        let modes = "return document.querySelectorAll('.part .more button').length";
        for mode in 0..browser.run(modes).as_u64().unwrap() {
            browser.run(&format!(
                "document.querySelectorAll('.part .more button')[{mode}].click()"
            ));
            let made = "return document.querySelectorAll('img, b, svg, iframe, script:not([src]), #evil').length";
            assert_eq!(browser.run(made), 0, "#{number} {mode}");
        }
        assert!(browser.text("#headers").contains("<b id=evil>"));
        assert_eq!(browser.text(".head h2"), event);
    }
    assert_eq!(browser.run("return window.pwned === undefined"), true);
    // And if markup came in, the policy would not let it run.
    let inline = "const made = document.createElement('script'); made.textContent = 'window.ran = 1'; \
                  document.body.append(made); return window.ran === undefined";
    assert_eq!(browser.run(inline), true);
}

#[test]
fn another_page_in_the_browser_reaches_nothing() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let place = Place::new();
    let upstream = Upstream::start(|_| Answer::Status(200));
    let desk = start(&place, &["--forward", &upstream.url()]);
    assert_eq!(desk.send(&paid("d1")).status(), 200);
    let (address, page) = parts(&desk);
    // A name of somebody else's that leads here.
    let port = address.rsplit(':').next().unwrap();
    browser.open(&format!("http://rebound.example:{port}{page}"));
    let text = browser.text("body");
    assert!(text.contains("is asked by the address"), "{text}");
    // A page of another origin, which even knows the token.
    browser.open(&format!("http://{}/", upstream.address));
    let before = upstream.seen().len();
    let attack = format!(
        "const done = arguments[arguments.length - 1]; const api = 'http://{address}{page}api/captures';
         Promise.allSettled([
           fetch(api),
           fetch(api + '/1/replay', {{ method: 'POST', mode: 'no-cors', body: '{{\"to\":\"forward\"}}' }}),
           fetch(api + '/1/replay', {{ method: 'POST', headers: {{ 'content-type': 'application/json' }},
             body: '{{\"to\":\"forward\"}}' }}),
         ]).then((all) => done(all.map((one) => one.status === 'fulfilled' ? one.value.type : 'failed')));"
    );
    let ended = browser.run_until_done(&attack);
    assert_eq!(ended, json!(["failed", "failed", "failed"]));
    let replays = upstream.seen()[before..]
        .iter()
        .filter(|one| one.first.starts_with("POST"))
        .count();
    assert_eq!(replays, 0);
}

/// 5,000 rows, as if they had been received.
fn many(place: &Place) {
    start(place, &[]).stop();
    let file = Connection::open(place.path().join("captures.db")).unwrap();
    file.execute_batch(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO captures (received_ms, scheme, method, target, headers, body, body_state, body_bytes, verdict,
           reason, status, dedup, event, delivery, took_ms)
         SELECT 1760000000000 + i * 1000, 'rebill-za', 'POST', '/hooks', x'', CAST('{\"n\":' || i || '}' AS BLOB),
           'whole', 10, CASE i % 10 WHEN 0 THEN 'refused' ELSE 'verified' END,
           CASE i % 10 WHEN 0 THEN 'no key matches the signature' END, CASE i % 10 WHEN 0 THEN 401 ELSE 200 END,
           CASE i % 10 WHEN 0 THEN NULL WHEN 1 THEN 'duplicate' ELSE 'fresh' END, 'invoice.paid', 'dlv_' || i, 3
         FROM n",
    )
    .unwrap();
}

#[test]
fn five_thousand_scroll_and_filter_without_delay() {
    /// The longest that a picture may take, on a machine that builds beside it.
    const LONGEST_MS: f64 = 250.0;
    let Some(browser) = Browser::start() else {
        return;
    };
    let place = Place::new();
    many(&place);
    let desk = start(&place, &[]);
    browser.open(&desk.inspector);
    browser.until("return document.querySelector('#count').textContent === '5000 requests'");
    assert!(
        browser
            .run("return document.querySelectorAll('.row').length")
            .as_u64()
            .unwrap()
            < 60
    );
    let timed = |change: &str| {
        format!(
            "const done = arguments[arguments.length - 1]; const begun = performance.now(); {change};
             requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(
               () => done(performance.now() - begun))));"
        )
    };
    let mut slowest = 0.0_f64;
    for round in 0..40 {
        let change = match round % 4 {
            0 => format!("document.querySelector('#rows').scrollTop = {}", round * 6_000),
            1 => format!(
                "const f = document.querySelector('#filter'); f.value = 'dlv_{round}'; f.dispatchEvent(new Event('input'))"
            ),
            2 => "document.querySelector('[data-kind=refused]').click()".to_owned(),
            _ => "document.querySelector('[data-kind=all]').click(); const f = document.querySelector('#filter'); \
                  f.value = ''; f.dispatchEvent(new Event('input'))"
                .to_owned(),
        };
        let ran = browser.run_until_done(&timed(&change));
        slowest = slowest.max(ran.as_f64().unwrap());
    }
    eprintln!("slowest change of 5,000 rows: {slowest:.0} ms");
    assert!(slowest < LONGEST_MS, "{slowest} ms");
    // The right ones, at both ends.
    let set = "const f = document.querySelector('#filter'); f.value = 'dlv_4999'; f.dispatchEvent(new Event('input'))";
    browser.run(set);
    browser.until("return document.querySelector('#count').textContent === '1 of 5000 requests'");
    assert!(browser.text(".row").contains("dlv_4999"));
    browser.run("document.querySelector('#filter').value = ''; document.querySelector('[data-kind=refused]').click()");
    browser.until("return document.querySelector('#count').textContent === '500 of 5000 requests'");
    browser.run("document.querySelector('[data-kind=all]').click(); document.querySelector('#rows').focus()");
    browser.until("return document.querySelector('#count').textContent === '5000 requests'");
    browser.press("#rows", END);
    browser.until("return document.querySelector('.head .number')?.textContent === '#1'");
    // New ones come in while somebody reads further down, and nothing jumps.
    let top = "return Math.round(document.querySelector('#row-1').getBoundingClientRect().top)";
    let before = browser.run(top);
    assert_eq!(desk.send(&paid("d1")).status(), 200);
    browser.until("return document.querySelector('#count').textContent === '5001 requests'");
    assert_eq!(browser.run(top), before);
}

/// Pictures for the README: `COUNTERSIGN_PICTURES=1 cargo test -p countersign-cli --test inspector pictures`.
#[test]
fn pictures() {
    if std::env::var_os("COUNTERSIGN_PICTURES").is_none() {
        return;
    }
    let browser = Browser::start().unwrap();
    let place = Place::new();
    let upstream = Upstream::start(|number| match number {
        3 => Answer::Status(500),
        _ => Answer::Status(200),
    });
    let forward = format!(
        "http://127.0.0.1:{}/webhooks/rebill",
        upstream.address.port()
    );
    let scheme = "rebill-za=/webhooks/rebill";
    let args = [
        "--scheme",
        scheme,
        "--listen",
        "127.0.0.1:8787",
        "--forward",
        &forward,
    ];
    let desk = Desk::start(&place, &args);
    browser.open(&desk.inspector);
    let made = |event: &str, id: &str, body: Value| {
        sender()
            .delivery_with_id(event, id, body)
            .to("/webhooks/rebill")
    };
    let invoice = |number: u32, status: &str| {
        json!({
            "id": format!("inv_{number}"), "number": format!("INV-{number}"), "status": status, "currency": "ZAR",
            "customer": { "id": "cus_81", "name": "Karoo Coffee Roasters" },
            "total": "1840.00",
            "lines": [
                { "description": "House blend, 5 kg", "quantity": 4, "amount": "1600.00" },
                { "description": "Delivery", "quantity": 1, "amount": "240.00" },
            ],
        })
    };
    for delivery in [
        made(
            "customer.created",
            "dlv_01J8Z0",
            json!({ "id": "cus_81", "name": "Karoo Coffee Roasters" }),
        ),
        made("invoice.created", "dlv_01J8Z1", invoice(1041, "draft")),
        made("invoice.sent", "dlv_01J8Z2", invoice(1041, "sent")),
        made(
            "payment.received",
            "dlv_01J8Z3",
            json!({ "id": "pay_77", "amount": "1840.00" }),
        ),
        made(
            "payment.received",
            "dlv_01J8Z3",
            json!({ "id": "pay_77", "amount": "1840.00" }),
        ),
        made("invoice.paid", "dlv_01J8Z4", invoice(1041, "paid")),
        made("invoice.paid", "dlv_01J8Z4", invoice(1041, "paid")),
        made("invoice.created", "dlv_01J8Z5", invoice(1042, "draft")),
        made("invoice.paid", "dlv_01J8Z4X", invoice(1041, "paid")),
        made("invoice.updated", "dlv_01J8Z6", invoice(1042, "sent")),
        made(
            "quote.accepted",
            "dlv_01J8Z7",
            json!({ "id": "quo_9", "status": "accepted" }),
        ),
    ] {
        desk.send(&delivery);
    }
    let signed = made("invoice.paid", "dlv_01J8Z8", invoice(1042, "paid"));
    let pretty = serde_json::to_string_pretty(&invoice(1042, "paid")).unwrap();
    let spoilt = sender()
        .raw("invoice.paid", "dlv_01J8Z8", pretty)
        .to("/webhooks/rebill");
    let tag = signed.header("X-Rebill-Signature").unwrap();
    desk.send(&spoilt.with_header("X-Rebill-Signature", tag));
    browser.until("return document.querySelectorAll('.row').length === 12");
    browser.click("#row-12");
    browser.until("return !!document.querySelector('#why .finding')");
    let folder = root().join("docs/images");
    fs::create_dir_all(&folder).unwrap();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        // The change of colours has an end.
        browser.until("return document.getAnimations().length === 0");
        let picture = browser.picture();
        assert!(picture.len() < 150_000, "{} bytes", picture.len());
        fs::write(folder.join(format!("inspector-{scheme}.png")), picture).unwrap();
    }
}
