//! Who gets a key: the rule of [`DedupStore::claim`](super::DedupStore::claim), without storage.
//!
//! For stores that read their rows into this process: hand over what is under the claimed key, then what
//! was claimed last of the subject, then every row that has one of the aliases, all as of one moment, and
//! write what [`decide`](Rule::decide) grants before another claim can. An engine that decides by itself,
//! in one statement or script, must come to the same.
//!
//! ```
//! use core::time::Duration;
//! use countersign_core::{Claim, ClaimRequest, DeliveryKey, Owner, Recurrence};
//! use countersign_core::store::{OnRepeat, Subject, rule::{Found, Rule}};
//!
//! let key = |id| DeliveryKey::for_id("billing", None, id);
//! let subject = Subject::new(key("inv_7"), OnRepeat::Suppress, Duration::from_secs(3_600));
//! let request = ClaimRequest::new(key("dlv_2"), Owner::from_u128(1), Duration::from_secs(60))
//!     .with_subject(Some(subject))
//!     .with_fingerprint(42);
//! let first = Found::Completed { fingerprint: 42 };
//!
//! // The same bytes were claimed in run 5, and nothing came in between.
//! let mut rule = Rule::new(&request, Found::Nothing).expect("the key is new");
//! rule.last_of_subject(42, 5);
//! rule.row_with_alias(Some(5), first);
//! assert_eq!(rule.decide(), Err(Claim::Suppressed));
//!
//! // Something came in between: the present run is another.
//! let mut rule = Rule::new(&request, Found::Nothing).expect("the key is new");
//! rule.last_of_subject(41, 6);
//! rule.row_with_alias(Some(5), first);
//! let granted = rule.decide().expect("a return runs");
//! assert_eq!(granted.recurrence, Recurrence::Return);
//! assert_eq!(granted.run, None); // a new run begins
//! ```

// docs/decisions.md: D5, D8.

use core::time::Duration;

use super::{Claim, ClaimRequest, Claimed, OnRepeat, Owner, Recurrence};
use crate::key::DeliveryKey;

/// What a row says at the moment of the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// No row, or one past its time.
    Nothing,
    /// In flight, and the lease runs.
    Held {
        /// The row's key.
        key: DeliveryKey,
        /// Who holds it.
        owner: Owner,
        /// The claim as it was granted.
        claimed: Claimed,
        /// What is left of the lease; more than nothing.
        remaining: Duration,
        /// What it was claimed with.
        fingerprint: u64,
    },
    /// In flight, but the lease has run out.
    Lapsed {
        /// That of the claim that had it.
        attempt: u32,
        /// That of the claim that had it.
        recurrence: Recurrence,
    },
    /// Done and remembered.
    Completed {
        /// What it was claimed with.
        fingerprint: u64,
    },
}

/// A claim that is being decided.
#[derive(Debug)]
pub struct Rule<'a> {
    request: &'a ClaimRequest<'a>,
    /// The run of the subject, if the claim goes on with it.
    run: Option<u64>,
    attempt: u32,
    /// That of the claim that is taken over.
    before: Recurrence,
    recurrence: Recurrence,
    /// What a repeat is answered.
    repeats: Option<Claim>,
}

/// What is to be written for a claim that is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Granted {
    /// 1 for a fresh row, one more for each takeover since.
    pub attempt: u32,
    /// How the claim stands to what was claimed before.
    pub recurrence: Recurrence,
    /// The run of the subject that the claim goes on with; none when a new one begins, or without a
    /// subject.
    pub run: Option<u64>,
}

impl<'a> Rule<'a> {
    /// Begins with what is under the claimed key itself.
    ///
    /// # Errors
    ///
    /// The answer, when that decides.
    pub const fn new(request: &'a ClaimRequest<'a>, own: Found) -> Result<Self, Claim> {
        let (attempt, before) = match own {
            Found::Held { owner, claimed, .. } if owner.as_u128() == request.owner.as_u128() => {
                return Err(Claim::Claimed(claimed));
            }
            Found::Held {
                remaining,
                fingerprint,
                ..
            } => {
                return Err(Claim::InFlight {
                    on: request.key,
                    remaining,
                    fingerprint,
                });
            }
            Found::Completed { fingerprint } => return Err(Claim::Completed { fingerprint }),
            Found::Lapsed {
                attempt,
                recurrence,
            } => (attempt.saturating_add(1), recurrence),
            Found::Nothing => (1, Recurrence::None),
        };
        Ok(Self {
            request,
            run: None,
            attempt,
            before,
            recurrence: Recurrence::None,
            repeats: None,
        })
    }

    /// Says what was claimed last of the request's subject, while that is remembered.
    pub const fn last_of_subject(&mut self, fingerprint: u64, run: u64) {
        if self.request.subject.is_some() && fingerprint == self.request.fingerprint {
            self.run = Some(run);
        }
    }

    /// Adds a row that has one of the request's aliases; `run` is that of the alias. What is under the
    /// claimed key itself may be among them: had it lived, it would have decided.
    pub fn row_with_alias(&mut self, run: Option<u64>, found: Found) {
        let answer = match found {
            Found::Nothing | Found::Lapsed { .. } => return,
            Found::Completed { .. } => Claim::Suppressed,
            Found::Held {
                key: on,
                remaining,
                fingerprint,
                ..
            } => Claim::InFlight {
                on,
                remaining,
                fingerprint,
            },
        };
        let repeats = self.request.subject.is_none() || (run.is_some() && run == self.run);
        if !repeats {
            if self.recurrence == Recurrence::None {
                self.recurrence = Recurrence::Return;
            }
            return;
        }
        self.recurrence = Recurrence::Repeat;
        if self.repeats.is_none() || answer == Claim::Suppressed {
            self.repeats = Some(answer);
        }
    }

