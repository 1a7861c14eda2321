//! A sender and an attacker on virtual time, beside the receiver's process.

use core::{cmp::Reverse, future::Future, time::Duration};
use std::{
    collections::BinaryHeap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use countersign_core::{Clock, DedupStore, Keyring, Receiver, Scheme, Secret, scheme::Place};
use countersign_testkit::{ManualClock, Sender, SignedDelivery};
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{
    books::{Books, Content, Origin, Ran},
    entity::Entity,
    faulty::{Faulty, Off},
    senders::{CONSTANT_AS_COPIES, House},
    story::{Act, Luck, Story, Trick, What, When},
};

mod process;

use self::process::{Said, receiver};

/// For how long an old key is accepted: longer than the sender retries.
const KEEP_OLD: Duration = Duration::from_secs(30 * 3_600);
/// For how long people send a delivery again by hand.
const BY_HAND: Duration = Duration::from_secs(40 * 3_600);
/// How long after a request was captured the attacker still sends it: less than it is remembered.
const FRESH: Duration = Duration::from_secs(40 * 3_600);

/// A store whose time is the simulation's.
pub trait Ground {
    /// The store's type.
    type Store: DedupStore + Clone;

    /// The store.
    fn store(&self) -> Self::Store;

    /// Lets time pass for all that the store remembers.
    fn advance(&mut self, by: Duration) -> impl Future<Output = ()>;

    /// Whether its rows outlive a process.
    fn outlives(&self) -> bool;
}

/// An event that the sender tells of under an id.
struct Told {
    entity: usize,
    change: usize,
    kind: String,
    id: String,
    body: Value,
    content: Content,
    luck: u64,
    attempts: u32,
    begun: Duration,
    first: Option<SignedDelivery>,
    /// Somebody sent it by hand, as another one.
    by_hand: bool,
    settled: bool,
}

struct Captured {
    at: Duration,
    told: usize,
    request: SignedDelivery,
}

/// A handler that takes its time.
struct Slow {
    number: u64,
    ran: Ran,
    status: u16,
    end: oneshot::Sender<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Act(usize),
    Attempt(usize),
    Finish(u64),
    Recover,
}

pub(super) struct World<G: Ground> {
    house: House,
    off: Option<Off>,
    ground: G,
    clock: ManualClock,
    store: Faulty<G::Store>,
    keyring: Keyring,
    receiver: Receiver,
    background: Arc<Mutex<Vec<BoxFuture<'static, ()>>>>,
    sender: Sender,
    entities: Vec<Entity>,
    told: Vec<Told>,
    /// How many changes there were of each entity.
    changes: Vec<usize>,
    captured: Vec<Captured>,
    slow: Vec<Slow>,
    tasks: Vec<BoxFuture<'static, ()>>,
    due: BinaryHeap<Reverse<(Duration, u64, Due)>>,
    numbers: u64,
    books: Books,
    log: Option<Vec<String>>,
}

fn scheme(house: House, off: Option<Off>) -> Scheme {
    match (house, off) {
        (House::OwnConstant, Some(Off::Decision)) => CONSTANT_AS_COPIES,
        _ => house.scheme(),
    }
}

fn secret(number: u64) -> String {
    format!("whsec_{number:032x}")
}

impl<G: Ground> World<G> {
    pub(super) fn new(
        house: House,
        off: Option<Off>,
        ground: G,
        clock: ManualClock,
        log: bool,
    ) -> Self {
        let scheme = scheme(house, off);
        let keyring = Keyring::from_secrets(&scheme, [Secret::new(secret(0)).unwrap()]).unwrap();
        let store = Faulty::new(ground.store(), off);
        let background = Arc::default();
        let sender = Sender::with_secret(scheme, secret(0)).with_clock(clock.clone());
        let receiver = receiver(scheme, off, &store, &clock, &keyring, &background);
        Self {
            house,
            off,
            ground,
            clock,
            store,
            keyring,
            receiver,
            background,
            sender,
            entities: Vec::new(),
            told: Vec::new(),
            changes: Vec::new(),
            captured: Vec::new(),
            slow: Vec::new(),
            tasks: Vec::new(),
            due: BinaryHeap::new(),
            numbers: 0,
            books: Books::default(),
            log: log.then(Vec::new),
        }
    }

    /// Lives through the year, and through what is left of it when nothing new happens.
    pub(super) async fn live(mut self, story: &Story) -> (Books, Vec<String>) {
        for (at, act) in story.acts.iter().enumerate() {
            self.schedule(act.at, Due::Act(at));
        }
        while let Some(Reverse((at, _, due))) = self.due.pop() {
            let ahead = at.saturating_sub(self.clock.elapsed());
            if !ahead.is_zero() {
                self.advance(ahead).await;
            }
            match due {
                Due::Act(at) => self.act(&story.acts[at]).await,
                Due::Attempt(told) => self.attempt(told).await,
                Due::Finish(number) => self.finish(number).await,
                Due::Recover => {
                    self.store.set_down(false);
                    self.say(|| "the store answers again".to_owned());
                }
            }
            if self.books.wrong.is_some() {
                break;
            }
        }
        if let Some(limit) = self.house.scheme().switch_off_after()
            && self.books.tally.longest_streak >= limit
        {
            self.books
                .accuse(format!("{limit} failures in a row: switched off"));
        }
        (self.books, self.log.unwrap_or_default())
    }

    fn schedule(&mut self, at: Duration, due: Due) {
        self.numbers += 1;
        self.due.push(Reverse((at, self.numbers, due)));
    }

    fn after(&mut self, seconds: u64, due: Due) {
        let at = self.clock.elapsed() + Duration::from_secs(seconds);
        self.schedule(at, due);
    }

    fn say(&mut self, line: impl FnOnce() -> String) {
        let at = When(self.clock.elapsed());
        if let Some(log) = &mut self.log {
            log.push(format!("{at}  {}", line()));
        }
    }

    async fn act(&mut self, act: &Act) {
        let mut luck = Luck::new(act.luck);
        match act.what {
            What::Change(entity, change) => {
                while self.entities.len() <= entity {
                    self.entities.push(Entity::new(self.entities.len()));
                    self.changes.push(0);
                }
                if !self.entities[entity].change(change) {
                    return;
                }
                self.changes[entity] += 1;
                self.say(|| format!("inv_{entity}: {change:?}"));
                let number = self.told.len();
                let events = self.house.events(change, &self.entities[entity], number);
                for (kind, body) in events {
                    self.books.tally.events += 1;
                    let told = self.tell(entity, kind, body, luck.next(), false);
                    self.after(luck.below(3), Due::Attempt(told));
                }
            }
            What::Rotate => {
                let text = secret(luck.next());
                let new = Secret::new(text.clone()).unwrap();
                let now = self.clock.now();
                if self.keyring.rotate_at(new, KEEP_OLD, now).is_ok() {
                    let scheme = scheme(self.house, self.off);
                    self.sender = Sender::with_secret(scheme, text).with_clock(self.clock.clone());
                    self.say(|| "a new key".to_owned());
                }
            }
            What::Outage(seconds) => {
                self.say(|| format!("the store answers no claims for {seconds} s"));
                self.store.set_down(true);
                self.after(seconds, Due::Recover);
            }
            What::Crash if self.ground.outlives() => self.crash(),
            What::Crash => {}
            What::Redeliver { back, new_id } => self.redeliver(back, new_id, luck.next()),
            What::Replay { back, trick } => self.replay(back, trick, luck).await,
        }
    }

    /// Writes down an event that is to be told of under a new id.
    fn tell(
        &mut self,
        entity: usize,
        kind: String,
        body: Value,
        luck: u64,
        by_hand: bool,
    ) -> usize {
        let number = self.told.len();
        self.told.push(Told {
            entity,
            change: self.changes[entity],
            content: (kind.clone(), Bytes::new()),
            kind,
            id: format!("dlv_{number:04}"),
            body,
            luck,
            attempts: 0,
            begun: self.clock.elapsed(),
            first: None,
            by_hand,
            settled: false,
        });
        number
    }

    /// What the sender sends at this attempt.
    fn request(&mut self, number: usize) -> SignedDelivery {
        let told = &mut self.told[number];
        if let Some(first) = &told.first {
            if self.house.keeps_requests() {
                return first.clone();
            }
            if self.house != House::RebillRendered {
                return self.sender.retry(first);
            }
            // The same entity, rendered by another version of the sender.
            told.body["attempt"] = told.attempts.into();
        }
        let made = self
            .sender
            .delivery_with_id(&told.kind, &told.id, told.body.clone());
        told.content = (told.kind.clone(), made.body().clone());
        told.first.get_or_insert_with(|| made.clone());
        made
    }

    async fn attempt(&mut self, number: usize) {
        if self.told[number].settled {
            return;
        }
        // Bad luck at every attempt is the sender's loss, not the receiver's: at the last one nothing
        // fails but what the receiver does.
        let attempts = usize::try_from(self.told[number].attempts).unwrap_or(usize::MAX);
        let last = attempts == self.house.retries().len() && !self.house.is_redelivered();
        if last && self.store.is_down() {
            return self.after(3_600, Due::Attempt(number));
        }
        let request = self.request(number);
        let told = &mut self.told[number];
        let mut luck = Luck::new(told.luck ^ u64::from(told.attempts).wrapping_mul(0x9e37_79b9));
        told.attempts += 1;
        let (kind, id, attempts) = (told.kind.clone(), told.id.clone(), told.attempts);
        if luck.chance(10) {
            self.captured.push(Captured {
                at: self.clock.elapsed(),
                told: number,
                request: request.clone(),
            });
        }
        if luck.chance(4) && !last {
            self.say(|| format!("  {kind} {id}, attempt {attempts}: lost on its way"));
            return self.failed(number);
        }
        let mut handler = luck.clone();
        if last {
            handler.stop();
        }
        let (answer, ran) = self
            .deliver(number, &request, Origin::Honest, &mut handler)
            .await;
        let lost = luck.chance(4) && !last;
        self.say(|| {
            let lost = if lost { ", which is lost" } else { "" };
            format!("  {kind} {id}, attempt {attempts}: {answer}{lost}")
        });
        if answer.status == 401 {
            let (kind, id) = (&self.told[number].kind, &self.told[number].id);
            let what = format!("a true {kind} ({id}) was refused");
            self.books.accuse(what);
        }
        let success = (200..300).contains(&answer.status);
        // An outage is not the receiver's doing.
        if success || !self.store.is_down() {
            self.books.answered(success && !lost);
        }
        if !success || lost {
            return self.failed(number);
        }
        self.judge(number, &answer, ran.as_ref());
        self.told[number].settled = true;
    }

    /// The sender has an answer and will not come again: the event must have been handled.
    fn judge(&mut self, number: usize, answer: &Said, ran: Option<&Ran>) {
        let told = &self.told[number];
        let books = &mut self.books;
        let handled = match answer.dedup {
            _ if ran.is_some() => true,
            Some("duplicate") if self.house == House::OwnNumbered => {
                books.is_covered(told.entity, &told.content)
                    || books.is_completed(&format!("{:?}", told.content.1))
            }
            Some("duplicate") => books.is_completed(&told.id),
            _ => false,
        };
        if handled {
            books.tally.handled += u64::from(!told.by_hand);
            return;
        }
        if answer.dedup == Some("suppressed") && books.is_covered(told.entity, &told.content) {
            books.tally.covered += u64::from(!told.by_hand);
            let newer = told.change < self.changes[told.entity];
            books.tally.out_of_order += u64::from(!told.by_hand && newer);
            return;
        }
        if !told.by_hand {
            let what = format!(
                "a true {} ({}) was answered {answer} and never handled",
                told.kind, told.id
            );
            books.accuse(what);
        }
    }

    fn failed(&mut self, number: usize) {
        let told = &self.told[number];
        let retries = self.house.retries();
        let next = usize::try_from(told.attempts).unwrap_or(usize::MAX) - 1;
        match retries.get(next) {
            Some(seconds) => self.after(*seconds, Due::Attempt(number)),
            // Somebody looks at what failed once in a while.
            None if self.house.is_redelivered() && told.attempts < 20 => {
                self.after(3_600, Due::Attempt(number));
            }
            None if told.by_hand => {}
            None => {
                let what = format!("a true {} ({}) was given up", told.kind, told.id);
                self.books.accuse(what);
            }
        }
    }

    fn redeliver(&mut self, back: usize, new_id: bool, luck: u64) {
        let Some(number) = self.told.len().checked_sub(back + 1) else {
            return;
        };
        let (entity, kind) = (self.told[number].entity, self.told[number].kind.clone());
        // At a company without ids nothing would tell it from an event.
        let nameless = self.house.scheme().identical_bodies().is_some();
        if nameless || self.clock.elapsed() > self.told[number].begun + BY_HAND {
            return;
        }
        let body = self.told[number].body.clone();
        let again = self.tell(entity, kind.clone(), body, luck, true);
        if !new_id {
            self.told[again].id = self.told[number].id.clone();
            // A person asks for it now, so it is stamped and signed now.
            let first = self.told[number].first.as_ref();
            self.told[again].first = first.map(|first| self.sender.retry(first));
            self.told[again].content = self.told[number].content.clone();
        }
        self.say(|| format!("{kind} is sent again by hand, new id: {new_id}"));
        self.after(0, Due::Attempt(again));
    }

    async fn replay(&mut self, back: usize, trick: Trick, mut luck: Luck) {
        let Some(at) = self.captured.len().checked_sub(back + 1) else {
            return;
        };
        let captured = &self.captured[at];
        if self.clock.elapsed() > captured.at + FRESH {
            return;
        }
        let told = captured.told;
        let mut request = captured.request.clone();
        let scheme = self.house.scheme();
        let (id_at, type_at) = (header(scheme.id()), header(scheme.event()));
        for times in 0..=luck.below(3) {
            let new = format!("forged-{}-{times}", luck.below(1_000_000));
            request = match trick {
                Trick::AsItIs => request,
                Trick::NewId => with(&request, id_at, Some(&new)),
                Trick::OtherType(name) => {
                    with(&with(&request, id_at, Some(&new)), type_at, Some(name))
                }
                Trick::NoId => with(&request, id_at, None),
                Trick::NoType => with(&with(&request, id_at, Some(&new)), type_at, None),
                Trick::NoHeaders => with(&with(&request, id_at, None), type_at, None),
            };
            self.books.tally.replays += 1;
            let (answer, _) = self
                .deliver(told, &request, Origin::Attacker, &mut luck)
                .await;
            self.say(|| format!("  an attacker's replay of dlv_{told:04}, {trick:?}: {answer}"));
        }
    }
}

fn header(place: Option<Place>) -> Option<&'static str> {
    match place {
        Some(Place::Header(name)) => Some(name),
        _ => None,
    }
}

fn with(request: &SignedDelivery, name: Option<&str>, value: Option<&str>) -> SignedDelivery {
    match (name, value) {
        (Some(name), Some(value)) => request.with_header(name, value),
        (Some(name), None) => request.without_header(name),
        (None, _) => request.clone(),
    }
}
