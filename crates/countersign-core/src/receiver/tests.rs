//! What a receiver is built from, and what it tells deliveries apart by.

use core::time::Duration;

use super::*;
use crate::{
    clock::{SystemClock, Timestamp},
    keys::Keyring,
    rejection::RejectionClass,
    scheme::{Part, SchemeBuilder},
    store::memory::MemoryStore,
    verify::{
        VerifierError,
        tests::{DOT, FULL, KEY, NOW, Request, tag, tag_by},
    },
};

mod config;
mod draining;
mod identity;
mod procedure;

fn builder(scheme: Scheme) -> ReceiverBuilder {
    Receiver::builder(scheme)
        .endpoint("test")
        .secret(Secret::new(KEY).unwrap())
        .store(MemoryStore::with_capacity(16))
}

fn receiver(scheme: SchemeBuilder) -> Receiver {
    builder(scheme.build().unwrap()).build().unwrap()
}

/// What a receiver makes of a request, before it is claimed.
fn received(receiver: &Receiver, request: &Request) -> Result<Received, Rejection> {
    let verified = request.judge(receiver.verifier())?;
    Ok(Received::new(&receiver.inner, verified, Duration::ZERO))
}
