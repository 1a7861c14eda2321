use core::time::Duration;
use std::collections::HashMap;

use countersign_core::{
    ConfigError, KeyringError, MemoryStore, Receiver, ReceiverBuilder, Scheme, Secret,
    VerifierError,
    scheme::{Handshake, Tolerance},
};

use zeroize::Zeroizing;

use super::{
    reader::Reader,
    sources::{Beside, Found},
};
use crate::{
    forward::{ForwardLimits, PathPolicy, Upstream},
    gateway::offers,
};

/// What a run may last beyond what the upstream may: its claim is settled in that time.
const SETTLING: Duration = Duration::from_secs(10);

/// One sender, and the service behind it.
#[derive(Clone, Debug)]
pub(crate) struct EndpointSettings {
    /// What scopes its deliveries in the store.
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) scheme: Scheme,
    pub(crate) upstream: Upstream,
    pub(crate) forward: ForwardLimits,
    secrets: Vec<Secret>,
    tolerance: Option<Duration>,
    url: Option<String>,
    body_limit: Option<usize>,
    answer_within: Option<Duration>,
    retention: Option<Duration>,
    accept_unsigned_body: bool,
    verify_token: Option<Secret>,
    lease: Duration,
}

impl EndpointSettings {
    /// A receiver that lacks only its store.
    pub(crate) fn receiver(&self) -> ReceiverBuilder {
        let mut builder = Receiver::builder(self.scheme).endpoint(&self.name);
        for secret in &self.secrets {
            builder = builder.secret(secret.clone());
        }
        if let Some(tolerance) = self.tolerance {
            // Towards the past it is as said, late retries included; the side of the future stays narrow.
            let usual = self
                .scheme
                .tolerance()
                .map_or(tolerance, |usual| usual.future);
            builder = builder.tolerance(Tolerance {
                past: tolerance,
                future: tolerance.min(usual),
            });
        }
        if let Some(url) = &self.url {
            builder = builder.url(url.clone());
        }
        if let Some(retention) = self.retention {
            builder = builder.retention(retention);
        }
        if self.accept_unsigned_body {
            builder = builder.accept_unsigned_body();
        }
        if let Some(token) = &self.verify_token {
            builder = builder.verify_token(token.clone());
        }
        if offers::has_some(&self.scheme) {
            builder = builder.on_offer(offers::decline);
        }
        let total = self.forward.total_time.saturating_add(SETTLING);
        builder.limits(|limits| {
            if let Some(bytes) = self.body_limit {
                limits.verify.body_bytes = bytes;
                let least = bytes.saturating_mul(2).saturating_add(128 * 1024);
                limits.verify.buffered_bytes = limits.verify.buffered_bytes.max(least);
            }
            if let Some(budget) = self.answer_within {
                limits.response_budget = budget;
                limits.wait = limits.wait.min(budget);
            }
            limits.lease = self.lease;
            limits.total_run = total;
        })
    }
}

/// What the endpoints before this one have, because each needs its own.
#[derive(Default)]
pub(super) struct Taken {
    /// Paths, with the endpoint's name.
    paths: HashMap<String, String>,
    secrets: Vec<TakenSecret>,
}

struct TakenSecret {
    endpoint: String,
    scheme: &'static str,
    text: Zeroizing<String>,
}

impl Taken {
    /// Whoever knows what was sent to one of two endpoints with one secret can send it to the other one, too.
    fn take(&mut self, endpoint: &str, scheme: &Scheme, found: &[Found], beside: &Beside<'_>) {
        let scheme = scheme.name();
        let is_same = |other: &&TakenSecret| {
            other.scheme == scheme && found.iter().any(|found| found.text == other.text)
        };
        let mut others: Vec<&str> = self
            .secrets
            .iter()
            .filter(is_same)
            .map(|other| &*other.endpoint)
            .collect();
        others.dedup();
        for other in others {
            beside.warnings.borrow_mut().push(format!(
                "endpoints.{other} and endpoints.{endpoint} share a secret: what was sent to one can be replayed to the \
                 other"
            ));
        }
        self.secrets.extend(found.iter().map(|found| TakenSecret {
            endpoint: endpoint.to_owned(),
            scheme,
            text: found.text.clone(),
        }));
    }
}

pub(super) fn read(
    name: &str,
    table: Reader<'_>,
    beside: &Beside<'_>,
    lease: Option<Duration>,
    taken: &mut Taken,
) -> Option<EndpointSettings> {
    let before = beside.problems.count();
    let path = path(&table, name, &mut taken.paths);
    let scheme = match table.text("scheme") {
        Some(entry) => beside.scheme(&entry),
        None => {
            missing(
                &table,
                "scheme",
                "which sender? say `scheme = \"stripe\"`; `countersign schemes` lists them",
            );
            None
        }
    };
    let named = table.has("secret_env") || table.has("secret_file");
    let secrets = beside.secrets(&table, "secret_env", "secret_file");
    if let Some(scheme) = &scheme {
        taken.take(name, scheme, &secrets, beside);
    }
    let secrets = secrets.into_iter().filter_map(|found| {
        // The label appears in logs and metrics: the variable or the file, never what is in it.
        let secret = Secret::new(found.text.to_string()).ok()?;
        Some(secret.labelled(found.name))
    });
    let secrets: Vec<Secret> = secrets.collect();
    if !named {
        table.wrong(
            "",
            "which secret? name it with `secret_env = \"NAME\"` or `secret_file = \"PATH\"`",
        );
    }
    let mut tokens = beside.secrets(&table, "verify_token_env", "verify_token_file");
    let token = tokens
        .pop()
        .and_then(|found| Secret::new(found.text.to_string()).ok());
    let upstream = upstream(&table);
    let forward = forward(&table);
    let tolerance = table.duration("tolerance");
    let url = table.text("url").map(|entry| entry.value.to_owned());
    let body_limit = table.size("body_limit");
    let answer_within = table.duration("answer_within");
    let retention = table.duration("retention");
    let accept_unsigned_body = table.flag("accept_unsigned_body").unwrap_or(false);
    let settings = (|| {
        Some(EndpointSettings {
            name: name.to_owned(),
            path: path?,
            scheme: scheme?,
            upstream: upstream?,
            forward,
            secrets,
            tolerance,
            url,
            body_limit,
            answer_within,
            retention,
            accept_unsigned_body,
            verify_token: token,
            lease: lease.unwrap_or(Duration::from_secs(30)),
        })
    })();
    // A receiver that lacks what was complained of already would only complain again.
    if let (Some(settings), true) = (&settings, beside.problems.count() == before)
        && let Err(error) = settings.receiver().store(MemoryStore::new()).build()
    {
        let (key, message) = in_the_file(&error, &settings.scheme);
        table.wrong(key, message);
    }
    table.finish();
    settings
}

