//! How long a subject lasts: through takeovers, retention and forgetting, and among many at once.

use std::sync::Arc;

use countersign_core::{
    Claim, ClaimRequest, DedupStore, KeyState, OnRepeat, Recurrence, StoreErrorKind, Subject,
};
use futures_util::future::BoxFuture;

use super::{Entity, Event};
use crate::store_suite::{
    Fixture,
    bounds::fill,
    helpers::{Outcome, granted, new_key, owner},
    report::{Stop, ensure, ensure_eq},
};

pub(in crate::store_suite) async fn a_takeover_stays_what_it_was<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
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

pub(in crate::store_suite) async fn a_subject_outlives_its_rows<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
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

pub(in crate::store_suite) async fn a_subject_ends_with_its_time<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
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

pub(in crate::store_suite) async fn a_later_claim_keeps_a_subject_for_longer_and_never_for_less<
    S: DedupStore,
>(
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

pub(in crate::store_suite) async fn a_forgotten_subject_makes_a_repeat_a_return<S: DedupStore>(
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

pub(in crate::store_suite) async fn subjects_are_apart<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
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

pub(in crate::store_suite) async fn one_of_many_repeats_gets_the_claim<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
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

pub(in crate::store_suite) async fn of_two_at_once_none_goes_unnoticed<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
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

pub(in crate::store_suite) async fn a_full_store_refuses_a_new_subject<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
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
