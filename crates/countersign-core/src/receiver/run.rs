//! Running a handler to its end, settling its claim, and answering in time.

use core::{
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use std::sync::Arc;

use futures_channel::oneshot;
use futures_util::future::FutureExt;

use super::{
    Inner, Run,
    claim::{Completing, Holding},
    deadline::within,
    running::unless_cancelled,
    settle::{Ended, Finished, complete_later, settle},
};
use crate::{
    answer::{Answer, Dedup},
    clock::{Clock, Sleep},
    delivery::Outcome,
    rejection::{Rejection, RejectionKind},
    report,
};

/// What a handler's result means for its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    status: Option<u16>,
    outcome: Option<Outcome>,
    called: bool,
}

impl Verdict {
    /// The handler answered with a status, and perhaps with an [`Outcome`] beside it.
    #[must_use]
    pub const fn answered(status: u16, outcome: Option<Outcome>) -> Self {
        Self {
            status: Some(status),
            outcome,
            called: true,
        }
    }

    /// The handler ended without a response.
    #[must_use]
    pub const fn failed() -> Self {
        Self {
            status: None,
            outcome: None,
            called: true,
        }
    }

    /// The handler could not be called, and cannot be for the items of the batch that are left.
    #[must_use]
    pub const fn not_called() -> Self {
        Self {
            status: None,
            outcome: None,
            called: false,
        }
    }

    pub(super) const fn is_called(self) -> bool {
        self.called
    }

    /// 2xx completes, all else releases, and an outcome overrules both.
    pub(super) const fn completes(self) -> bool {
        match self.outcome {
            Some(Outcome::Discard) => true,
            Some(Outcome::Retry) => false,
            None => self.is_success(),
        }
    }

    pub(super) const fn is_discarded(self) -> bool {
        matches!(self.outcome, Some(Outcome::Discard))
    }

    const fn is_success(self) -> bool {
        matches!(self.status, Some(200..=299))
    }
}

/// What the request is answered with. Adapters have an answer for every variant.
#[derive(Debug)]
pub enum Reply<R> {
    /// The handler's own result, to be sent with a [`DEDUP_HEADER`](crate::DEDUP_HEADER).
    Handled(R, Dedup),
    /// An answer in its place.
    Answer(Answer),
}

impl Run {
    /// Splits a run into a task, which runs the handler and settles the claim whoever still
    /// listens, and a handle, which the request waits on. Spawn the task.
    ///
    /// The task is `Send` when the handler's future and result are. `judge` reads a result.
    pub fn start<F, R>(
        self,
        handler: F,
        judge: impl FnOnce(&R) -> Verdict,
    ) -> (impl Future<Output = ()>, Handle<R>)
    where
        F: Future<Output = R>,
    {
        let Self {
            holding,
            permit,
            arrived,
            clock,
        } = self;
        let inner = Arc::clone(holding.admitted().receiver());
        let (send, receive) = oneshot::channel();
        let of = (holding.admitted().tenant_arc(), holding.admitted().dedup());
        let handle = Handle::new(receive, &inner, &clock, arrived, of);
        let span = report::span(holding.admitted());
        let ran = run(
            Arc::clone(&inner),
            Arc::clone(&clock),
            holding,
            handler,
            judge,
        );
        let task = ran.then(move |(finished, unsettled)| async move {
            // Nobody may listen any more; the outcome is in the store.
            let _unheard = send.send(finished);
            if let Some(claim) = unsettled {
                complete_later(&inner, &*clock, claim).await;
            }
            // The handler is over and the claim settled: only then is the place free.
            drop(permit);
        });
        (report::in_span(span, task), handle)
    }
}

