//! The receiver's process: what a request comes to, handlers that take their time, and its death.

use core::{future::Future, time::Duration};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use countersign_core::{
    Answer, Clock, DedupStore, Keyring, Receiver, Run, Scheme, Verdict, scheme::IdenticalBodies,
};
use countersign_testkit::{ManualClock, SignedDelivery};
use futures_util::{FutureExt, future::BoxFuture, stream};
use tokio::sync::oneshot;

use super::{Due, Ground, Slow, World, scheme};
use crate::year::{
    books::{Origin, Ran},
    faulty::{Fault, Faulty, Off},
    story::Luck,
};

impl<G: Ground> World<G> {
    /// One request, up to its answer. The run, if the handler did its work.
    pub(super) async fn deliver(
        &mut self,
        told: usize,
        request: &SignedDelivery,
        origin: Origin,
        luck: &mut Luck,
    ) -> (Said, Option<Ran>) {
        self.books.tally.requests += 1;
        for (call, fault) in [
            ("claim", Fault::AnswerLost),
            ("complete", Fault::AnswerLost),
            ("complete", Fault::Fails),
            ("release", Fault::Fails),
        ] {
            if luck.chance(2) {
                self.store.next(call, fault);
            }
        }
        let receiver = self.receiver.clone();
        let (chunk, head) = (Ok::<Bytes, ()>(request.body().clone()), request.request());
        let admitted = self
            .drive(async move {
                let received = receiver.receive(&head, stream::iter([chunk])).await?;
                receiver.admit(received).await
            })
            .await;
        let done = match admitted {
            Err(answer) => (Said::of(&answer), None),
            Ok(run) => self.run(told, run, origin, luck).await,
        };
        self.store.heal();
        done
    }

    async fn run(
        &mut self,
        told: usize,
        run: Run,
        origin: Origin,
        luck: &mut Luck,
    ) -> (Said, Option<Ran>) {
        let admitted = run.admitted();
        let listed = admitted
            .event_type()
            .and_then(|name| self.house.scheme().event_rule(name.as_str()).copied());
        let numbered = matches!(
            self.house.scheme().identical_bodies(),
            Some(IdenticalBodies::Copies { .. })
        );
        let ran = Ran {
            origin,
            id: match admitted.id() {
                Some(id) => Some(id.to_owned()),
                None if numbered => Some(format!("{:?}", admitted.body())),
                None => None,
            },
            by_body: admitted.id().is_none(),
            entity: self.told[told].entity,
            content: (
                listed.map_or("", |rule| rule.name()).to_owned(),
                admitted.body().clone(),
            ),
            flagged: admitted.is_suspect() || self.house.scheme().identical_bodies().is_some(),
            once: self.house.suppresses() && listed.is_some_and(|rule| rule.is_once()),
        };
        if !self.house.runs_copies() {
            self.books.began(&ran, self.clock.elapsed());
        }
        let dedup = admitted.dedup().as_str();
        let (end, ended) = oneshot::channel::<u16>();
        let (task, handle) = run.start(async move { ended.await.unwrap_or(500) }, |status| {
            Verdict::answered(*status, None)
        });
        self.tasks.push(Box::pin(task));
        let status = if luck.chance(8) { 500 } else { 200 };
        if luck.chance(4) {
            // The sender does not wait for it.
            drop(handle);
            self.numbers += 1;
            let number = self.numbers;
            self.slow.push(Slow {
                number,
                ran,
                status,
                end,
            });
            self.after(1 + luck.below(20), Due::Finish(number));
            return (Said::new(503, Some("in-flight")), None);
        }
        let _sent = end.send(status);
        if status == 200 {
            self.books.completed(&ran, self.clock.elapsed());
        }
        let reply = self.drive(handle).await;
        let status = match reply {
            countersign_core::Reply::Handled(status, _) => status,
            countersign_core::Reply::Answer(answer) => answer.status(),
        };
        (
            Said::new(status, Some(dedup)),
            (status == 200).then_some(ran),
        )
    }

    pub(super) async fn finish(&mut self, number: u64) {
        let Some(at) = self.slow.iter().position(|slow| slow.number == number) else {
            return;
        };
        let slow = self.slow.remove(at);
        if slow.end.send(slow.status).is_ok() && slow.status == 200 {
            self.books.completed(&slow.ran, self.clock.elapsed());
        }
        self.say(|| format!("  a slow handler ends: {}", slow.status));
        self.tick().await;
    }

    /// The process is killed: nothing of it gets to say goodbye.
    pub(super) fn crash(&mut self) {
        self.say(|| "the process dies, and another one begins".to_owned());
        core::mem::forget(core::mem::take(&mut self.tasks));
        core::mem::forget(core::mem::take(&mut self.slow));
        let scheme = scheme(self.house, self.off);
        self.background = Arc::default();
        self.receiver = receiver(
            scheme,
            self.off,
            &self.store,
            &self.clock,
            &self.keyring,
            &self.background,
        );
        self.store.abandon();
    }

    pub(super) async fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        self.ground.advance(by).await;
        self.tick().await;
    }

    /// Lets everything go on that is under way.
    async fn tick(&mut self) {
        let mut tasks = core::mem::take(&mut self.tasks);
        let mut at = 0;
        while at < tasks.len() {
            loop {
                let done = tasks[at].as_mut().now_or_never().is_some();
                if done {
                    drop(tasks.swap_remove(at));
                    break;
                }
                if !self.store.is_busy() {
                    at += 1;
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        self.tasks.append(&mut tasks);
        let background = Arc::clone(&self.background);
        let mut loops =
            core::mem::take(&mut *background.lock().unwrap_or_else(PoisonError::into_inner));
        for background in &mut loops {
            while background.as_mut().now_or_never().is_none() && self.store.is_busy() {
                tokio::task::yield_now().await;
            }
        }
        background
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .append(&mut loops);
    }

    /// Polls to the end. Whatever waits for time gets it, half a second at a time.
    async fn drive<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = Box::pin(future);
        loop {
            if let Some(output) = future.as_mut().now_or_never() {
                return output;
            }
            if self.store.is_busy() {
                tokio::task::yield_now().await;
                continue;
            }
            self.tick().await;
            if let Some(output) = future.as_mut().now_or_never() {
                return output;
            }
            if !self.store.is_busy() {
                self.advance(Duration::from_millis(500)).await;
            }
        }
    }
}

/// What a request was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) dedup: Option<&'static str>,
}

impl Said {
    const fn new(status: u16, dedup: Option<&'static str>) -> Self {
        Self { status, dedup }
    }

    fn of(answer: &Answer) -> Self {
        Self::new(answer.status(), answer.dedup().map(|dedup| dedup.as_str()))
    }
}

impl core::fmt::Display for Said {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {}", self.status, self.dedup.unwrap_or("-"))
    }
}

pub(super) fn receiver<S: DedupStore + Clone>(
    scheme: Scheme,
    off: Option<Off>,
    store: &Faulty<S>,
    clock: &ManualClock,
    keyring: &Keyring,
    background: &Arc<Mutex<Vec<BoxFuture<'static, ()>>>>,
) -> Receiver {
    let mut builder = Receiver::builder(scheme)
        .endpoint("year")
        .keyring(keyring.clone())
        .store(store.clone())
        .clock(clock.clone());
    if off == Some(Off::LateRetries) && scheme.tolerance().is_some() {
        builder = builder.refuse_late_retries_after(Duration::from_secs(300));
    }
    let receiver = builder.build().unwrap();
    let put = Arc::clone(background);
    receiver.attach(clock.clone(), move |future| {
        put.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(future);
        true
    });
    receiver
}
