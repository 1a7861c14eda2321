//! Rules about completing, releasing and extending, and what a fence protects.

use countersign_core::{Claim, ClaimRequest, DedupStore, Fence, Fenced, KeyState};

use super::{
    Fixture,
    helpers::{Outcome, granted, new_key, owner},
    report::{ensure, ensure_eq},
};

pub(super) async fn a_completed_key_is_remembered<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    for fingerprint in [0, 1, u64::MAX] {
        let key = new_key();
        let request = ClaimRequest::new(key, owner(1), fx.units(10));
        let request = request.with_fingerprint(fingerprint);
        let claimed = granted(fx.store.claim(request).await?)?;
        ensure_eq!(
            fx.complete(&key, claimed.fence, 1_000).await?,
            Fenced::Applied,
            "complete"
        );
        ensure_eq!(fx.state(&key).await?, KeyState::Completed, "state");
        for by in [1, 2] {
            let claim = fx.claim(key, by).await?;
            ensure_eq!(
                claim,
                Claim::Completed { fingerprint },
                "a claim by owner {by}"
            );
        }
    }
    Ok(())
}

pub(super) async fn a_completed_key_outlives_its_lease<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    let claimed = fx.hold(key, 1).await?;
    let _ = fx.complete(&key, claimed.fence, 1_000).await?;
    fx.pass(11).await;
    fx.store.purge(1_000).await?;
    let claim = fx.claim(key, 2).await?;
    ensure_eq!(
        claim,
        Claim::Completed { fingerprint: 0 },
        "a claim after the lease"
    );
    Ok(())
}

pub(super) async fn retention_ends<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    let first = fx.hold(key, 1).await?;
    let _ = fx.complete(&key, first.fence, 8).await?;
    fx.pass(4).await;
    let claim = fx.claim(key, 2).await?;
    ensure_eq!(
        claim,
        Claim::Completed { fingerprint: 0 },
        "a claim within the retention"
    );
    fx.pass(5).await;
    ensure_eq!(
        fx.state(&key).await?,
        KeyState::Absent,
        "state after the retention"
    );
    ensure_eq!(
        fx.complete(&key, first.fence, 8).await?,
        Fenced::Lost,
        "complete after it"
    );
    let second = fx.hold(key, 1).await?;
    ensure_eq!(second.attempt, 1, "attempt");
    ensure!(
        !second.takeover,
        "a claim after the retention is not a takeover"
    );
    Ok(())
}

pub(super) async fn retention_is_chosen_by_each_completion<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let (long, short) = (new_key(), new_key());
    for (key, units) in [(long, 1_000), (short, 4)] {
        let claimed = fx.hold(key, 1).await?;
        let _ = fx.complete(&key, claimed.fence, units).await?;
    }
    fx.pass(5).await;
    ensure_eq!(
        fx.state(&short).await?,
        KeyState::Absent,
        "state of the short one"
    );
    ensure_eq!(
        fx.state(&long).await?,
        KeyState::Completed,
        "state of the long one"
    );
    Ok(())
}

pub(super) async fn completing_twice_is_applied_again<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    let claimed = fx.hold(key, 1).await?;
    for _ in 0..3 {
        ensure_eq!(
            fx.complete(&key, claimed.fence, 8).await?,
            Fenced::Applied,
            "complete"
        );
        fx.pass(5).await;
    }
    ensure_eq!(fx.state(&key).await?, KeyState::Completed, "state");
    let other = Fence::from_u64(claimed.fence.as_u64().wrapping_add(1));
    ensure_eq!(
        fx.complete(&key, other, 8).await?,
        Fenced::Lost,
        "with another fence"
    );
    Ok(())
}

pub(super) async fn a_released_key_can_be_claimed<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    let first = fx.hold(key, 1).await?;
    ensure_eq!(
        fx.store.release(&key, first.fence).await?,
        Fenced::Applied,
        "release"
    );
    ensure_eq!(fx.state(&key).await?, KeyState::Absent, "state");
    ensure_eq!(
        fx.store.release(&key, first.fence).await?,
        Fenced::Lost,
        "release again"
    );
    ensure_eq!(
        fx.complete(&key, first.fence, 8).await?,
        Fenced::Lost,
        "complete"
    );
    let second = fx.hold(key, 2).await?;
    ensure_eq!(second.attempt, 1, "attempt");
    ensure!(
        !second.takeover,
        "a claim after a release is not a takeover"
    );
    Ok(())
}

