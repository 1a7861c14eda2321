//! What a receiver cannot be built of.

use core::{error::Error, fmt, time::Duration};

use crate::{
    keys::SecretError,
    rejection::{RejectionClass, RejectionKind},
    scheme::SchemeError,
    verify::VerifierError,
};

/// Why a receiver cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The endpoint has no name.
    NoEndpoint,
    /// The endpoint's name is empty or longer than 128 bytes.
    InvalidEndpoint,
    /// The verifier cannot be built.
    Verifier(VerifierError),
    /// A verifier was given, and then keys, limits, a tolerance or a URL that it has already.
    VerifierTwice,
    /// The verifier that was given takes its keys from a lookup, and there is none; or the other way
    /// round.
    NoLookup,
    /// There is no store.
    NoStore,
    /// A limit is zero.
    ZeroLimit(&'static str),
    /// A copy would wait for longer than the sender waits for an answer.
    WaitLongerThanBudget,
    /// Deliveries would run unclaimed, but no signed time of theirs is judged.
    FailOpenWithoutTime,
    /// A status does not mean to the sender what the refusal means.
    StatusOfAnotherClass(RejectionKind, RejectionClass),
    /// Deliveries would be forgotten while copies can still arrive.
    RetentionTooShort {
        /// The shortest that is enough.
        least: Duration,
    },
    /// A captured request would still verify when its body is forgotten.
    CopiesShorterThanTolerance {
        /// The shortest [`IdenticalBodies::Copies`](crate::scheme::IdenticalBodies::Copies) that is enough: the tolerance in both directions.
        least: Duration,
    },
    /// A retention was set, but there are no ids to remember: the scheme says for how long it
    /// remembers bodies.
    RetentionWithoutIds,
    /// The content key cannot tell this sender's deliveries apart.
    ContentKey(SchemeError),
    /// The scheme's handshake compares a token and there is none, or the other way round.
    NoVerifyToken,
    /// The verify token cannot be used.
    VerifyToken(SecretError),
    /// The scheme's handshake offers something and there is nobody to take it, or the other way round.
    NoOnOffer,
    /// The sender tries wrong signatures and expects 401, and the kind was given another status.
    HandshakeNeeds401(RejectionKind),
    /// The system gave no random bytes.
    NoRandomness,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEndpoint => f.write_str("the endpoint has no name: call `endpoint`"),
            Self::InvalidEndpoint => {
                f.write_str("the endpoint's name must have 1 to 128 bytes")
            }
            Self::Verifier(error) => error.fmt(f),
            Self::ContentKey(error) => error.fmt(f),
            Self::VerifierTwice => f.write_str(
                "the verifier that was given has its keys, limits, tolerance and URL: set them there",
            ),
            Self::NoLookup => f.write_str(
                "the verifier takes its keys from a lookup: call `tenants`, with the place that it has",
            ),
            Self::NoStore => f.write_str("there is no store: call `store`"),
            Self::ZeroLimit(name) => write!(f, "the limit `{name}` must not be zero"),
            Self::WaitLongerThanBudget => {
                f.write_str("the limit `wait` must not be above `response_budget`")
            }
            Self::FailOpenWithoutTime => {
                f.write_str("no signed time is judged: `StoreOutage::FailOpen` cannot be used")
            }
            Self::StatusOfAnotherClass(kind, class) => write!(
                f,
                "the status for `{}` must be {}",
                kind.as_str(),
                match class {
                    RejectionClass::Refused => "4xx",
                    RejectionClass::NotYet => "5xx",
                }
            ),
            Self::RetentionTooShort { least } => write!(
                f,
                "the retention must be at least {} s, as long as copies can arrive",
                least.as_secs().max(1)
            ),
            Self::CopiesShorterThanTolerance { least } => write!(
                f,
                "`IdenticalBodies::Copies` must last at least {} s, as long as a signed time is accepted",
                least.as_secs()
            ),
            Self::RetentionWithoutIds => f.write_str(
                "the scheme has no ids, and says in `identical_bodies` how long bodies are remembered: \
                 do not call `retention`",
            ),
            Self::NoVerifyToken => f.write_str(
                "call `verify_token` if, and only if, the scheme has `Handshake::HubChallenge`",
            ),
            Self::VerifyToken(error) => write!(f, "the verify token: {error}"),
            Self::NoOnOffer => f.write_str(
                "call `on_offer` if, and only if, a handshake of the scheme brings a key or a subscription",
            ),
            Self::HandshakeNeeds401(kind) => write!(
                f,
                "the sender tries requests that are refused, and expects 401: leave the status for `{}`",
                kind.as_str()
            ),
            Self::NoRandomness => f.write_str("the system gave no random bytes"),
        }
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Verifier(error) => error.source(),
            Self::ContentKey(error) => error.source(),
            Self::VerifyToken(error) => error.source(),
            _ => None,
        }
    }
}
