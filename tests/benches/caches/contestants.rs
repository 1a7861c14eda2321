//! Who is compared, each with its default hasher.

use std::{convert::Infallible, time::Duration};

use countersign_core::{
    Claim, ClaimRequest, DedupStore, DeliveryKey, Fence, Fenced, MemoryStore, Owner, StoreErrorKind,
};
use countersign_testkit::ManualClock;
use dashmap::{DashMap, mapref::entry::Entry};
use futures_util::FutureExt;
use moka::policy::EvictionPolicy;

type Key = [u8; 32];

const LEASE: Duration = Duration::from_secs(30);

/// Something that may remember deliveries.
pub(crate) trait Contestant: Sync {
    fn claim(&self, key: Key) -> Answer;
    /// Sets a claimed key to done.
    fn complete(&self, key: Key, fence: u64);
    /// How many keys it holds.
    fn keys(&self) -> usize;
}

pub(crate) enum Answer {
    /// It is to be run, and to be completed with this number.
    Claimed(u64),
    Known,
    Refused,
}

/// A new one with room for so many keys; the clock is for who keeps time, else it is the machine's.
type New = fn(usize, Option<&ManualClock>) -> Box<dyn Contestant>;

pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) keeps: Keeps,
    /// Whether speed and size are measured; not of one that differs in how full it gets only.
    pub(crate) is_timed: bool,
    pub(crate) new: New,
}

/// What somebody keeps.
#[derive(Clone, Copy)]
pub(crate) enum Keeps {
    Everything,
    /// What it has room for.
    Room,
    /// Each key for as many seconds.
    Seconds(u64),
}

impl Keeps {
    /// Whether it is to know a duplicate that comes so many seconds later, in limited room.
    pub(crate) const fn is_tried_at(self, distance: u64) -> bool {
        match self {
            Self::Everything => false,
            Self::Room => true,
            Self::Seconds(seconds) => distance < seconds,
        }
    }

    /// Why it is not tried.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Everything => "unbounded",
            Self::Room => "",
            Self::Seconds(_) => "past its retention",
        }
    }
}

/// As long as there is room for, where one key comes a second.
const FITTING: u64 = 100_000;
const THREE_DAYS: u64 = 72 * 3_600;

pub(crate) const CONTESTANTS: [Kind; 9] = [
    Kind::new("MemoryStore", Keeps::Seconds(FITTING), |room, clock| {
        memory(room, clock, Duration::from_secs(FITTING))
    }),
    Kind::new(
        "MemoryStore, retention 72 h",
        Keeps::Seconds(THREE_DAYS),
        |room, clock| memory(room, clock, Duration::from_secs(THREE_DAYS)),
    )
    .not_timed(),
    Kind::new("scc::HashMap", Keeps::Everything, |_, _| {
        Box::new(SccMap::default())
    }),
    Kind::new("dashmap", Keeps::Everything, |_, _| {
        Box::new(Dash::default())
    }),
    Kind::new("moka, TinyLFU (its default)", Keeps::Room, |room, _| {
        moka(room, EvictionPolicy::tiny_lfu())
    }),
    Kind::new("moka, LRU", Keeps::Room, |room, _| {
        moka(room, EvictionPolicy::lru())
    }),
    Kind::new("quick_cache", Keeps::Room, |room, _| {
        Box::new(Quick::new(room))
    }),
    Kind::new("scc::HashCache", Keeps::Room, |room, _| {
        Box::new(SccCache::with_capacity(room, room))
    }),
    // It evicts before it has grown.
    Kind::new("scc::HashCache, begun empty", Keeps::Room, |room, _| {
        Box::new(SccCache::with_capacity(0, room))
    })
    .not_timed(),
];

impl Kind {
    const fn new(name: &'static str, keeps: Keeps, new: New) -> Self {
        Self {
            name,
            keeps,
            is_timed: true,
            new,
        }
    }

    const fn not_timed(mut self) -> Self {
        self.is_timed = false;
        self
    }
}

/// What the others hold under a key.
#[derive(Clone, Copy)]
enum State {
    InFlight,
    Done,
}

