//! What a scheme answers of its handshakes, and what may be sent back or signed for whoever asks.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "const code has no iterators; every index is below the length, and nothing of a request gets here"
)]

use super::{Handshake, Location, Part, Scheme, SchemeError};
use crate::mac::Algorithm;

/// The longest text that is sent back.
const MAX_ECHO: usize = 1_024;
/// The longest token that is signed.
const MAX_TOKEN: usize = 256;

impl Scheme {
    /// What the sender asks beside its deliveries.
    #[must_use]
    pub const fn handshakes(&self) -> &'static [Handshake] {
        self.handshakes
    }

    /// The methods that are answered, as the header `Allow` has them.
    pub(crate) const fn allowed_methods(&self) -> &'static str {
        const METHODS: [&str; 8] = [
            "POST",
            "GET, POST",
            "HEAD, POST",
            "GET, HEAD, POST",
            "OPTIONS, POST",
            "GET, OPTIONS, POST",
            "HEAD, OPTIONS, POST",
            "GET, HEAD, OPTIONS, POST",
        ];
        let (mut methods, mut at) = (0, 0);
        while at < self.handshakes.len() {
            methods |= self.handshakes[at].method();
            at += 1;
        }
        METHODS[methods]
    }

    /// Whether a header is where the signature is: such a request is a delivery, or nothing.
    pub(crate) fn is_signature_header(&self, name: &str) -> bool {
        match self.location {
            Location::Header(header) | Location::Repeated(header) => {
                name.eq_ignore_ascii_case(header)
            }
            Location::AnyOf(headers) | Location::AllOf(headers) => headers
                .iter()
                .any(|header| name.eq_ignore_ascii_case(header)),
            Location::Body(_) => false,
            Location::Numbered(stem) => name
                .get(..stem.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(stem)),
        }
    }

    /// Whether a body may be what a handshake signed for whoever asked: its signature proves nothing.
    pub(crate) fn may_be_signed_token(&self, body: &[u8]) -> bool {
        self.handshakes.iter().any(|handshake| handshake.signs()) && is_token(body)
    }

    pub(super) const fn check_handshakes(&self) -> Result<(), SchemeError> {
        let mut at = 0;
        while at < self.handshakes.len() {
            let handshake = self.handshakes[at];
            if !handshake.is_valid() {
                return Err(SchemeError::InvalidHandshake);
            }
            if matches!(handshake, Handshake::TokenChallenge { .. }) && self.body_token().is_none()
            {
                return Err(SchemeError::InvalidHandshake);
            }
            if handshake.signs() && !self.signs_no_token() {
                return Err(SchemeError::HandshakeCouldSign);
            }
            at += 1;
        }
        Ok(())
    }

    /// Whether nothing that the sender signs can be a token: it is the body alone, which is looked at,
    /// or there is a literal in it that no token holds.
    const fn signs_no_token(&self) -> bool {
        if !matches!(self.algorithm, Algorithm::HmacSha256) {
            return false;
        }
        if let [Part::Body] = self.signed {
            return true;
        }
        let mut at = 0;
        while at < self.signed.len() {
            if let Part::Literal(text) = self.signed[at]
                && !is_token_text(text.as_bytes())
            {
                return true;
            }
            at += 1;
        }
        false
    }
}

/// Whether a text may be sent back to whoever sent it.
pub(crate) fn is_echo(text: &str) -> bool {
    let harmless = |byte: &u8| matches!(byte, b' '..=b'~') && !b"<>&\"'`\\".contains(byte);
    (1..=MAX_ECHO).contains(&text.len()) && text.as_bytes().iter().all(harmless)
}

/// Whether a text may be signed for whoever sent it.
pub(crate) const fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.len() <= MAX_TOKEN && is_token_text(text)
}

const fn is_token_text(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        let token = text[at].is_ascii_alphanumeric()
            || matches!(text[at], b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
        if !token {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::SchemeBuilder;

    const fn scheme(handshakes: &'static [Handshake]) -> SchemeBuilder {
        Scheme::body_hmac("X-Sig")
            .id_header("X-Id")
            .handshakes(handshakes)
    }

    #[test]
    fn what_is_sent_back_is_no_script_and_what_is_signed_is_no_json() {
        let long = "a".repeat(MAX_ECHO);
        for text in [
            "1158201444",
            "Validation: Testing client application +/=",
            &long,
        ] {
            assert!(is_echo(text), "{text}");
        }
        let longer = format!("{long}a");
        for text in [
            "",
            "<script>",
            "a>b",
            "a&b",
            "\"",
            "'",
            "`",
            "a\\b",
            "a\nb",
            "a\r\nSet-Cookie: b",
            "a\u{0}",
            "é",
            "a\u{7f}",
            &longer,
        ] {
            assert!(!is_echo(text), "{text:?}");
        }
        assert!(is_token(b"MTg4Z-._~+/=9"));
        for text in [
            &b""[..],
            b"{}",
            b"[1]",
            b"a b",
            b"\"a\"",
            b"v0:1",
            b"a,b",
            &[b'a'; 257],
        ] {
            assert!(!is_token(text), "{text:?}");
        }
    }

    #[test]
    fn a_handshake_that_could_sign_a_delivery_does_not_build() {
        let crc: &[Handshake] = &[Handshake::CrcToken];
        assert!(scheme(crc).build().is_ok());
        let colon = &[Part::Literal("v0:"), Part::Body];
        assert!(scheme(crc).signed(colon).build().is_ok());
        let dot = &[Part::Literal("v0."), Part::Body];
        for wrong in [
            scheme(crc).signed(dot).build(),
            scheme(crc).algorithm(Algorithm::HmacSha512).build(),
            scheme(&[Handshake::EncryptedToken]).signed(dot).build(),
        ] {
            assert_eq!(wrong, Err(SchemeError::HandshakeCouldSign));
        }
    }

    #[test]
    fn the_methods_are_those_of_the_handshakes() {
        let allowed = |handshakes| scheme(handshakes).declare().allowed_methods();
        assert_eq!(allowed(&[]), "POST");
        assert_eq!(allowed(&[Handshake::ValidationToken]), "POST");
        assert_eq!(allowed(&[Handshake::HubChallenge]), "GET, POST");
        let header: &[Handshake] = &[Handshake::HeaderChallenge {
            header: "X-A",
            field: "a",
        }];
        assert_eq!(allowed(header), "GET, POST");
        let both: &[Handshake] = &[
            Handshake::Probe,
            Handshake::AbuseProtection {
                origins: &["example.com"],
            },
        ];
        assert_eq!(allowed(both), "HEAD, OPTIONS, POST");
    }

    #[test]
    fn a_signature_header_is_found_however_it_is_written() {
        let one = scheme(&[]).declare();
        assert!(one.is_signature_header("x-sig") && !one.is_signature_header("x-sig1"));
        let any = scheme(&[]).any_header_of(&["X-A", "X-B"]).declare();
        let all = scheme(&[]).all_headers_of(&["X-A", "X-B"]).declare();
        for several in [any, all] {
            assert!(several.is_signature_header("x-b") && !several.is_signature_header("x-sig"));
        }
        let numbered = scheme(&[]).numbered_header().declare();
        assert!(numbered.is_signature_header("X-SIG12") && !numbered.is_signature_header("x-si"));
    }
}
