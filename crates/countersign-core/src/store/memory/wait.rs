//! Waiting for a key to be settled: woken by whoever settles it, bounded by time.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{
    engine::{Engine, Watch},
    place::Place,
};
use crate::{
    clock::{Clock, Sleep},
    key::DeliveryKey,
    store::{KeyState, StoreError},
};

/// The future behind [`MemoryStore`](super::MemoryStore)'s `wait`.
///
/// The state is read and the task registered under one lock, the lock that settling takes, so that
/// no change falls between the two. Dropping the future takes the registration back.
pub(super) struct Wait<'a> {
    engine: &'a Engine,
    clock: &'a dyn Clock,
    place: Place,
    at_most: Duration,
    until: Option<Duration>,
    /// A running timer, and when it ends on `clock`.
    timer: Option<(Duration, Sleep)>,
    registered: Option<u64>,
}

impl<'a> Wait<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        key: &DeliveryKey,
        at_most: Duration,
        clock: &'a dyn Clock,
    ) -> Self {
        Self {
            engine,
            clock,
            place: engine.place(key),
            at_most,
            until: None,
            timer: None,
            registered: None,
        }
    }

    fn unregister(&mut self) {
        if let Some(id) = self.registered.take() {
            self.engine.unwatch(&self.place, id);
        }
    }

    /// True when a timer that ends in `pause` or sooner has ended by now.
    fn timer_ended(&mut self, pause: Duration, cx: &mut Context<'_>) -> bool {
        let end = self.clock.elapsed().saturating_add(pause);
        let timer = match self.timer.take() {
            Some(timer) if timer.0 <= end => timer,
            Some(_) | None => (end, self.clock.sleep(pause)),
        };
        let (_, sleep) = self.timer.insert(timer);
        let ended = sleep.as_mut().poll(cx).is_ready();
        if ended {
            self.timer = None;
        }
        ended
    }
}

impl Future for Wait<'_> {
    type Output = Result<KeyState, StoreError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let at_most = this.at_most;
        let clock = this.clock;
        let until = *this
            .until
            .get_or_insert_with(|| clock.elapsed().saturating_add(at_most));
        // A second look when a timer has ended; a timer that ends at once must not spin here.
        for _ in 0..2 {
            let engine = this.engine;
            let id = *this.registered.get_or_insert_with(|| engine.next_waiter());
            let remaining = match engine.watch(&this.place, id, cx.waker()) {
                Watch::Over(state) => {
                    this.unregister();
                    return Poll::Ready(Ok(state));
                }
                Watch::Waiting { remaining } => remaining,
            };
            let left = until.saturating_sub(clock.elapsed());
            if left.is_zero() {
                this.unregister();
                return Poll::Ready(Ok(KeyState::InFlight { remaining }));
            }
            if !this.timer_ended(remaining.min(left), cx) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.unregister();
    }
}
