//! Sending what `listen` kept once more.

use core::time::Duration;
use std::collections::HashSet;

use countersign_core::Timestamp;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::runtime;

use crate::{
    args::ReplayArgs,
    captures::{
        self, Capture, Replay, Summary, Verdict,
        file::{CaptureError, CaptureFile},
    },
    console::{Console, Tone},
    failure::{Exit, Failure},
    forward::{ForwardLimits, Forwarder, PathPolicy, Upstream},
    input::Address,
    replay::{Way, hindrance, send},
    show::in_line,
};

pub(crate) fn run(args: &ReplayArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let since = args
        .since
        .as_deref()
        .map(|text| {
            instant(text, Timestamp::now()).ok_or_else(|| {
                Failure::usage(
                    "--since: a time is 15m, 2h or 3d ago, 2026-05-01T12:00:00Z, or Unix seconds",
                )
            })
        })
        .transpose()?;
    let path = args
        .captures
        .clone()
        .map_or_else(captures::default_path, Ok)?;
    let failed = |error: CaptureError| Failure::no_answer(error.at(&path));
    let mut file = CaptureFile::open_beside(&path).map_err(failed)?;
    let way = match args.through_listener {
        true => Way::Listener,
        false => Way::Forward,
    };
    let given = args.to.as_deref().map(|to| given(args, to)).transpose()?;
    let plan = match since {
        Some(since) => {
            let numbers = file.since(since.unix_millis()).map_err(failed)?;
            let judged = judge(&file, &numbers, way, given.as_ref()).map_err(failed)?;
            once_each(judged)
        }
        None => {
            let plan = judge(&file, &args.numbers, way, given.as_ref()).map_err(failed)?;
            // What was asked for by its number is missed, and is missed before anything was sent.
            for row in &plan {
                if let Err(why) = &row.order {
                    let (number, path) = (row.number, path.display());
                    return Err(Failure::usage(match row.summary {
                        Some(_) => format!("#{number}: {why}"),
                        None => format!("#{number}: {why} in {path}"),
                    }));
                }
            }
            plan
        }
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::no_answer(format!("no runtime: {error}")))?;
    let forwarder = Forwarder::new(ForwardLimits::default());
    let (mut rows, mut tally) = (Vec::new(), Tally::default());
    for Row { number, order, .. } in plan {
        // The listener may have let it go since.
        let capture = file.get(number).map_err(failed)?;
        let order = order.and_then(|order| Ok((order, capture.ok_or(MISSING)?)));
        let ((to, upstream), capture) = match order {
            Ok(order) => order,
            Err(why) => {
                tally.left_out += 1;
                rows.push(json!({ "number": number, "replay": null, "left_out": why }));
                if !console.json {
                    console.line(&format!("#{number}  left out: {why}"));
                }
                continue;
            }
        };
        let replay = runtime.block_on(send(&forwarder, &upstream, &to, capture));
        file.add_replay(number, &replay).map_err(failed)?;
        tally.add(&replay);
        if !console.json {
            console.line(&line(number, &replay, console));
        }
        rows.push(json!({ "number": number, "replay": replay, "left_out": null }));
    }
    let sent = tally.successes + tally.failures;
    if console.json {
        console.object(&json!({
            "command": "replay",
            "replays": Value::Array(rows),
            "successes": tally.successes,
            "failures": tally.failures,
            "left_out": tally.left_out,
        }))?;
    } else if sent != 1 || tally.left_out > 0 {
        console.line(&format!(
            "{} answered with a success, {} not, {} left out",
            tally.successes, tally.failures, tally.left_out
        ));
    }
    if sent > 0 && tally.unanswered == sent {
        return Err(Failure::no_answer("nobody answers at the address"));
    }
    Ok(if tally.failures == 0 {
        Exit::Yes
    } else {
        Exit::No
    })
}

#[derive(Default)]
struct Tally {
    successes: u64,
    failures: u64,
    unanswered: u64,
    left_out: u64,
}

impl Tally {
    fn add(&mut self, replay: &Replay) {
        match replay.status {
            Some(200..=299) => self.successes += 1,
            status => {
                self.failures += 1;
                self.unanswered += u64::from(status.is_none());
            }
        }
    }
}

/// A capture, and where it goes or why it goes nowhere.
struct Row {
    number: i64,
    summary: Option<Summary>,
    order: Result<Target, &'static str>,
}

/// An address as it is shown, and as it is asked.
type Target = (String, Upstream);

const MISSING: &str = "there is no such request";

/// Looks all of them up. Nothing is sent yet.
fn judge(
    file: &CaptureFile,
    numbers: &[i64],
    way: Way,
    given: Option<&Target>,
) -> Result<Vec<Row>, CaptureError> {
    let mut plan = Vec::with_capacity(numbers.len());
    for &number in numbers {
        let capture = file.get(number)?;
        let order = match &capture {
            None => Err(MISSING),
            Some(capture) => match (hindrance(capture, way), given) {
                (Some(why), _) => Err(why),
                (None, Some(given)) => Ok(given.clone()),
                (None, None) => noted(file, capture, way)?,
            },
        };
        plan.push(Row {
            number,
            summary: capture.map(|capture| capture.summary),
            order,
        });
    }
    Ok(plan)
}

