//! The gateway's file: read whole, and everything that is wrong with it told at once.
//!
//! No message repeats a value, because one may be a secret that stands where it should not.

// docs/decisions.md: D90.

use core::{net::SocketAddr, time::Duration};
use std::{cell::RefCell, path::Path};

use countersign_core::{Keyring, Secret};
use countersign_senders::standard_webhooks;
use toml::de::DeTable;
use tracing_subscriber::filter::LevelFilter;

mod endpoint;
mod problem;
mod reader;
mod sources;
mod store;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use self::{
    endpoint::EndpointSettings,
    problem::Problem,
    sources::{Machine, Sources},
    store::{StoreKind, StoreSettings},
};
use self::{problem::Problems, reader::Reader, sources::Beside};
use crate::gateway::signing::Signing;

/// Everything that the gateway is told.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) drain: Duration,
    pub(crate) log: LevelFilter,
    pub(crate) signing: Signing,
    pub(crate) store: StoreSettings,
    pub(crate) endpoints: Vec<EndpointSettings>,
    /// What works, and should not stay so.
    pub(crate) warnings: Vec<String>,
}

impl Settings {
    /// Reads the text of a file that lies in this folder.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub(crate) fn read(
        text: &str,
        folder: &Path,
        sources: &dyn Sources,
    ) -> Result<Self, Vec<Problem>> {
        let problems = Problems::new(text);
        let warnings = RefCell::new(Vec::new());
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let start = error.span().map_or(0, |span| span.start);
            problems.add(start, "", format!("this is no TOML: {}", error.message()));
        }
        // What a text that is no TOML seems to lack may be there all the same.
        let settings = errors.is_empty().then(|| {
            let beside = Beside {
                sources,
                folder,
                problems: &problems,
                warnings: &warnings,
            };
            let root = Reader::new(String::new(), table.get_ref(), 0, &problems);
            whole(root, &beside)
        });
        match settings.flatten() {
            Some(mut settings) if problems.count() == 0 => {
                settings.warnings = warnings.into_inner();
                Ok(settings)
            }
            _ => Err(problems.into_sorted()),
        }
    }
}

fn whole(root: Reader<'_>, beside: &Beside<'_>) -> Option<Settings> {
    let listen = address(&root, "listen").unwrap_or(([127, 0, 0, 1], 8080).into());
    let admin = address(&root, "admin").unwrap_or(([127, 0, 0, 1], 9464).into());
    if listen == admin && listen.port() != 0 {
        root.wrong(
            "admin",
            "this is the address that `listen` has: it needs one of its own",
        );
    }
    let drain = root.duration("drain").unwrap_or(Duration::from_secs(20));
    let log = level(&root);
    let signing = match root.table("signing") {
        Some(table) => signing(table, beside),
        None => {
            root.wrong(
                "signing",
                "this table is missing: the secret with which your services know the gateway, such as `[signing]` and \
                 `secret_env = \"GATEWAY_SECRET\"`",
            );
            None
        }
    };
    let store = match root.table("store") {
        Some(table) => store::read(table, beside),
        None => {
            root.wrong(
                "store",
                "this table is missing: where deliveries are remembered, such as `[store]` and `kind = \"sqlite\"`",
            );
            None
        }
    };
    let tables = match root.table("endpoints") {
        Some(table) => table.tables(),
        None => Vec::new(),
    };
    if tables.is_empty() {
        root.wrong(
            "endpoints",
            "there is no endpoint: add a table such as `[endpoints.stripe]`",
        );
    }
    let mut taken = endpoint::Taken::default();
    let mut endpoints = Vec::new();
    let lease = store.as_ref().map(|store| store.lease);
    for (name, table) in tables {
        endpoints.extend(endpoint::read(name, table, beside, lease, &mut taken));
    }
    root.finish();
    Some(Settings {
        listen,
        admin,
        drain,
        log,
        signing: signing?,
        store: store?,
        endpoints,
        warnings: Vec::new(),
    })
}

fn address(table: &Reader<'_>, key: &'static str) -> Option<SocketAddr> {
    let entry = table.text(key)?;
    let address = entry.value.parse();
    if address.is_err() {
        table.wrong(
            key,
            "this must be an address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"",
        );
    }
    address.ok()
}

fn level(table: &Reader<'_>) -> LevelFilter {
    let Some(entry) = table.text("log") else {
        return LevelFilter::INFO;
    };
    match entry.value {
        "off" => LevelFilter::OFF,
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        _ => {
            table.wrong("log", "this must be off, error, warn, info or debug");
            LevelFilter::INFO
        }
    }
}

/// The specification asks for keys of 24 to 64 bytes; shorter ones can be guessed.
const SHORTEST_KEY: usize = 24;

fn signing(table: Reader<'_>, beside: &Beside<'_>) -> Option<Signing> {
    const HOW: &str = "make one with `echo \"whsec_$(openssl rand -base64 32)\"`";
    let named = table.has("secret_env") || table.has("secret_file");
    let found = beside.secrets(&table, "secret_env", "secret_file");
    if !named {
        table.wrong(
            "",
            format!("which secret? name it with `secret_env` or `secret_file`; {HOW}"),
        );
    }
    let mut texts = Vec::new();
    for secret in found {
        let kept = Secret::new(secret.text.to_string());
        let fits = kept.is_ok_and(|kept| Keyring::new(&standard_webhooks::SCHEME, kept).is_ok());
        // Four letters of base64 are three bytes.
        let letters = secret
            .text
            .trim_end_matches('=')
            .len()
            .saturating_sub("whsec_".len());
        if !fits || letters * 3 / 4 < SHORTEST_KEY {
            let name = &secret.name;
            table.wrong(
                "",
                format!("{name}: this must be `whsec_` and at least 24 bytes in base64; {HOW}"),
            );
            continue;
        }
        texts.push(secret.text);
    }
    table.finish();
    Signing::new(texts)
}
