//! From a request's head to the verdict: what is refused, and as what.

use core::time::Duration;

use bytes::Bytes;

use super::*;
use crate::{
    Head, MemoryStore, RejectionKind, Timestamp, Verified,
    mac::{KeyedMac, Macs},
    scheme::{Part, RetryTime, SchemeBuilder},
};

mod config;
mod head;
mod identity;
mod intake;
mod tenants;
mod time;

const KEY: &str = "a signing secret";
/// The receiver's clock.
const NOW: i64 = 1_712_000_000;

const DOT: Part = Part::Literal(".");

/// A scheme that uses every kind of header: signed and unsigned, needed and optional.
const FULL: SchemeBuilder = Scheme::body_hmac("X-Sig")
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
struct Request {
    method: &'static str,
    path: &'static str,
    query: Option<&'static str>,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Bytes,
}

impl Request {
    fn new(body: impl Into<Bytes>) -> Self {
        Self {
            method: "POST",
            path: "/webhooks",
            query: None,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// A delivery under [`FULL`], signed.
    fn full(body: &str) -> Self {
        let signed = format!("evt_1.{NOW}.extra:{body}");
        Self::new(body.to_owned())
            .with("X-Sig", tag(signed.as_bytes()))
            .with("X-Time", NOW.to_string())
            .with("X-Id", "evt_1")
            .with("X-Extra", "extra")
    }

    fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| *header != name);
        self
    }

    fn set(self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.without(name).with(name, value)
    }

    fn judge(&self, receiver: &Receiver) -> Result<Verified, Rejection> {
        receiver.verify(self, self.body.clone(), Timestamp::from_unix_seconds(NOW))
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

fn tag(message: &[u8]) -> String {
    let key = KeyedMac::new(crate::Algorithm::HmacSha256, KEY.as_bytes()).unwrap();
    let mut macs = Macs::new(crate::Algorithm::HmacSha256, [&key].into_iter());
    macs.update(message);
    let tags = macs.finish();
    const_hex::encode(tags.iter().next().unwrap())
}

fn builder(scheme: Scheme) -> ReceiverBuilder {
    Receiver::builder(scheme)
        .endpoint("test")
        .secret(Secret::new(KEY).unwrap())
        .store(MemoryStore::with_capacity(16))
}

fn receiver(scheme: SchemeBuilder) -> Receiver {
    builder(scheme.build().unwrap()).build().unwrap()
}

fn kind<T>(verdict: Result<T, Rejection>) -> Result<(), RejectionKind> {
    verdict.map(drop).map_err(|refused| refused.kind())
}
