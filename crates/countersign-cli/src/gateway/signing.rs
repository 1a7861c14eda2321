//! The signature of the gateway's own: Standard Webhooks, which every language has a library for.

// docs/decisions.md: D88.

use core::fmt;

use bytes::Bytes;
use countersign_core::DeliveryKey;
use countersign_senders::standard_webhooks;
use countersign_testkit::Sender;
use http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// The headers that only the gateway writes: from outside they are left out.
pub(super) const OURS: [HeaderName; 3] = [ID, TIMESTAMP, SIGNATURE];

/// Signs for the services behind the gateway.
#[derive(Clone)]
pub(crate) struct Signing {
    /// The first one is the newest; a service that knows any of them accepts.
    senders: Vec<Sender>,
}

impl Signing {
    /// With these secrets, each `whsec_` and base64. None where there is none.
    pub(crate) fn new(secrets: Vec<Zeroizing<String>>) -> Option<Self> {
        let scheme = standard_webhooks::SCHEME;
        let senders: Vec<Sender> = secrets
            .into_iter()
            .map(|secret| Sender::with_secret(scheme, secret.to_string()))
            .collect();
        (!senders.is_empty()).then_some(Self { senders })
    }

    /// The headers for a delivery: its id, now, and a signature of each secret over these and the body.
    ///
    /// None where the library that signs gave no header, which would be a mistake of ours.
    pub(super) fn headers(
        &self,
        key: &DeliveryKey,
        body: &Bytes,
    ) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let id = hex(key);
        let (first, others) = self.senders.split_first()?;
        let delivery = first.raw("", &id, body.clone());
        let time = delivery.header(TIMESTAMP.as_str())?;
        let mut signatures = delivery.header(SIGNATURE.as_str())?.to_owned();
        for sender in others {
            let other = sender.sign_with_time(&delivery, time);
            signatures.push(' ');
            signatures.push_str(other.header(SIGNATURE.as_str())?);
        }
        Some(vec![
            (ID, HeaderValue::try_from(id).ok()?),
            (TIMESTAMP, HeaderValue::try_from(time).ok()?),
            (SIGNATURE, HeaderValue::try_from(signatures).ok()?),
        ])
    }
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signing({} secrets)", self.senders.len())
    }
}

fn hex(key: &DeliveryKey) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in key.as_bytes() {
        // A String takes everything.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use countersign_core::{Secret, Timestamp, Verifier};

    use super::*;

    #[test]
    fn what_is_signed_verifies_under_each_secret_and_no_other() {
        let secrets = [
            "whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3",
            "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xk",
        ];
        let signing = Signing::new(secrets.map(|text| Zeroizing::new(text.to_owned())).to_vec());
        let key = DeliveryKey::for_id("e", None, "x");
        let body = Bytes::from_static(b"{}");
        let headers = signing.unwrap().headers(&key, &body).unwrap();
        let verify = |secret: &str, body: &Bytes| {
            let verifier = Verifier::builder(standard_webhooks::SCHEME)
                .secret(Secret::new(secret).unwrap())
                .build()
                .unwrap();
            let mut request = http::Request::post("/").body(()).unwrap();
            request.headers_mut().extend(headers.clone());
            verifier
                .verify(&request, body.clone(), Timestamp::now())
                .is_ok()
        };
        assert!(secrets.iter().all(|secret| verify(secret, &body)));
        assert!(!verify("whsec_b3RoZXJvdGhlcm90aGVyb3RoZXI=", &body));
        assert!(!verify(secrets[0], &Bytes::from_static(b"{ }")));
        assert!(Signing::new(Vec::new()).is_none());
    }
}
