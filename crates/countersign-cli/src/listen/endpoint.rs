//! What is received where.

use std::sync::Arc;

use countersign_core::{
    MemoryStore, Notice, Offer, Receiver, Scheme, Secret,
    scheme::{Handshake, Part},
};
use countersign_sqlite::SqliteStore;
use countersign_tower::{ReceiverLayer, ReceiverService};
use tower_layer::Layer as _;
use zeroize::Zeroizing;

use super::{Shared, handler::Handler};
use crate::{
    args::{ListenArgs, SecretArgs},
    choose::choose,
    commands::verify::verifier,
    config::Config,
    console::Console,
    failure::Failure,
    forward::{PathPolicy, Upstream},
    secrets::{Source, from_env},
};

/// One sender's place.
pub(crate) struct Endpoint {
    /// None: every path.
    pub(crate) path: Option<String>,
    pub(crate) scheme: Scheme,
    pub(crate) receiver: Receiver,
    pub(super) secrets: Vec<(String, Zeroizing<String>)>,
    pub(super) url: Option<String>,
    /// All that is written over wherever it occurs: the secrets, and the token of the handshake.
    pub(super) hidden: Vec<Zeroizing<String>>,
    pub(crate) forward: Option<Target>,
}

/// Where what was proved goes.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) upstream: Upstream,
    /// As it was given.
    pub(crate) url: String,
}

/// Where deliveries are remembered.
pub(super) enum Store {
    Memory(MemoryStore),
    Sqlite(SqliteStore),
}

impl Endpoint {
    /// The way of a request to the handler.
    pub(super) fn service(self: &Arc<Self>, shared: &Arc<Shared>) -> ReceiverService<Handler> {
        ReceiverLayer::new(&self.receiver).layer(Handler {
            shared: Arc::clone(shared),
            endpoint: Arc::clone(self),
        })
    }
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let upstream = Upstream::parse(url, PathPolicy::Own)?;
        Ok(Self {
            upstream,
            url: url.to_owned(),
        })
    }
}

/// Reads what the flags say of each sender.
pub(super) fn read(
    args: &ListenArgs,
    config: &Config,
    store: &Store,
    notify: &Arc<dyn Fn(&str) + Send + Sync>,
    console: &mut Console<'_>,
) -> Result<Vec<Arc<Endpoint>>, Failure> {
    let places = places(args, config)?;
    let names: Vec<&str> = places.iter().map(|(_, scheme)| scheme.name()).collect();
    for (flag, given) in [
        ("--forward", &args.forward),
        ("--url", &args.url),
        ("--secret-env", &args.secret.secret_env),
    ] {
        check_names(flag, given, &names)?;
    }
    let mut endpoints = Vec::new();
    for (at, (path, scheme)) in places.iter().enumerate() {
        let name = scheme.name();
        let twice = names.iter().filter(|other| **other == name).count() > 1;
        let own = |given: &[String]| own(given, name);
        let secrets = secrets(args, name).read(config, console)?;
        let url = own(&args.url).pop().or_else(|| config.url.clone());
        let signs_url = scheme.signed().contains(&Part::Url);
        if signs_url && url.is_none() {
            return Err(Failure::usage(format!(
                "{name} signs the address that it was given: say it with `--url`"
            )));
        }
        let verifier = verifier(*scheme, &secrets, None, url.clone())
            .map_err(|failure| Failure::usage(format!("{name}: {}", failure.message)))?;
        let endpoint = match (twice, path) {
            (true, Some(path)) => format!("{name} {path}"),
            _ => name.to_owned(),
        };
        let notify = Arc::clone(notify);
        let mut builder = Receiver::with_verifier(verifier)
            .endpoint(endpoint)
            .on_notice(move |notice| {
                if let Some(text) = told(notice) {
                    notify(&format!("{name}: {text}"));
                }
            });
        builder = match store {
            Store::Memory(store) => builder.store(store.clone()),
            Store::Sqlite(store) => builder.store(store.clone()),
        };
        let mut hidden: Vec<Zeroizing<String>> =
            secrets.iter().map(|secret| secret.text.clone()).collect();
        if scheme.handshakes().contains(&Handshake::HubChallenge) {
            let token = from_env(&args.verify_token_env).map_err(|_| {
                Failure::usage(format!(
                    "{name} asks for the text that was entered there with the address: put it into the \
                     environment and name the variable with `--verify-token-env`"
                ))
            })?;
            let text = Secret::new(token.text.to_string())
                .map_err(|error| Failure::usage(format!("the verify token: {error}")))?;
            builder = builder.verify_token(text);
            hidden.push(token.text);
        }
        if offers(scheme) {
            // A key that anybody may have offered is not taken; a subscription is shown to whoever asked for it.
            builder =
                builder.on_offer(|offer| async move { matches!(offer, Offer::Confirmation(_)) });
        }
        let receiver = builder
            .build()
            .map_err(|error| Failure::usage(format!("{name}: {error}")))?;
        let forward = own(&args.forward).pop();
        let forward = forward.map(|url| {
            Target::parse(&url).map_err(|mistake| Failure::usage(format!("--forward: {mistake}")))
        });
        endpoints.push(Arc::new(Endpoint {
            path: path.clone(),
            scheme: *scheme,
            receiver,
            hidden,
            secrets: secrets
                .into_iter()
                .map(|secret| (secret_name(&secret.source), secret.text))
                .collect(),
            url,
            forward: forward.transpose()?,
        }));
        let same = endpoints
            .iter()
            .take(at)
            .any(|other: &Arc<Endpoint>| other.path == *path);
        if same {
            return Err(Failure::usage(format!(
                "--scheme: two senders at {}: one path belongs to one sender",
                path.as_deref().unwrap_or("every path")
            )));
        }
    }
    Ok(endpoints)
}

