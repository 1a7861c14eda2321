//! Sending what `listen` kept once more.

use core::time::Duration;

use countersign_core::Timestamp;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::runtime;

use crate::{
    args::ReplayArgs,
    captures::{
        self, Capture, Replay,
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
    let numbers = match since {
        Some(since) => file.since(since.unix_millis()).map_err(failed)?,
        None => args.numbers.clone(),
    };
    let way = match args.through_listener {
        true => Way::Listener,
        false => Way::Forward,
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::no_answer(format!("no runtime: {error}")))?;
    let forwarder = Forwarder::new(ForwardLimits::default());
    let (mut rows, mut tally) = (Vec::new(), Tally::default());
    for number in numbers {
        let capture = file.get(number).map_err(failed)?;
        let Some(capture) = capture else {
            return Err(Failure::usage(format!(
                "#{number}: there is no such request in {}",
                path.display()
            )));
        };
        if let Some(why) = hindrance(&capture, way) {
            // What was asked for by its number is missed; of a span of time it is passed over.
            if since.is_none() {
                return Err(Failure::usage(format!("#{number}: {why}")));
            }
            tally.left_out += 1;
            rows.push(json!({ "number": number, "replay": null, "left_out": why }));
            if !console.json {
                console.line(&format!("#{number}  left out: {why}"));
            }
            continue;
        }
        let (to, policy) = target(args, &file, &capture, way).map_err(failed)??;
        let upstream = Upstream::parse(&to, policy)
            .map_err(|mistake| Failure::usage(format!("{}: {mistake}", in_line(&to))))?;
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

/// Where a capture goes, and whether with the path that it came with.
fn target(
    args: &ReplayArgs,
    file: &CaptureFile,
    capture: &Capture,
    way: Way,
) -> Result<Result<(String, PathPolicy), Failure>, CaptureError> {
    if let Some(to) = &args.to {
        let is_here = Address::parse(to).is_some_and(|address| address.is_loopback());
        if !is_here && !args.i_own_this_endpoint {
            return Ok(Err(Failure::usage(
                "--to: this address is not of this machine; `--i-own-this-endpoint` says that it is yours",
            )));
        }
        return Ok(Ok((to.clone(), PathPolicy::Own)));
    }
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
    let found = file.fact(&fact)?;
    Ok(found
        .map(|url| (url, policy))
        .ok_or_else(|| Failure::usage(missing)))
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
