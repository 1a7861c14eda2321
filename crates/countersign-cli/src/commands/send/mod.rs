//! Sending as a sender does: copies, forgeries and late ones included.

use core::time::Duration;
use std::time::Instant;

use countersign_core::{Scheme, Timestamp, scheme::Place};
use futures_util::{StreamExt, stream};
use tokio::runtime;

mod client;
mod retry;
mod sample;
mod shots;
mod tally;

use self::{
    client::Client,
    retry::Schedule,
    sample::Sample,
    shots::{Kind, Maker, Shot},
    tally::Tally,
};
use super::sign::Signer;
use crate::{
    args::SendArgs,
    config::Config,
    console::Console,
    failure::{Exit, Failure},
    input::{Address, read},
};

/// How often progress is shown.
const GLANCE: Duration = Duration::from_millis(100);

pub(crate) fn run(
    args: &SendArgs,
    config: &Config,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let chosen = args.scheme.choose(config)?;
    let scheme = chosen.scheme;
    let to = args.to.as_ref().or(config.to.as_ref());
    let to = to.ok_or_else(|| Failure::usage("where to? give `--to URL`"))?;
    let address = check_address(to, args.i_own_this_endpoint)?;
    check_shares(args, &scheme)?;
    let event = event(args, &scheme)?;

    let body = args
        .body
        .as_deref()
        .map(|file| read(file, console))
        .transpose()?;
    let sample = Sample::new(&scheme, chosen.preset, body, &args.set, args.count == 1)?;
    let mut secrets = args.secret.read(config, console)?;
    let secret = secrets.swap_remove(0);
    if !secrets.is_empty() {
        return Err(Failure::usage("one secret signs: several were given"));
    }
    let url = args.url.as_deref().or(config.url.as_deref()).unwrap_or(to);
    let now = Timestamp::now();
    let signer = Signer::new(scheme, &secret, now, url)?;
    let maker = Maker::new(signer.sender.clone(), sample, event, now);
    // What a receiver would refuse for its form is not worth sending.
    signer.check(&maker.event(u32::MAX))?;

    let shots = shots::list(args);
    let (total, begun) = (shots.len(), Instant::now());
    let schedule = args.retries.then(|| Schedule::of(&scheme, args.time_scale));
    let client = Client::new(&address, to, scheme.response_budget());
    let mut tally = Tally::default();
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::no_answer(format!("no runtime: {error}")))?;
    runtime.block_on(async {
        let pace = args.rate.map(|rate| Duration::from_secs_f64(1.0 / rate));
        let sent = shots.into_iter().enumerate().map(|(at, shot)| {
            let (client, maker, schedule) = (&client, &maker, &schedule);
            async move {
                if let Some(pace) = pace {
                    let due = begun + pace.saturating_mul(u32::try_from(at).unwrap_or(u32::MAX));
                    tokio::time::sleep_until(due.into()).await;
                }
                (shot, send(shot, client, maker, schedule.as_ref()).await)
            }
        });
        let mut sent = stream::iter(sent).buffer_unordered(usize::from(args.concurrent));
        let (mut done, mut glanced) = (0_usize, begun);
        while let Some((shot, attempts)) = sent.next().await {
            tally.add(shot.kind, &attempts);
            done += 1;
            if glanced.elapsed() > GLANCE || done == total {
                glanced = Instant::now();
                console.progress(&bar(done, total));
            }
        }
    });
    console.progress("");
    let verdict = tally.verdict(scheme.id_is_signed());
    // In JSON an answer is one object: here the mistake.
    if !(console.json && tally.is_unanswered()) {
        tally.report(&scheme, &address, begun.elapsed(), verdict, console)?;
    }
    if tally.is_unanswered() {
        let (host, port) = (&address.host, address.port.unwrap_or(80));
        return Err(Failure::no_answer(format!(
            "nobody answers at {host}:{port}: {}",
            tally.why()
        )));
    }
    Ok(verdict)
}

/// One delivery with its retries.
async fn send(
    shot: Shot,
    client: &Client,
    maker: &Maker,
    schedule: Option<&Schedule>,
) -> Vec<client::Attempt> {
    let mut delivery = maker.delivery(shot);
    let mut attempts = vec![client.send(&delivery).await];
    // Nobody sends a forgery again because it was refused.
    let retried = matches!(shot.kind, Kind::Event | Kind::Copy);
    let Some(schedule) = schedule.filter(|_| retried) else {
        return attempts;
    };
    for wait in schedule.waits() {
        if attempts.last().is_some_and(client::Attempt::is_success) {
            break;
        }
        tokio::time::sleep(wait).await;
        delivery = maker.retry(&delivery);
        attempts.push(client.send(&delivery).await);
    }
    attempts
}

fn check_address(to: &str, owned: bool) -> Result<Address, Failure> {
    let address = Address::parse(to).ok_or_else(|| {
        Failure::usage("--to: this is no address, such as http://127.0.0.1:8787/webhooks/stripe")
    })?;
    if address.scheme != "http" {
        return Err(Failure::usage(
            "--to: only http is sent; for an endpoint behind TLS, send to the service itself",
        ));
    }
    if !owned && !address.is_loopback() {
        return Err(Failure::usage(
            "--to: this is another machine; `--i-own-this-endpoint` says that it is yours",
        ));
    }
    Ok(address)
}

fn check_shares(args: &SendArgs, scheme: &Scheme) -> Result<(), Failure> {
    if args.stale > 0.0 && scheme.tolerance().is_none() {
        return Err(Failure::usage(format!(
            "--stale: {} signs no time that is judged",
            scheme.name()
        )));
    }
    if args.new_ids > 0.0 && !matches!(scheme.id(), Some(Place::Header(_))) {
        return Err(Failure::usage(format!(
            "--new-ids: the id of {} is in no header, so no other can be written without the secret",
            scheme.name()
        )));
    }
    if args.tamper > 0.0 && !scheme.body_is_signed() {
        return Err(Failure::usage(format!(
            "--tamper: {} signs nothing, so a changed body is as good as the true one",
            scheme.name()
        )));
    }
    if args.retries && scheme.retry_span().is_zero() {
        return Err(Failure::usage(format!(
            "--retries: {} does not come again by itself",
            scheme.name()
        )));
    }
    if args.url.is_some() && !scheme.signs_url() {
        return Err(Failure::usage(format!(
            "--url: {} does not sign its address",
            scheme.name()
        )));
    }
    Ok(())
}

fn event(args: &SendArgs, scheme: &Scheme) -> Result<String, Failure> {
    match (&args.event, scheme.event()) {
        (Some(event), Some(_)) => Ok(event.clone()),
        (Some(_), None) => Err(Failure::usage(format!(
            "--event: {} has no types of events",
            scheme.name()
        ))),
        (None, None) => Ok(String::new()),
        (None, Some(_)) => {
            let known: Vec<&str> = scheme
                .events()
                .iter()
                .map(|rule| rule.name())
                .take(5)
                .collect();
            let such_as = match known.as_slice() {
                [] => String::new(),
                known => format!(", such as {}", known.join(", ")),
            };
            Err(Failure::usage(format!(
                "which event? give `--event TYPE`{such_as}"
            )))
        }
    }
}

fn bar(done: usize, total: usize) -> String {
    const WIDTH: usize = 30;
    let full = done
        .saturating_mul(WIDTH)
        .checked_div(total)
        .unwrap_or(WIDTH);
    format!(
        "[{}{}] {done}/{total}",
        "#".repeat(full),
        " ".repeat(WIDTH.saturating_sub(full))
    )
}
