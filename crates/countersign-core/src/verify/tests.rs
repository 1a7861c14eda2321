//! From a request's head to the verdict: what is refused, and as what.

use core::time::Duration;

use bytes::Bytes;

use super::*;
use crate::{
    clock::Timestamp,
    keys::{Keyring, Secret, TenantAt},
    mac::{Algorithm, KeyedMac, Macs},
    rejection::{Rejection, RejectionKind},
    scheme::{Part, RetryTime, Scheme, SchemeBuilder},
};

mod algorithms;
mod body_tokens;
mod boundaries;
#[cfg(feature = "gzip")]
mod compressed;
mod head;
mod intake;
#[cfg(feature = "ed25519")]
mod public_keys;
mod samples;
mod splits;
mod tenants;
mod time;
mod tokens;

pub(crate) const KEY: &str = "a signing secret";
/// The time at which requests are judged.
pub(crate) const NOW: i64 = 1_712_000_000;

pub(crate) const DOT: Part = Part::Literal(".");

/// A scheme that uses every kind of header: signed and unsigned, needed and optional.
pub(crate) const FULL: SchemeBuilder = Scheme::body_hmac("X-Sig")
    .signed(&[
        Part::Id,
        DOT,
        Part::Timestamp,
        DOT,
        Part::Header("X-Extra"),
        Part::Literal(":"),
        Part::Body,
    ])
    .signed_id_header("X-Id")
    .time_header("X-Time")
    .tolerance(Duration::from_secs(300))
    .event_pointer("/type")
    .id_copy("X-Id-Copy")
    .event_copy("X-Type-Copy")
    .attempt_header("X-Attempt");

/// A request whose headers may hold any bytes.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) query: Option<&'static str>,
    pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn new(body: impl Into<Bytes>) -> Self {
        Self {
            method: "POST",
            path: "/webhooks",
            query: None,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// A delivery under [`FULL`], signed.
    pub(crate) fn full(body: &str) -> Self {
        let signed = format!("evt_1.{NOW}.extra:{body}");
        Self::new(body.to_owned())
            .with("X-Sig", tag(signed.as_bytes()))
            .with("X-Time", NOW.to_string())
            .with("X-Id", "evt_1")
            .with("X-Extra", "extra")
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| *header != name);
        self
    }

    pub(crate) fn set(self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.without(name).with(name, value)
    }

    pub(crate) fn judge(&self, verifier: &Verifier) -> Result<Verified, Rejection> {
        verifier.verify(self, self.body.clone(), Timestamp::from_unix_seconds(NOW))
    }
}

impl Head for Request {
    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &str {
        self.path
    }

    fn query(&self) -> Option<&str> {
        self.query
    }

    fn each_header<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in &self.headers {
            visit(name, value);
        }
    }
}

pub(crate) fn tag(message: &[u8]) -> String {
    tag_by(KEY, message)
}

pub(crate) fn tag_by(key: &str, message: &[u8]) -> String {
    let key = KeyedMac::new(Algorithm::HmacSha256, key.as_bytes()).unwrap();
    let mut macs = Macs::new(Algorithm::HmacSha256, [&key].into_iter());
    macs.update(message);
    let tags = macs.finish();
    const_hex::encode(tags.iter().next().unwrap())
}

fn builder(scheme: Scheme) -> VerifierBuilder {
    Verifier::builder(scheme).secret(Secret::new(KEY).unwrap())
}

fn verifier(scheme: SchemeBuilder) -> Verifier {
    builder(scheme.build().unwrap()).build().unwrap()
}

pub(crate) fn kind<T>(verdict: Result<T, Rejection>) -> Result<(), RejectionKind> {
    verdict.map(drop).map_err(|refused| refused.kind())
}
