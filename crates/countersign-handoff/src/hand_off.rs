//! Handing a delivery over: within the time that there is, or not at all.

// docs/decisions.md: D95, D96, D103, D104.

use core::{error::Error, fmt, future::Future, pin::Pin, time::Duration};
use std::sync::Arc;

use bytes::Bytes;
use countersign_core::{Admitted, DeliveryKey, Receiver, Scheme, scheme::IdenticalBodies};
use tokio::time::{Instant, timeout_at};

use crate::{
    Envelope, HandOffConfigError, HandOffError,
    publisher::{PublishError, PublishErrorKind, Published, Publisher},
};

type BoxError = Box<dyn Error + Send + Sync>;
type Keeping = Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send>>;
type Place = dyn Fn(DeliveryKey, Bytes) -> Keeping + Send + Sync;

/// How long a hand-off takes at most, unless told otherwise or the sender waits for less.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// For how long a sender is taken to retry whose scheme does not say, as Rebill's.
const UNKNOWN_RETRIES: Duration = Duration::from_secs(24 * 60 * 60);

/// Hands proved deliveries to a queue.
///
/// A cheap handle; clones share the engine's client. Build it once, beside the receiver, and make a handler
/// of it (`countersign_handoff::axum::hand_off`, `countersign_handoff::actix::hand_off`), or call
/// [`pass`](Self::pass) in a handler of your own.
pub struct HandOff<P> {
    inner: Arc<Inner<P>>,
}

struct Inner<P> {
    publisher: P,
    covered: Duration,
    consumer_deduplicates: bool,
    copies_are_events: bool,
    time_limit: Duration,
    source: Option<String>,
    place: Option<Box<Place>>,
}

impl<P: Publisher> HandOff<P> {
    /// Starts configuring a hand-off to an engine.
    pub const fn builder(publisher: P) -> HandOffBuilder<P> {
        HandOffBuilder {
            publisher,
            retry_span: None,
            budget: None,
            news_after: None,
            has_events: false,
            consumer_deduplicates: false,
            copies_are_events: false,
            time_limit: None,
            source: None,
            place: None,
        }
    }

    /// Gives the engine a delivery, and waits until it says that it has it.
    ///
    /// The result is what the handler returns: with the feature `axum` or `actix` it is an answer, 200 for
    /// [`HandedOver`] and 503 for [`HandOffError`], after which the delivery is given back and the sender
    /// comes again. Do nothing behind it that may fail: the engine has the delivery already.
    ///
    /// # Errors
    ///
    /// When the engine is not known to have it within the [time limit](HandOffBuilder::time_limit). It may
    /// have it all the same; then the sender's next attempt, which has the same id, adds nothing.
    pub async fn pass(&self, delivery: &Admitted) -> Result<HandedOver, HandOffError> {
        let until = Instant::now().checked_add(self.inner.time_limit);
        let until = until.unwrap_or_else(Instant::now);
        let passed = timeout_at(until, self.inner.pass(delivery)).await;
        let passed = passed.unwrap_or_else(|_| Err(PublishError::timeout().into()));
        #[cfg(feature = "tracing")]
        if let Err(error) = &passed {
            tracing::warn!(
                target: "countersign",
                engine = self.inner.publisher.name(),
                endpoint = delivery.endpoint(),
                %error,
                cause = causes(error),
                "a delivery was not handed over"
            );
        }
        passed
    }

    /// The engine.
    #[must_use]
    pub fn publisher(&self) -> &P {
        &self.inner.publisher
    }

    /// How long a hand-off takes at most.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        self.inner.time_limit
    }
}

impl<P: Publisher> Inner<P> {
    async fn pass(&self, delivery: &Admitted) -> Result<HandedOver, HandOffError> {
        if !self.covers(delivery.scheme()) {
            return Err(HandOffError::NotCovered);
        }
        let mut message = Envelope::of(delivery);
        if let Some(source) = &self.source {
            message.source.clone_from(source);
        }
        let published = match (self.publisher.publish(&message).await, &self.place) {
            (Err(error), Some(place)) if error.kind() == PublishErrorKind::TooLarge => {
                let kept = place(delivery.key(), delivery.body().clone()).await;
                message.leave_body_at(kept.map_err(HandOffError::Place)?);
                self.publisher.publish(&message).await?
            }
            (published, _) => published?,
        };
        Ok(HandedOver { published })
    }

    /// Whether `build` would have taken a receiver of this scheme.
    fn covers(&self, scheme: &Scheme) -> bool {
        match scheme.identical_bodies() {
            Some(IdenticalBodies::Events) => self.copies_are_events,
            _ if !self.consumer_deduplicates && retries(scheme) > self.covered => false,
            Some(IdenticalBodies::Copies { within }) => {
                remembers_at_most(&self.publisher, within).is_ok()
            }
            _ => true,
        }
    }
}

/// # Errors
///
/// When an engine knows an id for longer than the same body is a copy: then it would keep an event for one.
fn remembers_at_most(publisher: &impl Publisher, most: Duration) -> Result<(), HandOffConfigError> {
    match publisher.longest_memory() {
        Some(window) if window > most => Err(HandOffConfigError::RemembersTooLong { window, most }),
        _ => Ok(()),
    }
}

/// What is behind an error.
#[cfg(feature = "tracing")]
fn causes(error: &HandOffError) -> String {
    let chain = core::iter::successors(error.source(), |&error| error.source());
    chain
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// For how long a copy may come.
const fn retries(scheme: &Scheme) -> Duration {
    match scheme.retry_span() {
        Duration::ZERO => UNKNOWN_RETRIES,
        span => span,
    }
}

impl<P> Clone for HandOff<P> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<P: Publisher> fmt::Debug for HandOff<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandOff")
            .field("engine", &self.inner.publisher.name())
            .field("time_limit", &self.inner.time_limit)
            .finish_non_exhaustive()
    }
}

