//! Rules about forgetting, purging and being full.

use countersign_core::{
    Claim, DedupStore, DeliveryKey, Fenced, KeyState, OnRepeat, Recurrence, StoreErrorKind,
};

use super::{
    Fixture,
    helpers::{Outcome, new_key},
    report::{Stop, ensure, ensure_eq},
};

pub(super) async fn a_forgotten_key_can_be_claimed<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (done, held) = (new_key(), new_key());
    ensure!(!fx.store.forget(&done).await?, "there was no row to forget");
    fx.done(done, &[]).await?;
    let old = fx.hold(held, 1).await?;
    for key in [done, held] {
        ensure!(fx.store.forget(&key).await?, "there was a row to forget");
        ensure!(!fx.store.forget(&key).await?, "it was forgotten already");
        ensure_eq!(fx.state(&key).await?, KeyState::Absent, "state");
    }
    ensure_eq!(
        fx.complete(&held, old.fence, 8).await?,
        Fenced::Lost,
        "the forgotten holder"
    );
    for key in [done, held] {
        ensure_eq!(fx.hold(key, 2).await?.attempt, 1, "attempt");
    }
    Ok(())
}

pub(super) async fn forgetting_takes_aliases_along<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (done, held, first, second) = (new_key(), new_key(), new_key(), new_key());
    fx.done(done, &[first]).await?;
    fx.hold_aliased(held, 1, &[second]).await?;
    for (key, alias) in [(done, first), (held, second)] {
        fx.store.forget(&key).await?;
        let claimed = fx.hold_aliased(new_key(), 2, &[alias]).await?;
        ensure_eq!(
            claimed.recurrence,
            Recurrence::None,
            "the alias was forgotten"
        );
    }
    Ok(())
}

pub(super) async fn an_alias_can_be_forgotten<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (key, alias, other) = (new_key(), new_key(), new_key());
    fx.done(key, &[alias, other]).await?;
    ensure!(
        fx.store.forget(&alias).await?,
        "there was an alias to forget"
    );
    ensure!(!fx.store.forget(&alias).await?, "it was forgotten already");
    ensure_eq!(
        fx.state(&key).await?,
        KeyState::Completed,
        "state of its row"
    );
    fx.hold_aliased(new_key(), 2, &[alias]).await?;
    let claim = fx.claim_aliased(new_key(), 3, &[other]).await?;
    ensure_eq!(claim, Claim::Suppressed, "the alias that was kept");
    Ok(())
}

pub(super) async fn purging_keeps_what_lives<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let alias = new_key();
    let (done, held) = (new_key(), new_key());
    fx.done(done, &[alias]).await?;
    for _ in 0..5 {
        let key = new_key();
        let claimed = fx.hold(key, 1).await?;
        let _ = fx.complete(&key, claimed.fence, 1).await?;
    }
    let soon = new_key();
    let claimed = fx.hold(soon, 1).await?;
    let _ = fx.complete(&soon, claimed.fence, 13).await?;
    fx.pass(11).await;
    fx.hold(held, 1).await?;
    for limit in [0, 2, 1_000] {
        let purged = fx.store.purge(limit).await?;
        ensure!(purged <= limit, "purged {purged} of at most {limit}");
    }
    ensure_eq!(
        fx.state(&done).await?,
        KeyState::Completed,
        "state of a done key"
    );
    let state = fx.state(&soon).await?;
    ensure_eq!(
        state,
        KeyState::Completed,
        "state of a done key that ends soon"
    );
    let state = fx.state(&held).await?;
    ensure!(
        matches!(state, KeyState::InFlight { .. }),
        "state of a held key: got {state:?}"
    );
    let claim = fx.claim_aliased(new_key(), 2, &[alias]).await?;
    ensure_eq!(claim, Claim::Suppressed, "an alias of a done key");
    Ok(())
}

pub(super) async fn a_full_store_refuses<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let capacity = fx.capacity.ok_or(Stop::Skipped)?;
    let mut done = fill(fx, capacity.saturating_sub(3), 1_000).await?;
    let alias = new_key();
    let aliased = new_key();
    fx.done(aliased, &[alias]).await?;
    done.push(aliased);

    for _ in 0..capacity.saturating_add(3) {
        refused(fx, new_key(), &[]).await?;
        refused(fx, new_key(), &[new_key()]).await?;
    }
    for key in &done {
        let claim = fx.claim(*key, 2).await?;
        let completed = Claim::Completed { fingerprint: 0 };
        ensure_eq!(claim, completed, "a done key after refusals");
    }
    let claim = fx.claim_aliased(new_key(), 2, &[alias]).await?;
    ensure_eq!(claim, Claim::Suppressed, "an alias after refusals");
    Ok(())
}

pub(super) async fn a_full_store_makes_room<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let capacity = fx.capacity.ok_or(Stop::Skipped)?;
    // One is held, one stays, the rest end soon.
    let (held, stays) = (new_key(), new_key());
    fx.done(stays, &[]).await?;
    let short = fill(fx, capacity.saturating_sub(2), 4).await?;
    let claimed = fx.hold(held, 1).await?;
    refused(fx, new_key(), &[]).await?;
    // What is known needs no room.
    let again = fx.claim(held, 1).await?;
    ensure_eq!(again, Claim::Claimed(claimed), "the holder asks again");
    fx.pass(5).await;
    for key in short {
        let claimed = fx.hold(key, 2).await?;
        let _ = fx.complete(&key, claimed.fence, 1_000).await?;
    }
    refused(fx, new_key(), &[]).await?;
    ensure_eq!(
        fx.state(&stays).await?,
        KeyState::Completed,
        "state of what stays"
    );
    fx.pass(6).await;
    let taken = fx.hold(held, 3).await?;
    ensure!(taken.takeover, "a takeover needs no room");
    let _ = fx.store.release(&held, taken.fence).await?;
    fx.hold(new_key(), 4).await?;
    refused(fx, new_key(), &[]).await
}

pub(super) async fn fill<S: DedupStore>(
    fx: &Fixture<S>,
    rows: usize,
    units: u32,
) -> Result<Vec<DeliveryKey>, Stop> {
    let mut keys = Vec::new();
    for _ in 0..rows {
        let key = new_key();
        let claimed = fx.hold(key, 1).await?;
        let _ = fx.complete(&key, claimed.fence, units).await?;
        keys.push(key);
    }
    Ok(keys)
}

pub(super) async fn refused<S: DedupStore>(
    fx: &Fixture<S>,
    key: DeliveryKey,
    aliases: &[DeliveryKey],
) -> Outcome {
    let request = fx.request(key, 9, aliases, OnRepeat::Suppress);
    match fx.store.claim(request).await {
        Err(error) if error.kind() == StoreErrorKind::Full => {}
        other => {
            return Err(Stop::Broken(format!(
                "a claim on a full store: got {other:?}"
            )));
        }
    }
    ensure_eq!(
        fx.state(&key).await?,
        KeyState::Absent,
        "state of a refused key"
    );
    Ok(())
}
