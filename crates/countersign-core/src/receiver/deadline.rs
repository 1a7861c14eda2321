//! Futures with an end.
//!
//! Both are structs of their own: an `async fn` keeps a future that it is given twice, once as what it
//! was called with and once as what it polls, and a handler's future is as large as its author likes.

// docs/decisions.md: D99.

use core::{
    future::Future,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;

use crate::clock::{Clock, Sleep};

pin_project! {
    /// What [`within`] returns.
    pub(super) struct Within<C, F> {
        #[pin]
        future: F,
        clock: C,
        timer: Timer,
    }
}

/// Only made when the future is not ready at its second look, which is asked for at once: much that is
/// not ready at first (a small body, behind its head) is by then, and to set a runtime's timer costs more
/// than to look again.
enum Timer {
    Until(Duration),
    Looked(Duration),
    Runs(Sleep),
}

/// The output of a future, or `None` when the clock passes `until` first.
pub(super) const fn within<C, F>(clock: C, until: Duration, future: F) -> Within<C, F> {
    Within {
        future,
        clock,
        timer: Timer::Until(until),
    }
}

impl<C: Deref<Target: Clock>, F: Future> Future for Within<C, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Some(output));
        }
        let clock = &**this.clock;
        match this.timer {
            Timer::Until(until) => {
                *this.timer = Timer::Looked(*until);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Timer::Looked(until) => {
                let mut sleep = clock.sleep(until.saturating_sub(clock.elapsed()));
                let ended = sleep.as_mut().poll(cx).map(|()| None);
                *this.timer = Timer::Runs(sleep);
                ended
            }
            Timer::Runs(sleep) => sleep.as_mut().poll(cx).map(|()| None),
        }
    }
}

pin_project! {
    /// What [`either`] returns.
    pub(super) struct Either<A, B> {
        #[pin]
        first: A,
        #[pin]
        second: B,
    }
}

/// The output of whichever future ends first; the first one wins a tie.
pub(super) const fn either<A: Future, B: Future>(first: A, second: B) -> Either<A, B> {
    Either { first, second }
}

impl<A: Future, B: Future> Future for Either<A, B> {
    type Output = Result<A::Output, B::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.first.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        this.second.poll(cx).map(Err)
    }
}
