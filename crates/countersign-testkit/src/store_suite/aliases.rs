//! Rules about aliases: pointers to a row that have no state of their own.

use countersign_core::{Claim, DedupStore, Fenced, KeyState, OnRepeat, Recurrence};

use super::{
    Fixture,
    claims::race,
    helpers::{Outcome, granted, new_key},
    report::{ensure, ensure_eq},
};

pub(super) async fn an_alias_of_a_completed_key_suppresses<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let (first, replay, alias) = (new_key(), new_key(), new_key());
    fx.done(first, &[alias]).await?;
    let claim = fx.claim_aliased(replay, 2, &[alias]).await?;
    ensure_eq!(claim, Claim::Suppressed, "a new key with a known alias");
    ensure_eq!(
        fx.state(&replay).await?,
        KeyState::Absent,
        "state of what was suppressed"
    );
    let claimed = fx.hold(replay, 3).await?;
    ensure_eq!(claimed.recurrence, Recurrence::None, "no alias was given");
    Ok(())
}

pub(super) async fn an_alias_of_a_key_in_flight_says_which<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let (first, twin, alias) = (new_key(), new_key(), new_key());
    let held = fx.hold_aliased(first, 1, &[alias]).await?;
    let claim = fx.claim_aliased(twin, 2, &[alias]).await?;
    ensure!(
        matches!(claim, Claim::InFlight { on, remaining, .. }
            if on == first && !remaining.is_zero() && remaining <= fx.units(10)),
        "a twin under another key: got {claim:?}"
    );
    ensure_eq!(
        fx.state(&twin).await?,
        KeyState::Absent,
        "state of the twin"
    );
    let _ = fx.complete(&first, held.fence, 1_000).await?;
    let claim = fx.claim_aliased(twin, 2, &[alias]).await?;
    ensure_eq!(claim, Claim::Suppressed, "the twin after the first is done");
    Ok(())
}

pub(super) async fn an_alias_may_be_run_all_the_same<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (first, second, third, alias) = (new_key(), new_key(), new_key(), new_key());
    let claim = fx.claim_as(first, 1, &[alias], OnRepeat::Run).await?;
    let claimed = granted(claim)?;
    ensure_eq!(claimed.recurrence, Recurrence::None, "the alias was new");
    let _ = fx.complete(&first, claimed.fence, 1_000).await?;
    let claim = fx.claim_as(second, 2, &[alias], OnRepeat::Run).await?;
    let claimed = granted(claim)?;
    ensure_eq!(
        claimed.recurrence,
        Recurrence::Repeat,
        "the alias was known"
    );
    let again = fx.claim_as(second, 2, &[alias], OnRepeat::Run).await?;
    ensure_eq!(granted(again)?, claimed, "asked again by the same owner");
    // The alias still points to the first, so releasing the second must not take it away.
    ensure_eq!(
        fx.store.release(&second, claimed.fence).await?,
        Fenced::Applied,
        "release"
    );
    let claim = fx.claim_aliased(third, 3, &[alias]).await?;
    ensure_eq!(
        claim,
        Claim::Suppressed,
        "a third after the second was released"
    );
    Ok(())
}

pub(super) async fn the_own_row_decides_before_aliases<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (key, other, alias, others) = (new_key(), new_key(), new_key(), new_key());
    fx.done(other, &[others]).await?;
    let held = fx.hold_aliased(key, 1, &[alias]).await?;
    let claim = fx.claim_aliased(key, 2, &[others, alias]).await?;
    ensure!(
        matches!(claim, Claim::InFlight { on, .. } if on == key),
        "a held key with another's alias: got {claim:?}"
    );
    let _ = fx.complete(&key, held.fence, 1_000).await?;
    let claim = fx.claim_aliased(key, 2, &[others, alias]).await?;
    let completed = Claim::Completed { fingerprint: 0 };
    ensure_eq!(claim, completed, "a completed key with another's alias");
    Ok(())
}

pub(super) async fn any_of_several_aliases_is_known<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let aliases = [new_key(), new_key(), new_key()];
    let first = new_key();
    fx.done(first, &aliases).await?;
    for alias in aliases {
        let claim = fx.claim_aliased(new_key(), 2, &[alias]).await?;
        ensure_eq!(claim, Claim::Suppressed, "each alias alone");
        let claim = fx.claim_aliased(new_key(), 2, &[new_key(), alias]).await?;
        ensure_eq!(claim, Claim::Suppressed, "behind one that is new");
    }
    Ok(())
}

