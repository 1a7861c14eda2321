use core::time::Duration;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::{
    reader::Reader,
    sources::Beside,
    values::{duration, holds_password},
};

/// Where deliveries are remembered.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StoreSettings {
    pub(crate) kind: StoreKind,
    /// How long a claim lasts without a sign of life.
    pub(crate) lease: Duration,
}

/// Which store it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Memory,
    Sqlite {
        path: PathBuf,
    },
    Redis {
        url: Zeroizing<String>,
        prefix: Option<String>,
    },
    Postgres {
        url: Zeroizing<String>,
        connections: usize,
    },
}

impl StoreKind {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite { .. } => "sqlite",
            Self::Redis { .. } => "redis",
            Self::Postgres { .. } => "postgres",
        }
    }
}

/// Without the address, which may hold a password.
impl core::fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "StoreSettings({})", self.kind.name())
    }
}

/// The keys of all kinds, for a table that does not say which it is.
const ALL: [&str; 6] = [
    "path",
    "url",
    "url_env",
    "url_file",
    "prefix",
    "connections",
];

pub(super) fn read(table: Reader<'_>, beside: &Beside<'_>) -> Option<StoreSettings> {
    let lease = lease(&table);
    let Some(entry) = table.text("kind") else {
        if !table.has("kind") {
            table.wrong(
                "",
                "which store? say `kind = \"memory\"`, \"sqlite\", \"redis\" or \"postgres\"",
            );
        }
        table.know(&ALL);
        table.finish();
        return None;
    };
    let kind = entry.value;
    let kind = match kind {
        "memory" => Some(StoreKind::Memory),
        "sqlite" => sqlite(&table, beside),
        "redis" if cfg!(feature = "redis") => {
            url(&table, beside, "redis://127.0.0.1/").map(|url| {
                let prefix = table.text("prefix").map(|entry| entry.value.to_owned());
                StoreKind::Redis { url, prefix }
            })
        }
        "postgres" if cfg!(feature = "postgres") => {
            let url = url(&table, beside, "postgres://app@127.0.0.1/app");
            let connections = table.number("connections", 1_000).unwrap_or(16);
            url.map(|url| StoreKind::Postgres { url, connections })
        }
        "redis" | "postgres" => {
            table.wrong(
                "kind",
                "this binary was built without that store: install it with its feature, or with the default ones",
            );
            table.know(&ALL);
            None
        }
        _ => {
            table.wrong("kind", "this must be memory, sqlite, redis or postgres");
            table.know(&ALL);
            None
        }
    };
    table.finish();
    Some(StoreSettings { kind: kind?, lease })
}

fn lease(table: &Reader<'_>) -> Duration {
    const USUAL: Duration = Duration::from_secs(30);
    let lease = table.duration("lease").unwrap_or(USUAL);
    let least = duration("1s").unwrap_or(USUAL);
    if lease < least {
        table.wrong(
            "lease",
            "this must be at least 1s: a claim is renewed three times in a lease",
        );
    }
    lease
}

fn sqlite(table: &Reader<'_>, beside: &Beside<'_>) -> Option<StoreKind> {
    match table.text("path") {
        Some(entry) if entry.value.is_empty() => {
            table.wrong("path", "this must be the path of the database");
            None
        }
        Some(entry) => Some(StoreKind::Sqlite {
            path: beside.path(entry.value),
        }),
        None => {
            if !table.has("path") {
                table.wrong("", "where is the database? say `path = \"deliveries.db\"`");
            }
            None
        }
    }
}

/// The server's address: in the file where it holds no password, else beside it.
fn url(table: &Reader<'_>, beside: &Beside<'_>, example: &str) -> Option<Zeroizing<String>> {
    let mut beside_it = beside.secrets(table, "url_env", "url_file");
    let here = table.text("url");
    let named = ["url", "url_env", "url_file"];
    let count = named.into_iter().filter(|key| table.has(key)).count();
    if count != 1 {
        table.wrong(
            "",
            format!("where is the server? say one of `url_env`, `url_file` or, without a password in it, `url = \"{example}\"`"),
        );
        return None;
    }
    let (key, url) = match (here, beside_it.pop()) {
        (Some(entry), _) if holds_password(entry.value) => {
            table.wrong(
                "url",
                "this address holds a password, which does not belong into this file: put it into an environment variable or \
                 a file of its own, and name that with `url_env = \"NAME\"` or `url_file = \"PATH\"`",
            );
            return None;
        }
        (Some(entry), _) => ("url", Zeroizing::new(entry.value.to_owned())),
        (None, Some(found)) if beside_it.is_empty() => {
            let key = if table.has("url_env") {
                "url_env"
            } else {
                "url_file"
            };
            (key, found.text)
        }
        (None, Some(_)) => {
            table.wrong("", "there is one store: name one address");
            return None;
        }
        (None, None) => return None,
    };
    if !is_address(example, &url) {
        table.wrong(key, format!("this must be an address such as {example}"));
        return None;
    }
    Some(url)
}

fn is_address(example: &str, url: &str) -> bool {
    match example.starts_with("redis") {
        #[cfg(feature = "redis")]
        true => countersign_redis::redis::Client::open(url).is_ok(),
        #[cfg(feature = "postgres")]
        false => url
            .parse::<countersign_postgres::tokio_postgres::Config>()
            .is_ok(),
        #[cfg(not(all(feature = "postgres", feature = "redis")))]
        _ => !url.is_empty(),
    }
}
