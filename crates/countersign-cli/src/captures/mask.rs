//! What is written over before a request is kept.
//!
//! Masked are the values of headers that hold a secret by their purpose, the header of a sender that sends a
//! token, the fields of the body that hold one, and every occurrence of a secret that the listener knows.

// docs/decisions.md: D83.

use countersign_core::{
    Algorithm, Scheme,
    scheme::{Handshake, Location},
};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{BodyState, spelling::readings};
use crate::input::Request;

/// What stands in the place of a masked value.
const MASK: &str = "(masked)";
/// A shorter text occurs by chance, and only senders of tokens send their secret.
const MIN_SECRET: usize = 8;

/// Headers that hold a secret, whoever sends them.
const SECRET_HEADERS: [&str; 7] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-api-key",
    "x-auth-token",
    "x-hook-secret",
];

/// Parameters of an address that hold one.
const SECRET_PARAMETERS: [&str; 8] = [
    "access_token",
    "api_key",
    "apikey",
    "hub.verify_token",
    "key",
    "password",
    "secret",
    "token",
];

/// What is masked for all senders that a listener has.
///
/// A request that came to the wrong path holds the secret of another sender than the one at that path, so every
/// request is asked for all of them.
pub(crate) struct Mask {
    headers: Vec<String>,
    /// The senders, each with the places in its bodies that hold a token.
    pointers: Vec<(&'static str, Vec<&'static str>)>,
    secrets: Vec<Zeroizing<String>>,
}

