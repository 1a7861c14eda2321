//! Other senders, times, addresses, heads; and two mistakes at once.

use countersign_core::{Timestamp, explain::Cause, scheme::TimeUnit};
use countersign_testkit::ManualClock;

use crate::{BODY, Case, NOW, PRETTY, Seed};

pub(crate) fn of_other_senders(seeds: &mut Vec<Seed>) {
    for (expected, sent) in [
        ("github", "shopify"),
        ("github", "stripe"),
        ("stripe", "github"),
        ("stripe", "slack"),
        ("slack", "github"),
        ("shopify", "paddle"),
        ("paddle", "rebill-za"),
        ("rebill-za", "invoice-maker"),
        ("invoice-maker", "rebill-za"),
        ("shopify", "slack"),
    ] {
        let case = Case::of(expected);
        let other = Case::of(sent);
        let question = case.question_with(&other.signed(BODY), &other.secret);
        let seed = case.seed(format!("scheme: {sent}"), &question, &[Cause::OtherSender]);
        let said = seed.explanation.findings()[0].to_string();
        assert!(said.contains(sent), "{expected}: {said}");
        seeds.push(seed);
    }
}

pub(crate) fn of_times(seeds: &mut Vec<Seed>) {
    for name in [
        "stripe",
        "slack",
        "standard-webhooks",
        "paddle",
        "invoice-maker",
        "zendesk",
        "recurly",
    ] {
        let case = Case::of(name);
        let by = case.scheme.tolerance().unwrap();
        let at = |seconds: i64| {
            ManualClock::at(Timestamp::from_unix_seconds(NOW.unix_seconds() + seconds))
        };
        let seconds = |span: std::time::Duration| i64::try_from(span.as_secs()).unwrap();
        let late = case
            .sender
            .clone()
            .with_clock(at(-seconds(by.past) - 60))
            .raw("invoice.paid", "evt_1", BODY);
        seeds.push(case.seed("time: stale", &case.question(&late), &[Cause::TimeStale]));
        let ahead = case
            .sender
            .clone()
            .with_clock(at(seconds(by.future) + 60))
            .raw("invoice.paid", "evt_1", BODY);
        seeds.push(case.seed("time: ahead", &case.question(&ahead), &[Cause::TimeAhead]));
        let signed = case.signed(BODY);
        let (text, due) = match case.scheme.time_unit().unwrap() {
            TimeUnit::Millis => (NOW.unix_seconds().to_string(), Cause::TimeSeconds),
            TimeUnit::Seconds => (NOW.unix_millis().to_string(), Cause::TimeMilliseconds),
            _ => (NOW.unix_seconds().to_string(), Cause::TimeSeconds),
        };
        let other = case.sender.sign_with_time(&signed, &text);
        seeds.push(case.seed(format!("time: {due:?}"), &case.question(&other), &[due]));
        if due == Cause::TimeMilliseconds {
            let date = case.sender.sign_with_time(&signed, "2025-10-09T08:53:20Z");
            seeds.push(case.seed("time: a date", &case.question(&date), &[Cause::TimeDate]));
        }
    }
    let slack = Case::of("slack");
    let signed = slack.signed(BODY);
    let header = slack.scheme.time_header().unwrap();
    let rewritten = signed.with_header(header, &NOW.unix_millis().to_string());
    seeds.push(slack.seed(
        "time: rewritten",
        &slack.question(&rewritten),
        &[Cause::TimeRewritten],
    ));
}

pub(crate) fn of_urls(seeds: &mut Vec<Seed>) {
    for name in ["square", "hubspot-v3", "trello"] {
        let case = Case::of(name);
        for (url, due) in [
            ("http://shop.example/hooks/in?a=1&b=2", Cause::UrlScheme),
            ("https://inner.internal/hooks/in?a=1&b=2", Cause::UrlHost),
            ("https://shop.example:8443/hooks/in?a=1&b=2", Cause::UrlPort),
            ("https://shop.example/hooks/in/?a=1&b=2", Cause::UrlSlash),
            ("https://shop.example/hooks/in?b=2&a=1", Cause::UrlQuery),
            ("https://shop.example/in?a=1&b=2", Cause::UrlPath),
        ] {
            let signed = case
                .signed(BODY)
                .to("/hooks/in?a=1&b=2")
                .with_header("Host", "shop.example");
            let question = case.question(&signed).url(url);
            seeds.push(case.seed(format!("url: {due:?}"), &question, &[due]));
        }
        // The proxy's own port, of which nothing that comes through tells.
        for port in ["8443", "3000"] {
            let url = format!("https://shop.example:{port}/hooks/in?a=1&b=2");
            let sender = case.sender.clone().with_url(url);
            let signed = sender.raw("invoice.paid", "evt_1", BODY);
            let question = case.question(&signed.to("/hooks/in?a=1&b=2"));
            seeds.push(case.seed(format!("url: port {port}"), &question, &[Cause::UrlPort]));
        }
        let signed = case.signed(BODY).to("/hooks/in?a=1&b=2");
        let proxied = signed
            .with_header("Host", "shop.example")
            .with_header("X-Forwarded-Proto", "https");
        let question = case
            .question(&proxied)
            .url("http://10.0.0.7:8080/hooks/in?a=1&b=2");
        let due = [Cause::UrlScheme, Cause::UrlHost, Cause::UrlPort];
        seeds.push(case.seed("url: behind a proxy", &question, &due));
    }
}

pub(crate) fn of_heads_and_pairs(seeds: &mut Vec<Seed>) {
    for name in ["github", "stripe", "slack"] {
        let case = Case::of(name);
        let signed = case.signed(BODY);
        let typed = signed.with_header("content-type", "text/plain");
        seeds.push(case.seed(
            "head: content type",
            &case.question(&typed),
            &[Cause::ContentType],
        ));
        let packed = signed.with_header("content-encoding", "gzip");
        seeds.push(case.seed(
            "head: content encoding",
            &case.question(&packed),
            &[Cause::ContentEncoding],
        ));
        let both = case.signed(BODY).with_body(PRETTY);
        let question = case.question_with(&both, &format!("{}\n", case.secret));
        let due = [Cause::SecretWhiteSpace, Cause::BodyReserialised];
        seeds.push(case.seed("two: secret and body", &question, &due));
    }
    let stripe = Case::of("stripe");
    let late = stripe
        .sender
        .clone()
        .with_clock(ManualClock::at(Timestamp::from_unix_seconds(1_759_000_000)));
    let saved = late
        .raw("invoice.paid", "evt_1", BODY)
        .with_body(format!("{BODY}\n"));
    let due = [Cause::BodyLineBreakAdded, Cause::TimeStale];
    seeds.push(stripe.seed("two: body and time", &stripe.question(&saved), &due));
}