fn secret_name(source: &Source) -> String {
    source.name().to_owned()
}

/// Whether a handshake of the scheme brings something that somebody must take.
fn offers(scheme: &Scheme) -> bool {
    scheme.handshakes().iter().any(|handshake| {
        matches!(
            handshake,
            Handshake::Confirmation { .. } | Handshake::VerificationToken | Handshake::HookSecret
        )
    })
}

/// Senders, each with its path.
fn places(args: &ListenArgs, config: &Config) -> Result<Vec<(Option<String>, Scheme)>, Failure> {
    let mut given = args.scheme.clone();
    if given.is_empty() {
        let usual = std::env::var("COUNTERSIGN_SCHEME").ok();
        given.extend(usual.or_else(|| config.scheme.clone()));
    }
    if given.is_empty() {
        return Err(Failure::usage(
            "which sender? give `--scheme NAME`; `countersign schemes` lists them",
        ));
    }
    let several = given.len() > 1;
    given
        .iter()
        .map(|text| {
            let (name, path) = match text.rsplit_once("=/") {
                Some((name, path)) => (name, Some(format!("/{path}"))),
                None => (text.as_str(), None),
            };
            let scheme = choose(name)?.scheme;
            if path
                .as_deref()
                .is_some_and(|path| path.contains(['?', '#']))
            {
                return Err(Failure::usage("--scheme: a path has no query"));
            }
            let usual = several.then(|| format!("/webhooks/{}", scheme.name()));
            Ok((path.or(usual), scheme))
        })
        .collect()
}

/// What is given for a sender: what names it, else what names none.
fn own(given: &[String], name: &str) -> Vec<String> {
    let named: Vec<String> = given
        .iter()
        .filter_map(|text| named(text, name))
        .map(str::to_owned)
        .collect();
    if !named.is_empty() {
        return named;
    }
    let free = given.iter().filter(|text| !is_assigned(text));
    free.cloned().collect()
}

fn named<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)?.strip_prefix('=')
}

/// Whether it is written `NAME=..`: a name has no colon and no slash, as an address has.
fn is_assigned(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name
                .bytes()
                .all(|at| at.is_ascii_alphanumeric() || at == b'-' || at == b'_')
    })
}

fn check_names(flag: &str, given: &[String], names: &[&str]) -> Result<(), Failure> {
    for text in given.iter().filter(|text| is_assigned(text)) {
        if !names.iter().any(|name| named(text, name).is_some()) {
            return Err(Failure::usage(format!(
                "{flag}: what stands before `=` is no sender that `--scheme` names"
            )));
        }
    }
    Ok(())
}

/// The flags for one sender's secrets.
fn secrets(args: &ListenArgs, name: &str) -> SecretArgs {
    let files: Vec<String> = args
        .secret
        .secret_file
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    let mut secret_env = own(&args.secret.secret_env, name);
    let secret_file: Vec<_> = own(&files, name).into_iter().map(Into::into).collect();
    let variable = format!(
        "COUNTERSIGN_SECRET_{}",
        name.to_ascii_uppercase().replace('-', "_")
    );
    let nothing = secret_env.is_empty() && secret_file.is_empty() && !args.secret.secret_prompt;
    if nothing && std::env::var_os(&variable).is_some() {
        secret_env.push(variable);
    }
    SecretArgs {
        secret_env,
        secret_file,
        secret_prompt: args.secret.secret_prompt,
    }
}

/// What somebody should hear of that shows in no delivery's line.
fn told(notice: &Notice<'_>) -> Option<&'static str> {
    match notice {
        Notice::FingerprintMismatch(_) => {
            Some("an id that was seen before came with another body: it is not passed on again")
        }
        Notice::KnownByBody(_) => {
            Some("a body without an id was seen before: it is not passed on again")
        }
        Notice::FailureStreak(_) => {
            Some("half of the failures in a row after which the sender switches the endpoint off")
        }
        Notice::ClaimLost(_) => Some("a delivery ran for longer than its lease: it may run twice"),
        Notice::CompleteFailed { .. } => Some(
            "a delivery was passed on and could not be marked as done: a copy will be passed on again",
        ),
        Notice::StoreFailed(_) => Some("the store of deliveries does not answer"),
        _ => None,
    }
}

/// Opens where deliveries are remembered.
pub(super) fn store(args: &ListenArgs) -> Result<Store, Failure> {
    match &args.store {
        None => Ok(Store::Memory(MemoryStore::new())),
        Some(path) => SqliteStore::open(path)
            .map(Store::Sqlite)
            .map_err(|error| Failure::no_answer(format!("--store: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_for_one_sender_is_for_it_alone() {
        let given = [
            "stripe=STRIPE".to_owned(),
            "OTHERS".to_owned(),
            "stripe=OLD".to_owned(),
        ];
        assert_eq!(own(&given, "stripe"), ["STRIPE", "OLD"]);
        assert_eq!(own(&given, "github"), ["OTHERS"]);
        let url = ["http://127.0.0.1/?a=b".to_owned()];
        assert_eq!(own(&url, "stripe"), url);
        assert!(check_names("--url", &url, &["stripe"]).is_ok());
        assert!(check_names("--url", &["strip=http://a".to_owned()], &["stripe"]).is_err());
    }
}
