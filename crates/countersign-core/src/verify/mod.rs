//! Proving a request: from its head and its body to a [`Verified`] or a [`Rejection`].
//!
//! Nothing in here knows of deduplication, of an endpoint, of a runtime or of what time it is: time
//! comes in as a value. The steps are in the order of the files: the head is judged (`precheck`, with
//! `signature` and `freshness`), the body taken in (`intake`, with `body`, `message`, and `decode` where
//! bodies are compressed), and what the
//! scheme takes from the proved bytes is read (`signed`, with `fields`), a `handshake` among it.

mod batch;
mod body;
mod body_token;
mod builder;
mod content;
mod content_key;
mod date;
mod decode;
mod fields;
mod freshness;
mod gunzip;
mod handshake;
mod head;
mod intake;
mod limits;
mod message;
mod pick;
mod policy;
mod precheck;
mod procedure;
mod scan;
mod signature;
mod signed;
mod slots;
#[cfg(test)]
pub(crate) mod tests;
mod verified;
mod verifier;

pub use self::{
    batch::Items,
    builder::{VerifierBuilder, VerifierError},
    head::Head,
    intake::Intake,
    limits::VerifyLimits,
    precheck::Prechecked,
    verified::{EventName, Verified},
    verifier::Verifier,
};
pub(crate) use self::{
    handshake::{SignedAnswer, SignedHandshake, read_field, read_text},
    signed::contradicts,
};