impl Mask {
    /// Knows these senders, each with the secrets that the listener has for it.
    pub(crate) fn new<'a>(
        senders: impl IntoIterator<Item = (&'a Scheme, &'a [Zeroizing<String>])>,
    ) -> Self {
        let mut mask = Self {
            headers: SECRET_HEADERS.map(str::to_owned).to_vec(),
            pointers: Vec::new(),
            secrets: Vec::new(),
        };
        for (scheme, secrets) in senders {
            mask.add(scheme, secrets);
        }
        mask
    }

    fn add(&mut self, scheme: &Scheme, secrets: &[Zeroizing<String>]) {
        let is_token = scheme.algorithm() == Algorithm::Token;
        let mut pointers = Vec::new();
        match scheme.location() {
            Location::Body(pointer) => pointers.push(pointer),
            Location::AnyOf(names) | Location::AllOf(names) if is_token => {
                let names = names.iter().map(|name| name.to_ascii_lowercase());
                self.headers.extend(names);
            }
            _ if is_token => self
                .headers
                .push(scheme.signature_header().to_ascii_lowercase()),
            _ => {}
        }
        for handshake in scheme.handshakes() {
            match handshake {
                Handshake::VerificationToken => pointers.push("/verification_token"),
                Handshake::TokenChallenge { token, .. } => pointers.push(token),
                _ => {}
            }
        }
        self.pointers.push((scheme.name(), pointers));
        let shortest = if is_token { 1 } else { MIN_SECRET };
        let secrets = secrets
            .iter()
            .flat_map(|secret| [secret.clone(), Zeroizing::new(secret.trim().to_owned())])
            .filter(|secret| secret.len() >= shortest);
        self.secrets.extend(secrets);
    }

    /// Masks a request to this sender's path, or to no sender's; says which headers are masked, and whether the
    /// body was changed.
    pub(crate) fn apply(
        &self,
        scheme: Option<&Scheme>,
        request: &mut Request,
    ) -> (Vec<bool>, Option<BodyState>) {
        let mut masked = Vec::with_capacity(request.headers.len());
        for (name, value) in &mut request.headers {
            let by_name = self
                .headers
                .iter()
                .any(|secret| name.eq_ignore_ascii_case(secret));
            let is_masked = by_name || self.occurs(value);
            if is_masked {
                MASK.as_bytes().clone_into(value);
            }
            masked.push(is_masked);
        }
        request.target = self.target(&request.target);
        let changed = self.body(scheme, &mut request.body);
        (masked, changed.then_some(BodyState::Masked))
    }

    /// Whether a secret that the listener has is in it, as it is or escaped.
    pub(crate) fn occurs(&self, bytes: &[u8]) -> bool {
        let is_in = |text: &[u8]| {
            let mut secrets = self.secrets.iter();
            secrets.any(|secret| find(text, secret.as_bytes()).is_some())
        };
        is_in(bytes) || readings(bytes).iter().any(|reading| is_in(reading.text()))
    }

    fn target(&self, target: &str) -> String {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let mut bytes = path.as_bytes().to_vec();
        self.cover_secrets(&mut bytes);
        let mut shown = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(query) = query {
            let pairs: Vec<String> = query.split('&').map(|pair| self.pair(pair)).collect();
            shown.push('?');
            shown.push_str(&pairs.join("&"));
        }
        // A secret may hold what parts pairs.
        if self.occurs(shown.as_bytes()) {
            return format!("/?{MASK}");
        }
        shown
    }

    fn pair(&self, pair: &str) -> String {
        if let Some((name, value)) = pair.split_once('=') {
            let is = |name: &[u8]| {
                let mut secret = SECRET_PARAMETERS.iter();
                secret.any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
            };
            let named = is(name.as_bytes())
                || readings(name.as_bytes())
                    .iter()
                    .any(|reading| is(reading.text()));
            if named || self.occurs(value.as_bytes()) {
                return format!("{name}={MASK}");
            }
        }
        // A secret may hold `=`, as base64 does, or be the name.
        match self.occurs(pair.as_bytes()) {
            true => MASK.to_owned(),
            false => pair.to_owned(),
        }
    }

    /// True where the body was changed.
    fn body(&self, scheme: Option<&Scheme>, body: &mut Vec<u8>) -> bool {
        let mut changed = self.cover_secrets(body);
        let of = |(name, _): &&(&str, _)| scheme.is_none_or(|scheme| scheme.name() == *name);
        let pointers: Vec<&str> = self
            .pointers
            .iter()
            .filter(of)
            .flat_map(|(_, pointers)| pointers.iter().copied())
            .collect();
        if pointers.is_empty() || body.is_empty() {
            return changed;
        }
        // Whose it is nobody knows at no sender's path: a form, say, is no body of a sender of JSON.
        if scheme.is_none() && !begins_as_json(body) {
            return changed;
        }
        let tokens = |body: &[u8]| -> Vec<String> {
            let Ok(value) = serde_json::from_slice::<Value>(body) else {
                return Vec::new();
            };
            let of = pointers
                .iter()
                .flat_map(|pointer| at(&value, pointer))
                .filter_map(Value::as_str)
                .filter(|token| !token.is_empty() && token.bytes().any(|byte| byte != b'*'));
            of.map(str::to_owned).collect()
        };
        for token in tokens(body) {
            changed |= cover(body, token.as_bytes());
            let written = serde_json::to_string(&token).unwrap_or_default();
            changed |= cover(body, written.trim_matches('"').as_bytes());
        }
        // A token that is written with escapes, or a body that is no JSON: nothing of it is kept.
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
        if !is_json || !tokens(body).is_empty() {
            body.clear();
            changed = true;
        }
        changed
    }

    fn cover_secrets(&self, bytes: &mut [u8]) -> bool {
        let mut changed = false;
        for secret in &self.secrets {
            changed |= cover(bytes, secret.as_bytes());
        }
        for reading in readings(bytes) {
            for secret in &self.secrets {
                for from in all(reading.text(), secret.as_bytes()) {
                    let until = from.saturating_add(secret.len());
                    let (from, until) = reading.place(from, until);
                    if let Some(hit) = bytes.get_mut(from..until) {
                        hit.fill(b'*');
                        changed = true;
                    }
                }
            }
        }
        changed
    }
}

fn begins_as_json(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
}

/// Writes stars over every occurrence.
fn cover(bytes: &mut [u8], secret: &[u8]) -> bool {
    let places = all(bytes, secret);
    for place in &places {
        if let Some(hit) = bytes.get_mut(*place..place.saturating_add(secret.len())) {
            hit.fill(b'*');
        }
    }
    !places.is_empty()
}

/// Where it occurs.
fn all(bytes: &[u8], part: &[u8]) -> Vec<usize> {
    let (mut from, mut places) = (0_usize, Vec::new());
    while let Some(place) = bytes.get(from..).and_then(|rest| find(rest, part)) {
        let place = from.saturating_add(place);
        places.push(place);
        from = place.saturating_add(part.len());
    }
    places
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return None;
    }
    bytes.windows(part.len()).position(|window| window == part)
}

