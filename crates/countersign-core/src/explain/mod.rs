//! Why a request does not verify, found by trying the usual mistakes. Feature `explain`.
//!
//! A mismatch says nothing, and must not: whoever forges requests would learn from it. The person who has the
//! secret, the request and an afternoon may know more. [`Question::explain`] changes one thing at a time, as the usual
//! mistakes do (a body that was parsed and written again, a secret with a line break, the tag of another
//! algorithm), and asks a [`Verifier`](crate::Verifier) each time. What it reports as reproduced is what a
//! verifier accepted with the secret that was given; it computes no tag of its own and shows none.
//!
//! **It is for tools, and not for the way of a request.** It tries hundreds of changes, each a walk over the
//! body, and what it says would help a forger. Nothing else in this crate names it, so no receiver reaches it.
//!
//! ```
//! use countersign_core::{Scheme, Timestamp, explain::{Cause, Question}};
//!
//! const ACME: Scheme = Scheme::body_hmac("X-Acme-Signature")
//!     .prefix("sha256=")
//!     .id_header("X-Acme-Id")
//!     .declare();
//! let request = http::Request::post("/").header(
//!     "X-Acme-Signature",
//!     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
//! ).body(())?;
//! let secret = "It's a Secret to Everybody";
//! let now = Timestamp::now();
//!
//! // The body with a line break more than was signed.
//! let explanation = Question::new(ACME, secret, &request, "Hello, World!\n", now).explain();
//! assert!(explanation.is_reproduced());
//! assert_eq!(explanation.findings()[0].cause(), Cause::BodyLineBreakAdded);
//!
//! // Another body: no usual mistake, and nothing is claimed.
//! let explanation = Question::new(ACME, secret, &request, "Hello, Moon!", now).explain();
//! assert!(!explanation.is_reproduced());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// docs/decisions.md: D65.

use core::fmt;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::{clock::Timestamp, rejection::Rejection, scheme::Scheme, verify::Head};

mod body;
mod case;
mod finding;
mod head;
mod json;
mod scheme;
mod search;
mod secret;
mod signature;
mod time;
mod url;

use case::{Budget, Captured, Case, Key};
pub use finding::{Cause, Finding, Spot};

/// A request that is to be explained, with the secret as text: as somebody pasted it, white space and all.
#[derive(Clone)]
pub struct Question {
    case: Case,
    text: Zeroizing<String>,
    other_secrets: Vec<(String, Zeroizing<String>)>,
    other_schemes: Vec<Scheme>,
    now: Timestamp,
}

impl Question {
    /// A request as it was received by somebody who expects this scheme and this secret.
    pub fn new(
        scheme: Scheme,
        secret: impl Into<String>,
        head: &(impl Head + ?Sized),
        body: impl Into<Bytes>,
        now: Timestamp,
    ) -> Self {
        let text = Zeroizing::new(secret.into());
        Self {
            case: Case {
                scheme,
                key: Key::Text(text.clone()),
                head: Captured::of(head),
                body: body.into(),
                url: None,
                budget: Budget::new(),
            },
            text,
            other_secrets: Vec::new(),
            other_schemes: Vec::new(),
            now,
        }
    }

    /// Names the address that the sender was given, for schemes that sign it.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.case.url = Some(url.into());
        self
    }

    /// Adds another secret that may be the right one: the sandbox's, an older one. The name is shown.
    #[must_use]
    pub fn other_secret(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        self.other_secrets.push((name.into(), text));
        self
    }

    /// Adds schemes of other senders that the request may be from; `countersign_senders::all` has some.
    #[must_use]
    pub fn other_schemes(mut self, schemes: impl IntoIterator<Item = Scheme>) -> Self {
        self.other_schemes.extend(schemes);
        self
    }

    /// Tries the usual mistakes.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        let judged = self.case.judge(self.now);
        let outcome = match &judged {
            Ok(()) => Outcome::Accepted,
            Err(case::Refused::Request(rejection)) => Outcome::Refused(rejection.clone()),
            Err(case::Refused::Setup(message)) => Outcome::Unusable(message.clone()),
        };
        let findings = match outcome {
            Outcome::Accepted => Vec::new(),
            _ => search::run(self),
        };
        Explanation { outcome, findings }
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("scheme", &self.case.scheme.name())
            .field("body", &self.case.body.len())
            .finish_non_exhaustive()
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Explanation {
    outcome: Outcome,
    findings: Vec<Finding>,
}

#[derive(Clone, Debug)]
enum Outcome {
    Accepted,
    Refused(Rejection),
    Unusable(String),
}

impl Explanation {
    /// Whether a verifier accepts the request as it is.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        matches!(self.outcome, Outcome::Accepted)
    }

    /// Why a verifier refuses it.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Rejection> {
        match &self.outcome {
            Outcome::Refused(rejection) => Some(rejection),
            Outcome::Accepted | Outcome::Unusable(_) => None,
        }
    }

    /// Why no verifier can be built with the secret or the address, so that nothing is received at all.
    #[must_use]
    pub fn unusable(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Unusable(message) => Some(message),
            Outcome::Accepted | Outcome::Refused(_) => None,
        }
    }

    /// What is wrong, the most telling first. Together, those that are reproduced make it verify.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether the signature was reproduced with a secret that was given: as the request is, or with what
    /// the findings say changed.
    #[must_use]
    pub fn is_reproduced(&self) -> bool {
        self.is_accepted() || self.findings.iter().any(Finding::is_reproduced)
    }
}
