//! Counting what runs, ending it at shutdown.

use core::{
    future::{Future, poll_fn},
    task::{Poll, Waker},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;
use futures_util::future::{FutureExt, Shared};

use super::Inner;

/// The runs of one receiver.
#[derive(Debug)]
pub(super) struct Running {
    state: Mutex<State>,
    cancelled: Shared<oneshot::Receiver<()>>,
}

#[derive(Debug)]
struct State {
    count: usize,
    draining: bool,
    cancel: Option<oneshot::Sender<()>>,
    idle: Vec<Waker>,
}

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
            state: Mutex::new(State {
                count: 0,
                draining: false,
                cancel: Some(cancel),
                idle: Vec::new(),
            }),
            cancelled: cancelled.shared(),
        }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.lock().draining
    }

    pub(super) fn count(&self) -> usize {
        self.lock().count
    }

    /// Takes no new runs from here on.
    pub(super) fn close(&self) {
        self.lock().draining = true;
    }

    /// Tells every run to end.
    pub(super) fn cancel(&self) {
        let cancel = self.lock().cancel.take();
        // Wakes the runs, and so not under the lock.
        drop(cancel);
    }

    /// Ends when [`cancel`](Self::cancel) is called.
    pub(super) fn cancelled(&self) -> impl Future<Output = ()> + Send + use<> {
        self.cancelled.clone().map(|_| ())
    }

    /// Ends when nothing runs.
    pub(super) async fn idle(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.count == 0 {
                return Poll::Ready(());
            }
            if !state.idle.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.idle.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one run among those allowed; given back on drop.
#[derive(Debug)]
pub(super) struct RunPermit {
    inner: Arc<Inner>,
}

impl RunPermit {
    pub(super) fn take(inner: &Arc<Inner>) -> Result<Self, NoRun> {
        let mut state = inner.running.lock();
        if state.draining {
            return Err(NoRun::Draining);
        }
        if state.count >= inner.limits.running {
            return Err(NoRun::Full);
        }
        state.count = state.count.saturating_add(1);
        drop(state);
        Ok(Self {
            inner: Arc::clone(inner),
        })
    }
}

impl Drop for RunPermit {
    fn drop(&mut self) {
        let wakers = {
            let mut state = self.inner.running.lock();
            state.count = state.count.saturating_sub(1);
            if state.count == 0 {
                core::mem::take(&mut state.idle)
            } else {
                Vec::new()
            }
        };
        for waker in wakers {
            waker.wake();
        }
    }
}
