//! Rules about subjects: what was claimed last of an entity, and what that makes of the same bytes.

use std::sync::Arc;

use countersign_core::{
    Claim, ClaimRequest, Claimed, DedupStore, DeliveryKey, Fenced, KeyState, OnRepeat, Recurrence,
    StoreErrorKind, Subject, store::ROWS_OF_AN_ALIAS,
};
use futures_util::future::BoxFuture;

use super::{
    Fixture,
    bounds::fill,
    helpers::{Outcome, granted, new_key, owner},
    report::{Stop, ensure, ensure_eq},
};

/// An event: the name of its bytes and type, and the mark of its bytes.
#[derive(Clone, Copy)]
struct Event {
    alias: DeliveryKey,
    bytes: u64,
}

/// Two events about one entity, with other bytes each.
struct Entity {
    key: DeliveryKey,
    paid: Event,
    unmarked: Event,
}

impl Event {
    fn new(bytes: u64) -> Self {
        Self {
            alias: new_key(),
            bytes,
        }
    }
}

impl Entity {
    fn new() -> Self {
        Self {
            key: new_key(),
            paid: Event::new(1),
            unmarked: Event::new(2),
        }
    }
}

impl<S: DedupStore> Fixture<S> {
    fn about(&self, of: DeliveryKey, on_repeat: OnRepeat) -> Subject {
        Subject::new(of, on_repeat, self.units(5_000))
    }

    async fn tell(
        &self,
        subject: Option<Subject>,
        event: Event,
        key: DeliveryKey,
        by: u128,
    ) -> Result<Claim, Stop> {
        let aliases = [event.alias];
        let request = ClaimRequest::new(key, owner(by), self.units(10))
            .with_aliases(&aliases)
            .with_subject(subject)
            .with_fingerprint(event.bytes);
        Ok(self.store.claim(request).await?)
    }

    /// Claims an event of a type that happens once.
    async fn once(&self, of: &Entity, event: Event, key: DeliveryKey) -> Result<Claim, Stop> {
        let subject = self.about(of.key, OnRepeat::Suppress);
        self.tell(Some(subject), event, key, 1).await
    }

    /// The same, which must be granted, and is completed.
    async fn handled(&self, of: &Entity, event: Event) -> Result<Claimed, Stop> {
        let key = new_key();
        let claimed = granted(self.once(of, event, key).await?)?;
        let _ = self.complete(&key, claimed.fence, 1_000).await?;
        Ok(claimed)
    }

    async fn suppressed(&self, of: &Entity, event: Event, what: &'static str) -> Outcome {
        let key = new_key();
        ensure_eq!(
            self.once(of, event, key).await?,
            Claim::Suppressed,
            "{what}"
        );
        ensure_eq!(self.state(&key).await?, KeyState::Absent, "{what}");
        Ok(())
    }
}

pub(super) async fn a_return_runs_and_is_said_to_be_one<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let of = Entity::new();
    for expected in [Recurrence::None, Recurrence::Return, Recurrence::Return] {
        for event in [of.paid, of.unmarked] {
            let claimed = fx.handled(&of, event).await?;
            ensure_eq!(claimed.recurrence, expected, "back and forth");
            fx.suppressed(&of, event, "with nothing in between").await?;
        }
    }
    Ok(())
}