/// Configures a [`HandOff`].
#[must_use]
pub struct HandOffBuilder<P> {
    publisher: P,
    retry_span: Option<Duration>,
    budget: Option<Duration>,
    news_after: Option<Duration>,
    has_events: bool,
    consumer_deduplicates: bool,
    copies_are_events: bool,
    time_limit: Option<Duration>,
    source: Option<String>,
    place: Option<Box<Place>>,
}

impl<P: Publisher> HandOffBuilder<P> {
    /// A receiver whose deliveries will be handed over. Name each of them: the engine must recognise a
    /// copy for as long as any of their senders retries
    /// ([`Scheme::retry_span`]; a day where that is not known).
    pub fn receiver(mut self, receiver: &Receiver) -> Self {
        let budget = receiver.limits().response_budget;
        self.budget = Some(self.budget.map_or(budget, |least| least.min(budget)));
        let span = match receiver.scheme().identical_bodies() {
            // No memory is long enough: each has a key of its own.
            Some(IdenticalBodies::Events) => {
                self.has_events = true;
                Duration::ZERO
            }
            Some(IdenticalBodies::Copies { within }) => {
                self.news_after = Some(self.news_after.map_or(within, |least| least.min(within)));
                retries(receiver.scheme())
            }
            _ => retries(receiver.scheme()),
        };
        self.retry_span = Some(self.retry_span.map_or(span, |longest| longest.max(span)));
        self
    }

    /// Says that whoever takes messages out recognises an id that it has seen
    /// ([`Envelope::key`]), for as long as the sender retries. Then the engine need not.
    ///
    /// Where a sender gives no ids, the key is made of the body, and is another event's after the time that
    /// [`IdenticalBodies::Copies`] says. Then the consumer must forget it after that time, as the engine must.
    pub const fn consumer_deduplicates(mut self) -> Self {
        self.consumer_deduplicates = true;
        self
    }

    /// Says that the work may be done once for each copy, for senders whose copies nothing tells apart from
    /// events ([`IdenticalBodies::Events`]).
    ///
    /// Each request has a key of its own there: a retry after a lost answer is a second message, and neither
    /// the engine nor [a consumer](Self::consumer_deduplicates) can tell.
    pub const fn copies_are_events(mut self) -> Self {
        self.copies_are_events = true;
        self
    }

    /// How long a hand-off takes at most; five seconds unless told otherwise, or what the sender waits for
    /// if that is less.
    ///
    /// The receiver's response budget, which counts from the request's head, ends the request in any
    /// case: a sender is never answered 2xx before the engine has acknowledged.
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// The `source` of all messages in place of the endpoint's name: a URI reference.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Keeps bodies that are too large for the engine in a place of the application's (an object store, a
    /// table). The message then says where (`dataref`), and the body's hash.
    ///
    /// `keep` gets the delivery's key and its body, and returns a URI reference once the body is as safe as
    /// the queue would keep it. It is called again for a retry, with the same key. Without a place, such a
    /// delivery is answered 503 each time that it comes.
    pub fn keep_large_bodies<F, K>(mut self, keep: F) -> Self
    where
        F: Fn(DeliveryKey, Bytes) -> K + Send + Sync + 'static,
        K: Future<Output = Result<String, BoxError>> + Send + 'static,
    {
        self.place = Some(Box::new(move |key, body| Box::pin(keep(key, body))));
        self
    }

    /// Checks that the engine knows a copy for as long as one may come, and no event for a copy.
    ///
    /// # Errors
    ///
    /// When no receiver is named, the engine forgets ids before a sender stops to retry
    /// ([unless](Self::consumer_deduplicates) the consumer tells copies), it knows them for longer than
    /// the same body is a copy at a sender without ids, nothing can tell copies at a sender
    /// ([unless](Self::copies_are_events) they may be done each), or the time limit is longer than a sender
    /// waits.
    pub fn build(self) -> Result<HandOff<P>, HandOffConfigError> {
        let (Some(least), Some(budget)) = (self.retry_span, self.budget) else {
            return Err(HandOffConfigError::NoReceiver);
        };
        let window = self.publisher.duplicate_window();
        let knows = window.unwrap_or_default();
        if !self.consumer_deduplicates && knows < least {
            return Err(HandOffConfigError::ForgetsCopies { window, least });
        }
        if let Some(most) = self.news_after {
            remembers_at_most(&self.publisher, most)?;
        }
        if self.has_events && !self.copies_are_events {
            return Err(HandOffConfigError::CopiesAreEvents);
        }
        let time_limit = self.time_limit.unwrap_or(TIME_LIMIT.min(budget));
        if time_limit > budget || time_limit.is_zero() {
            return Err(HandOffConfigError::TimeLimit { budget });
        }
        if let Some(source) = &self.source
            && (source.is_empty() || !source.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Err(HandOffConfigError::Source);
        }
        Ok(HandOff {
            inner: Arc::new(Inner {
                publisher: self.publisher,
                covered: least,
                consumer_deduplicates: self.consumer_deduplicates,
                copies_are_events: self.copies_are_events,
                time_limit,
                source: self.source,
                place: self.place,
            }),
        })
    }
}

impl<P: Publisher> fmt::Debug for HandOffBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandOffBuilder")
            .field("engine", &self.publisher.name())
            .finish_non_exhaustive()
    }
}

/// The engine has the delivery: as an answer, 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the handler's answer"]
pub struct HandedOver {
    published: Published,
}

impl HandedOver {
    /// Whether the engine took it now, or had it.
    #[must_use]
    pub const fn published(self) -> Published {
        self.published
    }
}
