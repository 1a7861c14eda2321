//! What the terminal shows: a line a delivery, or an object a line.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answered, News};
use crate::{
    captures::{Summary, Verdict},
    console::{Console, Tone},
    failure::Failure,
    show::in_line,
};

/// What came, counted.
#[derive(Default)]
pub(crate) struct Tally {
    counts: BTreeMap<&'static str, u64>,
}

/// Every word that is counted, in the order in which they are shown.
const WORDS: [&str; 12] = [
    "received",
    "verified",
    "new",
    "duplicates",
    "suppressed",
    "pings",
    "in flight",
    "forwarded",
    "not forwarded",
    "refused",
    "not yet",
    "handshakes",
];

impl Tally {
    fn one(&mut self, word: &'static str) {
        *self.counts.entry(word).or_default() += 1;
    }

    fn add(&mut self, summary: &Summary) {
        self.one("received");
        match summary.verdict {
            Verdict::Verified => {
                self.one("verified");
                self.one(match summary.dedup.as_deref() {
                    Some("duplicate") => "duplicates",
                    Some("suppressed") => "suppressed",
                    Some("ping") => "pings",
                    Some("in-flight") => "in flight",
                    _ => "new",
                });
                self.passed(&summary.forward);
            }
            Verdict::Refused | Verdict::Nowhere => self.one("refused"),
            Verdict::Handshake => self.one("handshakes"),
            Verdict::NotYet | Verdict::Arrived => self.one("not yet"),
        }
    }

    fn passed(&mut self, forward: &Value) {
        if forward.is_null() {
            return;
        }
        let is_success = matches!(forward["status"].as_u64(), Some(200..=299));
        self.one(if is_success {
            "forwarded"
        } else {
            "not forwarded"
        });
    }

    fn get(&self, word: &str) -> u64 {
        self.counts.get(word).copied().unwrap_or_default()
    }

    /// Says what came, when all is over.
    pub(crate) fn report(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        if console.json {
            let counts: serde_json::Map<String, Value> = WORDS
                .iter()
                .map(|word| (word.replace(' ', "_"), self.get(word).into()))
                .collect();
            return console.object(&json!({ "command": "listen", "ended": counts }));
        }
        let counts: Vec<String> = WORDS
            .iter()
            .filter(|word| **word == "received" || self.get(word) > 0)
            .map(|word| format!("{} {word}", self.get(word)))
            .collect();
        console.line(&counts.join(", "));
        Ok(())
    }
}

/// Shows one piece of news. What ends the listener is not for here.
pub(crate) fn show(
    news: &News,
    verbose: bool,
    tally: &mut Tally,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    match news {
        News::Answered(answered) => {
            tally.add(&answered.summary);
            if answered.shown {
                delivery(answered, verbose, console)?;
            }
        }
        News::PassedLate { number, forward } => {
            tally.passed(forward);
            if console.json {
                return console.object(&json!({
                    "command": "listen", "passed_late": { "number": number, "forward": forward },
                }));
            }
            console.line(&format!("#{number}  {}", passed(forward)));
        }
        News::Explained {
            number,
            explanation,
        } => explained(*number, explanation, verbose, console)?,
        News::Note(text) if console.json => {
            console.object(&json!({ "command": "listen", "note": text }))?;
        }
        News::Note(text) => console.note(&in_line(text)),
    }
    Ok(())
}

fn delivery(answered: &Answered, verbose: bool, console: &mut Console<'_>) -> Result<(), Failure> {
    let summary = &answered.summary;
    if console.json {
        return console.object(&json!({ "command": "listen", "delivery": summary }));
    }
    let (word, tone) = word(summary);
    let mut line = format!(
        "{}  #{:<4} {} {}",
        clock(summary.received_ms),
        summary.number,
        summary.status.unwrap_or_default(),
        console.paint(tone, &format!("{word:<10}")),
    );
    for text in [
        summary.scheme.as_deref(),
        summary.event.as_ref().map(|event| event.value.as_str()),
        summary.delivery.as_ref().map(|id| id.value.as_str()),
        summary.reason.as_deref(),
    ]
    .into_iter()
    .flatten()
    {
        line.push_str("  ");
        line.push_str(&in_line(text));
    }
    if !summary.forward.is_null() {
        line.push_str("  ");
        line.push_str(&passed(&summary.forward));
    }
    console.line(&line);
    if verbose {
        console.line(&format!(
            "    {} {}  {} bytes, {} ms",
            in_line(&summary.method),
            in_line(&summary.target),
            summary.body_bytes,
            summary.took_ms.unwrap_or_default()
        ));
        for header in &answered.headers {
            console.line(&format!(
                "    {}: {}",
                in_line(&header.name),
                in_line(&header.value)
            ));
        }
    }
    Ok(())
}

/// What it is called, and how it is meant.
fn word(summary: &Summary) -> (&str, Tone) {
    match (summary.verdict, summary.dedup.as_deref()) {
        (Verdict::Verified, Some("fresh" | "takeover") | None) => match summary.status {
            Some(200..=299) => ("verified", Tone::Good),
            _ => ("given back", Tone::Bad),
        },
        (Verdict::Verified, Some(dedup)) => (dedup, Tone::Strong),
        (Verdict::Refused | Verdict::Nowhere, _) => ("refused", Tone::Bad),
        (Verdict::NotYet | Verdict::Arrived, _) => ("not yet", Tone::Bad),
        (Verdict::Handshake, _) => ("handshake", Tone::Good),
    }
}

fn passed(forward: &Value) -> String {
    let took = forward["took_ms"].as_u64().unwrap_or_default();
    match (forward["status"].as_u64(), forward["error"].as_str()) {
        (Some(status), _) => format!("-> {status} in {took} ms"),
        (None, Some(error)) => format!("-> {error}"),
        (None, None) => "-> ?".to_owned(),
    }
}

fn explained(
    number: i64,
    explanation: &Value,
    verbose: bool,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let findings = explanation["findings"].as_array();
    let findings = findings.map(Vec::as_slice).unwrap_or_default();
    if console.json {
        return console.object(&json!({
            "command": "listen",
            "explained": {
                "number": number,
                "reproduced": explanation["reproduced"].as_bool().unwrap_or_default(),
                "findings": findings,
            },
        }));
    }
    let most = if verbose { findings.len() } else { 1 };
    for finding in findings.iter().take(most) {
        let text = |name: &str| in_line(finding[name].as_str().unwrap_or_default());
        let what = console.paint(Tone::Strong, &text("what"));
        let sure = finding["reproduced"] == true || finding["cause"] == "unknown";
        let likely = if sure { "" } else { "likely: " };
        console.line(&format!("    #{number}  {likely}{what}"));
        console.line(&format!("        change: {}", text("change")));
    }
    Ok(())
}

/// The time of day, in UTC.
fn clock(unix_ms: i64) -> String {
    let seconds = unix_ms.div_euclid(1_000).rem_euclid(86_400);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}Z", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_utc() {
        assert_eq!(clock(0), "00:00:00Z");
        assert_eq!(clock(1_760_000_000_999), "08:53:20Z");
        assert_eq!(clock(-1), "23:59:59Z");
    }
}
