//! Which of the headers that arrived go on.

use http::{HeaderMap, HeaderName, header};

/// What is said to the next hop alone (RFC 9110, section 7.6.1), and what is written anew: the upstream's own
/// name, and the length of the body.
const OF_THE_CONNECTION: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn passed_on(arrived: &HeaderMap, leave_out: &[HeaderName]) -> HeaderMap {
    let named: Vec<&str> = arrived
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let stays = |name: &HeaderName| {
        let is = |other: &str| same(name.as_str(), other);
        OF_THE_CONNECTION.into_iter().any(is)
            || named.iter().copied().any(is)
            || leave_out.iter().map(HeaderName::as_str).any(is)
    };
    let mut headers = HeaderMap::with_capacity(arrived.len());
    for (name, value) in arrived {
        if !stays(name) {
            headers.append(name, value.clone());
        }
    }
    headers
}

/// Whether two names are one to somebody: CGI and WSGI write `-` as `_` and capitals throughout, and PHP writes `.` as
/// `_`, too.
fn same(name: &str, other: &str) -> bool {
    let plain = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => byte.to_ascii_lowercase(),
        false => b'-',
    };
    name.len() == other.len() && name.bytes().map(plain).eq(other.bytes().map(plain))
}
