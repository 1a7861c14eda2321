//! Requests that no HTTP library would build, and receivers for them.

use countersign_core::{
    Head, MemoryStore, Receiver, ReceiverBuilder, Secret, Timestamp, scheme::Scheme,
};
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

/// A receiver without keys yet.
pub(crate) fn receiver(scheme: Scheme) -> ReceiverBuilder {
    Receiver::builder(scheme)
        .endpoint("fuzz")
        .store(MemoryStore::with_capacity(16))
}

/// A receiver and a sender that share a secret.
pub(crate) fn pair(scheme: Scheme) -> (Receiver, Sender) {
    let sender = Sender::new(scheme).with_clock(countersign_testkit::ManualClock::at(NOW));
    let secret = sender.secret().expect("the testkit's secret");
    let receiver = receiver(scheme).secret(secret).build();
    (receiver.expect("a receiver"), sender)
}

/// The one secret as text, for schemes that take text.
pub(crate) fn secret() -> Secret {
    Secret::new(SECRET).expect("a secret")
}
