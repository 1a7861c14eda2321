//! What was answered, in a table.

use core::time::Duration;
use std::collections::BTreeMap;

use countersign_core::Scheme;
use serde_json::{Value, json};

use super::{client::Attempt, shots::Kind};
use crate::{
    console::{Console, Tone},
    failure::{Exit, Failure},
    input::Address,
};

/// Everything that was answered.
#[derive(Default)]
pub(super) struct Tally {
    rows: BTreeMap<Kind, Row>,
    took: Vec<Duration>,
}

#[derive(Default)]
struct Row {
    deliveries: u64,
    attempts: u64,
    /// How the last attempts ended.
    successes: u64,
    refusals: u64,
    /// The last attempt was told to come again.
    not_yet: u64,
    statuses: BTreeMap<u16, u64>,
    unanswered: BTreeMap<&'static str, u64>,
    dedup: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(super) fn add(&mut self, kind: Kind, attempts: &[Attempt]) {
        let row = self.rows.entry(kind).or_default();
        row.deliveries += 1;
        for attempt in attempts {
            row.attempts += 1;
            match attempt.answer {
                Ok(status) => {
                    *row.statuses.entry(status).or_default() += 1;
                    self.took.push(attempt.took);
                }
                Err(why) => *row.unanswered.entry(why).or_default() += 1,
            }
            if let Some(dedup) = attempt.dedup {
                *row.dedup.entry(dedup).or_default() += 1;
            }
        }
        match attempts.last().map(|last| last.answer) {
            Some(Ok(200..=299)) => row.successes += 1,
            Some(Ok(503)) => row.not_yet += 1,
            Some(Ok(400..=499)) => row.refusals += 1,
            _ => {}
        }
    }

    /// Whether true events arrived, and nothing else did.
    pub(super) fn verdict(&self, id_is_signed: bool) -> Exit {
        let right = self.rows.iter().all(|(kind, row)| match kind {
            Kind::Event => row.successes == row.deliveries,
            // Its first copy may still be running.
            Kind::Copy => row.successes + row.not_yet == row.deliveries,
            Kind::Tampered | Kind::Stale => row.refusals == row.deliveries,
            Kind::NewId if id_is_signed => row.refusals == row.deliveries,
            // What it is told is the receiver's choice; that it does not run shows at the receiver.
            Kind::NewId => true,
        });
        if right { Exit::Yes } else { Exit::No }
    }

    pub(super) fn is_unanswered(&self) -> bool {
        self.took.is_empty()
    }

    pub(super) fn why(&self) -> &'static str {
        let mut reasons = self.rows.values().flat_map(|row| row.unanswered.keys());
        reasons.next().copied().unwrap_or("nothing was sent")
    }

    pub(super) fn report(
        &mut self,
        scheme: &Scheme,
        to: &Address,
        elapsed: Duration,
        verdict: Exit,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        self.took.sort_unstable();
        let latencies =
            [("p50", 50), ("p99", 99), ("max", 100)].map(|(name, per)| (name, self.at(per)));
        let millis = |time: Duration| (time.as_secs_f64() * 10_000.0).round() / 10.0;
        if console.json {
            let rows: Vec<Value> = self
                .rows
                .iter()
                .map(|(kind, row)| row.json(*kind))
                .collect();
            return console.object(&json!({
                "command": "send",
                "scheme": scheme.name(),
                "host": to.host,
                "as_expected": verdict == Exit::Yes,
                "sent": rows,
                "latency_ms": latencies.iter().map(|(name, time)| ((*name).to_owned(), json!(time.map(millis)))).collect::<serde_json::Map<_, _>>(),
                "elapsed_s": elapsed.as_secs_f64(),
            }));
        }
        if self.is_unanswered() {
            return Ok(());
        }
        console.line("          sent  attempts   2xx  4xx  5xx  none   dedup");
        for kind in Kind::ALL {
            if let Some(row) = self.rows.get(&kind) {
                console.line(row.line(kind).trim_end());
            }
        }
        let latencies = latencies
            .iter()
            .filter_map(|(name, time)| Some(format!("{name} {} ms", millis((*time)?))));
        let latencies: Vec<String> = latencies.collect();
        console.line(&format!(
            "{} in {:.1} s",
            latencies.join(", "),
            elapsed.as_secs_f64()
        ));
        let statuses = self.rows.values().flat_map(|row| &row.statuses);
        let mut all: BTreeMap<u16, u64> = BTreeMap::new();
        for (status, count) in statuses {
            *all.entry(*status).or_default() += count;
        }
        let all: Vec<String> = all
            .iter()
            .map(|(status, count)| format!("{count} x {status}"))
            .collect();
        console.line(&format!("statuses: {}", all.join(", ")));
        let word = match verdict {
            Exit::Yes => console.paint(Tone::Good, "as expected"),
            _ => console.paint(Tone::Bad, "not as expected"),
        };
        console.line(&format!(
            "{word}: events are to be answered with a success, what is forged or stale is to be refused"
        ));
        Ok(())
    }

    /// The latency that this many of a hundred answers did not exceed.
    fn at(&self, per: usize) -> Option<Duration> {
        let rank = self.took.len().saturating_mul(per).div_ceil(100);
        self.took.get(rank.checked_sub(1)?).copied()
    }
}

