use core::fmt;

use http::{
    Uri,
    uri::{Authority, PathAndQuery, Scheme},
};

use super::ForwardError;

/// Where requests are passed on to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Upstream {
    authority: Authority,
    path: String,
    query: Option<String>,
    policy: PathPolicy,
}

/// Which path the upstream is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathPolicy {
    /// The one of its address, whatever the sender was given.
    Own,
    /// The one that arrived, behind the one of its address.
    Append,
}

impl Upstream {
    /// Reads an address such as `http://127.0.0.1:3000/webhooks`.
    ///
    /// The query that arrived goes along, unless the address has one of its own.
    ///
    /// # Errors
    ///
    /// What is wrong with the address, in words for who wrote it.
    pub(crate) fn parse(text: &str, policy: PathPolicy) -> Result<Self, &'static str> {
        let address = "this is no address, such as http://127.0.0.1:3000/webhooks";
        let uri: Uri = text.parse().map_err(|_| address)?;
        let parts = uri.into_parts();
        match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTP => {}
            Some(scheme) if scheme == Scheme::HTTPS => {
                return Err(
                    "an upstream is asked without TLS: name one on this machine or on a \
                            private network, with http",
                );
            }
            _ => return Err(address),
        }
        let authority = parts.authority.ok_or(address)?;
        if authority.as_str().contains('@') {
            return Err("an upstream's address holds no user and no password");
        }
        // Asked for the port of one that is no number, or too great, the crate `http` says that there is none, and
        // 80 would be taken in its place.
        let named = authority.as_str().rsplit(']').next().unwrap_or_default();
        if named.contains(':') && matches!(authority.port_u16(), None | Some(0)) {
            return Err("the port of this address is no number between 1 and 65535");
        }
        if authority.host().is_empty() {
            return Err(address);
        }
        let target = parts.path_and_query;
        let target = target.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self {
            authority,
            path: target.path().to_owned(),
            query: target.query().map(str::to_owned),
            policy,
        })
    }

    /// Where a request to this path is sent.
    pub(super) fn address(&self, arrived: &Uri) -> Result<Uri, ForwardError> {
        let mut target = self.path.clone();
        if self.policy == PathPolicy::Append {
            if target.ends_with('/') {
                target.pop();
            }
            target.push_str(arrived.path());
        }
        if let Some(query) = self.query.as_deref().or_else(|| arrived.query()) {
            target.push('?');
            target.push_str(query);
        }
        Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(target)
            .build()
            .map_err(|_| ForwardError::Unsendable)
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
