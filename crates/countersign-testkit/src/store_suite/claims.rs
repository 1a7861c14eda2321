//! Rules about who gets a key.

use std::sync::Arc;

use countersign_core::{Claim, ClaimRequest, Claimed, DedupStore, KeyState, OnRepeat, Recurrence};
use futures_util::future::BoxFuture;

use super::{
    Fixture,
    helpers::{Outcome, granted, new_key, owner},
    report::{Stop, ensure, ensure_eq},
};

pub(super) async fn a_fresh_key_is_claimed<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (key, other) = (new_key(), new_key());
    ensure_eq!(
        fx.state(&key).await?,
        KeyState::Absent,
        "state of a new key"
    );
    let claimed = fx.hold(key, 1).await?;
    ensure_eq!(claimed.attempt, 1, "attempt");
    ensure!(!claimed.takeover, "a fresh claim is not a takeover");
    ensure_eq!(claimed.recurrence, Recurrence::None, "no alias was given");
    let state = fx.state(&key).await?;
    ensure!(
        matches!(state, KeyState::InFlight { remaining } if !remaining.is_zero() && remaining <= fx.units(10)),
        "state of a held key: got {state:?}"
    );
    ensure_eq!(
        fx.state(&other).await?,
        KeyState::Absent,
        "state of another key"
    );
    fx.hold(other, 2).await?;
    Ok(())
}

pub(super) async fn a_held_key_is_in_flight<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    for with in [0, 1, u64::MAX] {
        let key = new_key();
        let request = ClaimRequest::new(key, owner(1), fx.units(10)).with_fingerprint(with);
        granted(fx.store.claim(request).await?)?;
        for by in [2, 3] {
            let claim = fx.claim(key, by).await?;
            ensure!(
                matches!(claim, Claim::InFlight { on, remaining, fingerprint }
                    if on == key
                        && !remaining.is_zero()
                        && remaining <= fx.units(10)
                        && fingerprint == with),
                "a second owner's claim of a key that was claimed with {with:?}: got {claim:?}"
            );
        }
    }
    Ok(())
}

pub(super) async fn the_same_owner_gets_the_same_claim<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (key, alias) = (new_key(), new_key());
    let first = fx.claim_aliased(key, 1, &[alias]).await?;
    granted(first)?;
    ensure_eq!(
        fx.claim_aliased(key, 1, &[alias]).await?,
        first,
        "asked again"
    );
    fx.pass(5).await;
    ensure_eq!(
        fx.claim_aliased(key, 1, &[alias]).await?,
        first,
        "asked again, later"
    );
    let other = fx.claim(key, 2).await?;
    ensure!(
        matches!(other, Claim::InFlight { .. }),
        "another owner: got {other:?}"
    );
    Ok(())
}

pub(super) async fn a_lapsed_claim_is_taken_over<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    let mut last = fx.hold(key, 1).await?;
    // The last round is the same owner again: it no longer holds the key, so it is a new claim.
    for (by, attempt) in [(2, 2), (3, 3), (3, 4)] {
        fx.pass(11).await;
        let state = fx.state(&key).await?;
        ensure!(
            matches!(state, KeyState::InFlight { remaining } if remaining.is_zero()),
            "state after the lease: got {state:?}"
        );
        let claimed = fx.hold(key, by).await?;
        ensure!(claimed.takeover, "takeover is not flagged");
        ensure_eq!(claimed.attempt, attempt, "attempt");
        ensure!(claimed.fence > last.fence, "the fence did not grow");
        last = claimed;
    }
    let again = granted(fx.claim(key, 3).await?)?;
    ensure_eq!(again, last, "a takeover asked again by its owner");
    Ok(())
}

pub(super) async fn one_of_many_gets_the_claim<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    let claimed = race(fx, (0..64).map(|by| (key, by)), &[]).await?;
    ensure_eq!(claimed.len(), 1, "holders among 64 claims at once");
    Ok(())
}

pub(super) async fn one_of_many_takes_over<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    let first = fx.hold(key, 1_000).await?;
    fx.pass(11).await;
    let claimed = race(fx, (0..64).map(|by| (key, by)), &[]).await?;
    ensure_eq!(claimed.len(), 1, "holders among 64 takeovers at once");
    ensure!(
        claimed
            .iter()
            .all(|claimed| claimed.takeover && claimed.fence > first.fence),
        "a takeover with a fence that did not grow"
    );
    Ok(())
}

/// Claims at the same time, and hands out those that were granted.
pub(super) async fn race<S: DedupStore>(
    fx: &Fixture<S>,
    claims: impl Iterator<Item = (countersign_core::DeliveryKey, u128)>,
    aliases: &[countersign_core::DeliveryKey],
) -> Result<Vec<Claimed>, Stop> {
    let futures = claims
        .map(|(key, by)| {
            let (store, aliases) = (Arc::clone(&fx.store), aliases.to_vec());
            let subject = fx.request(key, by, &aliases, OnRepeat::Suppress).subject;
            let request = ClaimRequest::new(key, owner(by), fx.units(10)).with_subject(subject);
            let claim = async move { store.claim(request.with_aliases(&aliases)).await };
            Box::pin(claim) as BoxFuture<'static, _>
        })
        .collect();
    let mut claimed = Vec::new();
    for answer in fx.at_once(futures).await {
        if let Claim::Claimed(one) = answer? {
            claimed.push(one);
        }
    }
    Ok(claimed)
}
