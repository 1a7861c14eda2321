//! What is wrong with a request that does not verify.

use countersign_core::{
    Scheme, Timestamp,
    explain::{Explanation, Finding, Question, Spot},
};
use countersign_senders::all;
use serde_json::{Value, json};

use super::verify::{claim_of_address, refusal};
use crate::{
    args::ExplainArgs,
    config::Config,
    console::{Console, Tone},
    failure::{Exit, Failure},
    show::in_line,
};

pub(crate) fn run(
    args: &ExplainArgs,
    config: &Config,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let scheme = args.scheme.choose(config)?.scheme;
    let request = args.request.read(&scheme, console)?;
    let secrets = args.secret.read(config, console)?;
    let Some((secret, others)) = secrets.split_first() else {
        return Err(Failure::usage("which secret?"));
    };
    let now = args
        .at
        .map_or_else(Timestamp::now, Timestamp::from_unix_seconds);
    let mut question = Question::new(
        scheme,
        secret.text.to_string(),
        &request,
        request.body.clone(),
        now,
    )
    .other_schemes(all().map(|preset| preset.scheme));
    for other in others {
        question = question.other_secret(other.source.name(), other.text.to_string());
    }
    let url = args.request.url(&request, config);
    if scheme.signs_url() && url.is_none() {
        return Err(Failure::usage(
            "this sender signs the address that it was given: say it with `--url`",
        ));
    }
    if let Some(url) = url {
        question = question.url(url);
    }
    let explanation = question.explain();
    let claimed = args.request.claimed_url(&request, &scheme, config);
    report(&scheme, &explanation, claimed, console)?;
    Ok(if explanation.is_accepted() {
        Exit::Yes
    } else {
        Exit::No
    })
}

fn report(
    scheme: &Scheme,
    explanation: &Explanation,
    claimed: Option<&str>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    if console.json {
        let findings: Vec<Value> = explanation.findings().iter().map(row).collect();
        return console.object(&json!({
            "command": "explain",
            "scheme": scheme.name(),
            "verified": explanation.is_accepted(),
            "reproduced": explanation.is_reproduced(),
            "refusal": explanation.refusal().map(refusal),
            "unusable": explanation.unusable(),
            "findings": findings,
            "claimed_address": claimed,
        }));
    }
    if explanation.is_accepted() {
        let yes = console.paint(Tone::Good, "verified");
        console.line(&format!(
            "{yes}: {}; there is nothing to explain",
            scheme.name()
        ));
        if let Some(claimed) = claimed {
            console.line(&claim_of_address(claimed));
        }
        return Ok(());
    }
    let no = console.paint(Tone::Bad, "refused");
    let why = match (explanation.refusal(), explanation.unusable()) {
        (Some(rejection), _) => rejection.to_string(),
        (None, Some(message)) => format!("nothing can be received: {message}"),
        (None, None) => String::new(),
    };
    console.line(&format!("{no}: {why}"));
    if let Some(claimed) = claimed {
        console.line(&claim_of_address(claimed));
    }
    for finding in explanation.findings() {
        let what = console.paint(Tone::Strong, &in_line(&finding.to_string()));
        console.line("");
        console.line(&what);
        console.line(&format!("  change: {}", finding.change()));
        console.line(&format!("  where:  {}", spot(finding.spot())));
        console.line(&format!("  code:   {}", finding.cause().code()));
    }
    console.line("");
    console.line(if explanation.is_reproduced() {
        "With this changed the signature was reproduced with the secret that was given."
    } else {
        "The signature was not reproduced: what is above is seen, or likely, and not proved."
    });
    Ok(())
}

const fn spot(spot: Spot) -> &'static str {
    match spot {
        Spot::Receiver => "in the receiver's code, before the signature is checked",
        Spot::Settings => "in the receiver's settings: secret, scheme, address, clock",
        Spot::Between => "between the sender and the receiver: proxy, gateway, tunnel",
        Spot::Sender => "at the sender",
        _ => "elsewhere",
    }
}

/// A finding as JSON.
pub(crate) fn row(finding: &Finding) -> Value {
    json!({
        "cause": finding.cause().code(),
        "what": finding.to_string(),
        "change": finding.change(),
        "where": finding.spot().as_str(),
        "reproduced": finding.is_reproduced(),
    })
}
