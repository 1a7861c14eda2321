//! The senders of the simulation: how they sign, what they send of an entity, and how they retry.

use core::time::Duration;

use countersign_core::{
    Scheme,
    scheme::{IdenticalBodies, RetryTime},
};
use countersign_senders::{github, invoice_maker, rebill_za, stripe};
use serde_json::{Value, json};

use super::entity::{Change, Entity};

/// A company's own sender: no ids, and a number in each body.
pub const NUMBERED: Scheme = Scheme::body_hmac("X-Acme-Signature")
    .name("own, numbered")
    .prefix("sha256=")
    .retry_span(Duration::from_secs(27 * 3_600))
    .identical_bodies(IdenticalBodies::Copies {
        within: Duration::from_secs(27 * 3_600),
    })
    .declare();

/// A company's own sender whose events all look the same.
pub const CONSTANT: Scheme = Scheme::body_hmac("X-Acme-Signature")
    .name("own, constant")
    .prefix("sha256=")
    .identical_bodies(IdenticalBodies::Events)
    .declare();

/// The same, decided the wrong way.
pub const CONSTANT_AS_COPIES: Scheme = Scheme::body_hmac("X-Acme-Signature")
    .name("own, constant")
    .prefix("sha256=")
    .identical_bodies(IdenticalBodies::Copies {
        within: Duration::from_secs(72 * 3_600),
    })
    .declare();

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum House {
    /// Rebill, which sends the same bytes again.
    Rebill,
    /// Rebill, if its retries were rendered anew.
    RebillRendered,
    /// Invoice Maker, if retries keep their first time.
    InvoiceMakerKept,
    /// Invoice Maker, if retries are stamped anew.
    InvoiceMakerRenewed,
    /// GitHub, which does not retry; people do.
    GitHub,
    /// Stripe.
    Stripe,
    /// A company's own, with a number in each body.
    OwnNumbered,
    /// A company's own, whose bodies are all the same.
    OwnConstant,
}

impl House {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Rebill,
        Self::RebillRendered,
        Self::InvoiceMakerKept,
        Self::InvoiceMakerRenewed,
        Self::GitHub,
        Self::Stripe,
        Self::OwnNumbered,
        Self::OwnConstant,
    ];

    /// How it signs.
    #[must_use]
    pub const fn scheme(self) -> Scheme {
        match self {
            Self::Rebill | Self::RebillRendered => rebill_za::SCHEME,
            Self::InvoiceMakerKept | Self::InvoiceMakerRenewed => invoice_maker::SCHEME,
            Self::GitHub => github::SCHEME,
            Self::Stripe => stripe::SCHEME,
            Self::OwnNumbered => NUMBERED,
            Self::OwnConstant => CONSTANT,
        }
    }

    /// How long after each failure the next attempt comes, in seconds. Rebill and companies do not
    /// say; theirs is Invoice Maker's.
    pub(super) const fn retries(self) -> &'static [u64] {
        match self {
            Self::GitHub => &[],
            Self::Stripe => &[5 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR],
            _ => &[MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 24 * HOUR],
        }
    }

    /// Whether a retry is the first request again, time and signature included.
    pub(super) fn keeps_requests(self) -> bool {
        match self {
            Self::InvoiceMakerRenewed | Self::RebillRendered => false,
            _ => self.scheme().retry_time() != RetryTime::Renewed,
        }
    }

    /// Whether somebody sends again by hand what the sender gave up.
    pub(super) const fn is_redelivered(self) -> bool {
        matches!(self, Self::GitHub)
    }

    /// Whether every request is to run, copies too.
    pub(super) const fn runs_copies(self) -> bool {
        matches!(self, Self::OwnConstant)
    }

    /// Whether the store is told which entity a delivery is about, and a repeat is not run.
    pub(super) const fn suppresses(self) -> bool {
        matches!(self, Self::Rebill | Self::RebillRendered)
    }

    /// What is sent of a change that was made: types and bodies, in order.
    pub(super) fn events(self, change: Change, of: &Entity, number: usize) -> Vec<(String, Value)> {
        let types = change.types();
        match self {
            Self::Rebill | Self::RebillRendered => each(types, &of.body()),
            Self::InvoiceMakerKept | Self::InvoiceMakerRenewed | Self::Stripe => {
                let data = json!({"id": of.id(), "object": of.body()});
                // One action, one event: the entity goes into the envelope.
                let last = types.last().copied().unwrap_or("invoice.updated");
                each(&[last], &json!({"data": data}))
            }
            Self::GitHub => each(&["issues"], &json!({"issue": of.body()})),
            Self::OwnNumbered => each(&["changed"], &json!({"number": number, "of": of.id()})),
            Self::OwnConstant => each(&["prices.changed"], &json!({"event": "prices.changed"})),
        }
    }
}

fn each(types: &[&str], body: &Value) -> Vec<(String, Value)> {
    let one = |name: &&str| ((*name).to_owned(), body.clone());
    types.iter().map(one).collect()
}