type SccMap = scc::HashMap<Key, State>;
type SccCache = scc::HashCache<Key, State>;
type Dash = DashMap<Key, State>;
type Moka = moka::sync::Cache<Key, State>;
type Quick = quick_cache::sync::Cache<Key, State>;

struct Memory {
    store: MemoryStore,
    retention: Duration,
}

fn memory(room: usize, clock: Option<&ManualClock>, retention: Duration) -> Box<dyn Contestant> {
    let mut builder = MemoryStore::builder().capacity(room);
    if let Some(clock) = clock {
        builder = builder.with_clock(clock.clone());
    }
    let store = builder.build();
    Box::new(Memory { store, retention })
}

fn moka(room: usize, policy: EvictionPolicy) -> Box<dyn Contestant> {
    let builder = Moka::builder().max_capacity(room as u64);
    Box::new(builder.eviction_policy(policy).build())
}

impl Contestant for Memory {
    fn claim(&self, key: Key) -> Answer {
        let key = DeliveryKey::from_bytes(key);
        let request = ClaimRequest::new(key, Owner::from_u128(1), LEASE);
        match self.store.claim(request).now_or_never().unwrap() {
            Ok(Claim::Claimed(claimed)) => Answer::Claimed(claimed.fence.as_u64()),
            Ok(_) => Answer::Known,
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Full);
                Answer::Refused
            }
        }
    }

    fn complete(&self, key: Key, fence: u64) {
        let (key, fence) = (DeliveryKey::from_bytes(key), Fence::from_u64(fence));
        let done = self.store.complete(&key, fence, self.retention);
        assert_eq!(done.now_or_never().unwrap().unwrap(), Fenced::Applied);
    }

    fn keys(&self) -> usize {
        self.store.len()
    }
}

impl Contestant for SccMap {
    fn claim(&self, key: Key) -> Answer {
        claimed_if(self.insert_sync(key, State::InFlight).is_ok())
    }

    fn complete(&self, key: Key, _: u64) {
        let _ = self.update_sync(&key, |_, state| *state = State::Done);
    }

    fn keys(&self) -> usize {
        self.len()
    }
}

impl Contestant for SccCache {
    fn claim(&self, key: Key) -> Answer {
        claimed_if(self.put_sync(key, State::InFlight).is_ok())
    }

    fn complete(&self, key: Key, _: u64) {
        if let Some(mut entry) = self.get_sync(&key) {
            *entry.get_mut() = State::Done;
        }
    }

    fn keys(&self) -> usize {
        self.len()
    }
}

impl Contestant for Dash {
    fn claim(&self, key: Key) -> Answer {
        match self.entry(key) {
            Entry::Occupied(_) => Answer::Known,
            Entry::Vacant(entry) => {
                entry.insert(State::InFlight);
                Answer::Claimed(0)
            }
        }
    }

    fn complete(&self, key: Key, _: u64) {
        self.insert(key, State::Done);
    }

    fn keys(&self) -> usize {
        self.len()
    }
}

impl Contestant for Moka {
    fn claim(&self, key: Key) -> Answer {
        claimed_if(self.entry(key).or_insert(State::InFlight).is_fresh())
    }

    fn complete(&self, key: Key, _: u64) {
        self.insert(key, State::Done);
    }

    fn keys(&self) -> usize {
        self.run_pending_tasks();
        usize::try_from(self.entry_count()).unwrap()
    }
}

impl Contestant for Quick {
    fn claim(&self, key: Key) -> Answer {
        let mut is_new = false;
        let insert = || {
            is_new = true;
            Ok::<_, Infallible>(State::InFlight)
        };
        let Ok(_) = self.get_or_insert_with(&key, insert);
        claimed_if(is_new)
    }

    fn complete(&self, key: Key, _: u64) {
        self.insert(key, State::Done);
    }

    fn keys(&self) -> usize {
        self.len()
    }
}

fn claimed_if(is_new: bool) -> Answer {
    if is_new {
        Answer::Claimed(0)
    } else {
        Answer::Known
    }
}