pub(super) async fn several_types_of_one_body_are_one_run<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let of = Entity::new();
    let types = [of.paid, Event::new(1), Event::new(1)];
    for expected in [Recurrence::None, Recurrence::Return] {
        for event in types {
            let claimed = fx.handled(&of, event).await?;
            ensure_eq!(claimed.recurrence, expected, "one body, several types");
        }
        for event in types {
            fx.suppressed(&of, event, "a type that came with these bytes")
                .await?;
        }
        fx.handled(&of, of.unmarked).await?;
    }

    // A type that is new brings the bytes back, and not what came with them before.
    let of = Entity::new();
    for event in [of.paid, of.unmarked, Event::new(of.paid.bytes)] {
        let claimed = fx.handled(&of, event).await?;
        ensure_eq!(claimed.recurrence, Recurrence::None, "each is new");
    }
    let claimed = fx.handled(&of, of.paid).await?;
    ensure_eq!(
        claimed.recurrence,
        Recurrence::Return,
        "something came in between the first time and now"
    );

    // Of several names one may be done and another in flight: what is done decides.
    let of = Entity::new();
    let (done, running) = (of.paid, Event::new(of.paid.bytes));
    fx.handled(&of, done).await?;
    granted(fx.once(&of, running, new_key()).await?)?;
    for aliases in [[done.alias, running.alias], [running.alias, done.alias]] {
        let request = ClaimRequest::new(new_key(), owner(3), fx.units(10))
            .with_aliases(&aliases)
            .with_subject(Some(fx.about(of.key, OnRepeat::Suppress)))
            .with_fingerprint(of.paid.bytes);
        let claim = fx.store.claim(request).await?;
        ensure_eq!(claim, Claim::Suppressed, "one name is done, one in flight");
    }
    Ok(())
}

pub(super) async fn without_a_subject_a_known_alias_runs<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let event = Event::new(1);
    for expected in [Recurrence::None, Recurrence::Repeat, Recurrence::Repeat] {
        let key = new_key();
        let claimed = granted(fx.tell(None, event, key, 1).await?)?;
        ensure_eq!(claimed.recurrence, expected, "a known alias");
        let _ = fx.complete(&key, claimed.fence, 1_000).await?;
    }
    // Who names the entity from now on does not know what came in between.
    let of = Entity::new();
    let claimed = fx.handled(&of, event).await?;
    ensure_eq!(claimed.recurrence, Recurrence::Return, "a new subject");
    fx.suppressed(&of, event, "now it is known").await
}

pub(super) async fn a_repeat_that_may_run_is_said_to_be_one<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let of = Entity::new();
    let subject = Some(fx.about(of.key, OnRepeat::Run));
    for (event, expected) in [
        (of.paid, Recurrence::None),
        (of.paid, Recurrence::Repeat),
        (of.unmarked, Recurrence::None),
        (of.paid, Recurrence::Return),
        (of.paid, Recurrence::Repeat),
    ] {
        let key = new_key();
        let claimed = granted(fx.tell(subject, event, key, 1).await?)?;
        ensure_eq!(claimed.recurrence, expected, "a type that may repeat");
        let again = granted(fx.tell(subject, event, key, 1).await?)?;
        ensure_eq!(again, claimed, "asked again by the same owner");
        let _ = fx.complete(&key, claimed.fence, 1_000).await?;
    }
    Ok(())
}

pub(super) async fn a_subject_is_written_when_it_is_claimed<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let of = Entity::new();
    fx.handled(&of, of.paid).await?;
    granted(fx.once(&of, of.unmarked, new_key()).await?)?;
    // What is in flight came in between, too.
    let again = new_key();
    let claimed = granted(fx.once(&of, of.paid, again).await?)?;
    ensure_eq!(claimed.recurrence, Recurrence::Return, "one is in flight");
    let claim = fx.once(&of, of.paid, new_key()).await?;
    ensure!(
        matches!(claim, Claim::InFlight { on, fingerprint, .. }
            if on == again && fingerprint == of.paid.bytes),
        "a repeat of a return in flight: got {claim:?}"
    );
    let _ = fx.complete(&again, claimed.fence, 1_000).await?;
    fx.suppressed(&of, of.paid, "the return is done").await
}

pub(super) async fn what_is_suppressed_moves_no_subject<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let of = Entity::new();
    fx.handled(&of, of.paid).await?;
    // A delivery of other bytes whose own row decides says nothing of the entity either.
    let known = new_key();
    fx.done(known, &[]).await?;
    let claim = fx.once(&of, of.unmarked, known).await?;
    ensure!(
        matches!(claim, Claim::Completed { .. }),
        "a key that is done: got {claim:?}"
    );
    for _ in 0..3 {
        fx.suppressed(&of, of.paid, "nothing was claimed in between")
            .await?;
    }
    let claimed = fx.handled(&of, of.unmarked).await?;
    ensure_eq!(claimed.recurrence, Recurrence::None, "its alias is new");
    Ok(())
}

