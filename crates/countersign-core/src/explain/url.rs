//! Addresses as they look from behind a proxy.

use super::{Cause, Finding, case::Case, search::Try};

/// The most addresses that are tried.
const MOST: usize = 400;

/// The parts of an address, as text.
#[derive(Clone, PartialEq, Eq)]
struct Address {
    scheme: String,
    host: String,
    port: String,
    path: String,
    query: Option<String>,
}

/// Addresses that differ from the configured one in few things, those with the fewest first.
pub(super) fn tries(base: &Case) -> Vec<Try> {
    if !base.scheme.signs_url() {
        return Vec::new();
    }
    let Some(known) = base.url.as_deref().and_then(Address::parse) else {
        return Vec::new();
    };
    let head = &base.head;
    let option = |own: &str, others: Vec<Option<String>>| {
        let mut all = vec![own.to_owned()];
        for other in others.into_iter().flatten() {
            if !all.contains(&other) {
                all.push(other);
            }
        }
        all
    };
    let text = |name: &str| head.text(name).map(str::to_owned);
    let (host, port) = split_port(head.text("host").unwrap_or_default());
    let (outer, outer_port) = split_port(head.text("x-forwarded-host").unwrap_or_default());
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let schemes = option(
        &known.scheme,
        vec![text("x-forwarded-proto"), some("https"), some("http")],
    );
    let bare = known
        .host
        .strip_prefix("www.")
        .map_or_else(|| format!("www.{}", known.host), str::to_owned);
    let hosts = option(
        &known.host,
        vec![
            some(outer),
            some(host),
            Some(known.host.to_ascii_lowercase()),
            Some(bare),
        ],
    );
    let ports = option(
        &known.port,
        vec![
            Some(String::new()),
            some(outer_port),
            some(port),
            text("x-forwarded-port").map(|port| format!(":{port}")),
            some(":443"),
            some(":80"),
            some(":8080"),
            some(":8443"),
            some(":3000"),
            some(":8000"),
        ],
    );
    let slash = match known.path.strip_suffix('/') {
        Some(path) => path.to_owned(),
        None => format!("{}/", known.path),
    };
    let mut paths = option(&known.path, vec![Some(slash), some(&head.path)]);
    let other = match head.path.strip_suffix('/') {
        Some(path) => path.to_owned(),
        None => format!("{}/", head.path),
    };
    if !paths.contains(&other) {
        paths.push(other);
    }
    let queries = queries(known.query.as_deref(), head.query.as_deref());

    let mut tries: Vec<(usize, Address)> = Vec::new();
    for scheme in &schemes {
        for host in &hosts {
            for port in &ports {
                for path in &paths {
                    for query in &queries {
                        let address = Address {
                            scheme: scheme.clone(),
                            host: host.clone(),
                            port: port.clone(),
                            path: path.clone(),
                            query: query.clone(),
                        };
                        tries.push((address.differences(&known).len(), address));
                    }
                }
            }
        }
    }
    tries.sort_by_key(|(differences, _)| *differences);
    tries
        .into_iter()
        .filter(|(differences, _)| *differences > 0)
        .take(MOST)
        .map(|(_, address)| {
            let findings = address.differences(&known);
            let case = Case {
                url: Some(address.text()),
                ..base.clone()
            };
            (findings, case)
        })
        .collect()
}

/// The query as it is, as the request has it, none, and in other orders.
fn queries(known: Option<&str>, sent: Option<&str>) -> Vec<Option<String>> {
    let mut all = vec![known.map(str::to_owned)];
    let mut add = |query: Option<String>| {
        if !all.contains(&query) {
            all.push(query);
        }
    };
    add(sent.map(str::to_owned));
    add(None);
    for query in [known, sent].into_iter().flatten() {
        let mut parts: Vec<&str> = query.split('&').collect();
        if parts.len() > 16 {
            continue;
        }
        parts.reverse();
        add(Some(parts.join("&")));
        parts.sort_unstable();
        add(Some(parts.join("&")));
        parts.reverse();
        add(Some(parts.join("&")));
    }
    all
}

fn split_port(host: &str) -> (&str, &str) {
    match host.rfind(':').filter(|_| !host.ends_with(']')) {
        Some(at) => host.split_at(at),
        None => (host, ""),
    }
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, rest) = rest.split_at(end);
        let (host, port) = split_port(host);
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        Some(Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port: port.to_owned(),
            path: path.to_owned(),
            query,
        })
    }

    fn text(&self) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}"));
        format!(
            "{}://{}{}{}{}",
            self.scheme,
            self.host,
            self.port,
            self.path,
            query.unwrap_or_default()
        )
    }

    /// What of it is not as configured.
    fn differences(&self, known: &Self) -> Vec<Finding> {
        let trimmed = |path: &str| path.trim_end_matches('/').to_owned();
        let parts = [
            (self.scheme != known.scheme, Cause::UrlScheme),
            (self.host != known.host, Cause::UrlHost),
            (self.port != known.port, Cause::UrlPort),
            (trimmed(&self.path) != trimmed(&known.path), Cause::UrlPath),
            (
                self.path != known.path && trimmed(&self.path) == trimmed(&known.path),
                Cause::UrlSlash,
            ),
            (self.query != known.query, Cause::UrlQuery),
        ];
        let parts = parts.into_iter().filter(|(differs, _)| *differs);
        parts.map(|(_, cause)| Finding::proved(cause, "")).collect()
    }
}
