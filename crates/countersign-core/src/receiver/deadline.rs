//! Futures with an end.

use core::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use crate::clock::{Clock, Sleep};

/// The output of a future, or `None` when the clock passes `until` first.
///
/// The timer is only made when the future is not ready at its second look, which is asked for at
/// once: much that is not ready at first (a small body, behind its head) is by then, and to set a
/// runtime's timer costs more than to look again.
pub(super) async fn within<F: Future>(
    clock: &dyn Clock,
    until: Duration,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut looked = false;
    let mut timer: Option<Sleep> = None;
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        if !core::mem::replace(&mut looked, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let timer = timer.get_or_insert_with(|| clock.sleep(until.saturating_sub(clock.elapsed())));
        timer.as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// The output of whichever future ends first; the first one wins a tie.
pub(super) async fn either<A: Future, B: Future>(
    first: A,
    second: B,
) -> Result<A::Output, B::Output> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|cx| {
        if let Poll::Ready(output) = first.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        second.as_mut().poll(cx).map(Err)
    })
    .await
}
