//! Rules about waiting for a twin.

use core::sync::atomic::{AtomicBool, Ordering};

use countersign_core::{DedupStore, DeliveryKey, Fenced, KeyState};
use futures_util::{FutureExt, future::join};

use super::{
    Fixture,
    helpers::{Outcome, a_moment, new_key, patiently, yield_now},
    report::{Stop, ensure, ensure_eq},
};

pub(super) async fn waiting_for_nothing_ends_at_once<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let (absent, done, lapsed) = (new_key(), new_key(), new_key());
    fx.done(done, &[]).await?;
    fx.hold(lapsed, 1).await?;
    fx.pass(11).await;
    ensure_eq!(
        wait(fx, &absent, 1_000).await?,
        KeyState::Absent,
        "an absent key"
    );
    ensure_eq!(
        wait(fx, &done, 1_000).await?,
        KeyState::Completed,
        "a done key"
    );
    let state = wait(fx, &lapsed, 1_000).await?;
    ensure!(
        matches!(state, KeyState::InFlight { remaining } if remaining.is_zero()),
        "a lapsed key: got {state:?}"
    );
    Ok(())
}

pub(super) async fn waiting_ends_when_it_is_completed<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    let held = fx.hold(key, 1).await?;
    let (state, settled) = join(wait(fx, &key, 9), async {
        yield_now().await;
        let settled = fx.complete(&key, held.fence, 1_000).await;
        fx.pass(5).await;
        settled
    })
    .await;
    ensure_eq!(settled?, Fenced::Applied, "complete");
    ensure_eq!(state?, KeyState::Completed, "what waiting said");
    Ok(())
}

pub(super) async fn waiting_ends_when_it_is_released<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    let held = fx.hold(key, 1).await?;
    let (state, settled) = join(wait(fx, &key, 9), async {
        yield_now().await;
        let settled = fx.store.release(&key, held.fence).await;
        fx.pass(5).await;
        settled
    })
    .await;
    ensure_eq!(settled?, Fenced::Applied, "release");
    ensure_eq!(state?, KeyState::Absent, "what waiting said");
    Ok(())
}

pub(super) async fn waiting_ends_with_the_lease<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    fx.hold(key, 1).await?;
    let ended = AtomicBool::new(false);
    let waiting = wait(fx, &key, 1_000).inspect(|_| ended.store(true, Ordering::Relaxed));
    // Time also passes while the store looks at the row, so that it may oversleep a little.
    let (state, ()) = join(waiting, async {
        for _ in 0..40 {
            if ended.load(Ordering::Relaxed) {
                return;
            }
            a_moment().await;
            fx.pass(1).await;
        }
    })
    .await;
    let state = state?;
    ensure!(
        matches!(state, KeyState::InFlight { remaining } if remaining.is_zero()),
        "what waiting said: got {state:?}"
    );
    Ok(())
}

pub(super) async fn waiting_is_bounded<S: DedupStore>(fx: &Fixture<S>) -> Outcome {
    let key = new_key();
    fx.hold(key, 1).await?;
    let state = wait(fx, &key, 0).await?;
    ensure!(
        matches!(state, KeyState::InFlight { .. }),
        "without patience: got {state:?}"
    );
    let (state, ()) = join(wait(fx, &key, 3), async {
        for _ in 0..4 {
            yield_now().await;
            fx.pass(1).await;
        }
    })
    .await;
    let state = state?;
    ensure!(
        matches!(state, KeyState::InFlight { remaining } if !remaining.is_zero()),
        "after three of ten units: got {state:?}"
    );
    Ok(())
}

async fn wait<S: DedupStore>(
    fx: &Fixture<S>,
    key: &DeliveryKey,
    units: u32,
) -> Result<KeyState, Stop> {
    let waiting = fx.store.wait(key, fx.units(units), &*fx.clock);
    Ok(patiently("waiting", waiting).await??)
}
