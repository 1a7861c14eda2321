//! What is a repeat and what a return, and which bytes stay known.

use countersign_core::{
    Claim, ClaimRequest, DedupStore, Fenced, OnRepeat, Recurrence, store::ROWS_OF_AN_ALIAS,
};

use super::{Entity, Event};
use crate::store_suite::{
    Fixture,
    helpers::{Outcome, granted, new_key, owner},
    report::{ensure, ensure_eq},
};

pub(in crate::store_suite) async fn a_return_runs_and_is_said_to_be_one<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
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

pub(in crate::store_suite) async fn several_types_of_one_body_are_one_run<S: DedupStore>(
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

pub(in crate::store_suite) async fn without_a_subject_a_known_alias_runs<S: DedupStore>(
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

pub(in crate::store_suite) async fn a_repeat_that_may_run_is_said_to_be_one<S: DedupStore>(
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

pub(in crate::store_suite) async fn a_subject_is_written_when_it_is_claimed<S: DedupStore>(
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

pub(in crate::store_suite) async fn what_is_suppressed_moves_no_subject<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
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

pub(in crate::store_suite) async fn a_released_return_returns_again<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
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

pub(in crate::store_suite) async fn a_released_first_claim_leaves_nothing_known<S: DedupStore>(
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

pub(in crate::store_suite) async fn a_lapsed_return_leaves_its_bytes_known<S: DedupStore>(
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

pub(in crate::store_suite) async fn what_runs_beside_a_return_stays_known<S: DedupStore>(
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

pub(in crate::store_suite) async fn bytes_are_known_as_long_as_any_row_of_theirs<S: DedupStore>(
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

pub(in crate::store_suite) async fn many_rows_of_one_alias_stay_known<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
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