pub(super) async fn a_released_return_returns_again<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let of = Entity::new();
    fx.handled(&of, of.paid).await?;
    fx.handled(&of, of.unmarked).await?;
    let key = new_key();
    for round in ["the first attempt", "its retry", "another retry"] {
        let claimed = granted(fx.once(&of, of.paid, key).await?)?;
        ensure_eq!(claimed.recurrence, Recurrence::Return, "{round}");
        ensure_eq!(
            fx.store.release(&key, claimed.fence).await?,
            Fenced::Applied,
            "{round}"
        );
    }
    // Nor is a replay that comes in between taken for something new.
    let claimed = fx.handled(&of, of.paid).await?;
    ensure_eq!(claimed.recurrence, Recurrence::Return, "another key");
    fx.suppressed(&of, of.paid, "now it is done again").await?;
    let claim = fx.once(&of, of.paid, key).await?;
    ensure_eq!(claim, Claim::Suppressed, "the retry, when it is done");
    Ok(())
}

pub(super) async fn a_released_first_claim_leaves_nothing_known<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let of = Entity::new();
    for _ in 0..2 {
        let key = new_key();
        let claimed = granted(fx.once(&of, of.paid, key).await?)?;
        ensure_eq!(claimed.recurrence, Recurrence::None, "never handled");
        let _ = fx.store.release(&key, claimed.fence).await?;
    }
    Ok(())
}

pub(super) async fn a_lapsed_return_leaves_its_bytes_known<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let of = Entity::new();
    fx.handled(&of, of.paid).await?;
    fx.handled(&of, of.unmarked).await?;
    granted(fx.once(&of, of.paid, new_key()).await?)?;
    fx.pass(11).await;
    let claimed = fx.handled(&of, of.paid).await?;
    ensure_eq!(
        claimed.recurrence,
        Recurrence::Return,
        "a return whose holder is gone"
    );
    fx.suppressed(&of, of.paid, "it is done").await?;

    // Until the first of them is forgotten: what never succeeded leaves nothing of its own behind.
    let (of, first) = (Entity::new(), new_key());
    let claimed = granted(fx.once(&of, of.paid, first).await?)?;
    let _ = fx.complete(&first, claimed.fence, 20).await?;
    fx.handled(&of, of.unmarked).await?;
    granted(fx.once(&of, of.paid, new_key()).await?)?;
    fx.pass(25).await;
    let claimed = fx.handled(&of, of.paid).await?;
    ensure_eq!(
        claimed.recurrence,
        Recurrence::None,
        "the delivery that it returned from is forgotten"
    );
    Ok(())
}

pub(super) async fn what_runs_beside_a_return_stays_known<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let of = Entity::new();
    let first = new_key();
    let held = granted(fx.once(&of, of.paid, first).await?)?;
    fx.handled(&of, of.unmarked).await?;
    // It returns while the first is in flight, fails, and the first is done after all.
    let second = new_key();
    let claimed = granted(fx.once(&of, of.paid, second).await?)?;
    ensure_eq!(
        claimed.recurrence,
        Recurrence::Return,
        "one is in flight, of an earlier run"
    );
    let _ = fx.complete(&first, held.fence, 1_000).await?;
    let _ = fx.store.release(&second, claimed.fence).await?;
    let claimed = fx.handled(&of, of.paid).await?;
    ensure_eq!(
        claimed.recurrence,
        Recurrence::Return,
        "the first was done in the end"
    );
    fx.suppressed(&of, of.paid, "now it is done").await
}

