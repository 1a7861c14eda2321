//! Who may ask the inspector.
//!
//! A page of somebody else's that is open in the same browser can send requests to this machine, and a name of
//! its own can lead here (DNS rebinding). The first lacks the token; the second one has the wrong `Host`.

use std::net::SocketAddr;

use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq as _;

use crate::failure::Failure;

/// Bytes of randomness in the token.
const TOKEN: usize = 24;

/// What a request must have.
pub(super) struct Guard {
    token: String,
    hosts: Vec<String>,
}

/// A refusal, which says what is missing and nothing else.
pub(super) type Refusal = (StatusCode, &'static str);

impl Guard {
    pub(super) fn new(own: SocketAddr) -> Result<Self, Failure> {
        let mut bytes = [0; TOKEN];
        getrandom::fill(&mut bytes)
            .map_err(|_| Failure::no_answer("the system gave no random bytes"))?;
        let port = own.port();
        let mut hosts = vec![own.to_string(), format!("localhost:{port}")];
        // Browsers leave the usual port out.
        if port == 80 {
            let bare = |host: &String| host.strip_suffix(":80").map(str::to_owned);
            let bare: Vec<String> = hosts.iter().filter_map(bare).collect();
            hosts.extend(bare);
        }
        Ok(Self {
            token: URL_SAFE_NO_PAD.encode(bytes),
            hosts,
        })
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn admits(&self, request: &Request) -> Result<(), Refusal> {
        const HOST: Refusal = (
            StatusCode::FORBIDDEN,
            "the inspector is asked by the address that `countersign listen` shows\n",
        );
        const ADDRESS: Refusal = (
            StatusCode::FORBIDDEN,
            "the token is missing: open the address that `countersign listen` shows\n",
        );
        const ORIGIN: Refusal = (
            StatusCode::FORBIDDEN,
            "another page must not ask the inspector\n",
        );
        let headers = request.headers();
        if !self.is_here(only(headers, &header::HOST)) {
            return Err(HOST);
        }
        // The form of a request to a proxy names a host of its own.
        if let Some(authority) = request.uri().authority()
            && !self.is_here(Some(authority.as_str()))
        {
            return Err(HOST);
        }
        let token = request.uri().path().split('/').nth(1).unwrap_or_default();
        if !bool::from(token.as_bytes().ct_eq(self.token.as_bytes())) {
            return Err(ADDRESS);
        }
        if headers.contains_key(header::ORIGIN) {
            let origin = only(headers, &header::ORIGIN);
            let origin = origin.and_then(|origin| origin.strip_prefix("http://"));
            if !self.is_here(origin) {
                return Err(ORIGIN);
            }
        }
        // Browsers say who asks. What is opened by hand, or asked by the page itself, is let through.
        let site = only(headers, &"sec-fetch-site");
        let from_here = match site {
            None => !headers.contains_key("sec-fetch-site"),
            Some("same-origin" | "none") => true,
            Some(_) => false,
        };
        // A link in a mail or a chat may lead here; it may only not do anything.
        let is_visit =
            request.method() == Method::GET && only(headers, &"sec-fetch-mode") == Some("navigate");
        if !from_here && !is_visit {
            return Err(ORIGIN);
        }
        Ok(())
    }

    fn is_here(&self, host: Option<&str>) -> bool {
        host.is_some_and(|host| self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)))
    }
}

/// The one value of a header; none where there are several.
fn only<'a>(headers: &'a HeaderMap, name: &(impl header::AsHeaderName + Clone)) -> Option<&'a str> {
    let mut values = headers.get_all(name.clone()).iter();
    let value = values.next()?;
    match values.next() {
        None => value.to_str().ok(),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn guard() -> Guard {
        Guard::new(SocketAddr::from(([127, 0, 0, 1], 4_040))).unwrap()
    }

    fn status(guard: &Guard, path: &str, method: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let refusal = guard.admits(&request.body(Body::empty()).unwrap()).err();
        refusal.map(|(status, _)| status.as_u16())
    }

    #[test]
    fn the_usual_port_may_be_left_out_and_no_other() {
        for (own, host, due) in [
            (([127, 0, 0, 1], 80), "127.0.0.1", None),
            (([127, 0, 0, 1], 80), "127.0.0.1:80", None),
            (([127, 0, 0, 1], 80), "localhost", None),
            (([127, 0, 0, 1], 80), "127.0.0.2", Some(403)),
            (([127, 0, 0, 1], 8_080), "127.0.0.1", Some(403)),
            (([127, 0, 0, 1], 8_080), "localhost", Some(403)),
        ] {
            let guard = Guard::new(SocketAddr::from(own)).unwrap();
            let page = format!("/{}/", guard.token());
            assert_eq!(
                status(&guard, &page, "GET", &[("host", host)]),
                due,
                "{own:?} {host}"
            );
        }
    }

    #[test]
    fn only_who_knows_the_address_is_let_in() {
        let guard = guard();
        let token = guard.token().to_owned();
        assert_eq!(token.len(), 32);
        assert_ne!(token, self::guard().token());
        let page = format!("/{token}/");
        let here = ("host", "127.0.0.1:4040");
        for (path, method, headers, due) in [
            (&*page, "GET", &[here][..], None),
            (&*page, "GET", &[("host", "LOCALHOST:4040")], None),
            (&*page, "GET", &[], Some(403)),
            (&*page, "GET", &[("host", "127.0.0.1")], Some(403)),
            (&*page, "GET", &[("host", "127.0.0.1:4041")], Some(403)),
            (
                &*page,
                "GET",
                &[("host", "rebound.example:4040")],
                Some(403),
            ),
            (
                &*page,
                "GET",
                &[("host", "127.0.0.1:4040.example")],
                Some(403),
            ),
            (&*page, "GET", &[here, here], Some(403)),
            ("/", "GET", &[here], Some(403)),
            ("//", "GET", &[here], Some(403)),
            (&page[..page.len() - 2], "GET", &[here], Some(403)),
            (&*format!("/{token}x/"), "GET", &[here], Some(403)),
            (
                &*format!("/{}/", token.to_ascii_lowercase()),
                "GET",
                &[here],
                Some(403),
            ),
            (
                &*format!("http://rebound.example:4040/{token}/"),
                "GET",
                &[here],
                Some(403),
            ),
            (
                &*page,
                "POST",
                &[here, ("origin", "http://127.0.0.1:4040")],
                None,
            ),
            (
                &*page,
                "POST",
                &[here, ("origin", "http://localhost:4040")],
                None,
            ),
            (
                &*page,
                "POST",
                &[here, ("origin", "http://127.0.0.1:3000")],
                Some(403),
            ),
            (
                &*page,
                "POST",
                &[here, ("origin", "https://127.0.0.1:4040")],
                Some(403),
            ),
            (&*page, "POST", &[here, ("origin", "null")], Some(403)),
            (
                &*page,
                "POST",
                &[here, ("sec-fetch-site", "cross-site")],
                Some(403),
            ),
            (
                &*page,
                "POST",
                &[here, ("sec-fetch-site", "same-origin")],
                None,
            ),
            (
                &*page,
                "GET",
                &[here, ("sec-fetch-site", "same-site")],
                Some(403),
            ),
            (
                &*page,
                "GET",
                &[
                    here,
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                ],
                None,
            ),
            (
                &*page,
                "POST",
                &[
                    here,
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                ],
                Some(403),
            ),
        ] {
            assert_eq!(
                status(&guard, path, method, headers),
                due,
                "{method} {path} {headers:?}"
            );
        }
    }
}