pub(super) async fn an_alias_lives_as_long_as_its_row<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (first, alias) = (new_key(), new_key());
    fx.done(first, &[alias]).await?;
    for _ in 0..4 {
        fx.pass(20).await;
        fx.store.purge(1_000).await?;
        let claim = fx.claim_aliased(new_key(), 2, &[alias]).await?;
        ensure_eq!(claim, Claim::Suppressed, "long after the lease");
    }
    Ok(())
}

pub(super) async fn an_alias_ends_with_its_row<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (first, second, third, alias) = (new_key(), new_key(), new_key(), new_key());
    let held = fx.hold_aliased(first, 1, &[alias]).await?;
    let _ = fx.store.release(&first, held.fence).await?;
    let held = fx.hold_aliased(second, 2, &[alias]).await?;
    let _ = fx.complete(&second, held.fence, 4).await?;
    fx.pass(5).await;
    let claim = fx.claim_as(third, 3, &[alias], OnRepeat::Run).await?;
    let recurrence = granted(claim)?.recurrence;
    ensure_eq!(
        recurrence,
        Recurrence::None,
        "the row behind the alias had ended"
    );

    // A new row under the old key is not the row that the alias pointed to.
    let (key, alias) = (new_key(), new_key());
    let held = fx.hold_aliased(key, 4, &[alias]).await?;
    let _ = fx.complete(&key, held.fence, 4).await?;
    fx.pass(5).await;
    fx.hold(key, 5).await?;
    let claim = fx.claim_as(new_key(), 6, &[alias], OnRepeat::Run).await?;
    let recurrence = granted(claim)?.recurrence;
    ensure_eq!(
        recurrence,
        Recurrence::None,
        "the key was claimed anew, without the alias"
    );
    Ok(())
}

pub(super) async fn an_alias_of_a_lapsed_claim_is_free<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (first, second, third, alias) = (new_key(), new_key(), new_key(), new_key());
    fx.hold_aliased(first, 1, &[alias]).await?;
    fx.pass(11).await;
    let held = fx.hold_aliased(second, 2, &[alias]).await?;
    ensure_eq!(
        held.recurrence,
        Recurrence::None,
        "the row behind the alias was not live"
    );
    ensure!(!held.takeover, "another key is not taken over");
    let claim = fx.claim_aliased(third, 3, &[alias]).await?;
    ensure!(
        matches!(claim, Claim::InFlight { on, .. } if on == second),
        "the alias points to the second row: got {claim:?}"
    );
    let claim = fx.claim_aliased(first, 4, &[alias]).await?;
    ensure!(
        matches!(claim, Claim::InFlight { on, .. } if on == second),
        "the first key, whose alias was taken: got {claim:?}"
    );
    let _ = fx.complete(&second, held.fence, 1_000).await?;
    let claim = fx.claim_aliased(first, 5, &[alias]).await?;
    ensure_eq!(
        claim,
        Claim::Suppressed,
        "the first key, whose bytes are done"
    );
    Ok(())
}

pub(super) async fn a_takeover_keeps_aliases<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (key, early, late) = (new_key(), new_key(), new_key());
    fx.hold_aliased(key, 1, &[early]).await?;
    fx.pass(11).await;
    // The retry was rendered anew, so it comes with another alias; both name the same delivery.
    let held = fx.hold_aliased(key, 2, &[late]).await?;
    let _ = fx.complete(&key, held.fence, 1_000).await?;
    for alias in [early, late] {
        let claim = fx.claim_aliased(new_key(), 3, &[alias]).await?;
        ensure_eq!(claim, Claim::Suppressed, "each alias after a takeover");
    }
    Ok(())
}

pub(super) async fn a_late_release_leaves_others_aliases<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let (first, second, alias) = (new_key(), new_key(), new_key());
    let late = fx.hold_aliased(first, 1, &[alias]).await?;
    fx.pass(11).await;
    fx.hold_aliased(second, 2, &[alias]).await?;
    ensure_eq!(
        fx.store.release(&first, late.fence).await?,
        Fenced::Applied,
        "late release"
    );
    let claim = fx.claim_aliased(new_key(), 3, &[alias]).await?;
    ensure!(
        matches!(claim, Claim::InFlight { on, .. } if on == second),
        "the alias of the second: got {claim:?}"
    );
    Ok(())
}

pub(super) async fn one_of_many_gets_a_shared_alias<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let alias = new_key();
    let claimed = race(fx, (0..32).map(|by| (new_key(), by)), &[alias]).await?;
    ensure_eq!(claimed.len(), 1, "holders among 32 keys with one alias");
    Ok(())
}