    /// Decides, when all is said.
    ///
    /// # Errors
    ///
    /// The answer, when a repeat decides.
    pub fn decide(self) -> Result<Granted, Claim> {
        let subject = self.request.subject;
        let suppresses = subject.is_some_and(|subject| subject.on_repeat == OnRepeat::Suppress);
        match self.repeats {
            Some(answer) if suppresses => Err(answer),
            _ => Ok(Granted {
                attempt: self.attempt,
                recurrence: match self.recurrence {
                    Recurrence::None => self.before,
                    known => known,
                },
                run: self.run,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fence, Subject};

    const LEASE: Duration = Duration::from_secs(60);

    fn key(id: u8) -> DeliveryKey {
        DeliveryKey::from_bytes([id; 32])
    }

    fn request(on_repeat: Option<OnRepeat>) -> ClaimRequest<'static> {
        ClaimRequest::new(key(1), Owner::from_u128(1), LEASE)
            .with_subject(on_repeat.map(|on_repeat| Subject::new(key(9), on_repeat, LEASE)))
            .with_fingerprint(7)
    }

    fn held(id: u8) -> Found {
        Found::Held {
            key: key(id),
            owner: Owner::from_u128(id.into()),
            claimed: Claimed {
                fence: Fence::from_u64(3),
                attempt: 1,
                takeover: false,
                recurrence: Recurrence::None,
            },
            remaining: LEASE,
            fingerprint: 5,
        }
    }

    const DONE: Found = Found::Completed { fingerprint: 5 };
    const LAPSED: Found = Found::Lapsed {
        attempt: 2,
        recurrence: Recurrence::Return,
    };

    #[test]
    fn a_live_row_under_the_key_decides() {
        let request = request(None);
        let answer = |own| Rule::new(&request, own).err();
        assert!(matches!(answer(held(1)), Some(Claim::Claimed(_))));
        assert!(matches!(answer(held(2)), Some(Claim::InFlight { on, .. }) if on == key(1)));
        assert_eq!(answer(DONE), Some(Claim::Completed { fingerprint: 5 }));
        assert_eq!(answer(LAPSED), None);
        assert_eq!(answer(Found::Nothing), None);
    }

    /// What becomes of rows of other keys that have the alias, each with its run, where the present run
    /// is 4 and goes on.
    fn decide(
        on_repeat: Option<OnRepeat>,
        own: Found,
        rows: &[(Option<u64>, Found)],
    ) -> Result<Granted, Claim> {
        let request = request(on_repeat);
        let mut rule = Rule::new(&request, own).unwrap();
        rule.last_of_subject(7, 4);
        for (run, found) in rows {
            rule.row_with_alias(*run, *found);
        }
        rule.decide()
    }

    #[test]
    fn only_live_rows_of_other_keys_are_known() {
        for rows in [vec![], vec![(Some(4), Found::Nothing), (Some(4), LAPSED)]] {
            let granted = decide(Some(OnRepeat::Suppress), Found::Nothing, &rows).unwrap();
            assert_eq!(granted.recurrence, Recurrence::None, "{rows:?}");
            assert_eq!((granted.attempt, granted.run), (1, Some(4)));
        }
    }

    #[test]
    fn of_several_repeats_a_completed_one_decides() {
        let suppress = Some(OnRepeat::Suppress);
        let one = |rows: &[_]| decide(suppress, LAPSED, rows);
        assert_eq!(one(&[(Some(4), DONE)]), Err(Claim::Suppressed));
        let rows = [(Some(4), held(2)), (Some(4), DONE), (Some(4), held(4))];
        assert_eq!(one(&rows), Err(Claim::Suppressed));
        let rows = [(Some(4), held(2)), (Some(4), held(4))];
        assert!(matches!(one(&rows), Err(Claim::InFlight { on, .. }) if on == key(2)));
        // A return beside a repeat changes nothing; alone it runs.
        let rows = [(Some(3), DONE), (Some(4), held(2))];
        assert!(matches!(one(&rows), Err(Claim::InFlight { .. })));
        let granted = one(&rows[..1]).unwrap();
        assert_eq!(granted.recurrence, Recurrence::Return);
        assert_eq!(granted.attempt, 3);
    }

    #[test]
    fn a_repeat_that_may_run_is_said_to_be_one() {
        for on_repeat in [None, Some(OnRepeat::Run)] {
            let rows = [(Some(3), DONE), (Some(4), DONE), (None, DONE)];
            let granted = decide(on_repeat, Found::Nothing, &rows).unwrap();
            assert_eq!(granted.recurrence, Recurrence::Repeat);
        }
    }

    #[test]
    fn no_run_is_no_ones_run() {
        let rows = [(None, DONE)];
        let granted = decide(Some(OnRepeat::Suppress), Found::Nothing, &rows).unwrap();
        assert_eq!(granted.recurrence, Recurrence::Return);
        let request = request(Some(OnRepeat::Suppress));
        let mut rule = Rule::new(&request, Found::Nothing).unwrap();
        rule.row_with_alias(None, DONE);
        assert_eq!(rule.decide().unwrap().recurrence, Recurrence::Return);
    }

    #[test]
    fn a_takeover_stays_what_it_was() {
        let granted = decide(Some(OnRepeat::Suppress), LAPSED, &[]).unwrap();
        assert_eq!(granted.recurrence, Recurrence::Return);
        let granted = decide(Some(OnRepeat::Run), LAPSED, &[(Some(4), DONE)]).unwrap();
        assert_eq!(granted.recurrence, Recurrence::Repeat);
    }
}
