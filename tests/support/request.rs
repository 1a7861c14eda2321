//! Requests with any bytes in their headers, and the ways to judge them.

use bytes::Bytes;
use countersign_core::{
    Head, MemoryStore, Receiver, Rejection, Scheme, Secret, Timestamp, Verified,
};
use countersign_testkit::SignedDelivery;

use crate::handshakes::{Taker, configure};

/// A POST request; unlike `http`'s, its headers may hold any bytes.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The query, without the question mark.
    pub query: Option<String>,
    /// Names and values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// The only value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let of_name = |(header, _): &&(String, Vec<u8>)| header.eq_ignore_ascii_case(name);
        let (_, value) = self.headers.iter().find(of_name)?;
        Some(value)
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With another body.
    #[must_use]
    pub fn with_body(&self, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..self.clone()
        }
    }

    /// Judges the request in one call.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn verify(&self, receiver: &Receiver, now: Timestamp) -> Result<Verified, Rejection> {
        receiver.verifier().verify(self, self.body.clone(), now)
    }

    /// Judges the request with its body in chunks of the given sizes, over and over.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn verify_in_chunks(
        &self,
        receiver: &Receiver,
        sizes: &[usize],
        now: Timestamp,
    ) -> Result<Verified, Rejection> {
        let mut intake = receiver.verifier().precheck(self, now)?.open(None)?;
        let mut rest = self.body.clone();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            intake.push(rest.split_to((*size).min(rest.len())))?;
        }
        intake.finish()
    }
}

impl From<&SignedDelivery> for Request {
    fn from(delivery: &SignedDelivery) -> Self {
        let headers = delivery.headers().iter();
        Self {
            query: delivery.query().map(str::to_owned),
            headers: headers
                .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
                .collect(),
            body: delivery.body().clone(),
        }
    }
}

impl Head for Request {
    fn method(&self) -> &str {
        "POST"
    }

    fn path(&self) -> &str {
        "/"
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn each_header<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in &self.headers {
            visit(name, value);
        }
    }
}

/// A receiver of the scheme with these secrets.
#[must_use]
#[allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "test data")]
pub fn receiver(scheme: Scheme, secrets: impl IntoIterator<Item = Secret>) -> Receiver {
    let mut builder = Receiver::builder(scheme)
        .endpoint("test")
        .store(MemoryStore::new());
    if scheme.signs_url() {
        builder = builder.url(URL);
    }
    for secret in secrets {
        builder = builder.secret(secret);
    }
    configure(&scheme, &Taker::default(), builder)
        .build()
        .unwrap()
}

/// The URL of receivers whose scheme signs one.
pub const URL: &str = "https://example.com/webhooks/test";