pub(super) async fn bytes_are_known_as_long_as_any_row_of_theirs<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let of = Entity::new();
    for (about, expected) in [
        (Some(fx.about(of.key, OnRepeat::Run)), Recurrence::Repeat),
        (None, Recurrence::Repeat),
    ] {
        let event = Event::new(of.paid.bytes);
        let first = new_key();
        let claimed = granted(fx.tell(about, event, first, 1).await?)?;
        let _ = fx.complete(&first, claimed.fence, 20).await?;
        let second = new_key();
        let claimed = granted(fx.tell(about, event, second, 1).await?)?;
        ensure_eq!(claimed.recurrence, expected, "a repeat that runs");
        let _ = fx.complete(&second, claimed.fence, 1_000).await?;
        fx.pass(25).await;
        fx.store.purge(1_000).await?;
        let claimed = granted(fx.tell(about, event, new_key(), 1).await?)?;
        ensure_eq!(
            claimed.recurrence,
            expected,
            "the first row has ended, the second has not"
        );
    }
    Ok(())
}

pub(super) async fn many_rows_of_one_alias_stay_known<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let of = Entity::new();
    let subject = Some(fx.about(of.key, OnRepeat::Run));
    for n in 0..ROWS_OF_AN_ALIAS + 2 {
        let key = new_key();
        let claimed = granted(fx.tell(subject, of.paid, key, 1).await?)?;
        let expected = match n {
            0 => Recurrence::None,
            _ => Recurrence::Repeat,
        };
        ensure_eq!(claimed.recurrence, expected, "claim {n} of one alias");
        let _ = fx.complete(&key, claimed.fence, 1_000).await?;
    }
    fx.suppressed(&of, of.paid, "so many were done").await
}

pub(super) async fn a_takeover_stays_what_it_was<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let of = Entity::new();
    fx.handled(&of, of.paid).await?;
    fx.handled(&of, of.unmarked).await?;
    let key = new_key();
    granted(fx.once(&of, of.paid, key).await?)?;
    for attempt in 2..4 {
        fx.pass(11).await;
        let claimed = granted(fx.once(&of, of.paid, key).await?)?;
        ensure_eq!(claimed.attempt, attempt, "attempt of a takeover");
        ensure_eq!(claimed.recurrence, Recurrence::Return, "a takeover");
    }
    fx.pass(11).await;
    // Something else came in between: it is claimed, and what follows it is a repeat.
    fx.handled(&of, of.unmarked).await?;
    let claimed = granted(fx.once(&of, of.paid, key).await?)?;
    ensure!(claimed.takeover, "a takeover after something else");
    let claim = fx.once(&of, of.paid, new_key()).await?;
    ensure!(
        matches!(claim, Claim::InFlight { on, .. } if on == key),
        "a repeat of what was taken over: got {claim:?}"
    );
    // Given back, it is still known from the first time.
    let _ = fx.store.release(&key, claimed.fence).await?;
    let claimed = fx.handled(&of, of.paid).await?;
    ensure_eq!(claimed.recurrence, Recurrence::Return, "after a release");

    // Also when the row that it returned from is known no more.
    let (of, key) = (Entity::new(), new_key());
    fx.handled(&of, of.paid).await?;
    fx.handled(&of, of.unmarked).await?;
    granted(fx.once(&of, of.paid, key).await?)?;
    ensure!(fx.store.forget(&of.paid.alias).await?, "it had the alias");
    fx.pass(11).await;
    let claimed = granted(fx.once(&of, of.paid, key).await?)?;
    ensure_eq!(
        claimed.recurrence,
        Recurrence::Return,
        "a takeover of a return whose alias was forgotten"
    );
    Ok(())
}