impl Row {
    fn of_class(&self, class: u16) -> u64 {
        let of = self
            .statuses
            .iter()
            .filter(|(status, _)| *status / 100 == class);
        of.map(|(_, count)| count).sum()
    }

    fn line(&self, kind: Kind) -> String {
        let none: u64 = self.unanswered.values().sum();
        let dedup: Vec<String> = self
            .dedup
            .iter()
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        format!(
            "{:<9} {:>4}  {:>8}  {:>4} {:>4} {:>4}  {none:>4}   {}",
            kind.name(),
            self.deliveries,
            self.attempts,
            self.of_class(2),
            self.of_class(4),
            self.of_class(5),
            dedup.join(", ")
        )
    }

    fn json(&self, kind: Kind) -> Value {
        json!({
            "kind": kind.name(),
            "deliveries": self.deliveries,
            "attempts": self.attempts,
            "successes": self.successes,
            "statuses": counts(self.statuses.iter().map(|(status, count)| (status.to_string(), *count))),
            "unanswered": counts(self.unanswered.iter().map(|(why, count)| ((*why).to_owned(), *count))),
            "dedup": counts(self.dedup.iter().map(|(word, count)| ((*word).to_owned(), *count))),
        })
    }
}

fn counts(pairs: impl Iterator<Item = (String, u64)>) -> Value {
    Value::Object(
        pairs
            .map(|(name, count)| (name, Value::from(count)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::{super::client::Answer, *};

    fn verdict(kind: Kind, answers: &[Answer], id_is_signed: bool) -> Exit {
        let attempts: Vec<Attempt> = answers
            .iter()
            .map(|answer| Attempt {
                answer: *answer,
                dedup: None,
                took: Duration::ZERO,
            })
            .collect();
        let mut tally = Tally::default();
        tally.add(kind, &attempts);
        tally.verdict(id_is_signed)
    }

    #[test]
    fn what_is_forged_must_be_refused_and_what_is_true_accepted() {
        let rows: &[(Kind, &[Answer], Exit)] = &[
            (Kind::Event, &[Ok(200)], Exit::Yes),
            (Kind::Event, &[Ok(500), Ok(204)], Exit::Yes),
            (Kind::Event, &[Ok(401)], Exit::No),
            (Kind::Event, &[Ok(302)], Exit::No),
            (Kind::Event, &[Err("no connection")], Exit::No),
            (Kind::Copy, &[Ok(200)], Exit::Yes),
            (Kind::Copy, &[Ok(503)], Exit::Yes),
            (Kind::Copy, &[Ok(500)], Exit::No),
            (Kind::Tampered, &[Ok(401)], Exit::Yes),
            (Kind::Tampered, &[Ok(200)], Exit::No),
            (Kind::Tampered, &[Ok(503)], Exit::No),
            (Kind::Stale, &[Ok(401)], Exit::Yes),
            (Kind::Stale, &[Ok(200)], Exit::No),
            (Kind::NewId, &[Ok(200)], Exit::Yes),
        ];
        for (kind, answers, due) in rows {
            assert_eq!(verdict(*kind, answers, false), *due, "{kind:?} {answers:?}");
        }
        assert_eq!(verdict(Kind::NewId, &[Ok(200)], true), Exit::No);
        assert_eq!(verdict(Kind::NewId, &[Ok(401)], true), Exit::Yes);
    }

    #[test]
    fn latencies_are_of_the_answers() {
        let mut tally = Tally::default();
        for millis in 1..=200 {
            tally.took.push(Duration::from_millis(millis));
        }
        let at = |per| tally.at(per).unwrap().as_millis();
        assert_eq!((at(50), at(99), at(100)), (100, 198, 200));
        assert_eq!(Tally::default().at(50), None);
    }
}
