//! Asks a store and the model, and compares all that can be seen.

use std::time::Duration;

use countersign_core::{
    Claim, ClaimRequest, DedupStore, DeliveryKey, Fenced, KeyState, OnRepeat, Owner,
    StoreErrorKind, Subject,
};

use super::{
    Crash, Engine, Rules,
    ops::{Claiming, KEYS, LONGEST, Op},
    rows::{Expected, Rows},
};

/// One case.
pub(super) struct Trial {
    rules: Rules,
    rows: Rows,
}

impl Trial {
    pub(super) fn new(rules: &Rules, case: u32) -> Self {
        Self {
            rules: rules.clone(),
            rows: Rows::new(rules, case),
        }
    }

    pub(super) async fn step<E: Engine>(&mut self, engine: &mut E, op: Op) {
        match op {
            Op::Advance(units) => {
                engine.advance(self.rows.units(units)).await;
                self.rows.advance(units);
            }
            Op::Crash if self.rules.crash == Crash::Forgets => {}
            Op::Crash => {
                engine.crash().await;
                self.rows.crash();
            }
            Op::Claim(asked) => self.claim(engine.store(), &asked).await,
            Op::Purge(limit) => self.purge(engine.store(), limit).await,
            op => self.settle(engine.store(), &op).await,
        }
        for key in 0..KEYS {
            let state = engine.store().state(&self.rows.primary(key)).await.unwrap();
            self.assert_state(state, key);
        }
        if let Some(room) = self.rules.room {
            let rows = engine.rows().await;
            assert!(rows <= room, "{rows} rows in room for {room}");
            assert!(rows >= self.rows.count(), "{rows} rows, of {:?}", self.rows);
        }
    }

    /// When all has ended, nothing is left behind.
    pub(super) async fn end<E: Engine>(&mut self, engine: &mut E) {
        let units = LONGEST + self.rules.lapsed_for();
        // In memory, an alias that was looked at before its row was removed is looked at once more.
        let times = if self.rules.room.is_some() { 2 } else { 1 };
        for _ in 0..times {
            engine.advance(self.rows.units(units)).await;
            while engine.store().purge(2).await.unwrap() > 0 {}
        }
        assert_eq!(engine.rows().await, 0, "rows left behind");
    }

    async fn claim<S: DedupStore>(&mut self, store: &S, asked: &Claiming) {
        let aliases = asked.aliases.iter().map(|alias| self.rows.alias(*alias));
        let aliases: Vec<DeliveryKey> = aliases.collect();
        let subject = asked.subject.map(|about| {
            let on_repeat = match about.run {
                true => OnRepeat::Run,
                false => OnRepeat::Suppress,
            };
            let keep = self.rows.units(about.keep);
            Subject::new(self.rows.entity(about.subject), on_repeat, keep)
        });
        let (key, owner) = (self.rows.primary(asked.key), Owner::from_u128(asked.owner));
        let request = ClaimRequest::new(key, owner, self.rows.units(asked.lease))
            .with_aliases(&aliases)
            .with_subject(subject)
            .with_fingerprint(asked.fingerprint);
        let expected = self.rows.expected(asked);
        let (least, most) = self.rows.count_with(asked);
        let answer = match (store.claim(request).await, self.rules.room) {
            (Err(error), Some(room)) => {
                assert_eq!(error.kind(), StoreErrorKind::Full);
                let is_new = matches!(expected, Expected::New { .. });
                assert!(is_new, "refused: {expected:?}");
                assert!(most > room, "refused with room: {most} of {room}");
                return;
            }
            (answer, _) => answer.unwrap(),
        };
        let expected = match (expected, answer) {
            (Expected::InFlight(any), Claim::InFlight { on, .. }) => {
                let same =
                    |one: &Claim| matches!(one, Claim::InFlight { on: other, .. } if *other == on);
                let one = any.iter().copied().find(same);
                Expected::Answer(
                    one.unwrap_or_else(|| panic!("{answer:?}, expected one of {any:?}")),
                )
            }
            (expected, _) => expected,
        };
        match (expected, answer) {
            (
                Expected::Answer(Claim::InFlight {
                    on: expected,
                    remaining: most,
                    fingerprint: claimed_with,
                }),
                Claim::InFlight {
                    on,
                    remaining,
                    fingerprint,
                },
            ) => {
                assert_eq!((on, fingerprint), (expected, claimed_with));
                self.assert_left(remaining, most);
            }
            (Expected::Answer(expected), answer) => assert_eq!(answer, expected),
            (
                Expected::New {
                    attempt,
                    recurrence,
                },
                Claim::Claimed(claimed),
            ) => {
                let room = self.rules.room.unwrap_or(usize::MAX);
                assert!(least <= room, "claimed without room: {least} of {room}");
                assert_eq!(claimed.attempt, attempt);
                assert_eq!(claimed.takeover, attempt > 1);
                assert_eq!(claimed.recurrence, recurrence);
                self.rows.claim(asked, claimed);
            }
            (expected, answer) => panic!("{answer:?}, expected {expected:?}"),
        }
    }

    async fn settle<S: DedupStore>(&mut self, store: &S, op: &Op) {
        let rows = &self.rows;
        let applied = match *op {
            Op::Extend(key, at, lease) => {
                let (fence, lease) = (rows.fence(key, at), rows.units(lease));
                let answer = store.extend(&rows.primary(key), fence, lease).await;
                answer.unwrap() == Fenced::Applied
            }
            Op::Complete(key, at, retention) => {
                let (fence, retention) = (rows.fence(key, at), rows.units(retention));
                let answer = store.complete(&rows.primary(key), fence, retention).await;
                answer.unwrap() == Fenced::Applied
            }
            Op::Release(key, at) => {
                let answer = store.release(&rows.primary(key), rows.fence(key, at)).await;
                answer.unwrap() == Fenced::Applied
            }
            Op::Forget(key) => store.forget(&rows.primary(key)).await.unwrap(),
            Op::ForgetAlias(alias) => store.forget(&rows.alias(alias)).await.unwrap(),
            Op::ForgetSubject(subject) => store.forget(&rows.entity(subject)).await.unwrap(),
            Op::Claim(_) | Op::Advance(_) | Op::Purge(_) | Op::Crash => false,
        };
        let expected = self.rows.settle(op);
        assert_eq!(applied, expected, "{op:?}");
    }

    async fn purge<S: DedupStore>(&mut self, store: &S, limit: usize) {
        assert!(store.purge(limit).await.unwrap() <= limit);
        for key in 0..KEYS {
            if store.state(&self.rows.primary(key)).await.unwrap() == KeyState::Absent {
                self.rows.purged(key);
            }
        }
    }

    fn assert_state(&self, state: KeyState, key: u8) {
        match (state, self.rows.state(key)) {
            (KeyState::InFlight { remaining }, KeyState::InFlight { remaining: most }) => {
                self.assert_left(remaining, most);
            }
            (state, expected) => assert_eq!(state, expected, "{key}"),
        }
    }

    /// What is left of a lease is what the model says, less what has passed of it meanwhile.
    fn assert_left(&self, left: Duration, most: Duration) {
        let fits = left <= most && most <= left + self.rules.drift;
        assert!(fits, "{left:?} of {most:?} left");
    }
}