pub(super) async fn a_subject_outlives_its_rows<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let of = Entity::new();
    // The first row ends, another is forgotten, and a third is given back.
    let first = new_key();
    let claimed = granted(fx.once(&of, of.unmarked, first).await?)?;
    let _ = fx.complete(&first, claimed.fence, 3).await?;
    fx.handled(&of, of.paid).await?;
    fx.pass(12).await;
    while fx.store.purge(1_000).await? > 0 {}
    fx.suppressed(&of, of.paid, "the first row has ended")
        .await?;
    let (key, other) = (new_key(), Event::new(of.paid.bytes));
    let claimed = granted(fx.once(&of, other, key).await?)?;
    let _ = fx.complete(&key, claimed.fence, 1_000).await?;
    ensure!(fx.store.forget(&key).await?, "there was a row to forget");
    fx.suppressed(&of, of.paid, "another row was forgotten")
        .await?;
    let key = new_key();
    let claimed = granted(fx.once(&of, Event::new(of.paid.bytes), key).await?)?;
    let _ = fx.store.release(&key, claimed.fence).await?;
    fx.suppressed(&of, of.paid, "another row was given back")
        .await
}

pub(super) async fn a_subject_ends_with_its_time<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let of = Entity::new();
    let subject = Subject::new(of.key, OnRepeat::Suppress, fx.units(20));
    let key = new_key();
    let claimed = granted(fx.tell(Some(subject), of.paid, key, 1).await?)?;
    let _ = fx.complete(&key, claimed.fence, 1_000).await?;
    fx.suppressed(&of, of.paid, "within its time").await?;
    fx.pass(21).await;
    let claimed = fx.handled(&of, of.paid).await?;
    ensure_eq!(
        claimed.recurrence,
        Recurrence::Return,
        "bytes that are known of an entity that is not"
    );
    fx.suppressed(&of, of.paid, "it is known again").await?;

    // A type that is new does not bring back what is forgotten.
    let (of, key) = (Entity::new(), new_key());
    let subject = Subject::new(of.key, OnRepeat::Suppress, fx.units(20));
    let claimed = granted(fx.tell(Some(subject), of.paid, key, 1).await?)?;
    let _ = fx.complete(&key, claimed.fence, 1_000).await?;
    fx.pass(21).await;
    fx.handled(&of, Event::new(of.paid.bytes)).await?;
    let claimed = fx.handled(&of, of.paid).await?;
    ensure_eq!(
        claimed.recurrence,
        Recurrence::Return,
        "the entity was forgotten in between"
    );
    Ok(())
}

pub(super) async fn a_later_claim_keeps_a_subject_for_longer_and_never_for_less<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let of = Entity::new();
    let other = || Event::new(of.paid.bytes);
    // The last one is known by its alias, which a store may decide in another way than what is new.
    for (event, keep, on_repeat) in [
        (of.paid, 20, OnRepeat::Suppress),
        (other(), 2_000, OnRepeat::Suppress),
        (other(), 20, OnRepeat::Suppress),
        (of.paid, 20, OnRepeat::Run),
    ] {
        let subject = Subject::new(of.key, on_repeat, fx.units(keep));
        let key = new_key();
        let claimed = granted(fx.tell(Some(subject), event, key, 1).await?)?;
        let _ = fx.complete(&key, claimed.fence, 1_000).await?;
    }
    fx.pass(100).await;
    while fx.store.purge(1_000).await? > 0 {}
    fx.suppressed(&of, of.paid, "kept for the longest time")
        .await
}

pub(super) async fn a_forgotten_subject_makes_a_repeat_a_return<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let of = Entity::new();
    ensure!(
        !fx.store.forget(&of.key).await?,
        "there was no subject to forget"
    );
    fx.handled(&of, of.paid).await?;
    ensure!(
        fx.store.forget(&of.key).await?,
        "there was a subject to forget"
    );
    ensure!(!fx.store.forget(&of.key).await?, "it was forgotten already");
    let claimed = fx.handled(&of, of.paid).await?;
    ensure_eq!(
        claimed.recurrence,
        Recurrence::Return,
        "its bytes are known"
    );
    fx.suppressed(&of, of.paid, "it is known again").await?;
    // Where its alias is forgotten, too, nothing is known.
    fx.store.forget(&of.paid.alias).await?;
    let claimed = fx.handled(&of, of.paid).await?;
    ensure_eq!(claimed.recurrence, Recurrence::None, "nothing is known");
    Ok(())
}