/// Of a span of time each delivery goes once, as its sender meant it: copies stay, and of attempts the newest goes.
fn once_each(mut plan: Vec<Row>) -> Vec<Row> {
    let mut later = HashSet::new();
    for row in plan.iter_mut().rev() {
        let (Ok(_), Some(summary)) = (&row.order, &row.summary) else {
            continue;
        };
        let why = match summary.dedup.as_deref() {
            Some("duplicate" | "suppressed" | "in-flight") => {
                Some("it is a copy of a delivery that came before it")
            }
            Some("ping") => Some("it is a test of the address, and no delivery"),
            _ => None,
        };
        let is_proved = summary.verdict == Verdict::Verified;
        let id = summary.delivery.as_ref().filter(|_| is_proved);
        let is_first = why.is_some()
            || id.is_none_or(|id| later.insert((summary.scheme.clone(), id.value.clone())));
        let again = "it came once more later, and goes as that";
        if let Some(why) = why.or((!is_first).then_some(again)) {
            row.order = Err(why);
        }
    }
    plan
}

/// What `--to` says, for all of them.
fn given(args: &ReplayArgs, to: &str) -> Result<Target, Failure> {
    let is_here = Address::parse(to).is_some_and(|address| address.is_loopback());
    if !is_here && !args.i_own_this_endpoint {
        return Err(Failure::usage(
            "--to: this address is not of this machine; `--i-own-this-endpoint` says that it is yours",
        ));
    }
    let upstream = Upstream::parse(to, PathPolicy::Own)
        .map_err(|mistake| Failure::usage(format!("{}: {mistake}", in_line(to))))?;
    Ok((to.to_owned(), upstream))
}

/// Where the listener noted that a capture goes, with its own path or the one that it came with.
fn noted(
    file: &CaptureFile,
    capture: &Capture,
    way: Way,
) -> Result<Result<Target, &'static str>, CaptureError> {
    let scheme = capture.summary.scheme.as_deref().unwrap_or_default();
    let (fact, policy, missing) = match way {
        Way::Forward => (
            format!("forward:{scheme}"),
            PathPolicy::Own,
            "where to? `listen` passed nothing on: give `--to URL`",
        ),
        Way::Listener => (
            "listen".to_owned(),
            PathPolicy::Append,
            "no listener has used this file: give `--to URL`",
        ),
    };
    let Some(url) = file.fact(&fact)? else {
        return Ok(Err(missing));
    };
    Ok(Upstream::parse(&url, policy).map(|upstream| (url, upstream)))
}

fn line(number: i64, replay: &Replay, console: &Console<'_>) -> String {
    let said = match (replay.status, &replay.error) {
        (Some(status @ 200..=299), _) => console.paint(Tone::Good, &status.to_string()),
        (Some(status), _) => console.paint(Tone::Bad, &status.to_string()),
        (None, error) => console.paint(Tone::Bad, error.as_deref().unwrap_or("no answer")),
    };
    format!(
        "#{number}  -> {}  {said} in {} ms",
        in_line(&replay.to),
        replay.took_ms
    )
}

/// A time as people write it.
pub(crate) fn instant(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(Timestamp::from_unix_seconds(seconds));
    }
    let split = text.len().checked_sub(1)?;
    if let (Some(number), Some(unit)) = (text.get(..split), text.get(split..))
        && let Ok(number) = number.parse::<u32>()
    {
        let seconds: u32 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        let ago = Duration::from_secs(u64::from(number).saturating_mul(seconds.into()));
        let ago = i64::try_from(ago.as_millis()).ok()?;
        return Some(Timestamp::from_unix_millis(
            now.unix_millis().saturating_sub(ago),
        ));
    }
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let millis = time.unix_timestamp_nanos().div_euclid(1_000_000);
    Some(Timestamp::from_unix_millis(i64::try_from(millis).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = Timestamp::from_unix_seconds(1_760_000_000);
        let read = |text: &str| instant(text, now).map(Timestamp::unix_millis);
        for (text, due) in [
            ("1759999000", Some(1_759_999_000_000)),
            ("-5", Some(-5_000)),
            ("15m", Some(1_759_999_100_000)),
            ("2h", Some(1_759_992_800_000)),
            ("3d", Some(1_759_740_800_000)),
            ("90s", Some(1_759_999_910_000)),
            ("2025-10-09T08:53:20Z", Some(1_760_000_000_000)),
            ("2025-10-09T10:53:20.5+02:00", Some(1_760_000_000_500)),
            ("yesterday", None),
            ("", None),
            ("m", None),
            ("1w", None),
            ("-1h", None),
            ("2025-10-09", None),
            ("ü", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(read(text), due, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", now in any::<i64>()) {
            let _ = instant(&text, Timestamp::from_unix_millis(now));
        }

        #[test]
        fn what_is_ago_is_never_later(number in any::<u32>(), unit in "[smhd]") {
            let now = Timestamp::from_unix_seconds(1_760_000_000);
            let read = instant(&format!("{number}{unit}"), now).unwrap();
            prop_assert!(read.unix_millis() <= now.unix_millis());
        }
    }
}
