//! Checking a whole file of known answers.

use std::collections::BTreeMap;

use core::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use countersign_core::{Rejection, Scheme, Secret, Timestamp, Verifier};
use countersign_senders::find;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    console::{Console, Tone},
    failure::{Exit, Failure},
    input::{Request, read},
    show::in_line,
};

/// The clock of vectors that name none.
const ANY_TIME: i64 = 1_700_000_000;

#[derive(Deserialize)]
struct Vector {
    id: String,
    preset: Option<String>,
    secret: String,
    #[serde(default)]
    secret_encoding: String,
    #[serde(default)]
    other_secrets: Vec<String>,
    headers: BTreeMap<String, String>,
    #[serde(default)]
    method: Option<String>,
    body: Option<String>,
    body_b64: Option<String>,
    now_unix: Option<i64>,
    tolerance_s: Option<u64>,
    query: Option<String>,
    url: Option<String>,
    expect: Expect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Valid,
    Invalid,
}

/// What became of one.
enum Outcome {
    Agrees(Result<(), Rejection>),
    Disagrees(Result<(), Rejection>),
    /// There is no preset of this sender.
    Without,
    /// It cannot be judged as it is written.
    Unusable(String),
}

pub(crate) fn run(file: &str, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let bytes = read(file, console)?;
    let vectors: Vec<Vector> = serde_json::from_slice(&bytes).map_err(|error| {
        // The cause may repeat a value, and values of vectors are samples, but secrets all the same.
        let (line, column) = (error.line(), error.column());
        Failure::usage(format!(
            "{file}: this is no list of vectors (line {line}, column {column}); tests/vectors/README.md says how they \
             are written"
        ))
    })?;
    let (mut agree, mut disagree, mut without) = (0_usize, 0_usize, 0_usize);
    let mut rows = Vec::new();
    for vector in &vectors {
        let outcome = vector.outcome();
        match &outcome {
            Outcome::Agrees(_) => agree += 1,
            Outcome::Disagrees(_) | Outcome::Unusable(_) => disagree += 1,
            Outcome::Without => without += 1,
        }
        if console.json {
            rows.push(vector.row(&outcome));
        } else {
            let line = vector.line(&outcome, console);
            console.line(&line);
        }
    }
    if console.json {
        console.object(&json!({
            "command": "verify",
            "vectors": rows,
            "agree": agree,
            "disagree": disagree,
            "without_preset": without,
        }))?;
    } else {
        console.line(&format!(
            "{agree} agree, {disagree} disagree, {without} of senders that have no preset"
        ));
    }
    Ok(if disagree == 0 { Exit::Yes } else { Exit::No })
}

impl Vector {
    fn outcome(&self) -> Outcome {
        let Some(preset) = self.preset.as_deref().and_then(find) else {
            return Outcome::Without;
        };
        match self.judge(preset.scheme) {
            Err(unusable) => Outcome::Unusable(unusable),
            Ok(judged) if judged.is_ok() == (self.expect == Expect::Valid) => {
                Outcome::Agrees(judged)
            }
            Ok(judged) => Outcome::Disagrees(judged),
        }
    }

    fn judge(&self, scheme: Scheme) -> Result<Result<(), Rejection>, String> {
        let mut builder = Verifier::builder(scheme).secret(self.secret(scheme)?);
        for other in &self.other_secrets {
            builder =
                builder.secret(Secret::new(other.clone()).map_err(|error| error.to_string())?);
        }
        if let Some(seconds) = self.tolerance_s.filter(|_| scheme.tolerance().is_some()) {
            builder = builder.refuse_late_retries_after(Duration::from_secs(seconds));
        }
        if scheme.signs_url() {
            builder = builder.url(
                self.url
                    .clone()
                    .ok_or("`url` is missing, which this sender signs")?,
            );
        }
        if !scheme.body_is_signed() {
            builder = builder.accept_unsigned_body();
        }
        let verifier = builder.build().map_err(|error| error.to_string())?;
        let mut request = Request {
            method: self.method.clone().unwrap_or_else(|| "POST".to_owned()),
            target: match &self.query {
                Some(query) => format!("/?{query}"),
                None => "/".to_owned(),
            },
            ..Request::default()
        };
        for (name, value) in &self.headers {
            request.add(name.as_bytes(), value.as_bytes())?;
        }
        let body = match (&self.body, &self.body_b64) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(text)) => STANDARD
                .decode(text)
                .map_err(|_| "`body_b64` is not base64")?,
            (None, None) => Vec::new(),
        };
        let now = Timestamp::from_unix_seconds(self.now_unix.unwrap_or(ANY_TIME));
        Ok(verifier.verify(&request, body.into(), now).map(drop))
    }

    /// The secret as text where it has the form of the sender's; a sample that has not is the key itself.
    fn secret(&self, scheme: Scheme) -> Result<Secret, String> {
        let text = Secret::new(self.secret.clone()).map_err(|error| error.to_string())?;
        if countersign_core::Keyring::new(&scheme, text.clone()).is_ok() {
            return Ok(text);
        }
        let key = match &*self.secret_encoding {
            "base64" => Secret::from_base64(&self.secret),
            "hex" => Secret::from_hex(&self.secret),
            _ => Secret::from_bytes(self.secret.clone().into_bytes()),
        };
        key.map_err(|error| error.to_string())
    }

    fn line(&self, outcome: &Outcome, console: &Console<'_>) -> String {
        let (word, why) = match outcome {
            Outcome::Agrees(judged) => (console.paint(Tone::Good, "agrees"), said(judged)),
            Outcome::Disagrees(judged) => (console.paint(Tone::Bad, "disagrees"), said(judged)),
            Outcome::Without => ("no preset".to_owned(), String::new()),
            Outcome::Unusable(why) => (console.paint(Tone::Bad, "unusable"), why.clone()),
        };
        let why = if why.is_empty() {
            why
        } else {
            format!(": {why}")
        };
        format!("{word}  {}{why}", in_line(&self.id))
    }

    fn row(&self, outcome: &Outcome) -> Value {
        let (outcome, reason) = match outcome {
            Outcome::Agrees(judged) => ("agrees", said(judged)),
            Outcome::Disagrees(judged) => ("disagrees", said(judged)),
            Outcome::Without => ("without preset", String::new()),
            Outcome::Unusable(why) => ("unusable", why.clone()),
        };
        let expect = match self.expect {
            Expect::Valid => "valid",
            Expect::Invalid => "invalid",
        };
        json!({
            "id": self.id,
            "preset": self.preset,
            "expect": expect,
            "outcome": outcome,
            "reason": reason,
        })
    }
}

fn said(judged: &Result<(), Rejection>) -> String {
    match judged {
        Ok(()) => "verified".to_owned(),
        Err(rejection) => rejection.to_string(),
    }
}
