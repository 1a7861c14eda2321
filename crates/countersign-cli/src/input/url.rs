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

    /// Whether it names this machine and nothing else.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host.parse::<std::net::IpAddr>().map_or_else(
            |_| host.eq_ignore_ascii_case("localhost"),
            |address| address.to_canonical().is_loopback(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_this_machine() {
        let here = |text: &str| Address::parse(text).is_some_and(|address| address.is_loopback());
        for text in [
            "http://127.0.0.1:80/x",
            "http://localhost",
            "http://LOCALHOST:9",
            "http://[::1]:1/",
            "http://127.9.9.9/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert!(here(text), "{text}");
        }
        for text in [
            "http://10.0.0.1/",
            "http://localhost.example.com/",
            "http://127.0.0.1.example.com/",
            "http://0.0.0.0/",
            "http://127.0.0.1@example.com/",
            "/x",
            "http:///x",
        ] {
            assert!(!here(text), "{text}");
        }
    }
}