pub(super) async fn releasing_never_touches_a_completed_key<S: DedupStore>(
    fx: &Fixture<S>,
) -> Outcome {
    let key = new_key();
    let claimed = fx.done(key, &[]).await?;
    ensure_eq!(
        fx.store.release(&key, claimed.fence).await?,
        Fenced::Lost,
        "release"
    );
    ensure_eq!(fx.state(&key).await?, KeyState::Completed, "state");
    let extended = fx.store.extend(&key, claimed.fence, fx.units(1)).await?;
    ensure_eq!(extended, Fenced::Lost, "extend");
    ensure_eq!(fx.state(&key).await?, KeyState::Completed, "state");
    Ok(())
}

pub(super) async fn a_stale_fence_changes_nothing<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    let first = fx.hold(key, 1).await?;
    fx.pass(11).await;
    let second = fx.hold(key, 2).await?;
    let ahead = Fence::from_u64(second.fence.as_u64().wrapping_add(1));
    for fence in [first.fence, ahead] {
        ensure_eq!(
            fx.complete(&key, fence, 1_000).await?,
            Fenced::Lost,
            "complete"
        );
        ensure_eq!(
            fx.store.release(&key, fence).await?,
            Fenced::Lost,
            "release"
        );
        let extended = fx.store.extend(&key, fence, fx.units(1_000)).await?;
        ensure_eq!(extended, Fenced::Lost, "extend");
        let claim = fx.claim(key, 3).await?;
        ensure!(
            matches!(claim, Claim::InFlight { remaining, .. } if remaining <= fx.units(10)),
            "a claim while the second holder runs: got {claim:?}"
        );
    }
    let absent = new_key();
    ensure_eq!(
        fx.complete(&absent, second.fence, 8).await?,
        Fenced::Lost,
        "no such key"
    );
    ensure_eq!(
        fx.complete(&key, second.fence, 1_000).await?,
        Fenced::Applied,
        "the holder"
    );
    ensure_eq!(
        fx.complete(&key, first.fence, 1).await?,
        Fenced::Lost,
        "the late one"
    );
    fx.pass(2).await;
    ensure_eq!(fx.state(&key).await?, KeyState::Completed, "state");
    Ok(())
}

pub(super) async fn a_late_holder_may_settle<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (completed, released, extended) = (new_key(), new_key(), new_key());
    let mut fences = Vec::new();
    for key in [completed, released, extended] {
        fences.push(fx.hold(key, 1).await?.fence);
    }
    fx.pass(11).await;
    if let [first, second, third] = *fences {
        ensure_eq!(
            fx.complete(&completed, first, 1_000).await?,
            Fenced::Applied,
            "complete"
        );
        ensure_eq!(
            fx.store.release(&released, second).await?,
            Fenced::Applied,
            "release"
        );
        let outcome = fx.store.extend(&extended, third, fx.units(10)).await?;
        ensure_eq!(outcome, Fenced::Applied, "extend");
    }
    ensure_eq!(fx.state(&completed).await?, KeyState::Completed, "state");
    ensure_eq!(fx.state(&released).await?, KeyState::Absent, "state");
    let claim = fx.claim(extended, 2).await?;
    ensure!(
        matches!(claim, Claim::InFlight { .. }),
        "a claim after extending: got {claim:?}"
    );
    Ok(())
}

pub(super) async fn extending_moves_the_end<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    let first = fx.hold(key, 1).await?;
    for _ in 0..2 {
        fx.pass(7).await;
        let extended = fx.store.extend(&key, first.fence, fx.units(10)).await?;
        ensure_eq!(extended, Fenced::Applied, "extend");
    }
    let claim = fx.claim(key, 2).await?;
    ensure!(
        matches!(claim, Claim::InFlight { remaining, .. } if remaining <= fx.units(10)),
        "a claim while extended: got {claim:?}"
    );
    fx.pass(11).await;
    let second = fx.hold(key, 2).await?;
    ensure!(second.takeover, "takeover is not flagged");
    Ok(())
}

pub(super) async fn fences_only_grow<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    let mut last = None;
    for round in 0..5 {
        let claimed = fx.hold(key, round).await?;
        ensure!(
            last < Some(claimed.fence),
            "round {round}: {:?} after {last:?}",
            claimed.fence
        );
        last = Some(claimed.fence);
        match round {
            0 => drop(fx.store.release(&key, claimed.fence).await?),
            1 => drop(fx.store.forget(&key).await?),
            2 => fx.pass(11).await,
            _ => {
                let _ = fx.complete(&key, claimed.fence, 2).await?;
                fx.pass(3).await;
                fx.store.purge(1_000).await?;
            }
        }
    }
    Ok(())
}