/// Every value at a pointer in which `*` stands for each item of a list.
fn at<'a>(value: &'a Value, pointer: &str) -> Vec<&'a Value> {
    let mut found = vec![value];
    for part in pointer.split('/').skip(1) {
        let name = part.replace("~1", "/").replace("~0", "~");
        found = found
            .into_iter()
            .flat_map(|value| match value {
                Value::Array(items) if name == "*" => items.iter().collect(),
                Value::Array(items) => {
                    let index: Option<usize> = name.parse().ok();
                    index.and_then(|at| items.get(at)).into_iter().collect()
                }
                Value::Object(fields) => fields.get(&name).into_iter().collect(),
                _ => Vec::new(),
            })
            .collect();
    }
    found
}

#[cfg(test)]
mod tests {
    use countersign_senders::{body_tokens, rebill_za, tokens};

    use super::*;

    const SECRET: &str = "hunter2-of-the-sender";

    fn request(headers: &[(&str, &str)], target: &str, body: &str) -> Request {
        Request {
            method: "POST".to_owned(),
            target: target.to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body: body.as_bytes().to_vec(),
            ..Request::default()
        }
    }

    fn masked(scheme: &Scheme, made: &mut Request) -> (Vec<bool>, Option<BodyState>) {
        let secrets = [Zeroizing::new(SECRET.to_owned())];
        Mask::new([(scheme, &secrets[..])]).apply(Some(scheme), made)
    }

    #[test]
    fn no_secret_is_left() {
        let mut made = request(
            &[
                ("x-rebill-signature", "sha256=00"),
                ("Authorization", "Bearer abc"),
                ("cookie", "session=1"),
                ("x-copied", "prefix hunter2-of-the-sender suffix"),
            ],
            "/hooks/hunter2-of-the-sender?token=abc&a=hunter2%2Dof-the-sender&b=1",
            "{\"id\":\"inv_1\",\"key\":\"hunter2-of-the-sender\"}",
        );
        let (hidden, body) = masked(&rebill_za::SCHEME, &mut made);
        assert_eq!(hidden, [false, true, true, true]);
        assert_eq!(body, Some(BodyState::Masked));
        let all = format!("{made:?}");
        assert!(!all.contains("hunter2") && !all.contains("abc"), "{all}");
        assert_eq!(
            made.target,
            "/hooks/*********************?token=(masked)&a=(masked)&b=1"
        );
        assert_eq!(
            made.body,
            b"{\"id\":\"inv_1\",\"key\":\"*********************\"}"
        );
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        let mut made = request(&[("x-rebill-signature", "sha256=00")], "/?a=1", "{}");
        let before = made.clone();
        let (hidden, body) = masked(&rebill_za::SCHEME, &mut made);
        assert_eq!((made, hidden, body), (before, vec![false], None));
    }

    #[test]
    fn a_wrong_token_is_masked_too() {
        let telegram = tokens::TELEGRAM;
        let mut made = request(
            &[(telegram.signature_header(), "another-secret")],
            "/",
            "{}",
        );
        masked(&telegram, &mut made);
        assert!(!format!("{made:?}").contains("another"), "{made:?}");

        let graph = body_tokens::MICROSOFT_GRAPH;
        let body = r#"{"value":[{"clientState":"another-secret","id":1},{"clientState":"hunter2-of-the-sender"}]}"#;
        let mut made = request(&[], "/", body);
        let (_, state) = masked(&graph, &mut made);
        assert_eq!(state, Some(BodyState::Masked));
        let text = String::from_utf8(made.body).unwrap();
        assert_eq!(
            text,
            r#"{"value":[{"clientState":"**************","id":1},{"clientState":"*********************"}]}"#
        );
    }

