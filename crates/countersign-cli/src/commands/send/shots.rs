//! What is sent, in which order, and how it is made.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::{Timestamp, scheme::Place};
use countersign_testkit::{Sender, SignedDelivery};

use super::sample::Sample;
use crate::args::SendArgs;

/// How much older than allowed a stale one is.
const STALE_BY: Duration = Duration::from_secs(60);

/// What a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Event,
    /// The same bytes once more.
    Copy,
    /// The signature of an event over another body.
    Tampered,
    /// Stamped too long ago.
    Stale,
    /// An event that somebody captured, under an id of their own.
    NewId,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [
        Self::Event,
        Self::Copy,
        Self::Tampered,
        Self::Stale,
        Self::NewId,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Copy => "duplicate",
            Self::Tampered => "tampered",
            Self::Stale => "stale",
            Self::NewId => "new id",
        }
    }
}

/// One request of the n-th event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shot {
    pub(super) kind: Kind,
    number: u32,
}

/// Everything that is sent: what is added to an event follows it, so that they meet when several are sent at
/// once.
// docs/decisions.md: D68.
pub(super) fn list(args: &SendArgs) -> Vec<Shot> {
    let shares = [
        (Kind::Copy, args.duplicates),
        (Kind::Tampered, args.tamper),
        (Kind::Stale, args.stale),
        (Kind::NewId, args.new_ids),
    ];
    let mut shots = Vec::new();
    for number in 0..args.count {
        shots.push(Shot {
            kind: Kind::Event,
            number,
        });
        for (kind, share) in shares {
            if falls_on(number, share) {
                shots.push(Shot { kind, number });
            }
        }
    }
    shots
}

/// Whether the n-th event is one of a share: as evenly spread as can be, and the same in every run.
fn falls_on(number: u32, share: f64) -> bool {
    // A share such as 0.29 of 100 is a little less than 29.
    let before = |number: f64| (number * share + 1e-9).floor();
    before(f64::from(number) + 1.0) > before(f64::from(number))
}

/// Makes deliveries.
pub(super) struct Maker {
    sender: Sender,
    sample: Sample,
    event: String,
    /// What tells this run's ids from another's.
    run: i64,
    /// Events that were sent, for what copies them.
    made: Mutex<std::collections::BTreeMap<u32, Arc<SignedDelivery>>>,
}

impl Maker {
    pub(super) fn new(sender: Sender, sample: Sample, event: String, now: Timestamp) -> Self {
        Self {
            sender,
            sample,
            event,
            run: now.unix_millis(),
            made: Mutex::default(),
        }
    }

    pub(super) fn delivery(&self, shot: Shot) -> SignedDelivery {
        match shot.kind {
            Kind::Event | Kind::Copy => self.event_once(shot.number).as_ref().clone(),
            Kind::Tampered => self.event_once(shot.number).tampered(),
            Kind::Stale => {
                let past = self
                    .sender
                    .scheme()
                    .tolerance()
                    .map(|tolerance| tolerance.past);
                let by = past.unwrap_or_default().saturating_add(STALE_BY);
                self.make(
                    &self.sender.clone().behind(by),
                    &format!("stale-{}", self.id(shot.number)),
                )
            }
            Kind::NewId => {
                let delivery = self.event_once(shot.number);
                match self.sender.scheme().id() {
                    Some(Place::Header(name)) => {
                        delivery.with_header(name, &format!("replay-{}", self.id(shot.number)))
                    }
                    _ => delivery.as_ref().clone(),
                }
            }
        }
    }

    /// The n-th event, stamped now.
    pub(super) fn event(&self, number: u32) -> SignedDelivery {
        self.make(&self.sender, &self.id(number))
    }

    pub(super) fn retry(&self, delivery: &SignedDelivery) -> SignedDelivery {
        self.sender.retry(delivery)
    }

    /// The same for everybody who asks.
    fn event_once(&self, number: u32) -> Arc<SignedDelivery> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let delivery = made
            .entry(number)
            .or_insert_with(|| Arc::new(self.event(number)));
        let delivery = Arc::clone(delivery);
        // What lies far behind is not asked for any more: requests go out in their order.
        if let Some(oldest) = number.checked_sub(4_096) {
            made.remove(&oldest);
        }
        delivery
    }

    fn make(&self, sender: &Sender, id: &str) -> SignedDelivery {
        match self.sample.body(id) {
            Ok(value) => sender.delivery_with_id(&self.event, id, value),
            Err(bytes) => sender.raw(&self.event, id, bytes.to_vec()),
        }
    }

    fn id(&self, number: u32) -> String {
        format!("cs-{}-{number}", self.run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact() {
        let count = |count: u32, share: f64| (0..count).filter(|at| falls_on(*at, share)).count();
        for (all, share, due) in [
            (200, 0.1, 20),
            (100, 0.29, 29),
            (7, 0.5, 3),
            (10, 1.0, 10),
            (10, 0.0, 0),
            (3, 0.333_333, 0),
        ] {
            assert_eq!(count(all, share), due, "{all} {share}");
        }
    }
}
