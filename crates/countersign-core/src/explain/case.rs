//! One thing to try: a request, a scheme and a key.

use core::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use std::sync::Arc;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::{
    clock::Timestamp,
    keys::Secret,
    rejection::{Rejection, RejectionKind},
    scheme::{Location, Scheme, Tolerance},
    verify::{Head, Verifier, VerifierBuilder},
};

/// What a try costs beside its body: a head to read, keys to make.
const A_HEAD: usize = 16 * 1024;
/// No request that a tool is asked about has more.
const MAX_HEADERS: usize = 256;

/// A head of one's own, to be changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Captured {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

/// A key as somebody has it.
#[derive(Clone)]
pub(super) enum Key {
    Text(Zeroizing<String>),
    Bytes(Zeroizing<Vec<u8>>),
}

/// A request, a scheme and a key.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) scheme: Scheme,
    pub(super) key: Key,
    pub(super) head: Captured,
    pub(super) body: Bytes,
    pub(super) url: Option<String>,
    pub(super) budget: Budget,
}

/// How many bytes may still be hashed for a question, over everything that is tried.
#[derive(Clone)]
pub(super) struct Budget(Arc<AtomicU64>);

impl Budget {
    /// Some seconds of hashing: thousands of tries at bodies of the usual length.
    const BYTES: u64 = 4 * 1024 * 1024 * 1024;

    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(Self::BYTES)))
    }

    pub(super) fn refill(&self) {
        self.0.store(Self::BYTES, Ordering::Relaxed);
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// False when there is not so much left; then there is nothing left.
    fn spend(&self, bytes: usize) -> bool {
        let less = |left: u64| left.checked_sub(u64::try_from(bytes).ok()?);
        let spent = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if spent.is_err() {
            self.0.store(0, Ordering::Relaxed);
        }
        spent.is_ok()
    }
}

/// Why a case is not accepted.
#[derive(Debug)]
pub(super) enum Refused {
    Request(Rejection),
    /// There is no verifier that could judge it.
    Setup(String),
}

impl Captured {
    pub(super) fn of(head: &(impl Head + ?Sized)) -> Self {
        let mut headers = Vec::new();
        head.each_header(&mut |name, value| {
            if headers.len() < MAX_HEADERS {
                headers.push((name.to_owned(), value.to_vec()));
            }
        });
        Self {
            method: head.method().to_owned(),
            path: head.path().to_owned(),
            query: head.query().map(str::to_owned),
            headers,
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        let of_name = |(known, _): &&(String, Vec<u8>)| known.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .find(of_name)
            .map(|(_, value)| value.as_slice())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        core::str::from_utf8(self.get(name)?).ok()
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.into()));
    }
}

impl Head for Captured {
    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> &str {
        &self.path
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

/// A head without what says nothing about its signature.
struct Relaxed<'a> {
    head: &'a Captured,
    /// Where the sender compresses, it says how the body is to be read.
    keeps_encoding: bool,
}

impl Head for Relaxed<'_> {
    fn method(&self) -> &str {
        "POST"
    }

    fn path(&self) -> &str {
        self.head.path()
    }

    fn query(&self) -> Option<&str> {
        self.head.query()
    }

    fn each_header<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        let is_aside = |name: &str| {
            let is = |aside: &str| name.eq_ignore_ascii_case(aside);
            let encoding = is("content-encoding") && !self.keeps_encoding;
            encoding || is("content-type") || is("content-length")
        };
        self.head.each_header(&mut |name, value| {
            if !is_aside(name) {
                visit(name, value);
            }
        });
    }
}

impl Case {
    /// What a verifier says of it, as it is configured by default.
    pub(super) fn judge(&self, now: Timestamp) -> Result<(), Refused> {
        // One request needs no room for many.
        let verifier = self.verifier(|builder| {
            builder.limits(|limits| {
                let room = limits.body_bytes.saturating_mul(4);
                limits.buffered_bytes = limits.buffered_bytes.max(room);
            })
        })?;
        let judged = verifier.verify(&self.head, self.body.clone(), now);
        judged.map(drop).map_err(Refused::Request)
    }

    /// Whether the key made the signature over these bytes, however old it is.
    pub(super) fn proves(&self) -> bool {
        let mut names = self.head.headers.iter();
        if !names.any(|(name, _)| self.is_signature_header(name)) {
            return false;
        }
        if !self.budget.spend(self.body.len().saturating_add(A_HEAD)) {
            return false;
        }
        let any_time = self.scheme.tolerance().is_some();
        let len = self.body.len().max(1);
        let verifier = self.verifier(|builder| {
            let builder = builder.limits(|limits| {
                limits.body_bytes = limits.body_bytes.max(len);
                // A form's field is held beside its form.
                limits.buffered_bytes = limits.body_bytes.saturating_mul(4);
            });
            if any_time {
                builder.tolerance(Tolerance::both(Duration::MAX))
            } else {
                builder
            }
        });
        let Ok(verifier) = verifier else {
            return false;
        };
        match verifier.verify(
            &Relaxed {
                head: &self.head,
                keeps_encoding: self.scheme.compression().is_some(),
            },
            self.body.clone(),
            Timestamp::from_unix_seconds(0),
        ) {
            Ok(_) => true,
            // These are asked of bytes that were proved.
            Err(refused) => matches!(
                refused.kind(),
                RejectionKind::CopyDisagrees | RejectionKind::TimestampMissing
            ),
        }
    }

    fn verifier(
        &self,
        change: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
    ) -> Result<Verifier, Refused> {
        let setup = |message: String| Refused::Setup(message);
        let secret = match &self.key {
            Key::Text(text) => Secret::new(text.as_str()),
            Key::Bytes(bytes) => Secret::from_bytes(bytes.as_slice()),
        };
        let secret = secret.map_err(|error| setup(error.to_string()))?;
        let mut builder = Verifier::builder(self.scheme).secret(secret);
        if !self.scheme.body_is_signed() {
            builder = builder.accept_unsigned_body();
        }
        if self.scheme.signs_url() {
            builder = builder.url(self.url.clone().unwrap_or_default());
        }
        change(builder)
            .build()
            .map_err(|error| setup(error.to_string()))
    }

    /// Whether a header is one that the scheme reads signatures from.
    pub(super) fn is_signature_header(&self, name: &str) -> bool {
        self.scheme.is_signature_header(name)
    }

    /// The name under which one signature is sent.
    pub(super) fn signature_header(&self) -> String {
        match self.scheme.location() {
            Location::Numbered(stem) => format!("{stem}1"),
            _ => self.scheme.signature_header().to_owned(),
        }
    }

    /// The same with this alone as its signature.
    pub(super) fn with_signature(&self, value: impl Into<Vec<u8>>) -> Self {
        let mut case = self.clone();
        let name = self.signature_header();
        let headers = &mut case.head.headers;
        headers.retain(|(known, _)| !self.is_signature_header(known));
        case.head.set(&name, value);
        case
    }

    pub(super) fn with_body(&self, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..self.clone()
        }
    }

    pub(super) fn with_key(&self, key: Key) -> Self {
        Self {
            key,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_spent() {
        let budget = Budget::new();
        assert!(budget.spend(1) && !budget.is_spent());
        budget.0.store(10, Ordering::Relaxed);
        // A copy spends the same.
        assert!(budget.clone().spend(9));
        assert!(!budget.spend(2) && budget.is_spent() && !budget.spend(1));
        budget.refill();
        assert!(budget.spend(1_000_000));
    }
}