pub(super) async fn subjects_are_apart<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (one, other) = (Entity::new(), Entity::new());
    fx.handled(&one, one.paid).await?;
    fx.handled(&other, other.unmarked).await?;
    fx.handled(&other, other.paid).await?;
    fx.suppressed(&one, one.paid, "another entity's events")
        .await?;
    fx.handled(&other, other.unmarked).await?;
    fx.suppressed(&one, one.paid, "another entity's events")
        .await
}

pub(super) async fn one_of_many_repeats_gets_the_claim<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let of = Entity::new();
    fx.handled(&of, of.paid).await?;
    fx.handled(&of, of.unmarked).await?;
    let claims = at_once(fx, &of, &[of.paid; 24]).await?;
    let claimed: Vec<_> = claims
        .iter()
        .filter_map(|claim| granted(*claim).ok())
        .collect();
    ensure_eq!(claimed.len(), 1, "returns of one body at once");
    ensure!(
        claimed
            .iter()
            .all(|one| one.recurrence == Recurrence::Return),
        "the one that runs is a return"
    );
    Ok(())
}

pub(super) async fn of_two_at_once_none_goes_unnoticed<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    for round in 0..4 {
        let of = Entity::new();
        fx.handled(&of, of.paid).await?;
        // One goes on with the run, the other ends it. In whichever order they are claimed, something
        // came in between when the first comes again.
        let mut both = [of.unmarked, Event::new(of.paid.bytes)];
        if round % 2 == 1 {
            both.reverse();
        }
        for claim in at_once(fx, &of, &both).await? {
            let recurrence = granted(claim)?.recurrence;
            ensure_eq!(recurrence, Recurrence::None, "events that are new");
        }
        let claim = fx.once(&of, of.paid, new_key()).await?;
        let recurrence = granted(claim)?.recurrence;
        ensure_eq!(recurrence, Recurrence::Return, "the first, again");
    }
    Ok(())
}

pub(super) async fn a_full_store_refuses_a_new_subject<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let capacity = fx.capacity.ok_or(Stop::Skipped)?;
    fill(fx, capacity.saturating_sub(2), 1_000).await?;
    // Room for a row and its alias, and not for the entity.
    let (of, key) = (Entity::new(), new_key());
    let subject = fx.about(of.key, OnRepeat::Suppress);
    for _ in 0..3 {
        let aliases = [of.paid.alias];
        let request = ClaimRequest::new(key, owner(1), fx.units(10))
            .with_aliases(&aliases)
            .with_subject(Some(subject))
            .with_fingerprint(of.paid.bytes);
        match fx.store.claim(request).await {
            Err(error) if error.kind() == StoreErrorKind::Full => {}
            other => {
                return Err(Stop::Broken(format!(
                    "no room for a subject: got {other:?}"
                )));
            }
        }
        ensure_eq!(fx.state(&key).await?, KeyState::Absent, "a refused key");
    }
    let claimed = granted(fx.tell(None, of.paid, key, 1).await?)?;
    ensure_eq!(claimed.recurrence, Recurrence::None, "nothing was written");
    Ok(())
}

/// Claims events under new keys at the same time.
async fn at_once<S: DedupStore>(
    fx: &Fixture<S>,
    of: &Entity,
    events: &[Event],
) -> Result<Vec<Claim>, Stop> {
    let subject = fx.about(of.key, OnRepeat::Suppress);
    let lease = fx.units(10);
    let futures = events
        .iter()
        .zip(1..)
        .map(|(event, by)| {
            let (store, event, key) = (Arc::clone(&fx.store), *event, new_key());
            let claim = async move {
                let aliases = [event.alias];
                let request = ClaimRequest::new(key, owner(by), lease)
                    .with_aliases(&aliases)
                    .with_subject(Some(subject))
                    .with_fingerprint(event.bytes);
                store.claim(request).await
            };
            Box::pin(claim) as BoxFuture<'static, _>
        })
        .collect();
    let answers = fx.at_once(futures).await.into_iter();
    Ok(answers.collect::<Result<_, _>>()?)
}
