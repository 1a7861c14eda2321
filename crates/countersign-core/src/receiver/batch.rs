//! What a request makes run: its handler once, or once for each item of a batch.

// docs/decisions.md: D51.

use core::{
    fmt,
    future::{Future, poll_fn},
    task::Poll,
    time::Duration,
};
use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_channel::oneshot;
use futures_util::future::{Either, join_all};

use super::{
    Handle, Inner, Received, Receiver, Run, Verdict,
    admission::Refused,
    claim::Completing,
    run::run,
    running::RunPermit,
    settle::{Finished, complete_later},
};
use crate::{
    answer::{Answer, Dedup},
    clock::Clock,
    delivery::Admitted,
    identity,
    key::DeliveryKey,
    rejection::{Rejection, RejectionKind},
    report,
    verify::Items,
};

/// What a proved request makes run. Comes from [`Receiver::accept`].
///
/// Dropped without being started, it gives its delivery back.
pub struct Accepted(Kind);

enum Kind {
    One(Run),
    Batch(Box<Batch>),
}

struct Batch {
    items: Items,
    inner: Arc<Inner>,
    clock: Arc<dyn Clock>,
    arrived: Duration,
}

impl Receiver {
    /// Asks the store for the right to run the handler, or takes a [batch](crate::scheme::SchemeBuilder::batch)
    /// apart, whose items ask for themselves.
    ///
    /// # Errors
    ///
    /// The answer to send instead: as [`admit`](Self::admit) has it, and for a batch that is empty, too
    /// long, or no list.
    pub async fn accept(&self, received: Received) -> Result<Accepted, Answer> {
        if !received.is_whole_batch() {
            return Ok(Accepted(Kind::One(self.admit(received).await?)));
        }
        let inner = Arc::clone(received.receiver());
        let refuse = |tenant: Option<&str>, rejection: Rejection| {
            report::refused(&inner, tenant, &rejection);
            let answer = inner.answer(rejection);
            inner.answered(Some(answer.status()));
            answer
        };
        let tenant = received.tenant_arc();
        let clock = match inner.clock() {
            Ok(clock) => Arc::clone(clock),
            Err(rejection) => return Err(refuse(tenant.as_deref(), rejection)),
        };
        let arrived = received.arrived();
        let items = Items::of(received.into_verified(), inner.limits.batch_items);
        let items = items.map_err(|rejection| refuse(tenant.as_deref(), rejection))?;
        if items.len() == 0 {
            let answer = Answer::nothing().saying(inner.scheme().done_body());
            inner.answered(Some(answer.status()));
            return Err(answer);
        }
        Ok(Accepted(Kind::Batch(Box::new(Batch {
            items,
            inner,
            clock,
            arrived,
        }))))
    }
}

impl Accepted {
    /// Splits what is to run into a task, which runs the handler and settles each claim whoever still
    /// listens, and a handle, which the request waits on. Spawn the task.
    ///
    /// `call` makes a handler's future. It is called once for each delivery that runs, and told whether it
    /// may be called again, or the answer may be another than the handler's: whether the request is still
    /// needed. The task is `Send` when `call`, the futures and their results are. `judge` reads a result.
    pub fn start<F, R>(
        self,
        mut call: impl FnMut(&Admitted, bool) -> F,
        judge: impl Fn(&R) -> Verdict,
    ) -> (impl Future<Output = ()>, Handle<R>)
    where
        F: Future<Output = R>,
    {
        match self.0 {
            Kind::One(run) => {
                let needed = run.admitted().scheme().done_body().is_some();
                let handler = call(run.admitted(), needed);
                let (task, handle) = run.start(handler, judge);
                (Either::Left(task), handle)
            }
            Kind::Batch(batch) => {
                let (send, result) = oneshot::channel();
                let (inner, clock) = (&batch.inner, &batch.clock);
                let of = (batch.items.whole().tenant_arc(), Dedup::Fresh);
                let handle = Handle::new(result, inner, clock, batch.arrived, of);
                let task = async move {
                    let (inner, clock) = (Arc::clone(&batch.inner), Arc::clone(&batch.clock));
                    let (came_to, unsettled) = batch.run(call, judge).await;
                    // Nobody may listen any more; the outcome is in the store.
                    let _unheard = send.send(Finished::Batch(came_to));
                    let later = unsettled.into_iter().map(async |(claim, place)| {
                        complete_later(&inner, &*clock, claim).await;
                        drop(place);
                    });
                    join_all(later).await;
                };
                // One delivery's task is not to have the room of a batch's.
                (Either::Right(Box::pin(task)), handle)
            }
        }
    }
}