/// Runs the handler of one delivery and settles its claim. A claim that could not be completed comes back.
// Futures one after the other, and no `async` block: it would keep the handler's twice.
pub(super) fn run<R>(
    inner: Arc<Inner>,
    clock: Arc<dyn Clock>,
    holding: Holding,
    handler: impl Future<Output = R>,
    judge: impl FnOnce(&R) -> Verdict,
) -> impl Future<Output = (Finished<R>, Option<Completing>)> {
    let timing = report::Timing::start(&*clock);
    // A panicking handler is not touched again, so what it left half done is not seen.
    let caught = AssertUnwindSafe(handler).catch_unwind();
    let until = clock.elapsed().saturating_add(inner.limits.total_run);
    let capped = within(Arc::clone(&clock), until, caught);
    let ended = unless_cancelled(Arc::clone(&inner), capped);
    ended.then(move |ended| {
        report::ran(&inner, timing.took(&*clock));
        let ended = match ended {
            None => Ended::Cancelled,
            Some(Some(Ok(result))) => Ended::Result(result),
            Some(Some(Err(_panic))) => Ended::Panicked,
            Some(None) => Ended::TooLong,
        };
        settle(inner, clock, holding, ended, judge)
    })
}

/// What a request waits on while its handler runs. A future of the [`Reply`].
///
/// Dropping it (the sender hung up) does not end the handler.
#[must_use = "the handle says what to answer"]
pub struct Handle<R> {
    result: oneshot::Receiver<Finished<R>>,
    timer: Option<Sleep>,
    until: Duration,
    clock: Arc<dyn Clock>,
    inner: Arc<Inner>,
    tenant: Option<Arc<str>>,
    dedup: Dedup,
    answered: bool,
}

impl<R> Future for Handle<R> {
    type Output = Reply<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply<R>> {
        let this = &mut *self;
        let kind = match Pin::new(&mut this.result).poll(cx) {
            Poll::Ready(Ok(Finished::Handled(result, verdict))) => {
                return Poll::Ready(this.handled(result, verdict));
            }
            Poll::Ready(Ok(Finished::Batch(Some(dedup)))) => {
                return Poll::Ready(this.answer(this.inner.done(dedup)));
            }
            Poll::Ready(Ok(Finished::Batch(None))) => RejectionKind::BatchUnfinished,
            Poll::Ready(Ok(Finished::Rejected(kind))) => kind,
            Poll::Ready(Err(oneshot::Canceled)) => RejectionKind::HandlerDropped,
            Poll::Pending => {
                let timer = this.timer.get_or_insert_with(|| {
                    let left = this.until.saturating_sub(this.clock.elapsed());
                    this.clock.sleep(left)
                });
                match timer.as_mut().poll(cx) {
                    Poll::Ready(()) => RejectionKind::StillRunning,
                    Poll::Pending => return Poll::Pending,
                }
            }
        };
        Poll::Ready(this.refuse(kind))
    }
}

impl<R> Handle<R> {
    pub(super) fn new(
        result: oneshot::Receiver<Finished<R>>,
        inner: &Arc<Inner>,
        clock: &Arc<dyn Clock>,
        arrived: Duration,
        (tenant, dedup): (Option<Arc<str>>, Dedup),
    ) -> Self {
        Self {
            result,
            timer: None,
            until: arrived.saturating_add(inner.limits.response_budget),
            clock: Arc::clone(clock),
            inner: Arc::clone(inner),
            tenant,
            dedup,
            answered: false,
        }
    }

    fn handled(&mut self, result: R, verdict: Verdict) -> Reply<R> {
        match (verdict.completes(), verdict.is_success()) {
            (true, true) if self.inner.scheme().done_body().is_some() => {
                self.answer(self.inner.done(self.dedup))
            }
            (true, true) | (false, false) => {
                self.answered = true;
                self.inner.answered(verdict.status);
                Reply::Handled(result, self.dedup)
            }
            (true, false) => self.answer(self.inner.done(Dedup::Discarded)),
            (false, true) => self.refuse(RejectionKind::RetryAsked),
        }
    }

    fn refuse(&mut self, kind: RejectionKind) -> Reply<R> {
        let rejection = Rejection::new(kind);
        report::refused(&self.inner, self.tenant.as_deref(), &rejection);
        self.answer(self.inner.answer(rejection))
    }

    fn answer(&mut self, answer: Answer) -> Reply<R> {
        self.answered = true;
        self.inner.answered(Some(answer.status()));
        Reply::Answer(answer)
    }
}

impl<R> Drop for Handle<R> {
    fn drop(&mut self) {
        // The sender hung up and counts a failure.
        if !self.answered {
            self.inner.answered(None);
        }
    }
}

impl<R> fmt::Debug for Handle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("endpoint", &self.inner.endpoint)
            .finish_non_exhaustive()
    }
}
