//! Counting what runs, ending it at shutdown.

use core::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    task::{Context, Poll, Waker},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;
use futures_util::future::{FutureExt, Shared};
use pin_project_lite::pin_project;

use super::Inner;

/// Set beside the count when no new runs are taken.
const DRAINING: usize = 1 << (usize::BITS - 1);

/// The runs of one receiver.
#[derive(Debug)]
pub(super) struct Running {
    /// How many there are, and [`DRAINING`].
    count: AtomicUsize,
    is_cancelled: AtomicBool,
    cancel: Mutex<Option<oneshot::Sender<()>>>,
    cancelled: Cancelled,
    idle: Mutex<Vec<Waker>>,
}

type Cancelled = Shared<oneshot::Receiver<()>>;

/// Why a run cannot begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoRun {
    Full,
    Draining,
}

impl Running {
    pub(super) fn new() -> Self {
        let (cancel, cancelled) = oneshot::channel();
        Self {
            count: AtomicUsize::new(0),
            is_cancelled: AtomicBool::new(false),
            cancel: Mutex::new(Some(cancel)),
            cancelled: cancelled.shared(),
            idle: Mutex::default(),
        }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.count.load(Ordering::Relaxed) & DRAINING != 0
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst) & !DRAINING
    }

    /// Takes no new runs from here on.
    pub(super) fn close(&self) {
        self.count.fetch_or(DRAINING, Ordering::SeqCst);
    }

    /// Tells every run to end.
    pub(super) fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::SeqCst);
        let cancel = lock(&self.cancel).take();
        // Wakes the runs, and so not under the lock.
        drop(cancel);
    }

    /// Ends when [`cancel`](Self::cancel) is called.
    pub(super) fn cancelled(&self) -> impl Future<Output = ()> + Send + use<> {
        self.cancelled.clone().map(|_| ())
    }

    /// Ends when nothing runs, once no new runs are taken.
    pub(super) async fn idle(&self) {
        poll_fn(|cx| {
            // Registered before it is counted: the last run looks here after it has taken itself off.
            let mut idle = lock(&self.idle);
            if !idle.iter().any(|waker| waker.will_wake(cx.waker())) {
                idle.push(cx.waker().clone());
            }
            drop(idle);
            match self.count() {
                0 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        })
        .await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pin_project! {
    /// What [`unless_cancelled`] returns.
    pub(super) struct UnlessCancelled<F> {
        #[pin]
        future: F,
        inner: Arc<Inner>,
        cancelled: Option<Cancelled>,
    }
}

/// The output of a future, or `None` when the receiver's runs are told to end. One that has not begun
/// by then does not begin any more, and one that is ready at once listens to nobody.
pub(super) const fn unless_cancelled<F: Future>(
    inner: Arc<Inner>,
    future: F,
) -> UnlessCancelled<F> {
    UnlessCancelled {
        future,
        inner,
        cancelled: None,
    }
}

impl<F: Future> Future for UnlessCancelled<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = self.project();
        let running = &this.inner.running;
        if running.is_cancelled.load(Ordering::SeqCst) {
            return Poll::Ready(None);
        }
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Some(output));
        }
        let cancelled = this
            .cancelled
            .get_or_insert_with(|| running.cancelled.clone());
        cancelled.poll_unpin(cx).map(|_| None)
    }
}

/// The place of one run among those allowed; given back on drop.
#[derive(Debug)]
pub(super) struct RunPermit {
    inner: Arc<Inner>,
}

impl RunPermit {
    pub(super) fn take(inner: &Arc<Inner>) -> Result<Self, NoRun> {
        let limit = inner.limits.running;
        let mut no_run = NoRun::Full;
        let one_more = |now: usize| {
            if now & DRAINING != 0 {
                no_run = NoRun::Draining;
                return None;
            }
            (now < limit).then(|| now.saturating_add(1))
        };
        let count = &inner.running.count;
        match count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more) {
            Ok(_) => Ok(Self {
                inner: Arc::clone(inner),
            }),
            Err(_) => Err(no_run),
        }
    }
}

impl Drop for RunPermit {
    fn drop(&mut self) {
        let running = &self.inner.running;
        // Nobody waits for the end of all runs before the receiver drains.
        if running.count.fetch_sub(1, Ordering::SeqCst) == DRAINING | 1 {
            for waker in core::mem::take(&mut *lock(&running.idle)) {
                waker.wake();
            }
        }
    }
}