    #[test]
    fn a_token_that_is_hidden_by_escapes_costs_the_body() {
        let graph = body_tokens::MICROSOFT_GRAPH;
        for body in [
            r#"{"value":[{"clientState":"an\u006fther"}]}"#,
            "{\"value\":[{\"clientState\":\"another",
        ] {
            let mut made = request(&[], "/", body);
            let (_, state) = masked(&graph, &mut made);
            assert_eq!((made.body, state), (Vec::new(), Some(BodyState::Masked)));
        }
    }
    #[test]
    fn at_a_wrong_path_every_senders_token_is_masked() {
        let (telegram, gitlab, graph) = (
            tokens::TELEGRAM,
            tokens::GITLAB_TOKEN,
            body_tokens::MICROSOFT_GRAPH,
        );
        let (one, other) = (
            [Zeroizing::new(SECRET.to_owned())],
            [Zeroizing::new("gitlabs-own-token".to_owned())],
        );
        let mask = Mask::new([
            (&telegram, &one[..]),
            (&gitlab, &other[..]),
            (&graph, &[][..]),
        ]);
        let body = r#"{"value":[{"clientState":"another-secret"}],"copied":"gitlabs-own-token"}"#;
        for at in [Some(&telegram), Some(&gitlab), None] {
            let headers = [
                (telegram.signature_header(), SECRET),
                (gitlab.signature_header(), "a-wrong-token"),
                ("x-copied", "gitlabs-own-token"),
            ];
            let mut made = request(&headers, "/", body);
            let (hidden, state) = mask.apply(at, &mut made);
            assert_eq!(hidden, [true; 3]);
            assert_eq!(state, Some(BodyState::Masked));
            let text = String::from_utf8(made.body).unwrap();
            assert!(!text.contains("gitlabs"), "{text}");
            // Whether a field is a token depends on the sender; at no sender's path it may be.
            assert_eq!(text.contains("another-secret"), at.is_some(), "{text}");
        }
        // What is no JSON is kept where nobody's tokens are looked for in it, unless it may be half a document.
        for (at, body, stays) in [
            (None, "a=1&b=2", true),
            (Some(&gitlab), "a=1&b=2", true),
            (Some(&graph), "a=1&b=2", false),
            (None, " {\"value\":[{\"clientState\":\"another", false),
        ] {
            let mut made = request(&[], "/", body);
            mask.apply(at, &mut made);
            assert_eq!(!made.body.is_empty(), stays, "{body}");
        }
    }
    #[test]
    fn a_secret_is_found_however_it_is_spelt() {
        const SPELT: &str = "whsec_a+b/c&d e==";
        let secrets = [Zeroizing::new(SPELT.to_owned())];
        let mask = Mask::new([(&rebill_za::SCHEME, &secrets[..])]);
        let percent: String = SPELT.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let form = "whsec_a%2Bb%2Fc%26d+e%3D%3D";
        let plain = "whsec_a+b/c&d%20e==";
        for spelt in [&percent, form, plain] {
            for target in [
                format!("/{spelt}/x"),
                format!("/x?{spelt}"),
                format!("/x?a={spelt}&b"),
            ] {
                let mut made = request(&[("x-copied", spelt)], &target, "");
                let (hidden, _) = mask.apply(None, &mut made);
                assert_eq!(hidden, [true], "{spelt}");
                // The last letters are of no other part, so a piece that is left shows.
                for part in ["_a", "%61", "e=", "e%3D", "%65"] {
                    assert!(!made.target.contains(part), "{target}: {}", made.target);
                }
            }
        }
        let json = r#"{"a":"whsec_a+b\/c\u0026d e==","b":1}"#;
        for body in [json, &percent, &format!("a={form}&b=1")] {
            let mut made = request(&[], "/", body);
            let (_, state) = mask.apply(None, &mut made);
            assert_eq!(state, Some(BodyState::Masked), "{body}");
            assert_eq!(made.body.len(), body.len());
            assert!(!mask.occurs(&made.body), "{body}");
        }
        let mut made = request(&[], "/", json);
        mask.apply(None, &mut made);
        assert_eq!(
            String::from_utf8(made.body).unwrap(),
            r#"{"a":"***********************","b":1}"#
        );
        // The name of a parameter may be escaped, too.
        let mut made = request(&[], "/x?t%6Fken=another-secret&a=b+c", "");
        mask.apply(None, &mut made);
        assert_eq!(made.target, "/x?t%6Fken=(masked)&a=b+c");
    }
}
