//! Requests that no HTTP library would build, and verifiers for them.

use countersign_core::{Head, Secret, Timestamp, Verifier, VerifierBuilder, scheme::Scheme};
use countersign_testkit::Sender;

pub(crate) const SECRET: &str = "a secret of the fuzz targets";

/// The clock of every target that is not about time.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_760_000_000);

/// A head with whatever text and bytes.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) headers: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Request<'a> {
    /// A POST with these headers.
    pub(crate) fn post(headers: Vec<(&'a str, &'a [u8])>) -> Self {
        Self {
            method: "POST",
            target: "/",
            headers,
        }
    }
}

impl Head for Request<'_> {
    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    fn each_header<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in &self.headers {
            visit(name, value);
        }
    }
}

/// A verifier without keys yet.
pub(crate) fn verifier(scheme: Scheme) -> VerifierBuilder {
    Verifier::builder(scheme)
}

/// A verifier and a sender that share a secret.
pub(crate) fn pair(scheme: Scheme) -> (Verifier, Sender) {
    let sender = Sender::new(scheme).with_clock(countersign_testkit::ManualClock::at(NOW));
    let secret = sender.secret().expect("the testkit's secret");
    let verifier = verifier(scheme).secret(secret).build();
    (verifier.expect("a verifier"), sender)
}

/// The one secret as text, for schemes that take text.
pub(crate) fn secret() -> Secret {
    Secret::new(SECRET).expect("a secret")
}
