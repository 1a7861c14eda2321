//! Addresses, as far as they must be taken apart.

/// The parts of an address such as `https://example.com:8443/hooks?x=1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    /// Path and query, at least `/`.
    pub(crate) target: String,
}

impl Address {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: http::Uri = text.parse().ok()?;
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = if target.starts_with('?') {
            format!("/{target}")
        } else {
            target.to_owned()
        };
        Some(Self {
            scheme: uri.scheme_str()?.to_ascii_lowercase(),
            host: uri.host().filter(|host| !host.is_empty())?.to_owned(),
            port: uri.port_u16(),
            target,
        })
    }
}
