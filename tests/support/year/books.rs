//! Who keeps count: what ran, what must have run, and what must not.
//!
//! Nothing in here is the library's: it judges by what was sent and which handlers ran.

use core::{fmt, time::Duration};
use std::collections::{HashMap, HashSet};

use bytes::Bytes;

/// For how long every store remembers what was done, less a little.
const REMEMBERED: Duration = Duration::from_secs(71 * 3_600);

/// A kind of event of an entity with certain bytes.
pub(super) type Content = (String, Bytes);

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Honest,
    Attacker,
}

/// A run of the handler.
#[derive(Clone, Debug)]
pub(super) struct Ran {
    pub(super) origin: Origin,
    /// What the request said its id was, or the body where that is what counts.
    pub(super) id: Option<String>,
    pub(super) by_body: bool,
    pub(super) entity: usize,
    pub(super) content: Content,
    /// The handler was told that its bytes are known.
    pub(super) flagged: bool,
    /// A repeat of this type is not run.
    pub(super) once: bool,
}

/// What was counted in one year or in several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that the sender told of.
    pub events: u64,
    /// Requests that arrived.
    pub requests: u64,
    /// Events whose own run was completed.
    pub handled: u64,
    /// Events answered without a run because the same was the last that was handled of the entity.
    pub covered: u64,
    /// Of those, events that were not the last thing that happened to the entity: what came in
    /// between had not arrived yet.
    pub out_of_order: u64,
    /// Replays by the attacker.
    pub replays: u64,
    /// Runs that a replay caused.
    pub attacker_runs: u64,
    /// Of those, runs of what had not been handled before: in place of an honest delivery that had not
    /// come through yet, or under a type that never had these bytes.
    pub unknown: u64,
    /// Of those, runs of a type that happens once after the attacker had sent another captured body of
    /// the same entity in between. The same requests could be an honest sender's.
    pub alternated: u64,
    /// The most failures in a row that the sender saw.
    pub longest_streak: u32,
}

impl Tally {
    /// Adds another year.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.requests += other.requests;
        self.handled += other.handled;
        self.covered += other.covered;
        self.out_of_order += other.out_of_order;
        self.replays += other.replays;
        self.attacker_runs += other.attacker_runs;
        self.unknown += other.unknown;
        self.alternated += other.alternated;
        self.longest_streak = self.longest_streak.max(other.longest_streak);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} events in {} requests: {} handled, {} covered by the one before ({} out of order), \
             0 lost, 0 doubled; {} replays caused {} runs, {} of them of what had not been handled \
             before, {} after another captured body; at most {} failures in a row",
            self.events,
            self.requests,
            self.handled,
            self.covered,
            self.out_of_order,
            self.replays,
            self.attacker_runs,
            self.unknown,
            self.alternated,
            self.longest_streak
        )
    }
}

/// What was claimed of an entity since its bytes changed last.
#[derive(Debug, Default)]
struct Since {
    bytes: Bytes,
    claimed: HashSet<String>,
    completed: HashSet<String>,
    by_attacker: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) tally: Tally,
    entities: HashMap<usize, Since>,
    /// How often the handler completed an id.
    ids: HashMap<String, u32>,
    /// Since when what was completed of an entity is known.
    ever: HashMap<(usize, Content), Duration>,
    streak: u32,
    /// What must not be, the first of all.
    pub(super) wrong: Option<String>,
}

impl Books {
    pub(super) fn accuse(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    pub(super) fn answered(&mut self, success: bool) {
        self.streak = if success { 0 } else { self.streak + 1 };
        self.tally.longest_streak = self.tally.longest_streak.max(self.streak);
    }

    /// The handler begins.
    pub(super) fn began(&mut self, ran: &Ran, now: Duration) {
        let (name, bytes) = &ran.content;
        let ever = self.ever.get(&(ran.entity, ran.content.clone()));
        let known = ever.is_some_and(|at| now < *at + REMEMBERED);
        let since = self.entities.entry(ran.entity).or_default();
        let again = since.bytes == *bytes && since.completed.contains(name);
        let between = since.by_attacker && since.bytes != *bytes;
        if since.bytes != *bytes {
            *since = Since {
                bytes: bytes.clone(),
                by_attacker: ran.origin == Origin::Attacker,
                ..Since::default()
            };
        }
        since.claimed.insert(name.clone());
        if ran.origin == Origin::Attacker {
            self.tally.attacker_runs += 1;
            self.tally.unknown += u64::from(!known);
            self.tally.alternated += u64::from(known && ran.once && between);
            if known && !ran.flagged {
                self.accuse(format!("a replay of {name} ran and was not flagged"));
            }
            if again && ran.once {
                self.accuse(format!(
                    "a replay of {name} ran again with nothing in between"
                ));
            }
        }
    }

    /// The handler did its work.
    pub(super) fn completed(&mut self, ran: &Ran, now: Duration) {
        let (name, bytes) = &ran.content;
        let what = (ran.entity, ran.content.clone());
        self.ever.insert(what, now);
        if let Some(since) = self.entities.get_mut(&ran.entity)
            && since.bytes == *bytes
        {
            since.completed.insert(name.clone());
        }
        if let Some(id) = &ran.id {
            let times = self.ids.entry(id.clone()).or_default();
            // Where a body is what counts, whoever has one may send it again when it is forgotten.
            if !ran.by_body || ran.origin == Origin::Honest {
                *times += 1;
            }
            let times = *times;
            if times > 1 {
                self.accuse(format!("{id} was completed {times} times"));
            }
        }
    }

    pub(super) fn is_completed(&self, id: &str) -> bool {
        self.ids.contains_key(id)
    }

    /// Whether this was the last thing that was claimed of the entity, and is done: the one ground on
    /// which an event with an id of its own may go without a run.
    pub(super) fn is_covered(&self, entity: usize, content: &Content) -> bool {
        self.entities
            .get(&entity)
            .is_some_and(|since| since.bytes == content.1 && since.completed.contains(&content.0))
    }
}