fn path(table: &Reader<'_>, name: &str, paths: &mut HashMap<String, String>) -> Option<String> {
    let Some(entry) = table.text("path") else {
        missing(
            table,
            "path",
            "where do its deliveries arrive? say `path = \"/webhooks/stripe\"`",
        );
        return None;
    };
    let path = entry.value;
    let whole: Option<http::Uri> = path.parse().ok();
    let is_path = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains(['?', '#'])
        && whole.is_some_and(|uri| uri.path() == path);
    if !is_path {
        table.wrong(
            "path",
            "this must be a path as it stands in a request, such as \"/webhooks/stripe\"",
        );
        return None;
    }
    if let Some(other) = paths.insert(path.to_owned(), name.to_owned()) {
        table.wrong(
            "path",
            format!("endpoints.{other} has this path, too: each needs one of its own"),
        );
        return None;
    }
    Some(path.to_owned())
}

fn upstream(table: &Reader<'_>) -> Option<Upstream> {
    let Some(entry) = table.text("upstream") else {
        missing(
            table,
            "upstream",
            "which service? say `upstream = \"http://127.0.0.1:3000/webhooks\"`",
        );
        return None;
    };
    let upstream = Upstream::parse(entry.value, PathPolicy::Own);
    upstream.map_err(|why| table.wrong("upstream", why)).ok()
}

fn forward(table: &Reader<'_>) -> ForwardLimits {
    let usual = ForwardLimits::default();
    let limits = ForwardLimits {
        connect_time: table
            .duration("connect_timeout")
            .unwrap_or(usual.connect_time),
        total_time: table
            .duration("upstream_timeout")
            .unwrap_or(usual.total_time),
        ..usual
    };
    if limits.total_time > Duration::from_secs(60 * 60) {
        table.wrong("upstream_timeout", "this must be at most 1h");
    }
    limits
}

/// Says that a key is missing, unless it is there and was complained of.
fn missing(table: &Reader<'_>, key: &str, message: &str) {
    if !table.has(key) {
        table.wrong("", message);
    }
}

/// What a receiver complains of, in the words of the file: which key, and what to write.
fn in_the_file(error: &ConfigError, scheme: &Scheme) -> (&'static str, String) {
    let sender = scheme.name();
    match error {
        ConfigError::InvalidEndpoint => (
            "",
            "the endpoint's name must have 1 to 128 bytes".to_owned(),
        ),
        ConfigError::RetentionTooShort { least } => (
            "retention",
            format!(
                "this must be at least {}s, as long as copies can arrive",
                least.as_secs().max(1)
            ),
        ),
        ConfigError::RetentionWithoutIds => (
            "retention",
            format!(
                "{sender} has no ids: its scheme says how long bodies are remembered; leave this out"
            ),
        ),
        ConfigError::NoVerifyToken if scheme.handshakes().contains(&Handshake::HubChallenge) => (
            "",
            format!(
                "{sender} asks for a verify token first: name yours with `verify_token_env` or `verify_token_file`"
            ),
        ),
        ConfigError::NoVerifyToken => (
            "",
            format!(
                "{sender} asks for no verify token: leave `verify_token_env` and `verify_token_file` out"
            ),
        ),
        ConfigError::Verifier(error) => match error {
            VerifierError::Keyring(KeyringError::Secret(error)) => (
                "",
                format!("the secret is not of the form that {sender} has: {error}"),
            ),
            VerifierError::BodyNotSigned => (
                "",
                format!(
                    "{sender} does not sign the whole body, so whoever reads one request can change it: write \
                     `accept_unsigned_body = true` if that is what you want"
                ),
            ),
            VerifierError::BodyIsSigned => (
                "accept_unsigned_body",
                format!("{sender} signs its bodies: leave this out"),
            ),
            VerifierError::Url => (
                "url",
                format!(
                    "write `url` with the address that the sender was given if, and only if, the scheme signs it; {sender} {}",
                    if scheme
                        .signed()
                        .contains(&countersign_core::scheme::Part::Url)
                    {
                        "does"
                    } else {
                        "does not, or not alone"
                    }
                ),
            ),
            VerifierError::ToleranceWithoutSignedTime => (
                "tolerance",
                format!("{sender} signs no time that is judged: leave this out"),
            ),
            VerifierError::LateRetriesRefused { least } => (
                "tolerance",
                format!(
                    "this must be at least {}s: retries of {sender} may keep their first time, and would be refused",
                    least.as_secs()
                ),
            ),
            other => ("", other.to_string()),
        },
        other => ("", other.to_string()),
    }
}