impl Batch {
    /// Runs the items one after the other, those that failed before behind the others. An item that fails
    /// does not hold up those behind it, unless what it failed by would fail them too.
    async fn run<F: Future<Output = R>, R>(
        self,
        mut call: impl FnMut(&Admitted, bool) -> F,
        judge: impl Fn(&R) -> Verdict,
    ) -> (Option<Dedup>, Vec<(Completing, RunPermit)>) {
        let (inner, clock) = (&self.inner, &*self.clock);
        // Whoever answers late goes on, but not for ever.
        let until = self.arrived.saturating_add(inner.limits.total_run);
        let mut seen = Seen::default();
        let mut unsettled = Vec::new();
        let (mut all_done, mut ran) = (true, false);
        let mut items = self.items;
        let mut first = true;
        let mut failed_before = VecDeque::new();
        loop {
            let item = match items.next() {
                Some(item) => {
                    let item = Received::new(inner, item, self.arrived);
                    if inner.failed_items.has(&item.key()) {
                        failed_before.push_back(item);
                        continue;
                    }
                    item
                }
                None => match failed_before.pop_front() {
                    Some(item) => item,
                    None => break,
                },
            };
            if clock.elapsed() > until {
                all_done = false;
                break;
            }
            // Items that are done at once would keep everybody else from this thread.
            if !core::mem::replace(&mut first, false) {
                let_others_run().await;
            }
            if seen.before(inner, &item) {
                continue;
            }
            let Run {
                holding, permit, ..
            } = match inner.try_admit(item).await {
                Ok(run) => run,
                Err(refused) => {
                    let (refused, summary) = *refused;
                    match refused {
                        Refused::Done(dedup) => report::not_run(inner, &summary, dedup),
                        Refused::Rejected(rejection, _) => {
                            report::refused(inner, summary.tenant.as_deref(), &rejection);
                            all_done = false;
                            if fails_all(rejection.kind()) {
                                break;
                            }
                        }
                    }
                    continue;
                }
            };
            let (key, tenant) = (holding.admitted().key(), holding.admitted().tenant_arc());
            let span = report::span(holding.admitted());
            let handler = call(holding.admitted(), true);
            let settled = run(
                Arc::clone(inner),
                Arc::clone(&self.clock),
                holding,
                handler,
                &judge,
            );
            let (finished, left) = report::in_span(span, settled).await;
            if let Some(claim) = left {
                unsettled.push((claim, permit));
            }
            match finished {
                Finished::Handled(_, verdict) if verdict.completes() => {
                    inner.failed_items.forget(&key);
                    ran = true;
                    continue;
                }
                Finished::Handled(_, verdict) if !verdict.is_called() => {
                    all_done = false;
                    break;
                }
                Finished::Handled(..) | Finished::Batch(_) => {}
                Finished::Rejected(kind) => {
                    report::refused(inner, tenant.as_deref(), &Rejection::new(kind));
                }
            }
            inner.failed_items.add(key);
            all_done = false;
        }
        let dedup = match ran {
            true => Dedup::Fresh,
            false => Dedup::Duplicate,
        };
        (all_done.then_some(dedup), unsettled)
    }
}

/// Is ready at the second look.
async fn let_others_run() {
    let mut looked = false;
    poll_fn(|cx| {
        if core::mem::replace(&mut looked, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Whether the items behind one that is refused for this would be, too.
const fn fails_all(kind: RejectionKind) -> bool {
    matches!(
        kind,
        RejectionKind::StoreUnavailable
            | RejectionKind::StoreFull
            | RejectionKind::Draining
            | RejectionKind::Busy
    )
}

/// How many items are known at once to have failed.
const FAILED: usize = 256;

/// Items of this process whose last run failed. On the next attempt they run behind the others: whatever
/// goes down with one of them (in actix-web the request, when a handler panics), the others get their
/// turn.
#[derive(Debug, Default)]
pub(super) struct FailedItems(Mutex<VecDeque<DeliveryKey>>);

impl FailedItems {
    fn has(&self, key: &DeliveryKey) -> bool {
        self.lock().contains(key)
    }

    fn add(&self, key: DeliveryKey) {
        let mut keys = self.lock();
        if keys.contains(&key) {
            return;
        }
        if keys.len() >= FAILED {
            keys.pop_front();
        }
        keys.push_back(key);
    }

    fn forget(&self, key: &DeliveryKey) {
        self.lock().retain(|failed| failed != key);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<DeliveryKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The items that came before in one request, and the marks of their texts.
#[derive(Default)]
struct Seen(HashMap<DeliveryKey, u64>);

impl Seen {
    /// Whether an item is a copy of one that came before it in the same request. What became of that one
    /// becomes of its copy.
    fn before(&mut self, inner: &Inner, item: &Received) -> bool {
        let fingerprint = identity::fingerprint(item.proved_or_body());
        match self.0.entry(item.key()) {
            Entry::Occupied(first) => {
                inner.compare(item, fingerprint, *first.get());
                inner.duplicate(item);
                true
            }
            Entry::Vacant(none) => {
                none.insert(fingerprint);
                false
            }
        }
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::One(run) => f.debug_tuple("Accepted").field(run).finish(),
            Kind::Batch(batch) => write!(f, "Accepted({} items)", batch.items.len()),
        }
    }
}
