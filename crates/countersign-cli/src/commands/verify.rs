//! Checking a request's signature.

use core::time::Duration;

use countersign_core::{
    Rejection, Scheme, Secret, Timestamp, Verified, Verifier, scheme::Tolerance,
};
use serde_json::{Value, json};

use super::vectors;
use crate::{
    args::VerifyArgs,
    config::Config,
    console::{Console, Tone},
    failure::{Exit, Failure},
    secrets::SecretText,
    show::in_line,
};

pub(crate) fn run(
    args: &VerifyArgs,
    config: &Config,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    if let Some(file) = &args.vectors {
        return vectors::run(file, console);
    }
    let scheme = args.scheme.choose(config)?.scheme;
    let request = args.request.read(&scheme, console)?;
    let secrets = args.secret.read(config, console)?;
    // A default is for the senders that sign a time; a flag is for this one.
    let usual = config.tolerance.filter(|_| scheme.tolerance().is_some());
    let tolerance = args.tolerance.or(usual).map(Duration::from_secs);
    let url = args.request.url(&request, config);
    let verifier = verifier(scheme, &secrets, tolerance, url)?;
    let now = args
        .at
        .map_or_else(Timestamp::now, Timestamp::from_unix_seconds);
    let judged = verifier.verify(&request, request.body.clone().into(), now);
    let claimed = args.request.claimed_url(&request, &scheme, config);
    report(&scheme, request.body.len(), claimed, &judged, console)?;
    Ok(if judged.is_ok() { Exit::Yes } else { Exit::No })
}

/// A verifier of what somebody asked about.
pub(crate) fn verifier(
    scheme: Scheme,
    secrets: &[SecretText],
    tolerance: Option<Duration>,
    url: Option<String>,
) -> Result<Verifier, Failure> {
    let mut builder = Verifier::builder(scheme);
    for secret in secrets {
        let name = secret.source.name();
        let text = Secret::new(secret.text.to_string())
            .map_err(|error| Failure::usage(format!("{name}: {error}")))?;
        builder = builder.secret(text.labelled(name));
    }
    if let Some(tolerance) = tolerance {
        if scheme.tolerance().is_none() {
            return Err(Failure::usage(format!(
                "--tolerance: {} signs no time that is judged",
                scheme.name()
            )));
        }
        // Somebody who asks about one request wants it judged as said, late retry or not.
        builder = builder
            .tolerance(Tolerance {
                past: tolerance.max(scheme.latest_retry().unwrap_or_default()),
                future: tolerance,
            })
            .refuse_late_retries_after(tolerance);
    }
    if !scheme.body_is_signed() {
        builder = builder.accept_unsigned_body();
    }
    if scheme.signs_url() {
        builder = builder.url(url.ok_or_else(|| {
            Failure::usage("this sender signs the address that it was given: say it with `--url`")
        })?);
    }
    // One request at a time: what a document allows for one body is never more than for all.
    let builder = builder.limits(|limits| {
        let room = limits.body_bytes.saturating_mul(4);
        limits.buffered_bytes = limits.buffered_bytes.max(room);
    });
    builder
        .build()
        .map_err(|error| Failure::usage(error.to_string()))
}

/// A refusal as JSON.
pub(crate) fn refusal(rejection: &Rejection) -> Value {
    json!({
        "kind": rejection.kind().as_str(),
        "header": rejection.header(),
        "detail": rejection.detail().map(|detail| detail.to_string()),
        "status": rejection.kind().status(),
    })
}

fn report(
    scheme: &Scheme,
    bytes: usize,
    claimed: Option<&str>,
    judged: &Result<Verified, Rejection>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let verified = judged.as_ref().ok();
    if console.json {
        let id = verified.and_then(|verified| {
            Some(json!({ "value": verified.id()?, "signed": verified.id_is_signed() }))
        });
        let event = verified.and_then(|verified| {
            let event = verified.event_type()?;
            Some(json!({ "value": event.as_str(), "signed": event.is_signed() }))
        });
        return console.object(&json!({
            "command": "verify",
            "scheme": scheme.name(),
            "verified": judged.is_ok(),
            "refusal": judged.as_ref().err().map(refusal),
            "body_is_signed": scheme.body_is_signed(),
            "body_bytes": bytes,
            "secret": verified.map(Verified::matched_key),
            "id": id,
            "event": event,
            "time": verified.and_then(|verified| Some(verified.time()?.unix_seconds())),
            "late_s": verified.and_then(|verified| Some(verified.lateness()?.as_secs())),
            "claimed_address": claimed,
        }));
    }
    match judged {
        Ok(verified) => {
            let yes = console.paint(Tone::Good, "verified");
            console.line(&format!("{yes}: {} ({bytes} bytes)", scheme.name()));
            let claim = |signed| if signed { "" } else { "  (not signed)" };
            if !verified.body_is_signed() {
                console.line("  nothing is signed: this says who sent the request, and not what");
            }
            console.line(&format!("  secret  {}", in_line(verified.matched_key())));
            if let Some(id) = verified.id() {
                console.line(&format!(
                    "  id      {}{}",
                    in_line(id),
                    claim(verified.id_is_signed())
                ));
            }
            if let Some(event) = verified.event_type() {
                console.line(&format!(
                    "  type    {}{}",
                    in_line(event.as_str()),
                    claim(event.is_signed())
                ));
            }
            if let Some(time) = verified.time() {
                let signed = claim(scheme.time_is_signed());
                console.line(&format!("  time    {}{signed}", time.unix_seconds()));
            }
        }
        Err(rejection) => {
            let no = console.paint(Tone::Bad, "refused");
            console.line(&format!("{no}: {rejection}"));
        }
    }
    if let Some(claimed) = claimed {
        console.line(&claim_of_address(claimed));
    }
    Ok(())
}

/// That the signature was checked for an address that anybody can write.
pub(crate) fn claim_of_address(claimed: &str) -> String {
    format!(
        "  address {}  (the request's own word: say the one that the sender was given with `--url`)",
        in_line(claimed)
    )
}
